"""Whatever stands in a rule file, the answer is a rule set or a RuleError with places."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyzer.errors import RuleError
from analyzer.resources import rules_directory
from analyzer.ruleset.load import load_rules, read_rules

SOURCES = sorted(rules_directory().glob("*.yaml"))
PLACE = re.compile(r"^[^\n:]+:\d+:\d+: [^\n]+")

quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def outcome_of(path: Path, content: bytes, *, extra: bool) -> None:
    path.write_bytes(content)
    problems: list[str] | None = None
    try:
        load_rules([path.parent]) if extra else read_rules(path.parent)
    except RuleError as error:
        problems = error.problems
    assert problems is None or problems
    for problem in problems or ():
        assert PLACE.match(problem), problem


@quick
@given(st.binary(max_size=200))
def test_any_bytes(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        outcome_of(Path(folder) / "ours.yaml", content, extra=True)


@quick
@given(st.text(alphabet="abid: -[]{}\n\t#&*!|>'\"%@`,?0", max_size=120))
def test_anything_that_looks_like_yaml(content: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        outcome_of(Path(folder) / "causes.yaml", content.encode(), extra=False)


@quick
@given(st.sampled_from(SOURCES), st.data())
def test_a_real_file_with_a_line_lost_doubled_or_shifted(source: Path, data: st.DataObject) -> None:
    lines = source.read_bytes().splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1))
    damage = data.draw(st.sampled_from(["lost", "doubled", "shifted", "cut"]))
    changed = {
        "lost": lines[:at] + lines[at + 1 :],
        "doubled": [*lines[:at], lines[at], *lines[at:]],
        "shifted": [*lines[:at], b"  " + lines[at], *lines[at + 1 :]],
        "cut": [*lines[:at], lines[at][: len(lines[at]) // 2]],
    }[damage]
    with tempfile.TemporaryDirectory() as folder:
        outcome_of(
            Path(folder) / source.name, b"".join(changed), extra=source.name not in {"fixes.yaml", "winsock.yaml"}
        )
