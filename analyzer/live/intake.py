"""Takes what the feed delivers: walks it, keeps it in the ring, adds it to the running digest, counts what was lost."""

from __future__ import annotations

import time
import zlib
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

from analyzer.capture.blocks import Batch
from analyzer.capture.model import Interface
from analyzer.capture.ring import Ring, RingFile
from analyzer.capture.stream import Part, Stream
from analyzer.decode import columns as col
from analyzer.errors import CaptureError
from analyzer.flows.layout import REF_CAPTURE
from analyzer.live.clock import Jump, PacketClock
from analyzer.live.feed import Delivery, Line
from analyzer.live.losses import Loss, Losses
from analyzer.live.running import Running
from analyzer.units import NS

__all__ = ["Intake"]

_NEW_INDEX = 1 << 31
"""Frames after which numbering goes on with the next capture index: a flow keeps 32 bits of a frame's number."""
_LONG_GAP_NS = 10 * NS
_OVERLAP_SLACK_NS = NS
_REPLAYED = 64 << 20
"""Bytes of the ring that a start reads again at most."""
_LONGEST_STOP_NS = 900 * NS
"""After a longer stop of ours what was known says too little of what is."""

_Mark = tuple[int, int, int]
"""Time, length and checksum of a packet: enough to know it again."""


@dataclass(slots=True)
class _Overlap:
    """What the line that ended saw while the next one was already capturing."""

    marks: set[_Mark]
    last_ns: int
    dropped: int
    """Packets that the line that ended had dropped."""
    recovered: int = 0
    """Packets that only the next line has: the first one had dropped them."""


@dataclass(slots=True)
class _Count:
    """How far the counters of one line have been read."""

    dropped: int = 0
    at_ns: int | None = None
    seen: int = 0


