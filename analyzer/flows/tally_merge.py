# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator"
"""Joins the tallies of neighbouring digests. [compiled]"""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.columns import (
    BIT31,
    LOW32,
    LOW48,
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
    KEEP_TTLS,
    TB_LAST_HIGH,
    TB_STARTED,
    TB_STEPS,
    T_BITS,
    T_HALVES,
    T_HISTORY,
    T_STRIDE,
    WILD,
)
from cython.cimports.analyzer.flows.tally import add_piece, add_ttl, cold_of

__all__ = ["merge"]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _ahead(start: cython.longlong, end: cython.longlong) -> cython.longlong:
    return ((end - start + BIT31) & LOW32) - BIT31


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _copy(
    tally: cython.longlong[::1],
    h: cython.Py_ssize_t,
    cold: cython.longlong[::1],
    state: cython.longlong[::1],
    other: cython.longlong[::1],
    o: cython.Py_ssize_t,
    other_cold: cython.longlong[::1],
) -> cython.void:
    """Take a half over as it is."""
    i: cython.Py_ssize_t
    c: cython.Py_ssize_t
    k: cython.Py_ssize_t = other[o + H_FLAGS] >> HF_COLD
    for i in range(H_STRIDE):
        tally[h + i] = other[o + i]
    if k:
        tally[h + H_FLAGS] &= (cython.cast(cython.longlong, 1) << HF_COLD) - 1
        c = cold_of(tally, h, cold, state)
        for i in range(C_STRIDE):
            cold[c + i] = other_cold[(k - 1) * C_STRIDE + i]


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
    shift = tally[h + H_NEXT] + _ahead(tally[h + H_BASE] + tally[h + H_NEXT], other[o + H_BASE])
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
        ahead = _ahead(other_cold[k + C_LEAD_SEQ], next_seq)
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
def _numbers(
    tally: cython.longlong[::1],
    h: cython.Py_ssize_t,
    cold: cython.longlong[::1],
    state: cython.longlong[::1],
    other: cython.longlong[::1],
    o: cython.Py_ssize_t,
    other_cold: cython.longlong[::1],
    bytes_before: cython.longlong,
) -> cython.void:
    """Join sequence and acknowledgment numbers."""
    space: cython.longlong = HF_STARTED | HF_ACKED | HF_WILD | HF_ACK_WILD | HF_OVERFLOW | HF_TOP
    before: cython.longlong = tally[h + H_FLAGS]
    flags: cython.longlong = other[o + H_FLAGS]
    next_seq: cython.longlong = (tally[h + H_BASE] + tally[h + H_NEXT]) & LOW32
    untracked: cython.longlong = 0
    anew: cython.bint = False
    i: cython.Py_ssize_t
    c: cython.Py_ssize_t
    at: cython.longlong
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
        _spaces(tally, h, cold, state, other, o, other_cold)
        tally[h + H_FLAGS] |= flags & HF_ACK_WILD
        if flags & HF_ACKED:
            if not before & HF_ACKED:
                tally[h + H_FLAGS] |= HF_ACKED
                tally[h + H_ACK] = (tally[h + H_ACK] & ~LOW32) | (
                    other[o + H_ACK] & LOW32
                )
            else:
                at = _ahead(tally[h + H_ACK] & LOW32, other[o + H_ACK] & LOW32)
                if at >= WILD or at <= -WILD:
                    tally[h + H_FLAGS] |= HF_ACK_WILD
                elif at > 0:
                    tally[h + H_ACK] = (tally[h + H_ACK] & ~LOW32) | (
                        other[o + H_ACK] & LOW32
                    )
    if untracked:
        cold[cold_of(tally, h, cold, state) + C_UNTRACKED] += untracked
    if flags & HF_STARTED:
        _keepalives(tally, h, cold, state, before, next_seq, other, o, other_cold)
        if anew and before & HF_STARTED:
            tally[h + H_FLAGS] &= ~cython.cast(cython.longlong, HF_LEAD)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _ttls(
    tally: cython.longlong[::1],
    h: cython.Py_ssize_t,
    cold: cython.longlong[::1],
    state: cython.longlong[::1],
    other: cython.longlong[::1],
    o: cython.Py_ssize_t,
    other_cold: cython.longlong[::1],
) -> cython.void:
    flags: cython.longlong = other[o + H_FLAGS]
    k: cython.Py_ssize_t = (flags >> HF_COLD) - 1
    i: cython.Py_ssize_t
    ttl: cython.longlong = (flags >> HF_TTL_SHIFT) & 255
    mine: cython.longlong = (tally[h + H_FLAGS] >> HF_TTL_SHIFT) & 255
    first: cython.longlong
    if not flags & HF_TTL:
        return
    tally[h + H_FLAGS] |= flags & HF_TTL_OVERFLOW
    first = (other[o + H_PACKETS] & LOW32) - ((other[o + H_COUNTS] >> COUNT_ONE_RST) & COUNT_LIMIT)
    if k >= 0:
        for i in range(k * C_STRIDE + C_TTL, k * C_STRIDE + C_TTL + KEEP_TTLS):
            first -= other_cold[i] & LOW48
    if not tally[h + H_FLAGS] & HF_TTL:
        tally[h + H_FLAGS] |= HF_TTL | (ttl << HF_TTL_SHIFT)
        mine = ttl
    elif ttl != mine:
        add_ttl(tally, h, cold, state, ttl, first)
    if k >= 0:
        for i in range(k * C_STRIDE + C_TTL, k * C_STRIDE + C_TTL + KEEP_TTLS):
            if other_cold[i] and other_cold[i] >> 48 != mine:
                add_ttl(tally, h, cold, state, other_cold[i] >> 48, other_cold[i] & LOW48)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _half(
    tally: cython.longlong[::1],
    h: cython.Py_ssize_t,
    cold: cython.longlong[::1],
    state: cython.longlong[::1],
    other: cython.longlong[::1],
    o: cython.Py_ssize_t,
    other_cold: cython.longlong[::1],
) -> cython.void:
    """Join a half that has packets in both digests."""
    k: cython.Py_ssize_t = (other[o + H_FLAGS] >> HF_COLD) - 1
    i: cython.Py_ssize_t
    shift: cython.longlong
    total: cython.longlong
    counts: cython.longlong = 0
    bytes_before: cython.longlong = tally[h + H_BYTES]
    _ttls(tally, h, cold, state, other, o, other_cold)
    _numbers(tally, h, cold, state, other, o, other_cold, bytes_before)
    tally[h + H_PACKETS] += other[o + H_PACKETS]
    tally[h + H_BYTES] += other[o + H_BYTES]
    tally[h + H_LAST_REF] = other[o + H_LAST_REF]
    tally[h + H_LAST_NS] = other[o + H_LAST_NS]
    if other[o + H_ACK] >> 32 > tally[h + H_ACK] >> 32:
        tally[h + H_ACK] = (other[o + H_ACK] & ~LOW32) | (
            tally[h + H_ACK] & LOW32
        )
    for i in range(3):
        shift = i * COUNT_ONE_FIN
        total = ((tally[h + H_COUNTS] >> shift) & COUNT_LIMIT) + ((other[o + H_COUNTS] >> shift) & COUNT_LIMIT)
        counts |= (total if total < COUNT_LIMIT else COUNT_LIMIT) << shift
    tally[h + H_COUNTS] = counts
    tally[h + H_MISC] += (other[o + H_MISC] >> 32) << 32
    if other[o + H_FLAGS] & HF_MSS:
        tally[h + H_FLAGS] |= HF_MSS
        tally[h + H_MISC] = (tally[h + H_MISC] & -65536) | (other[o + H_MISC] & 0xFFFF)
    if other[o + H_FLAGS] & HF_SCALE:
        tally[h + H_FLAGS] = (
            (tally[h + H_FLAGS] & ~(cython.cast(cython.longlong, 255) << HF_SCALE_SHIFT))
            | HF_SCALE
            | (other[o + H_FLAGS] & (cython.cast(cython.longlong, 255) << HF_SCALE_SHIFT))
        )
    if k >= 0 and other_cold[k * C_STRIDE + C_ZERO]:
        cold[cold_of(tally, h, cold, state) + C_ZERO] += other_cold[k * C_STRIDE + C_ZERO]


