"""Follows a log as it grows, through rotation by renaming and by truncation, and keeps its last lines for context.

The file is opened for each look and closed again: on Windows an open file could not be renamed by whoever rotates it.
"""

from __future__ import annotations

import codecs
import contextlib
import os
from collections import deque
from pathlib import Path

from analyzer.errors import LogError
from analyzer.values import dataclass

__all__ = ["FollowedLog", "Line"]

_CONTEXT_LINES = 400
_CONTEXT_BYTES = 256 << 10
_STEP = 4 << 20
"""Read at most in one look; the rest follows with the next."""
_COUNTED = 256 << 20
"""A larger file's lines are not counted at the start; numbers then count from there."""
_LONGEST = 1 << 20
"""A line is cut here: what has no end is no line."""
_HEAD = 64
_WIDE = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log."""

    number: int
    """In its file, from 1."""
    data: bytes
    """Without its line end; UTF-8 where the file is UTF-16, else as it stands."""


class FollowedLog:
    """A log that grows. Raises LogError when there is no such file, or it may not be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rotations = 0
        self.trouble: str | None = None
        """Why it cannot be read at the moment; None while all is well."""
        self._recent: deque[Line] = deque()
        self._recent_bytes = 0
        self._partial = b""
        self._number = 0
        try:
            with path.open("rb") as stream:
                self._begin(stream.read(_HEAD), path.stat())
            self._skip_to_end()
        except OSError as error:
            raise LogError(f"{path}: it cannot be followed ({error.strerror}); check the name after --log") from None

    def poll(self) -> list[Line]:
        """Return the lines that were finished since the last look."""
        try:
            found = self._look()
            self.trouble = None
        except FileNotFoundError:
            # Between renaming the old file and making the new one there is none.
            self.trouble = f"{self.path}: it is gone for the moment"
            return []
        except OSError as error:
            self.trouble = f"{self.path}: it cannot be read at the moment ({error.strerror})"
            return []
        return found

    def context(self) -> list[Line]:
        """Return the last lines, some hundred of them."""
        return list(self._recent)

    def _begin(self, head: bytes, stat: os.stat_result) -> None:
        self._identity = stat.st_dev, stat.st_ino
        self._head = head
        self._position = 0
        self._wide = next((name for mark, name in _WIDE if head.startswith(mark)), None)

    def _skip_to_end(self) -> None:
        """Count the lines that are there already, and keep the last ones for context."""
        size = self.path.stat().st_size
        if size > _COUNTED:
            self._position = size - _CONTEXT_BYTES & ~1
        while self._read_on():
            pass

    def _look(self) -> list[Line]:
        stat = self.path.stat()
        with self.path.open("rb") as stream:
            head = stream.read(_HEAD)
        same_file = (stat.st_dev, stat.st_ino) == self._identity
        same_words = head[: len(self._head)] == self._head[: len(head)] and len(head) >= len(self._head)
        found: list[Line] = []
        if same_file and same_words and stat.st_size >= self._position:
            if len(head) > len(self._head):
                self._head = head
                self._wide = next((name for mark, name in _WIDE if head.startswith(mark)), None)
        else:
            if not same_file:
                found += self._rest_of_renamed()
            self._finish_line(found)
            self._begin(head, stat)
            self._number = 0
            self.rotations += 1
        return found + self._read_on()

    def _rest_of_renamed(self) -> list[Line]:
        """Read what the old file got before it was renamed, where it can be found beside the new one."""
        found: list[Line] = []
        with contextlib.suppress(OSError), os.scandir(self.path.parent) as beside:
            for other in beside:
                stat = other.stat()
                if (stat.st_dev, stat.st_ino) == self._identity and stat.st_size >= self._position:
                    while more := self._read_on(Path(other.path)):
                        found += more
                    break
        return found

    def _read_on(self, path: Path | None = None) -> list[Line]:
        with (path or self.path).open("rb") as stream:
            stream.seek(self._position)
            data = stream.read(_STEP)
        self._position += len(data)
        if not data:
            return []
        return self._lines(data)

    def _lines(self, data: bytes) -> list[Line]:
        data = self._partial + data
        if self._wide is not None:
            end = "\n".encode(self._wide)
            cut = len(data) & ~1
            last = data.rfind(end, 0, cut)
            while last >= 0 and last % 2:
                last = data.rfind(end, 0, last)
            whole, self._partial = (data[: last + 2], data[last + 2 :]) if last >= 0 else (b"", data)
            data = whole.decode(self._wide, "replace").removeprefix("\ufeff").encode()
        else:
            last = data.rfind(b"\n")
            data, self._partial = (data[: last + 1], data[last + 1 :]) if last >= 0 else (b"", data)
        found = [self._line(one) for one in data.split(b"\n")[:-1]]
        if len(self._partial) > _LONGEST:
            self._finish_line(found)
        return found

    def _finish_line(self, found: list[Line]) -> None:
        if self._partial:
            data, self._partial = self._partial, b""
            found.append(self._line(data.decode(self._wide, "replace").encode() if self._wide else data))

    def _line(self, data: bytes) -> Line:
        self._number += 1
        line = Line(self._number, data.rstrip(b"\r")[:_LONGEST])
        self._recent.append(line)
        self._recent_bytes += len(line.data)
        while len(self._recent) > _CONTEXT_LINES or self._recent_bytes > _CONTEXT_BYTES:
            self._recent_bytes -= len(self._recent.popleft().data)
        return line
