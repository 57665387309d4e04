"""Reports on thousands of incidents: which are told in full, and which of those each of the others is like."""

from __future__ import annotations

from collections.abc import Collection

from analyzer.report.model import IncidentReport, Report
from analyzer.report.phrases import count

__all__ = ["FULL", "MOST_BYTES", "frames_of", "likeness", "shortening", "told_in_full"]

MOST_BYTES = 5_000_000
"""What a report may weigh: what is larger is refused by ticket systems and mail servers, or never opened."""
FULL = 200
"""Incidents that a dialect for programs tells in full, at most."""
_MOST_FRAMES = 8


def told_in_full(report: Report) -> list[IncidentReport]:
    """Return up to `FULL` incidents: the first of each cause, then of each cause in each capture, then what leads.

    Each cause is there in any case, so that every other incident has one that it is like.
    """
    leading = report.leading()
    firsts: dict[object, IncidentReport] = {}
    for one in (*leading, *report.incidents):
        firsts.setdefault(one.cause, one)
    causes = len(firsts)
    for one in leading:
        firsts.setdefault((one.cause, one.capture), one)
    ordered = {one.id: one for one in (*firsts.values(), *leading)}
    return list(ordered.values())[: max(FULL, causes)]


def likeness(report: Report, full: Collection[str]) -> dict[str, str]:
    """Return, by id, which of the ``full`` ones each other incident is like.

    That is its group's example, else the first of its cause in its capture, else the first of its cause.
    """
    examples = {group.id: group.example for group in report.groups if group.example in full}
    firsts: dict[object, str] = {}
    for one in report.incidents:
        if one.id in full:
            firsts.setdefault(one.cause, one.id)
            firsts.setdefault((one.cause, one.capture), one.id)
    return {
        one.id: examples.get(one.group or "") or firsts.get((one.cause, one.capture)) or firsts[one.cause]
        for one in report.incidents
        if one.id not in full
    }


def frames_of(incident: IncidentReport) -> list[int]:
    """Return the first few frames that an incident's evidence names, in order."""
    return sorted({number for one in incident.evidence for number in one.frames})[:_MOST_FRAMES]


def shortening(report: Report, short: int, how: str) -> str:
    """Return the sentence that says how many incidents are told in short; ``how`` says where the rest is told."""
    return f"Of {count(len(report.incidents), 'incident')}, {short:,} are told in short: {how}"
