"""What to ask the team that owns the cause: questions that its own logs and settings can answer, with both times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo

from analyzer.report.escape import csv_cell, markdown, markdown_code, plain
from analyzer.report.model import Culprit, Evidence, IncidentReport, Report
from analyzer.report.phrases import connection, count, frames, instant
from analyzer.units import NS, format_duration

__all__ = ["ASKED", "both_times", "local_time", "questions", "questions_markdown", "times_csv"]

ASKED = 20
"""Incidents that another team is asked about, at most."""
_ADDRESSED: Mapping[Culprit, str] = {
    "middlebox": "whoever runs the firewall, NAT or balancer between the two",
    "path": "whoever runs the network between the two",
    "server": "whoever runs the server",
    "client": "whoever runs the client's host",
    "application": "the developers of the client program",
    "unknown": "whoever runs the network and the server",
}
_BOX = (
    "Which device lies between {client} and {server}? As which address and port does the server see the client?",
    "What does its log say of this connection around {time}: when was the session created, when removed, and why?",
    "Which idle limit applies to established TCP connections of this rule or port? {silence}",
    "When it removes a session, does it tell both ends with a RST or drop what comes later in silence?",
    "Did it fail over, reload its policy or restart between {start} and {time}?",
)
_PATH = (
    "Was there a change, a failover or an outage on the path between {client} and {server} at {time}?",
    "Do interface counters or logs show drops in either direction from {start} to {time}?",
    "What is the largest packet that the path carries without fragments, and are ICMP messages let through?",
)
_SERVER = (
    "What does the server's log say of the connection from {client} at {time}?",
    "Which idle limit, request limit or connection limit does the service have? {silence}",
    "Was the service or its host restarted, or did it crash or reload, between {start} and {time}?",
    "Is there a proxy or balancer in front of it that speaks with its address?",
)
_CLIENT = (
    "What did the client's program and its host do at {time}: sleep, change of network, VPN, security software?",
    "Which time limit does the program have for this operation, and what does it do when that passes?",
)
_APPLICATION = (
    "Which call failed at {time}, with which code, and what did the calls before it return?",
    "Does the program act on recv returning 0 and on each error before it uses the socket again?",
    "{silence}",
)
_ASKED: Mapping[Culprit, tuple[str, ...]] = {
    "middlebox": (*_BOX, _PATH[2]),
    "path": (*_PATH, *_BOX[:2]),
    "server": _SERVER,
    "client": _CLIENT,
    "application": (*_APPLICATION, *_SERVER[:1]),
    "unknown": (*_BOX[:2], *_SERVER[:1]),
}


def local_time(ns: int, zone: tzinfo) -> str:
    """Return an instant in a zone, ``2026-05-26 04:03:11.120 +02:00``, cut to milliseconds."""
    try:
        moment = datetime.fromtimestamp(ns // NS, UTC).astimezone(zone)
    except (OverflowError, OSError, ValueError):
        return instant(ns)
    offset = moment.strftime("%z")
    return f"{moment:%Y-%m-%d %H:%M:%S}.{ns % NS // 1_000_000:03d} {offset[:3]}:{offset[3:5]}"


def both_times(ns: int, zone: tzinfo) -> str:
    """Return an instant in UTC and in a zone."""
    return f"{instant(ns)} ({local_time(ns, zone)})"


def questions(incident: IncidentReport, zone: tzinfo) -> list[str]:
    """Return the questions for one incident, each one sentence or two."""
    decisive = next((one for one in incident.silences if one.decisive), None)
    first = min((row.ts_ns for row in incident.timeline), default=incident.time_ns)
    values = {
        "client": incident.client or "the client",
        "server": incident.server or "the server",
        "time": both_times(incident.time_ns, zone),
        "start": both_times(first, zone),
        "silence": ""
        if decisive is None
        else f"The connection was silent for {format_duration(decisive.duration_ns)} before it was found dead, "
        f"from {both_times(decisive.start_ns, zone)}.",
    }
    asked = [text.format(**values).strip() for text in _ASKED[incident.culprit]]
    asked += [f"{one.fact.rstrip('.')}: {one.why.rstrip('.')}. {one.settle_by}" for one in incident.unknown]
    if incident.disproof:
        asked.append(f"Did you see this, which would prove the verdict wrong: {incident.disproof}")
    return [text for text in asked if text]


def questions_markdown(report: Report, zone: tzinfo) -> str:
    """Return the questions for the leading incidents, at most `ASKED`, as Markdown that also reads as text."""
    lines = ["# Questions", ""]
    leading = report.leading()
    for incident in report.leading(ASKED):
        lines += [
            f"## Incident {plain(incident.id)}: {markdown(incident.title)}",
            "",
            f"For {_ADDRESSED[incident.culprit]}.",
            "",
            f"- Connection: {markdown_code(connection(incident))}",
            f"- Time: {both_times(incident.time_ns, zone)}",
            *[f"- Proof: {markdown(one.statement)}{_place(one)}" for one in incident.evidence[:4]],
            "",
            *[f"{number}. {markdown(text)}" for number, text in enumerate(questions(incident, zone), 1)],
            "",
        ]
    if len(leading) > ASKED:
        lines += [f"The report has {count(len(leading) - ASKED, 'more incident')} that nobody is asked about here.", ""]
    lines.append("Times are those of the capturing host's clock, in UTC and in local time; frames are the capture's.")
    return "\n".join(lines) + "\n"


def _place(evidence: Evidence) -> str:
    return f" ({frames(evidence.frames)})" if evidence.frames else ""


def times_csv(report: Report, zone: tzinfo) -> str:
    """Return the timeline of each worked-out incident as CSV with both times, for other teams' logs."""
    return "\r\n".join(_rows(report, zone)) + "\r\n"


def _rows(report: Report, zone: tzinfo) -> Iterator[str]:
    yield "incident,frame,utc,local,what,note"
    for incident in report.leading():
        for row in (one for one in incident.timeline if one.kind != "elided"):
            cells = (
                incident.id, "" if row.frame is None else str(row.frame), instant(row.ts_ns, 6),
                local_time(row.ts_ns, zone), row.label, row.note,
            )  # fmt: skip
            yield ",".join('"' + csv_cell(cell).replace('"', '""') + '"' for cell in cells)
