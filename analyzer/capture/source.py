"""Where the bytes of a capture come from: a file or a pipe, compressed or not, hashed on the way.

Reading is by ``readinto`` into a few large buffers that take turns. Mapping the file instead was measured to be
slower (each record's length would be a cache miss) and counts the whole file as memory.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Any, BinaryIO

from analyzer.errors import CaptureError

__all__ = ["BLOCK", "ROOM", "Source", "Stretch", "open_file"]

BLOCK = 2 << 20
"""Bytes read at a time."""
ROOM = 384 * 1024
"""Bytes kept free before each block for the record that the block before it cut; larger than any record."""
_BUFFERS = 4
_STEP = 1 << 18
_SMALL = 1 << 12

Progress = Callable[[int, int | None], None]


class _Hash:
    """SHA-256 in a thread of its own: hashlib lets go of the interpreter lock for large blocks."""

    def __init__(self) -> None:
        import hashlib

        self._hash = hashlib.sha256()
        self._thread: Any = None
        self._queue: Any = None

    def add(self, data: memoryview | bytes, release: Callable[[], None]) -> None:
        """Hash ``data``; ``release`` is called once it may be overwritten."""
        if self._thread is None and len(data) < BLOCK:
            self._hash.update(data)
            release()
            return
        if self._thread is None:
            import queue
            import threading

            self._queue = queue.Queue(_BUFFERS)
            self._thread = threading.Thread(target=self._run, name="sha256", daemon=True)
            self._thread.start()
        self._queue.put((data, release))

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            data, release = item
            self._hash.update(data)
            release()

    def finish(self) -> str:
        """Return the digest in hexadecimal."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        return self._hash.hexdigest()


class _Gzip:
    """Inflates gzip members one after the other; ``read`` never gives more than asked, whatever the data claims."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        import zlib

        self._zlib = zlib
        self._read = read
        self._member: Any = None
        self._data = b""
        self.broken: str | None = None

    def read(self, count: int) -> bytes:
        while self.broken is None:
            if self._member is None:
                self._data = (self._data or self._read(_STEP)).lstrip(b"\0")
                if not self._data.startswith(b"\x1f"):
                    return b""
                self._member = self._zlib.decompressobj(wbits=31)
            before = self._member.copy()
            try:
                plain: bytes = self._member.decompress(self._data, count)
            except self._zlib.error as error:
                self.broken = f"the gzip data is damaged ({error})"
                return self._salvage(before, count)
            self._data = self._member.unconsumed_tail
            if self._member.eof:
                self._data = self._member.unused_data
                self._member = None
            elif not plain and not self._data:
                self._data = self._read(_STEP)
                if not self._data:
                    self.broken = "the gzip data ends early"
            if plain:
                return plain
        return b""

    def _salvage(self, member: Any, count: int) -> bytes:
        """Inflate byte by byte up to the damage, since zlib keeps back what it made of the piece that holds it."""
        plain = b""
        for at in range(len(self._data)):
            try:
                plain += member.decompress(self._data[at : at + 1], count - len(plain))
            except self._zlib.error:
                break
            if len(plain) == count:
                break
        return plain


class _Zstd:
    """Decompresses Zstandard frames with Python's own module (3.14) or the ``zstandard`` package."""

    def __init__(self, read: Callable[[int], bytes], path: str, head: bytes) -> None:
        self.broken: str | None = None
        self._due = 0
        self._stream: Any
        try:
            from compression import zstd  # type: ignore[import-not-found, unused-ignore]

            self._stream = zstd.ZstdFile(_Readable(read))
        except ImportError:
            try:
                import zstandard
            except ImportError:
                raise CaptureError(
                    f"{path}: this is compressed with zstd, which needs Python 3.14 or: pip install zstandard; "
                    "or unpack it first: zstd -dk"
                ) from None
            # Unlike Python's own, this reader does not say where a frame ends early; its size, where told, does.
            with contextlib.suppress(zstandard.ZstdError):
                self._due = zstandard.frame_content_size(head)
            tap: Any = _Readable(read)
            self._stream = zstandard.ZstdDecompressor().stream_reader(tap, read_across_frames=True)

    def read(self, count: int) -> bytes:
        if self.broken is not None:
            return b""
        try:
            # What is read together with damage is lost, so little is read at a time.
            data: bytes = self._stream.read(min(count, _SMALL))
        except Exception as error:  # the two libraries share no base class
            self.broken = f"the zstd data is damaged or ends early ({error})"
            return b""
        self._due -= len(data)
        if not data and self._due > 0:
            self.broken = "the zstd data ends early"
        return data


