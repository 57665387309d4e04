"""The JSON dialect: the contract ``notconn/1``, described by ``docs/schema/notconn-1.json``.

The text is pure ASCII, so it survives every console, pipe and code page, and no byte of a capture can reach a terminal
unescaped; a parser gives back the values as they were.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from analyzer.report.model import (
    Alternative,
    CaptureSummary,
    Evidence,
    Finding,
    GroupReport,
    IncidentReport,
    Report,
    SequenceRow,
    SilenceRow,
    TimelineRow,
)
from analyzer.report.short import MOST_BYTES, frames_of, likeness, shortening, told_in_full
from analyzer.units import NS, format_instant
from analyzer.values import replace

__all__ = ["capture_object", "render", "report_object"]

Object = dict[str, Any]


_INDENTED = 100
"""Up to so many incidents are indented for people; of more, each stands packed on a line of its own."""
_NEVER_WHOLE = 7_500
"""More incidents than this would hardly fit whole into what a report may be: each takes some 670 bytes."""
_ROOM_IN_FULL = 600_000
"""Bytes for those that are told in full where there is no room for all."""
_MOST_TEXT = 100
"""Bytes of a log's record that an incident told in short quotes."""


def render(report: Report, indent: int | None = 2) -> str:
    """Return the report as JSON text with a final newline; ``indent`` None packs it, whole however large it is.

    Otherwise it stays below `analyzer.report.short.MOST_BYTES` up to some ten thousand incidents: what would be larger
    tells most of them in short, each with the id of one that is told in full and like it.
    """
    if indent is None:
        return _packed(report_object(report)) + "\n"
    if len(report.incidents) <= _INDENTED:
        return json.dumps(report_object(report), indent=indent, allow_nan=False) + "\n"
    # Indentation is written by Python's slow encoder, and nobody reads hundreds of incidents in this form.
    text = ""
    if len(report.incidents) <= _NEVER_WHOLE:
        text = _listed(report_object(report), " " * indent, json.dumps)
    for least in (False, True):
        if not text or len(text) >= MOST_BYTES:
            text = _listed(_shortened(report, least=least), " " * indent, _packed)
    return text


