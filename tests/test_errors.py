"""Every failure that a user can cause is one of ours, and its text is what the user reads."""

from __future__ import annotations

import inspect

import pytest

from analyzer import errors
from analyzer.errors import InputError, NotconnError, OutputError, RuleError

TREE = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_every_exception_is_caught_by_the_base(kind: type[Exception]) -> None:
    assert issubclass(kind, NotconnError)
    assert kind.__name__ in errors.__all__


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_the_tree_in_the_docstring_is_the_tree_that_there_is(kind: type[Exception]) -> None:
    lines = [line for line in (errors.__doc__ or "").splitlines() if f" {kind.__name__} " in line]
    assert len(lines) == 1
    base = kind.__bases__[0]
    depth = 0 if base is Exception else 1 if base is NotconnError else 2
    before = lines[0].partition(kind.__name__)[0]
    assert before.count("──") == min(depth, 1)
    assert before.startswith("    │   ") == (base is InputError)


def test_bad_input_and_bad_output_are_told_apart() -> None:
    assert not issubclass(OutputError, InputError)


def test_a_rule_error_carries_every_problem() -> None:
    error = RuleError(["a.yaml:3: no such fact", "b.yaml:9: no such cause"])
    assert error.problems == ["a.yaml:3: no such fact", "b.yaml:9: no such cause"]
    assert str(error).splitlines() == error.problems
