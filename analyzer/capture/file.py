"""Reads capture files: bytes in, flows and notes out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from typing import BinaryIO

from analyzer.capture.blocks import Reader
from analyzer.capture.checksum import FileChecksum
from analyzer.capture.formats import comments_of, foreign_links
from analyzer.capture.model import CaptureInfo, Checksum, Health, Note, NoteKind
from analyzer.capture.parts import parts_of, read_in_parts
from analyzer.capture.reading import Reading
from analyzer.capture.source import Source, Stretch, open_file
from analyzer.decode import columns as col
from analyzer.decode.reasons import name_counts
from analyzer.errors import CaptureError
from analyzer.flows.digest import Digest
from analyzer.flows.table import FlowTable
from analyzer.values import dataclass, field

__all__ = ["Capture", "RawFrame", "iter_frames", "read_capture"]

Progress = Callable[[int, int | None], None]

MAX_HOSTS = 4096
LARGE = 32 << 20
"""Bytes from which a file is read in parts, where possible, and hashed beside that."""


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
    comments: tuple[str, ...] = ()
    """What others wrote on it (pcapng)."""


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
    reading, container, checksum = _read(path, progress, hash_file, stdin)
    reader, counts = reading.reader, reading.counts
    walk = reader.layout.walk
    if counts[col.STOP_LINK_TYPE] and counts[col.STOP_LINK_TYPE] == walk[col.WALK_FRAME]:
        raise CaptureError(f"{path}: {foreign_links(reader.layout)}")
    table = FlowTable(reading.digest, walk[col.WALK_LAST])
    notes = reading.notes
    info = CaptureInfo(
        path=path,
        checksum=checksum,
        format=reader.layout.name + container,
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
            notes_dropped=reading.notes_dropped,
            tcp_packets=counts[col.STOP_TCP],
            interfaces=tuple(reader.layout.interfaces),
            comments=walk[col.WALK_COMMENTS],
        ),
        hosts=_hosts(table, notes),
    )
    return Capture(info, table, tuple(notes), reading.digest)


def _read(
    path: str, progress: Progress | None, hash_file: bool, stdin: BinaryIO | None
) -> tuple[Reading, str, str | Checksum]:
    """Return what was read, the container that it came in, and the hash."""
    checksum: str | Checksum = ""
    size = None
    if path == "-":
        if stdin is None and sys.stdin is None:
            raise CaptureError("-: standard input is closed; pipe a capture into it")
        # Not the buffered reader: it would go on waiting for data after Ctrl-C until its buffer is full.
        stream: BinaryIO | Stretch = stdin if stdin is not None else getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
    else:
        stream, size = open_file(path)
    try:
        if size is not None and size >= LARGE:
            # It is a file, so it can be read twice; where it ends now it is taken to end.
            stream.close()
            if hash_file:
                checksum = FileChecksum(path, size)
            reading = read_in_parts(path, size, parts_of(size), progress)
            if reading is not None:
                return reading, "", checksum
            stream = Stretch(path, 0, size)
        source = Source(stream, path, size=size, hash_file=hash_file and not checksum, progress=progress)
        reading = Reading(Reader(source))
        reading.run()
        return reading, source.container, checksum or source.finish()
    finally:
        if path != "-":
            stream.close()


def _hosts(table: FlowTable, notes: list[Note]) -> tuple[bytes, ...]:
    hosts = dict.fromkeys(table.hosts(MAX_HOSTS))
    for note in notes:
        if note.kind in (NoteKind.DNS, NoteKind.ICMP):
            hosts[note.source] = hosts[note.destination] = None
    return tuple(hosts)[:MAX_HOSTS]


def iter_frames(path: str, frames: Collection[int]) -> Iterator[RawFrame]:
    """Yield the packets of ``path`` whose numbers are in ``frames``, in file order. Raises CaptureError."""
    wanted = frozenset(frames)
    last = max(wanted, default=0)
    stream, size = open_file(path)
    try:
        source = Source(stream, path, size=size, hash_file=False)
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
                        comments=comments_of(reader.layout, batch.buffer, off, captured),
                    )
            if batch.first_frame + batch.count > last:
                return
    finally:
        stream.close()
