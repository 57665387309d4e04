# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator"
"""Which suspects could be incidents at all, and which of them are alike. [compiled]

A capture may hold ten thousand connections that died in the same way. Each *notable* suspect gets a key of what its
packets show at a glance: two flows with the same key are told the same story by the rules, so a crowd of them can be
judged by examples. A suspect without a key shows nothing that a rule could make an incident of without a log.
"""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.columns import BIT31, LOW32, MARK_HIGH_SIDE, SHAPE_LENGTH
from cython.cimports.analyzer.flows.layout import (
    COUNT_LIMIT,
    COUNT_ONE_FIN,
    COUNT_ONE_RST,
    G_HOP,
    G_NS,
    G_SEGMENTS,
    G_SEQACK,
    G_SHAPE,
    G_STRIDE,
    G_WORDS,
    H_COUNTS,
    H_PACKETS,
    H_STRIDE,
    J_ESTABLISHED,
    J_META,
    J_REASONS,
    J_SILENCE,
    J_STRIDE,
    J_WHERE,
    KEEP_ALL,
    KEEP_FIRST,
    KEEP_LAST,
    N_FRAME,
    N_KEY,
    N_NS,
    N_STRIDE,
    R_DATA_AFTER_FIN,
    R_HALF_CLOSED,
    R_HANDSHAKE,
    R_KEEPALIVE,
    R_NO_REPLY,
    R_ONE_SIDED,
    R_REFUSAL,
    R_RESET,
    R_RETRANSMITTED,
    R_TLS_ALERT,
    R_UNACKED,
    R_UNKNOWN,
    R_ZERO_WINDOW,
    SECOND,
    S_CHUNKS,
    S_COUNT,
    S_STRIDE,
    T_HALVES,
    T_STRIDE,
)

