# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""From a link layer or a tunnel down to the next IP header (compiled).

Each function answers 4 or 6 with the header's offset in ``s[LINK_POS]``, or 0 with the reason in ``s[LINK_STOP]``.

Sources: tcpdump.org/linktypes.html; IEEE 802.1Q; RFC 3032 (MPLS), 2516 (PPPoE), 1661 (PPP), 2784, 2890 and 2637
(GRE), 3378 (EtherIP), 1490 (frame relay).
"""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.columns import (
    BIT_TUNNEL,
    LINK_BITS,
    LINK_HASH,
    LINK_POS,
    LINK_STOP,
    STOP_ARP,
    STOP_DEPTH,
    STOP_ETHERTYPE,
    STOP_LINK_CUT,
    STOP_LINK_TYPE,
    STOP_LLC,
    STOP_MPLS,
    STOP_PPP,
    STOP_TUNNEL,
    STOP_TUNNEL_CUT,
    WHAT_ETHER,
    WHAT_GRE,
    WHAT_LLC,
    WHAT_MPLS,
    WHAT_NIBBLE,
    WHAT_PPP,
    WHAT_TYPE,
)
from cython.cimports.analyzer.decode.octets import u16

__all__ = ["descend", "link_layer"]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _stop(s: cython.longlong[::1], reason: cython.longlong) -> cython.longlong:
    s[LINK_STOP] = reason
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _gre(
    buf: cython.const[cython.uchar][::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, s: cython.longlong[::1]
) -> cython.longlong:
    """Skip a GRE header; return the protocol with the payload's offset in ``s[LINK_POS]``, or -1."""
    flags: cython.longlong
    kind: cython.longlong
    if end - p < 4:
        return -1
    flags = u16(buf, p)
    kind = u16(buf, p + 2)
    p += 4
    if flags & 7 == 1:
        # Enhanced GRE of PPTP (RFC 2637 §4.1): the key is always there, sequence and acknowledgment may be.
        p += 4
        if flags & 0x1000:
            p += 4
        if flags & 0x0080:
            p += 4
    else:
        if flags & 0x4000:
            return -1
        if flags & 0x8000:
            p += 4
        if flags & 0x2000:
            p += 4
        if flags & 0x1000:
            p += 4
        if kind == 0x88BE and flags & 0x1000:
            p += 8
        elif kind == 0x22EB:
            if end - p < 12:
                return -1
            p += 20 if buf[p + 11] & 1 else 12
        elif kind == 0x883E:
            # WCCP puts a redirect header before IPv4; version 1 did not.
            if end - p >= 4 and buf[p] >> 4 != 4:
                p += 4
            kind = 0x0800
    # ERSPAN of three kinds, and an unregistered number that carries Ethernet in the field.
    if kind == 0x88BE or kind == 0x22EB or kind == 0x6400:
        kind = 0x6558
    s[LINK_POS] = p
    return kind


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def descend(
    buf: cython.const[cython.uchar][::1],
    p: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    what: cython.longlong,
    kind: cython.longlong,
    s: cython.longlong[::1],
) -> cython.longlong:
    """Follow headers from ``p``, which holds ``what`` (WHAT_*), to an IP header. ``kind`` is the ethertype of WHAT_TYPE."""
    _depth: cython.int
    for _depth in range(24):
        if what == WHAT_TYPE:
            if kind == 0x0800 or kind == 0x86DD:
                s[LINK_POS] = p
                return 4 if kind == 0x0800 else 6
            if kind == 0x0806:
                s[LINK_POS] = p
                return _stop(s, STOP_ARP)
            if kind == 0x8100 or kind == 0x88A8 or kind == 0x9100 or kind == 0x9200:
                if end - p < 4:
                    return _stop(s, STOP_LINK_CUT)
                s[LINK_BITS] |= BIT_TUNNEL
                kind = u16(buf, p + 2)
                p += 4
                if kind < 0x0600:
                    what = WHAT_LLC
            elif kind == 0x8847 or kind == 0x8848:
                what = WHAT_MPLS
            elif kind == 0x8864:
                if end - p < 6:
                    return _stop(s, STOP_LINK_CUT)
                s[LINK_BITS] |= BIT_TUNNEL
                p += 6
                what = WHAT_PPP
            elif kind == 0x880B:
                what = WHAT_PPP
            elif kind == 0x6558:
                what = WHAT_ETHER
            elif kind == 0x8909:
                # Cisco metadata: version, length in words of eight bytes, options, then the ethertype.
                if end - p < 8:
                    return _stop(s, STOP_LINK_CUT)
                kind = u16(buf, p + 6)
                p += 8
            elif kind == 0x8870:
                what = WHAT_LLC
            elif kind == 0x88E7:
                # IEEE 802.1ah service tag, then a whole Ethernet header.
                p += 4
                what = WHAT_ETHER
            else:
                return _stop(s, STOP_ETHERTYPE + kind)
        elif what == WHAT_ETHER:
            if end - p < 14:
                return _stop(s, STOP_LINK_CUT)
            s[LINK_BITS] |= BIT_TUNNEL
            kind = u16(buf, p + 12)
            p += 14
            what = WHAT_TYPE if kind >= 0x0600 else WHAT_LLC
        elif what == WHAT_MPLS:
            s[LINK_BITS] |= BIT_TUNNEL
            while end - p >= 4 and not buf[p + 2] & 1:
                p += 4
            p += 4
            if end - p < 1:
                return _stop(s, STOP_LINK_CUT)
            if buf[p] >> 4 == 4 or buf[p] >> 4 == 6:
                what = WHAT_NIBBLE
            elif buf[p] >> 4 == 0 and end - p >= 18:
                # A pseudowire's control word (RFC 4385), then Ethernet.
                p += 4
                what = WHAT_ETHER
            else:
                return _stop(s, STOP_MPLS)
        elif what == WHAT_PPP:
            if end - p >= 2 and buf[p] == 0xFF and buf[p + 1] == 0x03:
                p += 2
            if end - p < 2:
                return _stop(s, STOP_LINK_CUT)
            if buf[p] & 1:
                kind = buf[p]
                p += 1
            else:
                kind = u16(buf, p)
                p += 2
            if kind == 0x0021 or kind == 0x0057:
                s[LINK_POS] = p
                return 4 if kind == 0x0021 else 6
            if kind != 0x0281 and kind != 0x0283:
                return _stop(s, STOP_PPP)
            what = WHAT_MPLS
        elif what == WHAT_LLC:
            if end - p < 8:
                return _stop(s, STOP_LLC)
            if buf[p] == 0xAA and buf[p + 1] == 0xAA and buf[p + 2] == 0x03:
                kind = u16(buf, p + 6)
                p += 8
                what = WHAT_TYPE
            elif buf[p] == 0x06 and buf[p + 1] == 0x06 and buf[p + 2] == 0x03:
                s[LINK_POS] = p + 3
                return 4
            else:
                return _stop(s, STOP_LLC)
        elif what == WHAT_GRE:
            s[LINK_BITS] |= BIT_TUNNEL
            kind = _gre(buf, p, end, s)
            if kind < 0:
                return _stop(s, STOP_TUNNEL_CUT)
            p = s[LINK_POS]
            what = WHAT_TYPE
        else:
            if end - p < 1:
                return _stop(s, STOP_TUNNEL_CUT)
            s[LINK_POS] = p
            if buf[p] >> 4 == 4:
                return 4
            if buf[p] >> 4 == 6:
                return 6
            return _stop(s, STOP_TUNNEL)
    return _stop(s, STOP_DEPTH)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _wifi(
    buf: cython.const[cython.uchar][::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, s: cython.longlong[::1]
) -> cython.longlong:
    """Follow an IEEE 802.11 data frame that is not encrypted."""
    first: cython.longlong
    second: cython.longlong
    if end - p < 24:
        return _stop(s, STOP_LINK_CUT)
    first = buf[p]
    second = buf[p + 1]
    if first & 0x0C != 0x08 or second & 0x40 or first & 0x40:
        return _stop(s, STOP_LLC)
    p += 24
    if second & 3 == 3:
        p += 6
    if first & 0x80:
        p += 6 if second & 0x80 else 2
    return descend(buf, p, end, WHAT_LLC, 0, s)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _nflog(
    buf: cython.const[cython.uchar][::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, s: cython.longlong[::1]
) -> cython.longlong:
    """Netfilter log: attributes, of which number 9 is the packet."""
    length: cython.longlong
    kind: cython.longlong
    p += 4
    while end - p >= 4:
        length = (cython.cast(cython.longlong, buf[p + 1]) << 8) | buf[p]
        kind = (cython.cast(cython.longlong, buf[p + 3]) << 8) | buf[p + 2]
        if length < 4:
            break
        if kind & 0x7FFF == 9:
            return descend(buf, p + 4, end, WHAT_NIBBLE, 0, s)
        p += (length + 3) & -4
    return _stop(s, STOP_LINK_CUT)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _mac(buf: cython.const[cython.uchar][::1], p: cython.Py_ssize_t) -> cython.longlong:
    """Return a 16-bit hash, never zero, of six bytes."""
    value: cython.longlong = (u16(buf, p) * 31 + u16(buf, p + 2) * 17 + u16(buf, p + 4)) & 0xFFFF
    return max(1, value)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def link_layer(
    buf: cython.const[cython.uchar][::1],
    p: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    link: cython.longlong,
    s: cython.longlong[::1],
) -> cython.longlong:
    """From the first byte of a packet of link type ``link`` to its first IP header."""
    kind: cython.longlong
    size: cython.Py_ssize_t = end - p
    if link == 1:
        if size < 14:
            return _stop(s, STOP_LINK_CUT)
        s[LINK_HASH] = _mac(buf, p + 6)
        kind = u16(buf, p + 12)
        return descend(buf, p + 14, end, WHAT_TYPE if kind >= 0x0600 else WHAT_LLC, kind, s)
    if link == 113 or link == 276:
        if size < (16 if link == 113 else 20):
            return _stop(s, STOP_LINK_CUT)
        s[LINK_HASH] = _mac(buf, p + (6 if link == 113 else 12))
        kind = u16(buf, p + 14) if link == 113 else u16(buf, p)
        p += 16 if link == 113 else 20
        return descend(buf, p, end, WHAT_TYPE if kind >= 0x0600 else WHAT_LLC, kind, s)
    if link == 0 or link == 108:
        if size < 4:
            return _stop(s, STOP_LINK_CUT)
        # The family is one small number in the byte order of the host that wrote the file.
        kind = buf[p] | buf[p + 3] | (u16(buf, p + 1) << 8)
        if kind == 2:
            s[LINK_POS] = p + 4
            return 4
        if kind == 10 or kind == 24 or kind == 28 or kind == 30:
            s[LINK_POS] = p + 4
            return 6
        return _stop(s, STOP_LLC)
    if link == 101 or link == 12 or link == 14:
        return descend(buf, p, end, WHAT_NIBBLE, 0, s)
    if link == 228 or link == 229:
        s[LINK_POS] = p
        return 4 if link == 228 else 6
    if link == 9 or link == 50:
        return descend(buf, p, end, WHAT_PPP, 0, s)
    if link == 51:
        return descend(buf, p + 6, end, WHAT_PPP, 0, s)
    if link == 104:
        if size < 4:
            return _stop(s, STOP_LINK_CUT)
        return descend(buf, p + 4, end, WHAT_TYPE, u16(buf, p + 2), s)
    if link == 8:
        return descend(buf, p + 16, end, WHAT_NIBBLE, 0, s)
    if link == 105:
        return _wifi(buf, p, end, s)
    if link == 127:
        if size < 4:
            return _stop(s, STOP_LINK_CUT)
        return _wifi(buf, p + ((cython.cast(cython.Py_ssize_t, buf[p + 3]) << 8) | buf[p + 2]), end, s)
    if link == 239:
        return _nflog(buf, p, end, s)
    if link == 107:
        if size < 4:
            return _stop(s, STOP_LINK_CUT)
        if buf[p + 2] != 0x03:
            return descend(buf, p + 4, end, WHAT_TYPE, u16(buf, p + 2), s)
        if buf[p + 3] == 0xCC or buf[p + 3] == 0x8E:
            s[LINK_POS] = p + 4
            return 4 if buf[p + 3] == 0xCC else 6
        return _stop(s, STOP_LLC)
    if link == 178:
        # Juniper's header: magic, flags, and with bit 7 extensions behind their length; bit 0x02 means no link layer.
        if size < 6 or buf[p] != 0x4D or buf[p + 1] != 0x47 or buf[p + 2] != 0x43:
            return _stop(s, STOP_LINK_CUT)
        kind = buf[p + 3]
        p += 6 + u16(buf, p + 4) if kind & 0x80 else 4
        return descend(buf, p, end, WHAT_NIBBLE if kind & 2 else WHAT_ETHER, 0, s)
    if link == 129 or link == 7:
        # ARCnet: one-byte addresses; Linux adds two bytes of offset. Type 240 is IPv4 by RFC 1051, 212 by RFC 1201.
        kind = 4 if link == 129 else 2
        if size <= kind:
            return _stop(s, STOP_LINK_CUT)
        p += kind
        if buf[p] == 240 or buf[p] == 212:
            s[LINK_POS] = p + (1 if buf[p] == 240 else 4)
            return 4
        return _stop(s, STOP_LLC)
    return _stop(s, STOP_LINK_TYPE)
