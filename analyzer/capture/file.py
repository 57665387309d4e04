"""Reads capture files: bytes in, flows and notes out."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Collection, Iterator
from typing import BinaryIO

from analyzer.capture.blocks import Reader
from analyzer.capture.formats import foreign_links
from analyzer.capture.model import CaptureInfo, Health, Note, NoteKind
from analyzer.capture.source import Source, open_file
from analyzer.decode import columns as col
from analyzer.decode.fragments import Reassembler
from analyzer.decode.packets import decode
from analyzer.decode.reasons import name_counts
from analyzer.errors import CaptureError
from analyzer.flows.build import endpoints, frame_of
from analyzer.flows.digest import Digest
from analyzer.flows.table import FlowTable
from analyzer.values import dataclass, field

__all__ = ["Capture", "RawFrame", "iter_frames", "read_capture"]

Progress = Callable[[int, int | None], None]

MAX_NOTES = 65_536
MAX_HOSTS = 4096
_KINDS = {
    col.KIND_ICMP: NoteKind.ICMP,
    col.KIND_DNS: NoteKind.DNS,
    col.KIND_ARP: NoteKind.ARP,
    col.KIND_NEIGHBOUR: NoteKind.NEIGHBOUR,
    col.KIND_DHCP: NoteKind.DHCP,
    col.KIND_FTP: NoteKind.FTP,
}


@dataclass(frozen=True, slots=True)
class Capture:
    """One capture, read."""

    info: CaptureInfo
    flows: FlowTable
    notes: tuple[Note, ...] = field(repr=False)
    digest: Digest = field(repr=False)


@dataclass(frozen=True, slots=True)
class RawFrame:
    """One packet as it stands in the file."""

    frame: int
    ts_ns: int
    interface: int
    link_type: int
    captured_length: int
    original_length: int
    data: bytes


def _open(path: str, stdin: BinaryIO | None, progress: Progress | None, hash_file: bool) -> Source:
    if path == "-":
        if stdin is None and sys.stdin is None:
            raise CaptureError("-: standard input is closed; pipe a capture into it")
        # Not the buffered reader: it would go on waiting for data after Ctrl-C until its buffer is full.
        stream: BinaryIO = stdin if stdin is not None else getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
        return Source(stream, "-", hash_file=hash_file, progress=progress)
    stream, size = open_file(path)
    return Source(stream, path, size=size, hash_file=hash_file, progress=progress)


def read_capture(
    path: str,
    *,
    progress: Progress | None = None,
    hash_file: bool = True,
    stdin: BinaryIO | None = None,
) -> Capture:
    """Read one capture (``-`` is standard input). ``progress`` is told bytes read and, where known, the total.

    Raises CaptureError when the file is missing, is no capture or holds only packets of a link type that is not read;
    damage further on ends up in ``Health.cut``.
    """
    source = _open(path, stdin, progress, hash_file)
    try:
        reader = Reader(source)
        digest = Digest()
        notes: list[Note] = []
        rows = array("q", bytes(8 * col.ROW_STRIDE * col.BATCH))
        noted = array("q", bytes(8 * col.NOTE_STRIDE * (col.BATCH + 1)))
        counts = array("q", bytes(8 * col.COUNT_SIZE))
        scratch = array("q", bytes(8 * col.LINK_SIZE))
        scratch[col.LINK_NOTES_LEFT] = MAX_NOTES
        reassembler = Reassembler()
        for batch in reader.batches():
            at = 0
            while at < batch.count:
                at = decode(batch.buffer, batch.records, at, batch.count, batch.first_frame, rows, noted, counts, scratch)
                for marked in digest.update(batch.buffer, rows, scratch[col.LINK_ROWS]):
                    if scratch[col.LINK_NOTES_LEFT] > 0:
                        scratch[col.LINK_NOTES_LEFT] -= 1
                        notes.append(_ftp_note(batch.buffer, rows, marked, digest))
                    else:
                        scratch[col.LINK_NOTES_DROPPED] += 1
                for n in range(scratch[col.LINK_NOTES]):
                    item = noted[n * col.NOTE_STRIDE : (n + 1) * col.NOTE_STRIDE]
                    if item[col.NOTE_KIND] == col.KIND_FRAGMENT:
                        version, off = item[col.NOTE_FAMILY], item[col.NOTE_OFF]
                        whole = reassembler.add(version, bytes(batch.buffer[off : off + item[col.NOTE_LEN]]))
                        if whole is not None:
                            record = array("q", [0, len(whole), len(whole), item[col.NOTE_TS], 228 if version == 4 else 229])
                            counts[col.STOP_FRAGMENT] -= 1
                            decode(whole, record, 0, 1, item[col.NOTE_REF], rows, noted, counts, scratch)
                            digest.update(whole, rows, scratch[col.LINK_ROWS])
                            break
                    else:
                        notes.append(_note(batch.buffer, item))
        sha256 = source.finish()
    finally:
        source.close() if path != "-" else None
    walk = reader.layout.walk
    if counts[col.STOP_LINK_TYPE] and counts[col.STOP_LINK_TYPE] == walk[col.WALK_FRAME]:
        raise CaptureError(f"{path}: {foreign_links(reader.layout)}")
    table = FlowTable(digest, walk[col.WALK_LAST])
    interfaces = tuple(reader.layout.interfaces)
    info = CaptureInfo(
        path=path,
        sha256=sha256,
        format=reader.layout.name + source.container,
        packets=walk[col.WALK_FRAME],
        first_ns=walk[col.WALK_FIRST] if walk[col.WALK_FRAME] else None,
        last_ns=walk[col.WALK_LAST] if walk[col.WALK_FRAME] else None,
        health=Health(
            truncated=walk[col.WALK_TRUNCATED],
            undecoded=name_counts(counts, walk[col.WALK_FOREIGN]),
            clock_steps=walk[col.WALK_STEPS],
            largest_clock_step_ns=walk[col.WALK_LARGEST_STEP],
            cut=reader.cut,
            damaged_blocks=reader.damaged,
            notes_dropped=scratch[col.LINK_NOTES_DROPPED],
            tcp_packets=counts[col.STOP_TCP],
            interfaces=interfaces,
            comments=walk[col.WALK_COMMENTS],
        ),
        hosts=_hosts(table, notes),
    )
    return Capture(info, table, tuple(notes), digest)


def _hosts(table: FlowTable, notes: list[Note]) -> tuple[bytes, ...]:
    hosts = dict.fromkeys(table.hosts(MAX_HOSTS))
    for note in notes:
        if note.kind in (NoteKind.DNS, NoteKind.ICMP):
            hosts[note.source] = hosts[note.destination] = None
    return tuple(hosts)[:MAX_HOSTS]


def _ftp_note(buffer: bytes | bytearray, rows: array[int], number: int, digest: Digest) -> Note:
    row = rows[number * col.ROW_STRIDE : (number + 1) * col.ROW_STRIDE]
    off, size = row[col.ROW_PAYLOAD] >> 32, row[col.ROW_PAYLOAD] & 0xFFFFFFFF
    ends = endpoints(digest, digest.entry_of(number))
    if row[col.ROW_BITS] & col.BIT_SIDE:
        ends = ends[1], ends[0]
    return Note(
        kind=NoteKind.FTP,
        frame=frame_of(row[col.ROW_REF]),
        ts_ns=row[col.ROW_TS],
        source=ends[0].packed,
        destination=ends[1].packed,
        source_port=ends[0].port,
        destination_port=ends[1].port,
        ttl=row[col.ROW_HOP] >> 48 & 0xFF,
        payload=bytes(buffer[off : off + min(size, 512)]),
    )


def _note(buffer: bytearray, item: array[int]) -> Note:
    family, address, off = item[col.NOTE_FAMILY], item[col.NOTE_ADDRESS], item[col.NOTE_OFF]
    size = 4 if family == 4 else 16
    if family:
        source = bytes(buffer[address : address + size])
        destination = bytes(buffer[address + size : address + 2 * size])
    else:
        source, destination = bytes(buffer[address + 14 : address + 18]), bytes(buffer[address + 24 : address + 28])
    return Note(
        kind=_KINDS[item[col.NOTE_KIND]],
        frame=frame_of(item[col.NOTE_REF]),
        ts_ns=item[col.NOTE_TS],
        source=source,
        destination=destination,
        source_port=item[col.NOTE_PORTS] >> 16,
        destination_port=item[col.NOTE_PORTS] & 0xFFFF,
        ttl=item[col.NOTE_TTL],
        payload=bytes(buffer[off : off + item[col.NOTE_LEN]]),
    )


def iter_frames(path: str, frames: Collection[int]) -> Iterator[RawFrame]:
    """Yield the packets of ``path`` whose numbers are in ``frames``, in file order. Raises CaptureError."""
    wanted = frozenset(frames)
    last = max(wanted, default=0)
    source = _open(path, None, None, False)
    try:
        reader = Reader(source)
        for batch in reader.batches():
            for n in range(batch.count):
                number = batch.first_frame + n
                if number in wanted:
                    group = batch.records[n * col.REC_STRIDE : (n + 1) * col.REC_STRIDE]
                    off, captured = group[col.REC_OFF], group[col.REC_CAP]
                    yield RawFrame(
                        frame=number,
                        ts_ns=group[col.REC_TS],
                        interface=reader.layout.section + (group[col.REC_LINK] >> 16),
                        link_type=group[col.REC_LINK] & 0xFFFF,
                        captured_length=captured,
                        original_length=group[col.REC_ORIG],
                        data=bytes(batch.buffer[off : off + captured]),
                    )
            if batch.first_frame + batch.count > last:
                return
    finally:
        source.close()
