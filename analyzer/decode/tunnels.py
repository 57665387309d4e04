# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""From a UDP datagram to the IP header of what it tunnels (compiled).

Sources: RFC 7348 (VXLAN), 8926 (Geneve), 4380 (Teredo), 2661 (L2TP), 7510 (MPLS), 8086 (GRE), 9300 (LISP), 5415 and
5416 (CAPWAP), 5412 (LWAPP); 3GPP TS 29.281 and 29.060 (GTP-U); draft-ietf-nvo3-vxlan-gpe, draft-massar-v6ops-ayiya; the
TaZmen sniffer protocol.
"""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.columns import (
    BIT_TUNNEL,
    LINK_BITS,
    LINK_POS,
    WHAT_ETHER,
    WHAT_GRE,
    WHAT_MPLS,
    WHAT_NIBBLE,
    WHAT_NSH,
    WHAT_PPP,
    WHAT_TYPE,
    WHAT_WIFI,
    WIFI_SWAPPED,
)
from cython.cimports.analyzer.decode.layers import descend
from cython.cimports.analyzer.decode.octets import u16, u32

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
    if port == 4790:
        flags = buf[p + 3]
        if flags == 3:
            return descend(buf, p + 8, end, WHAT_ETHER, 0, s)
        s[LINK_BITS] |= BIT_TUNNEL
        if flags == 4 or flags == 5:
            return descend(buf, p + 8, end, WHAT_NSH if flags == 4 else WHAT_MPLS, 0, s)
        return descend(buf, p + 8, end, WHAT_NIBBLE, 0, s) if flags == 1 or flags == 2 else 0
    if port == 6635:
        return descend(buf, p, end, WHAT_MPLS, 0, s)
    if port == 4754:
        return descend(buf, p, end, WHAT_GRE, 0, s)
    if port == 4341:
        s[LINK_BITS] |= BIT_TUNNEL
        return descend(buf, p + 8, end, WHAT_NIBBLE, 0, s)
    if port == 5072:
        # AYIYA: lengths of identity and signature, operation (1: forward), next header.
        if buf[p + 2] & 15 != 1 or buf[p + 3] != 41:
            return 0
        s[LINK_BITS] |= BIT_TUNNEL
        p += 8 + (1 << (buf[p] >> 4)) + 4 * cython.cast(cython.Py_ssize_t, buf[p + 1] >> 4)
        return descend(buf, p, end, WHAT_NIBBLE, 0, s)
    if port == 37008:
        flags = u16(buf, p + 2)
        if buf[p] != 1 or buf[p + 1] > 1 or (flags != 1 and flags != 0x12):
            return 0
        p += 4
        # Tags with their lengths up to the one that ends them; zero fills.
        while end - p >= 2 and buf[p] != 1:
            p += 2 + cython.cast(cython.Py_ssize_t, buf[p + 1]) if buf[p] else 1
        s[LINK_BITS] |= BIT_TUNNEL
        return descend(buf, p + 1, end, WHAT_ETHER if flags == 1 else WHAT_WIFI, 0, s)
    if port == 5247:
        flags = u32(buf, p)
        # Not over DTLS, not in fragments, not a keepalive.
        if flags >> 24 or flags & 0x88:
            return 0
        s[LINK_BITS] |= BIT_TUNNEL
        p += 4 * ((flags >> 19) & 0x1F)
        return descend(buf, p, end, WHAT_WIFI if flags & 0x100 else WHAT_ETHER, WIFI_SWAPPED, s)
    if port == 12222:
        if buf[p] & 4:
            return 0
        s[LINK_BITS] |= BIT_TUNNEL
        return descend(buf, p + 6, end, WHAT_WIFI, 0, s)
    if port == 2152 or port == 3386 or port == 2123:
        flags = buf[p]
        if flags >> 4 == 1 and buf[p + 1] == 0xFF:
            # The version of 1998 has twenty bytes.
            s[LINK_BITS] |= BIT_TUNNEL
            return descend(buf, p + 20, end, WHAT_NIBBLE, 0, s)
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
        flags = u16(buf, p) >> 12
        return descend(buf, p, end, WHAT_NIBBLE if flags == 4 or flags == 6 else WHAT_ETHER, 0, s)
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
