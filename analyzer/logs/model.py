"""What a log says about sockets: plain values, in the order of the file.

Times are integer nanoseconds since 1970. Where a log does not say its time zone, ``time_ns`` is the wall clock
read as if it were UTC and ``zone_known`` is False: whoever compares it with a capture has to find the offset.
What a log does not say is None, never a guess from elsewhere.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import le
from typing import Literal

from analyzer.endpoint import Endpoint
from analyzer.logs.codes import ErrorCode
from analyzer.values import dataclass, field

__all__ = ["NEAR_NS", "Action", "ErrorCode", "EventKind", "LogEvent", "LogFile", "SocketRow"]

EventKind = Literal["error", "prior", "lifecycle"]

Action = Literal[
    "accepted",
    "closed-by-peer",
    "closing",
    "connected",
    "connecting",
    "eof",
    "ftp",
    "gave-up",
    "idle-timeout",
    "link",
    "listening",
    "pool",
    "port-exhaustion",
    "proxy",
    "reconnecting",
    "recovered",
    "resolving",
    "tls",
    "transfer",
]

NEAR_NS = 120_000_000_000
"""How far back `LogFile.context` looks unless told otherwise."""


@dataclass(frozen=True, slots=True)
class SocketRow:
    """One line of netstat, ss, lsof or Get-NetTCPConnection."""

    local: Endpoint | None
    remote: Endpoint | None
    """None for a listener and for any row whose remote side is a wildcard."""
    state: str
    """RFC 9293 §3.3.2 names with underscores (ESTABLISHED, CLOSE_WAIT, SYN_SENT ...); BOUND and CLOSED too;
    empty for UDP; a word we do not know as it was written."""
    pid: int | None
    process: str | None
    protocol: Literal["tcp", "udp"] = "tcp"
    line: int = 0
    """1-based line of the row in its file."""


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One record of a log that concerns a socket."""

    path: str
    line: int
    """1-based number of the record's first line; the record id in an ``.evtx`` file."""
    text: str
    """The record, its lines joined by `` | ``, at most 500 characters."""
    time_ns: int | None
    zone_known: bool
    time_resolution_ns: int
    """The true time lies within ``[time_ns, time_ns + time_resolution_ns)`` of the writer's clock."""
    kind: EventKind
    """``error``: 10057 or what is equal to it elsewhere; ``prior``: any other failure of a connection;
    ``lifecycle``: what the program did, told in ``action``."""
    code: int | None = None
    """The Winsock number, also where the log gives another system's number or only the text."""
    symbol: str | None = None
    """Microsoft's name of ``code``; the name of the exception where a runtime refused without a code."""
    call: str | None = None
    """connect, send, recv, sendto, recvfrom, shutdown, getpeername, getsockname, getaddrinfo, setsockopt, getsockopt,
    accept, bind, listen, disconnect, transmitfile, ioctl, select, close or None."""
    action: Action | None = None
    endpoint_text: str | None = None
    """The remote ``host:port`` as written."""
    remote: Endpoint | None = None
    """None unless both an address and a port are written."""
    host_name: str | None = None
    """The host as written when it is a name, or an address without a port."""
    port: int | None = None
    local_port: int | None = None
    local: Endpoint | None = None
    process: str | None = None
    pid: int | None = None
    thread: str | None = None
    source: str | None = None
    """The logger, provider or component that wrote the record."""
    duplicates: int = 0
    """How many equal records with the same time followed and were folded into this one."""

    def concerns(self, other: LogEvent) -> bool:
        """Tell whether both may speak of one connection: nothing that both name differs."""
        if self.pid is not None and other.pid is not None and self.pid != other.pid:
            return False
        if self.port is not None and other.port is not None and self.port != other.port:
            return False
        if self.local_port is not None and other.local_port is not None and self.local_port != other.local_port:
            return False
        if self.remote is not None and other.remote is not None:
            return self.remote == other.remote
        if self.host_name is not None and other.host_name is not None:
            return self.host_name.lower() == other.host_name.lower()
        return True


