# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""From a UDP datagram to the IP header of what it tunnels (compiled).

Sources: RFC 7348 (VXLAN), 8926 (Geneve), 4380 (Teredo), 2661 (L2TP), 3GPP TS 29.281 (GTP-U).
"""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.columns import (
    BIT_TUNNEL,
    LINK_BITS,
    LINK_POS,
    WHAT_ETHER,
    WHAT_NIBBLE,
    WHAT_PPP,
    WHAT_TYPE,
)
from cython.cimports.analyzer.decode.links import descend
from cython.cimports.analyzer.decode.octets import u16

__all__ = ["udp_tunnel"]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def udp_tunnel(
    buf: cython.const[cython.uchar][::1],
    p: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    port: cython.longlong,
    s: cython.longlong[::1],
) -> cython.longlong:
    """From the payload at ``p`` of a UDP datagram to ``port`` to the IP header inside; 0 where it is no tunnel."""
    flags: cython.longlong
    if end - p < 8:
        return 0
    if port == 4789:
        return descend(buf, p + 8, end, WHAT_ETHER, 0, s)
    if port == 6081:
        if buf[p] & 0x3F == 0 and u16(buf, p + 2) == 0:
            return 0
        s[LINK_BITS] |= BIT_TUNNEL
        return descend(buf, p + 8 + 4 * (buf[p] & 0x3F), end, WHAT_TYPE, u16(buf, p + 2), s)
    if port == 2152:
        flags = buf[p]
        if flags >> 5 != 1 or not flags & 0x10 or buf[p + 1] != 0xFF:
            return 0
        p += 8
        if flags & 7:
            p += 4
            # Extension headers: a length in words of four bytes first, the next one's type last.
            while flags & 4 and end - p >= 4 and buf[p - 1]:
                if buf[p] == 0:
                    return 0
                p += 4 * cython.cast(cython.Py_ssize_t, buf[p])
        s[LINK_BITS] |= BIT_TUNNEL
        return descend(buf, p, end, WHAT_NIBBLE, 0, s)
    if port == 1701:
        flags = u16(buf, p)
        if flags & 0x8000 or flags & 15 != 2:
            return 0
        p += 6 + (2 if flags & 0x4000 else 0) + (4 if flags & 0x0800 else 0)
        if flags & 0x0200:
            if end - p < 2:
                return 0
            p += 2 + u16(buf, p)
        s[LINK_BITS] |= BIT_TUNNEL
        return descend(buf, p, end, WHAT_PPP, 0, s)
    if port == 3544:
        if buf[p] == 0 and buf[p + 1] == 1:
            p += 13 + cython.cast(cython.Py_ssize_t, buf[p + 2]) + buf[p + 3]
        if end - p >= 8 and buf[p] == 0 and buf[p + 1] == 0:
            p += 8
        if end - p < 40 or buf[p] >> 4 != 6:
            return 0
        s[LINK_BITS] |= BIT_TUNNEL
        s[LINK_POS] = p
        return 6
    return 0
