# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator"
"""A first look at every flow: who began, Zeek's verdict, the longest silence, and whether it may deserve a diagnosis. [compiled]

A flow without a reason is an ordinary complete or a healthy running one; where that is in doubt it gets a reason.
"""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.ahead import fetch
from cython.cimports.analyzer.decode.columns import (
    AHEAD,
    BIT31,
    LOW32,
    MARK_HIGH_SIDE,
    SHAPE_LENGTH,
)
from cython.cimports.analyzer.flows.layout import (
    COUNT_LIMIT,
    COUNT_ONE_FIN,
    COUNT_ONE_RST,
    EB_PACKETS,
    END_PART,
    E_BITS,
    E_PORTS,
    E_PREVIOUS,
    E_STRIDE,
    G_HOP,
    G_NS,
    G_SEGMENTS,
    G_SEQACK,
    G_SHAPE,
    G_STRIDE,
    G_WORDS,
    HF_ACKED,
    HF_ACK_WILD,
    HF_OVERFLOW,
    HF_TOP,
    HF_WILD,
    H_ACK,
    H_BASE,
    H_BYTES,
    H_COUNTS,
    H_FIRST_NS,
    H_FIRST_REF,
    H_FLAGS,
    H_PACKETS,
    H_STRIDE,
    H_TOP_END,
    J_ESTABLISHED,
    J_META,
    J_REASONS,
    J_SILENCE,
    J_STRIDE,
    J_UNANSWERED,
    J_VERDICT,
    J_WHERE,
    KEEP_ALL,
    KEEP_FIRST,
    KEEP_LAST,
    LATE_REPLY,
    L_AFTER_NS,
    L_BEFORE_NS,
    L_COUNT,
    L_FIRST,
    L_STRIDE,
    L_WORDS,
    R_DATA_AFTER_FIN,
    R_HALF_CLOSED,
    R_HANDSHAKE,
    R_KEEPALIVE,
    R_NO_REPLY,
    R_ONE_SIDED,
    R_REFUSAL,
    R_REPLACED,
    R_RESET,
    R_RETRANSMITTED,
    R_TLS_ALERT,
    R_UNACKED,
    R_UNKNOWN,
    R_ZERO_WINDOW,
    SECOND,
    SLOW_HANDSHAKE,
    S_CHUNKS,
    S_COUNT,
    S_SILENCES,
    S_STRIDE,
    T_HALVES,
    T_HISTORY,
    T_STRIDE,
    W_STRIDE,
)

