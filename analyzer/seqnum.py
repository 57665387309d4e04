"""Arithmetic on TCP sequence numbers, modulo 2**32 (RFC 9293 §3.4)."""

from __future__ import annotations

__all__ = ["MODULUS", "add", "before", "distance"]

MODULUS = 1 << 32
_MASK = MODULUS - 1
_HALF = 1 << 31


def add(seq: int, count: int) -> int:
    """Return ``seq + count`` modulo 2**32."""
    return (seq + count) & _MASK


def distance(start: int, end: int) -> int:
    """Return the signed distance from ``start`` to ``end``, in -2**31 .. 2**31 - 1."""
    diff = (end - start) & _MASK
    return diff - MODULUS if diff >= _HALF else diff


def before(left: int, right: int) -> bool:
    """Tell whether ``left`` comes strictly before ``right``."""
    return 0 < (right - left) & _MASK < _HALF