@dataclass(slots=True)
class Intake:
    """Where packets go. ``jumped`` is called at a break in time, before anything after it is taken in."""

    name: str
    running: Running
    ring: Ring | None
    clock: PacketClock
    losses: Losses
    jumped: Callable[[Jump], None]
    interfaces: tuple[Interface, ...] = ()
    """As the stream describes them; their own counters are in ``losses``."""
    seen: int = 0
    """Packets that came, whatever they were."""
    duplicates: int = 0
    """Packets that two lines saw during a takeover, counted once."""
    counted: bool = False
    """Some line has told what was dropped."""
    damage: str | None = None
    last_arrival: float = field(default_factory=time.monotonic)
    _line: Line | None = None
    _stream: Stream = field(init=False)
    _frames: int = 0
    """Frames of earlier lines."""
    _index: int = 0
    _marks: set[_Mark] = field(default_factory=set)
    _overlap: _Overlap | None = None
    _gap_from: int | None = None
    _gap_why: str = ""
    _gap_limit_ns: int = _LONG_GAP_NS
    _closing: bool = False
    _count: _Count = field(default_factory=_Count)

    @property
    def in_gap(self) -> bool:
        """Nothing is captured at the moment, or the first packets after that are being taken."""
        return self._gap_from is not None or self._closing

    def replay(self) -> None:
        """Take in what an earlier run left in the ring, so that connections it knew are known again."""
        if self.ring is None:
            return
        files: list[RingFile] = []
        size = 0
        for file in reversed(self.ring.files()):
            size += file.size
            if files and size > _REPLAYED:
                break
            files.append(file)
        last: int | None = None
        for file in reversed(files):
            stream = Stream(file.path.name, frames=self._frames)
            try:
                with file.path.open("rb", buffering=0) as source:
                    while data := source.read(1 << 20):
                        for part in stream.feed(data):
                            if part.batch is not None:
                                times = _times(part.batch)
                                if last is not None and abs(times[0] - last) > _LONGEST_STOP_NS:
                                    self.running.restart()
                                last = max(times[-1], last or 0)
                                self._add(part.batch, times)
            except (OSError, CaptureError):
                continue
            self._frames = stream.frames
        self.running.begin_counting()
        if last is not None:
            self._gap_from, self._gap_why = last, "notconn did not run"
            self._gap_limit_ns = _LONGEST_STOP_NS

    def take(self, delivery: Delivery) -> None:
        """Take a delivery. Raises CaptureError when a stream does not start like a capture."""
        line = delivery.line
        if line is not self._line:
            if self._line is not None:
                self._frames = self._stream.frames
            self._line, self._stream = line, Stream(self.name, frames=self._frames)
            if self._gap_from is not None and self.clock.own and delivery.data:
                # A capture program speaks as soon as it listens, not with the first packet.
                self.clock.thaw()
                self._close_gap(self.clock.now_ns())
        if not delivery.data:
            self._end(delivery)
            return
        self.last_arrival = time.monotonic()
        stream = self._stream
        for part in stream.feed(delivery.data):
            if part.fresh_preamble:
                self._describe(stream)
            elif part.batch is None:
                self._read_counters(stream)
                if self.ring is not None:
                    self.ring.append(part.raw, 0, None, None)
            else:
                self._packets(part, part.batch, marking=delivery.follower is not None)
        if stream.damage is not None:
            self.damage = stream.damage
            line.tap.kill()

    def check_begun(self) -> None:
        """Raise CaptureError when all that came was no capture."""
        if self._line is not None:
            self._stream.end()

    def _describe(self, stream: Stream) -> None:
        assert stream.layout is not None
        self.interfaces = tuple(stream.layout.interfaces)
        complete = stream.layout.name == "pcap" or bool(self.interfaces)
        if self.ring is not None and complete:
            self.ring.begin(stream.preamble)

    def _packets(self, part: Part, batch: Batch, *, marking: bool) -> None:
        count = batch.count
        times = _times(batch)
        self._count.seen += count
        if marking:
            self._marks.update(_marks(batch, range(count)))
        if self._overlap is not None:
            batch = self._without_known(batch, times)
            if not batch.count:
                return
            count = batch.count
            times = _times(batch)
        first, last = min(times), max(times)
        if self.ring is not None:
            self.ring.append(part.raw, count, first, last)
        if self._gap_from is not None:
            self._close_gap(first)
        self._digest(batch, times)
        self.seen += count
        if self._count.at_ns is None:
            self._count.at_ns = first

    def _digest(self, batch: Batch, times: list[int]) -> None:
        """Add to the digest, stopping at each break in time."""
        start = 0
        # Within one read times run on or jump for good: the ends tell, and only then each one is looked at.
        places = range(len(times)) if max(times) - min(times) > NS else (0,)
        for n in places:
            jump = self.clock.see(times[n])
            if jump is not None:
                if n > start:
                    self._add(batch, times, start, n)
                self.jumped(jump)
                start = n
        self._add(batch, times, start)
        self.clock.see(times[-1])

    def _add(self, batch: Batch, times: list[int], start: int = 0, stop: int | None = None) -> None:
        while batch.first_frame - self._index * _NEW_INDEX > _NEW_INDEX:
            self._index += 1
        frame = (self._index << REF_CAPTURE) | (batch.first_frame - self._index * _NEW_INDEX)
        self.running.take(batch, frame, start, len(times) if stop is None else stop, times)

    def _without_known(self, batch: Batch, times: list[int]) -> Batch:
        overlap = self._overlap
        assert overlap is not None
        if min(times) > overlap.last_ns + _OVERLAP_SLACK_NS:
            self._overlap = None
            return batch
        fresh = array("q")
        kept = 0
        for n, mark in enumerate(_marks(batch, range(batch.count))):
            if mark in overlap.marks:
                self.duplicates += 1
                continue
            if times[n] < overlap.last_ns and overlap.recovered < overlap.dropped:
                overlap.recovered += 1
                self.losses.dropped -= 1
            fresh.extend(batch.records[n * col.REC_STRIDE : (n + 1) * col.REC_STRIDE])
            kept += 1
        return Batch(batch.buffer, fresh, kept, batch.first_frame)

    def _read_counters(self, stream: Stream) -> None:
        """Take over what the statistics blocks of a stream say so far."""
        assert stream.layout is not None
        told = [one.dropped for one in stream.layout.interfaces if one.dropped is not None]
        if not told:
            return
        self.counted = True
        total, now = sum(told), self.clock.now_ns()
        if total > self._count.dropped:
            since = self._count.at_ns if self._count.at_ns is not None else now
            why = "the capture program could not keep up"
            self.losses.add(Loss(min(since, now), now, total - self._count.dropped, why))
        self._count.dropped, self._count.at_ns = total, now

    def _end(self, delivery: Delivery) -> None:
        follower = delivery.follower
        last = self.clock.last_ns
        if follower is not None:
            self._overlap = _Overlap(self._marks, last, self._count.dropped) if last is not None else None
        else:
            self.clock.freeze()
            if self._gap_from is None and last is not None:
                now_ns = self.clock.now_ns()
                self._gap_from, self._gap_why = now_ns, delivery.why or "the capture was interrupted"
        self._marks = set()
        self._count = _Count(at_ns=last)

    def _close_gap(self, until_ns: int) -> None:
        start, self._gap_from = self._gap_from, None
        assert start is not None
        self.losses.add(Loss(start, max(start, until_ns), None, self._gap_why))
        limit, self._gap_limit_ns = self._gap_limit_ns, _LONG_GAP_NS
        if until_ns - start > limit:
            self._closing = True
            self.jumped(Jump(start, until_ns, asleep=False))
            self._closing = False


def _times(batch: Batch) -> list[int]:
    return batch.records[col.REC_TS : batch.count * col.REC_STRIDE : col.REC_STRIDE].tolist()


def _marks(batch: Batch, places: range) -> list[_Mark]:
    view, records, stride = memoryview(batch.buffer), batch.records, col.REC_STRIDE
    found = []
    for n in places:
        off, captured, original, ts_ns = records[n * stride : n * stride + 4]
        found.append((ts_ns, original, zlib.crc32(view[off : off + captured])))
    return found
