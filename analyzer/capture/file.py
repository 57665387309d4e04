"""Reads capture files: bytes in, flows and notes out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import BinaryIO

from analyzer.capture.blocks import Reader
from analyzer.capture.checksum import FileChecksum
from analyzer.capture.formats import comments_of, foreign_links
from analyzer.capture.model import CaptureInfo, Checksum, FileSpan, Health, Note, NoteKind
from analyzer.capture.parts import parts_of, read_in_parts
from analyzer.capture.reading import Reading
from analyzer.capture.source import Source, Stretch, open_file
from analyzer.decode import columns as col
from analyzer.decode.reasons import name_counts
from analyzer.errors import CaptureError
from analyzer.flows.digest import Digest
from analyzer.flows.table import FlowTable
from analyzer.values import dataclass, field

__all__ = ["Capture", "RawFrame", "ReadFile", "iter_frames", "judge", "open_again", "read_capture"]

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


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that was read: what its reader counted, the container that it came in, and its hash."""

    path: str
    reader: Reader
    container: str
    checksum: str | Checksum


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
    reading, file = _read(path, progress, hash_file, stdin)
    return judge(reading, [file])


def judge(reading: Reading, files: Sequence[ReadFile]) -> Capture:
    """Judge what was read of a file, or of those of a rotated capture in their order.

    Raises CaptureError where not one packet is of a link type that is read.
    """
    counts, first, last = reading.counts, files[0], files[-1]
    packets = _total(files, col.WALK_FRAME)
    if counts[col.STOP_LINK_TYPE] and counts[col.STOP_LINK_TYPE] == packets:
        raise CaptureError(f"{first.path}: {foreign_links(first.reader.layout)}")
    filled = [one.reader.layout.walk for one in files if one.reader.layout.walk[col.WALK_FRAME]]
    last_ns = filled[-1][col.WALK_LAST] if filled else None
    table = FlowTable(reading.digest, last_ns or 0)
    notes = reading.notes
    rotated = len(files) > 1
    cuts = [(one.path, one.reader.cut) for one in files if one.reader.cut is not None]
    info = CaptureInfo(
        path=f"{first.path} .. {os.path.basename(last.path)}" if rotated else first.path,
        checksum="" if rotated else first.checksum,
        format=first.reader.layout.name + first.container,
        packets=packets,
        first_ns=filled[0][col.WALK_FIRST] if filled else None,
        last_ns=last_ns,
        health=Health(
            truncated=_total(files, col.WALK_TRUNCATED),
            undecoded=name_counts(counts, _total(files, col.WALK_FOREIGN)),
            clock_steps=_total(files, col.WALK_STEPS),
            largest_clock_step_ns=max(one.reader.layout.walk[col.WALK_LARGEST_STEP] for one in files),
            cut="; ".join(f"{path}: {cut}" if rotated else cut for path, cut in cuts) or None,
            damaged_blocks=sum(one.reader.damaged for one in files),
            notes_dropped=reading.notes_dropped,
            tcp_packets=counts[col.STOP_TCP],
            interfaces=tuple(interface for one in files for interface in one.reader.layout.interfaces),
            comments=_total(files, col.WALK_COMMENTS),
        ),
        hosts=_hosts(table, notes),
        files=_spans(files) if rotated else (),
    )
    return Capture(info, table, tuple(notes), reading.digest)


def _total(files: Sequence[ReadFile], counter: int) -> int:
    return sum(one.reader.layout.walk[counter] for one in files)


def _spans(files: Sequence[ReadFile]) -> tuple[FileSpan, ...]:
    spans, interfaces = [], 0
    for one in files:
        layout = one.reader.layout
        spans.append(
            FileSpan(one.path, one.checksum, layout.walk[col.WALK_FRAME], one.reader.frames_before, interfaces)
        )
        interfaces += len(layout.interfaces)
    return tuple(spans)


def _read(
    path: str, progress: Progress | None, hash_file: bool, stdin: BinaryIO | None
) -> tuple[Reading, ReadFile]:
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
                return reading, ReadFile(path, reading.reader, "", checksum)
            stream = Stretch(path, 0, size)
        source = Source(stream, path, size=size, hash_file=hash_file and not checksum, progress=progress)
        reading = Reading(Reader(source))
        reading.run()
        return reading, ReadFile(path, reading.reader, source.container, checksum or source.finish())
    finally:
        if path != "-":
            stream.close()


def _hosts(table: FlowTable, notes: list[Note]) -> tuple[bytes, ...]:
    hosts = dict.fromkeys(table.hosts(MAX_HOSTS))
    for note in notes:
        if note.kind in (NoteKind.DNS, NoteKind.ICMP):
            hosts[note.source] = hosts[note.destination] = None
    return tuple(hosts)[:MAX_HOSTS]


def iter_frames(capture: str | CaptureInfo, frames: Collection[int]) -> Iterator[RawFrame]:
    """Yield the packets of a capture whose numbers are in ``frames``, in file order. Raises CaptureError."""
    wanted = frozenset(frames)
    last = max(wanted, default=0)
    for reader, span in open_again(capture):
        if span.packets and not any(0 < one - span.frames_before <= span.packets for one in wanted):
            continue
        for batch in reader.batches():
            for n in range(batch.count):
                number = batch.first_frame + n
                if number in wanted:
                    group = batch.records[n * col.REC_STRIDE : (n + 1) * col.REC_STRIDE]
                    off, captured = group[col.REC_OFF], group[col.REC_CAP]
                    yield RawFrame(
                        frame=number,
                        ts_ns=group[col.REC_TS],
                        interface=span.interfaces_before + reader.layout.section + (group[col.REC_LINK] >> 16),
                        link_type=group[col.REC_LINK] & 0xFFFF,
                        captured_length=captured,
                        original_length=group[col.REC_ORIG],
                        data=bytes(batch.buffer[off : off + captured]),
                        comments=comments_of(reader.layout, batch.buffer, off, captured),
                    )
            if batch.first_frame + batch.count > last:
                return


def open_again(capture: str | CaptureInfo) -> Iterator[tuple[Reader, FileSpan]]:
    """Open the file of a capture, or one after the other those of a rotated one, for another look.

    Yields a reader, which numbers frames as the capture does, and the file's place in it. Raises CaptureError.
    """
    spans = (FileSpan(capture, "", 0, 0, 0),) if isinstance(capture, str) else capture.spans
    for span in spans:
        stream, size = open_file(span.path)
        try:
            reader = Reader(Source(stream, span.path, size=size, hash_file=False))
            reader.frames_before = span.frames_before
            yield reader, span
        finally:
            stream.close()
