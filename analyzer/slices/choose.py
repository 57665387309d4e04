"""Which packets explain one incident: its connection, its twins, and the few packets around that a verdict rests on.

A slice starts narrow. When the verdict on it is another than on the whole capture, it is chosen again, wider.
"""

from __future__ import annotations

from collections.abc import Iterable

from analyzer.account.story import decisive_frames
from analyzer.around.surroundings import Surroundings
from analyzer.capture.model import Note, NoteKind
from analyzer.decode.notes import parse_arp, parse_neighbour
from analyzer.flows.rows import FlowRow
from analyzer.incidents.tie import Incident
from analyzer.observe.quality import peer_addresses
from analyzer.report.model import IncidentReport
from analyzer.signals.protocol import Protocol
from analyzer.signals.reading import Reading
from analyzer.units import NS
from analyzer.values import dataclass, field

__all__ = ["WIDEST", "Choice", "choose"]

WIDEST = 3
_MOST_TWINS = 200
_MOST_FLOWS = (0, 400, 4000)
_MOST_NOTES = 20_000
_LOOKUP_NS = 60 * NS
_NEIGHBOUR_NS = 31 * NS
_AROUND_NS = 150 * NS
_RACE_NS = 2 * NS


@dataclass(slots=True)
class Choice:
    """What goes into a slice, each with its reason."""

    flows: dict[int, str] = field(default_factory=dict)
    """Positions in the capture's flow table."""
    frames: dict[int, str] = field(default_factory=dict)
    """Single packets beside the flows."""
    everything: bool = False

    def add_flows(self, rows: Iterable[FlowRow], why: str, limit: int) -> None:
        """Take flows in that were not chosen for a better reason, at most ``limit``."""
        for row in list(rows)[:limit]:
            self.flows.setdefault(row.index, why)

    def add_frames(self, frames: Iterable[int], why: str) -> None:
        """Take single packets in that were not chosen for a better reason."""
        for frame in frames:
            self.frames.setdefault(frame, why)


def choose(around: Surroundings, incident: Incident, written: IncidentReport, width: int = 0) -> Choice:
    """Choose the packets for an incident; ``width`` 0 is the least that explains it, `WIDEST` the whole capture."""
    choice = Choice(everything=width >= WIDEST)
    reading = incident.diagnosis.examination.reading
    if reading is not None:
        choice.flows[reading.flow.index] = "the connection of the incident"
        _twins(choice, around, reading)
        _explain_flow(choice, around, reading)
    else:
        _explain_nothing(choice, around, incident)
    choice.add_frames(_evidence(incident, written), "evidence")
    if width:
        _widen(choice, around, incident, reading, width)
    packets = around.capture.info.packets
    if packets:
        choice.add_frames((1,), "the first packet of the capture: when it began")
        choice.add_frames((packets,), "the last packet of the capture: when it ended")
    return choice


def _evidence(incident: Incident, written: IncidentReport) -> set[int]:
    found = set(decisive_frames(incident))
    for one in (*written.evidence, *written.against):
        found |= set(one.frames)
    found |= {row.frame for row in written.timeline if row.frame is not None}
    for silence in written.silences:
        found |= {silence.before_frame, silence.after_frame}
    return found


def _twins(choice: Choice, around: Surroundings, reading: Reading) -> None:
    flow = reading.flow
    initiator, responder = flow.initiator.endpoint, flow.responder.endpoint
    ends = {initiator, responder}
    same = [row for row in around.rows if {row.initiator, row.responder} == ends]
    choice.add_flows(same, "another connection on the same ports", _MOST_TWINS)
    announced = around.ftp_announcements.get(responder) or 20 in (initiator.port, responder.port)
    if announced or reading.talk.protocol is Protocol.FTP:
        hosts = {initiator.packed, responder.packed}
        why = "FTP: control and data connections belong together"
        choice.add_flows(around.between(hosts), why, _MOST_TWINS)
    race = [
        row
        for row in around.on_port(responder.port)
        if abs(row.first_ns - flow.first_ns) <= _RACE_NS
        and (row.initiator.packed == initiator.packed or len(row.responder.packed) != len(responder.packed))
    ]
    choice.add_flows(race, "another attempt at the same moment", _MOST_TWINS)


def _explain_flow(choice: Choice, around: Surroundings, reading: Reading) -> None:
    flow = reading.flow
    choice.add_frames((hit.note.frame for hit in around.icmp_errors(flow)), "ICMP error about this connection")
    client, server = flow.initiator.endpoint.packed, flow.responder.endpoint.packed
    asked = [one for one in around.lookups if one.client == client and one.asked_ns <= flow.first_ns]
    for lookup in asked[-1:]:
        choice.add_frames(lookup.frames, "the last name lookup before the connection")
    for lookup in asked:
        if server in lookup.addresses and flow.first_ns - lookup.asked_ns <= _LOOKUP_NS:
            choice.add_frames(lookup.frames, "the name lookup that gave the server's address")
    near = (_near(around, flow.first_ns, _NEIGHBOUR_NS), _near(around, flow.last_ns, _NEIGHBOUR_NS))
    for note in (one for notes in near for one in notes):
        if _concerns(note, {client, server}):
            choice.add_frames((note.frame,), "address resolution of an end of this connection")


def _explain_nothing(choice: Choice, around: Surroundings, incident: Incident) -> None:
    """No connection is known: the peer's flows, and every explanation near the error."""
    peers = peer_addresses(incident.symptom, around)
    for peer in peers:
        choice.add_flows(around.to_host(peer), "a connection to the server that the log names", _MOST_TWINS)
        choice.add_flows(around.from_host(peer), "a connection of the host that the log names", _MOST_TWINS)
    for note in _near(around, incident.time_ns, _LOOKUP_NS):
        choice.add_frames((note.frame,), f"{note.kind.value.upper()} near the error")


def _near(around: Surroundings, time_ns: int, within_ns: int) -> list[Note]:
    return [note for note in around.capture.notes if abs(note.ts_ns - time_ns) <= within_ns][:_MOST_NOTES]


def _concerns(note: Note, hosts: set[bytes]) -> bool:
    if note.kind is NoteKind.ARP:
        arp = parse_arp(note)
        return arp is not None and bool({arp.sender, arp.target} & hosts)
    message = parse_neighbour(note)
    return message is not None and bool({note.source, message.target} & hosts)


def _widen(choice: Choice, around: Surroundings, incident: Incident, reading: Reading | None, width: int) -> None:
    within = _AROUND_NS if width == 1 else 1 << 62
    if reading is not None:
        start, end = reading.flow.first_ns - within, reading.flow.last_ns + within
        client, server = reading.flow.initiator.endpoint.packed, reading.flow.responder.endpoint.packed
        rows = [*around.to_host(server), *around.from_host(client), *around.from_host(server), *around.to_host(client)]
    else:
        start, end = incident.time_ns - within, incident.time_ns + within
        rows = list(around.rows)
    near = [row for row in dict.fromkeys(rows) if row.last_ns >= start and row.first_ns <= end]
    choice.add_flows(near, "another connection of these hosts", _MOST_FLOWS[min(width, 2)])
    for note in around.capture.notes[:_MOST_NOTES]:
        if start <= note.ts_ns <= end:
            choice.add_frames((note.frame,), f"{note.kind.value.upper()} at that time")
