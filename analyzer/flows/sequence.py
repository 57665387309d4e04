# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""Sequence and acknowledgment numbers of a half, in every case (compiled).

Numbers are unwrapped against the highest one seen; a jump of 2**30 or more is not believed and makes the half's
coverage unknown. Sources: RFC 9293 §3.4, RFC 1122 §4.2.3.6 (keepalives).
"""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.columns import LOW32, OPT_MSS, OPT_WSCALE
from cython.cimports.analyzer.flows.coverage import add_piece, cold_of
from cython.cimports.analyzer.flows.distance import distance
from cython.cimports.analyzer.flows.layout import (
    C_KEEP,
    C_KEEP_BYTES,
    C_LEAD,
    C_LEAD_BYTES,
    C_LEAD_NOT,
    C_LEAD_NOT_BYTES,
    C_LEAD_SEQ,
    C_PIECES,
    C_STRIDE,
    C_UNTRACKED,
    H_ACK,
    H_BASE,
    H_BYTES,
    H_FLAGS,
    H_MISC,
    H_NEXT,
    H_TOP_END,
    HF_ACK_WILD,
    HF_ACKED,
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
    HF_WILD,
    WILD,
)

__all__ = ["track"]


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
        cold[cold_of(tally, h, cold, state) + C_UNTRACKED] = before


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
        c = cold_of(tally, h, cold, state)
        cold[c + C_KEEP] += 1
        cold[c + C_KEEP_BYTES] += length
        if tally[h + H_FLAGS] & HF_LEAD:
            cold[c + C_LEAD_NOT] += 1
            cold[c + C_LEAD_NOT_BYTES] += length
    elif at == 0 and tally[h + H_FLAGS] & HF_LEAD:
        c = cold_of(tally, h, cold, state)
        cold[c + C_LEAD] += 1
        cold[c + C_LEAD_BYTES] += length


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def track(
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
            c = cold_of(tally, h, cold, state)
            cold[c + C_LEAD_SEQ] = seq
            cold[c + C_LEAD] = 1
            cold[c + C_LEAD_BYTES] = length
            if length == 0:
                tally[h + H_FLAGS] |= HF_LEAD
        if length:
            add_piece(tally, h, cold, state, at, at + length)
    else:
        at = tally[h + H_NEXT] + distance(tally[h + H_BASE] + tally[h + H_NEXT], seq + ((flags >> 1) & 1))
        if at - tally[h + H_NEXT] >= WILD or tally[h + H_NEXT] - at >= WILD:
            tally[h + H_FLAGS] |= HF_WILD
            if length:
                cold[cold_of(tally, h, cold, state) + C_UNTRACKED] += length
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
                    add_piece(tally, h, cold, state, at, at + length)
    if flags & 16:
        end = tally[h + H_ACK]
        if not tally[h + H_FLAGS] & HF_ACKED:
            tally[h + H_FLAGS] |= HF_ACKED
            tally[h + H_ACK] = (end & ~LOW32) | ack
        else:
            at = distance(end & LOW32, ack)
            if at >= WILD or at <= -WILD:
                tally[h + H_FLAGS] |= HF_ACK_WILD
            elif at > 0:
                tally[h + H_ACK] = (end & ~LOW32) | ack
