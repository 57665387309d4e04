# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""Joins the tallies of neighbouring digests (compiled)."""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.columns import LOW32, LOW48
from cython.cimports.analyzer.flows.coverage import add_ttl, cold_of
from cython.cimports.analyzer.flows.layout import (
    C_STRIDE,
    C_TTL,
    C_ZERO,
    COUNT_LIMIT,
    COUNT_ONE_FIN,
    COUNT_ONE_RST,
    H_ACK,
    H_BYTES,
    H_COUNTS,
    H_FIRST_NS,
    H_FIRST_REF,
    H_FLAGS,
    H_LAST_NS,
    H_LAST_REF,
    H_MISC,
    H_PACKETS,
    H_STRIDE,
    HF_COLD,
    HF_MSS,
    HF_SCALE,
    HF_SCALE_SHIFT,
    HF_TTL,
    HF_TTL_OVERFLOW,
    HF_TTL_SHIFT,
    KEEP_TTLS,
    S_STRIDE,
    T_BITS,
    T_HALVES,
    T_HISTORY,
    T_STRIDE,
    TB_LAST_HIGH,
    TB_STARTED,
    TB_STEPS,
)
from cython.cimports.analyzer.flows.space_merge import join_numbers

__all__ = ["merge"]


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
    other_kept: cython.longlong[::1],
    s: cython.Py_ssize_t,
    other_pool: cython.longlong[::1],
    side: cython.longlong,
) -> cython.void:
    """Join a half that has packets in both digests."""
    k: cython.Py_ssize_t = (other[o + H_FLAGS] >> HF_COLD) - 1
    i: cython.Py_ssize_t
    shift: cython.longlong
    total: cython.longlong
    counts: cython.longlong = 0
    bytes_before: cython.longlong = tally[h + H_BYTES]
    _ttls(tally, h, cold, state, other, o, other_cold)
    join_numbers(
        tally, h, cold, state, other, o, other_cold, bytes_before, other_kept, s, other_pool, side
    )
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
    other_kept: cython.longlong[::1],
    other_pool: cython.longlong[::1],
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
                    _half(
                        tally, h, cold, state, other, q, other_cold, other_kept, i * S_STRIDE, other_pool, side
                    )
