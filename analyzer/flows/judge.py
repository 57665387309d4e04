# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""A first look at every flow: the longest silence, and whether it may deserve a diagnosis (compiled).

A flow without a reason is an ordinary complete or a healthy running one; where that is in doubt it gets a reason.
"""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.ahead import fetch
from cython.cimports.analyzer.decode.columns import AHEAD, LOW32, MARK_HIGH_SIDE, SHAPE_LENGTH
from cython.cimports.analyzer.flows.chunks import chunk_after
from cython.cimports.analyzer.flows.distance import distance
from cython.cimports.analyzer.flows.layout import (
    COUNT_LIMIT,
    COUNT_ONE_FIN,
    E_PREVIOUS,
    E_STRIDE,
    END_PART,
    G_HOP,
    G_NS,
    G_SEGMENTS,
    G_SEQACK,
    G_SHAPE,
    G_STRIDE,
    G_WORDS,
    H_ACK,
    H_BASE,
    H_COUNTS,
    H_FIRST_NS,
    H_FLAGS,
    H_PACKETS,
    H_STRIDE,
    H_TOP_END,
    HF_ACK_WILD,
    HF_ACKED,
    HF_OVERFLOW,
    HF_TOP,
    HF_WILD,
    J_META,
    J_REASONS,
    J_SILENCE,
    J_STRIDE,
    J_UNANSWERED,
    J_WHERE,
    KEEP_ALL,
    KEEP_FIRST,
    KEEP_LAST,
    L_AFTER_NS,
    L_BEFORE_NS,
    L_COUNT,
    L_FIRST,
    L_STRIDE,
    L_WORDS,
    LATE_REPLY,
    R_DATA_AFTER_FIN,
    R_HALF_CLOSED,
    R_HANDSHAKE,
    R_KEEPALIVE,
    R_NO_REPLY,
    R_ONE_SIDED,
    R_REPLACED,
    R_RESET,
    R_RETRANSMITTED,
    R_UNACKED,
    R_UNKNOWN,
    R_ZERO_WINDOW,
    S_CHUNKS,
    S_COUNT,
    S_SILENCES,
    S_STRIDE,
    SECOND,
    SLOW_HANDSHAKE,
    T_HALVES,
    T_HISTORY,
    T_STRIDE,
)

__all__ = ["judge"]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _counters(
    halves: cython.longlong[::1], t: cython.Py_ssize_t, first: cython.Py_ssize_t, second: cython.Py_ssize_t, how: cython.longlong
) -> cython.longlong:
    """Reasons that the tally alone gives."""
    mine: cython.longlong = halves[first + H_COUNTS]
    other: cython.longlong = halves[second + H_COUNTS]
    fins: cython.longlong = cython.cast(cython.longlong, COUNT_LIMIT) << COUNT_ONE_FIN
    story: cython.longlong = halves[t + T_HISTORY]
    reasons: cython.longlong = 0
    closed: cython.longlong = 0
    code: cython.longlong
    h: cython.Py_ssize_t
    o: cython.Py_ssize_t
    side: cython.int
    while story & 15:
        code = (story & 15) - 1
        if code >> 1 == 4:
            closed += 1
        elif code >> 1 == 5 and closed < 2:
            reasons |= R_RESET
        story >>= 4
    if how >> 1 == 0:
        if (
            mine & COUNT_LIMIT != 1
            or other & COUNT_LIMIT != 1
            or halves[first + H_PACKETS] & LOW32 < 2
            or halves[second + H_FIRST_NS] - halves[first + H_FIRST_NS] > SLOW_HANDSHAKE
            or halves[second + H_FIRST_NS] < halves[first + H_FIRST_NS]
        ):
            reasons |= R_HANDSHAKE
    elif (mine | other) & COUNT_LIMIT:
        reasons |= R_HANDSHAKE
    if (mine & fins != 0) != (other & fins != 0):
        reasons |= R_HALF_CLOSED
    if not halves[first + H_PACKETS] or not halves[second + H_PACKETS]:
        return reasons | R_ONE_SIDED
    for side in range(2):
        h = first if side == 0 else second
        o = second if side == 0 else first
        if (halves[h + H_FLAGS] | halves[o + H_FLAGS]) & (HF_WILD | HF_ACK_WILD | HF_OVERFLOW):
            reasons |= R_UNKNOWN
        elif halves[h + H_FLAGS] & HF_TOP:
            # Without a FIN of its own a half is judged by all it sent, with one by its data: the last ACK may be missing.
            if not halves[o + H_FLAGS] & HF_ACKED or distance(
                halves[o + H_ACK] & LOW32, halves[h + H_BASE] + halves[h + H_TOP_END]
            ) > 0:
                reasons |= R_UNACKED
    return reasons


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _segments(
    halves: cython.longlong[::1],
    first: cython.Py_ssize_t,
    second: cython.Py_ssize_t,
    side: cython.longlong,
    kept: cython.longlong[::1],
    s: cython.Py_ssize_t,
    pool: cython.longlong[::1],
    lists: cython.longlong[::1],
    end_ns: cython.longlong,
    out: cython.longlong[::1],
    j: cython.Py_ssize_t,
) -> cython.longlong:
    """Reasons that the kept segments give; writes the longest silence and the first unanswered send."""
    n: cython.longlong = kept[s + S_COUNT]
    chunk: cython.Py_ssize_t = kept[s + S_CHUNKS] & LOW32
    slot: cython.Py_ssize_t = 0
    g: cython.Py_ssize_t
    i: cython.longlong = 0
    x: cython.Py_ssize_t
    w: cython.Py_ssize_t
    shape: cython.longlong
    length: cython.longlong
    seq: cython.longlong
    ns: cython.longlong = 0
    before: cython.longlong = 0
    silence: cython.longlong = 0
    reasons: cython.longlong = 0
    mine: cython.bint
    taken: cython.longlong
    # Of each half, the initiator's first: highest number among these segments, and whether there is one.
    top_first: cython.longlong = 0
    top_second: cython.longlong = 0
    has_first: cython.bint = False
    has_second: cython.bint = False
    finished: cython.bint = False
    asked_ns: cython.longlong = -1
    unanswered: cython.longlong = -1
    sends: cython.longlong = 0
    acked: cython.longlong = halves[second + H_ACK] & LOW32
    judges: cython.bint = halves[second + H_FLAGS] & HF_ACKED and not halves[second + H_FLAGS] & HF_ACK_WILD
    window_first: cython.longlong = 1
    window_second: cython.longlong = 1
    probe: cython.bint = False
    while i < n:
        if i == KEEP_FIRST and n > KEEP_ALL:
            # Over the gap to the oldest segment of the ring.
            i = n - KEEP_LAST
            slot = n % G_SEGMENTS
            chunk = kept[s + S_CHUNKS] >> 32
            if slot == 0:
                chunk = pool[chunk * G_STRIDE] & LOW32
            before = 0
        g = chunk * G_STRIDE + 1 + slot * G_WORDS
        shape = pool[g + G_SHAPE]
        seq = pool[g + G_SEQACK] & LOW32
        ns = pool[g + G_NS]
        length = shape >> SHAPE_LENGTH
        taken = length + ((shape >> 1) & 1) + (shape & 1)
        mine = (shape & MARK_HIGH_SIDE != 0) == (side != 0)
        if before and ns - before > silence:
            silence = ns - before
        before = ns
        probe = False
        if mine:
            if not shape & 4:
                window_first = (pool[g + G_HOP] >> 32) & 0xFFFF
                if length and has_first and i >= n - END_PART and distance(seq, top_first) > 1:
                    reasons |= R_RETRANSMITTED
                probe = length <= 1 and not shape & 3 and has_first and distance(seq, top_first) == 1
                if not has_first or distance(top_first, seq + taken) > 0:
                    top_first = (seq + taken) & LOW32
                    has_first = True
                if taken and judges and distance(acked, seq + taken) > 0:
                    sends += 1
                    if sends == 1:
                        unanswered = ns
            if length:
                if finished:
                    reasons |= R_DATA_AFTER_FIN
                if not probe:
                    asked_ns = ns
        else:
            if not shape & 4:
                window_second = (pool[g + G_HOP] >> 32) & 0xFFFF
                if length and has_second and i >= n - END_PART and distance(seq, top_second) > 1:
                    reasons |= R_RETRANSMITTED
                probe = length <= 1 and not shape & 3 and has_second and distance(seq, top_second) == 1
                if not has_second or distance(top_second, seq + taken) > 0:
                    top_second = (seq + taken) & LOW32
                    has_second = True
            if shape & 1:
                finished = True
            if length and not probe:
                asked_ns = -1
        slot += 1
        if slot == G_SEGMENTS:
            slot = 0
            chunk = pool[chunk * G_STRIDE] & LOW32
        i += 1
    if kept[s + S_SILENCES] >> 2:
        x = ((kept[s + S_SILENCES] >> 2) - 1) * L_STRIDE
        for i in range(lists[x + L_COUNT]):
            w = x + L_FIRST + i * L_WORDS
            if lists[w + L_AFTER_NS] - lists[w + L_BEFORE_NS] > silence:
                silence = lists[w + L_AFTER_NS] - lists[w + L_BEFORE_NS]
    if probe:
        reasons |= R_KEEPALIVE
    if window_first == 0 or window_second == 0:
        reasons |= R_ZERO_WINDOW
    if asked_ns >= 0 and (
        (halves[first + H_COUNTS] | halves[second + H_COUNTS]) >> COUNT_ONE_FIN
        or ns - asked_ns >= cython.cast(cython.longlong, LATE_REPLY) * SECOND
        or end_ns - asked_ns >= cython.cast(cython.longlong, LATE_REPLY) * SECOND
    ):
        reasons |= R_NO_REPLY
    if not halves[second + H_PACKETS]:
        unanswered = halves[first + H_FIRST_NS] if halves[first + H_COUNTS] & COUNT_LIMIT > 1 else -1
    elif sends < 2:
        unanswered = -1
    out[j + J_SILENCE] = silence if silence >= SECOND else 0
    out[j + J_UNANSWERED] = unanswered
    return reasons


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _look_ahead(
    kept: cython.longlong[::1], pool: cython.longlong[::1], groups: cython.longlong[::1], j: cython.Py_ssize_t
) -> cython.void:
    """Ask for the first chunk of one flow, the second of a nearer one, and the third of a still nearer one."""
    s: cython.Py_ssize_t = (groups[j + 3 * AHEAD * J_STRIDE + J_WHERE] & LOW32) * S_STRIDE
    chunk: cython.Py_ssize_t = (kept[s + S_CHUNKS] & LOW32) * G_STRIDE
    fetch(pool, chunk)
    fetch(pool, chunk + 8)
    s = (groups[j + 2 * AHEAD * J_STRIDE + J_WHERE] & LOW32) * S_STRIDE
    if kept[s + S_COUNT] > G_SEGMENTS:
        chunk = chunk_after(pool, kept[s + S_CHUNKS] & LOW32) * G_STRIDE
        fetch(pool, chunk)
        fetch(pool, chunk + 8)
    s = (groups[j + AHEAD * J_STRIDE + J_WHERE] & LOW32) * S_STRIDE
    if kept[s + S_COUNT] > 2 * G_SEGMENTS:
        chunk = chunk_after(pool, chunk_after(pool, kept[s + S_CHUNKS] & LOW32)) * G_STRIDE
        fetch(pool, chunk)
        fetch(pool, chunk + 8)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _mark_replaced(out: cython.longlong[::1], end: cython.Py_ssize_t, entry: cython.longlong) -> cython.void:
    """Find the group of ``entry`` among groups in ascending order of entries."""
    low: cython.Py_ssize_t = 0
    high: cython.Py_ssize_t = end // J_STRIDE
    middle: cython.Py_ssize_t
    while low < high:
        middle = (low + high) // 2
        if out[middle * J_STRIDE + J_WHERE] & LOW32 < entry:
            low = middle + 1
        else:
            high = middle
    if low * J_STRIDE < end and out[low * J_STRIDE + J_WHERE] & LOW32 == entry:
        out[low * J_STRIDE + J_META] |= cython.cast(cython.longlong, R_REPLACED) << J_REASONS


def judge(
    groups: cython.longlong[::1],
    count: cython.Py_ssize_t,
    entries: cython.longlong[::1],
    halves: cython.longlong[::1],
    kept: cython.longlong[::1],
    pool: cython.longlong[::1],
    lists: cython.longlong[::1],
    end_ns: cython.longlong,
) -> None:
    """Write silences, unanswered sends and reasons into ``count`` groups that ``roles.assign_roles`` began.

    ``end_ns`` is when the capture ended.
    """
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    e: cython.Py_ssize_t
    first: cython.Py_ssize_t
    second: cython.Py_ssize_t
    who: cython.longlong
    reasons: cython.longlong
    with cython.nogil:
        for i in range(count):
            j = i * J_STRIDE
            if i + 3 * AHEAD < count:
                # The chunks of a flow's segments are a list: each round asks for the next one of a flow further on.
                _look_ahead(kept, pool, groups, j)
            e = groups[j + J_WHERE] & LOW32
            who = groups[j + J_META] & 7
            first = e * T_STRIDE + T_HALVES + (who & 1) * H_STRIDE
            second = e * T_STRIDE + T_HALVES + (1 - (who & 1)) * H_STRIDE
            reasons = _counters(halves, e * T_STRIDE, first, second, who) | _segments(
                halves, first, second, who & 1, kept, e * S_STRIDE, pool, lists, end_ns, groups, j
            )
            groups[j + J_META] |= reasons << J_REASONS
        # An incarnation that another one replaced without a proper close.
        for i in range(count):
            who = entries[(groups[i * J_STRIDE + J_WHERE] & LOW32) * E_STRIDE + E_PREVIOUS]
            if who:
                e = (who - 1) * T_STRIDE
                if not (halves[e + T_HALVES + H_COUNTS] | halves[e + T_HALVES + H_STRIDE + H_COUNTS]) >> COUNT_ONE_FIN:
                    _mark_replaced(groups, count * J_STRIDE, who - 1)
