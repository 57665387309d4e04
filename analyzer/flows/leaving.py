# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""What is written down of segments that leave the ring: the longest silences, and SYN, FIN and RST (compiled)."""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.columns import LOW32, LOW60, SHAPE_LENGTH
from cython.cimports.analyzer.flows.chunks import chunk_after, ref_of, side_of
from cython.cimports.analyzer.flows.layout import (
    G_NS,
    G_SEGMENTS,
    G_SHAPE,
    G_STRIDE,
    G_WORDS,
    KEEP_ALL,
    KEEP_FIRST,
    KEEP_LAST,
    KEEP_SILENCES,
    L_AFTER_NS,
    L_AFTER_REF,
    L_ANSWER_NS,
    L_ANSWER_REF,
    L_BEFORE_NS,
    L_BEFORE_REF,
    L_COUNT,
    L_FIRST,
    L_SHAPE,
    L_SHORTEST,
    L_SIDE,
    L_STRIDE,
    L_WORDS,
    P_EXTRAS,
    P_SILENCES,
    S_CHUNKS,
    S_EXTRAS,
    S_SILENCES,
    SECOND,
    X_STRIDE,
    X_WORDS,
)

__all__ = ["leave", "note_answer", "note_pair", "note_silence", "save_extra"]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _save(
    kept: cython.longlong[::1],
    s: cython.Py_ssize_t,
    extras: cython.longlong[::1],
    state: cython.longlong[::1],
    pool: cython.longlong[::1],
    g: cython.Py_ssize_t,
    ref: cython.longlong,
) -> cython.void:
    """Save a segment with SYN, FIN or RST that leaves the ring, unless one of its kind was saved before."""
    shape: cython.longlong = pool[g + G_SHAPE]
    kind: cython.Py_ssize_t
    x: cython.Py_ssize_t
    i: cython.Py_ssize_t
    if kept[s + S_EXTRAS] == 0:
        state[P_EXTRAS] += 1
        kept[s + S_EXTRAS] = state[P_EXTRAS]
    for kind in range(4):
        # SYN, FIN, first RST, last RST.
        if not shape & (2 if kind == 0 else (1 if kind == 1 else 4)):
            continue
        x = (kept[s + S_EXTRAS] - 1) * X_STRIDE + (4 * side_of(shape) + kind) * X_WORDS
        if kind < 3 and extras[x + 4]:
            continue
        for i in range(G_WORDS):
            extras[x + i] = pool[g + i]
        extras[x + 4] = ref


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _later(a_ns: cython.longlong, a_ref: cython.longlong, b_ns: cython.longlong, b_ref: cython.longlong) -> cython.bint:
    """Order silences: a longer one first, among equals the earlier one."""
    return a_ns < b_ns or (a_ns == b_ns and a_ref > b_ref)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _silence(
    kept: cython.longlong[::1],
    s: cython.Py_ssize_t,
    lists: cython.longlong[::1],
    state: cython.longlong[::1],
    before_ref: cython.longlong,
    before_ns: cython.longlong,
    after_ref: cython.longlong,
    after_ns: cython.longlong,
    shape: cython.longlong,
    answer_ref: cython.longlong,
    answer_ns: cython.longlong,
    open_side: cython.longlong,
) -> cython.void:
    """Write a silence down if it is among the longest. ``open_side`` is 1 + the side that owes an answer, or 0."""
    n: cython.longlong
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    w: cython.Py_ssize_t = -1
    x: cython.Py_ssize_t
    if kept[s + S_SILENCES] >> 2 == 0:
        state[P_SILENCES] += 1
        kept[s + S_SILENCES] = state[P_SILENCES] << 2
    x = ((kept[s + S_SILENCES] >> 2) - 1) * L_STRIDE
    n = lists[x + L_COUNT]
    if n < KEEP_SILENCES:
        lists[x + L_COUNT] = n + 1
        w = x + L_FIRST + n * L_WORDS
    else:
        for k in range(KEEP_SILENCES):
            i = x + L_FIRST + k * L_WORDS
            if w < 0 or _later(
                lists[i + L_AFTER_NS] - lists[i + L_BEFORE_NS], lists[i + L_AFTER_REF] & LOW60,
                lists[w + L_AFTER_NS] - lists[w + L_BEFORE_NS], lists[w + L_AFTER_REF] & LOW60,
            ):
                w = i
        if not _later(
            lists[w + L_AFTER_NS] - lists[w + L_BEFORE_NS], lists[w + L_AFTER_REF] & LOW60,
            after_ns - before_ns, after_ref & LOW60,
        ):
            return
    lists[w + L_BEFORE_REF] = before_ref
    lists[w + L_BEFORE_NS] = before_ns
    lists[w + L_AFTER_REF] = after_ref
    lists[w + L_AFTER_NS] = after_ns
    lists[w + L_ANSWER_REF] = answer_ref
    lists[w + L_ANSWER_NS] = answer_ns
    lists[w + L_SHAPE] = shape
    if lists[x + L_COUNT] == KEEP_SILENCES:
        after_ns = lists[x + L_FIRST + L_AFTER_NS] - lists[x + L_FIRST + L_BEFORE_NS]
        for k in range(1, KEEP_SILENCES):
            i = x + L_FIRST + k * L_WORDS
            if lists[i + L_AFTER_NS] - lists[i + L_BEFORE_NS] < after_ns:
                after_ns = lists[i + L_AFTER_NS] - lists[i + L_BEFORE_NS]
        lists[x + L_SHORTEST] = after_ns
    if open_side:
        kept[s + S_SILENCES] |= open_side


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _answer(
    kept: cython.longlong[::1],
    s: cython.Py_ssize_t,
    lists: cython.longlong[::1],
    side: cython.longlong,
    ref: cython.longlong,
    ns: cython.longlong,
    flags: cython.longlong,
) -> cython.void:
    """Give every silence that waits for ``side`` its answer."""
    x: cython.Py_ssize_t = ((kept[s + S_SILENCES] >> 2) - 1) * L_STRIDE
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    for k in range(lists[x + L_COUNT]):
        i = x + L_FIRST + k * L_WORDS
        if lists[i + L_ANSWER_REF] == 0 and lists[i + L_AFTER_REF] >> L_SIDE != side:
            lists[i + L_ANSWER_REF] = ref
            lists[i + L_ANSWER_NS] = ns
            lists[i + L_SHAPE] |= flags << 9
    kept[s + S_SILENCES] &= ~(cython.cast(cython.longlong, 1) << side)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _pair(
    kept: cython.longlong[::1],
    s: cython.Py_ssize_t,
    pool: cython.longlong[::1],
    lists: cython.longlong[::1],
    state: cython.longlong[::1],
    at: cython.longlong,
    left: cython.longlong,
) -> cython.void:
    """Write down the silence between the segment at ``at`` (chunk << 2 | slot) and its successor, if there is one.

    ``left`` segments follow the one at ``at``; the answer is looked for among them.
    """
    chunk: cython.Py_ssize_t = at >> 2
    slot: cython.Py_ssize_t = at & 3
    g: cython.Py_ssize_t = chunk * G_STRIDE + 1 + slot * G_WORDS
    before_ns: cython.longlong = pool[g + G_NS]
    before: cython.longlong
    after: cython.longlong
    after_ns: cython.longlong
    shape: cython.longlong
    side: cython.longlong
    answer: cython.longlong = 0
    answer_ns: cython.longlong = 0
    slot += 1
    if slot == G_SEGMENTS:
        slot = 0
        chunk = chunk_after(pool, chunk)
    g = chunk * G_STRIDE + 1 + slot * G_WORDS
    after_ns = pool[g + G_NS]
    if after_ns - before_ns < SECOND:
        return
    if kept[s + S_SILENCES] >> 2 and after_ns - before_ns < lists[
        ((kept[s + S_SILENCES] >> 2) - 1) * L_STRIDE + L_SHORTEST
    ]:
        return
    before = ref_of(pool, at >> 2, at & 3) | (
        side_of(pool[(at >> 2) * G_STRIDE + 1 + (at & 3) * G_WORDS + G_SHAPE]) << L_SIDE
    )
    side = side_of(pool[g + G_SHAPE])
    after = ref_of(pool, chunk, slot) | (side << L_SIDE)
    shape = (pool[g + G_SHAPE] & 0x1FF) | ((pool[g + G_SHAPE] >> SHAPE_LENGTH) << 18)
    left -= 1
    while left > 0:
        slot += 1
        if slot == G_SEGMENTS:
            slot = 0
            chunk = chunk_after(pool, chunk)
        g = chunk * G_STRIDE + 1 + slot * G_WORDS
        if side_of(pool[g + G_SHAPE]) != side:
            answer = ref_of(pool, chunk, slot)
            answer_ns = pool[g + G_NS]
            shape |= (pool[g + G_SHAPE] & 0x1FF) << 9
            break
        left -= 1
    _silence(
        kept, s, lists, state, before, before_ns, after, after_ns, shape, answer, answer_ns,
        0 if answer else (1 if side else 2),
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def leave(
    kept: cython.longlong[::1],
    s: cython.Py_ssize_t,
    pool: cython.longlong[::1],
    lists: cython.longlong[::1],
    extras: cython.longlong[::1],
    state: cython.longlong[::1],
    n: cython.longlong,
    chunk: cython.Py_ssize_t,
    slot: cython.Py_ssize_t,
) -> cython.void:
    """See off the oldest segment of the ring; ``n`` were seen so far."""
    i: cython.Py_ssize_t
    at: cython.Py_ssize_t
    g: cython.Py_ssize_t = chunk * G_STRIDE + 1 + slot * G_WORDS
    if n == KEEP_ALL:
        # From now on the first segments are cut off from the rest, so their silences are written down first.
        at = kept[s + S_CHUNKS] & LOW32
        for i in range(KEEP_FIRST):
            _pair(kept, s, pool, lists, state, (at << 2) | (i % G_SEGMENTS), KEEP_ALL - 1 - i)
            if i % G_SEGMENTS == G_SEGMENTS - 1:
                at = chunk_after(pool, at)
    _pair(kept, s, pool, lists, state, (cython.cast(cython.longlong, chunk) << 2) | slot, KEEP_LAST - 1)
    if pool[g + G_SHAPE] & 7:
        _save(kept, s, extras, state, pool, g, ref_of(pool, chunk, slot))


# For segments_merge. The compiler takes the inner functions apart, which it may not do with what others call.


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def save_extra(
    kept: cython.longlong[::1],
    s: cython.Py_ssize_t,
    extras: cython.longlong[::1],
    state: cython.longlong[::1],
    pool: cython.longlong[::1],
    g: cython.Py_ssize_t,
    ref: cython.longlong,
) -> cython.void:
    """Save a segment with SYN, FIN or RST."""
    _save(kept, s, extras, state, pool, g, ref)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def note_pair(
    kept: cython.longlong[::1],
    s: cython.Py_ssize_t,
    pool: cython.longlong[::1],
    lists: cython.longlong[::1],
    state: cython.longlong[::1],
    at: cython.longlong,
    left: cython.longlong,
) -> cython.void:
    """Write down the silence after a segment."""
    _pair(kept, s, pool, lists, state, at, left)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def note_silence(
    kept: cython.longlong[::1],
    s: cython.Py_ssize_t,
    lists: cython.longlong[::1],
    state: cython.longlong[::1],
    before_ref: cython.longlong,
    before_ns: cython.longlong,
    after_ref: cython.longlong,
    after_ns: cython.longlong,
    shape: cython.longlong,
    answer_ref: cython.longlong,
    answer_ns: cython.longlong,
    open_side: cython.longlong,
) -> cython.void:
    """Write a silence down if it is among the longest."""
    _silence(kept, s, lists, state, before_ref, before_ns, after_ref, after_ns, shape, answer_ref, answer_ns, open_side)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def note_answer(
    kept: cython.longlong[::1],
    s: cython.Py_ssize_t,
    lists: cython.longlong[::1],
    side: cython.longlong,
    ref: cython.longlong,
    ns: cython.longlong,
    flags: cython.longlong,
) -> cython.void:
    """Give the silences that wait for a side their answer."""
    _answer(kept, s, lists, side, ref, ns, flags)
