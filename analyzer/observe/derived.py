"""Observations that several rules share."""

from __future__ import annotations

from analyzer import seqnum
from analyzer.around.lookups import Lookup
from analyzer.around.surroundings import Surroundings
from analyzer.capture.model import Note
from analyzer.endpoint import parse_address
from analyzer.factset import FactSet
from analyzer.flows.model import ACK, RST
from analyzer.observe.opening import lookup_outcome
from analyzer.observe.quality import peer_addresses
from analyzer.signals.ending import EndingKind
from analyzer.signals.opening import OpeningKind
from analyzer.signals.protocol import TlsState
from analyzer.signals.reading import Reading
from analyzer.symptom import Symptom
from analyzer.units import MS, NS

__all__ = ["observe_derived", "observe_peer"]

_LOOKUP_BEFORE_NS = 30 * NS
_SCAN_PORTS = 10
_LARGE = 500
"""Bytes of payload that every path carries in one segment (RFC 9293 §3.7.1: 536)."""
_BUFFERED = 0xFFFF
"""A receiver takes so much before its program reads; its window opens further only as the program goes on reading."""


def observe_peer(facts: FactSet, symptom: Symptom, around: Surroundings) -> None:
    """Set what is known of the log's peer when no flow leads to it."""
    event = symptom.event
    peers = peer_addresses(symptom, around)
    port = event.port if event is not None else None
    if port is not None and peers:
        facts.know("port_seen", any(row.responder.port == port for peer in peers for row in around.to_host(peer)))
    else:
        facts.miss("port_seen", "the log names no port")
    failed = _failed_lookup(symptom, around)
    if around.one_sided:
        facts.miss("name_failed", "only one direction was captured, so an answer may have come")
    elif failed is not None:
        outcome = lookup_outcome(failed.response_code, bool(failed.addresses))
        facts.know("name_lookup", outcome, failed.frames[:4])
        facts.know(
            "name_failed",
            True,
            failed.frames[:4],
            f"The name {failed.name} could not be resolved: {_outcome(outcome)}.",
        )
    elif around.lookups:
        facts.know("name_failed", value=False)
    else:
        facts.miss("name_failed", "no DNS was captured")
    time = symptom.time_ns
    if time is None:
        return
    unanswered = around.unanswered_neighbours(time, 30 * NS + symptom.uncertainty_ns)
    # A gateway that asks for a client that left is no next hop that is missing.
    clients = {peer for peer in unanswered if around.from_host(peer)}
    asked = [
        note
        for peer, notes in unanswered.items()
        if peer not in clients and (not peers or peer in peers or not around.to_host(peer))
        for note in notes
        if _asks_for_itself(note, around)
    ]
    if asked or around.asks_neighbours:
        facts.know("peer_neighbour_unanswered", bool(asked), tuple(note.frame for note in asked[:4]))


def _asks_for_itself(note: Note, around: Surroundings) -> bool:
    """Tell whether a neighbour is sought by an end of traffic; a router that asks seeks it for somebody behind it."""
    if not around.rows:
        return True
    return bool(around.from_host(note.source)) or any(one.client == note.source for one in around.lookups)


def _outcome(word: str) -> str:
    return {
        "name-error": "the server says that it does not exist (NXDOMAIN)",
        "server-failure": "the server failed (SERVFAIL or the like)",
        "no-answer": "nobody answered",
        "no-address": "it has no address",
    }.get(word, word)


def _failed_lookup(symptom: Symptom, around: Surroundings) -> Lookup | None:
    """Return the failed question for the log's peer, or, where the log names no peer, the one just before the error."""
    names = [name for name in symptom.host_names if parse_address(name) is None]
    time = symptom.time_ns
    slack = symptom.uncertainty_ns + NS
    for name in names:
        for lookup in reversed(around.lookups_of(name)):
            if not lookup.addresses and (time is None or lookup.asked_ns <= time + slack):
                return lookup
    if names or time is None:
        return None
    event = symptom.event
    if event is not None and event.remote is not None:
        return None
    near = [
        one
        for one in around.lookups
        if -slack <= time - one.asked_ns <= _LOOKUP_BEFORE_NS + slack
        and not one.addresses
        and one.query_type in (1, 28)
    ]
    answered = {one.name for one in around.lookups if one.addresses}
    near = [one for one in near if one.name not in answered]
    return near[-1] if near else None


