# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""The first and the last words of each half, and the lines of FTP control connections (compiled).

A *words* chunk is a head: ref << 7 | bytes kept, then the bytes. One byte alone is not taken for words: it may be the
filling of a keepalive, which must not hide the last real ones.
"""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.ahead import fetch
from cython.cimports.analyzer.decode.columns import (
    AHEAD,
    BIT_SIDE,
    LOW32,
    ROW_BITS,
    ROW_LENGTH,
    ROW_PAYLOAD,
    ROW_PORTS,
    ROW_REF,
    ROW_STRIDE,
)
from cython.cimports.analyzer.flows.layout import (
    KEEP_WORDS,
    W_BIG,
    W_CONTROL,
    W_FEW,
    W_FREE,
    W_LONG,
    W_POOL,
    W_SHORT,
    W_STRIDE,
)

if cython.compiled:
    from cython.cimports.libc.string import memcpy

__all__ = ["merge", "update"]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _write(
    pool: cython.longlong[::1],
    text: cython.uchar[::1],
    at: cython.Py_ssize_t,
    ref: cython.longlong,
    buf: cython.const[cython.uchar][::1],
    p: cython.Py_ssize_t,
    size: cython.Py_ssize_t,
) -> cython.void:
    """Put ``size`` bytes and their ref into the chunk at word ``at``; ``text`` is the pool seen as bytes."""
    o: cython.Py_ssize_t = 8 * (at + 1)
    pool[at] = (ref << 7) | size
    if size <= 0:
        return
    if cython.compiled:
        if p >= 0 and p + size <= buf.shape[0] and o + size <= text.shape[0]:
            memcpy(cython.address(text[o]), cython.address(buf[p]), size)
    else:
        text[o : o + size] = memoryview(buf)[p : p + size]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _take(pool: cython.longlong[::1], state: cython.longlong[::1], words: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Return a chunk of the short or the long kind, or of just so many ``words`` for a head."""
    at: cython.Py_ssize_t
    if words == W_SHORT and state[W_FREE]:
        at = state[W_FREE] - 1
        state[W_FREE] = pool[at]
        return at
    at = state[W_POOL]
    state[W_POOL] += words
    return at


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _keep(
    entry: cython.longlong[::1],
    w: cython.Py_ssize_t,
    pool: cython.longlong[::1],
    text: cython.uchar[::1],
    state: cython.longlong[::1],
    ref: cython.longlong,
    buf: cython.const[cython.uchar][::1],
    p: cython.Py_ssize_t,
    size: cython.Py_ssize_t,
) -> cython.void:
    """Make these bytes the half's tail; its first ones are the head."""
    at: cython.Py_ssize_t
    tail: cython.longlong = (entry[w] >> 32) & 0x3FFFFFFF
    rest: cython.longlong = entry[w] & LOW32
    big: cython.longlong = cython.cast(cython.longlong, 1) << W_BIG
    head: cython.longlong = entry[w] & 0x7FFFFFFF
    if size > KEEP_WORDS:
        size = KEEP_WORDS
    if head == 0:
        at = _take(pool, state, 1 + ((size + 7) >> 3))
        _write(pool, text, at, ref, buf, p, size)
        # The tail is the head until there is another.
        entry[w] = (cython.cast(cython.longlong, at + 1) << 32) | rest | (at + 1)
        return
    if tail == head:
        at = _take(pool, state, W_SHORT if size <= W_FEW else W_LONG)
        entry[w] = (cython.cast(cython.longlong, at + 1) << 32) | rest | (big if size > W_FEW else 0)
    else:
        at = tail - 1
        if size > W_FEW and not entry[w] & big:
            pool[at] = state[W_FREE]
            state[W_FREE] = at + 1
            at = _take(pool, state, W_LONG)
            entry[w] = (cython.cast(cython.longlong, at + 1) << 32) | rest | big
    _write(pool, text, at, ref, buf, p, size)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _greets(buf: cython.const[cython.uchar][::1], p: cython.Py_ssize_t) -> cython.bint:
    """Tell the code of a server that is ready."""
    return buf[p] == 50 and buf[p + 1] == 50 and buf[p + 2] == 48


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _is_control(buf: cython.const[cython.uchar][::1], p: cython.Py_ssize_t) -> cython.bint:
    """Tell a line that names an FTP data endpoint or refuses (RFC 959 §4.2, RFC 2428) by its first four bytes."""
    a: cython.int = buf[p]
    b: cython.int = buf[p + 1]
    c: cython.int = buf[p + 2]
    d: cython.int = buf[p + 3]
    if d == 32 or d == 45:
        if a == 50 and b == 50:
            return c == 55 or c == 57
        if a == 52 and b == 50:
            return c == 49 or c == 53 or c == 54
        if a == 53 and b == 51:
            return c == 48
        return False
    a &= 0xDF
    b &= 0xDF
    c &= 0xDF
    d &= 0xDF
    if a == 80:
        return b == 79 and c == 82 and d == 84
    return a == 69 and b == 80 and c == 82 and d == 84


