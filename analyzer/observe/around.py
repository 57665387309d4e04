"""What other flows and hosts did at the same time."""

from __future__ import annotations

from analyzer.around.moves import address_taken
from analyzer.around.surroundings import Surroundings
from analyzer.factset import FactSet
from analyzer.flows.model import ACK, FIN, RST
from analyzer.signals.ending import EndingKind
from analyzer.signals.reading import Reading
from analyzer.signals.reset import Origin, ResetForm
from analyzer.symptom import Symptom
from analyzer.units import NS

__all__ = ["observe_around"]

_STOPPED_TOGETHER_NS = 10 * NS
_OWED_NS = 3 * NS
"""A server that owes a reply longer than this is not well (RFC 6298: a retransmission would have come)."""
_MOVED_NS = 90 * NS
"""A host has another address and uses it within this time, or what stopped before had another reason."""
_HEARD_ANEW_NS = 10 * NS
"""A host without its address asks for another at once, and its programs connect again."""


def observe_around(facts: FactSet, symptom: Symptom, reading: Reading, around: Surroundings) -> None:
    """Set the facts of `analyzer.vocabulary.around.AROUND`."""
    flow = reading.flow
    _at_error(facts, symptom, reading, around)
    since = _lost_since(reading)
    if since is not None:
        others = [
            row
            for row in around.to_host(flow.responder.endpoint.packed).near(since, 3600 * NS, 30 * NS)[-500:]
            if row.index != flow.index and row.responder_packets and row.last_ns > since
        ]
        alive = [row for row in others if row.responder_last_ns is not None and row.responder_last_ns > since]
        if others:
            facts.know("responder_alive_elsewhere", bool(alive), tuple(row.last_frame for row in alive[:3]))
        else:
            facts.miss("responder_alive_elsewhere", "no other connection to that server was captured")
        stopped = [
            row
            for row in around.from_host(flow.initiator.endpoint.packed).near(since, 3600 * NS, 30 * NS)[-500:]
            if row.unanswered_since_ns is not None and abs(row.unanswered_since_ns - since) <= _STOPPED_TOGETHER_NS
        ]
        facts.know("flows_stopped_together", max(1, len(stopped)), tuple(row.last_frame for row in stopped[:4]))
        facts.know("peers_stopped_together", max(1, len({row.responder.packed for row in stopped})))
    _lost_state(facts, reading, around)
    _address_change(facts, symptom, reading, around)
    facts.know("attempts_per_minute", around.attempts_near(flow.responder.endpoint, flow.last_ns, 30 * NS))
    recent = around.from_host(flow.initiator.endpoint.packed).near(flow.first_ns, 240 * NS, 0)
    facts.know("local_ports_in_use", around.index.local_ports(recent))
    _translated(facts, reading, around)


def _translated(facts: FactSet, reading: Reading, around: Surroundings) -> None:
    """See the same data leave for the same server from another endpoint: a translating box gave it a new one.

    Only a capture on both sides of the box shows that; the old mapping's own twin has a SYN or began with this flow.
    """
    request = next((one for one in reversed(reading.view.initiator) if one.payload_len), None)
    if request is not None and not reading.view.unnumbered:
        for row in around.to_responder(reading.flow.responder.endpoint).near(request.ts_ns, NS):
            if row.saw_syn or row.index == reading.flow.index or row.initiator == reading.flow.initiator.endpoint:
                continue
            if abs(row.first_ns - request.ts_ns) > NS or row.first_ns - reading.flow.first_ns < NS:
                continue
            first = next(iter(around.view(row.index).initiator), None)
            if first is not None and (first.seq, first.payload_len) == (request.seq, request.payload_len):
                facts.know("same_payload_other_port", True, (request.frame, first.frame))
                return
    facts.miss("same_payload_other_port", "there is no capture from the responder's side")


