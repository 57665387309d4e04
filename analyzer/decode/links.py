# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""From the first byte of a packet of any link type to its first IP header (compiled).

Sources: tcpdump.org/linktypes.html and the pages it points to; ANSI X3.139 (FDDI), IEEE 802.5 (token ring), RFC 2625
(Fibre Channel), 2734 (IEEE 1394), 4391 (InfiniBand), 2684 (ATM); Endace's ERF types; Cisco's ISL frame.
"""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.columns import (
    LINK_HASH,
    LINK_POS,
    STOP_LINK_CUT,
    STOP_LINK_TYPE,
    STOP_LLC,
    WHAT_CISCO,
    WHAT_ETHER,
    WHAT_LLC,
    WHAT_NIBBLE,
    WHAT_PPP,
    WHAT_RELAY,
    WHAT_TYPE,
    WHAT_WIFI,
)
from cython.cimports.analyzer.decode.layers import descend, stop
from cython.cimports.analyzer.decode.octets import u16, u16le, u32, u32le
from cython.cimports.analyzer.decode.wireless import radio_header

__all__ = ["link_layer"]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _ip(s: cython.longlong[::1], p: cython.Py_ssize_t, family: cython.longlong) -> cython.longlong:
    """Answer for an address family as BSD systems, macOS and Linux number them."""
    s[LINK_POS] = p
    if family == 2:
        return 4
    if family == 10 or family == 24 or family == 28 or family == 30:
        return 6
    return stop(s, STOP_LLC)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _loopback(
    buf: cython.const[cython.uchar][::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, s: cython.longlong[::1]
) -> cython.longlong:
    """The family or ethertype is one small number in the byte order of the host that wrote it."""
    kind: cython.longlong
    if u16(buf, p) == 0xFF03:
        return descend(buf, p, end, WHAT_PPP, 0, s)
    kind = u16(buf, p + 2) if u16(buf, p + 2) else u16le(buf, p)
    if kind >= 0x0600:
        return descend(buf, p + 4, end, WHAT_TYPE, kind, s)
    return _ip(s, p + 4, kind)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _serial(
    buf: cython.const[cython.uchar][::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, s: cython.longlong[::1]
) -> cython.longlong:
    """PPP, or Cisco's HDLC, which begins with another address."""
    if end - p < 4:
        return stop(s, STOP_LINK_CUT)
    return descend(buf, p, end, WHAT_CISCO if buf[p] == 0x0F or buf[p] == 0x8F else WHAT_PPP, 0, s)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _cell(
    buf: cython.const[cython.uchar][::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, s: cython.longlong[::1]
) -> cython.longlong:
    """What ATM carries: LLC, or IP without it."""
    return descend(buf, p, end, WHAT_LLC if u16(buf, p) == 0xAAAA or u16(buf, p) == 0xFEFE else WHAT_NIBBLE, 0, s)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _ring(
    buf: cython.const[cython.uchar][::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, s: cython.longlong[::1]
) -> cython.longlong:
    """Token ring; the first bit of the source address tells of a route between the addresses and LLC."""
    if end - p < 16 or buf[p + 1] & 0xC0 != 0x40:
        return stop(s, STOP_LLC)
    return descend(buf, p + 14 + (buf[p + 14] & 0x1F if buf[p + 8] & 0x80 else 0), end, WHAT_LLC, 0, s)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _erf(
    buf: cython.const[cython.uchar][::1], p: cython.Py_ssize_t, end: cython.Py_ssize_t, s: cython.longlong[::1]
) -> cython.longlong:
    """Endace's record: sixteen bytes, extensions of eight while their first bit is set, then a frame of some type."""
    kind: cython.longlong
    at: cython.Py_ssize_t = p + 8
    if end - p < 24:
        return stop(s, STOP_LINK_CUT)
    kind = buf[at] & 0x7F
    p += 16
    while buf[at] & 0x80 and end - p >= 8:
        at = p
        p += 8
    if kind == 2 or kind == 11 or kind == 16 or kind == 20:
        return descend(buf, p + 2, end, WHAT_ETHER, 0, s)
    if kind == 1 or kind == 10 or kind == 19:
        return _serial(buf, p, end, s)
    if kind == 4:
        return _cell(buf, p + 4, end, s)
    if kind == 22 or kind == 23:
        s[LINK_POS] = p
        return 4 if kind == 22 else 6
    return stop(s, STOP_LLC)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _juniper(
    buf: cython.const[cython.uchar][::1],
    p: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    link: cython.longlong,
    s: cython.longlong[::1],
) -> cython.longlong:
    """Juniper's header: magic, flags, and with bit 7 extensions behind their length; bit 1 means a number, no link layer."""
    kind: cython.longlong
    if end - p < 6 or buf[p] != 0x4D or buf[p + 1] != 0x47 or buf[p + 2] != 0x43:
        return stop(s, STOP_LINK_CUT)
    kind = buf[p + 3]
    p += 6 + u16(buf, p + 4) if kind & 0x80 else 4
    if kind & 2:
        kind = u32le(buf, p)
        if kind != 2 and kind != 3 and kind != 6:
            return stop(s, STOP_LLC)
        return descend(buf, p + 4, end, WHAT_NIBBLE, 0, s)
    if link == 178:
        return descend(buf, p, end, WHAT_ETHER, 0, s)
    if link == 180:
        return descend(buf, p, end, WHAT_RELAY, 0, s)
    if link == 181:
        return descend(buf, p, end, WHAT_CISCO, 0, s)
    if link == 135 or link == 137:
        # A cookie of eight or four bytes.
        return _cell(buf, p + (8 if link == 135 else 4), end, s)
    return descend(buf, p, end, WHAT_PPP, 0, s)


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
        length = u16le(buf, p)
        kind = u16le(buf, p + 2)
        if length < 4:
            break
        if kind & 0x7FFF == 9:
            return descend(buf, p + 4, end, WHAT_NIBBLE, 0, s)
        p += (length + 3) & -4
    return stop(s, STOP_LINK_CUT)


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
            return stop(s, STOP_LINK_CUT)
        s[LINK_HASH] = _mac(buf, p + 6)
        kind = u16(buf, p + 12)
        if kind < 0x0600 and u32(buf, p) == 0x01000C00 and buf[p + 4] == 0:
            # Cisco's ISL puts 26 bytes before an Ethernet frame.
            return descend(buf, p + 26, end, WHAT_ETHER, 0, s)
        return descend(buf, p + 14, end, WHAT_TYPE if kind >= 0x0600 else WHAT_LLC, kind, s)
    if link == 113 or link == 276:
        if size < (16 if link == 113 else 20):
            return stop(s, STOP_LINK_CUT)
        s[LINK_HASH] = _mac(buf, p + (6 if link == 113 else 12))
        kind = u16(buf, p + 14) if link == 113 else u16(buf, p)
        p += 16 if link == 113 else 20
        return descend(buf, p, end, WHAT_TYPE if kind >= 0x0600 else WHAT_LLC, kind, s)
    if link == 0 or link == 108:
        return _loopback(buf, p, end, s) if size >= 4 else stop(s, STOP_LINK_CUT)
    if link == 101 or link == 12 or link == 14:
        return descend(buf, p, end, WHAT_NIBBLE, 0, s)
    if link == 228 or link == 229:
        s[LINK_POS] = p
        return 4 if link == 228 else 6
    if link == 9 or link == 50:
        return _serial(buf, p, end, s)
    if link == 204:
        # One byte for the direction.
        return _serial(buf, p + 1, end, s)
    if link == 51:
        return descend(buf, p + 6, end, WHAT_PPP, 0, s)
    if link == 104 or link == 112:
        return descend(buf, p, end, WHAT_CISCO, 0, s)
    if link == 8:
        return descend(buf, p + 16, end, WHAT_NIBBLE, 0, s)
    if link == 105:
        return descend(buf, p, end, WHAT_WIFI, 0, s)
    if link == 127 or link == 119 or link == 163:
        kind = radio_header(buf, p, end, link, s)
        return descend(buf, s[LINK_POS], end, WHAT_WIFI, kind, s) if kind >= 0 else stop(s, STOP_LINK_CUT)
    if link == 192 or link == 258 or link == 149:
        # The packet's own link type stands in the header: PPI, and macOS' packet tap.
        if size < 12:
            return stop(s, STOP_LINK_CUT)
        kind = u16le(buf, p + 2) if link == 192 else u32le(buf, p)
        link = u32le(buf, p + (4 if link == 192 else 8))
        if kind < 8 or kind > size or link == 192 or link == 258 or link == 149:
            return stop(s, STOP_LINK_CUT)
        return link_layer(buf, p + kind, end, link, s)
    if link == 117:
        # Packet filter log: its length, to be rounded up, and the family.
        if size < 4:
            return stop(s, STOP_LINK_CUT)
        return _ip(s, p + ((buf[p] + 3) & 0xFC), buf[p + 1])
    if link == 109:
        # OpenBSD's encapsulating interface: family, index and flags.
        kind = u32(buf, p)
        return _ip(s, p + 12, kind if kind < 256 else u32le(buf, p))
    if link == 239:
        return _nflog(buf, p, end, s)
    if link == 107:
        return descend(buf, p, end, WHAT_RELAY, 0, s)
    if link == 10:
        # FDDI: only frames of LLC.
        if size < 13 or buf[p] & 0xF0 != 0x50:
            return stop(s, STOP_LLC)
        return descend(buf, p + 13, end, WHAT_LLC, 0, s)
    if link == 6:
        return _ring(buf, p, end, s)
    if link == 100 or link == 11 or link == 106 or link == 19:
        return _cell(buf, p, end, s)
    if link == 123:
        # SunATM: kind, virtual path and channel; LAN emulation puts its client's number before Ethernet.
        if size < 8:
            return stop(s, STOP_LINK_CUT)
        return descend(buf, p + 6, end, WHAT_ETHER, 0, s) if buf[p] & 15 == 1 else _cell(buf, p + 4, end, s)
    if link == 122:
        return descend(buf, p + 16, end, WHAT_LLC, 0, s)
    if link == 138:
        return descend(buf, p + 18, end, WHAT_TYPE, u16(buf, p + 16), s)
    if link == 226:
        # Solaris: version and family, 22 bytes more.
        return _ip(s, p + 24, 24 if size >= 24 and buf[p + 1] == 26 else u16(buf, p) & 0xFF)
    if link == 242:
        return descend(buf, p + 44, end, WHAT_TYPE, u16(buf, p + 40), s)
    if link == 274:
        # With the preamble or without.
        return descend(buf, p + 8 if u32(buf, p) == 0x55555555 else p, end, WHAT_ETHER, 0, s)
    if link == 197:
        return _erf(buf, p, end, s)
    if link == 178 or link == 179 or link == 130 or link == 180 or link == 181 or link == 135 or link == 137:
        return _juniper(buf, p, end, link, s)
    if link == 129 or link == 7:
        # ARCnet: one-byte addresses; Linux adds two bytes of offset. Type 240 is IPv4 by RFC 1051, 212 by RFC 1201.
        kind = 4 if link == 129 else 2
        if size <= kind:
            return stop(s, STOP_LINK_CUT)
        p += kind
        if buf[p] == 240 or buf[p] == 212:
            s[LINK_POS] = p + (1 if buf[p] == 240 else 4)
            return 4
        return stop(s, STOP_LLC)
    return stop(s, STOP_LINK_TYPE)