def update(
    buf: cython.const[cython.uchar][::1],
    rows: cython.longlong[::1],
    n: cython.Py_ssize_t,
    which: cython.longlong[::1],
    entry: cython.longlong[::1],
    pool: cython.longlong[::1],
    text: cython.uchar[::1],
    state: cython.longlong[::1],
    marks: cython.longlong[::1],
    every: cython.bint,
) -> int:
    """Keep the words of ``n`` rows; write the rows that hold an FTP control line to ``marks`` and return how many.

    Without ``every`` only lines on port 21 and of connections that began with code 220 are such lines.
    There must be room for ``2 * n * W_LONG`` more words.
    """
    i: cython.Py_ssize_t
    r: cython.Py_ssize_t
    w: cython.Py_ssize_t
    p: cython.Py_ssize_t
    size: cython.Py_ssize_t
    found: cython.Py_ssize_t = 0
    control: cython.longlong = cython.cast(cython.longlong, 1) << W_CONTROL
    ports: cython.longlong
    with cython.nogil:
        for i in range(n):
            r = i * ROW_STRIDE
            if i + 2 * AHEAD < n and which[i + 2 * AHEAD] >= 0:
                fetch(entry, which[i + 2 * AHEAD] * W_STRIDE)
            if i + AHEAD < n and which[i + AHEAD] >= 0:
                w = which[i + AHEAD] * W_STRIDE + (rows[r + AHEAD * ROW_STRIDE + ROW_BITS] & BIT_SIDE)
                p = ((entry[w] >> 32) & 0x3FFFFFFF) - 1
                fetch(pool, p)
                fetch(pool, p + 8)
            if which[i] < 0 or rows[r + ROW_LENGTH] < 2:
                continue
            w = which[i] * W_STRIDE + (rows[r + ROW_BITS] & BIT_SIDE)
            p = rows[r + ROW_PAYLOAD] >> 32
            size = rows[r + ROW_PAYLOAD] & LOW32
            if size >= 4:
                if entry[w] & 0x7FFFFFFF == 0 and _greets(buf, p):
                    entry[which[i] * W_STRIDE] |= control
                ports = rows[r + ROW_PORTS]
                if every or ports & 0xFFFF == 21 or ports >> 16 == 21 or entry[which[i] * W_STRIDE] & control:
                    if _is_control(buf, p):
                        marks[found] = i
                        found += 1
            _keep(entry, w, pool, text, state, rows[r + ROW_REF], buf, p, size)
    return found


def merge(
    places: cython.longlong[::1],
    count: cython.Py_ssize_t,
    entry: cython.longlong[::1],
    pool: cython.longlong[::1],
    text: cython.uchar[::1],
    state: cython.longlong[::1],
    other: cython.longlong[::1],
    other_pool: cython.longlong[::1],
    other_text: cython.const[cython.uchar][::1],
) -> None:
    """Join the right digest's ``count`` words, whose ``places`` ``keys.join`` gave, to the left's.

    There must be room for ``4 * W_LONG`` more words for each.
    """
    i: cython.Py_ssize_t
    w: cython.Py_ssize_t
    o: cython.Py_ssize_t
    side: cython.Py_ssize_t
    head: cython.Py_ssize_t
    tail: cython.Py_ssize_t
    with cython.nogil:
        for i in range(count):
            for side in range(2):
                w = (places[i] >> 1) * W_STRIDE + side
                o = i * W_STRIDE + side
                head = other[o] & 0x7FFFFFFF
                tail = (other[o] >> 32) & 0x3FFFFFFF
                if head == 0:
                    continue
                if entry[w] & 0x7FFFFFFF == 0:
                    # What only looked like a greeting, since it came first right of the seam, is none.
                    if other_pool[head - 1] & 127 >= 4 and _greets(other_text, 8 * head):
                        entry[(places[i] >> 1) * W_STRIDE] |= cython.cast(cython.longlong, 1) << W_CONTROL
                    _keep(
                        entry, w, pool, text, state, other_pool[head - 1] >> 7, other_text, 8 * head,
                        other_pool[head - 1] & 127,
                    )
                    if tail == head:
                        continue
                _keep(
                    entry, w, pool, text, state, other_pool[tail - 1] >> 7, other_text, 8 * tail,
                    other_pool[tail - 1] & 127,
                )
