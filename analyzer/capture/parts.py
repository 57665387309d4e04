"""A large capture file read in parts at the same time, one thread each.

The parts meet at seams that are guessed. A part is believed only when the walk over what comes before it ended exactly
on its first byte; and where joining the parts might tell anything otherwise than reading in one go, nothing of them is
kept. So the answer is the same, or there is none.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from analyzer.capture.blocks import Reader
from analyzer.capture.formats import Layout
from analyzer.capture.reading import Reading
from analyzer.capture.seams import find_seam
from analyzer.capture.source import BLOCK, Source, Stretch
from analyzer.decode import columns as col
from analyzer.flows import tally

__all__ = ["parts_of", "read_in_parts"]

Progress = Callable[[int, int | None], None]

_SMALLEST = 16 << 20
"""Bytes of a part; what is smaller is read before threads have met."""
_MOST = 4
"""Parts: each one takes as much memory as the flows that it sees."""
_LENGTH = 192
"""Bytes of a packet: of smaller ones a file holds so many flows that two digests at once are too much memory."""


class _StoppedError(Exception):
    """Nobody waits for the part any more."""


class _Part:
    """One part of a file, and what is known of it."""

    def __init__(self, path: str, start: int, stop: int, layout: Layout | None, told: Callable[[int], None]) -> None:
        self.failed = False
        self._stream = Stretch(path, start, stop)
        source = Source(self._stream, path, hash_file=False, progress=lambda done, _: told(done), plain=True)
        self.reading = Reading(Reader(source, layout, start), first=layout is None)

    def read(self) -> None:
        try:
            self.reading.run()
        finally:
            self._stream.close()

    def start(self) -> threading.Thread:
        thread = threading.Thread(target=self._run, name="part", daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        try:
            self.read()
        except Exception:  # noqa: BLE001 - who then reads the file in one go meets it again, and tells it
            self.failed = True


def parts_of(size: int) -> int:
    """Return in how many parts to read a file of ``size`` bytes. Interpreted, threads would wait for each other."""
    if not str(tally.__file__).endswith((".so", ".pyd")):
        return 1
    # What this process may use, where the system tells; os.process_cpu_count comes with Python 3.13.
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, _MOST, size // _SMALLEST))


def read_in_parts(path: str, size: int, number: int, progress: Progress | None = None) -> Reading | None:
    """Read the capture file ``path`` of ``size`` bytes in ``number`` parts; None when it must be read in one go.

    ``progress`` is told as by ``read_capture``, from this thread. Raises as ``Reader`` does.
    """
    layout = _layout(path) if number > 1 else None
    if layout is None:
        return None
    edges = [0, *_seams(path, size, number, layout), size]
    if len(edges) < 3:
        return None
    return _join(path, edges, layout, progress)


def _layout(path: str) -> Layout | None:
    """Return how to read on once the first packet has come; None for what is compressed, empty or of small packets."""
    with Path(path).open("rb", buffering=0) as stream:
        source = Source(io.BytesIO(stream.read(BLOCK)), path, hash_file=False)
    if source.container:
        return None
    reader = Reader(source)
    batch = next(reader.batches(), None)
    if batch is None:
        return None
    lengths = batch.records[col.REC_CAP : batch.count * col.REC_STRIDE : col.REC_STRIDE]
    return reader.layout.same() if sum(lengths) >= _LENGTH * batch.count else None


def _seams(path: str, size: int, number: int, layout: Layout) -> list[int]:
    found = []
    with Path(path).open("rb", buffering=0) as stream:
        for part in range(1, number):
            # Blocks of pcapng begin at multiples of four.
            start = size * part // number & ~3
            stream.seek(start)
            offset = find_seam(stream.read(BLOCK), layout)
            if offset is not None:
                found.append(start + offset)
    return found


def _join(path: str, edges: list[int], layout: Layout, progress: Progress | None) -> Reading | None:
    done = [0] * (len(edges) - 1)
    stopped = threading.Event()

    def note(number: int) -> Callable[[int], None]:
        def told(count: int) -> None:
            done[number] = count
            if stopped.is_set():
                raise _StoppedError
            if number == 0 and progress is not None:
                progress(sum(done), edges[-1])

        return told

    first, *others = (
        _Part(path, start, stop, layout.same() if start else None, note(number))
        for number, (start, stop) in enumerate(pairwise(edges))
    )
    running = [(part, part.start()) for part in others]
    try:
        first.read()
        while running and first.reading.reader.cut is None:
            part, thread = running.pop(0)
            thread.join()
            if part.failed or not first.reading.take(part.reading):
                return None
        if running:
            return None
    finally:
        stopped.set()
        for _, thread in running:
            thread.join()
    if progress is not None:
        progress(edges[-1], edges[-1])
    return first.reading
