"""Runs the program that is suspected: its exit and its error lines are triggers like those of a log."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from typing import IO

from analyzer.errors import UsageError
from analyzer.live.follow import Line

__all__ = ["Command"]

_CONTEXT = 400
_LONGEST = 64 << 10


class Command:
    """A running program whose output is passed on and read along. Raises UsageError when it cannot be started."""

    def __init__(self, arguments: Sequence[str], *, output: IO[str] | None = None) -> None:
        """Start it. Its output goes on to ``output``, where given, else to ours."""
        self.name = arguments[0]
        self.code: int | None = None
        """Exit code, once it has ended and its output was read."""
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._recent: deque[Line] = deque(maxlen=_CONTEXT)
        self._number = 0
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the user's own command, no shell
                list(arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(f"--exec {self.name}: it cannot be started ({reason}); give its full path") from None
        pairs = ((self._process.stdout, output or sys.stdout), (self._process.stderr, output or sys.stderr))
        self._readers = [threading.Thread(target=self._pass_on, args=pair, daemon=True) for pair in pairs]
        for reader in self._readers:
            reader.start()

    def poll(self) -> list[Line]:
        """Return the lines since the last look; ``code`` is set with the last of them."""
        ended = self._process.poll() is not None and not any(reader.is_alive() for reader in self._readers)
        found: list[Line] = []
        with contextlib.suppress(queue.Empty):
            while True:
                self._number += 1
                line = Line(self._number, self._lines.get_nowait())
                self._recent.append(line)
                found.append(line)
        self._number -= 1
        if ended:
            self.code = self._process.returncode
        return found

    def context(self) -> list[Line]:
        """Return the last lines."""
        return list(self._recent)

    def stop(self) -> None:
        """End it, first politely."""
        if self._process.poll() is not None:
            return
        with contextlib.suppress(OSError):
            self._process.terminate()
        try:
            self._process.wait(3)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _pass_on(self, source: IO[bytes] | None, target: IO[str]) -> None:
        assert source is not None
        with contextlib.suppress(OSError, ValueError), source:
            while line := source.readline(_LONGEST):
                self._lines.put(line.rstrip(b"\r\n"))
                with contextlib.suppress(OSError):
                    os.write(target.fileno(), line)
