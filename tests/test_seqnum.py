"""Arithmetic on sequence numbers at the wrap; the laws are in laws/test_seqnum_laws.py."""

from __future__ import annotations

import pytest

from analyzer.seqnum import MODULUS, add, before, distance


@pytest.mark.parametrize(
    ("start", "end", "apart"),
    [
        (0, 0, 0),
        (0xFFFFFFFF, 0, 1),
        (0, 0xFFFFFFFF, -1),
        (0xFFFFFF00, 0x100, 0x200),
        (0, 0x7FFFFFFF, 0x7FFFFFFF),
        (0, 0x80000000, -0x80000000),
    ],
)
def test_distance_takes_the_short_way_round(start: int, end: int, apart: int) -> None:
    assert distance(start, end) == apart


def test_addition_wraps() -> None:
    assert add(MODULUS - 1, 1) == 0
    assert add(5, MODULUS) == 5


def test_before_is_strict_and_crosses_the_wrap() -> None:
    assert before(0xFFFFFFF0, 0x10)
    assert not before(0x10, 0xFFFFFFF0)
    assert not before(7, 7)
