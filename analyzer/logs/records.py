"""One record of a log → the socket events in it.

A `Record` is what a format reader (plain text, JSON, CSV, W3C, Event Log) hands over; `events_of` is the same for all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from analyzer.logs.calls import call_of_name, find_call
from analyzer.logs.codes import ErrorCode
from analyzer.logs.endpoints import Place, Places, find_places, places_of_fields
from analyzer.logs.findcodes import CodeHit, find_codes
from analyzer.logs.model import EventKind, LogEvent
from analyzer.logs.phrases import fold
from analyzer.logs.stamps import Stamp
from analyzer.logs.steps import Step, find_layer, find_step
from analyzer.values import dataclass, field

__all__ = ["MAX_TEXT", "Record", "events_of", "text_record"]

MAX_TEXT = 500
_MAX_ANALYSED = 16384
_MESSAGE = 1000


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of a log before it is understood."""

    line: int
    text: str
    """What is searched: the message first, then the exception, then ``key=value`` lines of a structured record."""
    shown: str
    """What a person sees: the record as written."""
    stamp: Stamp | None
    body: int = 0
    """Where the message begins in ``text``, after time, level, thread and logger."""
    header_end: int = 0
    """Where the time ends in ``text``."""
    fields: Mapping[str, str] = field(default_factory=dict)
    source: str | None = None
    thread: str | None = None
    process: str | None = None
    pid: int | None = None


_LEVEL = (
    r"(?:TRACE|DEBUG|VERBOSE|INFO|INFORMATION|NOTICE|WARN|WARNING|ERROR|ERR|FATAL|CRITICAL|CRIT|SEVERE"
    r"|[TDIWEF]|VRB|DBG|INF|WRN|FTL)"
)
_HEADERS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # Spring Boot: LEVEL pid --- [thread] logger :
        rf"\s+{_LEVEL}\s+(?P<pid>\d+) --- \[\s*(?P<thread>[^\]]+)\]\s+(?P<source>\S+)\s*:",
        # log4net, Logback: [thread] LEVEL logger -
        rf"\s+\[(?P<thread>[^\]]{{1,60}})\]\s+\[?{_LEVEL}\]?\s+\[?(?P<source>[\w.$<>`+-]+)\]?\s*(?:\([^)]*\)\s*)?[-:]",
        # NLog: |LEVEL|logger|
        rf"\s*\|\s*{_LEVEL}\s*\|(?P<source>[^|\n]{{1,120}})\|",
        # Python: - logger - LEVEL -
        rf"\s+-\s+(?P<source>[\w.]+)\s+-\s+{_LEVEL}\s+-",
        # RFC 3164: host process[pid]:
        r"\s+(?!\[)[\w.-]+\s+(?P<process>[\w./ -]{1,48}?)\[(?P<pid>\d+)\]:",
        # RFC 5424: host app pid msgid [sd]
        r"\s+[\w.-]+\s+(?P<process>[\w./-]{1,48})\s+(?P<pid>\d+)\s+\S+\s+(?:-|\[[^\]]*\])",
        # logcat: pid tid L tag:
        r"\s+(?P<pid>\d+)\s+(?P<thread>\d+)\s+[VDIWEF]\s+(?P<source>[^:\n]{1,60}):",
        # glog: thread file:line]
        r"\s+(?P<thread>\d+)\s+(?P<source>[\w./-]+:\d+)\]",
        rf"\s*\]?\s*\[?{_LEVEL}\]?:?\s+\[(?P<source>[^\]]{{1,60}})\]",
        rf"\s*\]?\s*\[{_LEVEL}\]",
        rf"\s+{_LEVEL}/(?P<source>[\w.]+):",
        rf"\s*[\])]?\s*[-|:]?\s*{_LEVEL}\b[\]\s:|-]",
    )
)
_PID = re.compile(r"(?i)\b(?:pid|process ?id|processid)[ =:#\"']{1,3}(\d{1,7})\b|\[pid (\d{1,7})\]")
_PROCESS = re.compile(r"(?i)\b(?:process(?: ?name)?|image|application|exe)[=:\"' ]{1,3}([\w.\\/:-]{1,80}\.exe)\b")