__all__ = ["judge"]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _ahead(start: cython.longlong, end: cython.longlong) -> cython.longlong:
    return ((end - start + BIT31) & LOW32) - BIT31


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _verdict(
    halves: cython.longlong[::1], first: cython.Py_ssize_t, second: cython.Py_ssize_t
) -> cython.longlong:
    """The compiled twin of ``machine.verdict``; its tests keep them equal."""
    mine: cython.longlong = halves[first + H_COUNTS]
    other: cython.longlong = halves[second + H_COUNTS]
    fins: cython.longlong = cython.cast(cython.longlong, COUNT_LIMIT) << COUNT_ONE_FIN
    if other >> COUNT_ONE_RST:
        if not mine & COUNT_LIMIT:
            return 10
        return 8 if other & COUNT_LIMIT else 4
    if mine >> COUNT_ONE_RST:
        return 7 if other & COUNT_LIMIT else 9
    if mine & fins:
        if other & fins:
            return 3
        return 5 if other & COUNT_LIMIT else 11
    if other & fins:
        return 6 if mine & COUNT_LIMIT else 12
    if mine & COUNT_LIMIT:
        if not halves[second + H_PACKETS]:
            return 1
        if other & COUNT_LIMIT:
            return 2
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _initiator(
    halves: cython.longlong[::1], t: cython.Py_ssize_t, ports: cython.longlong
) -> cython.longlong:
    """Return side | how << 1."""
    story: cython.longlong = halves[t + T_HISTORY]
    low: cython.Py_ssize_t = t + T_HALVES
    high: cython.Py_ssize_t = low + H_STRIDE
    code: cython.longlong
    answer: cython.longlong = -1
    while story & 15:
        code = (story & 15) - 1
        if code >> 1 == 0:
            return code & 1
        if code >> 1 == 1 and answer < 0:
            answer = (1 - (code & 1)) | 2
        story >>= 4
    if answer >= 0:
        return answer
    if (ports >> 16) & 0xFFFF != ports & 0xFFFF:
        return (1 if (ports >> 16) & 0xFFFF < ports & 0xFFFF else 0) | 4
    if not halves[low + H_PACKETS]:
        return 7
    if halves[high + H_PACKETS] and halves[high + H_FIRST_REF] < halves[low + H_FIRST_REF]:
        return 7
    return 6


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
            if not halves[o + H_FLAGS] & HF_ACKED or _ahead(
                halves[o + H_ACK] & LOW32, halves[h + H_BASE] + halves[h + H_TOP_END]
            ) > 0:
                reasons |= R_UNACKED
    return reasons


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _is_alert(text: cython.const[cython.uchar][::1], words: cython.longlong[::1], index: cython.longlong) -> cython.bint:
    if index == 0 or words[index - 1] & 127 < 2:
        return False
    return text[8 * index] == 0x15 and text[8 * index + 1] == 3


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _is_refusal(text: cython.const[cython.uchar][::1], words: cython.longlong[::1], index: cython.longlong) -> cython.bint:
    """Tell a reply of FTP or SMTP that refuses (4xx, 5xx), or an HTTP status 407, 502, 503 or 504."""
    p: cython.Py_ssize_t = 8 * index
    size: cython.longlong
    if index == 0:
        return False
    size = words[index - 1] & 127
    if size >= 4 and (text[p] == 52 or text[p] == 53) and (text[p + 3] == 32 or text[p + 3] == 45):
        return 48 <= text[p + 1] <= 57 and 48 <= text[p + 2] <= 57
    if size >= 12 and text[p] == 72 and text[p + 1] == 84 and text[p + 2] == 84 and text[p + 3] == 80 and text[p + 8] == 32:
        if text[p + 9] == 52:
            return text[p + 10] == 48 and text[p + 11] == 55
        return text[p + 9] == 53 and text[p + 10] == 48 and 50 <= text[p + 11] <= 52
    return False


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
                if length and has_first and i >= n - END_PART and _ahead(seq, top_first) > 1:
                    reasons |= R_RETRANSMITTED
                probe = length <= 1 and not shape & 3 and has_first and _ahead(seq, top_first) == 1
                if not has_first or _ahead(top_first, seq + taken) > 0:
                    top_first = (seq + taken) & LOW32
                    has_first = True
                if taken and judges and _ahead(acked, seq + taken) > 0:
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
                if length and has_second and i >= n - END_PART and _ahead(seq, top_second) > 1:
                    reasons |= R_RETRANSMITTED
                probe = length <= 1 and not shape & 3 and has_second and _ahead(seq, top_second) == 1
                if not has_second or _ahead(top_second, seq + taken) > 0:
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
def _look_ahead(kept: cython.longlong[::1], pool: cython.longlong[::1], s: cython.Py_ssize_t) -> cython.void:
    """Ask for the first chunk of the flow 24 on, the second of the one 16 on, and the third of the one 8 on."""
    chunk: cython.Py_ssize_t = (kept[s + 3 * AHEAD * S_STRIDE + S_CHUNKS] & LOW32) * G_STRIDE
    fetch(pool, chunk)
    fetch(pool, chunk + 8)
    chunk = (kept[s + 2 * AHEAD * S_STRIDE + S_CHUNKS] & LOW32) * G_STRIDE
    if kept[s + 2 * AHEAD * S_STRIDE + S_COUNT] > G_SEGMENTS:
        chunk = (pool[chunk] & LOW32) * G_STRIDE
        fetch(pool, chunk)
        fetch(pool, chunk + 8)
    if kept[s + AHEAD * S_STRIDE + S_COUNT] > 2 * G_SEGMENTS:
        chunk = (kept[s + AHEAD * S_STRIDE + S_CHUNKS] & LOW32) * G_STRIDE
        chunk = (pool[chunk] & LOW32) * G_STRIDE
        chunk = (pool[chunk] & LOW32) * G_STRIDE
        fetch(pool, chunk)
        fetch(pool, chunk + 8)


