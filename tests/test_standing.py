"""A rule that is called stable has earned it and goes on earning it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from analyzer.ruleset.load import load_rules
from tests.cases import SAMPLES
from tests.standing import LEAST_CASES, Standing, measure

STABLE = sorted(rule.id for rule in load_rules().rules if rule.status == "stable")


@cache
def own() -> dict[str, Standing]:
    """What each rule decides of the samples."""
    return measure([SAMPLES])


def test_there_are_stable_rules() -> None:
    assert len(STABLE) > 30


@pytest.mark.parametrize("rule", STABLE)
def test_a_stable_rule_decides_a_sample_and_errs_on_none(rule: str) -> None:
    assert own()[rule].right
    assert not own()[rule].wrong


@pytest.mark.parametrize("rule", STABLE)
def test_the_cause_of_a_stable_rule_names_a_sample_and_look_alikes(rule: str) -> None:
    rules = load_rules()
    cause = next(one.cause for one in rules.rules if one.id == rule)
    cited = rules.knowledge(cause)
    assert cited.match
    assert cited.must_not
    assert cited.look_alikes


def test_a_stable_rule_errs_on_no_recorded_capture(shared: Path) -> None:
    found = measure([shared / "captures"])
    assert {rule: found[rule].wrong for rule in STABLE if rule in found and found[rule].wrong} == {}


def test_two_right_cases_prove_a_rule_and_one_wrong_case_does_not() -> None:
    cases = {f"lab/{number}" for number in range(LEAST_CASES)}
    assert Standing(cases, set()).proven
    assert not Standing(cases, {"lab/9"}).proven
    assert not Standing(set(list(cases)[1:]), set()).proven
