# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
# mypy: disable-error-code="valid-type,misc,name-defined,no-untyped-call,untyped-decorator,no-any-return"
"""Packets to TCP rows: link layer, tunnels, IP, TCP (compiled).

The innermost IP header wins, as in Wireshark. Nothing here raises for what the wire did: a packet that is no TCP
segment is counted under the place where decoding stopped, and a packet that explains TCP (ICMP errors, DNS, ARP,
neighbour discovery, DHCP) is noted.

Sources: RFC 791, 8200 (IP), 9293 (TCP), 7323 (window scale), 2018 (SACK), 3032 (MPLS), 2516 (PPPoE), 2784 and 2890
(GRE), 7348 (VXLAN), 8926 (Geneve), 4380 (Teredo), 3GPP TS 29.281 (GTP-U), tcpdump.org/linktypes.html.
"""

from __future__ import annotations

import cython
from cython.cimports.analyzer.decode.columns import (
    BIT_QUOTED,
    BIT_TUNNEL,
    BIT_V6,
    COUNT_DIRECT,
    COUNT_PAIRS,
    KIND_ARP,
    KIND_DHCP,
    KIND_DNS,
    KIND_FRAGMENT,
    KIND_ICMP,
    KIND_NEIGHBOUR,
    LINK_BITS,
    LINK_HASH,
    LINK_NOTES,
    LINK_NOTES_DROPPED,
    LINK_NOTES_LEFT,
    LINK_POS,
    LINK_ROWS,
    LINK_STOP,
    LINK_UDP,
    LOW32,
    MARK_DF,
    MARK_IP_ID,
    NOTE_ADDRESS,
    NOTE_FAMILY,
    NOTE_KIND,
    NOTE_LEN,
    NOTE_OFF,
    NOTE_PORTS,
    NOTE_REF,
    NOTE_STRIDE,
    NOTE_TS,
    NOTE_TTL,
    REC_CAP,
    REC_LINK,
    REC_OFF,
    REC_ORIG,
    REC_STRIDE,
    REC_TS,
    ROW_BITS,
    ROW_HOP,
    ROW_KEY,
    ROW_LENGTH,
    ROW_OPTIONS,
    ROW_PAYLOAD,
    ROW_REF,
    ROW_SHAPE,
    ROW_STRIDE,
    ROW_TS,
    SHAPE_IP_ID,
    SHAPE_LINK,
    STOP_ARP,
    STOP_DEPTH,
    STOP_FRAGMENT,
    STOP_IP_BAD,
    STOP_IP_CUT,
    STOP_PROTOCOL,
    STOP_TCP,
    WHAT_ETHER,
    WHAT_GRE,
    WHAT_MPLS,
)
from cython.cimports.analyzer.decode.layers import descend
from cython.cimports.analyzer.decode.links import link_layer
from cython.cimports.analyzer.decode.octets import u16
from cython.cimports.analyzer.decode.tunnels import udp_tunnel

from analyzer.decode.segments import read_segments

