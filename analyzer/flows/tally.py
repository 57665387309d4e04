# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""Counters, times and sequence space of each half (compiled).

What happens to nearly every segment is done here; the rest is left to ``sequence`` and ``coverage``, because a
function of another module takes its arrays whole, which is slow. Resets carry arbitrary numbers and are not tracked.
The letters of the history are Zeek's.
"""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.ahead import fetch
from cython.cimports.analyzer.decode.columns import (
    AHEAD,
    BIT31,
    BIT_CUT,
    BIT_SIDE,
    LOW32,
    ROW_BITS,
    ROW_HOP,
    ROW_LENGTH,
    ROW_OPTIONS,
    ROW_REF,
    ROW_SEQACK,
    ROW_SHAPE,
    ROW_STRIDE,
    ROW_TS,
)
from cython.cimports.analyzer.flows.coverage import add_ttl, cold_of
from cython.cimports.analyzer.flows.layout import (
    C_STRIDE,
    C_UNTRACKED,
    C_ZERO,
    COUNT_LIMIT,
    COUNT_ONE_FIN,
    COUNT_ONE_RST,
    H_ACK,
    H_BASE,
    H_BYTES,
    H_COUNTS,
    H_FIRST_NS,
    H_FIRST_REF,
    H_FLAGS,
    H_LAST_NS,
    H_LAST_REF,
    H_MISC,
    H_NEXT,
    H_PACKETS,
    H_STRIDE,
    H_TOP_END,
    HF_ACKED,
    HF_LEAD,
    HF_OVERFLOW,
    HF_STARTED,
    HF_TOP,
    HF_TTL,
    HF_TTL_SHIFT,
    M_COLD,
    T_BITS,
    T_HALVES,
    T_HISTORY,
    T_STRIDE,
    TB_LAST_HIGH,
    TB_STARTED,
    TB_STEPS,
    WILD,
)
from cython.cimports.analyzer.flows.sequence import track

__all__ = ["update"]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _count_flags(
    tally: cython.longlong[::1], h: cython.Py_ssize_t, flags: cython.longlong, bits: cython.longlong
) -> cython.void:
    counts: cython.longlong = tally[h + H_COUNTS]
    if flags & 2 and counts & COUNT_LIMIT != COUNT_LIMIT:
        counts += 1
    if flags & 1 and (counts >> COUNT_ONE_FIN) & COUNT_LIMIT != COUNT_LIMIT:
        counts += cython.cast(cython.longlong, 1) << COUNT_ONE_FIN
    if flags & 4 and (counts >> COUNT_ONE_RST) & COUNT_LIMIT != COUNT_LIMIT:
        counts += cython.cast(cython.longlong, 1) << COUNT_ONE_RST
    tally[h + H_COUNTS] = counts
    if bits & BIT_CUT:
        tally[h + H_MISC] += cython.cast(cython.longlong, 1) << 32


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _note_letters(
    tally: cython.longlong[::1],
    t: cython.Py_ssize_t,
    side: cython.longlong,
    flags: cython.longlong,
    length: cython.longlong,
    window: cython.longlong,
) -> cython.void:
    """Add to the history the letters S, H, A, D, F, R, W (0 to 6) that this half had not shown."""
    letters: cython.longlong = 0
    letter: cython.longlong
    shift: cython.longlong = 0
    if flags & 2:
        letters = 2 if flags & 16 else 1
    elif flags & 21 == 16 and length == 0:
        letters = 4
    if length:
        letters |= 8
    if flags & 1:
        letters |= 16
    if flags & 4:
        letters |= 32
    if window == 0 and not flags & 6:
        letters |= 64
    letters = letters & ~(tally[t + T_BITS] >> (7 * side))
    if letters & 127:
        while (tally[t + T_HISTORY] >> shift) & 15:
            shift += 4
        for letter in range(7):
            if letters >> letter & 1:
                tally[t + T_HISTORY] |= (letter * 2 + side + 1) << shift
                tally[t + T_BITS] |= cython.cast(cython.longlong, 1) << (letter + 7 * side)
                shift += 4


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _follow(
    tally: cython.longlong[::1],
    h: cython.Py_ssize_t,
    seq: cython.longlong,
    ack: cython.longlong,
    length: cython.longlong,
) -> cython.bint:
    """Follow a segment that goes on where the half stands and acknowledges nothing odd; False, and untouched, otherwise."""
    ahead: cython.longlong
    flags: cython.longlong = tally[h + H_FLAGS]
    if flags & (HF_STARTED | HF_ACKED | HF_LEAD) != HF_STARTED | HF_ACKED:
        return False
    if (tally[h + H_BASE] + tally[h + H_NEXT]) & LOW32 != seq:
        return False
    ahead = (ack - tally[h + H_ACK]) & LOW32
    if ahead >= WILD:
        return False
    if length:
        if flags & (HF_TOP | HF_OVERFLOW) != HF_TOP or tally[h + H_TOP_END] != tally[h + H_NEXT]:
            return False
        tally[h + H_NEXT] += length
        tally[h + H_TOP_END] += length
    if ahead:
        tally[h + H_ACK] = (tally[h + H_ACK] & ~LOW32) | ack
    return True


def update(
    rows: cython.longlong[::1],
    n: cython.Py_ssize_t,
    which: cython.longlong[::1],
    tally: cython.longlong[::1],
    cold: cython.longlong[::1],
    state: cython.longlong[::1],
    first: cython.bint,
    start: cython.Py_ssize_t,
) -> int:
    """Count the rows from ``start`` to ``n`` into the tallies of their entries; return the row to go on with.

    Cold records are rare, so the call stops when a row may lack one.
    """
    i: cython.Py_ssize_t
    r: cython.Py_ssize_t
    t: cython.Py_ssize_t
    h: cython.Py_ssize_t
    side: cython.longlong
    flags: cython.longlong
    length: cython.longlong
    ts: cython.longlong
    ref: cython.longlong
    window: cython.longlong
    ttl: cython.longlong
    last: cython.Py_ssize_t
    room: cython.longlong = len(cold) // C_STRIDE
    with cython.nogil:
        for i in range(start, n):
            if state[M_COLD] >= room:
                n = i
                break
            if i + AHEAD < n:
                t = which[i + AHEAD] * T_STRIDE
                h = t + T_HALVES + (rows[(i + AHEAD) * ROW_STRIDE + ROW_BITS] & BIT_SIDE) * H_STRIDE
                fetch(tally, t)
                fetch(tally, h)
                fetch(tally, h + 8)
                fetch(tally, h + H_STRIDE - 1)
            if which[i] < 0:
                continue
            r = i * ROW_STRIDE
            t = which[i] * T_STRIDE
            side = rows[r + ROW_BITS] & BIT_SIDE
            h = t + T_HALVES + side * H_STRIDE
            flags = rows[r + ROW_SHAPE] & 0x1FF
            length = rows[r + ROW_LENGTH]
            ts = rows[r + ROW_TS]
            ref = rows[r + ROW_REF]
            window = (rows[r + ROW_HOP] >> 32) & 0xFFFF
            ttl = (rows[r + ROW_HOP] >> 48) & 0xFF
            if tally[t + T_BITS] & TB_STARTED:
                last = t + T_HALVES + H_LAST_NS + (H_STRIDE if tally[t + T_BITS] & TB_LAST_HIGH else 0)
                if ts < tally[last]:
                    tally[t + T_BITS] += cython.cast(cython.longlong, 1) << TB_STEPS
            tally[t + T_BITS] = (
                (tally[t + T_BITS] & ~cython.cast(cython.longlong, TB_LAST_HIGH))
                | TB_STARTED
                | (TB_LAST_HIGH if side else 0)
            )
            if tally[h + H_PACKETS] == 0:
                tally[h + H_FIRST_REF] = ref
                tally[h + H_FIRST_NS] = ts
                tally[h + H_MISC] |= flags << 16
            tally[h + H_LAST_REF] = ref
            tally[h + H_LAST_NS] = ts
            tally[h + H_BYTES] += length
            if length:
                tally[h + H_PACKETS] += (cython.cast(cython.longlong, 1) << 32) + 1
                if length > tally[h + H_ACK] >> 32:
                    tally[h + H_ACK] = (length << 32) | (tally[h + H_ACK] & LOW32)
            else:
                tally[h + H_PACKETS] += 1
            if flags & 7 or rows[r + ROW_BITS] & BIT_CUT:
                _count_flags(tally, h, flags, rows[r + ROW_BITS])
            if window == 0 and not flags & 6:
                cold[cold_of(tally, h, cold, state) + C_ZERO] += 1
            _note_letters(tally, t, side, flags, length, window)
            if flags & 4:
                if length:
                    cold[cold_of(tally, h, cold, state) + C_UNTRACKED] += length
                continue
            if not tally[h + H_FLAGS] & HF_TTL:
                tally[h + H_FLAGS] |= HF_TTL | (ttl << HF_TTL_SHIFT)
            elif (tally[h + H_FLAGS] >> HF_TTL_SHIFT) & 255 != ttl:
                add_ttl(tally, h, cold, state, ttl, 1)
            if flags & 19 == 16 and _follow(
                tally, h, rows[r + ROW_SEQACK] & LOW32, (rows[r + ROW_SEQACK] >> 32) + BIT31, length
            ):
                continue
            track(
                tally, h, cold, state, first, flags, rows[r + ROW_SEQACK] & LOW32,
                (rows[r + ROW_SEQACK] >> 32) + BIT31, length, rows[r + ROW_OPTIONS],
            )
    return n
