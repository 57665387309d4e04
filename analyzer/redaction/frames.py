"""One frame, rewritten in place: addresses, hardware addresses and payload; lengths and every other header field kept.

Each checksum is mended by what changed (RFC 1624 §3), so a right one stays right, a wrong one stays as wrong as it was,
and one that was left to the network card still looks so. What is not understood becomes zeros.

Link types: tcpdump.org/linktypes.html. Headers: RFC 791, 8200, 9293, 768, 792, 4443, 4861, 2710, 826, 2131, 2784, 7348.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from analyzer.redaction.dhcp import clean_dhcp
from analyzer.redaction.dns import clean_dns
from analyzer.redaction.masks import Masks
from analyzer.redaction.payload import clean_payload

__all__ = ["Payload", "redact_frame"]

Payload = Callable[[bytes, int, int], bytes]
"""Payload of a TCP segment, source port, destination port; returns what stands in its place, as long as it was."""

_ETHERNET, _NULL, _LOOP, _PPP, _PPP_HDLC, _SLL, _SLL2 = 1, 0, 108, 9, 50, 113, 276
_RAW = frozenset((12, 14, 101, 228, 229))
_VLANS = frozenset((0x8100, 0x88A8, 0x9100, 0x9200))
_DNS_PORTS = frozenset((53, 5353, 5355))
_VXLAN = 4789
_KEPT_TCP_OPTIONS = frozenset((0, 1, 2, 3, 4, 5, 8))
_MOST_DEPTH = 8


def redact_frame(data: bytes, link_type: int, masks: Masks, payload: Payload | None = None) -> bytes:
    """Return a captured frame with everything masked that could tell of a site, as long as it was.

    ``payload`` overrules what becomes of TCP payload.
    """
    return _Rewrite(bytearray(data), masks, payload).run(link_type)


def _sum(data: bytes | bytearray | memoryview) -> int:
    """Add up 16-bit words, without the last fold (RFC 1071)."""
    whole = bytes(data) + (b"\0" if len(data) & 1 else b"")
    return sum(struct.unpack(f"!{len(whole) // 2}H", whole))


def _folded(total: int) -> int:
    return total % 0xFFFF or (0xFFFF if total else 0)


class _Rewrite:
    """The walk down one frame."""

    def __init__(self, buffer: bytearray, masks: Masks, payload: Payload | None) -> None:
        self.buffer = buffer
        self.masks = masks
        self.payload = payload or (lambda data, source, target: clean_payload(data, source, target, masks))
        self.depth = 0

    def run(self, link_type: int) -> bytes:
        """Rewrite the frame and return it."""
        end = len(self.buffer)
        if link_type == _ETHERNET:
            self.ethernet(0, end)
        elif link_type in _RAW:
            self.nibble(0, end)
        elif link_type in (_NULL, _LOOP):
            self.nibble(min(4, end), end)
        elif link_type in (_PPP, _PPP_HDLC):
            self.ppp(0, end)
        elif link_type == _SLL:
            self.cooked(6, 14, 16, end)
        elif link_type == _SLL2:
            self.cooked(12, 0, 20, end)
        else:
            self.zero(0, end)
        return bytes(self.buffer)

    def zero(self, start: int, end: int) -> None:
        """Blank what is not understood."""
        if end > start:
            self.buffer[start:end] = bytes(end - start)

    def word(self, at: int) -> int:
        """Return a 16-bit field."""
        return self.buffer[at] << 8 | self.buffer[at + 1]

    # -- links ---------------------------------------------------------------------------------------------------

    def ethernet(self, at: int, end: int) -> None:
        """Rewrite an Ethernet header and what it carries; what follows the packet is padding, and goes."""
        if end - at < 14:
            self.zero(at, end)
            return
        target = bytes(self.buffer[at : at + 6])
        self.buffer[at + 6 : at + 12] = self.masks.mac(bytes(self.buffer[at + 6 : at + 12]))
        destination = self.ethertype(self.word(at + 12), at + 14, end)
        self.buffer[at : at + 6] = self.masks.group_mac(target, destination)

    def cooked(self, link: int, protocol: int, header: int, end: int) -> None:
        """Rewrite a Linux cooked header: an eight-byte address field of which six are used."""
        if end < header:
            self.zero(0, end)
            return
        self.buffer[link : link + 6] = self.masks.mac(bytes(self.buffer[link : link + 6]))
        self.zero(link + 6, link + 8)
        self.ethertype(self.word(protocol), header, end)

    def ethertype(self, kind: int, at: int, end: int) -> bytes:
        """Rewrite what an ethertype announces; return the masked destination address, empty where there is none."""
        while kind in _VLANS and end - at >= 4:
            kind, at = self.word(at + 2), at + 4
        if kind in (0x0800, 0x86DD):
            return self.nibble(at, end)
        if kind == 0x0806:
            self.arp(at, end)
        elif kind == 0x8864 and end - at >= 8:
            self.ppp(at + 6, end)
        elif kind in (0x8847, 0x8848):
            while end - at >= 4 and not self.buffer[at + 2] & 1:
                at += 4
            return self.nibble(min(at + 4, end), end)
        else:
            self.zero(at, end)
        return b""

    def ppp(self, at: int, end: int) -> None:
        """Rewrite PPP with or without its HDLC header (RFC 1661, 1662)."""
        if self.buffer[at : at + 2] == b"\xff\x03":
            at += 2
        if end - at >= 3 and self.word(at) in (0x0021, 0x0057):
            self.nibble(at + 2, end)
        elif end - at >= 2 and self.buffer[at] in (0x21, 0x57):
            self.nibble(at + 1, end)
        else:
            self.zero(at, end)

    def nibble(self, at: int, end: int) -> bytes:
        """Rewrite an IP packet of the version that its first byte says; return its masked destination."""
        self.depth += 1
        if end - at >= 20 and self.buffer[at] >> 4 == 4 and self.buffer[at] & 15 >= 5 and self.depth <= _MOST_DEPTH:
            return self.ipv4(at, end)
        if end - at >= 40 and self.buffer[at] >> 4 == 6 and self.depth <= _MOST_DEPTH:
            return self.ipv6(at, end)
        self.zero(at, end)
        return b""

    def arp(self, at: int, end: int) -> None:
        """Rewrite ARP for IPv4 over six-byte hardware addresses."""
        if end - at < 28 or self.buffer[at + 4 : at + 6] != b"\x06\x04":
            self.zero(at, end)
            return
        for link in (at + 8, at + 18):
            self.buffer[link : link + 6] = self.masks.mac(bytes(self.buffer[link : link + 6]))
        for address in (at + 14, at + 24):
            self.swap(address, 4)
        self.zero(at + 28, end)

    def swap(self, at: int, size: int) -> None:
        """Replace the address at ``at``."""
        self.buffer[at : at + size] = self.masks.address(bytes(self.buffer[at : at + size]))

    # -- IP ------------------------------------------------------------------------------------------------------

    def ipv4(self, at: int, end: int) -> bytes:
        """Rewrite an IPv4 packet, whole or as much as was captured or quoted."""
        header = 4 * (self.buffer[at] & 15)
        total = self.word(at + 2)
        if total and header <= total < end - at:
            self.zero(at + total, end)
            end = at + total
        body = min(at + header, end)
        before = _sum(self.buffer[at:body])
        pseudo = _sum(self.buffer[at + 12 : at + 20])
        self.swap(at + 12, 4)
        self.swap(at + 16, 4)
        # Options may record the route; a NOP says nothing (RFC 791 §3.1).
        self.buffer[at + 20 : body] = b"\x01" * (body - at - 20)
        if self.word(at + 10):
            self._checksum(at + 10, before, _sum(self.buffer[at:body]))
        change = _sum(self.buffer[at + 12 : at + 20])
        where = self.word(at + 6)
        self.transport(self.buffer[at + 9], body, end, (pseudo, change), bool(where & 0x1FFF))
        return bytes(self.buffer[at + 16 : at + 20])

    def ipv6(self, at: int, end: int) -> bytes:
        """Rewrite an IPv6 packet with its extension headers."""
        length = self.word(at + 4)
        if length and 40 + length < end - at:
            self.zero(at + 40 + length, end)
            end = at + 40 + length
        pseudo = _sum(self.buffer[at + 8 : at + 40])
        protocol, body, later = self.buffer[at + 6], at + 40, False
        while protocol in (0, 43, 44, 51, 60, 135) and end - body >= 8:
            size = (self.buffer[body + 1] + 2) * 4 if protocol == 51 else (self.buffer[body + 1] + 1) * 8
            if protocol == 44:
                size = 8
                later = bool(self.word(body + 2) & 0xFFF8)
            else:
                # Zeros are padding in options and leave a routing header without addresses to show.
                self.zero(body + 2, min(body + size, end))
            protocol, body = self.buffer[body], min(body + size, end)
        if protocol == 58 and not later and end - body >= 24 and self.buffer[body] in (135, 136):
            # The group that a solicitation goes to is made from the target, so that has to be known first.
            self.masks.address(bytes(self.buffer[body + 8 : body + 24]))
        self.swap(at + 8, 16)
        self.swap(at + 24, 16)
        self.transport(protocol, body, end, (pseudo, _sum(self.buffer[at + 8 : at + 40])), later)
        return bytes(self.buffer[at + 24 : at + 40])

    def transport(self, protocol: int, at: int, end: int, pseudo: tuple[int, int], later: bool) -> None:
        """Rewrite what IP carries; ``pseudo`` is the sum of the addresses before and after."""
        if later:
            self.fragment(at, end)
        elif protocol == 6 and end - at >= 14:
            self.tcp(at, end, pseudo)
        elif protocol == 17 and end - at >= 8:
            self.udp(at, end, pseudo)
        elif protocol == 1 and end - at >= 8:
            self.icmp(at, end)
        elif protocol == 58 and end - at >= 8:
            self.icmpv6(at, end, pseudo)
        elif protocol in (4, 41):
            self.nibble(at, end)
        elif protocol == 47 and end - at >= 4:
            self.gre(at, end)
        elif protocol != 6 or end - at > 4:
            self.zero(at, end)

    def fragment(self, at: int, end: int) -> None:
        """Blank a later fragment but for one word that keeps the sum: the datagram's checksum stays right."""
        total = _sum(self.buffer[at:end])
        self.zero(at, end)
        if end - at >= 2:
            struct.pack_into("!H", self.buffer, at, _folded(total))

    def gre(self, at: int, end: int) -> None:
        """Rewrite GRE with its optional fields (RFC 2784, 2890); a checksum field is cleared."""
        flags, kind = self.word(at), self.word(at + 2)
        if flags & 0x4007:
            self.zero(at + 4, end)
            return
        start = at + 4 + 4 * sum(bool(flags & bit) for bit in (0x8000, 0x2000, 0x1000))
        if flags & 0x8000:
            self.zero(at + 4, min(at + 8, end))
        if kind == 0x6558:
            self.ethernet(min(start, end), end)
        else:
            self.ethertype(kind, min(start, end), end)

    # -- checksums -----------------------------------------------------------------------------------------------

    def _checksum(
        self,
        at: int,
        before: int,
        after: int,
        pseudo: tuple[int, int] = (0, 0),
        *,
        partial: bool = False,
        never_zero: bool = False,
    ) -> None:
        """Mend the checksum at ``at`` over bytes whose sum, the field included, was ``before`` and is ``after`` now."""
        old = self.word(at)
        if partial:
            new = _folded((old + pseudo[1] - pseudo[0]) % 0xFFFF or 0xFFFF)
        else:
            change = after - before + pseudo[1] - pseudo[0]
            new = 0xFFFF - ((0xFFFF - old + change) % 0xFFFF or 0xFFFF)
        struct.pack_into("!H", self.buffer, at, 0xFFFF if never_zero and not new else new)

    def _partial(self, at: int, end: int, protocol: int, pseudo: tuple[int, int]) -> bool:
        """Tell whether the checksum is only that of the pseudo header: the rest was left to the network card."""
        field = at + 16 if protocol == 6 else at + 6
        return end - at >= 18 and self.word(field) == _folded(pseudo[0] + protocol + end - at)

    # -- transports ----------------------------------------------------------------------------------------------

    def tcp(self, at: int, end: int, pseudo: tuple[int, int]) -> None:
        """Rewrite a TCP segment: the header and known options stay."""
        before = _sum(self.buffer[at:end])
        partial = self._partial(at, end, 6, pseudo)
        body = min(at + 4 * (self.buffer[at + 12] >> 4), end)
        if body >= at + 20:
            self.options(at + 20, body)
            made = self.payload(bytes(self.buffer[body:end]), self.word(at), self.word(at + 2))
            self.buffer[body:end] = made
        else:
            self.zero(min(at + 20, end), end)
        if end - at >= 18:
            self._checksum(at + 16, before, _sum(self.buffer[at:end]), pseudo, partial=partial)

    def options(self, at: int, end: int) -> None:
        """Keep the TCP options that say how the segment is meant, and kind and length of others."""
        while at < end:
            kind = self.buffer[at]
            if kind == 0:
                self.zero(at, end)
                return
            if kind == 1:
                at += 1
                continue
            length = self.buffer[at + 1] if at + 1 < end else 0
            if length < 2 or at + length > end:
                self.zero(at, end)
                return
            if kind not in _KEPT_TCP_OPTIONS:
                self.zero(at + 2, at + length)
            at += length

    def udp(self, at: int, end: int, pseudo: tuple[int, int]) -> None:
        """Rewrite a UDP datagram: DNS and DHCP masked, VXLAN followed, other payload gone."""
        before = _sum(self.buffer[at:end])
        partial = self._partial(at, end, 17, pseudo)
        ports = {self.word(at), self.word(at + 2)}
        start = at + 8
        if ports & _DNS_PORTS:
            self.buffer[start:end] = clean_dns(bytes(self.buffer[start:end]), self.masks)
        elif ports <= {67, 68}:
            self.buffer[start:end] = clean_dhcp(bytes(self.buffer[start:end]), self.masks)
        elif self.word(at + 2) == _VXLAN and end - start >= 22:
            self.ethernet(start + 8, end)
        else:
            self.zero(start, end)
        if self.word(at + 6):
            after = _sum(self.buffer[at:end])
            self._checksum(at + 6, before, after, pseudo, partial=partial, never_zero=True)

    # -- ICMP ----------------------------------------------------------------------------------------------------

    def icmp(self, at: int, end: int) -> None:
        """Rewrite ICMP: errors keep the packet they quote, masked; other messages lose their data."""
        before = _sum(self.buffer[at:end])
        if self.buffer[at] in (3, 4, 5, 11, 12):
            if self.buffer[at] == 5:
                self.swap(at + 4, 4)
            self.nibble(at + 8, end)
        else:
            self.zero(at + 8, end)
        self._checksum(at + 2, before, _sum(self.buffer[at:end]))

    def icmpv6(self, at: int, end: int, pseudo: tuple[int, int]) -> None:
        """Rewrite ICMPv6: errors, neighbour discovery and listener reports with their addresses masked."""
        before = _sum(self.buffer[at:end])
        kind = self.buffer[at]
        addresses = {130: 1, 131: 1, 132: 1, 135: 1, 136: 1, 137: 2}.get(kind, 0)
        if 1 <= kind <= 4:
            self.nibble(at + 8, end)
        elif addresses or kind in (133, 134):
            start = at + (16 if kind == 134 else 8)
            for _ in range(addresses):
                if end - start >= 16:
                    self.swap(start, 16)
                start = min(start + 16, end)
            if kind >= 133:
                self.neighbour_options(min(start, end), end)
            else:
                self.zero(start, end)
        else:
            self.zero(at + 8, end)
        self._checksum(at + 2, before, _sum(self.buffer[at:end]), pseudo)

    def neighbour_options(self, at: int, end: int) -> None:
        """Rewrite the options of neighbour discovery (RFC 4861 §4.6)."""
        while end - at >= 8 and self.buffer[at + 1]:
            size = 8 * self.buffer[at + 1]
            stop = min(at + size, end)
            kind = self.buffer[at]
            if kind in (1, 2) and size == 8 and stop == at + 8:
                self.buffer[at + 2 : stop] = self.masks.mac(bytes(self.buffer[at + 2 : stop]))
            elif kind == 3 and stop == at + 32:
                self.swap(at + 16, 16)
            elif kind != 5:
                self.zero(at + 2, stop)
            at = stop
        self.zero(at, end)
