"""The measurement itself: levels, halves and the page."""

from __future__ import annotations

from collections import Counter

import pytest

from analyzer.incidents.diagnose import HIGH, MEDIUM
from tests.accuracy import PAGE, Outcome, fit, main, measure, render
from tests.cases import SAMPLES


def outcome(score: float, *, right: bool, number: int = 0, level: str = "high") -> Outcome:
    cause = "server-reset"
    return Outcome("made", f"case-{number}", "with the log", cause, cause, right, right, right, None, score, level)


def test_a_threshold_is_the_lowest_score_that_keeps_its_promise() -> None:
    seen = [outcome(0.9, right=True) for _ in range(40)]
    seen += [outcome(0.7, right=number > 0) for number in range(5)]
    seen += [outcome(0.5, right=False) for _ in range(20)]
    high, medium = fit(seen)
    assert high == 0.7
    assert medium == 0.7
    seen += [outcome(0.7, right=False) for _ in range(2)]
    assert fit(seen) == (0.9, 0.9)


def test_too_few_verdicts_set_no_threshold() -> None:
    assert fit([outcome(0.9, right=True)] * 4) == (1.0, 1.0)


def test_halves_are_the_same_everywhere() -> None:
    halves = Counter(outcome(0.9, right=True, number=number).half for number in range(200))
    assert min(halves.values()) > 60


def test_the_page_counts_what_was_wrong() -> None:
    text = render([outcome(0.9, right=True, number=1), outcome(0.9, right=False, number=2)], Counter(made=3))
    assert "| made | 2 | 3 | 50 % | 0 |" in text
    assert "## What was taken for what" in text


def test_the_samples_keep_every_promise(capsys: pytest.CaptureFixture[str]) -> None:
    """Right in every verdict that is called high or medium, and none on a healthy connection."""
    assert main(["--print", "--jobs", "1", str(SAMPLES)]) == 0
    assert "| samples |" in capsys.readouterr().out
    outcomes, healthy = measure([SAMPLES])
    assert not [one for one in outcomes if one.cause == "healthy"]
    assert healthy["samples"] >= 3


def test_the_written_page_names_the_thresholds_in_use() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert f"high from a score of {HIGH:.2f}" in page
    assert f"medium from {MEDIUM:.2f}" in page
