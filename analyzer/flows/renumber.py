# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""Other frame numbers for a digest whose place in the capture became known only after it was made (compiled)."""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.columns import LOW32
from cython.cimports.analyzer.flows.layout import (
    G_HOP,
    G_SEGMENTS,
    G_STRIDE,
    G_WORDS,
    H_FIRST_REF,
    H_LAST_REF,
    H_PACKETS,
    H_STRIDE,
    L_AFTER_REF,
    L_ANSWER_REF,
    L_BEFORE_REF,
    L_COUNT,
    L_FIRST,
    L_STRIDE,
    L_WORDS,
    T_HALVES,
    T_STRIDE,
    W_STRIDE,
    X_SEGMENTS,
    X_STRIDE,
    X_WORDS,
)

__all__ = ["renumber"]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _hop(words: cython.longlong[::1], at: cython.Py_ssize_t, frames: cython.longlong) -> cython.void:
    """Add to the frame number in a segment's second word."""
    words[at] = (words[at] & ~LOW32) | ((words[at] + frames) & LOW32)


def renumber(
    frames: cython.longlong,
    count: cython.Py_ssize_t,
    halves: cython.longlong[::1],
    pool: cython.longlong[::1],
    chunks: cython.Py_ssize_t,
    lists: cython.longlong[::1],
    silences: cython.Py_ssize_t,
    extras: cython.longlong[::1],
    saved: cython.Py_ssize_t,
    starts: cython.longlong[::1],
    spoken: cython.longlong[::1],
) -> None:
    """Add ``frames`` to every frame number of ``count`` entries and of so many chunks, silence lists and sets of extras."""
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    w: cython.Py_ssize_t
    head: cython.Py_ssize_t
    tail: cython.Py_ssize_t
    with cython.nogil:
        for i in range(count):
            for k in range(2):
                w = i * T_STRIDE + T_HALVES + k * H_STRIDE
                if halves[w + H_PACKETS]:
                    halves[w + H_FIRST_REF] += frames
                    halves[w + H_LAST_REF] += frames
                head = starts[i * W_STRIDE + k] & 0x7FFFFFFF
                tail = (starts[i * W_STRIDE + k] >> 32) & 0x3FFFFFFF
                if head:
                    spoken[head - 1] += frames << 7
                if tail != head:
                    spoken[tail - 1] += frames << 7
        for i in range(chunks):
            for k in range(G_SEGMENTS):
                _hop(pool, i * G_STRIDE + 1 + k * G_WORDS + G_HOP, frames)
        for i in range(silences):
            for k in range(lists[i * L_STRIDE + L_COUNT]):
                w = i * L_STRIDE + L_FIRST + k * L_WORDS
                lists[w + L_BEFORE_REF] += frames
                lists[w + L_AFTER_REF] += frames
                if lists[w + L_ANSWER_REF]:
                    lists[w + L_ANSWER_REF] += frames
        for i in range(saved):
            for k in range(X_SEGMENTS):
                w = i * X_STRIDE + k * X_WORDS
                if extras[w + X_WORDS - 1]:
                    _hop(extras, w + G_HOP, frames)
                    extras[w + X_WORDS - 1] += frames
