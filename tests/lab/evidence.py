"""Reads a lab capture back through tshark: which stream a connection became, and what can be pointed at in it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path as FilePath

from tests.lab.path import ACK, FIN, RST, SYN

__all__ = [
    "Frame",
    "Pick",
    "Trace",
    "drop_other_directions",
    "first",
    "last",
    "numbers",
    "pick",
    "resent",
    "to_pcapng",
    "together",
]

_FIELDS = (
    "frame.number",
    "frame.time_epoch",
    "tcp.stream",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.flags",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.len",
    "ip.ttl",
    "tcp.window_size_value",
    "icmp.type",
    "dns.id",
    "dns.flags.rcode",
    "arp.dst.proto_ipv4",
    "arp.opcode",
    "dns.flags.response",
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as tshark decodes it; numbers that do not apply are -1."""

    number: int
    at: float
    stream: int
    source: str
    destination: str
    source_port: int
    destination_port: int
    flags: int
    seq: int
    ack: int
    length: int
    ttl: int
    window: int
    icmp_type: int
    dns_rcode: int
    dns_response: bool
    is_dns: bool
    arp_for: str
    arp_opcode: int

    @property
    def is_tcp(self) -> bool:
        """A TCP segment of its own, not one quoted by ICMP."""
        return self.stream >= 0 and self.icmp_type < 0


def _number(text: str, default: int = -1) -> int:
    text = text.split(",", maxsplit=1)[0]
    return int(text, 0) if text else default


class Trace:
    """All frames of one capture."""

    def __init__(self, path: FilePath) -> None:
        argv = ["tshark", "-n", "-r", str(path), "-T", "fields", "-o", "tcp.reassemble_out_of_order:FALSE"]
        for name in _FIELDS:
            argv += ["-e", name]
        text = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        self.frames = [self._frame(line.split("\t")) for line in text.splitlines()]

    @staticmethod
    def _frame(cell: list[str]) -> Frame:
        cell = cell + [""] * (len(_FIELDS) - len(cell))
        return Frame(
            number=int(cell[0]),
            at=float(cell[1]),
            stream=_number(cell[2]),
            source=(cell[3] or cell[5]).split(",")[0],
            destination=(cell[4] or cell[6]).split(",")[0],
            source_port=_number(cell[7]),
            destination_port=_number(cell[8]),
            flags=_number(cell[9]),
            seq=_number(cell[10]),
            ack=_number(cell[11]),
            length=_number(cell[12]),
            ttl=_number(cell[13]),
            window=_number(cell[14]),
            icmp_type=_number(cell[15]),
            dns_rcode=_number(cell[17]),
            dns_response=cell[20].split(",")[0] in ("1", "True"),
            is_dns=bool(cell[16]),
            arp_for=cell[18],
            arp_opcode=_number(cell[19]),
        )

    @property
    def streams(self) -> set[int]:
        """Every tcp.stream that has a segment of its own."""
        return {frame.stream for frame in self.frames if frame.is_tcp}

    def of(self, stream: int) -> list[Frame]:
        """The segments of one stream, and the ICMP errors that quote it."""
        return [frame for frame in self.frames if frame.stream == stream]

    def find(self, ends: tuple[str, int, str, int], started: float) -> int | None:
        """The stream of a four-tuple whose first frame is nearest to ``started``."""
        wanted = {(ends[0], ends[1]), (ends[2], ends[3])}
        firsts: dict[int, float] = {}
        for frame in self.frames:
            pair = {(frame.source, frame.source_port), (frame.destination, frame.destination_port)}
            if frame.is_tcp and pair == wanted:
                firsts.setdefault(frame.stream, frame.at)
        if not firsts:
            return None
        return min(firsts, key=lambda stream: abs(firsts[stream] - started))


Pick = Callable[[list[Frame], int], list[int]]
"""From a stream's frames and the client's port to the frame numbers that decide."""


def pick(*, flags: int = 0, without: int = 0, client: bool | None = None, data: bool | None = None) -> Pick:
    """Frames with all of ``flags`` and none of ``without``, from the client or not, with payload or not."""

    def choose(frames: list[Frame], port: int) -> list[int]:
        return [
            frame.number
            for frame in frames
            if frame.is_tcp
            and frame.flags & flags == flags
            and not frame.flags & without
            and (client is None or (frame.source_port == port) == client)
            and (data is None or (frame.length > 0) == data)
        ]

    return choose


def first(choose: Pick, count: int = 1) -> Pick:
    """The first few of a choice."""
    return lambda frames, port: choose(frames, port)[:count]


def last(choose: Pick, count: int = 1) -> Pick:
    """The last few of a choice."""
    return lambda frames, port: choose(frames, port)[-count:]


def resent(*, client: bool, at_least: int = 2) -> Pick:
    """The original and the copies of the segment (or SYN) that one side sent most often; none when fewer copies."""

    def choose(frames: list[Frame], port: int) -> list[int]:
        seen: dict[tuple[int, int], list[int]] = {}
        for frame in frames:
            mine = (frame.source_port == port) == client
            if frame.is_tcp and mine and (frame.length > 0 or frame.flags & (SYN | FIN)) and not frame.flags & RST:
                seen.setdefault((frame.seq, frame.flags & (SYN | ACK)), []).append(frame.number)
        most = max(seen.values(), key=len, default=[])
        return most if len(most) > at_least else []

    return choose


def together(*choices: Pick) -> Pick:
    """The union of several choices, in order."""

    def choose(frames: list[Frame], port: int) -> list[int]:
        numbers: set[int] = set()
        for each in choices:
            found = each(frames, port)
            if not found:
                return []
            numbers.update(found)
        return sorted(numbers)

    return choose


def to_pcapng(source: FilePath, target: FilePath, interface: str) -> None:
    """Rewrite tcpdump's pcap as pcapng with one interface of that name."""
    import struct

    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        size = len(body) + 12
        return struct.pack("<II", kind, size) + body + struct.pack("<I", size)

    def option(code: int, value: bytes) -> bytes:
        return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)

    raw = source.read_bytes()
    link = struct.unpack_from("<I", raw, 20)[0]
    parts = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))]
    options = option(2, interface.encode()) + option(9, b"\x06") + option(0, b"")
    parts.append(block(1, struct.pack("<HHI", link, 0, 262144) + options))
    at = 24
    while at + 16 <= len(raw):
        seconds, micros, kept, full = struct.unpack_from("<IIII", raw, at)
        stamp = seconds * 1_000_000 + micros
        head = struct.pack("<IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, kept, full)
        parts.append(block(6, head + raw[at + 16 : at + 16 + kept]))
        at += 16 + kept
    target.write_bytes(b"".join(parts))


def drop_other_directions(path: FilePath, source: str) -> None:
    """Leave only what ``source`` sent: the picture of a mirror port that copies one direction."""
    kept = path.with_suffix(".kept")
    subprocess.run(
        ["tshark", "-n", "-r", str(path), "-Y", f"ip.src=={source}", "-w", str(kept)], check=True, capture_output=True
    )
    kept.replace(path)


def numbers(frames: Iterable[Frame]) -> list[int]:
    """Their frame numbers."""
    return [frame.number for frame in frames]