def _packed(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _listed(whole: Object, pad: str, write: Callable[[Any], str]) -> str:
    parts = []
    for name, value in whole.items():
        if isinstance(value, list) and value:
            lines = f",\n{pad}{pad}".join(map(write, value))
            parts.append(f"{pad}{json.dumps(name)}: [\n{pad}{pad}{lines}\n{pad}]")
        else:
            parts.append(f"{pad}{json.dumps(name)}: {write(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _shortened(report: Report, *, least: bool) -> Object:
    """Return the report with as many incidents in full as there is room for; ``least`` drops what others share."""
    full: dict[str, Object] = {}
    room = _ROOM_IN_FULL
    causes = set()
    for one in told_in_full(report):
        if room > 0 or one.cause not in causes:
            causes.add(one.cause)
            full[one.id] = _incident(one, True)
            room -= len(_packed(full[one.id]))
    alike = likeness(report, full)
    result = report_object(replace(report, incidents=()))
    for one in report.incidents:
        told = full.get(one.id)
        if told is None:
            told = _short(one, alike[one.id])
            if least:
                told = _difference(told, full[alike[one.id]])
        result["incidents"].append(told)
    how = (
        'in the JSON report each names, as "like", one of the same cause that is told in full, with who has to act, '
        "what calls answer and what to change. Long lines of logs are cut."
    )
    result["limits"] = list(dict.fromkeys((*result["limits"], shortening(report, len(alike), how))))
    return result


def _short(incident: IncidentReport, like: str) -> Object:
    frames = frames_of(incident)
    whole = _incident(incident, False)
    if whole["log"] is not None:
        whole["log"]["text"] = _cut(whole["log"]["text"])
    return {
        **{name: whole[name] for name in _OWN},
        "time_known": incident.time_known,
        "alternatives": [],
        "evidence": [{"statement": f"As in incident {like}.", "frames": frames, "filter": ""}] if frames else [],
        "against": [],
        "unknown": [],
        "winsock": [],
        "owner": "",
        "fix": [],
        "like": like,
    }


_OWN = (
    "id",
    "source",
    "time",
    "log",
    "stream",
    "capture",
    "client",
    "server",
    "cause",
    "confidence",
    "score",
    "culprit",
    "group",
)


def _difference(told: Object, like: Object) -> Object:
    """Return what an incident told in short does not share with the one it is like; `read_report` puts it back."""
    known = {"time_known": True, **like}
    result = {
        name: value
        for name, value in told.items()
        if value not in ([], "") and (name not in known or value != known[name])
    }
    if result.get("log") and like["log"]:
        result["log"] = {name: value for name, value in told["log"].items() if value != like["log"][name]}
    return result


def _cut(text: str) -> str:
    whole = text
    while (size := len(json.dumps(text)) - 2) > _MOST_TEXT:
        text = whole[: len(text) * _MOST_TEXT // size - 3]
    return text if text == whole else f"{text}..."


def report_object(report: Report) -> Object:
    """Return the report as what `json.dumps` takes, keys in the contract's order."""
    full = {one.id for one in report.leading()}
    return {
        "schema": report.schema,
        "generated_by": report.generated_by,
        "generated": _time(report.generated_ns),
        "versions": dict(report.versions),
        "captures": [capture_object(one) for one in report.captures],
        "incidents": [_incident(one, one.id in full) for one in report.incidents],
        "groups": [_group(one) for one in report.groups],
        "findings": [_finding(one) for one in report.findings],
        "limits": list(report.limits),
    }


def _time(ns: int | None) -> str | None:
    return None if ns is None else format_instant(ns)


def _seconds(ns: int) -> float:
    return round(ns / NS, 9)


def capture_object(capture: CaptureSummary) -> Object:
    """Return one capture as the contract's ``captures`` hold it."""
    return {
        "path": capture.path,
        "sha256": capture.sha256,
        "format": capture.format,
        "packets": capture.packets,
        "first": _time(capture.first_ns),
        "last": _time(capture.last_ns),
        "health": {
            name: dict(value) if isinstance(value, Mapping) else value for name, value in capture.health.items()
        },
        "remarks": list(capture.remarks),
    }


def _evidence(evidence: Evidence) -> Object:
    result: Object = {
        "statement": evidence.statement,
        "frames": list(evidence.frames),
        "filter": evidence.filter,
    }
    if evidence.capture is not None:
        result["capture"] = evidence.capture
    return result


def _alternative(alternative: Alternative) -> Object:
    return {
        "cause": alternative.cause,
        "title": alternative.title,
        "confidence": alternative.confidence,
        "score": round(alternative.score, 4),
        "why_not": alternative.why_not,
    }


def _incident(incident: IncidentReport, full: bool) -> Object:
    log = incident.log
    result: Object = {
        "id": incident.id,
        "source": incident.source,
        "time": format_instant(incident.time_ns),
        "log": None
        if log is None
        else {"path": log.path, "line": log.line, "text": log.text, "call": log.call, "code": log.code},
        "stream": incident.stream,
        "capture": incident.capture,
        "client": incident.client,
        "server": incident.server,
        "cause": incident.cause,
        "confidence": incident.confidence,
        "score": round(incident.score, 4),
        "culprit": incident.culprit,
        "title": incident.title,
        "summary": incident.summary,
        "alternatives": [_alternative(one) for one in incident.alternatives],
        "evidence": [_evidence(one) for one in incident.evidence],
        "against": [_evidence(one) for one in incident.against],
        "unknown": [{"fact": one.fact, "why": one.why, "settle_by": one.settle_by} for one in incident.unknown],
        "disproof": incident.disproof,
        "winsock": [{"call": one.call, "error": one.error, "why": one.why} for one in incident.winsock],
        "owner": incident.owner,
        "fix": [{"text": one.text, "code": dict(one.code) if full else {}} for one in incident.fix],
        "references": list(incident.references),
        "group": incident.group,
    }
    if not incident.time_known:
        result["time_known"] = False
    if full:
        result["timeline"] = [_row(one) for one in incident.timeline]
        result["silences"] = [_silence(one) for one in incident.silences]
        result["sequence"] = [_sequence(one) for one in incident.sequence]
    return result


def _row(row: TimelineRow) -> Object:
    result: Object = {
        "time": format_instant(row.ts_ns),
        "kind": row.kind,
        "frame": row.frame,
        "from_client": row.from_client,
        "label": row.label,
        "flags": row.flags,
        "length": row.length,
        "note": row.note,
        "decisive": row.decisive,
        "answered": row.answered,
    }
    if row.capture is not None:
        result["capture"] = row.capture
    return result


def _silence(silence: SilenceRow) -> Object:
    return {
        "start": format_instant(silence.start_ns),
        "seconds": _seconds(silence.duration_ns),
        "before_frame": silence.before_frame,
        "after_frame": silence.after_frame,
        "ended_by": silence.ended_by,
        "survived": silence.survived,
        "decisive": silence.decisive,
        "known_limits": [
            {"name": one.name, "seconds": _seconds(one.duration_ns), "source": one.source} for one in silence.limits
        ],
    }


def _sequence(row: SequenceRow) -> Object:
    result: Object = {
        "time": format_instant(row.ts_ns),
        "frame": row.frame,
        "from_client": row.from_client,
        "kind": row.kind,
        "start": row.start,
        "length": row.length,
        "acked": row.acked,
    }
    if row.skipped:
        result["skipped"] = row.skipped
    return result


def _group(group: GroupReport) -> Object:
    return {
        "id": group.id,
        "title": group.title,
        "cause": group.cause,
        "incidents": list(group.incidents),
        "example": group.example,
        "first": format_instant(group.first_ns),
        "last": format_instant(group.last_ns),
        "text": group.text,
    }


def _finding(finding: Finding) -> Object:
    return {
        "id": finding.id,
        "title": finding.title,
        "text": finding.text,
        "frames": list(finding.frames),
        "capture": finding.capture,
        "filter": finding.filter,
        "incidents": list(finding.incidents),
    }
