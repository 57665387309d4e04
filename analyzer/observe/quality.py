"""How far the capture can answer at all."""

from __future__ import annotations

from analyzer import seqnum
from analyzer.around.surroundings import Surroundings
from analyzer.endpoint import parse_address
from analyzer.factset import FactSet
from analyzer.signals.opening import OpeningKind
from analyzer.signals.reading import Reading
from analyzer.symptom import Symptom
from analyzer.units import NS

__all__ = ["observe_quality", "peer_addresses"]

_AROUND_NS = 60 * NS
_ONE_WINDOW = 1 << 20
_ENOUGH_NS = 3 * NS
"""A retransmission or an answer would have come within this time (RFC 6298: first RTO 1 s, then 2 s)."""


def peer_addresses(symptom: Symptom, around: Surroundings) -> set[bytes]:
    """Packed addresses by which the log's peer may appear in the capture."""
    found: set[bytes] = set()
    event = symptom.event
    if event is not None and event.remote is not None:
        found.add(event.remote.packed)
    for name in symptom.host_names:
        packed = parse_address(name)
        if packed is not None:
            found.add(packed)
        found |= around.addresses_of(name)
    return found


def observe_quality(facts: FactSet, symptom: Symptom, reading: Reading | None, around: Surroundings) -> None:
    """Set the facts of `analyzer.vocabulary.ticket.QUALITY`."""
    peers = peer_addresses(symptom, around)
    if peers:
        seen = any(around.to_host(peer) or around.from_host(peer) or peer in around.icmp_hosts for peer in peers)
        facts.know("endpoint_seen", seen)
        local = any(peer[:1] == b"\x7f" or peer == b"\0" * 15 + b"\x01" for peer in peers) and len(peers) == 1
        if local or reading is None:
            facts.know("loopback", local)
    else:
        facts.miss("endpoint_seen", "the log names no peer", "a log line with the peer's address and port")
    time = symptom.time_ns
    if time is not None:
        near = around.index.any_alive(time, _AROUND_NS)
        near = near or any(abs(lookup.asked_ns - time) <= _AROUND_NS for lookup in around.lookups)
        facts.know("client_host_seen", near)
    if reading is None:
        if around.one_sided:
            facts.know("both_directions", value=False)
        return
    flow = reading.flow
    one_way = reading.view.one_direction or around.one_sided
    facts.know("both_directions", not one_way, (flow.first_frame, flow.last_frame) if one_way else ())
    lost = [half for half in (flow.initiator, flow.responder) if half.missing_bytes]
    dropped = around.capture.info.health.dropped
    started = reading.opening.kind is not OpeningKind.NOT_SEEN
    if not one_way and lost and _acknowledged_unseen(reading):
        missing = sum(half.missing_bytes or 0 for half in lost)
        facts.know("capture_lost_packets", True, (), f"The capture lacks {missing:,} bytes that were acknowledged.")
    elif not one_way and _acknowledged_beyond(reading):
        facts.know("capture_lost_packets", True, (), "The capture lacks a packet that was acknowledged.")
    elif dropped:
        facts.know("capture_lost_packets", True, (), f"The capture itself dropped {dropped:,} packets.")
    else:
        facts.know("capture_lost_packets", False)
    facts.know("start_captured", started)
    last = around.capture.info.last_ns
    facts.know("end_captured", last is not None and last - flow.last_ns >= _ENOUGH_NS)
    near_responder = reading.view.captured_near_responder
    if near_responder is None:
        facts.miss("vantage", "neither round trips nor hop counts tell")
    else:
        facts.know("vantage", "responder" if near_responder else "initiator")
    same = flow.initiator.endpoint.packed == flow.responder.endpoint.packed
    if same or flow.initiator.endpoint.packed[:1] == b"\x7f":
        facts.know("loopback", value=True)
    elif "loopback" not in facts:
        facts.know("loopback", value=False)


def _acknowledged_unseen(reading: Reading) -> bool:
    """Missing bytes count as capture loss only where the other half acknowledged beyond them."""
    flow = reading.flow
    for half, other in ((flow.initiator, flow.responder), (flow.responder, flow.initiator)):
        if half.missing_bytes and other.last_ack is not None and other.last_ack == half.next_seq:
            return True
    return False


def _acknowledged_beyond(reading: Reading) -> bool:
    """Tell whether a half acknowledged more than the other was seen to send: often the capture lacks its FIN."""
    flow = reading.flow
    if reading.opening.foreign_ack is not None:
        return False
    return any(
        half.next_seq is not None
        and other.last_ack is not None
        and 0 < seqnum.distance(half.next_seq, other.last_ack) <= _ONE_WINDOW
        for half, other in ((flow.initiator, flow.responder), (flow.responder, flow.initiator))
    )
