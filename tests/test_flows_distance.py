"""Distances between sequence numbers, as the passes over a digest measure them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer import seqnum
from analyzer.flows.distance import distance


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(5, 9, 4), (9, 5, -4), (2**32 - 1, 0, 1), (0, 2**32 - 1, -1), (0, 2**31, -(2**31)), (0, 2**31 - 1, 2**31 - 1)],
)
def test_it_is_signed_and_wraps(start: int, end: int, expected: int) -> None:
    assert distance(start, end) == expected


@given(st.integers(0, 2**32 - 1), st.integers(1 - 2**31, 2**31 - 1))
def test_it_agrees_with_the_arithmetic_of_flows(start: int, by: int) -> None:
    end = seqnum.add(start, by)
    assert distance(start, end) == by
    assert seqnum.before(start, end) is (by > 0)
