"""Is the verdict on a slice that on the whole? The slice is analysed like any capture, and the two are compared."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.endpoint import Endpoint
from analyzer.facts import VOCABULARY
from analyzer.incidents.target import Target
from analyzer.incidents.tie import Incident
from analyzer.pipeline import Examined, Question, examine
from analyzer.redaction.known import mask_endpoint, mask_log, mask_socket, mask_target
from analyzer.redaction.masks import Masks
from analyzer.report.phrases import score
from analyzer.values import dataclass, replace

__all__ = ["Comparison", "compare"]

_MOST_REASONS = 3


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the second analysis said."""

    same: bool
    """The same cause, culprit and confidence."""
    sentence: str


def compare(examined: Examined, incident: Incident, path: str, masks: Masks | None) -> Comparison:
    """Analyse the slice at ``path`` with what the first analysis had, and compare the incident's verdicts."""
    found = _counterpart(_again(examined, incident, path, masks), incident, masks)
    before = incident.diagnosis
    if found is None:
        return Comparison(False, "Analysed again, this slice shows no such incident: its cause lies in other packets.")
    after = found.diagnosis
    verdict = f"{after.cause}, confidence {after.confidence} ({score(after.score)})"
    if (after.cause, after.confidence) == (before.cause, before.confidence):
        return Comparison(True, f"Analysed again, this slice gives the same verdict: {verdict}.")
    reasons = "; ".join(_differences(incident, found))
    because = f" What it was judged by differs: {reasons}." if reasons else ""
    return Comparison(False, f"Analysed again, this slice gives another verdict: {verdict}.{because}")


def _again(examined: Examined, incident: Incident, path: str, masks: Masks | None) -> Examined:
    question = examined.question
    called = incident.symptom.source == "call"
    logs = [] if incident.log is None else [incident.log.log]
    sockets = list(examined.sockets)
    target, at = (question.endpoint, question.at) if called else (None, None)
    if at is not None:
        # A slice begins later than its capture: a time that was told by the capture's beginning is meant as it was.
        at = replace(at, ns=incident.symptom.time_ns)
    ends = _ends(incident)
    if target is not None and ends:
        target = Target(ends[0].packed, None, ends[0].port)
    if masks is not None:
        logs = [mask_log(log, masks) for log in logs]
        sockets = [mask_socket(row, masks) for row in sockets]
        target = None if target is None else mask_target(target, masks)
    asked = Question(
        captures=[path],
        at=at,
        endpoint=target,
        zone=question.zone,
        rules=question.rules,
        settings=question.settings,
        hash_files=False,
    )
    return examine(asked, logs=logs, sockets=sockets)


def _counterpart(again: Examined, incident: Incident, masks: Masks | None) -> Incident | None:
    found = [one for part in again.parts for one in part.incidents]
    event = incident.symptom.event
    if event is not None:
        lines = [one for one in found if one.symptom.event is not None and one.symptom.event.line == event.line]
        return next(iter(lines), None)
    if incident.symptom.source == "call":
        return next((one for one in found if one.symptom.source == "call"), None)
    ends = _ends(incident)
    if masks is not None:
        ends = tuple(mask_endpoint(one, masks) for one in ends)
    same = [one for one in found if _ends(one) == ends]
    return min(same, key=lambda one: abs(one.time_ns - incident.time_ns), default=None)


def _ends(incident: Incident) -> tuple[Endpoint, ...]:
    reading = incident.diagnosis.examination.reading
    return () if reading is None else (reading.flow.initiator.endpoint, reading.flow.responder.endpoint)


def _differences(before: Incident, after: Incident) -> Iterator[str]:
    """Name the facts that are known otherwise, those first that the first verdict rests on."""
    old, new = before.diagnosis.facts.known_values, after.diagnosis.facts.known_values
    match = before.diagnosis.match
    trace = before.diagnosis.examination.trace(match) if match is not None else None
    used = [one.fact for one in trace.because if one.fact] if trace is not None else []
    names = dict.fromkeys([*used, *sorted(old.keys() | new.keys())])
    shown = 0
    for name in names:
        if old.get(name) == new.get(name) or name not in VOCABULARY:
            continue
        yield f"{name} is {_value(new.get(name))} here and {_value(old.get(name))} in the whole capture"
        shown += 1
        if shown == _MOST_REASONS:
            return


def _value(value: object) -> str:
    return "not known" if value is None else str(value)
