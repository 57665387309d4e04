"""Writes pcapng, block by block, to any binary stream: what slices and live captures are made of.

Format: draft-ietf-opsawg-pcapng §3.2 (block), §4.1 (section), §4.2 (interface), §4.3 (packet), §4.6 (statistics).
Everything is little-endian, times are nanoseconds, and each block is one ``write``, so that a reader of an unbuffered
stream never sees half of one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import BinaryIO

__all__ = ["PcapngWriter", "interface_block", "packet_block", "section_block", "statistics_block"]

_MAX_TEXT = 65_535 - 3
_COMMENT, _END = 1, 0
_SHB_HARDWARE, _SHB_OS, _SHB_APPLICATION = 2, 3, 4
_IF_NAME, _IF_DESCRIPTION, _IF_RESOLUTION, _IF_FILTER, _IF_OS = 2, 3, 9, 11, 12
_ISB_START, _ISB_END, _ISB_RECEIVED, _ISB_IF_DROP, _ISB_OS_DROP = 2, 3, 4, 5, 7


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def _text(code: int, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if len(data) > _MAX_TEXT:
        data = data[:_MAX_TEXT].decode("utf-8", "ignore").encode()
    return _option(code, data) if data else b""


def _block(kind: int, body: bytes, options: bytes) -> bytes:
    if options:
        options += struct.pack("<HH", _END, 0)
    length = 12 + len(body) + len(options)
    return b"".join((struct.pack("<II", kind, length), body, options, struct.pack("<I", length)))


def section_block(
    *, comments: Iterable[str] = (), application: str = "", hardware: str = "", system: str = ""
) -> bytes:
    """Return a Section Header Block of unknown length, which may be appended to for ever."""
    options = b"".join(_text(_COMMENT, comment) for comment in comments)
    options += _text(_SHB_HARDWARE, hardware) + _text(_SHB_OS, system) + _text(_SHB_APPLICATION, application)
    return _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1), options)


def interface_block(
    link_type: int,
    snap_length: int,
    *,
    name: str = "",
    description: str = "",
    capture_filter: str = "",
    system: str = "",
    comments: Iterable[str] = (),
) -> bytes:
    """Return an Interface Description Block whose times are nanoseconds; snap length 0 means without limit."""
    options = b"".join(_text(_COMMENT, comment) for comment in comments)
    options += _text(_IF_NAME, name) + _text(_IF_DESCRIPTION, description) + _option(_IF_RESOLUTION, b"\x09")
    if capture_filter:
        options += _option(_IF_FILTER, b"\0" + capture_filter.encode("utf-8", "replace")[:_MAX_TEXT])
    options += _text(_IF_OS, system)
    return _block(1, struct.pack("<HHI", link_type, 0, snap_length), options)


def packet_block(
    interface: int, ts_ns: int, data: bytes | memoryview, original_length: int, comments: Iterable[str] = ()
) -> bytes:
    """Return an Enhanced Packet Block; ``ts_ns`` counts from 1970, each comment becomes one that Wireshark shows."""
    body = struct.pack("<IIIII", interface, ts_ns >> 32 & 0xFFFFFFFF, ts_ns & 0xFFFFFFFF, len(data), original_length)
    options = b"".join(_text(_COMMENT, comment) for comment in comments)
    return _block(6, body + bytes(data) + bytes(-len(data) % 4), options)


def statistics_block(
    interface: int,
    ts_ns: int,
    *,
    received: int | None = None,
    dropped_by_interface: int | None = None,
    dropped_by_system: int | None = None,
    start_ns: int | None = None,
) -> bytes:
    """Return an Interface Statistics Block: counters in packets since the capture began."""
    options = b""
    for code, moment in ((_ISB_START, start_ns), (_ISB_END, ts_ns)):
        if moment is not None:
            options += _option(code, struct.pack("<II", moment >> 32 & 0xFFFFFFFF, moment & 0xFFFFFFFF))
    for code, count in (
        (_ISB_RECEIVED, received),
        (_ISB_IF_DROP, dropped_by_interface),
        (_ISB_OS_DROP, dropped_by_system),
    ):
        if count is not None:
            options += _option(code, struct.pack("<Q", count))
    return _block(5, struct.pack("<III", interface, ts_ns >> 32 & 0xFFFFFFFF, ts_ns & 0xFFFFFFFF), options)


class PcapngWriter:
    """One section on a stream. Interfaces get numbers from 0; equal ones are written once."""

    def __init__(
        self, stream: BinaryIO, *, comments: Iterable[str] = (), application: str = "", system: str = ""
    ) -> None:
        self._stream = stream
        self._interfaces: dict[bytes, int] = {}
        stream.write(section_block(comments=comments, application=application, system=system))

    def interface(
        self,
        link_type: int,
        snap_length: int,
        *,
        name: str = "",
        description: str = "",
        capture_filter: str = "",
        system: str = "",
    ) -> int:
        """Return the number of an interface, describing it first where it is new."""
        block = interface_block(
            link_type, snap_length, name=name, description=description, capture_filter=capture_filter, system=system
        )
        number = self._interfaces.get(block)
        if number is None:
            number = self._interfaces[block] = len(self._interfaces)
            self._stream.write(block)
        return number

    def packet(
        self,
        interface: int,
        ts_ns: int,
        data: bytes | memoryview,
        original_length: int,
        comments: Iterable[str] = (),
    ) -> None:
        """Write a packet."""
        self._stream.write(packet_block(interface, ts_ns, data, original_length, comments))

    def statistics(self, interface: int, ts_ns: int, *, received: int | None, dropped: int | None) -> None:
        """Write what an interface counted up to ``ts_ns``."""
        self._stream.write(statistics_block(interface, ts_ns, received=received, dropped_by_interface=dropped))
