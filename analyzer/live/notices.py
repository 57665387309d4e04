"""Sends messages to people, few of them: the first of a kind at once, the rest of a storm as one that counts.

Delivery is Apprise's: mail, Teams, Slack, webhooks and some hundred others behind one kind of address. It is an extra
(``pip install 'notconn[notify]'``), loaded only when asked for.
"""

from __future__ import annotations

import logging
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from analyzer.errors import UsageError
from analyzer.values import dataclass, field

__all__ = ["Attacher", "Gate", "Messenger"]

_QUEUE = 200
_ATTACH_S = 120.0


@dataclass(slots=True)
class _Storm:
    since: float
    held: int = 0
    last: str = ""


@dataclass(slots=True)
class Gate:
    """Lets the first event of a key through, counts the others, and tells the count when ``every_s`` has passed."""

    every_s: float
    most_per_hour: int = 30
    """Messages of all keys together; what is above is held and counted with its key."""
    monotonic: Callable[[], float] = time.monotonic
    suppressed: int = 0
    _storms: dict[str, _Storm] = field(default_factory=dict)
    _sent: list[float] = field(default_factory=list)

    def admit(self, key: str, text: str) -> bool:
        """Tell whether a message of this key may go out now; remember it otherwise."""
        now = self.monotonic()
        storm = self._storms.get(key)
        if storm is None and self._room(now):
            self._storms[key] = _Storm(now)
            self._sent.append(now)
            return True
        storm = self._storms.setdefault(key, _Storm(now))
        storm.held += 1
        storm.last = text
        self.suppressed += 1
        return False

    def due(self) -> list[tuple[str, int, str]]:
        """Return the keys whose time is over with what was held since: how many, and the last one's text."""
        now = self.monotonic()
        found: list[tuple[str, int, str]] = []
        for key, storm in list(self._storms.items()):
            if now - storm.since < self.every_s:
                continue
            if not storm.held:
                del self._storms[key]
            elif self._room(now):
                found.append((key, storm.held, storm.last))
                self._storms[key] = _Storm(now)
                self._sent.append(now)
        return found

    def _room(self, now: float) -> bool:
        self._sent = [sent for sent in self._sent if now - sent < 3600]
        return len(self._sent) < self.most_per_hour


class _Worker(threading.Thread):
    """Does slow things in order, away from the packets; what is too much is dropped and counted."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._queue: queue.Queue[Callable[[], None] | None] = queue.Queue(_QUEUE)
        self.failures = 0
        self.trouble: str | None = None
        self.start()

    def run(self) -> None:
        while (job := self._queue.get()) is not None:
            try:
                job()
                self.trouble = None
            except Exception as error:  # noqa: BLE001 - services fail in every way; the watch goes on
                self.failures += 1
                self.trouble = f"{type(error).__name__}: {error}"

    def put(self, job: Callable[[], None]) -> None:
        try:
            self._queue.put_nowait(job)
        except queue.Full:
            self.failures += 1

    def finish(self, seconds: float) -> None:
        """Wait for what is waiting, but not for ever."""
        try:
            self._queue.put(None, timeout=seconds)
        except queue.Full:
            return
        self.join(seconds)


class Messenger(_Worker):
    """Sends to Apprise addresses. Raises UsageError when Apprise is not installed or does not know an address."""

    def __init__(self, addresses: Sequence[str]) -> None:
        try:
            from apprise import Apprise
        except ImportError:
            raise UsageError("--notify needs the package apprise: pip install 'notconn[notify]'") from None
        # What fails is said by the watch; a library's own lines would fall into the terminal's view.
        logging.getLogger("apprise").addHandler(logging.NullHandler())
        logging.getLogger("apprise").propagate = False
        self._apprise = Apprise()
        for address in addresses:
            if not self._apprise.add(address):
                # The address holds a password as often as not: only its kind is shown.
                raise UsageError(
                    f"--notify {address.partition(':')[0]}:...: no such kind of address; "
                    "write one as Apprise knows it, such as mailto://user:password@example.com or json://host/path"
                )
        super().__init__("notify")

    def send(self, title: str, text: str) -> None:
        """Send in the background."""

        def job() -> None:
            if not self._apprise.notify(body=text, title=title):
                raise RuntimeError("a message was not accepted; see the service's own log")

        self.put(job)


class Attacher(_Worker):
    """Gives each report to ``notconn attach``."""

    def __init__(self, target: str) -> None:
        self._target = target
        super().__init__("attach")

    def send(self, report: Path) -> None:
        """Attach in the background."""

        def job() -> None:
            command = [sys.executable, "-m", "analyzer.cli.main", "attach", str(report), "--to", self._target]
            done = subprocess.run(  # noqa: S603 - our own program with arguments as a list
                command, capture_output=True, timeout=_ATTACH_S, check=False, stdin=subprocess.DEVNULL
            )
            if done.returncode:
                raise RuntimeError(done.stderr.decode("utf-8", "replace").strip().removeprefix("notconn: "))

        self.put(job)
