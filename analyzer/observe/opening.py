"""How the connection was made, or how that failed."""

from __future__ import annotations

from analyzer.around.surroundings import Surroundings
from analyzer.factset import FactSet
from analyzer.flows.model import ACK
from analyzer.signals.opening import OpeningKind
from analyzer.signals.reading import Reading
from analyzer.signals.reset import Origin
from analyzer.units import NS, format_duration

__all__ = ["observe_opening"]

_STACK_GIVES_UP_NS = 18 * NS
"""The shortest span after which a Windows stack has sent its last SYN and gives up (3 SYNs: 9 s, then 12 s more)."""


def observe_opening(facts: FactSet, reading: Reading, around: Surroundings) -> None:
    """Set the facts of `analyzer.vocabulary.opening.OPENING`."""
    opening, flow = reading.opening, reading.flow
    if opening.kind is OpeningKind.NOT_SEEN:
        facts.miss(
            "opening", "the capture holds no packet of the handshake", "a capture that starts before the connect"
        )
    elif opening.kind is OpeningKind.UNACKNOWLEDGED and len(opening.syns) == len(opening.syn_acks) == 1:
        # An unfinished handshake repeats within seconds (RFC 6298 section 2): a packet or the end was not captured.
        facts.miss("opening", "neither SYN nor SYN-ACK was repeated, so how the handshake went on was not captured")
    else:
        facts.know("opening", opening.kind.value, _frames(reading), _outcome(reading))
    if opening.syns:
        syns = tuple(s.frame for s in opening.syns)
        facts.know("syn_count", len(syns), syns[:6])
        facts.know("syn_span", opening.span_ns, (syns[0], syns[-1]))
        last = around.capture.info.last_ns or flow.last_ns
        if last - opening.syns[-1].ts_ns >= _STACK_GIVES_UP_NS or opening.kind is not OpeningKind.UNANSWERED:
            facts.know("syn_schedule_cut_short", last - opening.syns[0].ts_ns > _STACK_GIVES_UP_NS and len(syns) < 3)
    if opening.handshake_ns is not None:
        pair = (opening.syns[0].frame, opening.syn_acks[0].frame)
        facts.know("handshake_time", opening.handshake_ns, pair)
        round_trip = _later_round_trip(reading)
        if round_trip is not None:
            facts.know("later_round_trip", round_trip)
    facts.know("syn_acks_repeated", opening.repeated_syn_acks, tuple(s.frame for s in opening.syn_acks[:6]))
    facts.know("initiator_reset_syn_ack", opening.kind is OpeningKind.ABANDONED)
    _syn_reset(facts, reading)
    _icmp(facts, reading, around)
    _name(facts, reading, around)
    _neighbour(facts, reading, around)
    _siblings(facts, reading, around)
    facts.know("ports_reused", flow.reused_ports)
    stray = opening.foreign_ack
    facts.know("foreign_ack_seen", stray is not None, (stray.frame,) if stray is not None else ())
    _first_use(facts, reading)


def _frames(reading: Reading) -> tuple[int, ...]:
    opening = reading.opening
    frames = [s.frame for s in opening.syns[:3]] + [s.frame for s in opening.syn_acks[:2]]
    ends = (opening.foreign_ack, opening.reset, opening.final_ack)
    frames += [one.frame for one in ends if one is not None]
    return tuple(sorted(set(frames)))


def _outcome(reading: Reading) -> str:
    opening = reading.opening
    syns = len(opening.syns)
    times = f"{syns} SYNs" if syns != 1 else "one SYN"
    match opening.kind:
        case OpeningKind.RESET:
            return f"The client's {times} met a RST that bears the server's address; no connection was made."
        case OpeningKind.UNANSWERED:
            return f"The client sent {times} over {format_duration(opening.span_ns)} and nothing came back."
        case OpeningKind.UNACKNOWLEDGED:
            return f"{len(opening.syn_acks)} SYN-ACKs came back and the client never acknowledged one."
        case OpeningKind.FOREIGN_ACK:
            return "The server answered the SYN with an ACK that belongs to an older connection on the same ports."
        case OpeningKind.ABANDONED:
            return "The client answered the server's SYN-ACK with a RST: it no longer wanted the connection."
        case _:
            return "The handshake completed."


def _syn_reset(facts: FactSet, reading: Reading) -> None:
    opening = reading.opening
    if opening.kind is not OpeningKind.RESET or opening.reset is None:
        return
    judged = next((reset for reset in reading.resets if reset.segment.frame == opening.reset.frame), None)
    if judged is None or judged.origin is Origin.UNDETERMINED:
        facts.miss(
            "syn_reset_by_box",
            "no other packet of the server was captured to compare the RST with",
            "a capture at the server: did it send this RST?",
        )
        return
    box = judged.origin is Origin.MIDDLEBOX
    facts.know("syn_reset_by_box", box, (opening.reset.frame,), _because(judged.reasons, box=box))


