"""How a connection was made, or how that failed (RFC 9293 §3.5)."""

from __future__ import annotations

from enum import Enum

from analyzer import seqnum
from analyzer.flows.model import ACK, RST, SYN, Segment
from analyzer.signals.wire import WireView
from analyzer.values import dataclass

__all__ = ["Opening", "OpeningKind", "read_opening"]


class OpeningKind(Enum):
    """The outcome of the handshake as the capture shows it."""

    COMPLETE = "complete"
    RESET = "reset"
    """A RST claimed by the responder answered the SYN."""
    UNANSWERED = "unanswered"
    """SYNs, and nothing of the responder."""
    UNACKNOWLEDGED = "unacknowledged"
    """SYN-ACKs came and the initiator never acknowledged one."""
    FOREIGN_ACK = "foreign-ack"
    """The responder answered the SYN with an ACK of another connection (RFC 5961 §4, RFC 9293 §3.10.7.4)."""
    ABANDONED = "abandoned"
    """The initiator answered the SYN-ACK with a RST."""
    NOT_SEEN = "not-seen"
    """The capture holds no SYN of this flow."""


@dataclass(frozen=True, slots=True)
class Opening:
    """The handshake's packets and outcome."""

    kind: OpeningKind
    syns: tuple[Segment, ...]
    syn_acks: tuple[Segment, ...]
    final_ack: Segment | None
    """The initiator's first segment that acknowledges the SYN-ACK."""
    reset: Segment | None
    """The RST that ended the attempt, of either side."""
    foreign_ack: Segment | None
    repeated_syn_acks: int
    """SYN-ACKs of the same ISN that came after the initiator's acknowledgment."""

    @property
    def handshake_ns(self) -> int | None:
        """From the first SYN to the first SYN-ACK."""
        if not self.syns or not self.syn_acks:
            return None
        return self.syn_acks[0].ts_ns - self.syns[0].ts_ns

    @property
    def span_ns(self) -> int:
        """From the first SYN to the last one."""
        return self.syns[-1].ts_ns - self.syns[0].ts_ns if self.syns else 0


def read_opening(view: WireView) -> Opening:
    """Read the handshake of a flow."""
    syns = tuple(s for s in view.initiator if s.has(SYN) and not s.has(ACK))
    syn_acks = tuple(s for s in view.responder if s.has(SYN) and s.has(ACK))
    if not syns and not syn_acks:
        return Opening(OpeningKind.NOT_SEEN, (), (), None, None, None, 0)
    isn = syns[0].seq if syns else (syn_acks[0].ack - 1) & 0xFFFFFFFF
    start_ns = syns[0].ts_ns if syns else syn_acks[0].ts_ns
    if syn_acks:
        return _answered(view, syns, syn_acks)
    reset = next(
        (s for s in view.responder if s.has(RST) and s.ts_ns >= start_ns and _resets_syn(s, isn)),
        None,
    )
    foreign = next(
        (
            s
            for s in view.responder
            if s.has(ACK) and not s.has(RST | SYN) and s.ts_ns >= start_ns and s.ack != seqnum.add(isn, 1)
        ),
        None,
    )
    if foreign is not None and (reset is None or foreign.ts_ns <= reset.ts_ns) and _is_stray(view, foreign):
        own_reset = next((s for s in view.initiator if s.has(RST) and s.ts_ns >= foreign.ts_ns), None)
        return Opening(OpeningKind.FOREIGN_ACK, syns, (), None, own_reset, foreign, 0)
    if reset is not None and all(s.has(SYN | RST) or s.frame > reset.frame for s in view.initiator):
        return Opening(OpeningKind.RESET, syns, (), None, reset, None, 0)
    if view.flow.responder.packets:
        return Opening(OpeningKind.NOT_SEEN, syns, (), None, None, None, 0)
    if any(not s.has(SYN | RST) for s in view.initiator):
        # The initiator went on as if connected: the answers exist, the capture lacks them.
        return Opening(OpeningKind.NOT_SEEN, syns, (), None, None, None, 0)
    return Opening(OpeningKind.UNANSWERED, syns, (), None, None, None, 0)


def _answered(view: WireView, syns: tuple[Segment, ...], syn_acks: tuple[Segment, ...]) -> Opening:
    isn = syn_acks[0].seq
    expected = seqnum.add(isn, 1)
    first_ns = syn_acks[0].ts_ns
    final = next(
        (
            s
            for s in view.initiator
            if s.has(ACK) and not s.has(SYN | RST) and s.ts_ns >= first_ns and not seqnum.before(s.ack, expected)
        ),
        None,
    )
    if final is None:
        reset = next((s for s in view.initiator if s.has(RST) and s.ts_ns >= first_ns), None)
        if reset is not None:
            return Opening(OpeningKind.ABANDONED, syns, syn_acks, None, reset, None, 0)
        # Both counts include the capture's own copies.
        if view.flow.initiator.packets > view.flow.initiator.syns or not view.flow.initiator.packets:
            return Opening(OpeningKind.COMPLETE, syns, syn_acks, None, None, None, 0)
        return Opening(OpeningKind.UNACKNOWLEDGED, syns, syn_acks, None, None, None, 0)
    again = sum(1 for s in syn_acks if s.ts_ns > final.ts_ns and s.seq == isn)
    stray = next(
        (
            s
            for s in view.responder
            if syns and syns[0].frame < s.frame < syn_acks[0].frame and s.has(ACK) and not s.has(SYN | RST)
            if _is_stray(view, s)
        ),
        None,
    )
    return Opening(OpeningKind.COMPLETE, syns, syn_acks, final, None, stray, again)


def _resets_syn(reset: Segment, isn: int) -> bool:
    # RFC 9293 §3.10.7.1 asks for ACK = ISN + 1; boxes have been seen to leave it out or to acknowledge SYN data.
    return not reset.has(ACK) or 0 <= seqnum.distance(isn, reset.ack) <= 2048


def _is_stray(view: WireView, ack: Segment) -> bool:
    """Tell whether an ACK is below or above everything this initiator sent since its SYN.

    One that fits answers this connection: then it is the SYN-ACK that the capture lacks.
    """
    top = view.flow.initiator.next_seq
    for s in view.initiator:
        if s.has(SYN):
            sent = 1 if top is None else max(1, seqnum.distance(s.seq, top))
            if 0 < seqnum.distance(s.seq, ack.ack) <= sent:
                return False
    return True
