"""Words and number formats that every dialect shares, so that all of them say the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from analyzer.report.escape import plain
from analyzer.report.model import (
    UNEXAMINED,
    UNREADABLE,
    CaptureSummary,
    Confidence,
    Culprit,
    Evidence,
    Finding,
    IncidentReport,
    Report,
)
from analyzer.units import format_instant
from analyzer.values import replace

__all__ = [
    "CONFIDENCE",
    "CULPRIT",
    "clock",
    "connection",
    "count",
    "error_line",
    "frame_filter",
    "frames",
    "headline",
    "incident_table",
    "instant",
    "named",
    "parties",
    "score",
    "short_names",
    "span",
    "stem",
    "telling",
    "unbroken",
]

CULPRIT: Mapping[Culprit, str] = {
    "client": "the client",
    "server": "the server",
    "middlebox": "a device between client and server",
    "path": "the network path",
    "application": "the application that made the call",
    "unknown": "not established",
}

CONFIDENCE: Mapping[Confidence, str] = {
    "high": "a verdict of this confidence is meant to be right at least 95 times in 100",
    "medium": "a verdict of this confidence is meant to be right at least 75 times in 100",
    "low": "a lead to follow, no more",
}

_CAUSES = 4
"""Causes that a headline names."""

_TIME_OF = {
    "log": "error in the log at",
    "capture": "decisive packet at",
    "call": "looked at because of the time given,",
}
_NO_TIME = {
    "log": "error in the log at a time that it does not tell",
    "capture": "at a time that is not known",
    "call": "looked at because of the endpoint given",
}


def count(number: int, one: str, many: str | None = None) -> str:
    """Return ``1 packet``, ``2 packets``, ``10,000 packets``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def instant(ns: int, digits: int = 3) -> str:
    """Return an instant as ``2026-11-22 14:33:50.264 UTC``, cut (never rounded up) to ``digits`` decimals."""
    text = format_instant(ns)
    if not text.endswith("Z"):
        return f"{text} s since 1970"
    date, _, rest = text[:-1].partition("T")
    return f"{date} {rest[: 9 + digits] if digits else rest[:8]} UTC"


def clock(ns: int, digits: int = 6) -> str:
    """Return the time of day in UTC, ``14:33:50.264531``."""
    text = format_instant(ns)
    return text[11 : 20 + digits] if text.endswith("Z") else text


_UNIT = re.compile(r"(\d) ((?:ns|µs|ms|s|min|h|B|KiB|MiB|GiB)\b)")


def unbroken(text: str) -> str:
    """Return the text with each number and its unit joined by a no-break space, so that they stay on one line."""
    return _UNIT.sub("\\1\u00a0\\2", text)


def _ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges


def frames(numbers: Iterable[int], word: bool = True, shown: int = 12) -> str:
    """Return ``frame 40``, ``frames 40-46, 51``; at most ``shown`` ranges, then how many frames more."""
    ranges = _ranges(numbers)
    if not ranges:
        return ""
    parts = [str(a) if a == b else f"{a}, {b}" if b == a + 1 else f"{a}-{b}" for a, b in ranges[:shown]]
    rest = sum(b - a + 1 for a, b in ranges[shown:])
    text = ", ".join(parts) + (f" and {rest:,} more" if rest else "")
    if not word:
        return text
    return f"frame {text}" if ranges[0][0] == ranges[-1][1] else f"frames {text}"


def frame_filter(numbers: Iterable[int]) -> str:
    """Return a Wireshark display filter that shows exactly these frames, ``frame.number in {40..46, 51}``."""
    parts = ", ".join(str(a) if a == b else f"{a}..{b}" for a, b in _ranges(numbers))
    return f"frame.number in {{{parts}}}" if parts else ""


def score(value: float) -> str:
    """Return the number behind a confidence with two decimals."""
    return f"{value:.2f}"


def stem(path: str) -> str:
    """Return the last part of a path of any system, for headings."""
    return plain(path.replace("\\", "/").rstrip("/").rpartition("/")[2] or path)


def short_names(paths: Iterable[str]) -> dict[str, str]:
    """Return for each path its shortest ending of whole parts that no other path shares."""
    split = {path: [part for part in path.replace("\\", "/").split("/") if part] or [path] for path in set(paths)}
    endings = Counter("/".join(parts[-size:]) for parts in split.values() for size in range(1, len(parts) + 1))
    result = {}
    for path, parts in split.items():
        sizes = range(1, len(parts) + 1)
        size = next((one for one in sizes if endings["/".join(parts[-one:])] == 1), len(parts))
        result[path] = plain("/".join(parts[-size:])) if size < len(parts) else plain(path)
    return result


