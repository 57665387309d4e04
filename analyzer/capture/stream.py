"""A capture that is still being written: bytes as they come, batches out, and whole records to keep.

The same walk as over files (`analyzer.capture.blocks`), pushed instead of pulled. What a walk has passed is whole
records, so it may be copied as it stands into another file that starts with the same ``preamble``.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator

import analyzer.decode  # noqa: F401 - makes the hot modules importable where they are not compiled
from analyzer.capture.blocks import Batch
from analyzer.capture.formats import Layout, read_block, recognise
from analyzer.decode import columns as col
from analyzer.decode.records import walk_pcap, walk_pcapng
from analyzer.errors import CaptureError
from analyzer.values import dataclass

__all__ = ["Part", "Stream"]

_HEAD = 28
"""Bytes from which either format can be told and its first header is whole."""
_LARGEST_BLOCK = 16 << 20
"""A larger block that holds no packet is taken for damage: nobody sends one through a pipe."""

_LARGEST_PREAMBLE = 1 << 20
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18")
"""How gzip, bzip2, xz, zstd and lz4 begin."""


@dataclass(slots=True)
class Part:
    """One step of the walk: either records, or a block that is none. Valid until the next step."""

    batch: Batch | None
    raw: memoryview
    """The bytes that the step passed. Empty for blocks that belong to the preamble."""
    fresh_preamble: bool = False
    """The preamble has changed: what follows must not be appended to what came before."""


class Stream:
    """Walks bytes that arrive in any cut. ``name`` stands in errors; frames count on from ``frames``."""

    def __init__(self, name: str, *, frames: int = 0) -> None:
        self.name = name
        self.layout: Layout | None = None
        self.preamble = b""
        """What a file must start with before records of this stream: file header, or section and interface blocks."""
        self.damage: str | None = None
        """Why nothing more can be read; None while all is well."""
        self._frames = frames
        self._rest = b""
        self._records = array("q", bytes(8 * col.REC_STRIDE * col.BATCH))

    @property
    def frames(self) -> int:
        """The number of the last frame."""
        return self._frames if self.layout is None else self.layout.walk[col.WALK_FRAME]

    @property
    def pending(self) -> int:
        """Bytes that wait for the rest of their record."""
        return len(self._rest)

    def feed(self, data: bytes) -> Iterator[Part]:
        """Walk on over ``data``; exhaust the iterator before the next call.

        Raises CaptureError when the stream does not start like a capture. Damage further on ends it quietly, see
        ``damage``.
        """
        if self.damage is not None:
            return
        buffer = bytearray(self._rest + data)
        self._rest = b""
        pos = 0
        if self.layout is None:
            if len(buffer) < _HEAD:
                self._rest = bytes(buffer)
                return
            if buffer.startswith(_PACKED):
                raise CaptureError(f"{self.name}: it is compressed; unpack it on the way, such as with: zcat, zstdcat")
            self.layout = recognise(bytes(buffer[:64]), self.name)
            self.layout.walk[col.WALK_FRAME] = self._frames
            pos = self.layout.header
            if pos:
                self.preamble = bytes(buffer[:pos])
                yield Part(None, memoryview(b""), fresh_preamble=True)
        yield from self._walk(self.layout, buffer, pos)

    def _walk(self, layout: Layout, buffer: bytearray, pos: int) -> Iterator[Part]:
        walk, view, end = layout.walk, memoryview(buffer), len(buffer)
        walk[col.WALK_POS] = pos
        while True:
            frame, pos = walk[col.WALK_FRAME], walk[col.WALK_POS]
            if layout.name == "pcap":
                found = walk_pcap(buffer, end, walk, self._records, col.BATCH)
            else:
                found = walk_pcapng(buffer, end, walk, self._records, col.BATCH, layout.table)
            stop, after = walk[col.WALK_STOP], walk[col.WALK_POS]
            if found:
                yield Part(Batch(buffer, self._records, found, frame + 1), view[pos:after])
            if stop == col.STOP_FULL:
                continue
            if stop == col.STOP_DAMAGED:
                self.damage = f"{self.name}: what comes after frame {walk[col.WALK_FRAME]} is no packet record"
                return
            if stop == col.STOP_BLOCK:
                taken = read_block(layout, view[after:end])
                if isinstance(taken, str) or taken > _LARGEST_BLOCK:
                    why = taken if isinstance(taken, str) else f"a block claims {taken} bytes"
                    self.damage = f"{self.name}: after frame {walk[col.WALK_FRAME]}: {why}"
                    return
                if after + taken <= end:
                    walk[col.WALK_POS] = after + taken
                    yield self._block(layout, view[after : after + taken])
                    if len(self.preamble) > _LARGEST_PREAMBLE:
                        self.damage = f"{self.name}: it describes interface after interface and no packets"
                        return
                    continue
            self._rest = bytes(view[after:end])
            return

    def _block(self, layout: Layout, block: memoryview) -> Part:
        order = ">" if layout.walk[col.WALK_SWAPPED] else "<"
        kind = struct.unpack_from(f"{order}I", block)[0]
        if kind == 0x0A0D0D0A:
            # A copy holds other records than its original, so a length that the section claims would be wrong.
            self.preamble = bytes(block[:16]) + b"\xff" * 8 + bytes(block[24:])
        elif kind == 1:
            self.preamble += bytes(block)
        else:
            return Part(None, block)
        return Part(None, memoryview(b""), fresh_preamble=True)

    def end(self) -> None:
        """Tell that nothing more will come. Raises CaptureError when not even a header came."""
        if self.layout is None:
            raise CaptureError(f"{self.name}: it ended before a capture began; check the program that feeds it")
