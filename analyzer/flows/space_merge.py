# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""Joins the sequence spaces of a half that has packets in both of two neighbouring digests (compiled)."""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.columns import LOW32
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
    C_PIECE,
    C_PIECES,
    C_STRIDE,
    C_UNTRACKED,
    H_ACK,
    H_BASE,
    H_FLAGS,
    H_NEXT,
    H_TOP,
    H_TOP_END,
    HF_ACK_WILD,
    HF_ACKED,
    HF_COLD,
    HF_ISN,
    HF_LEAD,
    HF_MULTI,
    HF_OVERFLOW,
    HF_PRE,
    HF_STARTED,
    HF_TOP,
    HF_WILD,
    M_DOUBTS,
    WILD,
)
from cython.cimports.analyzer.flows.overlap import probes_behind, too_many_pieces

__all__ = ["join_numbers"]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _spaces(
    tally: cython.longlong[::1],
    h: cython.Py_ssize_t,
    cold: cython.longlong[::1],
    state: cython.longlong[::1],
    other: cython.longlong[::1],
    o: cython.Py_ssize_t,
    other_cold: cython.longlong[::1],
) -> cython.void:
    """Join two started sequence spaces that count as one."""
    shift: cython.longlong
    at: cython.longlong
    i: cython.Py_ssize_t
    c: cython.Py_ssize_t
    k: cython.Py_ssize_t
    flags: cython.longlong = other[o + H_FLAGS]
    # The right one's first number, unwrapped against the left one's highest.
    shift = tally[h + H_NEXT] + distance(tally[h + H_BASE] + tally[h + H_NEXT], other[o + H_BASE])
    tally[h + H_FLAGS] |= flags & (HF_WILD | HF_OVERFLOW)
    at = shift + other[o + H_NEXT] - tally[h + H_NEXT]
    if at >= WILD or at <= -WILD or shift - tally[h + H_NEXT] >= WILD or tally[h + H_NEXT] - shift >= WILD:
        tally[h + H_FLAGS] |= HF_WILD
        return
    if at > 0:
        tally[h + H_NEXT] += at
    at = shift + (other[o + H_BASE] >> 32)
    if at < tally[h + H_BASE] >> 32:
        tally[h + H_BASE] = (at << 32) + (tally[h + H_BASE] & LOW32)
    k = flags >> HF_COLD
    if k:
        c = (k - 1) * C_STRIDE
        for i in range(other_cold[c + C_PIECES]):
            add_piece(
                tally, h, cold, state, shift + other_cold[c + C_PIECE + 2 * i], shift + other_cold[c + C_PIECE + 2 * i + 1]
            )
    if flags & HF_TOP:
        add_piece(tally, h, cold, state, shift + other[o + H_TOP], shift + other[o + H_TOP_END])


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _keepalives(
    tally: cython.longlong[::1],
    h: cython.Py_ssize_t,
    cold: cython.longlong[::1],
    state: cython.longlong[::1],
    before: cython.longlong,
    next_seq: cython.longlong,
    other: cython.longlong[::1],
    o: cython.Py_ssize_t,
    other_cold: cython.longlong[::1],
) -> cython.void:
    """Settle what the right half's first segments were; ``before`` and ``next_seq`` are the left's flags and next number."""
    c: cython.Py_ssize_t
    k: cython.Py_ssize_t = (other[o + H_FLAGS] >> HF_COLD) - 1
    ahead: cython.longlong
    if k < 0:
        tally[h + H_FLAGS] &= ~cython.cast(cython.longlong, HF_LEAD)
        return
    k = k * C_STRIDE
    c = cold_of(tally, h, cold, state)
    cold[c + C_KEEP] += other_cold[k + C_KEEP]
    cold[c + C_KEEP_BYTES] += other_cold[k + C_KEEP_BYTES]
    if not before & HF_STARTED:
        if not before & HF_ISN:
            cold[c + C_LEAD_SEQ] = other_cold[k + C_LEAD_SEQ]
            cold[c + C_LEAD] = other_cold[k + C_LEAD]
            cold[c + C_LEAD_BYTES] = other_cold[k + C_LEAD_BYTES]
            cold[c + C_LEAD_NOT] = other_cold[k + C_LEAD_NOT]
            cold[c + C_LEAD_NOT_BYTES] = other_cold[k + C_LEAD_NOT_BYTES]
            tally[h + H_FLAGS] |= other[o + H_FLAGS] & HF_LEAD
        return
    if other_cold[k + C_LEAD]:
        ahead = distance(other_cold[k + C_LEAD_SEQ], next_seq)
        if ahead == 1:
            cold[c + C_KEEP] += other_cold[k + C_LEAD] - other_cold[k + C_LEAD_NOT]
            cold[c + C_KEEP_BYTES] += other_cold[k + C_LEAD_BYTES] - other_cold[k + C_LEAD_NOT_BYTES]
            if before & HF_LEAD:
                cold[c + C_LEAD_NOT] += other_cold[k + C_LEAD]
                cold[c + C_LEAD_NOT_BYTES] += other_cold[k + C_LEAD_BYTES]
            return
        if ahead == 0 and before & HF_LEAD:
            cold[c + C_LEAD] += other_cold[k + C_LEAD]
            cold[c + C_LEAD_BYTES] += other_cold[k + C_LEAD_BYTES]
            cold[c + C_LEAD_NOT] += other_cold[k + C_LEAD_NOT]
            cold[c + C_LEAD_NOT_BYTES] += other_cold[k + C_LEAD_NOT_BYTES]
            if not other[o + H_FLAGS] & HF_LEAD:
                tally[h + H_FLAGS] &= ~cython.cast(cython.longlong, HF_LEAD)
            return
    tally[h + H_FLAGS] &= ~cython.cast(cython.longlong, HF_LEAD)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def join_numbers(
    tally: cython.longlong[::1],
    h: cython.Py_ssize_t,
    cold: cython.longlong[::1],
    state: cython.longlong[::1],
    other: cython.longlong[::1],
    o: cython.Py_ssize_t,
    other_cold: cython.longlong[::1],
    bytes_before: cython.longlong,
    other_kept: cython.longlong[::1],
    s: cython.Py_ssize_t,
    other_pool: cython.longlong[::1],
    side: cython.longlong,
) -> cython.void:
    """Join sequence and acknowledgment numbers; ``s`` is where the right half's ``side`` keeps its segments."""
    space: cython.longlong = HF_STARTED | HF_ACKED | HF_WILD | HF_ACK_WILD | HF_OVERFLOW | HF_TOP
    before: cython.longlong = tally[h + H_FLAGS]
    flags: cython.longlong = other[o + H_FLAGS]
    next_seq: cython.longlong = (tally[h + H_BASE] + tally[h + H_NEXT]) & LOW32
    untracked: cython.longlong = 0
    anew: cython.bint = False
    i: cython.Py_ssize_t
    c: cython.Py_ssize_t
    at: cython.longlong
    behind: cython.longlong = -distance(next_seq, other[o + H_BASE])
    k: cython.Py_ssize_t = flags >> HF_COLD
    if k:
        untracked = other_cold[(k - 1) * C_STRIDE + C_UNTRACKED]
    if flags & HF_ISN:
        # A SYN of another number starts the space anew, so what the right half holds stands alone.
        anew = (
            not before & HF_ISN
            or flags & HF_MULTI != 0
            or (tally[h + H_BASE] & LOW32) != (other[o + H_BASE] & LOW32)
        )
    if anew or not before & HF_STARTED:
        tally[h + H_FLAGS] = (before & ~space) | (flags & (space | HF_ISN))
        if flags & HF_ISN:
            if before & HF_ISN:
                tally[h + H_FLAGS] |= HF_MULTI
            else:
                tally[h + H_FLAGS] |= flags & (HF_MULTI | HF_PRE)
                if before & HF_STARTED:
                    tally[h + H_FLAGS] |= HF_PRE
            untracked += bytes_before
        tally[h + H_BASE] = other[o + H_BASE]
        tally[h + H_NEXT] = other[o + H_NEXT]
        tally[h + H_TOP] = other[o + H_TOP]
        tally[h + H_TOP_END] = other[o + H_TOP_END]
        tally[h + H_ACK] = (tally[h + H_ACK] & ~LOW32) | (
            other[o + H_ACK] & LOW32
        )
        if tally[h + H_FLAGS] >> HF_COLD or k:
            c = cold_of(tally, h, cold, state)
            cold[c + C_PIECES] = 0
            if k:
                for i in range(C_PIECES, C_STRIDE):
                    cold[c + i] = other_cold[(k - 1) * C_STRIDE + i]
            if flags & HF_ISN:
                cold[c + C_UNTRACKED] = 0
    elif flags & HF_STARTED:
        if flags & HF_PRE:
            # Without the left digest the right one started anew at a SYN that was none; what it forgot is unknown.
            tally[h + H_FLAGS] |= HF_WILD | HF_ACK_WILD
        too_many_pieces(tally, h, cold, state, other, o, other_cold, tally[h + H_NEXT] - behind)
        _spaces(tally, h, cold, state, other, o, other_cold)
        tally[h + H_FLAGS] |= flags & HF_ACK_WILD
        if flags & HF_ACKED:
            if not before & HF_ACKED:
                tally[h + H_FLAGS] |= HF_ACKED
                tally[h + H_ACK] = (tally[h + H_ACK] & ~LOW32) | (
                    other[o + H_ACK] & LOW32
                )
            else:
                at = distance(tally[h + H_ACK] & LOW32, other[o + H_ACK] & LOW32)
                if at >= WILD or at <= -WILD:
                    tally[h + H_FLAGS] |= HF_ACK_WILD
                elif at > 0:
                    tally[h + H_ACK] = (tally[h + H_ACK] & ~LOW32) | (
                        other[o + H_ACK] & LOW32
                    )
        if tally[h + H_FLAGS] & (HF_WILD | HF_ACK_WILD):
            state[M_DOUBTS] += 1
        elif behind > 1:
            probes_behind(tally, h, cold, state, behind, other_kept, s, other_pool, side)
    if untracked:
        cold[cold_of(tally, h, cold, state) + C_UNTRACKED] += untracked
    if flags & HF_STARTED:
        _keepalives(tally, h, cold, state, before, next_seq, other, o, other_cold)
        if anew and before & HF_STARTED:
            if flags & HF_PRE:
                state[M_DOUBTS] += 1
            tally[h + H_FLAGS] &= ~cython.cast(cython.longlong, HF_LEAD)
