"""A capture, batch by batch: the records that one walk found, where they lie, and how reading ended."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import analyzer.decode  # noqa: F401 - makes the hot modules importable where they are not compiled
from analyzer.capture.formats import Layout, read_block, recognise
from analyzer.capture.source import BLOCK, ROOM, Source
from analyzer.decode import columns as col
from analyzer.decode.records import walk_pcap, walk_pcapng
from analyzer.errors import CaptureError
from analyzer.values import dataclass

__all__ = ["Batch", "Reader"]


@dataclass(slots=True)
class Batch:
    """Records of one walk; valid until the next batch is asked for."""

    buffer: bytearray
    records: array[int]
    """``REC_*`` groups."""
    count: int
    first_frame: int
    """Wireshark's number of the first record."""


class Reader:
    """Walks a source, which may be what follows ``offset`` bytes of a file that has this ``layout`` there."""

    def __init__(self, source: Source, layout: Layout | None = None, offset: int = 0) -> None:
        self.source = source
        if layout is None and not source.peeked and source.broken is not None:
            raise CaptureError(f"{source.path}: {source.broken}; copy or record it again")
        self.layout: Layout = layout or recognise(source.peeked, source.path)
        self.damaged = 0
        self.frames_before = 0
        """Frames of the files that this one goes on."""
        self._began = self.layout.same()
        self._ended: tuple[str, int] | None = None
        self._offset = offset
        """Offset in the (decompressed) file of what the next buffer starts with."""

    @property
    def cut(self) -> str | None:
        """Where and why reading ended early, after the last batch; None where it did not."""
        if self._ended is None:
            return None
        why, offset = self._ended
        frame = self.layout.walk[col.WALK_FRAME]
        where = f"after frame {frame}" if frame else "before the first frame"
        return f"reading ended {where}, at byte {offset}: {why}"

    def take(self, right: Reader) -> bool:
        """Go on where ``right``, which read what comes next, stands; False when it did not begin as this one ended."""
        mine, other = self.layout.walk, right.layout.walk
        if self._ended is not None or not self.layout.agrees(right._began):
            return False
        if other[col.WALK_FRAME] > other[col.WALK_FOREIGN]:
            step = mine[col.WALK_LAST] - other[col.WALK_FIRST]
            if step > 0:
                mine[col.WALK_STEPS] += 1
                mine[col.WALK_LARGEST_STEP] = max(mine[col.WALK_LARGEST_STEP], step)
            mine[col.WALK_LAST] = other[col.WALK_LAST]
        if not mine[col.WALK_FRAME]:
            mine[col.WALK_FIRST] = other[col.WALK_FIRST]
        for word in (col.WALK_FRAME, col.WALK_TRUNCATED, col.WALK_STEPS, col.WALK_COMMENTS, col.WALK_FOREIGN):
            mine[word] += other[word]
        mine[col.WALK_LARGEST_STEP] = max(mine[col.WALK_LARGEST_STEP], other[col.WALK_LARGEST_STEP])
        self.layout.interfaces = right.layout.interfaces
        self.layout.table = right.layout.table
        self.layout.section = right.layout.section
        for word in (col.WALK_SWAPPED, col.WALK_INTERFACES):
            mine[word] = other[word]
        self.damaged += right.damaged
        self._ended = right._ended
        return True

    def batches(self) -> Iterator[Batch]:
        """Yield every batch of at most ``BATCH`` records."""
        walk = self.layout.walk
        records = array("q", bytes(8 * col.REC_STRIDE * col.BATCH))
        rest = b""
        skip = self.layout.header
        while True:
            turn, buffer = self.source.buffer()
            view = memoryview(buffer)
            start = ROOM - len(rest)
            view[start:ROOM] = rest
            count = self.source.read_block(turn, view[ROOM : ROOM + BLOCK])
            end = ROOM + count
            last = count == 0
            if skip >= end - start:
                skip -= end - start
                self._offset += end - start
                rest = b""
                if last:
                    if skip:
                        self._end(f"a block claims {skip} bytes more than there are", self._offset)
                    elif self.source.broken is not None:
                        self._end(self.source.broken, self._offset)
                    return
                continue
            walk[col.WALK_POS] = start + skip
            base = self._offset - start
            skip = 0
            while True:
                before = walk[col.WALK_FRAME]
                if self.layout.name == "pcap":
                    found = walk_pcap(buffer, end, walk, records, col.BATCH)
                else:
                    found = walk_pcapng(buffer, end, walk, records, col.BATCH, self.layout.table)
                if found:
                    yield Batch(buffer, records, found, self.frames_before + before + 1)
                stop = walk[col.WALK_STOP]
                if stop == col.STOP_FULL:
                    continue
                pos = walk[col.WALK_POS]
                if stop == col.STOP_DAMAGED:
                    self.damaged += 1
                    self._end(_damage(walk[col.WALK_NEED]), base + pos)
                    return
                if stop == col.STOP_BLOCK:
                    taken = read_block(self.layout, view[pos:end])
                    if isinstance(taken, str):
                        if base + pos == 0:
                            raise CaptureError(
                                f"{self.source.path}: this is no pcapng file that can be read ({taken}); "
                                "copy or record it again"
                            )
                        self.damaged += 1
                        self._end(taken, base + pos)
                        return
                    if pos + taken <= end:
                        walk[col.WALK_POS] = pos + taken
                        continue
                    if taken > ROOM:
                        skip = taken - (end - pos)
                        pos = end
                break
            rest = bytes(view[pos:end])
            self._offset = base + pos
            if last:
                if rest:
                    self._end(f"the last record is cut after {len(rest)} bytes", self._offset)
                elif skip:
                    self._end(f"a block claims {skip} bytes more than there are", self._offset)
                elif self.source.broken is not None:
                    self._end(self.source.broken, self._offset)
                return

    def _end(self, why: str, offset: int) -> None:
        if self.source.broken is not None and not why.startswith("the gzip"):
            why = f"{self.source.broken}; {why}" if "record is cut" in why else self.source.broken
        self._ended = why, offset


def _damage(need: int) -> str:
    if need < 0:
        return "a packet names an interface that the file does not describe"
    return f"a record claims a length of {need} bytes"