def _because(reasons: tuple[str, ...], *, box: bool) -> str:
    lead = "The RST does not fit the server" if box else "The RST fits the server"
    return f"{lead}: {'; '.join(reasons)}." if reasons else f"{lead}."


def _icmp(facts: FactSet, reading: Reading, around: Surroundings) -> None:
    hits = around.icmp_errors(reading.flow)
    if not hits:
        facts.know("icmp_error", "none")
        return
    hit = hits[0]
    facts.know(
        "icmp_error",
        hit.kind,
        tuple(one.note.frame for one in hits[:4]),
        f"An ICMP error ({hit.kind.replace('-', ' ')}) quotes a packet of this connection.",
    )
    facts.know("icmp_from_responder", hit.note.source == reading.flow.responder.endpoint.packed, (hit.note.frame,))


def _name(facts: FactSet, reading: Reading, around: Surroundings) -> None:
    client = reading.flow.initiator.endpoint.packed
    asked = [one for one in around.lookups if one.client == client and one.asked_ns <= reading.flow.first_ns]
    if not asked:
        facts.miss("name_lookup", "no DNS was captured")
        return
    last = asked[-1]
    facts.know("name_lookup", lookup_outcome(last.response_code, bool(last.addresses)), last.frames[:4])


def lookup_outcome(code: int | None, has_addresses: bool) -> str:
    """Return the word that the vocabulary uses for the end of a DNS question (RFC 1035 §4.1.1)."""
    if code is None:
        return "no-answer"
    if code == 0:
        return "answered" if has_addresses else "no-address"
    return "name-error" if code == 3 else "server-failure"


def _neighbour(facts: FactSet, reading: Reading, around: Surroundings) -> None:
    flow = reading.flow
    questions, answered = around.neighbour_questions(flow.responder.endpoint.packed, flow.first_ns, 30 * NS)
    if questions:
        facts.know("neighbour_unanswered", not answered, tuple(note.frame for note in questions[:4]))
    else:
        # A SYN on the wire had a link-layer address to go to.
        facts.know("neighbour_unanswered", value=False)


def _siblings(facts: FactSet, reading: Reading, around: Surroundings) -> None:
    flow = reading.flow
    host, target = flow.initiator.endpoint.packed, flow.responder.endpoint
    siblings = [
        row
        for row in around.from_host(host).near(flow.first_ns, 2 * NS)
        if row.responder.port == target.port and row.responder.packed != target.packed and row.saw_syn
    ]
    siblings += [
        row
        for row in around.on_port(target.port).near(flow.first_ns, 2 * NS)
        if len(row.responder.packed) != len(target.packed) and row.saw_syn and row not in siblings
    ]
    facts.know("sibling_attempts", len(siblings), tuple(row.first_frame for row in siblings[:4]))
    if siblings:
        connected = [row for row in siblings if row.established]
        facts.know("sibling_connected", bool(connected), tuple(row.first_frame for row in connected[:2]))
    near = [
        row
        for row in around.to_responder(target).near(flow.first_ns, 30 * NS)
        if row.index != flow.index and row.established
    ]
    facts.know("responder_accepted_others", len(near), tuple(row.first_frame for row in near[:4]))
    facts.know("attempts_together", around.attempts_near(target, flow.first_ns, NS // 2))


def _later_round_trip(reading: Reading) -> int | None:
    """Return the shortest time from data to its acknowledgment after the handshake."""
    sent: dict[int, int] = {}
    best: int | None = None
    for s in reading.view.segments:
        if s.from_initiator and s.payload_len:
            sent.setdefault(s.end_seq, s.ts_ns)
        elif not s.from_initiator and s.has(ACK) and s.ack in sent:
            took = s.ts_ns - sent[s.ack]
            best = took if best is None else min(best, took)
    return best


def _first_use(facts: FactSet, reading: Reading) -> None:
    """How long the initiator left a finished connection unused."""
    final = reading.opening.final_ack
    if final is None:
        return
    first = next((s for s in reading.view.initiator if s.payload_len and s.frame >= final.frame), None)
    banner = next((s for s in reading.view.responder if s.payload_len), None)
    start = final
    if banner is not None and (first is None or banner.frame < first.frame):
        # Where the server speaks first, a client is due only after its words.
        start = banner
    until = first.ts_ns if first is not None else reading.flow.last_ns
    frames = (start.frame, first.frame) if first is not None else (start.frame,)
    facts.know("first_use_delay", until - start.ts_ns, frames)
