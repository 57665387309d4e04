# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""What few halves need: pieces of sequence space below the highest one, and TTLs beside the first (compiled).

They live in a *cold* record that a half gets when it needs one.
"""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.columns import LOW48
from cython.cimports.analyzer.flows.layout import (
    C_PEAK,
    C_PIECE,
    C_PIECES,
    C_STRIDE,
    C_TTL,
    H_FLAGS,
    H_TOP,
    H_TOP_END,
    HF_COLD,
    HF_OVERFLOW,
    HF_TOP,
    HF_TTL_OVERFLOW,
    KEEP_RANGES,
    KEEP_TTLS,
    M_COLD,
)

__all__ = ["add_piece", "add_ttl", "cold_of"]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def cold_of(
    tally: cython.longlong[::1], h: cython.Py_ssize_t, cold: cython.longlong[::1], state: cython.longlong[::1]
) -> cython.Py_ssize_t:
    """Return the offset of the half's cold record, made when missing."""
    c: cython.Py_ssize_t = tally[h + H_FLAGS] >> HF_COLD
    if c == 0:
        state[M_COLD] += 1
        c = state[M_COLD]
        tally[h + H_FLAGS] |= cython.cast(cython.longlong, c) << HF_COLD
    return (c - 1) * C_STRIDE


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def add_piece(
    tally: cython.longlong[::1],
    h: cython.Py_ssize_t,
    cold: cython.longlong[::1],
    state: cython.longlong[::1],
    start: cython.longlong,
    end: cython.longlong,
) -> cython.void:
    """Add [start, end) to the coverage, counted from H_BASE."""
    c: cython.Py_ssize_t
    n: cython.longlong
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    k: cython.Py_ssize_t
    if tally[h + H_FLAGS] & HF_OVERFLOW:
        return
    if not tally[h + H_FLAGS] & HF_TOP:
        tally[h + H_FLAGS] |= HF_TOP
        tally[h + H_TOP] = start
        tally[h + H_TOP_END] = end
        return
    if start >= tally[h + H_TOP] and start <= tally[h + H_TOP_END]:
        if end > tally[h + H_TOP_END]:
            tally[h + H_TOP_END] = end
        return
    c = cold_of(tally, h, cold, state)
    n = cold[c + C_PIECES]
    if start > tally[h + H_TOP_END]:
        if n == KEEP_RANGES:
            tally[h + H_FLAGS] |= HF_OVERFLOW
            return
        cold[c + C_PIECE + 2 * n] = tally[h + H_TOP]
        cold[c + C_PIECE + 2 * n + 1] = tally[h + H_TOP_END]
        cold[c + C_PIECES] = n + 1
        if n + 1 > cold[c + C_PEAK]:
            cold[c + C_PEAK] = n + 1
        tally[h + H_TOP] = start
        tally[h + H_TOP_END] = end
        return
    # Below the top: swallow what it touches, from piece i up to before piece j.
    i = 0
    while i < n and cold[c + C_PIECE + 2 * i + 1] < start:
        i += 1
    j = i
    while j < n and cold[c + C_PIECE + 2 * j] <= end:
        if cold[c + C_PIECE + 2 * j] < start:
            start = cold[c + C_PIECE + 2 * j]
        if cold[c + C_PIECE + 2 * j + 1] > end:
            end = cold[c + C_PIECE + 2 * j + 1]
        j += 1
    if end >= tally[h + H_TOP]:
        tally[h + H_TOP] = start
        if end > tally[h + H_TOP_END]:
            tally[h + H_TOP_END] = end
        cold[c + C_PIECES] = i
        return
    if i == j:
        if n == KEEP_RANGES:
            tally[h + H_FLAGS] |= HF_OVERFLOW
            return
        for k in range(n, i, -1):
            cold[c + C_PIECE + 2 * k] = cold[c + C_PIECE + 2 * k - 2]
            cold[c + C_PIECE + 2 * k + 1] = cold[c + C_PIECE + 2 * k - 1]
        n += 1
    else:
        for k in range(j, n):
            cold[c + C_PIECE + 2 * (i + 1 + k - j)] = cold[c + C_PIECE + 2 * k]
            cold[c + C_PIECE + 2 * (i + 1 + k - j) + 1] = cold[c + C_PIECE + 2 * k + 1]
        n -= j - i - 1
    cold[c + C_PIECE + 2 * i] = start
    cold[c + C_PIECE + 2 * i + 1] = end
    cold[c + C_PIECES] = n
    if n > cold[c + C_PEAK]:
        cold[c + C_PEAK] = n


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def add_ttl(
    tally: cython.longlong[::1],
    h: cython.Py_ssize_t,
    cold: cython.longlong[::1],
    state: cython.longlong[::1],
    ttl: cython.longlong,
    count: cython.longlong,
) -> cython.void:
    """Count packets with a TTL other than the half's first."""
    c: cython.Py_ssize_t = cold_of(tally, h, cold, state)
    i: cython.Py_ssize_t
    for i in range(c + C_TTL, c + C_TTL + KEEP_TTLS):
        if cold[i] == 0 or cold[i] >> 48 == ttl:
            cold[i] = (ttl << 48) + (cold[i] & LOW48) + count
            return
    tally[h + H_FLAGS] |= HF_TTL_OVERFLOW
