# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""From any header below IP down to the next IP header (compiled).

Sources: IEEE 802.1Q, 802.1AE (MACsec), 802.1AH, 802.1BR, 802.1CB; IEC 62439-3 (HSR); RFC 1490 (frame relay), 1661 (PPP),
2516 (PPPoE), 2637, 2784 and 2890 (GRE), 2684 (bridged Ethernet), 3032 and 4385 (MPLS), 3378 (EtherIP), 6325 (TRILL),
8300 (NSH); batman-adv's packet.h.
"""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.columns import (
    BIT_TUNNEL,
    LINK_BITS,
    LINK_POS,
    LINK_STOP,
    STOP_ARP,
    STOP_DEPTH,
    STOP_ETHERTYPE,
    STOP_LINK_CUT,
    STOP_LLC,
    STOP_MPLS,
    STOP_PPP,
    STOP_TUNNEL,
    STOP_TUNNEL_CUT,
    WHAT_CISCO,
    WHAT_ETHER,
    WHAT_GRE,
    WHAT_LLC,
    WHAT_MPLS,
    WHAT_NIBBLE,
    WHAT_NLPID,
    WHAT_NSH,
    WHAT_PPP,
    WHAT_RELAY,
    WHAT_TYPE,
    WHAT_WIFI,
)
from cython.cimports.analyzer.decode.octets import u16
from cython.cimports.analyzer.decode.wireless import frame_body

__all__ = ["descend", "stop"]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def stop(s: cython.longlong[::1], reason: cython.longlong) -> cython.longlong:
    """Leave the reason (STOP_*) why no IP header was found; answers 0."""
    s[LINK_STOP] = reason
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _tag(buf: cython.const[cython.uchar][::1], p: cython.Py_ssize_t, kind: cython.longlong) -> cython.Py_ssize_t:
    """Return the bytes between the ethertype of a tag and the ethertype behind it; 0 where ``kind`` is no tag."""
    if kind == 0x8100 or kind == 0x88A8 or kind == 0x9100 or kind == 0x9200:
        return 2
    # Adapter (VN) and redundancy (HSR, 802.1CB) tags.
    if kind == 0x8926 or kind == 0x892F or kind == 0xF1C1:
        return 4
    if kind == 0x893F:
        return 6
    # MACsec that neither encrypts nor changes the data; bit 0x20 tells of a channel identifier.
    if kind == 0x88E5 and u16(buf, p) & 0x0C00 == 0:
        return 14 if u16(buf, p) & 0x2000 else 6
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _carried(buf: cython.const[cython.uchar][::1], p: cython.Py_ssize_t, kind: cython.longlong) -> cython.Py_ssize_t:
    """Return the bytes between an ethertype and the whole Ethernet frame that it carries; -1 where it carries none."""
    if kind == 0x6558:
        return 0
    if kind == 0x88E7:
        return 4
    # FabricPath, and TRILL with options of four bytes.
    if kind == 0x8903:
        return 2
    if kind == 0x22F3:
        return 6 + 4 * ((u16(buf, p) >> 6) & 0x1F)
    # batman-adv of 2013 and later: broadcast, unicast, unicast with four addresses.
    if kind == 0x4305 and u16(buf, p) == 0x010F:
        return 14
    if kind == 0x4305 and u16(buf, p) == 0x400F:
        return 10
    if kind == 0x4305 and u16(buf, p) == 0x420F:
        return 18
    return -1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _is_ether(buf: cython.const[cython.uchar][::1], p: cython.Py_ssize_t) -> cython.bint:
    """Tell whether an Ethernet header that carries something usual seems to stand at ``p``."""
    kind: cython.longlong = u16(buf, p + 12)
    return kind == 0x0800 or kind == 0x86DD or kind == 0x0806 or kind == 0x8100 or kind == 0x88A8 or kind == 0x8847


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
        if end - p >= 12 and ((kind == 0x88BE and flags & 0x1000) or kind == 0x22EB):
            # ERSPAN of the second kind adds eight bytes, the third twelve and on demand eight more.
            if kind == 0x22EB or buf[p] >> 4 == 2:
                p += 20 if buf[p + 11] & 1 else 12
            else:
                p += 8
            kind = 0x6558
        elif kind == 0x883E:
            # WCCP puts a redirect header before IPv4; version 1 did not.
            if end - p >= 4 and buf[p] >> 4 != 4:
                p += 4
            kind = 0x0800
    # ERSPAN of the first kind, and an unregistered number that carries Ethernet in the field.
    if kind == 0x88BE or kind == 0x6400:
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
    """Follow headers from ``p``, which holds ``what`` (WHAT_*), to an IP header.

    ``kind`` is the ethertype of WHAT_TYPE and the WIFI_* of WHAT_WIFI. Answers 4 or 6 with the offset in ``s[LINK_POS]``,
    or 0 with the reason in ``s[LINK_STOP]``.
    """
    size: cython.Py_ssize_t
    _depth: cython.int
    for _depth in range(24):
        if what == WHAT_TYPE:
            if kind == 0x0800 or kind == 0x86DD:
                s[LINK_POS] = p
                return 4 if kind == 0x0800 else 6
            if kind == 0x0806:
                s[LINK_POS] = p
                return stop(s, STOP_ARP)
            if kind == 0x8847 or kind == 0x8848:
                what = WHAT_MPLS
                continue
            if kind == 0x880B:
                what = WHAT_PPP
                continue
            if kind == 0x8870:
                what = WHAT_LLC
                continue
            size = _tag(buf, p, kind)
            if size:
                if end - p < size + 2:
                    return stop(s, STOP_LINK_CUT)
                s[LINK_BITS] |= BIT_TUNNEL
                p += size + 2
                kind = u16(buf, p - 2)
                if kind < 0x0600:
                    what = WHAT_LLC
                continue
            size = _carried(buf, p, kind)
            if size >= 0:
                p += size
                what = WHAT_ETHER
            elif kind == 0x8864:
                s[LINK_BITS] |= BIT_TUNNEL
                p += 6
                what = WHAT_PPP
            elif kind == 0x8909:
                # Cisco metadata: version, length in words of eight bytes, options, then the ethertype.
                kind = u16(buf, p + 6)
                p += 8
            elif kind == 0x894F:
                what = WHAT_NSH
            elif kind == 0x6559:
                what = WHAT_RELAY
            elif kind & 0xFE0F == 0x8200:
                # Aruba's access points number their queues.
                what = WHAT_WIFI
                kind = 0
            else:
                return stop(s, STOP_ETHERTYPE + kind)
        elif what == WHAT_ETHER:
            if end - p < 14:
                return stop(s, STOP_LINK_CUT)
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
                return stop(s, STOP_LINK_CUT)
            if buf[p] >> 4 == 4 or buf[p] >> 4 == 6:
                what = WHAT_NIBBLE
            elif buf[p] >> 4 == 0 and end - p >= 18:
                # A pseudowire: Ethernet behind a control word (RFC 4385), or at once where two makers' addresses seem to stand.
                if (buf[p] | buf[p + 6]) & 2 or _is_ether(buf, p + 4) or not _is_ether(buf, p):
                    p += 4
                what = WHAT_ETHER
            else:
                return stop(s, STOP_MPLS)
        elif what == WHAT_PPP:
            if end - p >= 2 and buf[p] == 0xFF and buf[p + 1] == 0x03:
                p += 2
            if end - p < 2:
                return stop(s, STOP_LINK_CUT)
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
                return stop(s, STOP_PPP)
            what = WHAT_MPLS
        elif what == WHAT_CISCO:
            if end - p < 4:
                return stop(s, STOP_LINK_CUT)
            kind = u16(buf, p + 2)
            p += 4
            what = WHAT_TYPE
        elif what == WHAT_LLC:
            if end - p < 8:
                return stop(s, STOP_LLC)
            if buf[p] == 0xAA and buf[p + 1] == 0xAA and buf[p + 2] == 0x03:
                p += 8
                what = WHAT_TYPE
                kind = u16(buf, p - 2)
                if buf[p - 4] == 0x80 and buf[p - 3] == 0xC2 and (kind == 1 or kind == 7):
                    # An Ethernet frame that was bridged over another link, aligned by two bytes.
                    p += 2
                    what = WHAT_ETHER
            elif buf[p] == 0x06 and buf[p + 1] == 0x06 and buf[p + 2] == 0x03:
                s[LINK_POS] = p + 3
                return 4
            elif buf[p] == 0xFE and buf[p + 1] == 0xFE and buf[p + 2] == 0x03:
                p += 3
                what = WHAT_NLPID
            else:
                return stop(s, STOP_LLC)
        elif what == WHAT_RELAY:
            # The last byte of the address has its lowest bit set; then unnumbered information, or Cisco's ethertype.
            size = p
            while end - p >= 6 and p - size < 4 and not buf[p] & 1:
                p += 1
            p += 1
            if end - p < 4:
                return stop(s, STOP_LINK_CUT)
            if buf[p] == 0x03:
                p += 1
                what = WHAT_NLPID
            else:
                kind = u16(buf, p)
                p += 2
                what = WHAT_TYPE
        elif what == WHAT_NLPID:
            if end - p >= 8 and buf[p] == 0:
                p += 1
            if end - p < 8:
                return stop(s, STOP_LLC)
            kind = buf[p]
            p += 1
            if kind == 0xCC or kind == 0x8E:
                s[LINK_POS] = p
                return 4 if kind == 0xCC else 6
            if kind == 0xCF:
                what = WHAT_PPP
            elif kind == 0x80:
                kind = u16(buf, p + 3)
                what = WHAT_ETHER if u16(buf, p + 1) == 0x80C2 and (kind == 1 or kind == 7) else WHAT_TYPE
                p += 5
            else:
                return stop(s, STOP_LLC)
        elif what == WHAT_WIFI:
            p = frame_body(buf, p, end, kind)
            if p < 0:
                return stop(s, STOP_LLC)
            what = WHAT_LLC
        elif what == WHAT_NSH:
            if end - p < 8:
                return stop(s, STOP_TUNNEL_CUT)
            s[LINK_BITS] |= BIT_TUNNEL
            kind = buf[p + 3]
            p += 4 * (cython.cast(cython.Py_ssize_t, buf[p + 1]) & 0x3F)
            if kind == 1 or kind == 2:
                what = WHAT_NIBBLE
            elif kind == 3:
                what = WHAT_ETHER
            elif kind == 5:
                what = WHAT_MPLS
            else:
                return stop(s, STOP_TUNNEL)
        elif what == WHAT_GRE:
            s[LINK_BITS] |= BIT_TUNNEL
            kind = _gre(buf, p, end, s)
            if kind < 0:
                return stop(s, STOP_TUNNEL_CUT)
            p = s[LINK_POS]
            what = WHAT_TYPE
        else:
            if end - p < 1:
                return stop(s, STOP_TUNNEL_CUT)
            s[LINK_POS] = p
            if buf[p] >> 4 == 4:
                return 4
            if buf[p] >> 4 == 6:
                return 6
            return stop(s, STOP_TUNNEL)
    return stop(s, STOP_DEPTH)
