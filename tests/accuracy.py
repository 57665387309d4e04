"""How right the verdicts are, and how far their confidence can be trusted: ``python -m tests.accuracy [FOLDER...]``.

Without folders the samples are measured and, where they are, the recorded captures beside the checkout. A folder holds
cases with ``expected.json`` or ``label.json``. Each case is analysed with its log and without, and its verdict is
right when it names the labelled cause, a finer one, the one it refines, or one that the label calls arguable. An
incident on a healthy connection is wrong at the level it claims. ``docs/confidence.md`` is written unless ``--print``
is given.

The thresholds between the words are also fitted here, on one half of the cases, and judged on the other.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from analyzer.incidents.diagnose import HIGH, MEDIUM
from analyzer.report.model import IncidentReport
from tests.cases import SAMPLES, Case, ask, labelled, samples

__all__ = ["Outcome", "fit", "main", "measure", "render"]

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "confidence.md"
PROMISED = {"high": 0.95, "medium": 0.75}
MODES = ("with the log", "without it")
_LEAST_CASES = 5
"""Fewer verdicts say nothing about a threshold."""


_INTRODUCTION = """\
# How far a verdict can be trusted

This page is measured and written by `python -m tests.accuracy`; do not edit it.

**high** promises to be right at least {promised_high} of the times, **medium** at least {promised_medium}; **low** is a
lead. A verdict is called high from a score of {high:.2f} and medium from {medium:.2f}. Whatever a rule says, a score is
capped where the capture saw one direction only, lost packets or began late, and where the log's clock could not be tied
to a packet.

Right means: the labelled cause, a finer one, the one it refines, or one that the label calls arguable from this
vantage. An incident on a healthy connection is wrong at the level it claims. A missed incident has no level.

`samples` comes with the project. The other folders are recorded in network labs with real kernel TCP, one case a
capture; the rules were written with them in view, so expect less of captures from the field.
"""
_ON_HALVES = """\
The cases are halved by a checksum of their names. On one half the lowest scores are sought from which the promise is
kept; what they would have promised on the other half stands beside what the thresholds in use promise there.
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One verdict held against its label."""

    source: str
    case: str
    mode: str
    cause: str
    """The labelled cause; ``healthy`` for an incident where nothing was wrong."""
    told: str | None
    """The verdict's cause; None when the incident was missed."""
    right: bool
    strict: bool
    second: bool
    """Right, or right in its first alternative."""
    culprit: bool | None
    score: float
    level: str

    @property
    def half(self) -> int:
        """0 or 1: which half of the cases it belongs to, the same on every machine."""
        return zlib.crc32(f"{self.source}/{self.case}".encode()) & 1


def _cases(folder: Path) -> list[Case]:
    if folder == SAMPLES:
        return samples()
    return list(labelled(folder))


def _judged(source: str, cases: Sequence[Case]) -> list[Outcome]:
    """The outcomes of one capture, whose labels are ``cases``."""
    outcomes: list[Outcome] = []
    for mode in MODES:
        with_log = mode == MODES[0]
        report = ask(cases[0].capture, cases[0].log if with_log else None)
        answers: list[IncidentReport] = []
        told = {incident.stream for incident in report.incidents}
        # An answer on the label's own stream is that label's before it may stand for a related one.
        for one in sorted(cases, key=lambda one: one.stream is None or one.stream not in told):
            if one.cause is None or (one.needs_log and not with_log):
                continue
            found = one.judge([incident for incident in report.incidents if incident not in answers])
            outcomes.append(_outcome(source, one, mode, found.incident))
            if found.incident is not None:
                answers.append(found.incident)
        first = cases[0]
        for incident in report.incidents:
            loose = first.cause is None or (incident.stream is not None and incident.stream in first.healthy)
            if loose and incident not in answers:
                told = (incident.cause, False, False, False, None, incident.score, incident.confidence)
                outcomes.append(Outcome(source, first.name, mode, "healthy", *told))
    return outcomes


def _outcome(source: str, one: Case, mode: str, incident: IncidentReport | None) -> Outcome:
    cause = one.cause or "healthy"
    if incident is None:
        return Outcome(source, one.name, mode, cause, None, False, False, False, None, 0.0, "none")
    right = one.is_right(incident.cause)
    second = right or any(one.is_right(other.cause) for other in incident.alternatives[:1])
    culprit = None if one.culprit is None or incident.culprit == "unknown" else incident.culprit == one.culprit
    told = (incident.cause, right, incident.cause == cause, second, culprit, incident.score, incident.confidence)
    return Outcome(source, one.name, mode, cause, *told)


