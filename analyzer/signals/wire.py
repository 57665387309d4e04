"""The segments as they were on the wire: copies made by the capture itself are set aside."""

from __future__ import annotations

from functools import cached_property

from analyzer import seqnum
from analyzer.flows.model import ACK, RST, SYN, Flow, Segment
from analyzer.units import MS

__all__ = ["WireView"]

_COPY_WINDOW_NS = 4 * MS
"""No TCP retransmits within this time (RFC 6298 §2.4 asks for 1 s, Linux allows 200 ms, Windows 20 ms); a second
look at the same packet (router, "any" interface, pktmon components) comes within it."""

_LEAST_MSS = 536
"""RFC 9293 §3.7.1."""
_INITIAL_TTLS = frozenset((64, 128, 255))


class WireView:
    """A flow's kept segments without the capture's own copies."""

    def __init__(self, flow: Flow, segments: tuple[Segment, ...], copies: int) -> None:
        self.flow = flow
        self.segments = segments
        self.copies = copies

    @classmethod
    def of(cls, flow: Flow) -> WireView:
        """Build the view of ``flow``."""
        kept: list[Segment] = []
        recent: list[Segment] = []
        copies = 0
        for segment in flow.segments:
            recent = [other for other in recent if segment.ts_ns - other.ts_ns <= _COPY_WINDOW_NS]
            if any(_is_copy(other, segment) or _is_piece(other, segment) for other in recent):
                copies += 1
                continue
            recent.append(segment)
            kept.append(segment)
        return cls(flow, tuple(kept), copies)

    @cached_property
    def initiator(self) -> tuple[Segment, ...]:
        """Segments of the initiator."""
        return tuple(segment for segment in self.segments if segment.from_initiator)

    @cached_property
    def responder(self) -> tuple[Segment, ...]:
        """Segments of the responder."""
        return tuple(segment for segment in self.segments if not segment.from_initiator)

    def half(self, from_initiator: bool) -> tuple[Segment, ...]:
        """Segments of one half."""
        return self.initiator if from_initiator else self.responder

    @cached_property
    def round_trip_ns(self) -> int | None:
        """The shortest time from a segment of the initiator to the answer that acknowledges exactly its end.

        Measured where the capture was taken, so it is the path's round trip only near the initiator.
        """
        return self._shortest_answer(from_initiator=True)

    @cached_property
    def reverse_round_trip_ns(self) -> int | None:
        """The same for segments of the responder; larger than round_trip_ns when captured near the responder."""
        return self._shortest_answer(from_initiator=False)

    def _shortest_answer(self, *, from_initiator: bool) -> int | None:
        sent: dict[int, int] = {}
        repeated: set[int] = set()
        best: int | None = None
        for segment in self.segments:
            if segment.from_initiator is from_initiator:
                if segment.has(RST) or segment.end_seq == segment.seq:
                    continue
                if segment.end_seq in sent:
                    repeated.add(segment.end_seq)
                else:
                    sent[segment.end_seq] = segment.ts_ns
            elif segment.has(ACK) and not segment.has(RST):
                start = sent.get(segment.ack)
                if start is None or segment.ack in repeated:
                    continue
                took = segment.ts_ns - start
                if took >= 0 and (best is None or took < best):
                    best = took
        return best

    @cached_property
    def captured_near_responder(self) -> bool | None:
        """True when answers of the responder come at once and those of the initiator take the path's time.

        Where round trips do not tell, hop counts do: a SYN that no router has touched was sent from the host itself, or
        from its network, and a SYN-ACK that one has touched was not.
        """
        forward, backward = self.round_trip_ns, self.reverse_round_trip_ns
        if forward is None or backward is None or max(forward, backward) < MS:
            return self._fresh_from_responder()
        return backward > 4 * forward

    def _fresh_from_responder(self) -> bool | None:
        out, back = (next((s.ttl for s in half if s.has(SYN)), None) for half in (self.initiator, self.responder))
        if out is None or back is None or (out in _INITIAL_TTLS) is (back in _INITIAL_TTLS):
            return None
        return back in _INITIAL_TTLS

    @cached_property
    def unnumbered(self) -> bool:
        """No segment tells where its data stand: a tool that made or masked the capture left the numbers at zero."""
        data = [s for s in self.segments if s.payload_len and not s.has(RST)]
        return len(data) > 1 and not any(s.seq or s.ack for s in data)

    @cached_property
    def one_direction(self) -> bool:
        """Only one half was captured although that half answers something it must have received."""
        initiator, responder = self.flow.initiator, self.flow.responder
        if initiator.packets and not responder.packets:
            return any(segment.has(ACK) and not segment.has(RST) for segment in self.initiator)
        return bool(responder.packets and not initiator.packets)


def _is_copy(first: Segment, second: Segment) -> bool:
    return (
        first.from_initiator is second.from_initiator
        and first.seq == second.seq
        and first.ack == second.ack
        and first.flags == second.flags
        and first.payload_len == second.payload_len
        and first.window == second.window
        and first.ip_id == second.ip_id
        and abs(first.ttl - second.ttl) <= 2
    )


def _is_piece(first: Segment, second: Segment) -> bool:
    """Tell whether one interface showed in one what the next shows in pieces, as segmentation offload does."""
    if first.from_initiator is not second.from_initiator or not 0 < second.payload_len < first.payload_len:
        return False
    offset = seqnum.distance(first.seq, second.seq)
    # Each piece takes the next identification; what is sent again comes with a later one. IPv6 has none.
    further = (second.ip_id - first.ip_id) & 0xFFFF if first.ip_id is not None and second.ip_id is not None else 0
    return (
        0 <= offset <= first.payload_len - second.payload_len
        and first.ack == second.ack
        and first.window == second.window
        and further <= offset // _LEAST_MSS
        and abs(first.ttl - second.ttl) <= 2
    )
