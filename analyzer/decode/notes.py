"""What a note says: ICMP errors, DNS, ARP, neighbour discovery, FTP data endpoints. Plain Python, once a note.

Nothing here raises for what the wire did: a note that is damaged or cut too short reads as None.

Sources: RFC 792, 1191 (ICMP), 4443 (ICMPv6), 1035 (DNS), 826 (ARP), 4861 (neighbour discovery), 959 and 2428 (FTP).
"""

from __future__ import annotations

import re
import struct

from analyzer.capture.model import Note, NoteKind
from analyzer.endpoint import Endpoint, parse_address
from analyzer.values import dataclass

__all__ = [
    "ArpMessage",
    "DnsMessage",
    "IcmpError",
    "NeighbourMessage",
    "parse_arp",
    "parse_dns",
    "parse_ftp_endpoint",
    "parse_icmp",
    "parse_neighbour",
]


@dataclass(frozen=True, slots=True)
class IcmpError:
    """An ICMP or ICMPv6 error and the packet it quotes."""

    type: int
    code: int
    version: int
    """4 for ICMP, 6 for ICMPv6."""
    source: Endpoint
    """Of the quoted packet, so its sender; port 0 where the quote is too short or has no ports."""
    destination: Endpoint
    protocol: int
    """IP protocol of the quoted packet."""
    seq: int | None
    """TCP sequence number of the quoted segment."""
    mtu: int | None
    """Next-hop MTU in bytes, where the error is "fragmentation needed" or "packet too big" and gives one."""


@dataclass(frozen=True, slots=True)
class DnsMessage:
    """A DNS message with its first question."""

    id: int
    is_response: bool
    rcode: int
    name: str
    """Lower case, without the last dot."""
    qtype: int
    addresses: tuple[bytes, ...]
    """Packed addresses of the A and AAAA answers."""


@dataclass(frozen=True, slots=True)
class ArpMessage:
    """An ARP request (1) or reply (2) for IPv4."""

    operation: int
    sender_link: bytes
    sender: bytes
    target_link: bytes
    target: bytes


@dataclass(frozen=True, slots=True)
class NeighbourMessage:
    """A neighbour solicitation or advertisement."""

    is_advertisement: bool
    target: bytes
    """Packed IPv6 address that is sought or announced."""
    link: bytes | None
    """Link-layer address option."""


def parse_icmp(note: Note) -> IcmpError | None:
    """Read an ICMP error; None when the quoted header is not all there."""
    data = note.payload
    if note.kind is not NoteKind.ICMP or len(data) < 8:
        return None
    inner = data[8:]
    if len(note.source) == 4:
        if len(inner) < 20 or inner[0] >> 4 != 4:
            return None
        version, size, protocol = 4, 4 * (inner[0] & 15), inner[9]
        source, destination = inner[12:16], inner[16:20]
    else:
        if len(inner) < 40 or inner[0] >> 4 != 6:
            return None
        version, size, protocol = 6, 40, inner[6]
        source, destination = inner[8:24], inner[24:40]
        while protocol in (0, 43, 60) and len(inner) >= size + 8:
            protocol, size = inner[size], size + 8 * (inner[size + 1] + 1)
    rest = inner[size:]
    ports = struct.unpack_from("!HH", rest) if protocol in (6, 17, 132) and len(rest) >= 4 else (0, 0)
    mtu = None
    if version == 4 and data[0] == 3 and data[1] == 4:
        mtu = int.from_bytes(data[6:8], "big") or None
    elif version == 6 and data[0] == 2:
        mtu = int.from_bytes(data[4:8], "big") or None
    return IcmpError(
        type=data[0],
        code=data[1],
        version=version,
        source=Endpoint(source, ports[0]),
        destination=Endpoint(destination, ports[1]),
        protocol=protocol,
        seq=int.from_bytes(rest[4:8], "big") if protocol == 6 and len(rest) >= 8 else None,
        mtu=mtu,
    )


