"""Cuts one connection out of the ring: its packets from before and after, and the company that explains it."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
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

__all__ = ["Picked", "Wanted", "extract", "slice_bytes", "write_atomically"]

_FIRST, _LAST = 400, 4000
"""Packets kept of the connection: of its beginning and of its end."""
_COMPANY = 1000
"""Packets kept of its company, from before the decisive moment and from after it."""
_COMPANY_NS = 120 * NS
_NOTES = 1000
_NOTES_BEFORE_NS, _NOTES_AFTER_NS = 30 * NS, 10 * NS
_LOW16, _LOW32 = 0xFFFF, 0xFFFFFFFF
_SPARSE = 4
"""Packets that lie scattered over so many times their own size are copied one by one."""


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


class _Tail:
    """The last ``most`` of the packets given. A busy server has millions, so what falls out is never touched singly."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._parts: deque[tuple[bytes, Any]] = deque()
        """Bytes, and records whose offsets count in them."""
        self._count = 0

    def add(self, batch: Batch, places: Any) -> None:
        """Take the records of a batch at ``places``, in order."""
        import numpy as np

        if not len(places):
            return
        table = np.frombuffer(batch.records, dtype=np.int64).reshape(-1, col.REC_STRIDE)
        chosen = table[places[-self._most :]]
        starts, sizes = chosen[:, col.REC_OFF].copy(), chosen[:, col.REC_CAP]
        low, high = int(starts[0]), int(starts[-1] + sizes[-1])
        with memoryview(batch.buffer) as view:
            if high - low <= _SPARSE * int(sizes.sum()):
                data = bytes(view[low:high])
                chosen[:, col.REC_OFF] = starts - low
            else:
                data = b"".join(view[at : at + size] for at, size in zip(starts.tolist(), sizes.tolist(), strict=True))
                chosen[:, col.REC_OFF] = np.cumsum(sizes) - sizes
        self._parts.append((data, chosen))
        self._count += len(chosen)
        while self._count - len(self._parts[0][1]) >= self._most:
            self._count -= len(self._parts.popleft()[1])

    def packets(self, *, guilty: bool) -> list[Picked]:
        """Return them."""
        found = [_picked(data, record, guilty) for data, records in self._parts for record in records.tolist()]
        return found[-self._most :]


def _picked(buffer: bytes | bytearray, record: Sequence[int], guilty: bool) -> Picked:
    off, captured, original, ts_ns, link = record
    return Picked(ts_ns, link & _LOW16, original, bytes(buffer[off : off + captured]), guilty)


