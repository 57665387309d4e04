# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""Joins the kept segments of neighbouring digests (compiled).

A short right part is appended segment by segment, as if it had been read. A long one pushes everything out of the left
ring; what is written down for that is what the update would have written down.
"""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.columns import LOW32, MARK_HIGH_SIDE, SHAPE_LENGTH
from cython.cimports.analyzer.flows.chunks import chunk_after, ref_of
from cython.cimports.analyzer.flows.layout import (
    G_HOP,
    G_NS,
    G_SEGMENTS,
    G_SEQACK,
    G_SHAPE,
    G_STRIDE,
    G_WORDS,
    H_FIRST_NS,
    H_FIRST_REF,
    H_MISC,
    H_PACKETS,
    H_STRIDE,
    KEEP_ALL,
    KEEP_FIRST,
    KEEP_LAST,
    L_AFTER_NS,
    L_AFTER_REF,
    L_ANSWER_NS,
    L_ANSWER_REF,
    L_BEFORE_NS,
    L_BEFORE_REF,
    L_COUNT,
    L_FIRST,
    L_SHAPE,
    L_SIDE,
    L_STRIDE,
    L_WORDS,
    P_CHUNKS,
    P_EXTRAS,
    S_CHUNKS,
    S_COUNT,
    S_EXTRAS,
    S_SILENCES,
    S_STRIDE,
    SECOND,
    T_HALVES,
    T_STRIDE,
    X_SEGMENTS,
    X_STRIDE,
    X_WORDS,
)
from cython.cimports.analyzer.flows.leaving import note_answer, note_pair, note_silence, save_extra
from cython.cimports.analyzer.flows.segments import append_segment, move_flow

__all__ = ["merge"]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _append_from(
    kept: cython.longlong[::1],
    s: cython.Py_ssize_t,
    pool: cython.longlong[::1],
    lists: cython.longlong[::1],
    extras: cython.longlong[::1],
    state: cython.longlong[::1],
    other: cython.longlong[::1],
    chunk: cython.Py_ssize_t,
    count: cython.longlong,
) -> cython.void:
    """Keep ``count`` segments that stand in a row in the right digest's pool, from the start of ``chunk`` on."""
    i: cython.longlong
    g: cython.Py_ssize_t
    slot: cython.Py_ssize_t = 0
    for i in range(count):
        g = chunk * G_STRIDE + 1 + slot * G_WORDS
        append_segment(
            kept, s, pool, lists, extras, state, other[g + G_SEQACK], other[g + G_HOP], other[g + G_SHAPE],
            other[g + G_NS], ref_of(other, chunk, slot),
        )
        slot += 1
        if slot == G_SEGMENTS:
            slot = 0
            chunk = chunk_after(other, chunk)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _close(
    kept: cython.longlong[::1],
    s: cython.Py_ssize_t,
    pool: cython.longlong[::1],
    lists: cython.longlong[::1],
    extras: cython.longlong[::1],
    state: cython.longlong[::1],
    firsts: cython.longlong[::1],
) -> cython.void:
    """Write down all silences and extras: so many segments follow that the whole ring leaves.

    ``firsts`` tells of each side's first segment that follows: ref (0 for none), ns, flags; then payload length.
    """
    n: cython.longlong = kept[s + S_COUNT]
    chunk: cython.Py_ssize_t = kept[s + S_CHUNKS] & LOW32
    slot: cython.Py_ssize_t = 0
    i: cython.longlong = 0
    g: cython.Py_ssize_t
    k: cython.Py_ssize_t
    side: cython.longlong
    after: cython.longlong
    before: cython.longlong
    before_ns: cython.longlong
    shape: cython.longlong
    if n > KEEP_ALL:
        # The oldest segment of the ring is the one that the next would overwrite.
        i = n - KEEP_LAST
        chunk = kept[s + S_CHUNKS] >> 32
        slot = n % G_SEGMENTS
        if slot == 0:
            chunk = chunk_after(pool, chunk)
    while i < n:
        g = chunk * G_STRIDE + 1 + slot * G_WORDS
        if i + 1 < n:
            note_pair(kept, s, pool, lists, state, (cython.cast(cython.longlong, chunk) << 2) | slot, n - 1 - i)
        else:
            # The seam: what ends this silence is the first segment that follows.
            side = 1 if firsts[0] == 0 or (firsts[4] and firsts[4] < firsts[0]) else 0
            before = ref_of(pool, chunk, slot) | ((cython.cast(cython.longlong, 1) << L_SIDE) if pool[g + G_SHAPE] & MARK_HIGH_SIDE else 0)
            before_ns = pool[g + G_NS]
            after = firsts[4 * side]
            shape = firsts[4 * side + 2] | (firsts[4 * side + 3] << 18)
            for k in range(2):
                if firsts[4 * k] and (kept[s + S_SILENCES] >> k) & 1:
                    note_answer(kept, s, lists, k, firsts[4 * k], firsts[4 * k + 1], firsts[4 * k + 2])
            if firsts[4 * side + 1] - before_ns >= SECOND:
                if firsts[4 - 4 * side]:
                    shape |= firsts[6 - 4 * side] << 9
                note_silence(
                    kept, s, lists, state, before, before_ns, after | (side << L_SIDE), firsts[4 * side + 1], shape,
                    firsts[4 - 4 * side], firsts[5 - 4 * side], 0 if firsts[4 - 4 * side] else (1 if side else 2),
                )
        if pool[g + G_SHAPE] & 7 and i >= KEEP_FIRST:
            save_extra(kept, s, extras, state, pool, g, ref_of(pool, chunk, slot))
        slot += 1
        if slot == G_SEGMENTS:
            slot = 0
            chunk = chunk_after(pool, chunk)
        i += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _take_lists(
    kept: cython.longlong[::1],
    s: cython.Py_ssize_t,
    lists: cython.longlong[::1],
    extras: cython.longlong[::1],
    state: cython.longlong[::1],
    other: cython.longlong[::1],
    o: cython.Py_ssize_t,
    other_lists: cython.longlong[::1],
    other_extras: cython.longlong[::1],
) -> cython.void:
    """Add the silences and extras that the right digest wrote down."""
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    k: cython.Py_ssize_t
    x: cython.Py_ssize_t
    y: cython.Py_ssize_t
    if other[o + S_SILENCES] >> 2:
        x = ((other[o + S_SILENCES] >> 2) - 1) * L_STRIDE
        for k in range(other_lists[x + L_COUNT]):
            i = x + L_FIRST + k * L_WORDS
            note_silence(
                kept, s, lists, state, other_lists[i + L_BEFORE_REF], other_lists[i + L_BEFORE_NS],
                other_lists[i + L_AFTER_REF], other_lists[i + L_AFTER_NS], other_lists[i + L_SHAPE],
                other_lists[i + L_ANSWER_REF], other_lists[i + L_ANSWER_NS],
                0 if other_lists[i + L_ANSWER_REF] else (1 if other_lists[i + L_AFTER_REF] >> L_SIDE else 2),
            )
    if other[o + S_EXTRAS]:
        if kept[s + S_EXTRAS] == 0:
            state[P_EXTRAS] += 1
            kept[s + S_EXTRAS] = state[P_EXTRAS]
        x = (kept[s + S_EXTRAS] - 1) * X_STRIDE
        y = (other[o + S_EXTRAS] - 1) * X_STRIDE
        for i in range(X_SEGMENTS):
            if other_extras[y + i * X_WORDS + 4] and (i % 4 == 3 or not extras[x + i * X_WORDS + 4]):
                for j in range(X_WORDS):
                    extras[x + i * X_WORDS + j] = other_extras[y + i * X_WORDS + j]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _place(
    kept: cython.longlong[::1],
    s: cython.Py_ssize_t,
    pool: cython.longlong[::1],
    state: cython.longlong[::1],
    position: cython.longlong,
) -> cython.Py_ssize_t:
    """Return the chunk where the segment of this ordinal number belongs, all chunks being there and the ring closed."""
    chunk: cython.Py_ssize_t = kept[s + S_CHUNKS] & LOW32
    i: cython.Py_ssize_t
    if position >= KEEP_FIRST:
        position = KEEP_FIRST + (position - KEEP_FIRST) % KEEP_LAST
    for i in range(position // G_SEGMENTS):
        chunk = chunk_after(pool, chunk)
    return chunk


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _complete(
    kept: cython.longlong[::1], s: cython.Py_ssize_t, pool: cython.longlong[::1], state: cython.longlong[::1]
) -> cython.void:
    """Add the chunks that a flow of few segments lacks and close the ring."""
    n: cython.longlong = kept[s + S_COUNT]
    have: cython.longlong = (n + G_SEGMENTS - 1) // G_SEGMENTS
    chunk: cython.Py_ssize_t = kept[s + S_CHUNKS] >> 32
    ring: cython.Py_ssize_t
    i: cython.Py_ssize_t
    if n > KEEP_ALL:
        return
    if n == 0:
        chunk = state[P_CHUNKS]
        state[P_CHUNKS] += 1
        kept[s + S_CHUNKS] = chunk
        have = 1
    while have < KEEP_ALL // G_SEGMENTS:
        pool[chunk * G_STRIDE] = (pool[chunk * G_STRIDE] & ~LOW32) | state[P_CHUNKS]
        chunk = state[P_CHUNKS]
        state[P_CHUNKS] += 1
        have += 1
    ring = kept[s + S_CHUNKS] & LOW32
    for i in range(KEEP_FIRST // G_SEGMENTS):
        ring = chunk_after(pool, ring)
    pool[chunk * G_STRIDE] = (pool[chunk * G_STRIDE] & ~LOW32) | ring


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _put(
    pool: cython.longlong[::1],
    chunk: cython.Py_ssize_t,
    slot: cython.Py_ssize_t,
    other: cython.longlong[::1],
    from_chunk: cython.Py_ssize_t,
    from_slot: cython.Py_ssize_t,
) -> cython.void:
    """Copy one segment from the right digest's pool."""
    g: cython.Py_ssize_t = chunk * G_STRIDE + 1 + slot * G_WORDS
    f: cython.Py_ssize_t = from_chunk * G_STRIDE + 1 + from_slot * G_WORDS
    i: cython.Py_ssize_t
    for i in range(G_WORDS):
        pool[g + i] = other[f + i]
    pool[chunk * G_STRIDE] = (pool[chunk * G_STRIDE] & ~(cython.cast(cython.longlong, 0xFF) << (32 + 8 * slot))) | (
        other[from_chunk * G_STRIDE] >> (32 + 8 * from_slot) & 0xFF
    ) << (32 + 8 * slot)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _long(
    kept: cython.longlong[::1],
    s: cython.Py_ssize_t,
    pool: cython.longlong[::1],
    lists: cython.longlong[::1],
    extras: cython.longlong[::1],
    state: cython.longlong[::1],
    other_kept: cython.longlong[::1],
    o: cython.Py_ssize_t,
    other: cython.longlong[::1],
    other_lists: cython.longlong[::1],
    other_extras: cython.longlong[::1],
    firsts: cython.longlong[::1],
) -> cython.void:
    """Join a flow whose right part fills the ring and more."""
    n: cython.longlong = kept[s + S_COUNT]
    m: cython.longlong = other_kept[o + S_COUNT]
    i: cython.longlong
    chunk: cython.Py_ssize_t
    slot: cython.Py_ssize_t
    to: cython.Py_ssize_t
    _close(kept, s, pool, lists, extras, state, firsts)
    _complete(kept, s, pool, state)
    chunk = other_kept[o + S_CHUNKS] & LOW32
    slot = 0
    for i in range(KEEP_FIRST):
        if n + i < KEEP_FIRST:
            _put(pool, _place(kept, s, pool, state, n + i), (n + i) % G_SEGMENTS, other, chunk, slot)
        elif other[chunk * G_STRIDE + 1 + slot * G_WORDS + G_SHAPE] & 7:
            # It would have gone through the ring; the ring's place for it is free to pass it on.
            to = _place(kept, s, pool, state, KEEP_FIRST)
            _put(pool, to, 0, other, chunk, slot)
            save_extra(kept, s, extras, state, pool, to * G_STRIDE + 1, ref_of(pool, to, 0))
        slot += 1
        if slot == G_SEGMENTS:
            slot = 0
            chunk = chunk_after(other, chunk)
    _take_lists(kept, s, lists, extras, state, other_kept, o, other_lists, other_extras)
    chunk = other_kept[o + S_CHUNKS] >> 32
    slot = m % G_SEGMENTS
    if slot == 0:
        chunk = chunk_after(other, chunk)
    for i in range(KEEP_LAST):
        to = _place(kept, s, pool, state, n + m - KEEP_LAST + i)
        _put(pool, to, (n + m - KEEP_LAST + i) % G_SEGMENTS, other, chunk, slot)
        kept[s + S_CHUNKS] = (cython.cast(cython.longlong, to) << 32) | (kept[s + S_CHUNKS] & LOW32)
        slot += 1
        if slot == G_SEGMENTS:
            slot = 0
            chunk = chunk_after(other, chunk)
    kept[s + S_COUNT] = n + m


def merge(
    places: cython.longlong[::1],
    count: cython.Py_ssize_t,
    kept: cython.longlong[::1],
    pool: cython.longlong[::1],
    lists: cython.longlong[::1],
    extras: cython.longlong[::1],
    state: cython.longlong[::1],
    other_kept: cython.longlong[::1],
    other: cython.longlong[::1],
    other_lists: cython.longlong[::1],
    other_extras: cython.longlong[::1],
    other_tally: cython.longlong[::1],
    firsts: cython.longlong[::1],
) -> None:
    """Join the right digest's ``count`` flows, whose ``places`` ``keys.join`` gave, to the left's.

    There must be room for KEEP_ALL / G_SEGMENTS chunks, one silence list and one set of extras for each. ``firsts``
    is scratch space of eight words.
    """
    i: cython.Py_ssize_t
    s: cython.Py_ssize_t
    o: cython.Py_ssize_t
    h: cython.Py_ssize_t
    side: cython.Py_ssize_t
    n: cython.longlong
    chunk: cython.Py_ssize_t
    with cython.nogil:
        for i in range(count):
            s = (places[i] >> 1) * S_STRIDE
            o = i * S_STRIDE
            n = other_kept[o + S_COUNT]
            if n == 0:
                continue
            if kept[s + S_COUNT] == 0:
                move_flow(kept, s, pool, lists, extras, state, other_kept, o, other, other_lists, other_extras)
                continue
            chunk = other_kept[o + S_CHUNKS] & LOW32
            if n <= KEEP_ALL:
                _append_from(kept, s, pool, lists, extras, state, other, chunk, n)
                continue
            for side in range(2):
                h = i * T_STRIDE + T_HALVES + side * H_STRIDE
                firsts[4 * side] = other_tally[h + H_FIRST_REF] if other_tally[h + H_PACKETS] else 0
                firsts[4 * side + 1] = other_tally[h + H_FIRST_NS]
                firsts[4 * side + 2] = (other_tally[h + H_MISC] >> 16) & 0x1FF
                firsts[4 * side + 3] = other[chunk * G_STRIDE + 1 + G_SHAPE] >> SHAPE_LENGTH
            _long(kept, s, pool, lists, extras, state, other_kept, o, other, other_lists, other_extras, firsts)
