# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""How a SOCKS negotiation goes, as far as stream numbers depend on it (compiled).

Source: RFC 1928 and 1929 (version 5); the SOCKS 4 memo of 1992.
"""

from __future__ import annotations

import cython

__all__ = ["negotiate"]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def negotiate(
    buf: cython.const[cython.uchar][::1],
    p: cython.Py_ssize_t,
    size: cython.longlong,
    word: cython.longlong,
    to_server: cython.bint,
) -> cython.longlong:
    """Follow a SOCKS 4 or 5 negotiation (RFC 1928, 1929); return the new word, state 9 once data may flow."""
    state: cython.longlong = word & 0xFF
    port: cython.longlong = 0
    at: cython.longlong = 0
    if to_server:
        if state == 0:
            if size >= 4 and buf[p] == 4:
                return (((cython.cast(cython.longlong, buf[p + 2]) << 8) | buf[p + 3]) << 8) | 1
            return 2 if size >= 2 and buf[p] == 5 else 10
        if state == 3:
            return 4
        if state == 5:
            if size < 5 or buf[p] != 5:
                return 10
            if buf[p + 3] == 1:
                at = 8
            elif buf[p + 3] == 3:
                at = 5 + buf[p + 4]
            elif buf[p + 3] == 4:
                at = 20
            if at == 0 or size < at + 2:
                return 10
            port = (cython.cast(cython.longlong, buf[p + at]) << 8) | buf[p + at + 1]
            return (port << 8) | 6
        return word
    if size < 2:
        return word
    if state == 1:
        return (word & -256) | (9 if buf[p + 1] == 90 else 10)
    if state == 2:
        return 5 if buf[p + 1] == 0 else (3 if buf[p + 1] == 2 else 10)
    if state == 4:
        return 5
    if state == 6:
        return (word & -256) | (9 if buf[p + 1] == 0 else 10)
    return word
