# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""Which flows' first or last words are a TLS alert or a refusal (compiled).

Sources: RFC 8446 §5.1 (record types), RFC 959 §4.2 and 5321 §4.2 (reply codes), RFC 9110 §15 (HTTP status),
RFC 1928 §3 and §6 (SOCKS 5).
"""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.ahead import fetch
from cython.cimports.analyzer.decode.columns import AHEAD, LOW32
from cython.cimports.analyzer.flows.layout import (
    J_META,
    J_REASONS,
    J_SIDE,
    J_STRIDE,
    J_WHERE,
    R_REFUSAL,
    R_TLS_ALERT,
    W_STRIDE,
)

__all__ = ["mark_refusals"]


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
def _is_proxy_refusal(
    text: cython.const[cython.uchar][::1],
    words: cython.longlong[::1],
    asked: cython.longlong,
    index: cython.longlong,
) -> cython.bint:
    """Tell an HTTP status 4xx or 5xx to CONNECT, or a SOCKS reply other than granted, by the first words asked."""
    p: cython.Py_ssize_t = 8 * index
    size: cython.longlong
    if asked == 0 or index == 0 or words[asked - 1] & 127 < 3:
        return False
    size = words[index - 1] & 127
    if text[8 * asked] == 67 and text[8 * asked + 1] == 79 and text[8 * asked + 2] == 78:
        return size >= 12 and text[p] == 72 and text[p + 1] == 84 and text[p + 8] == 32 and 52 <= text[p + 9] <= 53
    if text[8 * asked] == 5:
        if size == 2:
            return text[p] == 5 and text[p + 1] == 0xFF
        return size >= 4 and text[p] == 5 and 1 <= text[p + 1] <= 8 and text[p + 2] == 0
    return text[8 * asked] == 4 and size == 8 and text[p] == 0 and 0x5B <= text[p + 1] <= 0x5D


def mark_refusals(
    groups: cython.longlong[::1],
    count: cython.Py_ssize_t,
    spoken: cython.longlong[::1],
    words: cython.longlong[::1],
    text: cython.const[cython.uchar][::1],
) -> None:
    """Add R_TLS_ALERT and R_REFUSAL to the reasons of ``count`` judged flows; ``text`` is ``words`` seen as bytes."""
    j: cython.Py_ssize_t
    w: cython.Py_ssize_t
    side: cython.longlong
    reasons: cython.longlong
    mine: cython.longlong
    other: cython.longlong
    with cython.nogil:
        for j in range(0, count):
            if j + AHEAD < count:
                w = (groups[(j + AHEAD) * J_STRIDE + J_WHERE] & LOW32) * W_STRIDE
                fetch(words, (spoken[w] & 0x7FFFFFFF) - 1)
                fetch(words, ((spoken[w] >> 32) & 0x3FFFFFFF) - 1)
                fetch(words, (spoken[w + 1] & 0x7FFFFFFF) - 1)
                fetch(words, ((spoken[w + 1] >> 32) & 0x3FFFFFFF) - 1)
            side = groups[j * J_STRIDE + J_META] & J_SIDE
            w = (groups[j * J_STRIDE + J_WHERE] & LOW32) * W_STRIDE
            mine = spoken[w + side]
            other = spoken[w + 1 - side]
            reasons = 0
            if (
                _is_alert(text, words, mine & 0x7FFFFFFF)
                or _is_alert(text, words, (mine >> 32) & 0x3FFFFFFF)
                or _is_alert(text, words, other & 0x7FFFFFFF)
                or _is_alert(text, words, (other >> 32) & 0x3FFFFFFF)
            ):
                reasons = R_TLS_ALERT
            if (
                _is_refusal(text, words, other & 0x7FFFFFFF)
                or _is_refusal(text, words, (other >> 32) & 0x3FFFFFFF)
                or _is_proxy_refusal(text, words, mine & 0x7FFFFFFF, other & 0x7FFFFFFF)
                or _is_proxy_refusal(text, words, mine & 0x7FFFFFFF, (other >> 32) & 0x3FFFFFFF)
            ):
                reasons |= R_REFUSAL
            groups[j * J_STRIDE + J_META] |= reasons << J_REASONS
