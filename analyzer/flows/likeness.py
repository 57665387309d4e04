# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""Which suspects could be incidents at all, and which of them are alike (compiled).

A capture may hold ten thousand connections that died in the same way. Each *notable* suspect gets a key of what its
packets show at a glance: two flows with the same key are told the same story by the rules, so a crowd of them can be
judged by examples. A suspect without a key shows nothing that a rule could make an incident of without a log: what is
asked here of its packets is weaker than what any rule for captures alone asks of its facts. What only other flows show
(a translating box that gave a connection another port) is not looked for.
"""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.columns import BIT31, LOW32, MARK_HIGH_SIDE, SHAPE_LENGTH
from cython.cimports.analyzer.flows.distance import distance
from cython.cimports.analyzer.flows.layout import (
    C_PIECE,
    C_PIECES,
    C_STRIDE,
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
    H_BASE,
    H_COUNTS,
    H_FLAGS,
    H_PACKETS,
    H_STRIDE,
    H_TOP,
    HF_COLD,
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
    S_CHUNKS,
    S_COUNT,
    S_STRIDE,
    SECOND,
    T_HALVES,
    T_STRIDE,
    W_CONTROL,
    W_STRIDE,
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
def _round(ns: cython.longlong) -> cython.longlong:
    """1 for a whole number of half minutes, or of five seconds below that, within 0.3 s: timers are set to such."""
    step: cython.longlong = (5 if ns < 30 * cython.cast(cython.longlong, SECOND) else 30) * SECOND
    off: cython.longlong = (ns + 3 * (SECOND // 10)) % step
    return 1 if ns > 4 * cython.cast(cython.longlong, SECOND) and off < 6 * (SECOND // 10) else 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _acks(
    side: cython.longlong,
    kept: cython.longlong[::1],
    s: cython.Py_ssize_t,
    pool: cython.longlong[::1],
    out: cython.longlong[::1],
    k: cython.Py_ssize_t,
) -> cython.void:
    """Write the highest acknowledgment that each half got, the initiator's first, and how many FINs and RSTs are kept.

    A half without any acknowledgment counts from its own first segment; -1 where there is none.
    """
    n: cython.longlong = kept[s + S_COUNT]
    chunk: cython.Py_ssize_t = kept[s + S_CHUNKS] & LOW32
    slot: cython.Py_ssize_t = 0
    g: cython.Py_ssize_t
    i: cython.longlong = 0
    shape: cython.longlong
    ack: cython.longlong
    mine: cython.bint
    ends: cython.longlong = 0
    to_mine: cython.longlong = -1
    to_other: cython.longlong = -1
    own_mine: cython.longlong = -1
    own_other: cython.longlong = -1
    while i < n:
        if i == KEEP_FIRST and n > KEEP_ALL:
            i = n - KEEP_LAST
            slot = n % G_SEGMENTS
            chunk = kept[s + S_CHUNKS] >> 32
            if slot == 0:
                chunk = pool[chunk * G_STRIDE] & LOW32
        g = chunk * G_STRIDE + 1 + slot * G_WORDS
        shape = pool[g + G_SHAPE]
        if shape & 5:
            ends += 1
        if not shape & 4:
            mine = (shape & MARK_HIGH_SIDE != 0) == (side != 0)
            ack = (pool[g + G_SEQACK] >> 32) + BIT31
            if shape & 16:
                if mine:
                    if to_other < 0 or distance(to_other, ack) > 0:
                        to_other = ack
                elif to_mine < 0 or distance(to_mine, ack) > 0:
                    to_mine = ack
            if not shape & 2:
                if mine and own_mine < 0:
                    own_mine = pool[g + G_SEQACK] & LOW32
                if not mine and own_other < 0:
                    own_other = pool[g + G_SEQACK] & LOW32
        slot += 1
        if slot == G_SEGMENTS:
            slot = 0
            chunk = pool[chunk * G_STRIDE] & LOW32
        i += 1
    out[k] = to_mine if to_mine >= 0 else own_mine
    out[k + 1] = to_other if to_other >= 0 else own_other
    out[k + 2] = ends


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _look(
    meta: cython.longlong,
    silence: cython.longlong,
    talk: cython.longlong,
    ended: cython.longlong,
    holes: cython.bint,
    kept: cython.longlong[::1],
    s: cython.Py_ssize_t,
    pool: cython.longlong[::1],
    end_ns: cython.longlong,
    out: cython.longlong[::1],
    k: cython.Py_ssize_t,
) -> cython.longlong:
    """Return the key of an established flow, 0 when it is not notable; writes the decisive frame and time.

    ``talk`` is what ``_talk`` tells, ``ended`` how many FINs and RSTs the flow had, ``holes`` whether bytes of the
    responder are missing.
    """
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
    seq: cython.longlong
    end: cython.longlong
    ns: cython.longlong = 0
    before: cython.longlong = 0
    before_mine: cython.bint = False
    before_data: cython.bint = False
    mine: cython.bint
    new: cython.bint
    # The opening.
    syn_ns: cython.longlong = -1
    answer_ns: cython.longlong = -1
    answer_seq: cython.longlong = 0
    made_ns: cython.longlong = -1
    used_ns: cython.longlong = -1
    again: cython.longlong = 0
    stray: cython.longlong = 0
    # The ending.
    kind: cython.longlong = 0
    gap: cython.longlong = 0
    waited: cython.longlong = 0
    gave_up: cython.bint = False
    answered: cython.bint = False
    rst_ack: cython.longlong = 0
    bare: cython.bint = False
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
    patience: cython.longlong = 0
    rounds: cython.longlong = 0
    exchanges: cython.longlong = 0
    last_ns: cython.longlong = 0
    closed: cython.longlong = 0
    data_mine: cython.longlong = 0
    data_other: cython.longlong = 0
    shut: cython.longlong = 0
    # Of each half: the highest number, and what the other one never acknowledged.
    top_mine: cython.longlong = -1
    top_other: cython.longlong = -1
    stuck_mine: cython.longlong = -1
    stuck_other: cython.longlong = -1
    stuck_size: cython.longlong = 0
    early: cython.bint = False
    repeats: cython.longlong = 0
    reach: cython.longlong
    hole: cython.bint = False
    notable: cython.bint
    tls_open: cython.bint = talk & 1 != 0
    refuses: cython.bint = talk & 2 != 0
    replies: cython.bint = talk & 4 != 0
    key: cython.longlong
    acked_mine: cython.longlong
    acked_other: cython.longlong
    _acks(side, kept, s, pool, out, k)
    acked_mine, acked_other = out[k], out[k + 1]
    ended -= out[k + 2]
    reach = acked_other
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
        seq = pool[g + G_SEQACK] & LOW32
        flags = shape & 0x1FF
        length = shape >> SHAPE_LENGTH
        end = (seq + length + ((flags >> 1) & 1) + (flags & 1)) & LOW32
        mine = (shape & MARK_HIGH_SIDE != 0) == (side != 0)
        ttl = (hop >> 48) & 0xFF
        last_ns = ns
        if flags & 2:
            if flags & 16:
                if answer_ns < 0:
                    answer_ns, answer_seq = ns, seq
                elif made_ns >= 0:
                    again += 1
            elif syn_ns < 0:
                syn_ns = ns
        elif not flags & 4:
            if mine:
                if made_ns < 0 and (
                    (answer_ns < 0 and syn_ns < 0)
                    or (answer_ns >= 0 and flags & 16 and distance(answer_seq, (pool[g + G_SEQACK] >> 32) + BIT31) > 0)
                ):
                    made_ns = ns
            elif syn_ns >= 0 and answer_ns < 0:
                stray = 1
        if flags & 5 and not flags & 2 and kind == 0 and (made_ns >= 0 or not mine):
            kind = (1 if flags & 1 and not flags & 4 else 2) + (2 if mine else 0)
            out[k + N_FRAME] = hop & LOW32
            out[k + N_NS] = ns
            gap = ns - before if before else 0
            answers = (1 if before_mine else 0) | (2 if before_data else 0)
            rst_ack = (flags >> 4) & 1
            if flags & 4:
                hops = _hops(ttl, low_mine if mine else low_other, high_mine if mine else high_other)
        elif kind:
            if flags & 4:
                if mine != (kind > 2):
                    late_reset = 1
            elif mine == (kind > 2):
                if length or not flags & 1:
                    life = 1
            elif length:
                late = 1
            if flags & 5 and mine != (kind > 2):
                closed = 1
        if flags & 4:
            if not mine and not flags & 16:
                bare = True
        elif not flags & 2:
            # What was never acknowledged, and whether it was sent again; a keepalive's one byte is no data.
            if mine:
                new = top_mine < 0 or distance(top_mine, end) > 0
                if end != seq:
                    if distance(acked_mine, end) > 0 and (
                        length > 1 or flags & 1 or (seq + 1) & LOW32 != acked_mine
                    ):
                        if stuck_mine < 0:
                            stuck_mine = ns
                            stuck_size = max(stuck_size, length)
                            early = early or kind == 0
                    if not new and stuck_mine >= 0:
                        repeats += 1
                if new:
                    top_mine = end
            else:
                new = top_other < 0 or distance(top_other, end) > 0
                if end != seq:
                    if distance(acked_other, end) > 0:
                        if length > 1 or flags & 1 or (seq + 1) & LOW32 != acked_other:
                            if stuck_other < 0:
                                stuck_other = ns
                                stuck_size = max(stuck_size, length)
                                early = early or kind == 0
                        if distance(reach, seq) > 0:
                            hole = True
                        if distance(acked_other, seq) > 0:
                            hole = True
                    if not new and stuck_other >= 0:
                        repeats += 1
                if new:
                    top_other = end
            if length:
                if mine:
                    if not gave_up and new:
                        rounds += 1 if asked_ns < 0 or ns - asked_ns >= SECOND else 0
                        asked_ns = ns
                    if used_ns < 0:
                        used_ns = ns
                elif gave_up:
                    answered = True
                elif new:
                    if asked_ns >= 0:
                        exchanges += 1
                        patience = max(patience, ns - asked_ns)
                    asked_ns = -1
                    rounds = 0
        if flags & 5 and not flags & 2 and not gave_up:
            gave_up = True
            waited = ns - asked_ns if asked_ns >= 0 else 0
        if not flags & 4:
            if mine:
                low_mine = min(low_mine, ttl)
                high_mine = max(high_mine, ttl)
            else:
                low_other = min(low_other, ttl)
                high_other = max(high_other, ttl)
                shut = 1 if (hop >> 32) & 0xFFFF == 0 and flags & 16 else 0
            if length > 1:
                if mine:
                    data_mine += 1
                else:
                    data_other += 1
        before, before_mine, before_data = ns, mine, length > 1
        slot += 1
        if slot == G_SEGMENTS:
            slot = 0
            chunk = pool[chunk * G_STRIDE] & LOW32
        i += 1
    if kind == 0:
        out[k + N_FRAME] = hop & LOW32
        out[k + N_NS] = ns
    if not gave_up:
        waited = end_ns - asked_ns if asked_ns >= 0 else 0
    slow: cython.longlong = answer_ns - syn_ns if syn_ns >= 0 and answer_ns >= 0 else 0
    unused: cython.longlong = (used_ns if used_ns >= 0 else last_ns) - made_ns if made_ns >= 0 else 0
    notable = (
        reasons & (R_KEEPALIVE | R_DATA_AFTER_FIN | R_TLS_ALERT | R_REFUSAL | R_UNKNOWN | R_ONE_SIDED) != 0
        # A server's RST after the client's FIN is how many connections end; one without ACK may tell a lost state.
        or (reasons & R_RESET != 0 and (kind != 3 or bare))
        or (reasons & R_ZERO_WINDOW and shut)
        # Packets that stopped arriving were sent again; what was lost after an end was, at most, too large.
        or (repeats != 0 and (early or (repeats > 1 and stuck_size >= 1200)))
        or again != 0
        or (holes and hole)
        # An ending that was not kept.
        or ended > 0
        # Handshakes that nothing finished.
        or (answer_ns >= 0 and made_ns < 0)
        or (kind == 1 and not closed and end_ns - out[k + N_NS] >= 8 * cython.cast(cython.longlong, SECOND))
        or (kind == 1 and gap >= 2 * cython.cast(cython.longlong, SECOND) and late)
        or (kind == 1 and replies and silence >= 8 * cython.cast(cython.longlong, SECOND))
        or (kind == 1 and refuses)
        or (kind == 2)
        or (kind != 0 and tls_open)
        or (kind >= 3 and waited >= (SECOND // 4 if answered else 8 * cython.cast(cython.longlong, SECOND)))
        or (slow >= 2 * (SECOND // 5) and unused >= 9 * (SECOND // 10) and (kind == 0 or kind > 2))
        or ((stray or slow >= SECOND // 7) and data_mine == 0)
    )
    if not notable:
        return 0
    # Whether it was sent again tells more than that something stayed without an acknowledgment.
    reasons &= ~cython.cast(cython.longlong, R_UNACKED | R_RETRANSMITTED | R_NO_REPLY)
    if early:
        reasons |= R_UNACKED
    if repeats:
        reasons |= R_RETRANSMITTED
    if late or answered:
        late = 1
    if again:
        again = 1
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
    key = (key << 1) | (1 if waited > patience and (rounds < 3 or exchanges > 1) else 0)
    key = (key << 1) | _round(gap)
    key = (key << 1) | (1 if silence >= 2 * gap else 0)
    key = (key << 3) | _step(silence)
    key = (key << 2) | (min(3, data_mine))
    key = (key << 2) | (min(3, data_other))
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


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _few(number: cython.longlong) -> cython.longlong:
    return min(3, number)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _is_reply(text: cython.const[cython.uchar][::1], p: cython.Py_ssize_t, size: cython.longlong) -> cython.bint:
    """Tell a line of three digits and a space or a hyphen, as FTP and SMTP answer (RFC 959 §4.2)."""
    if size < 4 or (text[p + 3] != 32 and text[p + 3] != 45):
        return False
    return 48 <= text[p] <= 57 and 48 <= text[p + 1] <= 57 and 48 <= text[p + 2] <= 57


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _refuses(
    text: cython.const[cython.uchar][::1], words: cython.longlong[::1], index: cython.longlong
) -> cython.bint:
    """Tell words that may refuse in any protocol that `analyzer.signals.protocol` reads."""
    p: cython.Py_ssize_t = 8 * index
    size: cython.longlong
    if index == 0:
        return False
    size = words[index - 1] & 127
    if size >= 12 and text[p] == 72 and text[p + 1] == 84 and text[p + 4] == 47:
        return text[p + 9] >= 52
    if _is_reply(text, p, size):
        return text[p] >= 52
    # MySQL's error packet, PostgreSQL's error, a Redis error.
    return size >= 2 and ((size > 5 and text[p + 4] == 0xFF) or text[p] == 69 or text[p] == 45)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _talk(
    mine: cython.longlong,
    other: cython.longlong,
    control: cython.bint,
    answered: cython.bint,
    text: cython.const[cython.uchar][::1],
    words: cython.longlong[::1],
) -> cython.longlong:
    """Return 1 for a TLS handshake that may not have finished, 2 for a refusal, 4 for a protocol of reply codes.

    ``mine`` and ``other`` are the words of the initiator and of the responder, ``answered`` that the latter sent data.
    """
    found: cython.longlong = 0
    head: cython.longlong = mine & 0x7FFFFFFF
    tail: cython.longlong = (mine >> 32) & 0x3FFFFFFF
    if head and words[head - 1] & 127 >= 2 and text[8 * head] == 0x16 and text[8 * head + 1] == 3:
        if tail == head or not answered or (
            text[8 * tail] != 0x14 and text[8 * tail] != 0x16 and text[8 * tail] != 0x17
        ):
            found = 1
    head = other & 0x7FFFFFFF
    tail = (other >> 32) & 0x3FFFFFFF
    if _refuses(text, words, tail) or _refuses(text, words, head):
        found |= 2
    if control or (head and _is_reply(text, 8 * head, words[head - 1] & 127)):
        found |= 4
    return found


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _misses(halves: cython.longlong[::1], h: cython.Py_ssize_t, cold: cython.longlong[::1]) -> cython.bint:
    """Tell whether the sequence space of a half has a hole below its highest piece."""
    number: cython.longlong = halves[h + H_FLAGS] >> HF_COLD
    start: cython.longlong = halves[h + H_TOP]
    covered: cython.longlong = 0
    n: cython.Py_ssize_t
    p: cython.Py_ssize_t
    if number:
        for n in range(cold[(number - 1) * C_STRIDE + C_PIECES]):
            p = (number - 1) * C_STRIDE + C_PIECE + 2 * n
            covered += cold[p + 1] - cold[p]
    return start - (halves[h + H_BASE] >> 32) > covered


def likeness(
    count: cython.Py_ssize_t,
    groups: cython.longlong[::1],
    halves: cython.longlong[::1],
    cold: cython.longlong[::1],
    kept: cython.longlong[::1],
    pool: cython.longlong[::1],
    spoken: cython.longlong[::1],
    words: cython.longlong[::1],
    text: cython.const[cython.uchar][::1],
    end_ns: cython.longlong,
    out: cython.longlong[::1],
) -> int:
    """Write ``N_*`` words for each of ``count`` judged flows (key 0: not notable); return how many are notable."""
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    entry: cython.Py_ssize_t
    first: cython.Py_ssize_t
    second: cython.Py_ssize_t
    meta: cython.longlong
    both: cython.longlong
    talk: cython.longlong
    found: cython.Py_ssize_t = 0
    with cython.nogil:
        for i in range(count):
            k = i * N_STRIDE
            out[k + N_KEY] = 0
            meta = groups[i * J_STRIDE + J_META]
            if not meta >> J_REASONS:
                continue
            entry = groups[i * J_STRIDE + J_WHERE] & LOW32
            first = entry * T_STRIDE + T_HALVES + (meta & 1) * H_STRIDE
            second = entry * T_STRIDE + T_HALVES + (1 - (meta & 1)) * H_STRIDE
            both = (
                ((halves[first + H_COUNTS] >> COUNT_ONE_FIN) & COUNT_LIMIT)
                + ((halves[second + H_COUNTS] >> COUNT_ONE_FIN) & COUNT_LIMIT)
                + (halves[first + H_COUNTS] >> COUNT_ONE_RST)
                + (halves[second + H_COUNTS] >> COUNT_ONE_RST)
            )
            talk = _talk(
                spoken[entry * W_STRIDE + (meta & 1)],
                spoken[entry * W_STRIDE + 1 - (meta & 1)],
                (spoken[entry * W_STRIDE] >> W_CONTROL) & 1 != 0,
                halves[second + H_PACKETS] >> 32 != 0,
                text,
                words,
            )
            out[k + N_KEY] = _look(
                meta, groups[i * J_STRIDE + J_SILENCE], talk, both, _misses(halves, second, cold), kept,
                entry * S_STRIDE, pool, end_ns, out, k,
            )
            if not meta & J_ESTABLISHED:
                # A failed opening is always worth a look; its counts tell it from others.
                out[k + N_KEY] = (
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
            if out[k + N_KEY]:
                found += 1
    return found