def measure(folders: Iterable[Path], *, jobs: int = 1) -> tuple[list[Outcome], Counter[str]]:
    """Every outcome of the folders, and how many captures were healthy throughout, by folder name."""
    work: list[tuple[str, list[Case]]] = []
    healthy: Counter[str] = Counter()
    for folder in folders:
        for _, group in groupby(_cases(folder), key=lambda one: one.folder):
            cases = list(group)
            work.append((folder.name, cases))
            healthy[folder.name] += all(one.cause is None for one in cases)
    names, groups = [source for source, _ in work], [cases for _, cases in work]
    if jobs == 1:
        parts: Iterable[list[Outcome]] = map(_judged, names, groups)
        return [one for part in parts for one in part], healthy
    with ProcessPoolExecutor(jobs) as pool:
        return [one for part in pool.map(_judged, names, groups, chunksize=8) for one in part], healthy


# -- numbers -----------------------------------------------------------------------------------------------------------


def _share(outcomes: Sequence[Outcome]) -> float:
    return sum(one.right for one in outcomes) / len(outcomes) if outcomes else math.nan


def _least(right: int, of: int) -> float:
    """The lower end of Wilson's 95 % interval."""
    if not of:
        return 0.0
    z = 1.96
    share = right / of
    middle = share + z * z / (2 * of)
    spread = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (middle - spread) / (1 + z * z / of)


def fit(outcomes: Sequence[Outcome]) -> tuple[float, float]:
    """The lowest scores from which *high* and *medium* keep their promise; 1.0 where none does."""
    told = [one for one in outcomes if one.told is not None]
    high = _lowest(told, 1.01, PROMISED["high"])
    return high, _lowest(told, high, PROMISED["medium"])


def _lowest(told: Sequence[Outcome], below: float, promised: float) -> float:
    best = min(below, 1.0)
    inside = [one for one in told if one.score < below]
    for threshold in sorted({one.score for one in inside}, reverse=True):
        chosen = [one for one in inside if one.score >= threshold]
        if len(chosen) >= _LEAST_CASES and _share(chosen) >= promised:
            best = threshold
    return best


def _brier(outcomes: Sequence[Outcome]) -> float:
    told = [one for one in outcomes if one.told is not None]
    return sum((one.score - one.right) ** 2 for one in told) / len(told) if told else math.nan


# -- the page ----------------------------------------------------------------------------------------------------------


def _percent(part: float) -> str:
    return "–" if math.isnan(part) else f"{100 * part:.0f} %"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "| --- |" + " ---: |" * (len(head) - 1)
    for row in rows:
        yield "| " + " | ".join(str(cell) for cell in row) + " |"
    yield ""