__all__ = ["decode"]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _is_tunnel(port: cython.longlong) -> cython.bint:
    """Tell a port that ``tunnels.udp_tunnel`` knows."""
    return (
        port == 4789 or port == 2152 or port == 1701 or port == 3544 or port == 6081 or port == 4790 or port == 6635
        or port == 4754 or port == 4341 or port == 5072 or port == 37008 or port == 5247 or port == 12222
        or port == 3386 or port == 2123
    )  # fmt: skip


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _is_wanted(
    buf: cython.const[cython.uchar][::1],
    p: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    version: cython.int,
    ip: cython.Py_ssize_t,
    protocol: cython.longlong,
    s: cython.longlong[::1],
) -> cython.bint:
    """Tell a fragment of a datagram that may hold TCP. Of UDP only tunnels do, and only the first fragment names one."""
    first: cython.bint
    if protocol == 6 or protocol == 4 or protocol == 41 or protocol == 47:
        return True
    if protocol != 17:
        return False
    if version == 4:
        first = u16(buf, ip + 6) & 0x1FFF == 0
    else:
        first = u16(buf, p + 2) & 0xFFF8 == 0
        p += 8
    if first and end - p >= 4 and (_is_tunnel(u16(buf, p)) or _is_tunnel(u16(buf, p + 2))):
        s[LINK_UDP] = 1
    return s[LINK_UDP] != 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _stands_alone(
    buf: cython.const[cython.uchar][::1], ip: cython.Py_ssize_t, end: cython.Py_ssize_t, vend: cython.Py_ssize_t
) -> cython.bint:
    """Tell a first fragment of IPv4 that was cut: it cannot be put together, and Wireshark takes it for a packet."""
    length: cython.longlong = u16(buf, ip + 2)
    return u16(buf, ip + 6) & 0x1FFF == 0 and end < (ip + length if length else vend)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _count(counts: cython.longlong[::1], reason: cython.longlong) -> cython.void:
    slot: cython.Py_ssize_t
    if reason < COUNT_DIRECT:
        counts[reason] += 1
        return
    for slot in range(COUNT_DIRECT, COUNT_DIRECT + 2 * COUNT_PAIRS, 2):
        if counts[slot] == reason or counts[slot] == 0:
            counts[slot] = reason
            counts[slot + 1] += 1
            return
    counts[COUNT_DIRECT + 2 * COUNT_PAIRS] += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _note(
    notes: cython.longlong[::1],
    s: cython.longlong[::1],
    kind: cython.longlong,
    ref: cython.longlong,
    ts: cython.longlong,
    family: cython.longlong,
    address: cython.longlong,
    ports: cython.longlong,
    ttl: cython.longlong,
    off: cython.longlong,
    length: cython.longlong,
) -> cython.void:
    n: cython.Py_ssize_t = s[LINK_NOTES] * NOTE_STRIDE
    if kind != KIND_FRAGMENT:
        if s[LINK_NOTES_LEFT] <= 0:
            s[LINK_NOTES_DROPPED] += 1
            return
        s[LINK_NOTES_LEFT] -= 1
    notes[n + NOTE_KIND] = kind
    notes[n + NOTE_REF] = ref
    notes[n + NOTE_TS] = ts
    notes[n + NOTE_FAMILY] = family
    notes[n + NOTE_ADDRESS] = address
    notes[n + NOTE_PORTS] = ports
    notes[n + NOTE_TTL] = ttl
    notes[n + NOTE_OFF] = off
    notes[n + NOTE_LEN] = length
    s[LINK_NOTES] += 1