def _lost_since(reading: Reading) -> int | None:
    """When packets of the initiator stopped being answered."""
    if reading.ending.kind is EndingKind.SILENCE and reading.ending.starts is not None:
        return reading.ending.starts.ts_ns
    if reading.opening.syns and not reading.flow.responder.packets:
        return reading.opening.syns[0].ts_ns
    return None


def _at_error(facts: FactSet, symptom: Symptom, reading: Reading, around: Surroundings) -> None:
    time = symptom.time_ns
    if time is None or symptom.source == "capture":
        facts.miss("healthy_at_error", "the time of the error is not known")
        facts.miss("worked_after_error", "the time of the error is not known")
        return
    slack = symptom.uncertainty_ns
    flow, view = reading.flow, reading.view
    last = around.capture.info.last_ns or flow.last_ns
    beyond = time > last + slack + NS
    facts.know("error_after_capture", beyond)
    ended = reading.ending.starts
    opened = reading.opening.final_ack.ts_ns if reading.opening.final_ack is not None else flow.first_ns
    healthy = reading.established and time + slack >= opened and (ended is None or ended.ts_ns > time + slack)
    owed = facts.known_values.get("ftp_reply_awaited")
    healthy = healthy and not (isinstance(owed, int) and owed >= _OWED_NS)
    healthy = healthy and not facts.known_values.get("ftp_data_refused")
    if healthy and beyond:
        facts.miss("healthy_at_error", "the capture ends before the error", "a capture that goes on past the error")
    else:
        facts.know("healthy_at_error", healthy)
    later = [s for s in view.segments if s.ts_ns > time + slack]
    data = [s for s in later if s.payload_len > 1 and not s.has(RST)]
    answered = any(s.has(ACK) and not s.has(RST | FIN) and s.frame > data[0].frame for s in later) if data else False
    facts.know("worked_after_error", answered, (data[0].frame,) if data else ())


def _lost_state(facts: FactSet, reading: Reading, around: Surroundings) -> None:
    reset = reading.decisive_reset
    lost = (
        reset is not None
        and not reset.segment.from_initiator
        and reset.form is ResetForm.NO_STATE
        and reset.answers is not None
        and reset.origin is not Origin.MIDDLEBOX
        and reading.closing.responder_fin is None
        and reading.established
    )
    facts.know("responder_lost_state", lost, (reset.segment.frame,) if reset is not None and lost else ())
    if not lost or reset is None:
        facts.know("responder_restart_seen", value=False)
        return
    when = reset.segment.ts_ns
    server = reading.flow.responder.endpoint
    refused = [
        row
        for row in around.to_host(server.packed).near(when, 60 * NS)
        if row.index != reading.flow.index and row.saw_syn and not row.established and row.rsts
    ]
    run = reading.stuck.get(True)
    dark = run is not None and run.repeats >= 1 and run.first.frame < reset.segment.frame
    if refused:
        facts.know(
            "responder_restart_seen",
            True,
            (refused[0].first_frame,),
            "The server refused a new connection at about the same time: its service was not listening.",
        )
    elif dark:
        facts.know(
            "responder_restart_seen",
            True,
            tuple(s.frame for s in run.sends[:3]) if run is not None else (),
            "Before that RST the server answered nothing for a while.",
        )
    else:
        facts.know("responder_restart_seen", value=False)


def _address_change(facts: FactSet, symptom: Symptom, reading: Reading, around: Surroundings) -> None:
    since = _lost_since(reading)
    if since is not None:
        until = max(since, reading.flow.initiator.last_ns or since) + _MOVED_NS
    elif reading.ending.kind is EndingKind.NOTHING and symptom.time_ns is not None:
        # The error comes at once, the new address is heard when the host next has something to say.
        until = symptom.time_ns + symptom.uncertainty_ns + _HEARD_ANEW_NS
    else:
        facts.know("initiator_address_changed", value=False)
        return
    change = address_taken(around, reading.flow, until)
    facts.know("initiator_address_changed", change is not None, (change[1],) if change is not None else ())