def observe_derived(facts: FactSet, symptom: Symptom, reading: Reading, around: Surroundings) -> None:
    """Set the facts of `analyzer.vocabulary.derived` that concern a flow."""
    values = facts.known_values
    handshake, later = values.get("handshake_time"), values.get("later_round_trip")
    if isinstance(handshake, int) and isinstance(later, int):
        facts.know("handshake_slow", handshake >= 5 * later and handshake - later >= 200 * MS)
    _near_handshake(facts, symptom, reading)
    _socket(facts, reading, around)
    _log_agrees(facts, reading)
    _tls(facts, reading)
    facts.know("accepted_then_reset", _accepted_then_reset(reading))
    _family(facts, reading, around)
    _scan(facts, reading, around)
    if reading.established:
        kind = reading.ending.kind
        facts.know("initiator_gave_up_first", kind in (EndingKind.INITIATOR_FIN, EndingKind.INITIATOR_RST))
        run = reading.stuck.get(True) or reading.stuck.get(False)
        if run is not None and run.repeats:
            stuck = run.first.payload_len
            facts.know("large_ever_delivered", run.largest_acked >= stuck > 0)
        _missing_large_answer(facts, reading)


def _socket(facts: FactSet, reading: Reading, around: Surroundings) -> None:
    row = around.socket_of(reading.flow)
    if row is None:
        facts.miss("socket_state", "no socket table was given, or it lacks the flow", "netstat -ano at the time")
        return
    facts.know("socket_state", row.state)
    if row.process or row.pid is not None:
        facts.know(
            "socket_process", f"{row.process or 'process'} ({row.pid})" if row.pid is not None else str(row.process)
        )


_CODES_OF_OPENING = {
    OpeningKind.RESET: (10061, 10060, 10013),
    OpeningKind.UNANSWERED: (10060, 10065, 10051, 10036, 10035),
    OpeningKind.UNACKNOWLEDGED: (10060,),
    OpeningKind.FOREIGN_ACK: (10060, 10048, 10055, 10061),
    OpeningKind.ABANDONED: (10060, 10035, 10004),
}
_CODES_OF_ENDING = {
    EndingKind.RESPONDER_FIN: (10053, 10054, 10058),
    EndingKind.RESPONDER_RST: (10053, 10054, 10052, 10060),
    EndingKind.BOTH_RST: (10053, 10054, 10052),
    EndingKind.SILENCE: (10060, 10053, 10054, 10052, 10065, 10051),
    EndingKind.INITIATOR_FIN: (10053, 10058, 10038, 10060, 10035, 10004),
    EndingKind.INITIATOR_RST: (10053, 10058, 10038, 10060, 10004, 10052, 10054),
    EndingKind.NOTHING: (10035, 10053, 10060, 10004),
}
"""First errors that each ending produces on Windows (Wine's Winsock tests, run on Windows; Microsoft's error list)."""


def _log_agrees(facts: FactSet, reading: Reading) -> None:
    code = facts.known_values.get("log_earlier_code")
    if not isinstance(code, int) or not 10004 <= code <= 10101:
        facts.miss("log_agrees", "the log records no other error shortly before")
        return
    if reading.established:
        expected = _CODES_OF_ENDING[reading.ending.kind]
    else:
        expected = _CODES_OF_OPENING.get(reading.opening.kind, ())
    facts.know("log_agrees", code in expected)


def _near_handshake(facts: FactSet, symptom: Symptom, reading: Reading) -> None:
    opening, time = reading.opening, symptom.time_ns
    if time is None or symptom.source == "capture" or not opening.syns:
        facts.miss("error_near_handshake", "the time of the error is not known")
        return
    slack = symptom.uncertainty_ns
    start = opening.syns[0].ts_ns
    end = opening.syn_acks[0].ts_ns if opening.syn_acks else start
    facts.know("error_near_handshake", start - slack <= time <= end + slack)


