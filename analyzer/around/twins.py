"""The same connection in another capture of the run: taken at the other end, or beyond a box that changes addresses."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from analyzer.flows.model import RST, Segment
from analyzer.signals.reading import Reading

if TYPE_CHECKING:
    from analyzer.around.surroundings import Surroundings
    from analyzer.signals.wire import WireView

__all__ = ["Twin", "is_same", "mark_of", "twin_of"]

_MOST = 16
"""Flows of one initial sequence number that are looked into."""
_AFTER_NS = 1_000_000_000
"""A packet that left reaches the other end within this time."""


class Twin:
    """A flow, and the same connection as another capture shows it."""

    def __init__(self, own: WireView, around: Surroundings, index: int) -> None:
        """``around`` and ``index`` are those of the other capture."""
        self.own = own
        self.around = around
        self.index = index

    @property
    def view(self) -> WireView:
        """The connection as the other capture shows it."""
        return self.around.view(self.index)

    @cached_property
    def reading(self) -> Reading:
        """Its signals there."""
        return Reading(self.view)

    @property
    def name(self) -> str:
        """The other capture's file name."""
        path = self.around.capture.info.path
        return path.replace("\\", "/").rpartition("/")[2]

    @cached_property
    def nearer_initiator(self) -> bool | None:
        """The other capture was taken nearer to the initiator; None where nothing tells, as in two copies of one.

        Each router takes one off the TTL (RFC 1812 §5.3.1); between bridged vantages only round trips tell.
        """
        here, there = _ttl(self.own), _ttl(self.view)
        if here is not None and there is not None and here != there:
            return there > here
        ends = self.own.captured_near_responder, self.view.captured_near_responder
        return None if None in ends or ends[0] == ends[1] else ends[0]

    @cached_property
    def offset_ns(self) -> int | None:
        """What to add to a time here to get the other capture's; None without a packet that both hold."""
        here = {mark_of(s): s.ts_ns for s in reversed(self.own.segments)}
        apart = sorted(s.ts_ns - here[mark_of(s)] for s in self.view.segments if mark_of(s) in here)
        return apart[len(apart) // 2] if apart else None

    def holds(self, segment: Segment) -> bool:
        """Tell whether the other capture has this segment, sent once or more."""
        mark = mark_of(segment)
        return any(mark_of(s) == mark for s in self.view.half(segment.from_initiator))

    def watched(self, segment: Segment) -> bool:
        """Tell whether the other capture lasted long enough to have this segment, and lost nothing by itself."""
        info, offset = self.around.capture.info, self.offset_ns
        if offset is None or info.first_ns is None or info.last_ns is None or info.health.dropped:
            return False
        when = segment.ts_ns + offset
        return info.first_ns <= when and (
            when + _AFTER_NS <= info.last_ns or self.view.flow.last_ns > when or info.last_ns >= when
        )


def _ttl(view: WireView) -> int | None:
    return next((s.ttl for s in view.initiator if not s.has(RST)), None)


def mark_of(s: Segment) -> tuple[bool, int, int, int]:
    """Return what no router, translator or capture changes of a segment."""
    return s.from_initiator, s.seq, s.payload_len, s.flags & 0x07


def is_same(one: WireView, other: WireView) -> bool:
    """Tell whether two flows are one connection: both initial sequence numbers, where both were seen, are equal."""
    first, second = one.flow, other.flow
    if first.initiator.isn is None or first.initiator.isn != second.initiator.isn:
        return False
    isns = first.responder.isn, second.responder.isn
    if None not in isns:
        return isns[0] == isns[1]
    ports = [(flow.initiator.endpoint.port, flow.responder.endpoint.port) for flow in (first, second)]
    return ports[0][0] == ports[1][0] or ports[0][1] == ports[1][1]


def twin_of(around: Surroundings, index: int) -> Twin | None:
    """Return the same connection in the first other capture of the run that holds it."""
    if not around.others:
        return None
    view = around.view(index)
    isn = view.flow.initiator.isn
    if isn is None:
        return None
    for other in around.others:
        candidates: Iterable[int] = islice(other.by_isn.get(isn, ()), _MOST)
        for candidate in candidates:
            if is_same(view, other.view(candidate)):
                return Twin(view, other, candidate)
    return None
