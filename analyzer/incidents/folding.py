"""One error seen by several captures of a run is one incident: the one that can tell most of it is kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

from analyzer.around.twins import mark_of
from analyzer.flows.model import RST
from analyzer.incidents.tie import Incident

__all__ = ["fold"]

_MARGIN = 0.10
"""By so much a view must be surer to be preferred to one nearer to the program that met the error."""
_SHARED = 2
"""Packets of equal numbers and lengths that two connections have in common only where they are one."""
_MOST_LATE = 100
_OF_ABSENCE = ("never-connected", "insufficient-evidence")
"""What one capture lacks may be in another."""


def fold(found: Sequence[Sequence[Incident]]) -> list[list[Incident]]:
    """Return the incidents of each capture without those that another capture's tell better, in their order."""
    seen: dict[Hashable, list[tuple[int, Incident]]] = defaultdict(list)
    late: list[tuple[int, Incident]] = []
    for number, incidents in enumerate(found):
        for incident in incidents:
            identity = _identity(incident)
            if identity is not None:
                seen[identity].append((number, incident))
            elif incident.symptom.source == "capture":
                late.append((number, incident))
    for number, incident in late[:_MOST_LATE]:
        # Its beginning is under another address or before the capture; the same packets tell all the same.
        for views in seen.values():
            if any(other != number and _share_packets(incident, view) for other, view in views):
                views.append((number, incident))
                break
    dropped: set[int] = set()
    for views in seen.values():
        captures = {number for number, _ in views}
        if len(captures) < 2 or len(captures) < len(views):
            # Numbers that one capture holds twice, as a generator of packets makes them, tell nothing apart.
            continue
        best = _best(views)
        dropped |= {id(incident) for number, incident in views if number != best}
    return [[incident for incident in incidents if id(incident) not in dropped] for incidents in found]


def _identity(incident: Incident) -> Hashable:
    """Return what two views of one incident share: the line of the log, or the connection's first number and port."""
    event = incident.symptom.event
    if event is not None:
        return event.path, event.line, event.text
    reading = incident.diagnosis.examination.reading
    if incident.symptom.source == "call":
        return "call"
    if reading is None or reading.flow.initiator.isn is None:
        return None
    return reading.flow.initiator.isn, reading.flow.responder.endpoint.port


def _share_packets(one: Incident, other: Incident) -> bool:
    first, second = one.diagnosis.examination.reading, other.diagnosis.examination.reading
    if first is None or second is None:
        return False
    marks = [{mark_of(s) for s in reading.view.segments} for reading in (first, second)]
    return len(marks[0] & marks[1]) >= _SHARED


def _best(views: Sequence[tuple[int, Incident]]) -> int:
    """Return the number of the capture whose view is kept."""
    highest = max(_weight(incident) for _, incident in views)
    near = [
        (hops, -number)
        for number, incident in views
        if (weight := _weight(incident))[0] == highest[0] and weight[1] >= highest[1] - _MARGIN
        for hops in (_nearness(incident),)
    ]
    return -max(near)[1]


def _weight(incident: Incident) -> tuple[bool, float]:
    """Return whether a view rests on what it has rather than on what it lacks, and how sure it is."""
    return incident.diagnosis.cause not in _OF_ABSENCE, incident.diagnosis.score


def _nearness(incident: Incident) -> int:
    """Return the TTL of the initiator's packets: each router on the way takes one off."""
    reading = incident.diagnosis.examination.reading
    if reading is None:
        return 0
    return next((s.ttl for s in reading.view.initiator if not s.has(RST)), 0)