@dataclass(frozen=True, slots=True)
class LogFile:
    """One log, read to its end. ``events`` is bounded; ``errors_seen`` is not."""

    path: str
    encoding: str
    lines: int
    """Lines of the file; records of an ``.evtx`` file."""
    format: str
    """What the file was taken for: text, csv, json-lines, json, w3c, evtx, event-xml, netstat."""
    events: tuple[LogEvent, ...]
    first_ns: int | None
    """The earliest readable time, by the same rule as `LogEvent.time_ns`."""
    last_ns: int | None
    zone_known: bool
    """Every event with a time carries a zone, or the caller gave one."""
    zone_hint: str | None
    """Where the zone comes from, in words; None when the log does not say."""
    date_known: bool = True
    """False when the lines carry a time of day only; the date was then taken from ``date_from``."""
    year_known: bool = True
    date_from: str | None = None
    """What completed a date or year that is not in the lines: ``hint``, ``file name`` or ``file time``."""
    problems: tuple[str, ...] = ()
    """Sentences about what could not be read or is missing."""
    errors_seen: int = 0
    """Records with the error, those beyond the bound and folded ones included."""
    sockets: tuple[SocketRow, ...] = ()
    """Rows of a socket table; empty for a log."""
    _orders: list[_Order] = field(default_factory=list, repr=False, compare=False)

    @property
    def errors(self) -> tuple[LogEvent, ...]:
        """The records of 10057 and its equals, in file order."""
        return tuple(event for event in self.events if event.kind == "error")

    def context(self, event: LogEvent, within_ns: int = NEAR_NS) -> list[LogEvent]:
        """Return what came before ``event`` and may speak of the same connection, in file order.

        Only prior failures and lifecycle records, none older than ``within_ns``; records without a time count as
        near. A record that names another endpoint, local port or process than ``event`` is left out.
        """
        return self._around(event, within_ns, range(self._place(event) - 1, -1, -1))[::-1]

    def following(self, event: LogEvent, within_ns: int = NEAR_NS) -> list[LogEvent]:
        """Return what came after ``event`` by the same rules as `context`, in file order."""
        return self._around(event, within_ns, range(self._place(event) + 1, len(self.events)))

    def connection(self, event: LogEvent) -> LogEvent | None:
        """Return the last "connected" record before ``event`` that may speak of its connection, however long ago.

        A later "closing" of the same connection does not hide it: that is what a caller wants to see beside it.
        """
        for place in range(self._place(event) - 1, -1, -1):
            other = self.events[place]
            if other.action == "connected" and event.concerns(other):
                return other
        return None

    @property
    def _order(self) -> _Order:
        if not self._orders:
            self._orders.append(_Order.of(self.events))
        return self._orders[0]

    def _place(self, event: LogEvent) -> int:
        place = self._order.places.get(id(event))
        return self.events.index(event) if place is None else place

    def _around(self, event: LogEvent, within_ns: int, places: range) -> list[LogEvent]:
        found: list[LogEvent] = []
        for place in self._order.worth_a_look(event, within_ns, places[:_SEARCHED]):
            other = self.events[place]
            if event.time_ns is not None and other.time_ns is not None:
                # A step back of the clock is no reason to stop, only a record far away is.
                if abs(other.time_ns - event.time_ns) > within_ns:
                    break
            elif len(found) >= _UNTIMED_NEAR:
                break
            if other.kind != "error" and event.concerns(other):
                found.append(other)
        return found


@dataclass(frozen=True, slots=True)
class _Order:
    """Where the records of a log stand."""

    places: dict[int, int]
    """By identity."""
    stories: list[int]
    """Of all that is no error."""
    times: list[int] | None
    """Of all records, where each has one and none is before the one in front of it."""

    @classmethod
    def of(cls, events: Sequence[LogEvent]) -> _Order:
        """Look at every record once."""
        times = [one.time_ns for one in events if one.time_ns is not None]
        return cls(
            {id(one): place for place, one in enumerate(events)},
            [place for place, one in enumerate(events) if one.kind != "error"],
            times if len(times) == len(events) and all(map(le, times, times[1:])) else None,
        )

    def worth_a_look(self, event: LogEvent, within_ns: int, places: range) -> Sequence[int]:
        """Leave out of ``places``, which go one way, what cannot matter: a storm is thousands of the same error."""
        if not places:
            return places
        low, high = min(places[0], places[-1]), max(places[0], places[-1])
        if self.times is not None and event.time_ns is not None:
            low = max(low, bisect_left(self.times, event.time_ns - within_ns))
            high = min(high, bisect_right(self.times, event.time_ns + within_ns) - 1)
        elif bisect_left(self.stories, low) < bisect_right(self.stories, high):
            # Any record, an error too, may be the one that is too far away.
            return places
        near = self.stories[bisect_left(self.stories, low) : bisect_right(self.stories, high)]
        return near if places.step > 0 else near[::-1]


_UNTIMED_NEAR = 20
_SEARCHED = 1000
"""Records looked at on either side: a storm of one error holds no story of how it began."""
