"""The report as plain data: one neutral model, which every dialect of this package renders.

The model holds values, not layout: times are nanoseconds since 1970 in UTC, durations are nanoseconds, frames are
Wireshark's numbers from 1. Sentences are for people and carry their units; names that came out of a capture or a log
stand here as they were read, and each dialect makes them harmless through `analyzer.report.escape`.

The JSON dialect of this model is the published contract (``docs/schema/notconn-1.json``). Fields may be added under the
same schema number; none is renamed or removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from analyzer.values import dataclass, field

__all__ = [
    "SCHEMA",
    "UNEXAMINED",
    "UNREADABLE",
    "Alternative",
    "CaptureSummary",
    "Confidence",
    "Culprit",
    "Evidence",
    "Finding",
    "Fix",
    "GroupReport",
    "HealthValue",
    "IncidentReport",
    "KnownLimit",
    "LogLine",
    "Report",
    "RowKind",
    "SequenceKind",
    "SequenceRow",
    "SilenceRow",
    "Source",
    "TimelineRow",
    "Unknown",
    "WinsockAnswer",
]

SCHEMA = "notconn/1"
UNREADABLE = "unreadable"
UNEXAMINED = "not-examined"
"""Id of the finding that says how many connections were counted only, or not looked at."""

Confidence = Literal["high", "medium", "low"]
Source = Literal["log", "capture", "call"]
Culprit = Literal["client", "server", "middlebox", "path", "application", "unknown"]
RowKind = Literal["packet", "log", "note", "elided"]
SequenceKind = Literal["data", "again", "probe", "ack", "fin", "rst"]
HealthValue = int | float | str | bool | None | Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LogLine:
    """The line of an application log that tells of the error."""

    path: str
    line: int
    """Number of the record's first line, from 1."""
    text: str
    call: str | None
    """The socket call that failed, as far as the log tells: ``send``, ``recv``, ``shutdown``, ``getpeername``."""
    code: int | None
    """The Winsock code, 10057 or its like; None when the line only has words."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One statement and the frames that carry it; used for what speaks for a cause and for what speaks against it."""

    statement: str
    frames: tuple[int, ...] = ()
    filter: str = ""
    """A Wireshark display filter that shows the frames; empty where nothing can be shown."""
    capture: str | None = None
    """Path of the capture that the frames belong to, when it is not the incident's own."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact that this capture could not answer."""

    fact: str
    why: str
    settle_by: str
    """What would answer it: another vantage, a log, a command."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """A cause that was weighed and came second."""

    cause: str
    confidence: Confidence
    score: float
    why_not: str
    title: str = ""
    """The cause as a few words for people; the id is shown where this is empty."""


@dataclass(frozen=True, slots=True)
class WinsockAnswer:
    """What one socket call answers after the decisive packet."""

    call: str
    error: str
    """Code and symbol such as ``10054 WSAECONNRESET``, or what the call does instead."""
    why: str


@dataclass(frozen=True, slots=True)
class Fix:
    """One thing to change, with the code to change it with."""

    text: str
    code: Mapping[str, str] = field(default_factory=dict)
    """Language (``C``, ``C#``, ``Python``, ``PowerShell`` …) to source text, in the order to show it."""


@dataclass(frozen=True, slots=True)
class KnownLimit:
    """An idle limit that some product is known to have."""

    name: str
    duration_ns: int
    source: str
    """Address of the page that states it; empty when it is the user's own site file."""


@dataclass(frozen=True, slots=True)
class SilenceRow:
    """A stretch of the flow in which nothing was seen in either direction."""

    start_ns: int
    duration_ns: int
    before_frame: int
    after_frame: int
    ended_by: str
    """What ended it, in words: ``client data, never acknowledged``."""
    survived: bool | None
    """The connection answered after it (True), did not (False), or that could not be seen (None)."""
    limits: tuple[KnownLimit, ...] = ()
    """Known idle limits that this length is consistent with or was drawn against, shortest first."""
    decisive: bool = False


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One line of an incident's story, in time order."""

    ts_ns: int
    label: str
    """What a person reads on the arrow: ``PSH ACK 90 B``, ``RST``, ``SYN``."""
    kind: RowKind = "packet"
    """``packet``: a segment of the flow; ``log``: a line of a log; ``note``: another packet (ICMP, DNS, ARP) or a
    remark; ``elided``: packets left out, how many the label says."""
    frame: int | None = None
    from_client: bool | None = None
    """Direction of a packet; None for what is neither peer's."""
    note: str = ""
    """Why this row matters, one short sentence; empty for rows that are only context."""
    decisive: bool = False
    flags: str = ""
    """TCP flags such as ``PSH, ACK``."""
    length: int | None = None
    """Payload in bytes."""
    answered: bool | None = None
    """False: nothing that acknowledges or answers it was ever seen, so the arrow is drawn open-ended; None: not
    judged."""
    capture: str | None = None
    """Path of the capture, when it is not the incident's own."""


@dataclass(frozen=True, slots=True)
class SequenceRow:
    """Where one segment lies in its half's stream of bytes: a point of the picture of sequence numbers over time."""

    ts_ns: int
    frame: int
    from_client: bool
    kind: SequenceKind
    """``again``: all its bytes were seen before; ``probe``: a keepalive; ``ack``: it carries no data."""
    start: int
    """Bytes that this half had sent before it, from the SYN or the first that was seen; a RST may lie anywhere."""
    length: int
    """Payload in bytes."""
    acked: int | None = None
    """Bytes of the other half that it acknowledges, counted alike; None without ACK."""
    skipped: int = 0
    """Packets between the row before and this one that were not kept."""


@dataclass(frozen=True, slots=True)
class IncidentReport:
    """One connection that died, or one error of a log, with its verdict."""

    id: str
    """Stable within a report, short enough for a command line: ``1``, ``2`` …"""
    source: Source
    time_ns: int
    """Of the error where known, else of the decisive packet."""
    cause: str
    confidence: Confidence
    score: float
    culprit: Culprit
    title: str
    """The verdict as one sentence for people."""
    summary: str
    """Two or three sentences: what happened, in order, with times and frames."""
    log: LogLine | None = None
    stream: int | None = None
    """Wireshark's tcp.stream in that capture."""
    capture: str | None = None
    client: str | None = None
    """``address:port``, IPv6 in brackets; None when no flow is known."""
    server: str | None = None
    evidence: tuple[Evidence, ...] = ()
    """What speaks for the cause, strongest first."""
    against: tuple[Evidence, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    """Other causes, likeliest first."""
    disproof: str = ""
    """One sentence: what observation would prove this verdict wrong."""
    winsock: tuple[WinsockAnswer, ...] = ()
    """The error chain, first error first."""
    owner: str = ""
    """Who has to act."""
    fix: tuple[Fix, ...] = ()
    references: tuple[str, ...] = ()
    """``RFC 1122 §4.2.3.6``, or ``words https://address``."""
    timeline: tuple[TimelineRow, ...] = ()
    silences: tuple[SilenceRow, ...] = ()
    """The longest silences in time order."""
    sequence: tuple[SequenceRow, ...] = ()
    """The flow's kept segments in time order; empty where byte counts are not certain."""
    group: str | None = None
    """Id of the group that this incident belongs to."""
    time_known: bool = True
    """``time_ns`` is the error's own; where False, that of the decisive packet stands for it."""


@dataclass(frozen=True, slots=True)
class GroupReport:
    """Incidents with the same cause between the same parties: one worked example stands for all."""

    id: str
    title: str
    """One sentence: how many, what, to whom."""
    cause: str
    incidents: tuple[str, ...]
    """Ids in time order."""
    example: str
    """Id of the incident that is worked out in full."""
    first_ns: int
    last_ns: int
    text: str = ""
    """What the members have in common: same silence, same minute, same server."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What concerns no single incident: a keepalive audit, an inferred idle limit, a reconnect storm."""

    id: str
    title: str
    text: str
    frames: tuple[int, ...] = ()
    capture: str | None = None
    filter: str = ""
    incidents: tuple[str, ...] = ()
    """Ids of incidents that it bears on."""


@dataclass(frozen=True, slots=True)
class CaptureSummary:
    """One capture that was read."""

    path: str
    sha256: str
    """Of the file's bytes; empty where there was no file."""
    format: str
    """``pcap`` or ``pcapng``, with ``+gzip`` or ``+zstd``; `UNREADABLE` for a file of a folder that was left out."""
    packets: int
    first_ns: int | None
    last_ns: int | None
    health: Mapping[str, HealthValue] = field(default_factory=dict)
    """Counters by name, see `analyzer.report.health`."""
    remarks: tuple[str, ...] = ()
    """What the counters mean for the verdicts, one sentence each; empty for a capture without complaint."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything one run has to say. The same input, rules and clock give the same bytes in every dialect."""

    generated_by: str
    """Name and version of the program."""
    captures: tuple[CaptureSummary, ...]
    incidents: tuple[IncidentReport, ...]
    """Most important first; ids need not be in this order."""
    groups: tuple[GroupReport, ...] = ()
    findings: tuple[Finding, ...] = ()
    limits: tuple[str, ...] = ()
    """What these captures cannot show, one sentence each."""
    generated_ns: int | None = None
    """The caller's clock; None leaves the time out, so that a report can be compared byte by byte."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Rules and tools that had a part, name to version."""
    schema: str = SCHEMA

    def leading(self, most: int | None = None) -> tuple[IncidentReport, ...]:
        """Return the incidents to work out in full: each group's example and all that stand alone, in report order.

        Where there are more than ``most``, the first of each cause go before others, so that no cause is missing as
        long as there is room.
        """
        examples = {group.example for group in self.groups}
        grouped = {member for group in self.groups for member in group.incidents}
        found = tuple(one for one in self.incidents if one.id in examples or one.id not in grouped)
        if most is None or len(found) <= most:
            return found
        firsts: dict[str, str] = {}
        for one in found:
            firsts.setdefault(one.cause, one.id)
        chosen = set(list(dict.fromkeys((*firsts.values(), *(one.id for one in found))))[:most])
        return tuple(one for one in found if one.id in chosen)