def judge(
    count: cython.Py_ssize_t,
    entries: cython.longlong[::1],
    halves: cython.longlong[::1],
    kept: cython.longlong[::1],
    pool: cython.longlong[::1],
    lists: cython.longlong[::1],
    spoken: cython.longlong[::1],
    words: cython.longlong[::1],
    text: cython.const[cython.uchar][::1],
    end_ns: cython.longlong,
    out: cython.longlong[::1],
) -> int:
    """Write one group of ``J_*`` words to ``out`` for each of ``count`` entries that has packets; return how many.

    ``end_ns`` is when the capture ended.
    """
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t = 0
    t: cython.Py_ssize_t
    first: cython.Py_ssize_t
    second: cython.Py_ssize_t
    who: cython.longlong
    meta: cython.longlong
    reasons: cython.longlong
    code: cython.longlong
    word: cython.longlong
    other: cython.longlong
    with cython.nogil:
        for i in range(count):
            if i + 3 * AHEAD < count:
                # The chunks of a flow's segments are a list: each round asks for the next one of a flow further on.
                _look_ahead(kept, pool, i * S_STRIDE)
                word = spoken[(i + AHEAD) * W_STRIDE]
                fetch(words, (word & 0x7FFFFFFF) - 1)
                fetch(words, ((word >> 32) & 0x3FFFFFFF) - 1)
                word = spoken[(i + AHEAD) * W_STRIDE + 1]
                fetch(words, (word & 0x7FFFFFFF) - 1)
                fetch(words, ((word >> 32) & 0x3FFFFFFF) - 1)
            if not entries[i * E_STRIDE + E_BITS] & EB_PACKETS:
                continue
            t = i * T_STRIDE
            who = _initiator(halves, t, entries[i * E_STRIDE + E_PORTS])
            first = t + T_HALVES + (who & 1) * H_STRIDE
            second = t + T_HALVES + (1 - (who & 1)) * H_STRIDE
            code = _verdict(halves, first, second)
            reasons = _counters(halves, t, first, second, who) | _segments(
                halves, first, second, who & 1, kept, i * S_STRIDE, pool, lists, end_ns, out, j
            )
            word = spoken[i * W_STRIDE + (who & 1)]
            other = spoken[i * W_STRIDE + 1 - (who & 1)]
            if (
                _is_alert(text, words, word & 0x7FFFFFFF)
                or _is_alert(text, words, (word >> 32) & 0x3FFFFFFF)
                or _is_alert(text, words, other & 0x7FFFFFFF)
                or _is_alert(text, words, (other >> 32) & 0x3FFFFFFF)
            ):
                reasons |= R_TLS_ALERT
            if _is_refusal(text, words, other & 0x7FFFFFFF) or _is_refusal(text, words, (other >> 32) & 0x3FFFFFFF):
                reasons |= R_REFUSAL
            meta = who | (code << J_VERDICT)
            if halves[first + H_COUNTS] & COUNT_LIMIT:
                if halves[second + H_COUNTS] & COUNT_LIMIT and halves[first + H_PACKETS] & LOW32 > (
                    halves[first + H_COUNTS] & COUNT_LIMIT
                ) + ((halves[first + H_COUNTS] >> COUNT_ONE_RST) & COUNT_LIMIT):
                    meta |= J_ESTABLISHED
            elif halves[first + H_BYTES] and halves[second + H_BYTES]:
                meta |= J_ESTABLISHED
            out[j + J_WHERE] = (cython.cast(cython.longlong, i) << 32) | i
            out[j + J_META] = meta | (reasons << J_REASONS)
            j += J_STRIDE
        # An incarnation that another one replaced without a proper close.
        for i in range(count):
            who = entries[i * E_STRIDE + E_PREVIOUS]
            if who:
                t = (who - 1) * T_STRIDE
                if not (halves[t + T_HALVES + H_COUNTS] | halves[t + T_HALVES + H_STRIDE + H_COUNTS]) >> COUNT_ONE_FIN:
                    _mark_replaced(out, j, who - 1)
    return j // J_STRIDE


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
