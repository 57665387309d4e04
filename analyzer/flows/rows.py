"""One light row a flow: what questions about many flows need, without building each flow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer import seqnum
from analyzer.endpoint import Endpoint
from analyzer.flows.model import Flow

if TYPE_CHECKING:
    from analyzer.flows.table import FlowTable

__all__ = ["FlowRow", "rows_of"]


@dataclass(frozen=True, slots=True)
class FlowRow:
    """A flow in short."""

    index: int
    stream: int
    initiator: Endpoint
    responder: Endpoint
    initiator_packets: int
    responder_packets: int
    initiator_payload: int
    responder_payload: int
    first_frame: int
    last_frame: int
    first_ns: int
    last_ns: int
    responder_last_ns: int | None
    saw_syn: bool
    established: bool
    """SYN-ACK seen and acknowledged, or the flow was met midstream with data of both halves."""
    rsts: int
    initiator_fins: int
    responder_fins: int
    longest_silence_ns: int
    unanswered_since_ns: int | None
    """When the initiator's first never acknowledged segment, or a SYN without any answer, was sent; None otherwise."""


def rows_of(table: FlowTable) -> Sequence[FlowRow]:
    """One row a flow, in the order of the table."""
    return [_row(flow) for flow in table]


def _row(flow: Flow) -> FlowRow:
    initiator, responder = flow.initiator, flow.responder
    handshake = initiator.syns > 0 and responder.syns > 0
    return FlowRow(
        flow.index,
        flow.stream,
        initiator.endpoint,
        responder.endpoint,
        initiator.packets,
        responder.packets,
        initiator.payload_bytes,
        responder.payload_bytes,
        flow.first_frame,
        flow.last_frame,
        flow.first_ns,
        flow.last_ns,
        responder.last_ns,
        initiator.syns > 0,
        (handshake and initiator.packets > initiator.syns + initiator.rsts)
        or (not initiator.syns and bool(initiator.payload_bytes and responder.payload_bytes)),
        initiator.rsts + responder.rsts,
        initiator.fins,
        responder.fins,
        max((silence.duration_ns for silence in flow.silences), default=0),
        _unanswered_since(flow),
    )


def _unanswered_since(flow: Flow) -> int | None:
    initiator, responder = flow.initiator, flow.responder
    if not responder.packets:
        return flow.first_ns if initiator.syns > 1 else None
    if responder.last_ack is None or initiator.next_seq is None:
        return None
    if not seqnum.before(responder.last_ack, initiator.next_seq):
        return None
    sends = [
        s.ts_ns
        for s in flow.segments
        if s.from_initiator and s.end_seq != s.seq and seqnum.before(responder.last_ack, s.end_seq)
    ]
    return sends[0] if len(sends) >= 2 else None
