"""Read one log of any kind and place its records in time."""

from __future__ import annotations

import re
from datetime import date, tzinfo
from pathlib import Path

from analyzer.errors import LogError
from analyzer.logs.model import LogEvent, LogFile, SocketRow
from analyzer.logs.sources import Gathered, gather, read_rows
from analyzer.logs.timeline import Timeline
from analyzer.values import replace

__all__ = ["read_log", "read_sockets"]

_NAMED_DATE = re.compile(r"(?<!\d)(20\d\d)[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12]\d|3[01])(?!\d)")


def read_log(
    path: str | Path, *, year_hint: int | None = None, zone: tzinfo | None = None, near_ns: int | None = None
) -> LogFile:
    """Read a log and return what concerns sockets.

    ``zone`` is taken for times without one; ``year_hint`` for dates without a year (the year of the last line);
    ``near_ns``, an instant that the log should cover such as the capture's first packet, completes times without a
    date, and without a year when no ``year_hint`` is given. A file that is a socket table comes back with its rows
    in ``sockets``. Raises LogError for what cannot be read at all; what is only missing stands in ``problems``.
    """
    file = Path(path)
    found = gather(file)
    timeline = Timeline(
        found.seen,
        zone=zone,
        utc=found.utc,
        year_hint=year_hint,
        near_ns=near_ns,
        named=_date_in(file.name),
        modified_ns=_modified_ns(file),
    )
    instants = [instant for line, stamp in found.seen if (instant := timeline.resolve(line, stamp)) is not None]
    times = [instant.ns for instant in instants]
    events = _folded(_timed(found, timeline))
    return LogFile(
        path=str(path),
        encoding=found.encoding,
        lines=found.lines,
        format=found.format,
        events=tuple(events),
        first_ns=min(times, default=None),
        last_ns=max(times, default=None),
        zone_known=bool(instants) and all(instant.zone_known for instant in instants),
        zone_hint=_zone_hint(found, zone),
        date_known=timeline.date_known,
        year_known=timeline.year_known,
        date_from=timeline.date_from,
        problems=tuple(found.problems + timeline.problems + _missing(found, timeline, timed=bool(times))),
        errors_seen=found.errors,
        sockets=found.sockets,
    )


def read_sockets(path: str | Path) -> tuple[SocketRow, ...]:
    """Read the output of netstat, ss, lsof or Get-NetTCPConnection.

    Raises LogError when the file cannot be read or holds no row of one of them.
    """
    rows = read_rows(Path(path))
    if not rows:
        raise LogError(
            f"{path} holds no row of netstat -ano, ss -tanp, lsof -i or Get-NetTCPConnection; give the output of "
            f"one of them"
        )
    return rows


def _timed(found: Gathered, timeline: Timeline) -> list[LogEvent]:
    events: list[LogEvent] = []
    for event, stamp in found.events:
        instant = timeline.resolve(event.line, stamp) if stamp is not None else None
        if instant is None:
            events.append(event)
            continue
        events.append(
            replace(
                event,
                time_ns=instant.ns,
                zone_known=instant.zone_known,
                time_resolution_ns=instant.resolution_ns,
            )
        )
    return events


def _folded(events: list[LogEvent]) -> list[LogEvent]:
    """Fold a record that two writers of one logger put down twice; the first one stays and counts the others."""
    kept: list[LogEvent] = []
    for event in events:
        last = kept[-1] if kept else None
        if last is not None and event.time_ns is not None and _equal(last, event):
            kept[-1] = replace(last, duplicates=last.duplicates + 1)
        else:
            kept.append(event)
    return kept


def _equal(one: LogEvent, other: LogEvent) -> bool:
    return (one.time_ns, one.kind, one.code, one.call, one.text) == (
        other.time_ns,
        other.kind,
        other.code,
        other.call,
        other.text,
    ) and one.line != other.line


def _missing(found: Gathered, timeline: Timeline, *, timed: bool) -> list[str]:
    if found.sockets:
        return ["it is a socket table, not a log: it shows states, not errors"]
    problems: list[str] = []
    if not timed:
        problems.append("no line has a readable time, so its records cannot be placed in the capture by time")
    elif not timeline.date_known:
        problems.append(f"its lines tell the time of day but no date; the date is from the {timeline.date_from}")
    elif not timeline.year_known:
        problems.append(f"its lines carry no year; the year is from the {timeline.date_from}")
    if not found.errors:
        problems.append("no record of 10057 or its equals was found in it")
    if found.dropped:
        problems.append(f"it records the error {found.errors} times; the first {found.errors - found.dropped} are kept")
    return problems


def _zone_hint(found: Gathered, zone: tzinfo | None) -> str | None:
    stamps = [stamp for _, stamp in found.seen]
    if any(stamp.form == "epoch" for stamp in stamps):
        return "its times count from 1970 in UTC"
    offsets = sorted({stamp.offset_s for stamp in stamps if stamp.offset_s is not None})
    if offsets and len(offsets) <= 4:
        return "its times carry " + ", ".join(_offset_text(offset) for offset in offsets)
    if found.utc:
        return f"times of {found.format} are in UTC"
    return f"the caller gave {zone}" if zone is not None and stamps else None


def _offset_text(seconds: int) -> str:
    sign = "-" if seconds < 0 else "+"
    return "UTC" if seconds == 0 else f"{sign}{abs(seconds) // 3600:02d}:{abs(seconds) // 60 % 60:02d}"


def _date_in(name: str) -> date | None:
    match = _NAMED_DATE.search(name)
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None


def _modified_ns(file: Path) -> int | None:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return None