__all__ = ["likeness"]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _step(ns: cython.longlong) -> cython.longlong:
    """A duration as one of eight steps; the rules' own thresholds lie on their edges."""
    if ns < SECOND:
        return 0 if ns < SECOND // 3 else 1
    if ns < 8 * cython.cast(cython.longlong, SECOND):
        return 2 if ns < 4 * cython.cast(cython.longlong, SECOND) else 3
    if ns < 15 * cython.cast(cython.longlong, SECOND):
        return 4
    if ns < 20 * cython.cast(cython.longlong, SECOND):
        return 5
    return 6 if ns < 60 * cython.cast(cython.longlong, SECOND) else 7


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _look(
    meta: cython.longlong,
    silence: cython.longlong,
    kept: cython.longlong[::1],
    s: cython.Py_ssize_t,
    pool: cython.longlong[::1],
    end_ns: cython.longlong,
    out: cython.longlong[::1],
    k: cython.Py_ssize_t,
) -> cython.longlong:
    """Return the key of an established flow, 0 when it is not notable; writes the decisive frame and time."""
    side: cython.longlong = meta & 1
    reasons: cython.longlong = meta >> J_REASONS
    n: cython.longlong = kept[s + S_COUNT]
    chunk: cython.Py_ssize_t = kept[s + S_CHUNKS] & LOW32
    slot: cython.Py_ssize_t = 0
    g: cython.Py_ssize_t
    i: cython.longlong = 0
    shape: cython.longlong
    hop: cython.longlong
    flags: cython.longlong
    length: cython.longlong
    ns: cython.longlong = 0
    before: cython.longlong = 0
    before_mine: cython.bint = False
    before_data: cython.bint = False
    mine: cython.bint
    # The opening.
    syn_ns: cython.longlong = -1
    answer_ns: cython.longlong = -1
    made_ns: cython.longlong = -1
    used_ns: cython.longlong = -1
    again: cython.longlong = 0
    # The ending.
    kind: cython.longlong = 0
    gap: cython.longlong = 0
    waited: cython.longlong = 0
    rst_ack: cython.longlong = 0
    hops: cython.longlong = 0
    answers: cython.longlong = 0
    late: cython.longlong = 0
    life: cython.longlong = 0
    late_reset: cython.longlong = 0
    low_mine: cython.longlong = 256
    high_mine: cython.longlong = -1
    low_other: cython.longlong = 256
    high_other: cython.longlong = -1
    ttl: cython.longlong
    asked_ns: cython.longlong = -1
    last_ns: cython.longlong = 0
    closed: cython.longlong = 0
    data_mine: cython.longlong = 0
    data_other: cython.longlong = 0
    shut: cython.longlong = 0
    key: cython.longlong
    while i < n:
        if i == KEEP_FIRST and n > KEEP_ALL:
            i = n - KEEP_LAST
            slot = n % G_SEGMENTS
            chunk = kept[s + S_CHUNKS] >> 32
            if slot == 0:
                chunk = pool[chunk * G_STRIDE] & LOW32
            before = 0
        g = chunk * G_STRIDE + 1 + slot * G_WORDS
        shape = pool[g + G_SHAPE]
        hop = pool[g + G_HOP]
        ns = pool[g + G_NS]
        flags = shape & 0x1FF
        length = shape >> SHAPE_LENGTH
        mine = (shape & MARK_HIGH_SIDE != 0) == (side != 0)
        ttl = (hop >> 48) & 0xFF
        last_ns = ns
        if flags & 2:
            if flags & 16:
                if answer_ns < 0:
                    answer_ns = ns
                elif made_ns >= 0:
                    again = 1
            elif syn_ns < 0:
                syn_ns = ns
        elif mine and made_ns < 0 and (answer_ns >= 0 or syn_ns < 0) and not flags & 4:
            made_ns = ns
        if flags & 5 and not flags & 2 and kind == 0 and (made_ns >= 0 or not mine):
            kind = (1 if flags & 1 and not flags & 4 else 2) + (2 if mine else 0)
            out[k + N_FRAME] = hop & LOW32
            out[k + N_NS] = ns
            gap = ns - before if before else 0
            waited = ns - asked_ns if asked_ns >= 0 else 0
            answers = (1 if before_mine else 0) | (2 if before_data else 0)
            rst_ack = (flags >> 4) & 1
            if flags & 4:
                hops = _hops(ttl, low_mine if mine else low_other, high_mine if mine else high_other)
            if length and not flags & 4:
                data_other += 0 if mine else 1
        elif kind:
            if flags & 4:
                if mine != (kind > 2):
                    late_reset = 1
            elif mine == (kind > 2):
                if length or not flags & 1:
                    life = 1
            elif length:
                late = 1
            if flags & 1 and mine != (kind > 2):
                closed = 1
        if not flags & 4:
            if mine:
                low_mine = ttl if ttl < low_mine else low_mine
                high_mine = ttl if ttl > high_mine else high_mine
            else:
                low_other = ttl if ttl < low_other else low_other
                high_other = ttl if ttl > high_other else high_other
                shut = 1 if (hop >> 32) & 0xFFFF == 0 and flags & 16 else 0
            if length > 1:
                if mine:
                    data_mine += 1
                    if used_ns < 0:
                        used_ns = ns
                    if kind == 0:
                        asked_ns = ns
                else:
                    data_other += 1
                    if kind == 0:
                        asked_ns = -1
        before, before_mine, before_data = ns, mine, length > 1
        slot += 1
        if slot == G_SEGMENTS:
            slot = 0
            chunk = pool[chunk * G_STRIDE] & LOW32
        i += 1
    if kind == 0:
        out[k + N_FRAME] = hop & LOW32
        out[k + N_NS] = ns
        waited = end_ns - asked_ns if asked_ns >= 0 else 0
    slow: cython.longlong = answer_ns - syn_ns if syn_ns >= 0 and answer_ns >= 0 else 0
    unused: cython.longlong = (used_ns if used_ns >= 0 else last_ns) - made_ns if made_ns >= 0 else 0
    notable: cython.bint = (
        reasons & (R_RESET | R_KEEPALIVE | R_DATA_AFTER_FIN | R_TLS_ALERT | R_REFUSAL | R_UNKNOWN | R_ONE_SIDED) != 0
        or (reasons & (R_ZERO_WINDOW) and shut)
        or (reasons & (R_UNACKED | R_RETRANSMITTED) != 0 and kind != 0)
        or reasons & R_UNACKED != 0
        or (kind == 1 and not closed and end_ns - out[k + N_NS] >= 8 * cython.cast(cython.longlong, SECOND))
        or (kind == 1 and gap >= 2 * cython.cast(cython.longlong, SECOND) and late)
        or (kind == 1 and data_mine == 1 and data_other <= 1)
        or (kind >= 3 and waited >= SECOND // 4)
        or (kind == 2)
        or (again and data_other == 0)
        or (slow >= SECOND // 7 and unused >= 9 * (SECOND // 10))
        or (slow >= SECOND // 7 and data_mine == 0)
    )
    if not notable:
        return 0
    key = (reasons << 4) | ((meta >> 3) & 15)
    key = (key << 3) | kind
    key = (key << 3) | _step(gap)
    key = (key << 3) | _step(waited)
    key = (key << 2) | answers
    key = (key << 1) | rst_ack
    key = (key << 2) | hops
    key = (key << 1) | late
    key = (key << 1) | life
    key = (key << 1) | late_reset
    key = (key << 1) | again
    key = (key << 1) | shut
    key = (key << 3) | _step(silence)
    key = (key << 2) | (data_mine if data_mine < 3 else 3)
    key = (key << 2) | (data_other if data_other < 3 else 3)
    key = (key << 2) | (0 if slow < SECOND // 7 else 1 if slow < 2 * (SECOND // 5) else 2)
    key = (key << 1) | (1 if unused >= 9 * (SECOND // 10) else 0)
    return key + 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _hops(ttl: cython.longlong, low: cython.longlong, high: cython.longlong) -> cython.longlong:
    """0: as the host's other packets, 1: one off, 2: further off, 3: nothing to compare with."""
    off: cython.longlong
    if high < 0:
        return 3
    off = low - ttl if ttl < low else ttl - high
    return 0 if off <= 0 else 1 if off == 1 else 2


def likeness(
    count: cython.Py_ssize_t,
    groups: cython.longlong[::1],
    halves: cython.longlong[::1],
    kept: cython.longlong[::1],
    pool: cython.longlong[::1],
    end_ns: cython.longlong,
    out: cython.longlong[::1],
) -> int:
    """Write ``N_*`` words for each of ``count`` judged flows (key 0: not notable); return how many are notable."""
    i: cython.Py_ssize_t
    entry: cython.Py_ssize_t
    first: cython.Py_ssize_t
    second: cython.Py_ssize_t
    meta: cython.longlong
    found: cython.Py_ssize_t = 0
    with cython.nogil:
        for i in range(count):
            out[i * N_STRIDE + N_KEY] = 0
            meta = groups[i * J_STRIDE + J_META]
            if not meta >> J_REASONS:
                continue
            entry = groups[i * J_STRIDE + J_WHERE] & LOW32
            first = entry * T_STRIDE + T_HALVES + (meta & 1) * H_STRIDE
            second = entry * T_STRIDE + T_HALVES + (1 - (meta & 1)) * H_STRIDE
            out[i * N_STRIDE + N_KEY] = _look(
                meta, groups[i * J_STRIDE + J_SILENCE], kept, entry * S_STRIDE, pool, end_ns, out, i * N_STRIDE
            )
            if not meta & J_ESTABLISHED:
                # A failed opening is always worth a look; its counts tell it from others.
                out[i * N_STRIDE + N_KEY] = (
                    (cython.cast(cython.longlong, 1) << 62)
                    | ((meta >> J_REASONS) << 16)
                    | (((meta >> 3) & 15) << 12)
                    | (_few(halves[first + H_COUNTS] & COUNT_LIMIT) << 10)
                    | (_few(halves[second + H_COUNTS] & COUNT_LIMIT) << 8)
                    | (_few(halves[first + H_COUNTS] >> COUNT_ONE_RST) << 6)
                    | (_few(halves[second + H_COUNTS] >> COUNT_ONE_RST) << 4)
                    | (_few(halves[second + H_PACKETS] & LOW32) << 2)
                    | _few(halves[first + H_PACKETS] & LOW32)
                )
            if out[i * N_STRIDE + N_KEY]:
                found += 1
    return found


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _few(number: cython.longlong) -> cython.longlong:
    return number if number < 3 else 3
