"""The last hours of a capture on disk: numbered files in a folder, the oldest given up first.

Files hold what came through the capture, record by record as it stood, so each is a capture that Wireshark opens.
Whole records reach the operating system with every `Ring.flush`: a killed program loses nothing older than that, and
a lost machine nothing older than the last `_SYNC_S`. A record that a crash cut is taken off when the ring is opened
again, and the ring goes on behind it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import IO

from analyzer.capture.stream import Stream
from analyzer.decode import columns as col
from analyzer.errors import CaptureError, OutputError
from analyzer.units import NS
from analyzer.values import dataclass

__all__ = ["Ring", "RingFile"]

_PARTS = 16
"""Files that a full ring has about: what is given up at once is that part of it."""
_LEAST, _MOST = 256 << 10, 64 << 20
_SYNC_S = 5.0
_RETRY_S = 10.0
_BLOCK = 1 << 20
_NAME = re.compile(r"ring-(\d{8,})\.(pcapng|pcap)")
_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(slots=True)
class RingFile:
    """One file of the ring."""

    path: Path
    size: int
    first_ns: int | None = None
    """Of its first packet; None while it holds none."""
    last_ns: int | None = None
    """Of its latest packet."""

    def touches(self, start_ns: int, end_ns: int) -> bool:
        """Tell whether it may hold a packet of that time, give or take a second of disorder."""
        if self.first_ns is None or self.last_ns is None:
            return False
        return self.first_ns - NS <= end_ns and self.last_ns + NS >= start_ns


class Ring:
    """A folder of files that stays below ``size`` bytes and ``age_ns`` of packet time.

    Raises OutputError when the folder cannot be written or another program uses it.
    """

    def __init__(self, folder: Path, *, size: int, age_ns: int | None = None) -> None:
        self.folder = folder
        self.size = size
        self.age_ns = age_ns
        self.trouble: str | None = None
        """Why nothing is kept at the moment; None while all is well."""
        self.lost = 0
        """Packets that were not kept because of such trouble."""
        self.given_up = 0
        """Files removed to stay within the bounds."""
        self.repaired: list[str] = []
        """What was mended when the ring was opened, in sentences."""
        self._part = max(_LEAST, min(_MOST, size // _PARTS))
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._waiting = 0
        """Packets in the buffer."""
        self._stream: IO[bytes] | None = None
        self._preamble = b""
        self._suffix = "pcapng"
        self._retry_at = 0.0
        self._synced_at = time.monotonic()
        self._last_ns: int | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(folder)
            try:
                self._files = self._open_old()
                self._probe()
            except OSError:
                self._lock.close()
                raise
        except OSError as error:
            raise OutputError(
                f"{folder}: the ring of packets cannot be kept here ({error.strerror}); choose another place with -o"
            ) from error

    def files(self, start_ns: int = -(1 << 62), end_ns: int = 1 << 62) -> Sequence[RingFile]:
        """Return the files that may hold packets of a time, oldest first. Flush before reading them."""
        return [file for file in self._files if file.touches(start_ns, end_ns)]

    @property
    def used(self) -> int:
        """Bytes on disk."""
        return sum(file.size for file in self._files)

    @property
    def first_ns(self) -> int | None:
        """Time of the oldest packet that is still there."""
        return next((file.first_ns for file in self._files if file.first_ns is not None), None)

    def begin(self, preamble: bytes) -> None:
        """Start a stream whose files must begin with ``preamble``, as `analyzer.capture.stream` gives it."""
        self.flush()
        if preamble == self._preamble and self._stream is not None:
            return
        self._close_file()
        self._preamble = preamble
        self._suffix = "pcapng" if preamble[:4] == b"\x0a\x0d\x0d\x0a" else "pcap"

    def append(self, raw: bytes | memoryview, packets: int, first_ns: int | None, last_ns: int | None) -> None:
        """Take whole records; they are on disk after the next `flush`."""
        self._buffer.append(bytes(raw))
        self._buffered += len(raw)
        self._waiting += packets
        if first_ns is not None and last_ns is not None:
            self._last_ns = last_ns
            file = self._current()
            if file is not None:
                file.first_ns = first_ns if file.first_ns is None else min(file.first_ns, first_ns)
                file.last_ns = last_ns if file.last_ns is None else max(file.last_ns, last_ns)
        if self._buffered >= _BLOCK:
            self.flush()

    def flush(self) -> None:
        """Hand what was appended to the operating system. Never raises for a full disk: see ``trouble``."""
        if self._buffer:
            data, packets = b"".join(self._buffer), self._waiting
            self._buffer.clear()
            self._buffered = self._waiting = 0
            if self._write(data):
                self._bound()
            else:
                self.lost += packets
        now = time.monotonic()
        if self._stream is not None and now - self._synced_at >= _SYNC_S:
            self._synced_at = now
            with contextlib.suppress(OSError):
                os.fsync(self._stream.fileno())

    def close(self) -> None:
        """Flush, sync and let go of the folder."""
        self.flush()
        self._close_file()
        self._lock.close()

    def _probe(self) -> None:
        """Find out now, not in an hour, that nothing can be written here."""
        probe = self.folder / "probe.new"
        try:
            probe.write_bytes(bytes(min(_LEAST, self.size)))
        finally:
            probe.unlink(missing_ok=True)

    def _current(self) -> RingFile | None:
        if self._stream is None and not self._open_file():
            return None
        return self._files[-1]

    def _open_file(self) -> bool:
        """Start the next file; on a full disk try again later, without the oldest ones."""
        if time.monotonic() < self._retry_at:
            return False
        number = int(_NAME.fullmatch(self._files[-1].path.name)[1]) + 1 if self._files else 1  # type: ignore[index]
        path = self.folder / f"ring-{number:08d}.{self._suffix}"
        # Under another name until its header is whole: no file of the ring is ever without one.
        unborn = path.with_suffix(".new")
        while True:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                unborn.write_bytes(self._preamble)
                unborn.replace(path)
                self._stream = path.open("ab", buffering=0)
                break
            except OSError as error:
                with contextlib.suppress(OSError):
                    unborn.unlink(missing_ok=True)
                if not self._make_room(error):
                    return False
        self._files.append(RingFile(path, len(self._preamble)))
        return True

    def _write(self, data: bytes) -> bool:
        file = self._current()
        if file is None or self._stream is None:
            return False
        while True:
            try:
                written = 0
                while written < len(data):
                    written += self._stream.write(data[written:] if written else data)
                file.size += len(data)
                self.trouble = None
                return True
            except OSError as error:
                with contextlib.suppress(OSError):
                    self._stream.truncate(file.size)
                if not self._make_room(error):
                    return False

    def _make_room(self, error: OSError) -> bool:
        """Give up the oldest file, if that may help; else remember the trouble and tell when to try again."""
        if error.errno in _SPACE and len(self._files) > 1:
            self._remove_oldest()
            return True
        self.trouble = (
            f"{self.folder}: packets cannot be kept ({error.strerror}); free some space or give a smaller --ring-size; "
            "capture and diagnosis go on without"
        )
        self._retry_at = time.monotonic() + _RETRY_S
        self._close_file()
        return False

    def _bound(self) -> None:
        file = self._files[-1]
        oldest_wanted = None if self.age_ns is None or self._last_ns is None else self._last_ns - self.age_ns
        long_enough = (
            self.age_ns is not None
            and file.first_ns is not None
            and file.last_ns is not None
            and file.last_ns - file.first_ns >= max(NS, self.age_ns // _PARTS)
        )
        if file.size >= self._part or long_enough:
            self._close_file()
        while len(self._files) > 1 and (
            self.used > self.size - (self._part if self._stream is None else 0)
            or (oldest_wanted is not None and (self._files[0].last_ns or 0) < oldest_wanted)
        ):
            self._remove_oldest()

    def _remove_oldest(self) -> None:
        with contextlib.suppress(OSError):
            self._files[0].path.unlink()
        del self._files[0]
        self.given_up += 1

    def _close_file(self) -> None:
        if self._stream is None:
            return
        with contextlib.suppress(OSError):
            os.fsync(self._stream.fileno())
        with contextlib.suppress(OSError):
            self._stream.close()
        self._stream = None
        if self._files[-1].first_ns is None:
            with contextlib.suppress(OSError):
                self._files.pop().path.unlink()

    def _open_old(self) -> list[RingFile]:
        for path in self.folder.glob("ring-*.new"):
            path.unlink()
        found = [path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)]
        found.sort(key=lambda path: int(_NAME.fullmatch(path.name)[1]))  # type: ignore[index]
        files = [file for path in found if (file := _known(path)) is not None]
        for file, following in pairwise(files):
            # Only the newest file is walked to its end: where one stops, the next one starts.
            file.last_ns = following.first_ns if file.last_ns is None else file.last_ns
        if files:
            cut = _mend(files[-1])
            if cut:
                self.repaired.append(f"{files[-1].path.name}: a record that was cut after {cut} bytes was taken off")
            if files[-1].last_ns is None:
                with contextlib.suppress(OSError):
                    files.pop().path.unlink()
        return files


def _lock(folder: Path) -> IO[bytes]:
    stream = (folder / "ring.lock").open("ab")
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        else:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        stream.close()
        raise OutputError(
            f"{folder}: another notconn keeps its ring here; end it, or choose another place with -o"
        ) from None
    return stream


def _known(path: Path) -> RingFile | None:
    """Return a file of an earlier run with the time of its first packet; remove one that has none."""
    first: int | None = None
    with path.open("rb", buffering=0) as stream:
        walk = Stream(path.name)
        with contextlib.suppress(CaptureError):
            for part in walk.feed(stream.read(_BLOCK)):
                if part.batch is not None and first is None:
                    first = part.batch.records[col.REC_TS]
    if first is None:
        with contextlib.suppress(OSError):
            path.unlink()
        return None
    return RingFile(path, path.stat().st_size, first)


def _mend(file: RingFile) -> int:
    """Walk a file to its end, take off what is no whole record, note its last time; return the bytes taken off."""
    walk = Stream(file.path.name)
    good = 0
    with file.path.open("r+b", buffering=0) as stream:
        while data := stream.read(_BLOCK):
            for part in walk.feed(data):
                good = max(good, len(walk.preamble)) + len(part.raw)
                if part.batch is not None:
                    records = part.batch.records
                    times = records[col.REC_TS : part.batch.count * col.REC_STRIDE : col.REC_STRIDE]
                    file.last_ns = max(file.last_ns or times[0], *times)
        cut = file.size - good
        if cut:
            stream.truncate(good)
            os.fsync(stream.fileno())
    file.size = good
    return cut
