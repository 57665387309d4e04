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
    """Walks a source. After the last batch ``cut`` tells where and why reading ended early, or None."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.layout: Layout = recognise(source.peeked, source.path)
        self.cut: str | None = None
        self.damaged = 0
        self._offset = 0
        """Offset in the (decompressed) file of what the next buffer starts with."""

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
                        self._end(f"a block claims {skip} bytes more than there are", 0)
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
                    yield Batch(buffer, records, found, before + 1)
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
        frame = self.layout.walk[col.WALK_FRAME]
        where = f"after frame {frame}" if frame else "before the first frame"
        self.cut = f"reading ended {where}, at byte {offset}: {why}"


def _damage(need: int) -> str:
    if need < 0:
        return "a packet names an interface that the file does not describe"
    return f"a record claims a length of {need} bytes"