@dataclass(slots=True)
class _Basket:
    first: list[Picked] = field(default_factory=list)
    last: _Tail = field(default_factory=lambda: _Tail(_LAST))
    before: _Tail = field(default_factory=lambda: _Tail(_COMPANY))
    after: list[Picked] = field(default_factory=list)
    notes: deque[Picked] = field(default_factory=lambda: deque(maxlen=_NOTES))

    def sorted(self) -> list[Picked]:
        """Return all, each once: a takeover of the capture program leaves some packets in the ring twice."""
        own = [*self.first, *self.last.packets(guilty=True)]
        known: dict[tuple[int, bytes], Picked] = {}
        for one in (*own, *self.before.packets(guilty=False), *self.after, *self.notes):
            known.setdefault((one.ts_ns, one.data), one)
        return sorted(known.values(), key=lambda one: one.ts_ns)


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
        if client is not None and server is not None:
            for low, high in ((client, server), (server, client)):
                ports = low.port << 16 | high.port
                self._ports.append(ports)
                if len(low.packed) == 4:
                    key = (int.from_bytes(low.packed, "big") - (1 << 31)) << 32 | int.from_bytes(high.packed, "big")
                    self._keys.append((key, ports))
            if len(server.packed) == 4:
                self._server = int.from_bytes(server.packed, "big")

    def pick(self, batch: Batch, basket: _Basket) -> None:
        """Put what is wanted of a batch into the basket."""
        at = 0
        while at < batch.count:
            self._scratch[col.LINK_NOTES_LEFT] = 1 << 40
            at = decode(
                batch.buffer, batch.records, at, batch.count, batch.first_frame, self._rows, self._noted, self._counts,
                self._scratch,
            )  # fmt: skip
            rows = self._table[: self._scratch[col.LINK_ROWS]]
            if len(rows):
                self._pick_rows(rows, batch, basket)
            for n in range(self._scratch[col.LINK_NOTES]):
                note = n * col.NOTE_STRIDE
                if self._explains(self._noted[note + col.NOTE_TS]):
                    basket.notes.append(self._one(batch, self._noted[note + col.NOTE_REF], guilty=False))

    def _explains(self, ts_ns: int) -> bool:
        """Tell whether a packet of that time may explain how the connection began or ended."""
        wanted = self._wanted
        return (
            wanted.decisive_ns - _NOTES_BEFORE_NS <= ts_ns <= wanted.end_ns + _NOTES_AFTER_NS
            or wanted.start_ns - _NOTES_BEFORE_NS <= ts_ns <= wanted.start_ns + _NOTES_AFTER_NS
        )

    def _pick_rows(self, rows: Any, batch: Batch, basket: _Basket) -> None:
        np, decisive_ns = self._np, self._wanted.decisive_ns
        guilty, company = self._wanted_rows(rows, batch)
        late = rows[:, col.ROW_TS] > decisive_ns
        frames = rows[:, col.ROW_REF]
        own = frames[guilty]
        early = own[: _FIRST - len(basket.first)] if len(basket.first) < _FIRST else own[:0]
        basket.first += [self._one(batch, int(ref), guilty=True) for ref in early]
        basket.last.add(batch, self._places(own[len(early) :], batch))
        company &= ~guilty
        basket.before.add(batch, self._places(frames[company & ~late], batch))
        if len(basket.after) < _COMPANY:
            following = frames[np.flatnonzero(company & late)[: _COMPANY - len(basket.after)]]
            basket.after += [self._one(batch, int(ref), guilty=False) for ref in following]

    def _wanted_rows(self, rows: Any, batch: Batch) -> tuple[Any, Any]:
        """Return a boolean for each row: it is the connection's own, and it is company, which its own may be too."""
        np, wanted = self._np, self._wanted
        times, ports, keys = rows[:, col.ROW_TS], rows[:, col.ROW_PORTS], rows[:, col.ROW_KEY]
        sixes = rows[:, col.ROW_BITS] & col.BIT_V6 != 0
        within = (times >= wanted.start_ns - NS) & (times <= wanted.end_ns)
        near = (times >= wanted.decisive_ns - _COMPANY_NS) & (times <= wanted.end_ns)
        guilty = np.zeros(len(rows), dtype=bool)
        company = np.zeros(len(rows), dtype=bool)
        if wanted.client is None or wanted.server is None:
            return guilty, near & (times >= wanted.decisive_ns - _NOTES_BEFORE_NS)
        if self._server is not None:
            for key, both in self._keys:
                guilty |= within & ~sixes & (keys == key) & (ports == both)
            ends = ((keys >> 32) + (1 << 31) == self._server) | (keys & _LOW32 == self._server)
            return guilty, near & ~sixes & ends
        places = np.flatnonzero(sixes & (near | within & np.isin(ports, self._ports)))
        if len(places):
            pairs = self._pairs(batch, keys[places])
            own = [wanted.client.packed + wanted.server.packed, wanted.server.packed + wanted.client.packed]
            same = (pairs == self._words(own[0])).all(axis=1) | (pairs == self._words(own[1])).all(axis=1)
            guilty[places] = same & within[places] & np.isin(ports[places], self._ports)
            server = self._words(wanted.server.packed)
            ends = (pairs[:, :2] == server).all(axis=1) | (pairs[:, 2:] == server).all(axis=1)
            company[places] = ends & near[places]
        return guilty, company

    def _pairs(self, batch: Batch, keys: Any) -> Any:
        """Return the two IPv6 addresses of rows, as four words each; ``keys`` are their offsets."""
        np = self._np
        octets = np.frombuffer(batch.buffer, dtype=np.uint8)
        return octets[keys[:, None] + np.arange(32)].view(np.uint64)

    def _words(self, octets: bytes) -> Any:
        return self._np.frombuffer(octets, dtype=self._np.uint64)

    def _places(self, refs: Any, batch: Batch) -> Any:
        return (refs & _LOW32) - batch.first_frame

    def _one(self, batch: Batch, ref: int, *, guilty: bool) -> Picked:
        at = ((ref & _LOW32) - batch.first_frame) * col.REC_STRIDE
        return _picked(batch.buffer, batch.records[at : at + col.REC_STRIDE], guilty)


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
    """Replace a file in one step, so that a reader never sees half of it; a full disk leaves the old one."""
    unborn = path.with_name(path.name + ".new")
    try:
        unborn.write_bytes(data)
        unborn.replace(path)
    finally:
        unborn.unlink(missing_ok=True)
