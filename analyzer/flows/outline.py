# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator"
"""One row of numbers for each flow, for tables: what ``build`` gives, without an object for each segment (compiled)..

The numbers of the responder stand right after the initiator's: ``O_PACKETS + 1`` is ``O_OTHER_PACKETS``.
"""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.columns import LOW32
from cython.cimports.analyzer.flows.layout import (
    C_KEEP,
    C_KEEP_BYTES,
    C_PIECE,
    C_PIECES,
    C_STRIDE,
    C_UNTRACKED,
    C_ZERO,
    COUNT_LIMIT,
    COUNT_ONE_FIN,
    COUNT_ONE_RST,
    E_BITS,
    E_PREVIOUS,
    E_STRIDE,
    EB_PACKETS,
    G_HOP,
    G_NS,
    G_SEGMENTS,
    G_SHAPE,
    G_STRIDE,
    G_WORDS,
    H_BASE,
    H_BYTES,
    H_COUNTS,
    H_FIRST_NS,
    H_FIRST_REF,
    H_FLAGS,
    H_LAST_NS,
    H_LAST_REF,
    H_PACKETS,
    H_STRIDE,
    H_TOP,
    H_TOP_END,
    HF_COLD,
    HF_OVERFLOW,
    HF_STARTED,
    HF_TOP,
    HF_WILD,
    J_META,
    J_SIDE,
    J_STRIDE,
    J_WHERE,
    KEEP_ALL,
    KEEP_FIRST,
    KEEP_LAST,
    L_AFTER_NS,
    L_AFTER_REF,
    L_BEFORE_NS,
    L_COUNT,
    L_FIRST,
    L_STRIDE,
    L_WORDS,
    MARK_FIN,
    MARK_RST,
    MARK_SHIFT,
    MARK_SYN,
    O_BYTES,
    O_ENTRY,
    O_FINS,
    O_FIRST_FRAME,
    O_FIRST_NS,
    O_HANDSHAKE,
    O_HISTORY,
    O_KEEPALIVES,
    O_LAST_FRAME,
    O_LAST_NS,
    O_MARKS,
    O_MISSING,
    O_PACKETS,
    O_RETRANSMITTED,
    O_REUSED,
    O_RSTS,
    O_SILENCE,
    O_SILENCE_FRAME,
    O_STREAM,
    O_STRIDE,
    O_ZERO_WINDOWS,
    S_CHUNKS,
    S_COUNT,
    S_EXTRAS,
    S_SILENCES,
    S_STRIDE,
    SECOND,
    T_BITS,
    T_HALVES,
    T_HISTORY,
    T_STRIDE,
    TB_LAST_HIGH,
    X_SEGMENTS,
    X_STRIDE,
    X_WORDS,
)

