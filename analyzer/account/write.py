"""Diagnoses to the report's plain data: the last step, and the only one that writes prose."""

from __future__ import annotations

from typing import cast

from analyzer.account.story import decisive_frames, sequence, silences, timeline
from analyzer.around.surroundings import Surroundings
from analyzer.around.twins import Twin, twin_of
from analyzer.facts import VOCABULARY
from analyzer.incidents.diagnose import Diagnosis, level
from analyzer.incidents.tie import Incident
from analyzer.logs.model import LogEvent
from analyzer.report.model import (
    Alternative,
    Culprit,
    Evidence,
    Fix,
    IncidentReport,
    LogLine,
    Unknown,
    WinsockAnswer,
)
from analyzer.report.phrases import frame_filter, parties
from analyzer.ruleset.evaluate import Match, Reason, compile_condition
from analyzer.ruleset.knowledge import Fix as Advice
from analyzer.ruleset.knowledge import Knowledge, render_summary
from analyzer.ruleset.load import RuleSet
from analyzer.units import format_instant
from analyzer.values import replace

__all__ = ["brief_report", "incident_report", "repeated"]

_MOST_EVIDENCE = 8
_MOST_UNKNOWN = 4
_MOST_ALTERNATIVES = 3
_UNKNOWN = "an unknown time"


def incident_report(
    number: int, incident: Incident, around: Surroundings, rules: RuleSet, *, full: bool = True
) -> IncidentReport:
    """Write one incident down. Without ``full`` only what a table row and a program need is there."""
    diagnosis = incident.diagnosis
    reading = diagnosis.examination.reading
    knowledge = rules.knowledge(diagnosis.cause)
    short = brief_report(number, incident, around, rules)
    evidence = _evidence(incident, reading.flow.stream if reading is not None else None)
    if around.others and reading is not None:
        evidence += _elsewhere(twin_of(around, reading.flow.index))
    return replace(
        short,
        summary=_summary(incident, knowledge, short.client, short.server),
        log=_log_line(incident.symptom.event),
        evidence=evidence,
        against=_against(diagnosis),
        unknown=_unknown(diagnosis) if full else (),
        alternatives=_alternatives(diagnosis, rules),
        disproof=(knowledge.counter_evidence[0] if knowledge.counter_evidence else "") if full else "",
        winsock=tuple(WinsockAnswer(one.call, one.error, one.why) for one in knowledge.winsock) if full else (),
        fix=tuple(Fix(one.text, one.code) for one in knowledge.fix if _suits(one, diagnosis)) if full else (),
        references=knowledge.references if full else (),
        timeline=timeline(incident, around) if full else (),
        silences=silences(incident) if full else (),
        sequence=sequence(incident) if full else (),
    )


def brief_report(number: int, incident: Incident, around: Surroundings, rules: RuleSet) -> IncidentReport:
    """Write down the verdict on one incident and nothing that leads to it."""
    diagnosis = incident.diagnosis
    reading = diagnosis.examination.reading
    cause = rules.causes[diagnosis.cause]
    client, server = _parties(incident)
    stream = reading.flow.stream if reading is not None else None
    if "no-network-cause" in rules.lineage(diagnosis.cause) and incident.symptom.source == "log":
        # The connection is well; naming it as the incident's would accuse a healthy stream.
        stream = None
    return IncidentReport(
        id=str(number),
        source=incident.symptom.source,
        time_ns=incident.time_ns,
        time_known=incident.time_known,
        cause=diagnosis.cause,
        confidence=diagnosis.confidence,
        score=round(diagnosis.score, 3),
        culprit=cast("Culprit", _culprit(diagnosis, cause.culprit)),
        title=cause.title.rstrip(".") + parties(client, server),
        summary="",
        stream=stream,
        capture=around.capture.info.path,
        client=client,
        server=server,
        owner=cause.owner,
    )


def repeated(number: int, incident: Incident, alike: IncidentReport) -> IncidentReport:
    """Write down an error that shares its diagnosis with one that is written already."""
    symptom = incident.symptom
    return replace(
        alike,
        id=str(number),
        time_ns=incident.time_ns,
        time_known=incident.time_known,
        log=_log_line(symptom.event),
        source=symptom.source,
    )


def _log_line(event: LogEvent | None) -> LogLine | None:
    if event is None:
        return None
    return LogLine(event.path, event.line, event.text, event.call, event.code)


def _parties(incident: Incident) -> tuple[str | None, str | None]:
    reading = incident.diagnosis.examination.reading
    if reading is not None:
        return str(reading.flow.initiator.endpoint), str(reading.flow.responder.endpoint)
    event = incident.symptom.event
    if event is None:
        return None, None
    if event.remote is not None:
        return None, str(event.remote)
    names = incident.symptom.host_names
    if names:
        return None, f"{names[0]}:{event.port}" if event.port is not None else names[0]
    return None, event.endpoint_text


def _culprit(diagnosis: Diagnosis, usual: str) -> str:
    return diagnosis.match.rule.culprit or usual if diagnosis.match is not None else usual


def _suits(fix: Advice, diagnosis: Diagnosis) -> bool:
    """Tell whether it is advice for this incident; what is not known to be is left out."""
    return fix.when is None or compile_condition(fix.when)(diagnosis.facts.known_values) is True


