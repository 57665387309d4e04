"""Puts IP fragments together, within bounds, where the datagram may hold TCP."""

from __future__ import annotations

import struct

from analyzer.values import dataclass, field

__all__ = ["Reassembler"]

_MAX_DATAGRAMS = 256
_MAX_PARTS = 128
_MAX_BYTES = 65_535


@dataclass(slots=True)
class _Datagram:
    header: bytes = b""
    """The IP header of the first fragment, or empty while that is missing."""
    protocol: int = 0
    total: int | None = None
    """Payload bytes, known once the last fragment came."""
    parts: dict[int, bytes] = field(default_factory=dict)


class Reassembler:
    """Collects fragments by (addresses, identification, protocol); the oldest datagram is forgotten first (RFC 791 §3.2)."""

    def __init__(self) -> None:
        self._pending: dict[bytes, _Datagram] = {}
        self.used = False
        """A fragment was given."""

    @property
    def pending(self) -> bool:
        """Fragments wait for others."""
        return bool(self._pending)

    def add(self, version: int, packet: bytes) -> bytes | None:
        """Take the captured bytes of an IP packet that is a fragment; return the whole packet when this completes it."""
        self.used = True
        parsed = _split_v4(packet) if version == 4 else _split_v6(packet)
        if parsed is None:
            return None
        key, header, protocol, offset, more, payload = parsed
        datagram = self._pending.get(key)
        if datagram is None:
            if len(self._pending) >= _MAX_DATAGRAMS:
                del self._pending[next(iter(self._pending))]
            datagram = self._pending[key] = _Datagram()
        if offset == 0 and not datagram.header:
            datagram.header = header
            datagram.protocol = protocol
        if not more:
            datagram.total = offset + len(payload)
        datagram.parts.setdefault(offset, payload)
        if len(datagram.parts) > _MAX_PARTS or (datagram.total or 0) > _MAX_BYTES:
            del self._pending[key]
            return None
        whole = _join(datagram)
        if whole is None:
            return None
        del self._pending[key]
        if version == 4:
            fixed = bytearray(datagram.header)
            fixed[2:4] = struct.pack("!H", min(len(fixed) + len(whole), _MAX_BYTES))
            fixed[6:8] = bytes((fixed[6] & 0x40, 0))
            return bytes(fixed) + whole
        fixed = bytearray(datagram.header[:40])
        fixed[4:6] = struct.pack("!H", min(len(whole), _MAX_BYTES))
        fixed[6] = datagram.protocol
        return bytes(fixed) + whole


def _join(datagram: _Datagram) -> bytes | None:
    if datagram.total is None or not datagram.header:
        return None
    whole = bytearray()
    for offset in sorted(datagram.parts):
        if offset > len(whole):
            return None
        part = datagram.parts[offset]
        whole += part[len(whole) - offset :]
    return bytes(whole[: datagram.total]) if len(whole) >= datagram.total else None


_Part = tuple[bytes, bytes, int, int, bool, bytes]


def _split_v4(packet: bytes) -> _Part | None:
    if len(packet) < 20:
        return None
    size = 4 * (packet[0] & 15)
    total, ident, where = struct.unpack_from("!HHH", packet, 2)
    if total and len(packet) < total:
        return None
    payload = packet[size:total] if total else packet[size:]
    key = packet[12:20] + struct.pack("!HB", ident, packet[9])
    return key, packet[:size], packet[9], (where & 0x1FFF) * 8, bool(where & 0x2000), payload


def _split_v6(packet: bytes) -> _Part | None:
    if len(packet) < 48:
        return None
    total = 40 + int(struct.unpack_from("!H", packet, 4)[0])
    if len(packet) < total:
        return None
    protocol, offset = packet[6], 40
    while protocol in (0, 43, 60, 135) and offset + 8 <= total:
        protocol, offset = packet[offset], offset + 8 * (packet[offset + 1] + 1)
    if protocol != 44 or offset + 8 > total:
        return None
    protocol = packet[offset]
    where, ident = struct.unpack_from("!HI", packet, offset + 2)
    key = packet[8:40] + struct.pack("!I", ident)
    return key, packet[:40], protocol, where & 0xFFF8, bool(where & 1), packet[offset + 8 : total]
