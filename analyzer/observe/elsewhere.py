"""What a capture taken at the other end at the same time shows of the connection."""

from __future__ import annotations

from analyzer.around.surroundings import Surroundings
from analyzer.around.twins import Twin, twin_of
from analyzer.factset import FactSet
from analyzer.flows.model import RST, Segment
from analyzer.signals.delivery import Unanswered
from analyzer.signals.opening import OpeningKind
from analyzer.signals.reading import Reading
from analyzer.units import NS

__all__ = ["observe_elsewhere"]

_PEER = "a capture at the other end at the same time"


def observe_elsewhere(facts: FactSet, reading: Reading, around: Surroundings) -> None:
    """Set the facts of `analyzer.vocabulary.elsewhere.ELSEWHERE`, and what they make sure of a RST's sender."""
    twin = twin_of(around, reading.flow.index)
    if twin is None:
        _never_arrived(facts, reading, around)
        return
    if twin.nearer_initiator is None:
        return
    if twin.nearer_initiator or not _other_port(facts, reading, twin):
        # What arrived from another port was answered to that one.
        _reset(facts, reading, twin)
    if twin.nearer_initiator:
        return
    if reading.opening.kind is OpeningKind.UNANSWERED:
        answer = next((s for s in twin.view.responder), None)
        if answer is None:
            _know(facts, "syn_at_peer", "arrived", twin, twin.view.initiator[:1], "holds the SYN and no answer to it")
        else:
            _know(facts, "syn_at_peer", "answered", twin, (answer,), "shows that the server answered it")
    probes = twin.reading.probes[False]
    if probes is not None and reading.established:
        said = "shows keepalive probes of the server that nobody answered"
        _know(facts, "peer_probes_unanswered", len(probes.probes), twin, probes.probes[:3], said)
    run = reading.stuck.get(True)
    if run is not None and run.repeats:
        _data(facts, run, twin)


def _know(
    facts: FactSet, name: str, value: str | int | bool, twin: Twin, frames: tuple[Segment, ...], said: str
) -> None:
    """Record a fact whose frames lie in the other capture, which the sentence names."""
    shown = ", ".join(str(s.frame) for s in frames)
    place = f" (its frame{'s' if len(frames) > 1 else ''} {shown})" if shown else ""
    facts.know(name, value, (), f"The capture {twin.name} {said}{place}.")


def _never_arrived(facts: FactSet, reading: Reading, around: Surroundings) -> None:
    """See a SYN nowhere in a capture at the server that holds the server's other connections of that time."""
    opening = reading.opening
    if opening.kind not in (OpeningKind.UNANSWERED, OpeningKind.RESET):
        return
    server = reading.flow.responder.endpoint.packed
    when = opening.syns[0].ts_ns
    for row in around.to_host(server).near(when, 600 * NS):
        other = twin_of(around, row.index) if row.saw_syn else None
        if other is None or other.nearer_initiator is not False or not other.watched(opening.syns[-1]):
            continue
        _know(facts, "syn_at_peer", "unseen", other, (), "holds other connections to that server, and not this SYN")
        if opening.kind is OpeningKind.RESET:
            said = "lacks the SYN that was reset: something before the server answered it"
            _know(facts, "syn_reset_by_box", True, other, (), said)
        return


def _reset(facts: FactSet, reading: Reading, twin: Twin) -> None:
    """Whether the end whose address a RST bears sent it, by a capture nearer to that end."""
    opening = reading.opening
    decisive = reading.decisive_reset.segment if reading.established and reading.decisive_reset is not None else None
    rst = opening.reset if opening.kind is OpeningKind.RESET else decisive
    if rst is None or rst.from_initiator is not twin.nearer_initiator or not twin.watched(rst):
        return
    theirs = tuple(s for s in twin.view.half(rst.from_initiator) if s.has(RST))
    sent = any(abs(s.ts_ns - rst.ts_ns - (twin.offset_ns or 0)) <= NS or s.seq == rst.seq for s in theirs)
    said = "holds the RST at its sender" if sent else "lacks the RST, though it was taken nearer to its alleged sender"
    shown = theirs[:1] if sent else twin.view.segments[-1:]
    _know(facts, "reset_not_sent_by_peer", not sent, twin, shown, said)
    if opening.kind is OpeningKind.RESET:
        _know(facts, "syn_reset_by_box", not sent, twin, shown, said)
    else:
        _know(facts, "reset_sender", "peer" if sent else "box", twin, shown, said)


def _data(facts: FactSet, run: Unanswered, twin: Twin) -> None:
    if not any(twin.watched(s) for s in run.sends[:1]):
        return
    if not twin.holds(run.first):
        _know(facts, "data_at_peer", "lost-going", twin, twin.view.segments[-1:], "lacks the data: it got lost before")
        return
    end = run.first.end_seq
    answers = tuple(s for s in twin.view.responder if s.ack == end and not s.has(RST))
    if answers:
        _know(facts, "data_at_peer", "lost-returning", twin, answers[:1], "holds the acknowledgment that got lost")
    else:
        _know(facts, "data_at_peer", "ignored", twin, (), "holds the data and no acknowledgment of it")


def _other_port(facts: FactSet, reading: Reading, twin: Twin) -> bool:
    """See the last data arrive there from another endpoint than the connection's: a box in between changed it."""
    request = next((s for s in reversed(reading.view.initiator) if s.payload_len and not s.has(RST)), None)
    if request is None:
        return False
    server = twin.view.flow.responder.endpoint
    when = request.ts_ns + (twin.offset_ns or 0)
    # Of a connection whose beginning was not seen the roles are a guess.
    rows = (twin.around.to_responder(server), twin.around.from_host(server.packed))
    for row in (row for several in rows for row in several.near(when, 5 * NS)):
        if row.saw_syn or server not in (row.initiator, row.responder):
            continue
        for s in twin.around.view(row.index).segments:
            if (s.seq, s.payload_len) == (request.seq, request.payload_len):
                sender = row.initiator if s.from_initiator else row.responder
                said = f"shows that this data arrived from another address or port than before, {sender}"
                _know(facts, "same_payload_other_port", True, twin, (s,), said)
                return True
    return False
