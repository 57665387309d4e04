"""Keeps packets coming for weeks: reads ahead, starts the capture program again, and reads its counters on the way.

dumpcap tells what the kernel dropped only when it ends. So a second one takes over every few minutes: both capture for
a moment, the first one ends and counts, and what both saw is taken once (`analyzer.live.intake`).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from analyzer.capture.live import Tap
from analyzer.errors import CaptureError
from analyzer.values import dataclass, field

__all__ = ["Delivery", "Feed", "Line"]

_READ = 1 << 20
_START_S = 30.0
_PAUSES_S = (0.5, 1.0, 2.0, 5.0)
"""Between attempts to start a program that ended; the last one for ever."""
_OVERLAP_S = 1.0
"""How long two programs capture together. What the first one's kernel buffer holds is lost when it ends: with libpcap
on Linux that is up to a quarter of a second, and the second one must have seen it."""
_SUSPICION_S = 30.0
"""The least time between two takeovers that a full queue calls for."""


class _Pump(threading.Thread):
    """Reads a tap into a queue of at most ``bound`` bytes; a full queue leaves the packets to the kernel's buffer."""

    def __init__(self, tap: Tap, bound: int) -> None:
        super().__init__(name="capture-read", daemon=True)
        self._tap, self._bound = tap, bound
        self._queue: deque[bytes] = deque()
        self._size = 0
        self._changed = threading.Condition()
        self._over = False
        self.spoke: float | None = None
        """When the first byte came."""
        self.stalled = False
        """The queue has been full since this was last reset."""
        self.error: str | None = None

    def run(self) -> None:
        """Read until the end."""
        try:
            while data := self._tap.read():
                with self._changed:
                    while self._size >= self._bound:
                        self.stalled = True
                        self._changed.wait()
                    self.spoke = self.spoke or time.monotonic()
                    self._queue.append(data)
                    self._size += len(data)
                    self._changed.notify_all()
        except OSError as error:
            self.error = error.strerror
        finally:
            with self._changed:
                self._over = True
                self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """Bytes in the queue."""
        return self._size

    def take(self, timeout: float) -> bytes | None:
        """Return what is there, at most about a megabyte; None after ``timeout`` seconds, empty at the end."""
        with self._changed:
            if not self._queue and not self._over:
                self._changed.wait(timeout)
            if not self._queue:
                return b"" if self._over else None
            parts, size = [], 0
            while self._queue and size < _READ:
                parts.append(self._queue.popleft())
                size += len(parts[-1])
            self._size -= size
            self._changed.notify_all()
        return parts[0] if len(parts) == 1 else b"".join(parts)


@dataclass(slots=True, eq=False)
class Line:
    """One program's capture from its start to its end."""

    tap: Tap
    pump: _Pump
    started: float = field(default_factory=time.monotonic)

    @property
    def speaks(self) -> bool:
        """Whether it captures: its header has come."""
        return self.pump.spoke is not None

    @property
    def began(self) -> float:
        """When it began to capture."""
        return self.pump.spoke if self.pump.spoke is not None else self.started


@dataclass(frozen=True, slots=True)
class Delivery:
    """Bytes of a line, or its end."""

    line: Line
    data: bytes
    """Empty at the end of the line."""
    follower: Line | None = None
    """The line that has been capturing at the same time and goes on."""
    why: str | None = None
    """Why the line ended, in a sentence; None where it was meant to."""


