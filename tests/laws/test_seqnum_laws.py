"""Laws of sequence numbers (RFC 9293 §3.4): a circle on which near numbers behave like integers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from analyzer.seqnum import MODULUS, add, before, distance

numbers = st.integers(0, MODULUS - 1)
steps = st.integers(-(2**31), 2**31 - 1)


@given(numbers, steps)
def test_distance_undoes_addition(start: int, step: int) -> None:
    assert 0 <= add(start, step) < MODULUS
    assert distance(start, add(start, step)) == step


@given(numbers, numbers)
def test_addition_undoes_distance(start: int, end: int) -> None:
    assert add(start, distance(start, end)) == end


@given(numbers, numbers, steps)
def test_turning_the_circle_changes_no_distance(start: int, end: int, turn: int) -> None:
    assert distance(add(start, turn), add(end, turn)) == distance(start, end)


@given(numbers, numbers)
def test_one_comes_before_the_other_or_they_are_equal(left: int, right: int) -> None:
    if distance(left, right) != -(2**31):
        assert before(left, right) + before(right, left) + (left == right) == 1


@given(numbers, st.integers(0, 2**30 - 1), st.integers(0, 2**30))
def test_order_is_transitive_within_a_window(start: int, first: int, second: int) -> None:
    middle, end = add(start, first), add(start, first + second)
    assert distance(start, middle) + distance(middle, end) == distance(start, end)