class _Readable:
    """The least that a decompressor asks of a file."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read

    def read(self, count: int = -1) -> bytes:
        return self._read(count if count > 0 else _STEP)


class Stretch:
    """The bytes of a file from ``start`` to ``stop``, as a stream. Raises OSError as ``open`` does."""

    def __init__(self, path: str, start: int, stop: int) -> None:
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed below
        self._file.seek(start)
        self._left = stop - start

    def read(self, count: int) -> bytes:
        """Return at most ``count`` bytes, none at the end."""
        data = self._file.read(min(count, self._left)) or b""
        self._left -= len(data)
        return data

    def readinto(self, target: memoryview) -> int:
        """Fill the start of ``target``; return how many bytes that took."""
        count = self._file.readinto(target[: self._left]) or 0
        self._left -= count
        return count

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class Source:
    """A capture's bytes, block by block. ``container`` is empty, ``+gzip`` or ``+zstd``."""

    def __init__(
        self,
        stream: BinaryIO | Stretch,
        path: str,
        *,
        size: int | None = None,
        hash_file: bool = True,
        progress: Progress | None = None,
        plain: bool = False,
    ) -> None:
        """``plain`` says that the bytes are no container, whatever they look like."""
        self.path = path
        self.container = ""
        self._stream = stream
        self._size = size
        self._progress = progress
        self._done = 0
        self._hash = _Hash() if hash_file else None
        self._buffers: list[bytearray] = []
        self._busy: list[bool] = []
        self._plain: _Gzip | _Zstd | None = None
        self._head = self._read_head(64)
        if plain:
            pass
        elif self._head[:2] == b"\x1f\x8b":
            self.container = "+gzip"
            self._plain = _Gzip(self._raw)
        elif self._head[:4] == b"\x28\xb5\x2f\xfd" or (
            self._head[1:4] == b"\x2a\x4d\x18" and self._head[0] >> 4 == 5  # a skippable frame, as pzstd begins with
        ):
            self.container = "+zstd"
            self._plain = _Zstd(self._raw, path, self._head)
        if self._plain is not None:
            self._peeked = self._fill(64)
        else:
            self._peeked = self._head

    @property
    def broken(self) -> str | None:
        """Why decompression ended early; None where it did not."""
        return self._plain.broken if self._plain is not None else None

    @property
    def peeked(self) -> bytes:
        """The first bytes of the capture, at most 64."""
        return self._peeked

    def _read_head(self, count: int) -> bytes:
        head = b""
        while len(head) < count and (part := self._stream.read(count - len(head))):
            head += part
        return head

    def _fill(self, count: int) -> bytes:
        assert self._plain is not None
        filled = b""
        while len(filled) < count and (part := self._plain.read(count - len(filled))):
            filled += part
        return filled

    def _raw(self, count: int) -> bytes:
        """Give the decompressor its input, the peeked bytes first."""
        data, self._head = (self._head, b"") if self._head else (self._stream.read(count), b"")
        if data and self._hash is not None:
            self._hash.add(data, _nothing)
        self._advance(len(data))
        return data

    def _advance(self, count: int) -> None:
        self._done += count
        if self._progress is not None and count:
            self._progress(self._done, self._size)

    def buffer(self) -> tuple[int, bytearray]:
        """Return a buffer of ROOM + BLOCK bytes that nothing reads any more, with its number."""
        while True:
            for turn, busy in enumerate(self._busy):
                if not busy:
                    return turn, self._buffers[turn]
            if len(self._buffers) < _BUFFERS:
                self._buffers.append(bytearray(ROOM + BLOCK))
                self._busy.append(False)
                continue
            import time

            time.sleep(0.0002)

    def read_block(self, turn: int, target: memoryview) -> int:
        """Fill ``target``, which lies in buffer ``turn``, as far as the data goes; return the bytes read."""
        filled = 0
        if self._plain is not None:
            while filled < len(target):
                part = self._peeked or self._plain.read(len(target) - filled)
                self._peeked = b""
                if not part:
                    break
                target[filled : filled + len(part)] = part
                filled += len(part)
            return filled
        if self._peeked:
            filled = len(self._peeked)
            target[:filled] = self._peeked
            self._peeked = self._head = b""
        readinto = getattr(self._stream, "readinto", None)
        while filled < len(target):
            if readinto is not None:
                count = readinto(target[filled:]) or 0
            else:
                part = self._stream.read(len(target) - filled)
                count = len(part)
                target[filled : filled + count] = part
            if not count:
                break
            filled += count
        if filled and self._hash is not None:
            self._busy[turn] = True
            self._hash.add(target[:filled], lambda: self._busy.__setitem__(turn, False))
        self._advance(filled)
        return filled

    def finish(self) -> str:
        """Hash what was not read (after damage, or trailing bytes); return the SHA-256, empty when not asked for."""
        if self._hash is None:
            return ""
        if self._head:
            self._hash.add(self._head, _nothing)
            self._head = b""
        while rest := self._stream.read(_STEP):
            self._hash.add(rest, _nothing)
        return self._hash.finish()

    def close(self) -> None:
        """Let go of the file."""
        self._stream.close()


def _nothing() -> None:
    """Nobody waits for these bytes."""


def open_file(path: str) -> tuple[BinaryIO, int | None]:
    """Open ``path`` for reading without a second buffer; return it with its size where that is known.

    Raises CaptureError when there is no such file, or it is a folder, or it may not be read.
    """
    try:
        stream = open(path, "rb", buffering=0)  # noqa: SIM115 - closed by Source
    except FileNotFoundError:
        raise CaptureError(f"{path}: no such file; check the name and the folder") from None
    except IsADirectoryError:
        raise CaptureError(f"{path}: this is a folder; name a capture file in it") from None
    except PermissionError:
        if os.path.isdir(path):
            raise CaptureError(f"{path}: this is a folder; name a capture file in it") from None
        raise CaptureError(f"{path}: may not be read by this user; check its permissions") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CaptureError(f"{path}: cannot be opened ({reason}); check the name") from None
    size = os.fstat(stream.fileno()).st_size
    return stream, size or None