__all__ = ["outline"]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _coverage(
    halves: cython.longlong[::1], h: cython.Py_ssize_t, cold: cython.longlong[::1], missing: cython.bint
) -> cython.longlong:
    """Return the retransmitted bytes of a half, or the missing ones; -1 when they are not known."""
    flags: cython.longlong = halves[h + H_FLAGS]
    covered: cython.longlong = 0
    tracked: cython.longlong = halves[h + H_BYTES]
    end: cython.longlong = halves[h + H_BASE] >> 32
    c: cython.Py_ssize_t
    n: cython.Py_ssize_t
    p: cython.Py_ssize_t
    found: cython.longlong
    if not flags & HF_STARTED or flags & (HF_WILD | HF_OVERFLOW):
        return -1
    if flags >> HF_COLD:
        c = ((flags >> HF_COLD) - 1) * C_STRIDE
        tracked -= cold[c + C_UNTRACKED] + cold[c + C_KEEP_BYTES]
        for n in range(cold[c + C_PIECES]):
            p = c + C_PIECE + 2 * n
            covered += cold[p + 1] - cold[p]
            end = cold[p + 1]
    if flags & HF_TOP:
        covered += halves[h + H_TOP_END] - halves[h + H_TOP]
        end = halves[h + H_TOP_END]
    found = tracked - covered
    if missing:
        found = end - (halves[h + H_BASE] >> 32) - covered
    if found < 0:
        return 0
    return found


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _half(
    halves: cython.longlong[::1],
    h: cython.Py_ssize_t,
    cold: cython.longlong[::1],
    out: cython.longlong[::1],
    o: cython.Py_ssize_t,
    other: cython.Py_ssize_t,
) -> cython.void:
    """Write the numbers of one half, ``other`` 1 for the responder's."""
    counts: cython.longlong = halves[h + H_COUNTS]
    number: cython.longlong = halves[h + H_FLAGS] >> HF_COLD
    out[o + O_PACKETS + other] = halves[h + H_PACKETS] & LOW32
    out[o + O_BYTES + other] = halves[h + H_BYTES]
    out[o + O_RETRANSMITTED + other] = _coverage(halves, h, cold, False)
    out[o + O_MISSING + other] = _coverage(halves, h, cold, True)
    out[o + O_FINS] += (counts >> COUNT_ONE_FIN) & COUNT_LIMIT
    out[o + O_RSTS] += (counts >> COUNT_ONE_RST) & COUNT_LIMIT
    if number:
        out[o + O_KEEPALIVES] += cold[(number - 1) * C_STRIDE + C_KEEP]
        out[o + O_ZERO_WINDOWS] += cold[(number - 1) * C_STRIDE + C_ZERO]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _mark(
    shape: cython.longlong,
    frame: cython.longlong,
    marks: cython.longlong[::1],
    room: cython.Py_ssize_t,
    at: cython.Py_ssize_t,
) -> cython.Py_ssize_t:
    """Write down a segment with SYN, FIN or RST where there is room; return where the next one goes."""
    # Flags have FIN, SYN and RST in their lowest bits; marks have SYN first.
    kind: cython.longlong = ((shape >> 1) & MARK_SYN) | ((shape << 1) & MARK_FIN) | (shape & MARK_RST)
    if not kind:
        return at
    if at < room:
        marks[at] = (frame << MARK_SHIFT) | kind
    return at + 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _opening(
    shape: cython.longlong, ns: cython.longlong, asked: cython.longlong, out: cython.longlong[::1], o: cython.Py_ssize_t
) -> cython.longlong:
    """Look for the handshake; ``asked`` is -1, then the first SYN's time, then -2. Returns it."""
    if asked == -2 or not shape & 2:
        return asked
    if shape & 16:
        if asked != -1:
            out[o + O_HANDSHAKE] = ns - asked
        return -2
    return ns if asked == -1 else asked


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _extras(
    extras: cython.longlong[::1],
    number: cython.longlong,
    marks: cython.longlong[::1],
    room: cython.Py_ssize_t,
    at: cython.Py_ssize_t,
    asked: cython.longlong,
    out: cython.longlong[::1],
    o: cython.Py_ssize_t,
) -> cython.Py_ssize_t:
    """Mark the segments that were kept beside the first and the last, in order, each once.

    Leaves the state of ``_opening`` in ``O_SILENCE``, which is written after it.
    """
    last: cython.longlong = 0
    best: cython.Py_ssize_t
    x: cython.Py_ssize_t
    n: cython.Py_ssize_t
    out[o + O_SILENCE] = asked
    if not number:
        return at
    while True:
        best = -1
        for n in range(X_SEGMENTS):
            x = (number - 1) * X_STRIDE + n * X_WORDS
            if extras[x + 4] > last and (best < 0 or extras[x + 4] < extras[best + 4]):
                best = x
        if best < 0:
            out[o + O_SILENCE] = asked
            return at
        last = extras[best + 4]
        asked = _opening(extras[best + 2], extras[best + 3], asked, out, o)
        at = _mark(extras[best + 2], last & LOW32, marks, room, at)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _segments(
    kept: cython.longlong[::1],
    s: cython.Py_ssize_t,
    pool: cython.longlong[::1],
    lists: cython.longlong[::1],
    extras: cython.longlong[::1],
    both: cython.bint,
    out: cython.longlong[::1],
    o: cython.Py_ssize_t,
    marks: cython.longlong[::1],
    room: cython.Py_ssize_t,
    at: cython.Py_ssize_t,
) -> cython.Py_ssize_t:
    """Write the handshake, the longest silence and the marks; return where the next mark goes."""
    n: cython.longlong = kept[s + S_COUNT]
    chunk: cython.Py_ssize_t = kept[s + S_CHUNKS] & LOW32
    slot: cython.Py_ssize_t = 0
    g: cython.Py_ssize_t
    w: cython.Py_ssize_t
    x: cython.Py_ssize_t
    i: cython.longlong = 0
    gap: cython.longlong
    ns: cython.longlong
    before: cython.longlong = 0
    began: cython.bint = False
    silence: cython.longlong = -1
    frame: cython.longlong = -1
    # Without both SYNs there is no handshake to look for.
    asked: cython.longlong = -1 if both else -2
    # Between the first segments and the ring others are missing: no pause among the first is known to be the longest.
    in_row: cython.bint = n <= KEEP_ALL
    shape: cython.longlong
    while i < n:
        if i == KEEP_FIRST and n > KEEP_ALL and not in_row:
            at = _extras(extras, kept[s + S_EXTRAS], marks, room, at, asked, out, o)
            asked = out[o + O_SILENCE]
            i = n - KEEP_LAST
            slot = n % G_SEGMENTS
            chunk = kept[s + S_CHUNKS] >> 32
            if slot == 0:
                chunk = pool[chunk * G_STRIDE] & LOW32
            began = False
            in_row = True
        g = chunk * G_STRIDE + 1 + slot * G_WORDS
        shape = pool[g + G_SHAPE]
        ns = pool[g + G_NS]
        if in_row and began:
            gap = ns - before
            if gap < 0:
                gap = 0
            if gap > silence and (n <= KEEP_ALL or gap >= SECOND):
                silence = gap
                frame = pool[g + G_HOP] & LOW32
        before = ns
        began = True
        if shape & 7:
            asked = _opening(shape, ns, asked, out, o)
            at = _mark(shape, pool[g + G_HOP] & LOW32, marks, room, at)
        slot += 1
        if slot == G_SEGMENTS:
            slot = 0
            chunk = pool[chunk * G_STRIDE] & LOW32
        i += 1
    if kept[s + S_SILENCES] >> 2:
        x = ((kept[s + S_SILENCES] >> 2) - 1) * L_STRIDE
        for i in range(lists[x + L_COUNT]):
            w = x + L_FIRST + i * L_WORDS
            gap = lists[w + L_AFTER_NS] - lists[w + L_BEFORE_NS]
            if gap > silence or (gap == silence and lists[w + L_AFTER_REF] & LOW32 < frame):
                silence = gap
                frame = lists[w + L_AFTER_REF] & LOW32
    out[o + O_SILENCE] = silence
    out[o + O_SILENCE_FRAME] = frame
    return at


