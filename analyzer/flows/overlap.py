# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""A half that begins, right of a seam, behind what came before it (compiled).

Reading in one go would have held its first segments against the numbers left of the seam. What that changes is made
good here from the segments that are kept; what cannot be made good is counted as a doubt.
"""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.columns import LOW32, SHAPE_LENGTH, SHAPE_LENGTH_MAX
from cython.cimports.analyzer.flows.chunks import chunk_after, side_of
from cython.cimports.analyzer.flows.coverage import cold_of
from cython.cimports.analyzer.flows.distance import distance
from cython.cimports.analyzer.flows.layout import (
    C_KEEP,
    C_KEEP_BYTES,
    C_PEAK,
    C_PIECES,
    C_STRIDE,
    G_SEGMENTS,
    G_SEQACK,
    G_SHAPE,
    G_STRIDE,
    G_WORDS,
    H_BASE,
    H_FLAGS,
    H_NEXT,
    H_TOP_END,
    HF_COLD,
    HF_OVERFLOW,
    HF_TOP,
    KEEP_ALL,
    KEEP_FIRST,
    KEEP_RANGES,
    M_DOUBTS,
    S_CHUNKS,
    S_COUNT,
    WILD,
)

__all__ = ["probes_behind", "too_many_pieces"]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def too_many_pieces(
    tally: cython.longlong[::1],
    h: cython.Py_ssize_t,
    cold: cython.longlong[::1],
    state: cython.longlong[::1],
    other: cython.longlong[::1],
    o: cython.Py_ssize_t,
    other_cold: cython.longlong[::1],
    shift: cython.longlong,
) -> cython.void:
    """Tell whether there were too many pieces of sequence space at any time; ``shift`` is where the right one begins.

    The pieces of both sides add up while the right one stays above all of the left one's.
    """
    flags: cython.longlong = tally[h + H_FLAGS]
    others: cython.longlong = other[o + H_FLAGS]
    lowest: cython.longlong = shift + (other[o + H_BASE] >> 32)
    most: cython.longlong = 0
    if tally[h + H_NEXT] - lowest >= WILD:
        state[M_DOUBTS] += 1
    if flags & HF_OVERFLOW or not flags & HF_TOP:
        return
    if others & HF_OVERFLOW:
        most = KEEP_RANGES + 1
    elif others >> HF_COLD:
        most = other_cold[((others >> HF_COLD) - 1) * C_STRIDE + C_PEAK]
    if flags >> HF_COLD:
        most += cold[((flags >> HF_COLD) - 1) * C_STRIDE + C_PIECES]
    if most < KEEP_RANGES:
        return
    if most > KEEP_RANGES and lowest >= tally[h + H_TOP_END]:
        tally[h + H_FLAGS] |= HF_OVERFLOW
    else:
        state[M_DOUBTS] += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def probes_behind(
    tally: cython.longlong[::1],
    h: cython.Py_ssize_t,
    cold: cython.longlong[::1],
    state: cython.longlong[::1],
    behind: cython.longlong,
    other_kept: cython.longlong[::1],
    s: cython.Py_ssize_t,
    other_pool: cython.longlong[::1],
    side: cython.longlong,
) -> cython.void:
    """Count the keepalives of a half that begins ``behind`` numbers (two or more) below the left one's next number.

    Until the half has caught up, only what lies right below that number is one.
    """
    n: cython.longlong = other_kept[s + S_COUNT]
    chunk: cython.Py_ssize_t = other_kept[s + S_CHUNKS] & LOW32
    slot: cython.Py_ssize_t = 0
    i: cython.longlong = 0
    g: cython.Py_ssize_t
    c: cython.Py_ssize_t
    shape: cython.longlong
    length: cython.longlong
    seq: cython.longlong
    at: cython.longlong
    base: cython.longlong = 0
    following: cython.longlong = 0
    started: cython.bint = False
    change: cython.longlong
    if n > KEEP_ALL:
        n = KEEP_FIRST
    while i < n:
        g = chunk * G_STRIDE + 1 + slot * G_WORDS
        shape = other_pool[g + G_SHAPE]
        length = shape >> SHAPE_LENGTH
        if side_of(shape) == side and not shape & 4:
            seq = other_pool[g + G_SEQACK] & LOW32
            at = 1 if shape & 2 else 0
            if not started:
                started = True
                base = seq
                following = at
            else:
                at = following + distance(base + following, seq + at)
                if length <= 1 and not shape & 3:
                    change = (1 if at == behind - 1 else 0) - (1 if at == following - 1 else 0)
                    if change:
                        c = cold_of(tally, h, cold, state)
                        cold[c + C_KEEP] += change
                        cold[c + C_KEEP_BYTES] += change * length
            following = max(following, at + length + (shape & 1))
            if length == SHAPE_LENGTH_MAX:
                break
            if following >= behind:
                return
        slot += 1
        if slot == G_SEGMENTS:
            slot = 0
            chunk = chunk_after(other_pool, chunk)
        i += 1
    if i < other_kept[s + S_COUNT]:
        state[M_DOUBTS] += 1