def _name(data: bytes, offset: int) -> tuple[str, int] | None:
    """Read a domain name; return it with the offset after it. Compression is followed backwards only (RFC 1035 §4.1.4)."""
    labels: list[str] = []
    after: int | None = None
    limit = offset
    for _ in range(128):
        if offset >= len(data):
            return None
        length = data[offset]
        if length == 0:
            return ".".join(labels), offset + 1 if after is None else after
        if length & 0xC0 == 0xC0:
            if offset + 1 >= len(data):
                return None
            after = offset + 2 if after is None else after
            offset = (length & 0x3F) << 8 | data[offset + 1]
            if offset >= limit:
                return None
            limit = offset
            continue
        if length & 0xC0 or offset + 1 + length > len(data):
            return None
        labels.append(data[offset + 1 : offset + 1 + length].decode("ascii", "backslashreplace").lower())
        offset += 1 + length
    return None


def parse_dns(note: Note) -> DnsMessage | None:
    """Read a DNS message; answers that are cut off are left out."""
    data = note.payload
    if note.kind is not NoteKind.DNS or len(data) < 12:
        return None
    ident, flags, questions, answers = struct.unpack_from("!HHHH", data)
    if not questions and not answers:
        return None
    name, qtype, offset = "", 0, 12
    for number in range(questions):
        found = _name(data, offset)
        if found is None or found[1] + 4 > len(data):
            if number == 0:
                return None
            break
        offset = found[1] + 4
        if number == 0:
            name, qtype = found[0], int.from_bytes(data[found[1] : found[1] + 2], "big")
    addresses: list[bytes] = []
    for _ in range(min(answers, 64)):
        found = _name(data, offset)
        if found is None or found[1] + 10 > len(data):
            break
        kind, _, _, length = struct.unpack_from("!HHIH", data, found[1])
        start = found[1] + 10
        if start + length > len(data):
            break
        if not questions and not name:
            name, qtype = found[0], kind
        if (kind, length) in ((1, 4), (28, 16)):
            addresses.append(data[start : start + length])
        offset = start + length
    return DnsMessage(ident, bool(flags & 0x8000), flags & 15, name, qtype, tuple(addresses))


def parse_arp(note: Note) -> ArpMessage | None:
    """Read an ARP message for IPv4 over six-byte link addresses."""
    data = note.payload
    if note.kind is not NoteKind.ARP or len(data) < 28 or data[4] != 6 or data[5] != 4:
        return None
    return ArpMessage(int.from_bytes(data[6:8], "big"), data[8:14], data[14:18], data[18:24], data[24:28])


def parse_neighbour(note: Note) -> NeighbourMessage | None:
    """Read a neighbour solicitation (135) or advertisement (136)."""
    data = note.payload
    if note.kind is not NoteKind.NEIGHBOUR or len(data) < 24 or data[0] not in (135, 136):
        return None
    link = None
    offset = 24
    while offset + 8 <= len(data) and data[offset + 1]:
        if data[offset] in (1, 2):
            link = data[offset + 2 : offset + 8]
            break
        offset += 8 * data[offset + 1]
    return NeighbourMessage(data[0] == 136, data[8:24], link)


_SIX_NUMBERS = re.compile(r"(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})")
_EXTENDED = re.compile(r"\(([!-~])\1\1(\d{1,5})\1\)")
_EPRT = re.compile(r"EPRT\s+([!-~])([12])\1([0-9A-Fa-f.:]+)\1(\d{1,5})\1", re.IGNORECASE)


def parse_ftp_endpoint(note: Note) -> Endpoint | None:
    """Return the data endpoint that a 227 or 229 reply, a PORT or an EPRT command names; None for any other line."""
    if note.kind is not NoteKind.FTP:
        return None
    line = note.payload.split(b"\n", 1)[0].decode("latin-1").strip()
    verb = line[:4].upper()
    if verb.startswith("227") or verb == "PORT":
        match = _SIX_NUMBERS.search(line, 4)
        numbers = [int(number) for number in match.groups()] if match else []
        if not numbers or max(numbers) > 255:
            return None
        # Zeros stand for the address that the line comes from: so do servers behind a translator write it.
        return Endpoint(bytes(numbers[:4]) if any(numbers[:4]) else note.source, numbers[4] << 8 | numbers[5])
    if verb.startswith("229"):
        match = _EXTENDED.search(line)
        port = int(match[2]) if match else 0
        return Endpoint(note.source, port) if 0 < port < 65536 else None
    if verb == "EPRT":
        match = _EPRT.match(line)
        packed = parse_address(match[3]) if match else None
        packed = note.source if packed is not None and not any(packed) else packed
        port = int(match[4]) if match else 0
        return Endpoint(packed, port) if packed is not None and 0 < port < 65536 else None
    return None