def _tls(facts: FactSet, reading: Reading) -> None:
    tls = reading.talk.tls
    if not reading.flow.initiator.head:
        if reading.flow.initiator.data_segments:
            facts.miss("tls_failed", "the capture holds no payload")
        else:
            facts.know("tls_failed", value=False)
        return
    begun = tls in (TlsState.HELLO_ONLY, TlsState.ANSWERED, TlsState.ALERT)
    facts.know("tls_failed", begun and reading.ending.kind is not EndingKind.NOTHING)


def _accepted_then_reset(reading: Reading) -> bool:
    opening, reset = reading.opening, reading.decisive_reset
    if opening.kind is not OpeningKind.COMPLETE or reset is None or reset.segment.from_initiator:
        return False
    if reading.flow.responder.payload_bytes or reading.closing.first_fin is not None:
        return False
    final = opening.final_ack
    started = final.ts_ns if final is not None else reading.flow.first_ns
    first_data = next((s for s in reading.view.initiator if s.payload_len and not s.has(RST)), None)
    if first_data is None:
        return reset.segment.ts_ns - started <= 2 * NS
    if any(seqnum.distance(first_data.seq, s.ack) > _BUFFERED for s in reading.view.responder if s.has(ACK)):
        return False
    round_trip = reading.view.round_trip_ns or 0
    return reset.segment.ts_ns - first_data.ts_ns <= NS + 2 * round_trip and first_data.ts_ns - started <= 2 * NS


def _family(facts: FactSet, reading: Reading, around: Surroundings) -> None:
    flow = reading.flow
    mine = len(flow.responder.endpoint.packed)
    siblings = [
        row
        for row in around.on_port(flow.responder.endpoint.port).near(flow.first_ns, 2 * NS)
        if row.established and row.responder.packed != flow.responder.endpoint.packed
    ]
    if siblings:
        facts.know("sibling_family_differs", any(len(row.responder.packed) != mine for row in siblings))
    instead = [row for row in siblings if len(row.responder.packed) != mine]
    opening = reading.opening
    cancelled = opening.kind is OpeningKind.ABANDONED
    cancelled = cancelled or (opening.kind is OpeningKind.UNANSWERED and len(opening.syns) == 1)
    if cancelled:
        host = flow.initiator.endpoint.packed
        twins = around.to_responder(flow.responder.endpoint).near(flow.first_ns, 2 * NS)
        instead += [row for row in twins if row.established and row.initiator.packed == host]
    fell_back = bool(instead) and (cancelled or opening.kind is OpeningKind.RESET)
    facts.know("fell_back", fell_back, tuple(row.first_frame for row in instead[:2]))


def _scan(facts: FactSet, reading: Reading, around: Surroundings) -> None:
    flow = reading.flow
    near = around.from_host(flow.initiator.endpoint.packed).near(flow.first_ns, 10 * NS)
    targets = around.index.different_responders(near, _SCAN_PORTS, lambda row: not row.initiator_payload)
    facts.know("scan_like", targets >= _SCAN_PORTS)


def _missing_large_answer(facts: FactSet, reading: Reading) -> None:
    """Bytes of the responder below its later small segments or FIN never came, while its small ones did."""
    half, hole = reading.flow.responder, reading.hole
    if hole is None or not half.missing_bytes or reading.view.one_direction:
        facts.know("missing_large_answer", value=False)
        return
    asked = [s.frame for s in reading.view.initiator if s.payload_len and s.frame < hole.frame][-1:]
    # Several of one size, the largest, are full segments: these do pass.
    full = sum(s.payload_len == half.max_payload for s in reading.view.responder) > 1 and half.max_payload >= _LARGE
    missing = half.missing_bytes >= _LARGE and half.max_payload < 1300 and not full
    facts.know("missing_large_answer", missing, (*asked, hole.frame) if missing else ())
