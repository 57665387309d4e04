"""One light row a flow: what questions about many flows need, without building each flow."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from analyzer.endpoint import Endpoint

if TYPE_CHECKING:
    from analyzer.flows.table import FlowTable

__all__ = ["FlowRow", "RowList", "rows_of"]


class FlowRow(NamedTuple):
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


class RowList(list[FlowRow]):
    """Rows in the order their flows began, so that those near a time are found without looking at all."""

    __slots__ = ()

    def near(self, around_ns: int, before_ns: int, after_ns: int | None = None) -> list[FlowRow]:
        """Flows that began from ``before_ns`` before a time to ``after_ns`` (the same by default) after it.

        Where a capture's clock steps back, rows around the step may be missed.
        """
        after = before_ns if after_ns is None else after_ns
        low = bisect_left(self, around_ns - before_ns, key=_began)
        return self[low : bisect_right(self, around_ns + after, lo=low, key=_began)]


def _began(row: FlowRow) -> int:
    return row.first_ns


def rows_of(table: FlowTable) -> Sequence[FlowRow]:
    """One row a flow, in the order of the table."""
    return [table.row(index) for index in range(len(table))]