def named(report: Report) -> Report:
    """Return the report as people read it: incidents and findings name their capture in short, where that is clear."""
    names = short_names(capture.path for capture in report.captures)

    def short(path: str | None) -> str | None:
        return None if path is None else names.get(path) or stem(path)

    def evidence(items: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
        return tuple(replace(one, capture=short(one.capture)) if one.capture else one for one in items)

    return replace(
        report,
        incidents=tuple(
            replace(one, capture=short(one.capture), evidence=evidence(one.evidence), against=evidence(one.against))
            for one in report.incidents
        ),
        findings=tuple(replace(one, capture=short(one.capture)) for one in report.findings),
    )


def connection(incident: IncidentReport) -> str:
    """Return ``client -> server`` as far as known."""
    if incident.client is None and incident.server is None:
        return "no connection was found for it"
    return f"{plain(incident.client or 'unknown client')} -> {plain(incident.server or 'unknown server')}"


def parties(client: str | None, server: str | None) -> str:
    """Return what a title says of whom it is about, after its words: `` (client to server)``; empty for nobody."""
    return f" ({client} to {server})" if client and server else f" ({server})" if server else ""


def error_line(incident: IncidentReport) -> str:
    """Return when and where the error was seen: ``error in the log at … UTC: send() 10057 (app.log line 5)``."""
    log = incident.log
    place = ""
    if log is not None:
        call = f"{plain(log.call)}()" if log.call else ""
        what = " ".join(part for part in (call, str(log.code) if log.code is not None else "") if part)
        place = f"{': ' + what if what else ''} ({stem(log.path)} line {log.line})"
    if incident.time_known:
        return f"{_TIME_OF[incident.source]} {instant(incident.time_ns)}{place}"
    packet = f"; the decisive packet came at {instant(incident.time_ns)}" if incident.stream is not None else ""
    return f"{_NO_TIME[incident.source]}{place}{packet}"


def headline(report: Report) -> str:
    """Return the one sentence that answers the question for the whole report, and whether all was read and examined."""
    said = _answer(report)
    unread = sum(capture.format == UNREADABLE for capture in report.captures)
    if unread:
        said = f"{said.rstrip('.')}. {unread} of {len(report.captures)} files could not be read."
    if any(one.id == UNEXAMINED for one in report.findings):
        said = f"{said.rstrip('.')}. Not every connection was examined."
    return said


def _answer(report: Report) -> str:
    total = len(report.incidents)
    if not total:
        packets = sum(capture.packets for capture in report.captures)
        return f"No connection died in a way that would surface as a socket error ({count(packets, 'packet')} read)."
    if total == 1:
        return plain(report.incidents[0].title)
    causes = Counter(plain(one.cause) for one in report.incidents).most_common()
    if len(causes) == 1:
        return f"{count(total, 'incident')} with one cause: {causes[0][0]}."
    told = ", ".join(f"{number:,} {cause}" for cause, number in causes[:_CAUSES])
    more = f" and {len(causes) - _CAUSES} more" if len(causes) > _CAUSES else ""
    return f"{count(total, 'incident')} with {count(len(causes), 'different cause')}: {told}{more}."


def telling(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings with what was not examined first, then the first of each kind, then the rest, each in order."""
    kinds: set[str] = set()
    ranks: list[tuple[int, Finding]] = []
    for one in findings:
        ranks.append((0 if one.id == UNEXAMINED else 2 if one.id in kinds else 1, one))
        kinds.add(one.id)
    return [one for _, one in sorted(ranks, key=lambda each: each[0])]


def span(captures: Iterable[CaptureSummary]) -> tuple[int, int] | None:
    """Return the first and last instant of all captures, or None when no packet was read."""
    known = [(one.first_ns, one.last_ns) for one in captures if one.first_ns is not None and one.last_ns is not None]
    if not known:
        return None
    return min(first for first, _ in known), max(last for _, last in known)


def incident_table(report: Report, limit: int) -> tuple[list[IncidentReport], int]:
    """Return the incidents for a table, at most ``limit`` in report order, and how many were left out."""
    return list(report.incidents[:limit]), max(0, len(report.incidents) - limit)
