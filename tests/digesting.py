"""Rows without a file, digests of parts, and what two readings of the same packets differ in."""

from __future__ import annotations

import dataclasses
import socket
import struct
from array import array
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from analyzer.capture.blocks import Reader
from analyzer.capture.file import Capture
from analyzer.capture.source import Source, open_file
from analyzer.decode import columns as col
from analyzer.decode.fragments import Reassembler
from analyzer.decode.packets import decode
from analyzer.flows.build import build_flow
from analyzer.flows.digest import Digest
from analyzer.flows.model import Flow
from analyzer.flows.table import FlowTable

START_NS = 1_790_000_000 * 10**9

Row = tuple[bytes, "array[int]"]
"""The buffer that a row points into, and its words."""


@dataclasses.dataclass(frozen=True)
class Packet:
    """One TCP segment over Ethernet and IPv4 or IPv6, as plainly as a test needs it."""

    source: str = "10.0.0.5"
    sport: int = 50123
    target: str = "10.9.0.7"
    dport: int = 8080
    flags: int = 0x10
    seq: int = 0
    ack: int = 0
    payload: bytes = b""
    ns: int = START_NS
    ttl: int = 64
    window: int = 1026
    options: bytes = b""
    cut: int = 0
    """Bytes that the snap length takes off the end."""

    def ethernet(self) -> bytes:
        """Return the frame in full."""
        size = 20 + len(self.options)
        tcp = struct.pack(
            "!HHIIBBHHH", self.sport, self.dport, self.seq & 0xFFFFFFFF, self.ack & 0xFFFFFFFF, size << 2,
            self.flags & 0xFF, self.window, 0, 0,
        ) + self.options + self.payload  # fmt: skip
        if ":" in self.source:
            ends = socket.inet_pton(socket.AF_INET6, self.source) + socket.inet_pton(socket.AF_INET6, self.target)
            ip, kind = struct.pack("!IHBB", 6 << 28, len(tcp), 6, self.ttl) + ends, 0x86DD
        else:
            ends = socket.inet_aton(self.source) + socket.inet_aton(self.target)
            ip, kind = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 7, 0x4000, self.ttl, 6, 0) + ends, 0x0800
        return bytes.fromhex("020000000001020000000002") + struct.pack("!H", kind) + ip + tcp


class Decoded:
    """What the decoder makes of frames: rows, notes as words, and counters."""

    def __init__(
        self, frames: Sequence[bytes], *, link: int = 1, lengths: Sequence[int] = (), times: Sequence[int] = ()
    ) -> None:
        self.buffer = b"".join(frames)
        records = array("q")
        offset = 0
        for number, frame in enumerate(frames):
            length = lengths[number] if lengths else len(frame)
            records.extend((offset, len(frame), length, times[number] if times else START_NS, link))
            offset += len(frame)
        self.rows: list[array[int]] = []
        self.notes: list[array[int]] = []
        self.counts = array("q", bytes(8 * col.COUNT_SIZE))
        rows = array("q", bytes(8 * col.ROW_STRIDE * max(1, len(frames))))
        notes = array("q", bytes(8 * col.NOTE_STRIDE * (len(frames) + 1)))
        self.scratch = array("q", bytes(8 * col.LINK_SIZE))
        self.scratch[col.LINK_NOTES_LEFT] = 1 << 20
        at = 0
        while at < len(frames):
            at = decode(self.buffer, records, at, len(frames), 1, rows, notes, self.counts, self.scratch)
            for n in range(self.scratch[col.LINK_ROWS]):
                self.rows.append(rows[n * col.ROW_STRIDE : (n + 1) * col.ROW_STRIDE])
            for n in range(self.scratch[col.LINK_NOTES]):
                self.notes.append(notes[n * col.NOTE_STRIDE : (n + 1) * col.NOTE_STRIDE])


def rows_from(packets: Sequence[Packet]) -> list[Row]:
    """Decode packets, numbered from 1."""
    frames = [packet.ethernet() for packet in packets]
    cut = [frame[: len(frame) - packet.cut] for frame, packet in zip(frames, packets, strict=True)]
    decoded = Decoded(cut, lengths=[len(frame) for frame in frames], times=[packet.ns for packet in packets])
    assert len(decoded.rows) == len(packets)
    return [(decoded.buffer, row) for row in decoded.rows]


