"""Which rules have proven themselves: ``python -m tests.standing [FOLDER...] [--write]``.

A rule is *stable* when it decided at least two labelled cases, was wrong in none, in which it led the verdict or fell on
a healthy connection, and decides a sample that comes with the project; otherwise it is a *draft*. Folders are those of
`tests.accuracy`; ``--write`` sets the status of each rule in ``rules/``. `tests/test_standing.py` holds what is stable
to it.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from analyzer.pipeline import Examined, Question, examine, report_of
from analyzer.report.model import IncidentReport
from tests.cases import SAMPLES, Case, labelled, samples

__all__ = ["LEAST_CASES", "Standing", "main", "measure"]

RULES = Path(__file__).resolve().parent.parent / "rules"
LEAST_CASES = 2


@dataclass(slots=True)
class Standing:
    """What one rule decided."""

    right: set[str] = field(default_factory=set)
    wrong: set[str] = field(default_factory=set)

    @property
    def proven(self) -> bool:
        """Enough cases, none of them wrong."""
        return len(self.right) >= LEAST_CASES and not self.wrong


def _deciding(examined: Examined, incident: IncidentReport) -> str | None:
    match = examined.incident(incident.id)[1].diagnosis.match
    return match.rule.id if match is not None else None


def measure(folders: Iterable[Path]) -> dict[str, Standing]:
    """Return what each rule decided in the folders' cases, with the log and without."""
    found: dict[str, Standing] = defaultdict(Standing)
    for folder in folders:
        every = samples() if folder == SAMPLES else list(labelled(folder))
        for _, group in groupby(every, key=lambda one: one.folder):
            cases = list(group)
            for with_log in (True, False):
                _take(found, folder.name, cases, with_log=with_log)
    return found


def _take(found: dict[str, Standing], source: str, cases: Sequence[Case], *, with_log: bool) -> None:
    first = cases[0]
    examined = examine(Question([str(first.capture)], [str(first.log)] if with_log else [], hash_files=False))
    incidents = report_of(examined).incidents
    name = f"{source}/{first.folder.name}"
    told: dict[str, bool] = {}
    for one in cases:
        if one.needs_log and not with_log:
            continue
        verdict = one.judge(incidents)
        answers = [(verdict.incident, verdict.right), *((false, False) for false in verdict.false)]
        for incident, right in answers:
            if incident is not None:
                # What answers one label is no wrong answer to another of the same capture.
                told[incident.id] = right or told.get(incident.id, False)
    for incident in incidents:
        rule = _deciding(examined, incident) if incident.id in told else None
        if rule is not None:
            (found[rule].right if told[incident.id] else found[rule].wrong).add(name)


def _write(stable: set[str]) -> int:
    changed = 0
    for path in sorted(RULES.glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        new = re.sub(
            r"(?m)^(  - id: ([a-z0-9-]+)\n    status: )(?:draft|stable)$",
            lambda match: match[1] + ("stable" if match[2] in stable else "draft"),
            text,
        )
        if new != text:
            path.write_text(new, encoding="utf-8")
            changed += 1
    return changed


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what each rule decided; 1 when a rule was wrong somewhere."""
    parser = argparse.ArgumentParser(prog="python -m tests.standing", description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="folders of labelled cases")
    parser.add_argument("--write", action="store_true", help="set the status of every rule")
    options = parser.parse_args(arguments)
    own = measure([SAMPLES])
    every = measure([SAMPLES, *(folder.resolve() for folder in options.folders)])
    stable = {rule for rule, standing in every.items() if standing.proven and own[rule].right}
    for rule, standing in sorted(every.items()):
        word = "stable" if rule in stable else "draft"
        print(f"{rule:45} {word:6} right in {len(standing.right):3}, wrong in {', '.join(sorted(standing.wrong)) or 'none'}")
    if options.write:
        print(f"{_write(stable)} files changed; run python -m analyzer.ruleset.docs", file=sys.stderr)
    return int(any(standing.wrong for standing in every.values()))


if __name__ == "__main__":
    sys.exit(main())
