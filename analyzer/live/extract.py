"""Cuts one connection out of the ring: its packets from before and after, and the company that explains it."""

from __future__ import annotations

import zlib
from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from analyzer.capture.blocks import Batch, Reader
from analyzer.capture.pcapng_writer import PcapngWriter
from analyzer.capture.ring import RingFile
from analyzer.capture.source import Source, open_file
from analyzer.decode import columns as col
from analyzer.decode.packets import decode
from analyzer.endpoint import Endpoint
from analyzer.errors import CaptureError
from analyzer.units import NS

__all__ = ["Picked", "Wanted", "extract", "slice_bytes"]

_FIRST, _LAST = 400, 4000
"""Packets kept of the connection: of its beginning and of its end."""
_COMPANY = 2000
_COMPANY_NS = 120 * NS
_NOTES = 1000
_NOTES_BEFORE_NS, _NOTES_AFTER_NS = 30 * NS, 10 * NS


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to cut out."""

    client: Endpoint | None
    server: Endpoint | None
    """None where no connection is known: then only what lies near ``decisive_ns`` is taken."""
    start_ns: int
    """Of the connection."""
    decisive_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Picked:
    """One packet."""

    ts_ns: int
    link_type: int
    original: int
    data: bytes
    guilty: bool
    """It is the connection's own."""


@dataclass(slots=True)
class _Basket:
    first: list[Picked] = field(default_factory=list)
    last: deque[Picked] = field(default_factory=lambda: deque(maxlen=_LAST))
    company: deque[Picked] = field(default_factory=lambda: deque(maxlen=_COMPANY))
    notes: deque[Picked] = field(default_factory=lambda: deque(maxlen=_NOTES))
    marks: set[tuple[int, int]] = field(default_factory=set)
    """A takeover of the capture program leaves some packets in the ring twice."""

    def add(self, picked: Picked, *, note: bool) -> None:
        mark = picked.ts_ns, zlib.crc32(picked.data)
        if mark in self.marks:
            return
        self.marks.add(mark)
        if picked.guilty:
            (self.first if len(self.first) < _FIRST else self.last).append(picked)
        else:
            (self.notes if note else self.company).append(picked)

    def sorted(self) -> list[Picked]:
        return sorted((*self.first, *self.last, *self.company, *self.notes), key=lambda one: one.ts_ns)


def extract(files: Iterable[RingFile], wanted: Wanted) -> list[Picked]:
    """Return the packets of a connection and of what surrounds it, in time order.

    ``files`` are read as they are; a file that went away meanwhile is passed over.
    """
    basket = _Basket()
    match = _Match(wanted)
    for file in files:
        try:
            stream, size = open_file(str(file.path))
        except CaptureError:
            continue
        source = Source(stream, str(file.path), size=size, hash_file=False)
        try:
            for batch in Reader(source).batches():
                match.pick(batch, basket)
        except CaptureError:
            continue
        finally:
            source.close()
    return basket.sorted()


