"""Rotated captures: the files that one program wrote one after the other are read as the one capture they are.

A connection that idles across the cut between two files begins in the middle of the one and ends in the other; only
both together tell of its silence. Frames are numbered through all files, as in the file that `mergecap -a` makes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from analyzer.capture.blocks import Reader
from analyzer.capture.file import Capture, ReadFile, judge
from analyzer.capture.reading import Reading
from analyzer.capture.source import Source, open_file
from analyzer.decode import columns as col
from analyzer.errors import CaptureError
from analyzer.units import NS

__all__ = ["alike", "read_series"]

Progress = Callable[[str, int, int | None], None]
Failed = Callable[[str, CaptureError], None]

_NUMBERED = (
    re.compile(r"(.*)_(\d{5})_\d{14}(\..*)?"),  # dumpcap -b, Wireshark: trace_00001_20260526020311.pcapng
    re.compile(r"(.*)_\d{14}_(\d{5})(\..*)?"),  # dumpcap -b nametimenum:2: trace_20260526020311_00001.pcapng
    re.compile(r"(ring-)(\d{8})(\.pcapng)"),  # notconn live
    re.compile(r"(.*\.p?cap(?:ng)?)(\d*)()"),  # tcpdump -C: trace.pcap, trace.pcap1, trace.pcap2
)
_LAST_DIGITS = re.compile(r"\d+(?=[^/\\]*$)")
"""Digits of the file's name, not of its folders'."""
_NEAR_NS = 5 * NS
"""Files whose names tell no number go on with each other when the one begins this soon after the other's end."""
_OVERLAP_NS = NS
"""A packet of the next file may be a little older than the last one of this file: interfaces are read in turn."""


def alike(paths: Iterable[str]) -> list[list[str]]:
    """Put paths together that differ in digits only, as rotated files do; otherwise the order stays."""
    families: dict[str, list[str]] = {}
    for path in paths:
        families.setdefault(_LAST_DIGITS.sub("", path), []).append(path)
    return list(families.values())


def read_series(
    paths: Sequence[str], *, hash_files: bool, progress: Progress | None, failed: Failed
) -> Iterator[Capture]:
    """Read files with names alike in the order of their times, and join those that go on with each other.

    ``failed`` is told of a file that cannot be read; what comes after it begins a capture of its own.
    """
    files: list[ReadFile] = []
    reading: Reading | None = None
    for began, path in sorted(_dated(paths, failed), key=lambda one: (one[0] is None, one[0], _natural(one[1]))):
        stream, size = open_file(path)
        note = None if progress is None else (lambda done, total, path=path: progress(path, done, total))
        with stream:
            source = Source(stream, path, size=size, hash_file=hash_files, progress=note)
            reader = Reader(source)
            if reading is not None and not _goes_on(files[-1], path, began):
                yield from _judged(reading, files, failed)
                reading, files = None, []
            if reading is None:
                reading = Reading(reader)
                reading.run()
            else:
                reading.go_on(reader)
            files.append(ReadFile(path, reader, source.container, source.finish()))
    if reading is not None:
        yield from _judged(reading, files, failed)


def _judged(reading: Reading, files: Sequence[ReadFile], failed: Failed) -> list[Capture]:
    try:
        return [judge(reading, files)]
    except CaptureError as error:
        failed(files[0].path, error)
        return []


def _dated(paths: Sequence[str], failed: Failed) -> Iterator[tuple[int | None, str]]:
    """Yield each path with the time of its first packet, None where it holds none."""
    for path in paths:
        try:
            stream, size = open_file(path)
            with stream:
                batch = next(Reader(Source(stream, path, size=size, hash_file=False)).batches(), None)
        except CaptureError as error:
            failed(path, error)
        else:
            yield (None if batch is None else batch.records[col.REC_TS]), path


def _goes_on(file: ReadFile, path: str, began: int | None) -> bool:
    """Tell whether the capture in ``file`` goes on in the one at ``path``, whose first packet came at ``began``."""
    walk = file.reader.layout.walk
    if began is None or not walk[col.WALK_FRAME]:
        return True
    gap = began - walk[col.WALK_LAST]
    return gap >= -_OVERLAP_NS and (gap <= _NEAR_NS or _is_next(Path(file.path).name, Path(path).name))


def _is_next(name: str, following: str) -> bool:
    """Tell by the names that nothing is missing between two files."""
    for pattern in _NUMBERED:
        one, other = pattern.fullmatch(name), pattern.fullmatch(following)
        if one and other:
            return (one[1], one[3]) == (other[1], other[3]) and int(other[2] or 0) == int(one[2] or 0) + 1
    return False


def _natural(path: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", Path(path).name)]