def decode(
    buf: cython.const[cython.uchar][::1],
    recs: cython.longlong[::1],
    first: cython.Py_ssize_t,
    n: cython.Py_ssize_t,
    ref: cython.longlong,
    rows: cython.longlong[::1],
    notes: cython.longlong[::1],
    counts: cython.longlong[::1],
    s: cython.longlong[::1],
) -> int:
    """Decode records ``first`` to ``n`` into rows and notes; return the record to go on with.

    ``ref`` is the reference of record 0 (capture << 40 | frame). The call ends early, after a note of KIND_FRAGMENT,
    when a fragment of a datagram that may hold TCP needs to be put together before what follows it.
    """
    i: cython.Py_ssize_t
    r: cython.Py_ssize_t = 0
    p: cython.Py_ssize_t
    ip: cython.Py_ssize_t
    end: cython.Py_ssize_t
    vend: cython.Py_ssize_t
    address: cython.Py_ssize_t
    link: cython.longlong
    version: cython.int
    protocol: cython.longlong
    reason: cython.longlong
    frame: cython.longlong
    ttl: cython.longlong
    shape: cython.longlong
    quoted: cython.longlong
    length: cython.longlong
    kind: cython.longlong
    sport: cython.longlong
    dport: cython.longlong
    fragment: cython.bint
    _depth: cython.int
    s[LINK_ROWS] = 0
    s[LINK_NOTES] = 0
    with cython.nogil:
        for i in range(first, n):
            p = recs[i * REC_STRIDE + REC_OFF]
            end = p + recs[i * REC_STRIDE + REC_CAP]
            vend = p + recs[i * REC_STRIDE + REC_ORIG]
            link = recs[i * REC_STRIDE + REC_LINK] & 0xFFFF
            frame = ref + i
            s[LINK_BITS] = 0
            s[LINK_HASH] = 0
            reason = -1
            quoted = 0
            fragment = False
            if link == 1 and end - p >= 34 and buf[p + 12] == 8 and buf[p + 13] == 0:
                s[LINK_HASH] = (u16(buf, p + 6) * 31 + u16(buf, p + 8) * 17 + u16(buf, p + 10)) & 0xFFFF
                if s[LINK_HASH] == 0:
                    s[LINK_HASH] = 1
                version = 4
                p += 14
            else:
                version = link_layer(buf, p, end, link, s)
                p = s[LINK_POS]
            for _depth in range(16):
                if version == 4:
                    if end - p < 20:
                        reason = STOP_IP_CUT
                        break
                    if buf[p] >> 4 != 4 or buf[p] & 15 < 5:
                        if buf[p] >> 4 == 6:
                            version = 6
                            continue
                        reason = STOP_IP_BAD
                        break
                    ip = p
                    p += 4 * (buf[ip] & 15)
                    length = u16(buf, ip + 2)
                    # Zero: the sending host left segmentation to its network card (the capture saw it before).
                    if length:
                        if length < p - ip:
                            reason = STOP_IP_BAD
                            break
                        if ip + length < vend:
                            vend = ip + length
                    if vend < end:
                        end = vend
                    protocol = buf[ip + 9]
                    ttl = buf[ip + 8]
                    address = ip + 12
                    shape = MARK_IP_ID | (u16(buf, ip + 4) << SHAPE_IP_ID)
                    if buf[ip + 6] & 0x40:
                        shape |= MARK_DF
                    fragment = u16(buf, ip + 6) & 0x3FFF != 0
                elif version == 6:
                    if end - p < 40:
                        reason = STOP_IP_CUT
                        break
                    if buf[p] >> 4 != 6:
                        reason = STOP_IP_BAD
                        break
                    ip = p
                    p += 40
                    length = u16(buf, ip + 4)
                    if length and p + length < vend:
                        vend = p + length
                    if vend < end:
                        end = vend
                    protocol = buf[ip + 6]
                    ttl = buf[ip + 7]
                    address = ip + 8
                    shape = 0
                    fragment = False
                else:
                    reason = s[LINK_STOP]
                    break
                # IPv6 extension headers; the authentication header also follows IPv4.
                while end - p >= 8:
                    if protocol == 51:
                        protocol = buf[p]
                        p += 4 * (cython.cast(cython.Py_ssize_t, buf[p + 1]) + 2)
                    elif version == 6 and (
                        protocol == 0 or protocol == 43 or protocol == 60 or protocol == 140
                    ):
                        protocol = buf[p]
                        p += 8 * (cython.cast(cython.Py_ssize_t, buf[p + 1]) + 1)
                    elif version == 6 and protocol == 44:
                        protocol = buf[p]
                        if u16(buf, p + 2) & 0xFFF9:
                            fragment = True
                            break
                        p += 8
                    else:
                        break
                if fragment and not (version == 4 and _stands_alone(buf, ip, end, vend)):
                    reason = STOP_FRAGMENT
                    if quoted == 0 and _is_wanted(buf, p, end, version, ip, protocol, s):
                        _note(
                            notes, s, KIND_FRAGMENT, frame, recs[i * REC_STRIDE + REC_TS],
                            version, address, 0, ttl, ip, end - ip,
                        )
                    break
                if protocol == 6:
                    rows[r + ROW_TS] = recs[i * REC_STRIDE + REC_TS]
                    rows[r + ROW_REF] = frame
                    rows[r + ROW_HOP] = (((frame >> 40) & 0x7F) << 56) | (ttl << 48) | (frame & LOW32)
                    rows[r + ROW_SHAPE] = shape | (s[LINK_HASH] << SHAPE_LINK)
                    rows[r + ROW_BITS] = s[LINK_BITS] | quoted | (BIT_V6 if version == 6 else 0)
                    rows[r + ROW_KEY] = address
                    rows[r + ROW_PAYLOAD] = p
                    rows[r + ROW_OPTIONS] = end
                    rows[r + ROW_LENGTH] = vend
                    r += ROW_STRIDE
                    if quoted == 0:
                        reason = STOP_TCP
                    break
                if quoted:
                    break
                reason = STOP_PROTOCOL + protocol
                if protocol == 17:
                    if end - p < 8:
                        break
                    sport = u16(buf, p)
                    dport = u16(buf, p + 2)
                    length = u16(buf, p + 4)
                    if length >= 8 and p + length < vend:
                        vend = p + length
                        if vend < end:
                            end = vend
                    p += 8
                    if sport == 53 or dport == 53 or sport == 5353 or dport == 5353:
                        kind = KIND_DNS
                    elif (sport == 67 or sport == 68) and (dport == 67 or dport == 68):
                        kind = KIND_DHCP
                    else:
                        version = 0
                        if _is_tunnel(dport):
                            version = udp_tunnel(buf, p, end, dport, s)
                        if version == 0 and _is_tunnel(sport):
                            version = udp_tunnel(buf, p, end, sport, s)
                        if version == 0:
                            break
                        s[LINK_UDP] = 1
                        p = s[LINK_POS]
                        continue
                    _note(
                        notes, s, kind, frame, recs[i * REC_STRIDE + REC_TS], version, address,
                        (sport << 16) | dport, ttl, p, min(512, end - p),
                    )
                    break
                if protocol == 1 or protocol == 58:
                    if end - p < 8:
                        break
                    kind = buf[p]
                    if protocol == 58 and (kind == 135 or kind == 136):
                        _note(
                            notes, s, KIND_NEIGHBOUR, frame, recs[i * REC_STRIDE + REC_TS], version, address,
                            0, ttl, p, min(512, end - p),
                        )
                        break
                    if protocol == 1 and kind != 3 and kind != 4 and kind != 5 and kind != 11 and kind != 12:
                        break
                    if protocol == 58 and (kind < 1 or kind > 4):
                        break
                    _note(
                        notes, s, KIND_ICMP, frame, recs[i * REC_STRIDE + REC_TS], version, address,
                        0, ttl, p, min(512, end - p),
                    )
                    if protocol == 1 and kind == 5:
                        break
                    # The quoted segment counts among Wireshark's streams, so it is read like one, and marked.
                    quoted = BIT_QUOTED
                    p += 8
                    version = 4 if protocol == 1 else 6
                    vend = p + 65536
                    continue
                if protocol == 4 or protocol == 41:
                    s[LINK_BITS] |= BIT_TUNNEL
                    version = 4 if protocol == 4 else 6
                    continue
                if protocol == 47:
                    version = descend(buf, p, end, WHAT_GRE, 0, s)
                elif protocol == 97 or protocol == 143:
                    # EtherIP, and Ethernet itself (RFC 8986 §10.1).
                    version = descend(buf, p + 2 if protocol == 97 else p, end, WHAT_ETHER, 0, s)
                elif protocol == 137:
                    version = descend(buf, p, end, WHAT_MPLS, 0, s)
                else:
                    break
                if version == 0 and s[LINK_STOP] != STOP_ARP:
                    break
                p = s[LINK_POS]
            else:
                reason = STOP_DEPTH
            if reason == STOP_ARP and end - p >= 28:
                _note(
                    notes, s, KIND_ARP, frame, recs[i * REC_STRIDE + REC_TS], 0, p, 0, 0, p,
                    min(46, end - p),
                )
            if reason != STOP_TCP:
                _count(counts, reason)
            if reason == STOP_FRAGMENT and quoted == 0 and s[LINK_NOTES] and notes[(s[LINK_NOTES] - 1) * NOTE_STRIDE] == KIND_FRAGMENT:
                n = i + 1
                break
    s[LINK_ROWS] = read_segments(buf, rows, r // ROW_STRIDE, counts)
    return n