class _Match:
    """Finds wanted packets among the rows and notes of a batch."""

    def __init__(self, wanted: Wanted) -> None:
        import numpy as np

        self._np = np
        self._wanted = wanted
        self._rows = array("q", bytes(8 * col.ROW_STRIDE * col.BATCH))
        self._noted = array("q", bytes(8 * col.NOTE_STRIDE * (col.BATCH + 1)))
        self._counts = array("q", bytes(8 * col.COUNT_SIZE))
        self._scratch = array("q", bytes(8 * col.LINK_SIZE))
        self._table = np.frombuffer(self._rows, dtype=np.int64).reshape(col.BATCH, col.ROW_STRIDE)
        client, server = wanted.client, wanted.server
        self._keys: list[tuple[int, int]] = []
        self._ports: list[int] = []
        self._server: int | None = None
        self._six: tuple[bytes, bytes] | None = None
        if client is not None and server is not None:
            for low, high in ((client, server), (server, client)):
                ports = low.port << 16 | high.port
                self._ports.append(ports)
                if len(low.packed) == 4:
                    key = (int.from_bytes(low.packed, "big") - (1 << 31)) << 32 | int.from_bytes(high.packed, "big")
                    self._keys.append((key, ports))
            if len(server.packed) == 4:
                self._server = int.from_bytes(server.packed, "big")
            else:
                self._six = client.packed + server.packed, server.packed + client.packed

    def pick(self, batch: Batch, basket: _Basket) -> None:
        at, wanted = 0, self._wanted
        while at < batch.count:
            self._scratch[col.LINK_NOTES_LEFT] = 1 << 40
            at = decode(
                batch.buffer, batch.records, at, batch.count, batch.first_frame, self._rows, self._noted, self._counts,
                self._scratch,
            )  # fmt: skip
            rows = self._table[: self._scratch[col.LINK_ROWS]]
            if len(rows):
                for n, guilty in self._rows_wanted(rows, batch):
                    basket.add(self._take(batch, int(rows[n, col.ROW_REF]), guilty=guilty), note=False)
            for n in range(self._scratch[col.LINK_NOTES]):
                item = self._noted[n * col.NOTE_STRIDE : (n + 1) * col.NOTE_STRIDE]
                ts_ns = item[col.NOTE_TS]
                if (
                    wanted.decisive_ns - _NOTES_BEFORE_NS <= ts_ns <= wanted.end_ns + _NOTES_AFTER_NS
                    or wanted.start_ns - _NOTES_BEFORE_NS <= ts_ns <= wanted.start_ns + _NOTES_AFTER_NS
                ):
                    basket.add(self._take(batch, item[col.NOTE_REF], guilty=False), note=True)

    def _rows_wanted(self, rows: Any, batch: Batch) -> Iterator[tuple[int, bool]]:
        np, wanted = self._np, self._wanted
        times, ports, keys = rows[:, col.ROW_TS], rows[:, col.ROW_PORTS], rows[:, col.ROW_KEY]
        sixes = rows[:, col.ROW_BITS] & col.BIT_V6 != 0
        within = (times >= wanted.start_ns - NS) & (times <= wanted.end_ns)
        near = (times >= wanted.decisive_ns - _COMPANY_NS) & (times <= wanted.end_ns)
        guilty = np.zeros(len(rows), dtype=bool)
        company = np.zeros(len(rows), dtype=bool)
        for key, both in self._keys:
            guilty |= within & ~sixes & (keys == key) & (ports == both)
        if self._server is not None:
            company = near & ~sixes & (((keys >> 32) + (1 << 31) == self._server) | (keys & 0xFFFFFFFF == self._server))
        elif self._six is not None and wanted.server is not None:
            host = wanted.server.packed
            for n in np.flatnonzero(sixes & near | sixes & within & np.isin(ports, self._ports)):
                place = int(keys[n])
                pair = bytes(batch.buffer[place : place + 32])
                guilty[n] = pair in self._six and bool(within[n]) and int(ports[n]) in self._ports
                company[n] = bool(near[n]) and host in (pair[:16], pair[16:])
        else:
            company = near & (times >= wanted.decisive_ns - _NOTES_BEFORE_NS)
        for n in np.flatnonzero(guilty | company):
            yield int(n), bool(guilty[n])

    def _take(self, batch: Batch, ref: int, *, guilty: bool) -> Picked:
        place = ((ref & 0xFFFFFFFF) - batch.first_frame) * col.REC_STRIDE
        off, captured, original, ts_ns, link = batch.records[place : place + col.REC_STRIDE]
        return Picked(ts_ns, link, original, bytes(batch.buffer[off : off + captured]), guilty)


def slice_bytes(
    picked: Sequence[Picked],
    *,
    title: str,
    application: str,
    interface: str,
    comments: Mapping[int, Sequence[str]],
    dropped: int,
) -> bytes:
    """Return a pcapng file of the packets; ``comments`` are by frame, from 1.

    ``dropped`` goes into the interface's statistics, so that whoever reads the slice is warned as we are.
    """
    stream = BytesIO()
    writer = PcapngWriter(stream, comments=(title,), application=application)
    number = 0
    for frame, one in enumerate(picked, 1):
        number = writer.interface(one.link_type, 0, name=interface)
        writer.packet(number, one.ts_ns, one.data, one.original, comments.get(frame, ()))
    if picked:
        writer.statistics(number, picked[-1].ts_ns, received=None, dropped=dropped)
    return stream.getvalue()


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file in one step, so that a reader never sees half of it."""
    unborn = path.with_name(path.name + ".new")
    unborn.write_bytes(data)
    unborn.replace(path)
