"""Rewrites of captures that must not change the verdict, or must change it only towards doubt.

Every rewrite takes and returns a ``Capture``: its link type and its frames. Frames are told apart by bytes alone, so a
rewrite knows nothing of what the analyzer thinks of them.
"""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

__all__ = [
    "ANY_LINUX",
    "ANY_LINUX2",
    "ETHERNET",
    "RAW",
    "Capture",
    "Frame",
    "as_any",
    "as_ipv6",
    "as_raw",
    "bad_checksums",
    "cut_short",
    "duplicated",
    "ended_before",
    "lossy",
    "merged",
    "one_direction",
    "read",
    "reordered",
    "routed",
    "shifted",
    "started_late",
    "tagged",
    "translated",
    "write",
]

ETHERNET, RAW, ANY_LINUX, ANY_LINUX2 = 1, 101, 113, 276


@dataclass(frozen=True, slots=True)
class Frame:
    """One captured frame; ``length`` is what it was on the wire, at least ``len(data)``."""

    at_ns: int
    data: bytes
    length: int


@dataclass(frozen=True, slots=True)
class Capture:
    """Frames of one link type, in capture order."""

    link_type: int
    frames: tuple[Frame, ...]


# -- files ---------------------------------------------------------------------------------------------------------


def read(path: Path | str) -> Capture:
    """Read a pcap or pcapng file of either byte order with one link type. Raises ValueError for anything else."""
    raw = Path(path).read_bytes()
    if raw[:4] == b"\x0a\x0d\x0d\x0a":
        return _read_pcapng(raw)
    for order in "<>":
        magic = struct.unpack_from(order + "I", raw)[0]
        if magic in (0xA1B2C3D4, 0xA1B23C4D):
            scale = 1 if magic == 0xA1B23C4D else 1000
            return _read_pcap(raw, order, scale)
    raise ValueError(f"{path} is neither pcap nor pcapng")


def _read_pcap(raw: bytes, order: str, scale: int) -> Capture:
    link = struct.unpack_from(order + "I", raw, 20)[0] & 0xFFFF
    frames, at = [], 24
    while at + 16 <= len(raw):
        seconds, part, kept, length = struct.unpack_from(order + "IIII", raw, at)
        frames.append(Frame(seconds * 10**9 + part * scale, raw[at + 16 : at + 16 + kept], length))
        at += 16 + kept
    return Capture(link, tuple(frames))


def _read_pcapng(raw: bytes) -> Capture:
    order = "<" if raw[8:12] == b"\x4d\x3c\x2b\x1a" else ">"
    frames, at, links, scales = [], 0, [], []
    while at + 12 <= len(raw):
        kind, size = struct.unpack_from(order + "II", raw, at)
        body = raw[at + 8 : at + size - 4]
        if kind == 1:
            links.append(struct.unpack_from(order + "H", body)[0])
            scales.append(_resolution(body, order))
        elif kind == 6:
            interface, high, low, kept, length = struct.unpack_from(order + "IIIII", body)
            frames.append(Frame(((high << 32) | low) * scales[interface], body[20 : 20 + kept], length))
        at += size
    if len(set(links)) != 1:
        raise ValueError(f"a capture with one link type is wanted, this has {len(set(links))}")
    return Capture(links[0], tuple(frames))


def _resolution(body: bytes, order: str) -> int:
    at = 8
    while at + 4 <= len(body):
        code, size = struct.unpack_from(order + "HH", body, at)
        if code == 9 and size == 1:
            if body[at + 4] > 9:
                raise ValueError("time resolution finer than nanoseconds, or binary, is not supported here")
            return int(10 ** (9 - body[at + 4]))
        at += 4 + size + (-size % 4)
    return 1000


def write(path: Path | str, capture: Capture) -> Path:
    """Write a pcap file with nanoseconds."""
    parts = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, capture.link_type)]
    for frame in capture.frames:
        seconds, part = divmod(frame.at_ns, 10**9)
        parts.append(struct.pack("<IIII", seconds, part, len(frame.data), frame.length) + frame.data)
    target = Path(path)
    target.write_bytes(b"".join(parts))
    return target


# -- frames --------------------------------------------------------------------------------------------------------


def _each(capture: Capture, change: Callable[[bytes], bytes], link_type: int | None = None) -> Capture:
    frames = []
    for frame in capture.frames:
        data = change(frame.data)
        frames.append(replace(frame, data=data, length=frame.length + len(data) - len(frame.data)))
    return Capture(capture.link_type if link_type is None else link_type, tuple(frames))


def _is_ipv4(data: bytes) -> bool:
    return len(data) >= 34 and data[12:14] == b"\x08\x00" and data[14] >> 4 == 4


