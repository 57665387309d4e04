# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator"
"""Counters, times and sequence space of each half. [compiled]

Sequence numbers are unwrapped against the highest one seen; a jump of 2**30 or more is not believed and makes the
half's coverage unknown. Resets carry arbitrary numbers and are left out. The coverage is a union of pieces: the
highest is at hand in the half, those below it are in a cold record that few halves need.

Sources: RFC 9293 §3.4 (sequence numbers), RFC 1122 §4.2.3.6 (keepalives), Zeek's ``history`` (letters).
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
    LOW48,
    OPT_MSS,
    OPT_WSCALE,
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
from cython.cimports.analyzer.flows.layout import (
    COUNT_LIMIT,
    COUNT_ONE_FIN,
    COUNT_ONE_RST,
    C_KEEP,
    C_KEEP_BYTES,
    C_LEAD,
    C_LEAD_BYTES,
    C_LEAD_NOT,
    C_LEAD_NOT_BYTES,
    C_LEAD_SEQ,
    C_PIECE,
    C_PIECES,
    C_STRIDE,
    C_TTL,
    C_UNTRACKED,
    C_ZERO,
    HF_ACKED,
    HF_ACK_WILD,
    HF_COLD,
    HF_ISN,
    HF_LEAD,
    HF_MSS,
    HF_MULTI,
    HF_OVERFLOW,
    HF_PRE,
    HF_SCALE,
    HF_SCALE_SHIFT,
    HF_STARTED,
    HF_TOP,
    HF_TTL,
    HF_TTL_OVERFLOW,
    HF_TTL_SHIFT,
    HF_WILD,
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
    H_TOP,
    H_TOP_END,
    KEEP_RANGES,
    KEEP_TTLS,
    M_COLD,
    TB_LAST_HIGH,
    TB_STARTED,
    TB_STEPS,
    T_BITS,
    T_HALVES,
    T_HISTORY,
    T_STRIDE,
    WILD,
)

__all__ = ["update"]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _ahead(start: cython.longlong, end: cython.longlong) -> cython.longlong:
    """Signed distance modulo 2**32."""
    return ((end - start + BIT31) & LOW32) - BIT31


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _cold(
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
def _add_piece(
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
    c = _cold(tally, h, cold, state)
    n = cold[c + C_PIECES]
    if start > tally[h + H_TOP_END]:
        if n == KEEP_RANGES:
            tally[h + H_FLAGS] |= HF_OVERFLOW
            return
        cold[c + C_PIECE + 2 * n] = tally[h + H_TOP]
        cold[c + C_PIECE + 2 * n + 1] = tally[h + H_TOP_END]
        cold[c + C_PIECES] = n + 1
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


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _add_ttl(
    tally: cython.longlong[::1],
    h: cython.Py_ssize_t,
    cold: cython.longlong[::1],
    state: cython.longlong[::1],
    ttl: cython.longlong,
    count: cython.longlong,
) -> cython.void:
    """Count packets with a TTL other than the half's first."""
    c: cython.Py_ssize_t = _cold(tally, h, cold, state)
    i: cython.Py_ssize_t
    for i in range(c + C_TTL, c + C_TTL + KEEP_TTLS):
        if cold[i] == 0 or cold[i] >> 48 == ttl:
            cold[i] = (ttl << 48) + (cold[i] & LOW48) + count
            return
    tally[h + H_FLAGS] |= HF_TTL_OVERFLOW


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
@cython.nogil
@cython.exceptval(check=False)
def _anchor(
    tally: cython.longlong[::1],
    h: cython.Py_ssize_t,
    cold: cython.longlong[::1],
    state: cython.longlong[::1],
    seq: cython.longlong,
    before: cython.longlong,
) -> cython.void:
    """Start the sequence space again at a SYN of another number; ``before`` payload bytes lie behind."""
    flags: cython.longlong = tally[h + H_FLAGS]
    if flags & HF_ISN:
        flags |= HF_MULTI
    elif flags & HF_STARTED:
        flags |= HF_PRE
    flags &= ~cython.cast(
        cython.longlong, HF_STARTED | HF_ACKED | HF_WILD | HF_ACK_WILD | HF_OVERFLOW | HF_TOP | HF_LEAD
    )
    tally[h + H_FLAGS] = flags | HF_ISN
    tally[h + H_BASE] = seq
    if flags >> HF_COLD:
        cold[(cython.cast(cython.Py_ssize_t, flags >> HF_COLD) - 1) * C_STRIDE + C_PIECES] = 0
    if before:
        cold[_cold(tally, h, cold, state) + C_UNTRACKED] = before


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _small(
    tally: cython.longlong[::1],
    h: cython.Py_ssize_t,
    cold: cython.longlong[::1],
    state: cython.longlong[::1],
    at: cython.longlong,
    length: cython.longlong,
) -> cython.void:
    """Tell whether a segment of at most one byte, ``at`` from the base, is a keepalive.

    A half that may have had segments before this digest keeps apart what its first ones would be if its next
    number had been one higher; ``merge`` learns whether it was.
    """
    c: cython.Py_ssize_t
    if at == tally[h + H_NEXT] - 1:
        c = _cold(tally, h, cold, state)
        cold[c + C_KEEP] += 1
        cold[c + C_KEEP_BYTES] += length
        if tally[h + H_FLAGS] & HF_LEAD:
            cold[c + C_LEAD_NOT] += 1
            cold[c + C_LEAD_NOT_BYTES] += length
    elif at == 0 and tally[h + H_FLAGS] & HF_LEAD:
        c = _cold(tally, h, cold, state)
        cold[c + C_LEAD] += 1
        cold[c + C_LEAD_BYTES] += length


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _track(
    tally: cython.longlong[::1],
    h: cython.Py_ssize_t,
    cold: cython.longlong[::1],
    state: cython.longlong[::1],
    first: cython.bint,
    flags: cython.longlong,
    seq: cython.longlong,
    ack: cython.longlong,
    length: cython.longlong,
    options: cython.longlong,
) -> cython.void:
    """Follow sequence and acknowledgment numbers of a segment that is no reset."""
    at: cython.longlong
    end: cython.longlong
    c: cython.Py_ssize_t
    if flags & 2:
        if not tally[h + H_FLAGS] & HF_ISN or tally[h + H_BASE] & LOW32 != seq:
            _anchor(tally, h, cold, state, seq, tally[h + H_BYTES] - length)
        if options & OPT_MSS:
            tally[h + H_FLAGS] |= HF_MSS
            tally[h + H_MISC] = (tally[h + H_MISC] & -65536) | (options & 0xFFFF)
        if options & OPT_WSCALE:
            tally[h + H_FLAGS] = (
                tally[h + H_FLAGS] & ~(cython.cast(cython.longlong, 255) << HF_SCALE_SHIFT)
            ) | HF_SCALE | (((options >> 16) & 255) << HF_SCALE_SHIFT)
    if not tally[h + H_FLAGS] & HF_STARTED:
        at = 1 if flags & 2 else 0
        end = at + length + (flags & 1)
        tally[h + H_FLAGS] |= HF_STARTED
        tally[h + H_BASE] = (at << 32) | seq
        tally[h + H_NEXT] = end
        if not first and length <= 1 and not flags & 3:
            c = _cold(tally, h, cold, state)
            cold[c + C_LEAD_SEQ] = seq
            cold[c + C_LEAD] = 1
            cold[c + C_LEAD_BYTES] = length
            if length == 0:
                tally[h + H_FLAGS] |= HF_LEAD
        if length:
            _add_piece(tally, h, cold, state, at, at + length)
    else:
        at = tally[h + H_NEXT] + _ahead(tally[h + H_BASE] + tally[h + H_NEXT], seq + ((flags >> 1) & 1))
        if at - tally[h + H_NEXT] >= WILD or tally[h + H_NEXT] - at >= WILD:
            tally[h + H_FLAGS] |= HF_WILD
            if length:
                cold[_cold(tally, h, cold, state) + C_UNTRACKED] += length
        else:
            if length <= 1 and not flags & 3:
                _small(tally, h, cold, state, at, length)
            end = at + length + (flags & 1)
            if end > tally[h + H_NEXT]:
                tally[h + H_NEXT] = end
                tally[h + H_FLAGS] &= ~cython.cast(cython.longlong, HF_LEAD)
            if at < tally[h + H_BASE] >> 32:
                tally[h + H_BASE] = (at << 32) + (tally[h + H_BASE] & LOW32)
            if length:
                if at == tally[h + H_TOP_END] and tally[h + H_FLAGS] & (HF_TOP | HF_OVERFLOW) == HF_TOP:
                    tally[h + H_TOP_END] = at + length
                else:
                    _add_piece(tally, h, cold, state, at, at + length)
    if flags & 16:
        end = tally[h + H_ACK]
        if not tally[h + H_FLAGS] & HF_ACKED:
            tally[h + H_FLAGS] |= HF_ACKED
            tally[h + H_ACK] = (end & ~LOW32) | ack
        else:
            at = _ahead(end & LOW32, ack)
            if at >= WILD or at <= -WILD:
                tally[h + H_FLAGS] |= HF_ACK_WILD
            elif at > 0:
                tally[h + H_ACK] = (end & ~LOW32) | ack


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
                cold[_cold(tally, h, cold, state) + C_ZERO] += 1
            _note_letters(tally, t, side, flags, length, window)
            if flags & 4:
                if length:
                    cold[_cold(tally, h, cold, state) + C_UNTRACKED] += length
                continue
            if not tally[h + H_FLAGS] & HF_TTL:
                tally[h + H_FLAGS] |= HF_TTL | (ttl << HF_TTL_SHIFT)
            elif (tally[h + H_FLAGS] >> HF_TTL_SHIFT) & 255 != ttl:
                _add_ttl(tally, h, cold, state, ttl, 1)
            _track(
                tally, h, cold, state, first, flags, rows[r + ROW_SEQACK] & LOW32,
                (rows[r + ROW_SEQACK] >> 32) + BIT31, length, rows[r + ROW_OPTIONS],
            )
    return n

# What tally_merge needs: wrappers, because a function that other modules can call takes its arrays whole, which is slow.


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def cold_of(
    tally: cython.longlong[::1],
    h: cython.Py_ssize_t,
    cold: cython.longlong[::1],
    state: cython.longlong[::1],
) -> cython.Py_ssize_t:
    """Offset of the half's cold record, made when missing."""
    return _cold(tally, h, cold, state)


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
    """Add [start, end) to the coverage."""
    _add_piece(tally, h, cold, state, start, end)


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
    _add_ttl(tally, h, cold, state, ttl, count)