def text_record(line: int, text: str, stamp: Stamp | None) -> Record:
    """Return the record of plain text lines, with what its header tells about thread, logger and process."""
    header_end = stamp.end if stamp is not None else 0
    text = text[:_MAX_ANALYSED]
    for pattern in _HEADERS:
        match = pattern.match(text, header_end)
        if match is None:
            continue
        part = match.groupdict()
        pid = part.get("pid")
        return Record(
            line,
            text,
            text,
            stamp,
            match.end(),
            header_end,
            source=part.get("source"),
            thread=(part.get("thread") or "").strip() or None,
            process=part.get("process"),
            pid=int(pid) if pid else None,
        )
    return Record(line, text, text, stamp, header_end, header_end)


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What the words of a record say; equal words say the same, so a storm of one error is understood once."""

    hits: tuple[tuple[CodeHit, str | None], ...]
    """Each error with the call that failed, the error of 10057 last."""
    step: Step | None
    places: Places
    pid: int | None
    process: str | None


@lru_cache(maxsize=256)
def _meaning(text: str, body: int) -> _Meaning | None:
    found = find_codes(text)
    step = _step(text, body, found)
    if not found and step is None:
        return None
    pid, process = _PID.search(text), _PROCESS.search(text)
    # A refused name lookup or connect inside the same record happened first, whatever the order of the words.
    hits = sorted(_sane(found), key=lambda hit: hit.is_not_connected)
    return _Meaning(
        tuple((hit, find_call(text, hit.place)) for hit in hits),
        step,
        _spoken_places(text[body:]),
        int(pid[1] or pid[2]) if pid else None,
        process[1] if process else None,
    )


def events_of(record: Record, path: str) -> list[LogEvent]:
    """Return the events of one record, without times; none for a record that does not concern a socket.

    A record may name several errors (a chain of exceptions): one event each, the error of 10057 last.
    """
    # Without its time, so that equal words are equal text.
    text = record.text[record.header_end : record.header_end + _MAX_ANALYSED]
    before = record.text[: record.stamp.start].strip(" \t[(<") if record.header_end and record.stamp is not None else ""
    if len(before) > 2:
        text = f"{before} {text}"
    meaning = _meaning(text, max(0, record.body - record.header_end))
    if meaning is None:
        return []
    step = meaning.step
    by_field = places_of_fields(record.fields) if record.fields else Places()
    remote = by_field.remote or meaning.places.remote or Place("", "", None)
    local = by_field.local or meaning.places.local
    field_call = _field_call(record.fields)

    def event(hit: CodeHit | None, call: str | None) -> LogEvent:
        kind: EventKind = step.kind if step is not None else "lifecycle"
        if hit is not None:
            kind = "error" if hit.is_not_connected else "prior"
        return LogEvent(
            path=path,
            line=record.line,
            text=_trim(record, text, None if hit is None else hit.place),
            time_ns=None,
            zone_known=False,
            time_resolution_ns=0,
            kind=kind,
            code=None if hit is None or hit.code is None else int(hit.code),
            symbol=None if hit is None else hit.symbol,
            call=None if hit is None else field_call or call,
            action=step.action if step is not None else None,
            endpoint_text=remote.text or None,
            remote=remote.endpoint,
            host_name=remote.host_name,
            port=remote.port,
            local_port=by_field.local_port or meaning.places.local_port,
            local=local.endpoint if local is not None else None,
            process=record.process or meaning.process,
            pid=record.pid if record.pid is not None else meaning.pid,
            thread=record.thread,
            source=record.source,
        )

    return [event(hit, call) for hit, call in meaning.hits] or [event(None, None)]


def _sane(hits: list[CodeHit]) -> list[CodeHit]:
    """Drop what accompanies a code without being an error of its own."""
    if len(hits) > 1:
        hits = [hit for hit in hits if hit.code not in _ACCOMPANYING or hit.is_not_connected] or hits
    return hits


_ACCOMPANYING = frozenset({ErrorCode.WSAEWOULDBLOCK, ErrorCode.WSAEINPROGRESS, ErrorCode.WSAEINTR, ErrorCode.WSAEFAULT})


def _step(text: str, body: int, hits: list[CodeHit]) -> Step | None:
    """Return what the message tells besides its codes; frames of a stack trace tell no step."""
    if any(hit.is_not_connected for hit in hits):
        return None
    folded = fold(text[body : body + _MESSAGE])
    found = find_layer(folded) if hits else find_step(folded)
    return None if found is None else found[1]


def _spoken_places(message: str) -> Places:
    """Return the places that the words name; the first line counts before the trace under it."""
    head, _, rest = message.partition("\n")
    found = find_places(head)
    if found.remote is None and rest:
        deeper = find_places(rest)
        found = Places(deeper.remote, found.local or deeper.local, found.local_port or deeper.local_port)
    return found


_CALL_KEYS = frozenset({"op", "operation", "call", "syscall", "api", "function", "func", "method"})


def _field_call(fields: Mapping[str, str]) -> str | None:
    for key, value in fields.items():
        if key.rpartition(".")[2].lower() in _CALL_KEYS:
            call = call_of_name(value)
            if call is not None:
                return call
    return None


def _trim(record: Record, text: str, place: int | None) -> str:
    """Return the record as shown, in one line; of a long one the beginning and what stands around the error."""
    joined = " | ".join(part for line in record.shown.splitlines() if (part := line.strip()))
    if len(joined) <= MAX_TEXT:
        return joined
    if place is not None and record.shown is record.text and place > MAX_TEXT - 80:
        around = " ".join(text[max(0, place - 120) : place + 160].split())
        return f"{joined[: MAX_TEXT - len(around) - 5]} ... {around}"[:MAX_TEXT]
    return joined[: MAX_TEXT - 3] + "..."