def _checksum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _sealed(header: bytes, payload: bytes) -> bytes:
    """An IPv4 packet with its header checksum and, for TCP and UDP that were not cut, theirs made right."""
    header = header[:10] + b"\0\0" + header[12:]
    header = header[:10] + struct.pack("!H", _checksum(header)) + header[12:]
    protocol, total = header[9], struct.unpack_from("!H", header, 2)[0]
    place = {6: 16, 17: 6}.get(protocol)
    fragment = struct.unpack_from("!H", header, 6)[0] & 0x3FFF
    body = payload[: total - len(header)]
    if place is None or fragment or len(body) < total - len(header) or len(body) < place + 2:
        return header + payload
    body = body[:place] + b"\0\0" + body[place + 2 :]
    pseudo = header[12:20] + struct.pack("!BBH", 0, protocol, len(body))
    body = body[:place] + struct.pack("!H", _checksum(pseudo + body)) + body[place + 2 :]
    return header + body + payload[len(body) :]


def _ipv4_parts(data: bytes) -> tuple[bytes, bytes, bytes]:
    size = (data[14] & 15) * 4
    return data[:14], data[14 : 14 + size], data[14 + size :]


# -- another link layer, another IP --------------------------------------------------------------------------------


def tagged(capture: Capture, *tags: int) -> Capture:
    """Every frame in one or more VLANs, the outer first; two are written as 802.1ad and 802.1Q."""
    tags = tags or (100,)
    kinds = [0x8100] if len(tags) == 1 else [0x88A8] + [0x8100] * (len(tags) - 1)
    shim = b"".join(struct.pack("!HH", kind, tag) for kind, tag in zip(kinds, tags, strict=True))
    return _each(capture, lambda data: data[:12] + shim + data[12:])


def as_any(capture: Capture, *, version: int = 1) -> Capture:
    """As ``tcpdump -i any`` writes it: Linux cooked capture, version 1 or 2."""

    def cooked(data: bytes) -> bytes:
        kind = 4 if data[6:12] == own else 0
        if version == 1:
            return struct.pack("!HHH6s2x", kind, 1, 6, data[6:12]) + data[12:]
        return data[12:14] + struct.pack("!HIHBB6s2x", 0, 2, 1, kind, 6, data[6:12]) + data[14:]

    own = capture.frames[0].data[6:12] if capture.frames else b""
    return _each(capture, cooked, ANY_LINUX if version == 1 else ANY_LINUX2)


def as_raw(capture: Capture) -> Capture:
    """Bare IP packets, as on a tunnel interface; frames that hold no IP are left out."""
    kept = tuple(frame for frame in capture.frames if frame.data[12:14] in (b"\x08\x00", b"\x86\xdd"))
    return _each(Capture(capture.link_type, kept), lambda data: data[14:], RAW)


def as_ipv6(capture: Capture) -> Capture:
    """IPv4 TCP and UDP carried by IPv6 instead (10.1.2.3 becomes fd00::a01:203); other frames are left out."""
    frames = []
    for frame in capture.frames:
        if not _is_ipv4(frame.data) or frame.data[23] not in (6, 17):
            continue
        ether, header, payload = _ipv4_parts(frame.data)
        protocol, ttl = header[9], header[8]
        size = struct.unpack_from("!H", header, 2)[0] - len(header)
        source, destination = (b"\xfd" + bytes(11) + header[start : start + 4] for start in (12, 16))
        body = payload[:size]
        place = 16 if protocol == 6 else 6
        if len(body) == size and size >= place + 2:
            body = body[:place] + b"\0\0" + body[place + 2 :]
            pseudo = source + destination + struct.pack("!II", size, protocol)
            body = body[:place] + struct.pack("!H", _checksum(pseudo + body)) + body[place + 2 :]
        outer = struct.pack("!IHBB", 6 << 28, size, protocol, ttl) + source + destination
        data = ether[:12] + b"\x86\xdd" + outer + body
        frames.append(Frame(frame.at_ns, data, max(len(data), 54 + size)))
    return Capture(capture.link_type, tuple(frames))


def translated(capture: Capture, address: str, other: str) -> Capture:
    """``address`` appears as ``other`` everywhere, as behind a translating box; inside ICMP quotes as well."""
    old, new = socket.inet_aton(address), socket.inet_aton(other)

    def change(data: bytes) -> bytes:
        if data[12:14] == b"\x08\x06":
            return data[:28] + data[28:42].replace(old, new) + data[42:]
        if not _is_ipv4(data):
            return data
        ether, header, payload = _ipv4_parts(data)
        if header[9] == 1 and len(payload) >= 28 and payload[0] in (3, 11):
            quote = payload[8:28].replace(old, new)
            payload = payload[:2] + b"\0\0" + payload[4:8] + quote + payload[28:]
            payload = payload[:2] + struct.pack("!H", _checksum(payload)) + payload[4:]
        return ether + _sealed(header[:12] + header[12:20].replace(old, new) + header[20:], payload)

    return _each(capture, change)