def outline(
    count: cython.Py_ssize_t,
    groups: cython.longlong[::1],
    entries: cython.longlong[::1],
    halves: cython.longlong[::1],
    cold: cython.longlong[::1],
    kept: cython.longlong[::1],
    pool: cython.longlong[::1],
    lists: cython.longlong[::1],
    extras: cython.longlong[::1],
    out: cython.longlong[::1],
    marks: cython.longlong[::1],
) -> int:
    """Write ``O_*`` words for each of the ``count`` flows that ``judge`` found, and the marks one after the other.

    Returns how many marks there are, which may be more than fit: then there must be another call with more room.
    """
    i: cython.Py_ssize_t
    o: cython.Py_ssize_t
    e: cython.Py_ssize_t
    t: cython.Py_ssize_t
    low: cython.Py_ssize_t
    high: cython.Py_ssize_t
    h: cython.Py_ssize_t
    side: cython.longlong
    code: cython.longlong
    story: cython.longlong
    turned: cython.longlong
    shift: cython.longlong
    previous: cython.longlong
    total: cython.Py_ssize_t = 0
    at: cython.Py_ssize_t
    both: cython.bint
    room: cython.Py_ssize_t = len(marks)
    with cython.nogil:
        for i in range(count):
            o = i * O_STRIDE
            e = groups[i * J_STRIDE + J_WHERE] & LOW32
            side = 1 if groups[i * J_STRIDE + J_META] & J_SIDE else 0
            t = e * T_STRIDE
            low = t + T_HALVES
            high = low + H_STRIDE
            out[o + O_STREAM] = groups[i * J_STRIDE + J_WHERE] >> 32
            out[o + O_ENTRY] = e
            h = low
            if not halves[low + H_PACKETS] or (
                halves[high + H_PACKETS] and halves[high + H_FIRST_REF] < halves[low + H_FIRST_REF]
            ):
                h = high
            out[o + O_FIRST_FRAME] = halves[h + H_FIRST_REF] & LOW32
            out[o + O_FIRST_NS] = halves[h + H_FIRST_NS]
            h = high if halves[t + T_BITS] & TB_LAST_HIGH else low
            out[o + O_LAST_FRAME] = halves[h + H_LAST_REF] & LOW32
            out[o + O_LAST_NS] = halves[h + H_LAST_NS]
            out[o + O_FINS] = out[o + O_RSTS] = out[o + O_KEEPALIVES] = out[o + O_ZERO_WINDOWS] = 0
            _half(halves, high if side else low, cold, out, o, 0)
            _half(halves, low if side else high, cold, out, o, 1)
            story = halves[t + T_HISTORY]
            turned = 0
            shift = 0
            while story & 15:
                code = (story & 15) - 1
                turned |= ((code ^ side) + 1) << shift
                shift += 4
                story >>= 4
            out[o + O_HISTORY] = turned
            out[o + O_REUSED] = 0
            previous = entries[e * E_STRIDE + E_PREVIOUS]
            while previous:
                if entries[(previous - 1) * E_STRIDE + E_BITS] & EB_PACKETS:
                    out[o + O_REUSED] = 1
                    break
                previous = entries[(previous - 1) * E_STRIDE + E_PREVIOUS]
            out[o + O_HANDSHAKE] = -1
            both = halves[low + H_COUNTS] & COUNT_LIMIT and halves[high + H_COUNTS] & COUNT_LIMIT
            at = _segments(kept, e * S_STRIDE, pool, lists, extras, both, out, o, marks, room, total)
            out[o + O_MARKS] = at - total
            total = at
    return int(total)
