"""One light row a flow: what questions about many flows need, without building each flow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer.endpoint import Endpoint

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
    return [table.row(index) for index in range(len(table))]