def _summary(incident: Incident, knowledge: Knowledge, client: str | None, server: str | None) -> str:
    parties = {
        "client": client or "the client",
        "server": server or "the server",
        "time": f"{format_instant(incident.time_ns)[:23].replace('T', ' ')} UTC" if incident.time_known else _UNKNOWN,
    }
    text = render_summary(knowledge.summary, incident.diagnosis.facts, parties)
    return f"{text} {incident.log.clock.describe()}." if incident.log is not None else text


def _evidence(incident: Incident, stream: int | None) -> tuple[Evidence, ...]:
    diagnosis = incident.diagnosis
    match = diagnosis.match
    if match is None:
        return ()
    reasons = [reason for reason in diagnosis.examination.trace(match).because if _telling(reason)]
    reasons.sort(key=lambda reason: not reason.frames)
    told = [reason.statement.rstrip(".") for reason in reasons]
    # "It was established" adds nothing to "it was established and healthy".
    reasons = [reason for reason, text in zip(reasons, told, strict=True) if not _said_more_fully(text, told)]
    found = [_as_evidence(reason, stream) for reason in reasons[:_MOST_EVIDENCE]]
    shown = {frame for one in found for frame in one.frames}
    decisive = decisive_frames(incident)
    if decisive and not shown & set(decisive):
        what = "These packets decide it." if len(decisive) > 1 else "This packet decides it."
        found.append(Evidence(what, decisive, frame_filter(decisive)))
    return tuple(found)


def _said_more_fully(text: str, told: list[str]) -> bool:
    return any(other != text and other.startswith(text) for other in told)


def _elsewhere(twin: Twin | None) -> tuple[Evidence, ...]:
    """Say where another capture of the run holds the same connection."""
    if twin is None:
        return ()
    flow = twin.view.flow
    return (
        Evidence(
            f"The capture {twin.name} holds the same connection, from {flow.initiator.endpoint} to "
            f"{flow.responder.endpoint}, as tcp.stream {flow.stream}, frames {flow.first_frame} to {flow.last_frame}."
        ),
    )


def _telling(reason: Reason) -> bool:
    """Tell whether a condition is evidence; one that merely rules out another cause is so only with frames."""
    if reason.fact in ("source", "flow_found"):
        return False
    fact = VOCABULARY.get(reason.fact or "")
    return bool(reason.frames) or fact is None or bool(fact.says) or bool(reason.statement)


def _as_evidence(reason: Reason, stream: int | None) -> Evidence:
    if not reason.frames:
        return Evidence(reason.statement)
    lead = f"tcp.stream == {stream} && " if stream is not None and reason.fact not in _OTHER_PACKETS else ""
    return Evidence(reason.statement, reason.frames, lead + frame_filter(reason.frames))


_OTHER_PACKETS = frozenset(
    (
        "name_lookup",
        "name_failed",
        "icmp_error",
        "icmp_from_responder",
        "neighbour_unanswered",
        "peer_neighbour_unanswered",
        "sibling_attempts",
        "sibling_connected",
        "responder_accepted_others",
        "responder_alive_elsewhere",
        "flows_stopped_together",
        "responder_restart_seen",
        "ftp_announced",
        "ftp_transfer_time",
        "ftp_reply_awaited",
        "initiator_address_changed",
    )
)
"""Facts whose frames lie outside the incident's own stream."""


def _against(diagnosis: Diagnosis) -> tuple[Evidence, ...]:
    found: list[Evidence] = []
    if diagnosis.match is not None:
        trace = diagnosis.examination.trace(diagnosis.match)
        found += [Evidence(reason.statement, reason.frames, frame_filter(reason.frames)) for reason in trace.against]
    found += [Evidence(cap.because) for cap in diagnosis.caps]
    return tuple(found)


def _unknown(diagnosis: Diagnosis) -> tuple[Unknown, ...]:
    if diagnosis.match is None:
        return ()
    missing = diagnosis.examination.trace(diagnosis.match).missing
    told = [
        Unknown(VOCABULARY[name].meaning if name in VOCABULARY else name, _begun(fact.reason), _begun(fact.settle_by))
        for name, fact in missing
    ]
    return tuple(one for one in told if one.settle_by)[:_MOST_UNKNOWN]


def _begun(clause: str) -> str:
    return clause[:1].upper() + clause[1:]


def _alternatives(diagnosis: Diagnosis, rules: RuleSet) -> tuple[Alternative, ...]:
    found: list[Alternative] = []
    for match in diagnosis.others[:_MOST_ALTERNATIVES]:
        score = min(match.score, diagnosis.score)
        found.append(
            Alternative(
                match.cause,
                level(score),
                round(score, 3),
                _why_not(diagnosis, match, rules),
                rules.causes[match.cause].title,
            )
        )
    return tuple(found)


def _why_not(diagnosis: Diagnosis, match: Match, rules: RuleSet) -> str:
    against = diagnosis.examination.trace(match).against
    if against:
        return against[0].statement
    for look_alike in rules.knowledge(diagnosis.cause).look_alikes:
        if look_alike.cause == match.cause:
            return look_alike.tell_apart
    return "It fits the same packets, and less of what was seen speaks for it."