def merge(
    places: cython.longlong[::1],
    count: cython.Py_ssize_t,
    tally: cython.longlong[::1],
    cold: cython.longlong[::1],
    state: cython.longlong[::1],
    other: cython.longlong[::1],
    other_cold: cython.longlong[::1],
) -> None:
    """Join the right digest's ``count`` tallies, whose ``places`` ``keys.join`` gave, to the left's.

    There must be room for one more cold record per half of the right digest.
    """
    i: cython.Py_ssize_t
    t: cython.Py_ssize_t
    o: cython.Py_ssize_t
    h: cython.Py_ssize_t
    q: cython.Py_ssize_t
    side: cython.Py_ssize_t
    left: cython.longlong
    right: cython.longlong
    code: cython.longlong
    shift: cython.longlong
    letters: cython.longlong = (1 << 14) - 1
    with cython.nogil:
        for i in range(count):
            o = i * T_STRIDE
            t = (places[i] >> 1) * T_STRIDE
            if not other[o + T_BITS] & TB_STARTED:
                continue
            if not tally[t + T_BITS] & TB_STARTED:
                tally[t + T_BITS] = other[o + T_BITS]
                tally[t + T_HISTORY] = other[o + T_HISTORY]
                for side in range(2):
                    _copy(
                        tally, t + T_HALVES + side * H_STRIDE, cold, state,
                        other, o + T_HALVES + side * H_STRIDE, other_cold,
                    )
                continue
            left = t + T_HALVES + (H_STRIDE if tally[t + T_BITS] & TB_LAST_HIGH else 0)
            right = 0
            q = o + T_HALVES
            if other[q + H_PACKETS] == 0 or (
                other[q + H_STRIDE + H_PACKETS] and other[q + H_STRIDE + H_FIRST_REF] < other[q + H_FIRST_REF]
            ):
                right = H_STRIDE
            code = (tally[t + T_BITS] >> TB_STEPS) + (other[o + T_BITS] >> TB_STEPS)
            if other[q + right + H_FIRST_NS] < tally[left + H_LAST_NS]:
                code += 1
            shift = 0
            while (tally[t + T_HISTORY] >> shift) & 15:
                shift += 4
            left = other[o + T_HISTORY]
            right = tally[t + T_BITS] & letters
            while left:
                # A code is letter * 2 + side + 1, its mark letter + 7 * side.
                q = (left & 15) - 1
                q = (q >> 1) + 7 * (q & 1)
                if not right >> q & 1:
                    right |= cython.cast(cython.longlong, 1) << q
                    tally[t + T_HISTORY] |= (left & 15) << shift
                    shift += 4
                left >>= 4
            tally[t + T_BITS] = right | TB_STARTED | (other[o + T_BITS] & TB_LAST_HIGH) | (code << TB_STEPS)
            for side in range(2):
                h = t + T_HALVES + side * H_STRIDE
                q = o + T_HALVES + side * H_STRIDE
                if other[q + H_PACKETS] == 0:
                    continue
                if tally[h + H_PACKETS] == 0:
                    _copy(tally, h, cold, state, other, q, other_cold)
                else:
                    _half(tally, h, cold, state, other, q, other_cold)