class Feed:
    """The bytes of a capture, line after line.

    ``restart``: start the program anew when it ends by itself. ``count_every_s``: let a new one take over so often.
    """

    def __init__(
        self,
        open_tap: Callable[[], Tap],
        name: str,
        *,
        restart: bool,
        count_every_s: float | None = None,
        queue_bytes: int = 64 << 20,
    ) -> None:
        self._open_tap = open_tap
        self._name = name
        self._restart = restart
        self._count_every_s = count_every_s
        self._queue_bytes = queue_bytes
        self._current: Line | None = None
        self._next: Line | None = None
        self._told: Line | None = None
        self._stopping = False
        self._attempts = 0
        self._retry_at = 0.0
        self.trouble: str | None = None
        """Why nothing is captured at the moment; None while packets may come."""
        self.restarts = 0
        self.takeovers = 0

    @property
    def finished(self) -> bool:
        """Nothing will come any more."""
        return self._current is None and (self._stopping or not self._restart)

    @property
    def name(self) -> str:
        """What is captured, as errors name it."""
        return self._name

    @property
    def waiting(self) -> int:
        """Bytes that were read ahead and are not taken yet."""
        return self._current.pump.waiting if self._current is not None else 0

    def start(self, *, wait: bool = True) -> None:
        """Start capturing. Raises CaptureError, with the reason, when the program ends before it captures."""
        self._current = self._open()
        deadline = time.monotonic() + _START_S
        while wait and not self._current.speaks:
            if not self._current.pump.is_alive() and not self._current.speaks:
                why = self._current.tap.ended()
                raise CaptureError(why or f"{self._name}: the capture ended before it began")
            if time.monotonic() > deadline:
                self._current.tap.kill()
                raise CaptureError(f"{self._name}: the capture program does not begin; try the other one with --with")
            time.sleep(0.01)

    def poll(self, timeout: float) -> Delivery | None:
        """Return what came, waiting up to ``timeout`` seconds; None when nothing did."""
        line = self._current
        if line is None:
            if self.finished or not self._revive():
                time.sleep(timeout)
            return None
        self._take_over(line)
        data = line.pump.take(timeout)
        if data is None:
            return None
        if data:
            return Delivery(line, data, self._next)
        why = line.tap.ended()
        if line.pump.error and why is None and not self._stopping:
            why = f"{self._name}: reading failed ({line.pump.error})"
        follower = self._next if self._next is not None and self._next.speaks else None
        self._current, self._next = follower, None
        if follower is None and not self._stopping and self._restart:
            self.trouble = why or f"{self._name}: the capture ended"
            self._retry_at = time.monotonic() + _PAUSES_S[0]
        elif follower is not None:
            self.takeovers += 1
        return Delivery(line, b"", follower, why)

    def stop(self) -> None:
        """Ask for the end; what is still held comes through `poll` until ``finished``."""
        self._stopping = True
        if self._next is not None:
            self._next.tap.kill()
            self._next = None
        if self._current is not None:
            self._current.tap.stop()

    def kill(self) -> None:
        """End everything at once."""
        self._stopping = True
        for line in (self._current, self._next):
            if line is not None:
                line.tap.kill()

    def _open(self) -> Line:
        tap = self._open_tap()
        pump = _Pump(tap, self._queue_bytes)
        pump.start()
        return Line(tap, pump)

    def _take_over(self, line: Line) -> None:
        if self._stopping or self._count_every_s is None:
            return
        now = time.monotonic()
        if self._next is None:
            age = now - line.started
            due = age >= self._count_every_s or (line.pump.stalled and age >= _SUSPICION_S and not line.pump.waiting)
            if due:
                line.pump.stalled = False
                try:
                    self._next = self._open()
                except CaptureError:
                    line.started = now
        elif self._next.speaks:
            if now - self._next.began >= _OVERLAP_S and self._told is not self._next:
                self._told = self._next
                line.tap.stop()
        elif not self._next.pump.is_alive() or now - self._next.started > _START_S:
            # It cannot start at the moment; the one that runs goes on and is asked again later.
            self._next.tap.kill()
            self._next = None
            line.started = now

    def _revive(self) -> bool:
        """Start the program again after it ended by itself; say whether it captures."""
        now = time.monotonic()
        if now < self._retry_at:
            return False
        self._attempts += 1
        self._retry_at = now + _PAUSES_S[min(self._attempts, len(_PAUSES_S) - 1)]
        try:
            line = self._open()
        except CaptureError as error:
            self.trouble = str(error)
            return False
        deadline = now + 3.0
        while time.monotonic() < deadline and not line.speaks and line.pump.is_alive():
            time.sleep(0.02)
        if not line.speaks:
            line.tap.kill()
            self.trouble = line.tap.ended() or self.trouble
            return False
        self._current = line
        self._attempts = 0
        self.restarts += 1
        self.trouble = None
        return True