# -- another vantage -----------------------------------------------------------------------------------------------


def routed(capture: Capture, *, delay_ns: int = 30_000) -> Capture:
    """A router's view: each IPv4 packet comes in and goes out again, TTL one lower, other MAC addresses."""
    frames = []
    for frame in capture.frames:
        frames.append(frame)
        if _is_ipv4(frame.data) and frame.data[22] > 1:
            _, header, payload = _ipv4_parts(frame.data)
            lower = _sealed(header[:8] + bytes([header[8] - 1]) + header[9:], payload)
            ether = b"\x02\x00\x00\x00\xaa\x01\x02\x00\x00\x00\xaa\x02\x08\x00"
            frames.append(Frame(frame.at_ns + delay_ns, ether + lower, frame.length))
    return Capture(capture.link_type, tuple(sorted(frames, key=lambda frame: frame.at_ns)))


def one_direction(capture: Capture, source: str) -> Capture:
    """Only IPv4 packets that ``source`` sent."""
    wanted = socket.inet_aton(source)
    return replace(capture, frames=tuple(f for f in capture.frames if _is_ipv4(f.data) and f.data[26:30] == wanted))


def cut_short(capture: Capture, snap: int = 96) -> Capture:
    """No frame longer than ``snap`` bytes; the length on the wire is kept."""
    return replace(capture, frames=tuple(replace(f, data=f.data[:snap]) for f in capture.frames))


def started_late(capture: Capture, *, frames: int = 0, seconds: float = 0.0) -> Capture:
    """The first frames, or all of the first seconds, are missing."""
    kept = capture.frames[frames:]
    if seconds and kept:
        start = capture.frames[0].at_ns + round(seconds * 10**9)
        kept = tuple(frame for frame in kept if frame.at_ns >= start)
    return replace(capture, frames=kept)


def ended_before(capture: Capture, number: int) -> Capture:
    """The capture ends in front of frame ``number`` (from 1)."""
    return replace(capture, frames=capture.frames[: number - 1])


# -- faults of capturing -------------------------------------------------------------------------------------------


def duplicated(capture: Capture, *, every: int = 1, delay_ns: int = 2_000) -> Capture:
    """Every n-th frame twice, as a mirror port that copies both directions."""
    frames = []
    for number, frame in enumerate(capture.frames):
        frames.append(frame)
        if number % every == 0:
            frames.append(replace(frame, at_ns=frame.at_ns + delay_ns))
    return replace(capture, frames=tuple(frames))


def lossy(capture: Capture, share: float, *, seed: int = 1, spare: frozenset[int] = frozenset()) -> Capture:
    """A share of the frames was not captured; numbers in ``spare`` (from 1) are always kept."""
    rng = random.Random(seed)
    kept = (f for n, f in enumerate(capture.frames, 1) if rng.random() >= share or n in spare)
    return replace(capture, frames=tuple(kept))


def reordered(capture: Capture, *, every: int = 7, within_ns: int = 2_000_000) -> Capture:
    """Neighbours that are close in time change places now and then; their times go with them."""
    frames = list(capture.frames)
    for index in range(0, len(frames) - 1, every):
        if frames[index + 1].at_ns - frames[index].at_ns <= within_ns:
            frames[index], frames[index + 1] = frames[index + 1], frames[index]
    return replace(capture, frames=tuple(frames))


def bad_checksums(capture: Capture, source: str | None = None) -> Capture:
    """TCP checksums as checksum offload leaves them in what ``source`` (or everyone) sends."""
    wanted = None if source is None else socket.inet_aton(source)

    def change(data: bytes) -> bytes:
        if not _is_ipv4(data) or data[23] != 6 or (wanted and data[26:30] != wanted):
            return data
        place = 14 + (data[14] & 15) * 4 + 16
        return data if len(data) < place + 2 else data[:place] + b"\x12\x34" + data[place + 2 :]

    return _each(capture, change)


# -- time and company ----------------------------------------------------------------------------------------------


def shifted(capture: Capture, seconds: float) -> Capture:
    """All times moved."""
    move = round(seconds * 10**9)
    return replace(capture, frames=tuple(replace(f, at_ns=f.at_ns + move) for f in capture.frames))


def merged(first: Capture, *others: Capture, align: bool = True) -> Capture:
    """Several captures in one, in order of time; ``align`` lets all begin when the first begins."""
    if any(other.link_type != first.link_type for other in others):
        raise ValueError("captures of different link types cannot be merged")
    frames = list(first.frames)
    for other in others:
        move = first.frames[0].at_ns - other.frames[0].at_ns if align and first.frames and other.frames else 0
        frames += [replace(frame, at_ns=frame.at_ns + move) for frame in other.frames]
    return replace(first, frames=tuple(sorted(frames, key=lambda frame: frame.at_ns)))