def rows_of(path: Path) -> list[Row]:
    """Decode a capture file into rows, fragments put together."""
    stream, size = open_file(str(path))
    source = Source(stream, str(path), size=size, hash_file=False)
    rows = array("q", bytes(8 * col.ROW_STRIDE * col.BATCH))
    notes = array("q", bytes(8 * col.NOTE_STRIDE * (col.BATCH + 1)))
    counts = array("q", bytes(8 * col.COUNT_SIZE))
    scratch = array("q", bytes(8 * col.LINK_SIZE))
    found: list[Row] = []
    reassembler = Reassembler()

    def take(buffer: bytes) -> None:
        count = scratch[col.LINK_ROWS]
        found.extend((buffer, rows[n * col.ROW_STRIDE : (n + 1) * col.ROW_STRIDE]) for n in range(count))

    try:
        for batch in Reader(source).batches():
            buffer, at = bytes(batch.buffer), 0
            while at < batch.count:
                at = decode(buffer, batch.records, at, batch.count, batch.first_frame, rows, notes, counts, scratch)
                take(buffer)
                if scratch[col.LINK_NOTES]:
                    note = notes[(scratch[col.LINK_NOTES] - 1) * col.NOTE_STRIDE :][: col.NOTE_STRIDE]
                    if note[col.NOTE_KIND] == col.KIND_FRAGMENT:
                        off, version = note[col.NOTE_OFF], note[col.NOTE_FAMILY]
                        whole = reassembler.add(version, buffer[off : off + note[col.NOTE_LEN]])
                        if whole is not None:
                            link = 228 if version == 4 else 229
                            record = array("q", [0, len(whole), len(whole), note[col.NOTE_TS], link])
                            decode(whole, record, 0, 1, note[col.NOTE_REF], rows, notes, counts, scratch)
                            take(whole)
    finally:
        source.close()
    return found


def digest_of(rows: Sequence[Row], *, first: bool = True) -> Digest:
    """Digest rows in batches that share a buffer."""
    digest = Digest(first=first)
    at = 0
    while at < len(rows):
        buffer, stop = rows[at][0], at
        words = array("q")
        while stop < len(rows) and rows[stop][0] is buffer and stop - at < col.BATCH:
            words.extend(rows[stop][1])
            stop += 1
        digest.update(buffer, words, stop - at)
        at = stop
    return digest


def parts_of(rows: Sequence[Row], cuts: Iterable[int]) -> list[Digest]:
    """Digest the parts between ``cuts``."""
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    return [
        digest_of(rows[start:stop], first=number == 0) for number, (start, stop) in enumerate(pairwise(edges))
    ]


def flows_of(digest: Digest) -> list[Flow]:
    """Build every flow."""
    table = FlowTable(digest, START_NS)
    return [build_flow(digest, table.entry(index), index, table.entry(index)) for index in range(len(table))]


def differences(left: Any, right: Any, place: str = "", *, capped: bool = False) -> list[str]:
    """Name the fields in which two flows differ; with ``capped`` an unknown value equals any."""
    found: list[str] = []
    for field in dataclasses.fields(left):
        mine, other = getattr(left, field.name), getattr(right, field.name)
        if mine == other or (capped and (mine in (None, ()) or other in (None, ()))):
            continue
        if dataclasses.is_dataclass(mine) and dataclasses.is_dataclass(other):
            found += differences(mine, other, f"{place}{field.name}.", capped=capped)
        else:
            found.append(f"{place}{field.name}: {mine!r} / {other!r}")
    return found


def frame_streams(path: Path) -> dict[int, int]:
    """Return the stream number of each frame that is a TCP segment."""
    rows = rows_of(path)
    digest, streams = Digest(), {}
    for buffer, row in rows:
        digest.update(buffer, row, 1)
        entry = digest.entry_of(0)
        if entry >= 0:
            streams[row[col.ROW_REF] & (1 << 40) - 1] = entry
    return streams


def told_by(capture: Capture) -> dict[str, Any]:
    """Return everything that a capture says, without its hash."""
    table, info = capture.flows, capture.info
    return {
        **{field.name: getattr(info, field.name) for field in dataclasses.fields(info) if field.name != "checksum"},
        "notes": capture.notes,
        "flows": [table.flow(index) for index in range(len(table))],
        "reasons": [table.reasons(index) for index in range(len(table))],
        "notable": table.notable(),
        "outline": table.outline(),
        "parties": table.parties(),
    }