def render(outcomes: Sequence[Outcome], healthy: Counter[str]) -> str:
    """The page of docs/confidence.md."""
    lines = [
        _INTRODUCTION.format(
            promised_high=_percent(PROMISED["high"]),
            promised_medium=_percent(PROMISED["medium"]),
            high=HIGH,
            medium=MEDIUM,
        ),
        *_data(outcomes, healthy),
        *_levels(outcomes),
        *_halves(outcomes),
        *_scores(outcomes),
        *_causes(outcomes),
        *_confusions(outcomes),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _data(outcomes: Sequence[Outcome], healthy: Counter[str]) -> Iterator[str]:
    yield "## Measured on"
    yield ""
    rows = []
    for source, quiet in healthy.items():
        own = [one for one in outcomes if one.source == source]
        guilty = {one.case for one in own if one.cause != "healthy"}
        row: list[object] = [source, len(guilty), quiet]
        for mode in MODES:
            part = [one for one in own if one.mode == mode]
            row.append(_percent(_share([one for one in part if one.cause != "healthy"])))
            row.append(sum(one.cause == "healthy" for one in part))
        rows.append(row)
    heads = ("captures", "incidents", "healthy", "right with log", "false with log", "right without", "false without")
    yield from _table(heads, rows)
    for mode in MODES:
        part = [one for one in outcomes if one.mode == mode and one.cause != "healthy"]
        blame = [one.culprit for one in part if one.culprit is not None]
        if not part:
            continue
        strict, second = (sum(flags) / len(part) for flags in ([o.strict for o in part], [o.second for o in part]))
        yield (
            f"- {mode}: {_percent(_share(part))} right, {_percent(strict)} by the strict label, {_percent(second)} "
            f"among the first two; {sum(one.told is None for one in part)} of {len(part)} missed; who is to blame as "
            f"labelled in {_percent(sum(blame) / len(blame) if blame else math.nan)}; Brier score {_brier(part):.3f}"
        )
    yield ""


def _levels(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield "## By level"
    yield ""
    rows = []
    for level in ("high", "medium", "low"):
        for mode in MODES:
            part = [one for one in outcomes if one.level == level and one.mode == mode]
            right = sum(one.right for one in part)
            promise = _percent(PROMISED[level]) if level in PROMISED else "none"
            least = _percent(_least(right, len(part))) if part else "–"
            rows.append((level, mode, len(part), right, _percent(_share(part)), least, promise))
    yield from _table(("level", "", "verdicts", "right", "share", "at least (95 % sure)", "promised"), rows)


def _halves(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield "## Thresholds fitted on one half, judged on the other"
    yield ""
    yield _ON_HALVES
    rows = []
    for half in (0, 1):
        seen = [one for one in outcomes if one.half == half]
        unseen = [one for one in outcomes if one.half != half and one.told is not None]
        for name, (high, medium) in (("fitted", fit(seen)), ("in use", (HIGH, MEDIUM))):
            top = [one for one in unseen if one.score >= high]
            middle = [one for one in unseen if medium <= one.score < high]
            shares = (f"{_percent(_share(top))} of {len(top)}", f"{_percent(_share(middle))} of {len(middle)}")
            rows.append((f"{'first' if half == 0 else 'second'}, {name}", f"{high:.2f}", f"{medium:.2f}", *shares))
    yield from _table(("fitted on", "high from", "medium from", "other half: high right", "medium right"), rows)


def _scores(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield "## By score"
    yield ""
    bins: dict[int, list[Outcome]] = defaultdict(list)
    for one in outcomes:
        if one.told is not None:
            bins[min(19, int(one.score * 20 + 1e-9))].append(one)
    rows = [
        (f"{number / 20:.2f} to {(number + 1) / 20:.2f}", len(part), _percent(_share(part)))
        for number, part in sorted(bins.items(), reverse=True)
    ]
    yield from _table(("score", "verdicts", "right"), rows)


def _causes(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield "## By cause"
    yield ""
    rows = []
    for cause in sorted({one.cause for one in outcomes} - {"healthy"}):
        row: list[object] = [f"`{cause}`"]
        for mode in MODES:
            part = [one for one in outcomes if one.cause == cause and one.mode == mode]
            told = [one.score for one in part if one.right]
            row += [len(part), _percent(_share(part)), f"{sum(told) / len(told):.2f}" if told else "–"]
        rows.append(row)
    heads = ("cause", "with log", "right", "mean score", "without", "right", "mean score")
    yield from _table(heads, rows)


def _confusions(outcomes: Sequence[Outcome]) -> Iterator[str]:
    wrong = Counter((one.cause, one.told or "(missed)", one.level) for one in outcomes if not one.right)
    if not wrong:
        return
    yield "## What was taken for what"
    yield ""
    rows = [(f"`{cause}`", f"`{told}`", level, count) for (cause, told, level), count in wrong.most_common(40)]
    yield from _table(("labelled", "told", "level", "times"), rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write the page; 1 when a level does not keep its promise."""
    parser = argparse.ArgumentParser(prog="python -m tests.accuracy", description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="folders of labelled cases")
    parser.add_argument("--print", action="store_true", help="write the page to standard output only")
    parser.add_argument("--wrong", action="store_true", help="list every wrong verdict on standard error")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: all cores)")
    options = parser.parse_args(arguments)
    folders = [folder.resolve() for folder in options.folders]
    if not folders:
        beside = Path(os.environ.get("NOTCONN_SHARED", ROOT.parent / "shared")) / "captures"
        folders = [SAMPLES, *([beside] if beside.is_dir() else [])]
    outcomes, healthy = measure(folders, jobs=options.jobs)
    if options.wrong:
        for one in outcomes:
            if not one.right:
                told = f"{one.told} {one.score:.2f} {one.level}"
                print(f"{one.source}/{one.case} {one.mode}: {one.cause} told as {told}", file=sys.stderr)
    page = render(outcomes, healthy)
    if options.print:
        print(page, end="")
    else:
        PAGE.write_text(page, encoding="utf-8")
        print(f"{len(outcomes)} verdicts measured, written to {PAGE.relative_to(ROOT)}")
    kept = [
        _share(part) >= promised
        for level, promised in PROMISED.items()
        if (part := [one for one in outcomes if one.level == level])
    ]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
