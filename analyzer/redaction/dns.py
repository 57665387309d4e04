"""DNS, mDNS and LLMNR messages with names and addresses replaced in place, every length kept (RFC 1035 §4.1)."""

from __future__ import annotations

import struct

from analyzer.redaction.masks import Masks
from analyzer.redaction.words import TOP_LABELS

__all__ = ["clean_dns", "dns_names"]

_A, _NS, _CNAME, _SOA, _PTR, _MX, _AAAA, _SRV, _DNAME, _OPT = 1, 2, 5, 6, 12, 15, 28, 33, 39, 41
_ONE_NAME = {_NS: 0, _CNAME: 0, _PTR: 0, _DNAME: 0, _MX: 2, _SRV: 6}
_MOST_RECORDS = 512


class _End(Exception):  # noqa: N818 - it carries no error, only the end of what can be read
    """The message ends, or stops making sense, at this offset."""

    def __init__(self, offset: int) -> None:
        super().__init__()
        self.offset = offset


def clean_dns(data: bytes, masks: Masks) -> bytes:
    """Return a message with masked names and addresses; record data of other kinds becomes zeros."""
    buffer = bytearray(data)
    if len(buffer) < 12:
        return bytes(len(buffer))
    counts = struct.unpack_from("!HHHH", buffer, 4)
    offset = 12
    try:
        for _ in range(min(counts[0], _MOST_RECORDS)):
            offset = _name(buffer, offset, masks) + 4
        for _ in range(min(sum(counts[1:]), _MOST_RECORDS)):
            offset = _record(buffer, offset, masks)
    except _End as end:
        offset = end.offset
    if offset < len(buffer):
        buffer[offset:] = bytes(len(buffer) - offset)
    return bytes(buffer)


def _record(buffer: bytearray, offset: int, masks: Masks) -> int:
    start = _name(buffer, offset, masks)
    if start + 10 > len(buffer):
        raise _End(start)
    kind = int.from_bytes(buffer[start : start + 2], "big")
    length = int.from_bytes(buffer[start + 8 : start + 10], "big")
    at, end = start + 10, min(start + 10 + length, len(buffer))
    if kind == _OPT:
        # Its TTL field holds flags and its name is the root; the options may hold a client's network (RFC 7871).
        buffer[at:end] = bytes(end - at)
    elif (kind, length) in ((_A, 4), (_AAAA, 16)) and end - at == length:
        buffer[at:end] = masks.address(bytes(buffer[at:end]))
    elif kind in _ONE_NAME and end - at > _ONE_NAME[kind]:
        after = _name(buffer, at + _ONE_NAME[kind], masks)
        if after < end:
            buffer[after:end] = bytes(end - after)
    elif kind == _SOA:
        after = _name(buffer, _name(buffer, at, masks), masks) + 20
        if after < end:
            buffer[after:end] = bytes(end - after)
    else:
        buffer[at:end] = bytes(max(0, end - at))
    return start + 10 + length


def _name(buffer: bytearray, offset: int, masks: Masks) -> int:
    """Mask the labels at ``offset``; return the offset after it. A pointer leads to labels masked in their place."""
    places: list[tuple[int, int]] = []
    while True:
        if offset >= len(buffer):
            raise _End(places[0][0] - 1 if places else offset)
        length = buffer[offset]
        if length == 0 or length & 0xC0 == 0xC0:
            break
        if length & 0xC0 or offset + 1 + length > len(buffer):
            raise _End(places[0][0] - 1 if places else offset)
        places.append((offset + 1, length))
        offset += 1 + length
    ends_at_root = length == 0
    for number, (at, size) in enumerate(places):
        label = bytes(buffer[at : at + size]).decode("ascii", "backslashreplace").lower()
        if ends_at_root and number == len(places) - 1 and len(places) > 1 and label in TOP_LABELS:
            continue
        masked = masks.label(label).encode("ascii", "replace")[:size]
        buffer[at : at + size] = masked.ljust(size, b"x")
    return offset + (1 if ends_at_root else 2)


def dns_names(data: bytes) -> set[str]:
    """Return the names that a message has in its questions and records, lower case, as far as it can be read."""
    found: set[str] = set()

    def read(offset: int) -> tuple[str, int]:
        labels: list[str] = []
        after = -1
        for _ in range(128):
            if offset >= len(data):
                raise _End(offset)
            length = data[offset]
            if length & 0xC0 == 0xC0 and offset + 1 < len(data):
                after = offset + 2 if after < 0 else after
                offset = (length & 0x3F) << 8 | data[offset + 1]
                continue
            if length == 0:
                break
            labels.append(data[offset + 1 : offset + 1 + length].decode("ascii", "backslashreplace").lower())
            offset += 1 + length
        return ".".join(labels), (offset + 1 if after < 0 else after)

    if len(data) < 12:
        return found
    counts = struct.unpack_from("!HHHH", data, 4)
    offset = 12
    try:
        for number in range(min(sum(counts), _MOST_RECORDS)):
            name, offset = read(offset)
            found.add(name)
            if number < counts[0]:
                offset += 4
                continue
            if offset + 10 > len(data):
                break
            kind, _, _, length = struct.unpack_from("!HHIH", data, offset)
            if kind in _ONE_NAME:
                found.add(read(offset + 10 + _ONE_NAME[kind])[0])
            offset += 10 + length
    except _End:
        pass
    return {name for name in found if name}
