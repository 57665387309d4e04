# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""Which segments and silences of a flow are kept (compiled).

The first KEEP_FIRST segments stay; the last KEEP_LAST go round in a ring. Up to KEEP_ALL segments nothing is lost and
silences are read off the segments; from then on the longest silences that leave the ring are written down, and with
them each side's first SYN and FIN and its first and last RST.
"""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.ahead import fetch
from cython.cimports.analyzer.decode.columns import (
    AHEAD,
    LOW32,
    ROW_HOP,
    ROW_REF,
    ROW_SEQACK,
    ROW_SHAPE,
    ROW_STRIDE,
    ROW_TS,
)
from cython.cimports.analyzer.flows.chunks import chunk_after, side_of
from cython.cimports.analyzer.flows.layout import (
    G_HOP,
    G_NS,
    G_SEGMENTS,
    G_SEQACK,
    G_SHAPE,
    G_STRIDE,
    G_WORDS,
    KEEP_ALL,
    KEEP_FIRST,
    L_SHORTEST,
    L_STRIDE,
    P_CHUNKS,
    P_EXTRAS,
    P_SILENCES,
    REF_CAPTURE,
    S_CHUNKS,
    S_COUNT,
    S_EXTRAS,
    S_SILENCES,
    S_STRIDE,
    SECOND,
    X_STRIDE,
)
from cython.cimports.analyzer.flows.leaving import leave, note_answer

__all__ = ["append_segment", "move_flow", "update"]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _room(
    kept: cython.longlong[::1], s: cython.Py_ssize_t, pool: cython.longlong[::1], state: cython.longlong[::1]
) -> cython.Py_ssize_t:
    """Return the chunk for the flow's next segment."""
    n: cython.longlong = kept[s + S_COUNT]
    chunk: cython.Py_ssize_t = kept[s + S_CHUNKS] >> 32
    fresh: cython.Py_ssize_t
    g: cython.Py_ssize_t
    if n % G_SEGMENTS:
        return chunk
    if n < KEEP_ALL:
        fresh = state[P_CHUNKS]
        state[P_CHUNKS] += 1
        if n == 0:
            kept[s + S_CHUNKS] = fresh
        else:
            pool[chunk * G_STRIDE] = (pool[chunk * G_STRIDE] & ~LOW32) | fresh
        chunk = fresh
    elif n == KEEP_ALL:
        # Close the ring: the last chunk leads back to the first one after the kept start.
        fresh = kept[s + S_CHUNKS] & LOW32
        for g in range(KEEP_FIRST // G_SEGMENTS):
            fresh = chunk_after(pool, fresh)
        pool[chunk * G_STRIDE] = (pool[chunk * G_STRIDE] & ~LOW32) | fresh
        chunk = fresh
    else:
        chunk = chunk_after(pool, chunk)
    kept[s + S_CHUNKS] = (cython.cast(cython.longlong, chunk) << 32) | (kept[s + S_CHUNKS] & LOW32)
    return chunk


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _matters(
    kept: cython.longlong[::1],
    s: cython.Py_ssize_t,
    pool: cython.longlong[::1],
    lists: cython.longlong[::1],
    chunk: cython.Py_ssize_t,
    slot: cython.Py_ssize_t,
) -> cython.bint:
    """Tell whether something must be written down before the segment in this slot is overwritten."""
    g: cython.Py_ssize_t = chunk * G_STRIDE + 1 + slot * G_WORDS
    silence: cython.longlong
    if kept[s + S_COUNT] == KEEP_ALL or pool[g + G_SHAPE] & 7:
        return True
    silence = -pool[g + G_NS]
    if slot + 1 < G_SEGMENTS:
        g += G_WORDS
    else:
        g = chunk_after(pool, chunk) * G_STRIDE + 1
    silence += pool[g + G_NS]
    if silence < SECOND:
        return False
    g = kept[s + S_SILENCES] >> 2
    return g == 0 or silence >= lists[(g - 1) * L_STRIDE + L_SHORTEST]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _write(
    kept: cython.longlong[::1],
    s: cython.Py_ssize_t,
    pool: cython.longlong[::1],
    chunk: cython.Py_ssize_t,
    seqack: cython.longlong,
    hop: cython.longlong,
    shape: cython.longlong,
    ns: cython.longlong,
    capture: cython.longlong,
) -> cython.void:
    """Put a segment into the slot that is next; ``capture`` is the index of its capture."""
    n: cython.longlong = kept[s + S_COUNT]
    slot: cython.Py_ssize_t = n % G_SEGMENTS
    g: cython.Py_ssize_t = chunk * G_STRIDE + 1 + slot * G_WORDS
    pool[g + G_SEQACK] = seqack
    pool[g + G_HOP] = hop
    pool[g + G_SHAPE] = shape
    pool[g + G_NS] = ns
    if capture >> 7 or n >= KEEP_ALL:
        pool[chunk * G_STRIDE] = (
            pool[chunk * G_STRIDE] & ~(cython.cast(cython.longlong, 0xFF) << (32 + 8 * slot))
        ) | ((capture >> 7) << (32 + 8 * slot))
    kept[s + S_COUNT] = n + 1


def update(
    rows: cython.longlong[::1],
    n: cython.Py_ssize_t,
    which: cython.longlong[::1],
    kept: cython.longlong[::1],
    pool: cython.longlong[::1],
    lists: cython.longlong[::1],
    extras: cython.longlong[::1],
    state: cython.longlong[::1],
    start: cython.Py_ssize_t,
) -> int:
    """Keep the segments of the rows from ``start`` to ``n``; return the row to go on with once there is more room.

    There must be room for a chunk a row. Silence lists and extras are rare, so the call stops when a row may lack one.
    """
    i: cython.Py_ssize_t
    r: cython.Py_ssize_t
    s: cython.Py_ssize_t
    g: cython.Py_ssize_t
    count: cython.longlong
    chunk: cython.Py_ssize_t
    silences: cython.longlong = len(lists) // L_STRIDE
    saved: cython.longlong = len(extras) // X_STRIDE
    with cython.nogil:
        for i in range(start, n):
            if state[P_SILENCES] >= silences or state[P_EXTRAS] >= saved:
                n = i
                break
            if i + 2 * AHEAD < n and which[i + 2 * AHEAD] >= 0:
                fetch(kept, which[i + 2 * AHEAD] * S_STRIDE)
            if i + AHEAD < n and which[i + AHEAD] >= 0:
                s = which[i + AHEAD] * S_STRIDE
                g = (kept[s + S_CHUNKS] >> 32) * G_STRIDE
                fetch(pool, g)
                g += 1 + (kept[s + S_COUNT] % G_SEGMENTS) * G_WORDS
                fetch(pool, g)
                if kept[s + S_SILENCES]:
                    fetch(pool, g + 2 * G_WORDS)
                    fetch(lists, ((kept[s + S_SILENCES] >> 2) - 1) * L_STRIDE)
            if i + AHEAD // 2 < n and which[i + AHEAD // 2] >= 0:
                s = which[i + AHEAD // 2] * S_STRIDE
                if kept[s + S_COUNT] >= KEEP_ALL and (kept[s + S_COUNT] + 1) % G_SEGMENTS < 2:
                    # The ring goes on in another chunk, which the one that was asked for names.
                    g = chunk_after(pool, kept[s + S_CHUNKS] >> 32) * G_STRIDE + 1
                    fetch(pool, g)
                    fetch(pool, g + G_WORDS + G_NS)
            if which[i] < 0:
                continue
            r = i * ROW_STRIDE
            s = which[i] * S_STRIDE
            count = kept[s + S_COUNT]
            chunk = _room(kept, s, pool, state)
            # Straight from here, because what calls another module's function cannot itself be taken apart.
            if count >= KEEP_ALL:
                if _matters(kept, s, pool, lists, chunk, count % G_SEGMENTS):
                    leave(kept, s, pool, lists, extras, state, count, chunk, count % G_SEGMENTS)
                if (kept[s + S_SILENCES] >> side_of(rows[r + ROW_SHAPE])) & 1:
                    note_answer(
                        kept, s, lists, side_of(rows[r + ROW_SHAPE]), rows[r + ROW_REF], rows[r + ROW_TS],
                        rows[r + ROW_SHAPE] & 0x1FF,
                    )
            _write(
                kept, s, pool, chunk, rows[r + ROW_SEQACK], rows[r + ROW_HOP], rows[r + ROW_SHAPE], rows[r + ROW_TS],
                rows[r + ROW_REF] >> REF_CAPTURE,
            )
    return n


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def append_segment(
    kept: cython.longlong[::1],
    s: cython.Py_ssize_t,
    pool: cython.longlong[::1],
    lists: cython.longlong[::1],
    extras: cython.longlong[::1],
    state: cython.longlong[::1],
    seqack: cython.longlong,
    hop: cython.longlong,
    shape: cython.longlong,
    ns: cython.longlong,
    ref: cython.longlong,
) -> cython.void:
    """Keep one more segment; for ``segments_merge``, which has no rows."""
    n: cython.longlong = kept[s + S_COUNT]
    chunk: cython.Py_ssize_t = _room(kept, s, pool, state)
    if n >= KEEP_ALL:
        if _matters(kept, s, pool, lists, chunk, n % G_SEGMENTS):
            leave(kept, s, pool, lists, extras, state, n, chunk, n % G_SEGMENTS)
        if (kept[s + S_SILENCES] >> side_of(shape)) & 1:
            note_answer(kept, s, lists, side_of(shape), ref, ns, shape & 0x1FF)
    _write(kept, s, pool, chunk, seqack, hop, shape, ns, ref >> REF_CAPTURE)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def move_flow(
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
) -> cython.void:
    """Take over a flow of which the left digest has nothing, chunk by chunk."""
    n: cython.longlong = other_kept[o + S_COUNT]
    chunk: cython.Py_ssize_t = other_kept[o + S_CHUNKS] & LOW32
    first: cython.longlong = state[P_CHUNKS]
    chunks: cython.longlong = (min(n, KEEP_ALL) + G_SEGMENTS - 1) // G_SEGMENTS
    to: cython.longlong
    after: cython.longlong
    i: cython.Py_ssize_t
    x: cython.Py_ssize_t
    y: cython.Py_ssize_t
    state[P_CHUNKS] += chunks
    for to in range(first, first + chunks):
        if chunk == other_kept[o + S_CHUNKS] >> 32:
            kept[s + S_CHUNKS] = (to << 32) | first
        x = to * G_STRIDE
        y = chunk * G_STRIDE
        for i in range(G_STRIDE):
            pool[x + i] = other[y + i]
        after = to + 1
        if after == first + chunks:
            after = first + KEEP_FIRST // G_SEGMENTS if n > KEEP_ALL else 0
        pool[x] = (pool[x] & ~LOW32) | after
        chunk = chunk_after(other, chunk)
    kept[s + S_COUNT] = n
    if other_kept[o + S_SILENCES] >> 2:
        x = state[P_SILENCES] * L_STRIDE
        y = ((other_kept[o + S_SILENCES] >> 2) - 1) * L_STRIDE
        for i in range(L_STRIDE):
            lists[x + i] = other_lists[y + i]
        state[P_SILENCES] += 1
        kept[s + S_SILENCES] = (state[P_SILENCES] << 2) | (other_kept[o + S_SILENCES] & 3)
    if other_kept[o + S_EXTRAS]:
        x = state[P_EXTRAS] * X_STRIDE
        y = (other_kept[o + S_EXTRAS] - 1) * X_STRIDE
        for i in range(X_STRIDE):
            extras[x + i] = other_extras[y + i]
        state[P_EXTRAS] += 1
        kept[s + S_EXTRAS] = state[P_EXTRAS]
