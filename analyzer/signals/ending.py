"""What ended a flow first, and the silence before it."""

from __future__ import annotations

from enum import Enum

from analyzer import seqnum
from analyzer.flows.model import ACK, FIN, RST, SYN, Segment
from analyzer.signals.delivery import Unanswered
from analyzer.signals.reset import is_ignored
from analyzer.signals.wire import WireView
from analyzer.units import NS
from analyzer.values import dataclass

__all__ = ["Ending", "EndingKind", "Pause", "read_ending", "read_pause"]

_CHAIN = 12
"""Packets that an ending may take, from what broke the silence to the terminator."""


class EndingKind(Enum):
    """What ended the flow first, as the packets claim."""

    RESPONDER_FIN = "responder-fin"
    RESPONDER_RST = "responder-rst"
    INITIATOR_FIN = "initiator-fin"
    INITIATOR_RST = "initiator-rst"
    BOTH_RST = "both-rst"
    SILENCE = "silence"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Ending:
    """The first thing after which the connection was no longer whole."""

    kind: EndingKind
    decisive: Segment | None
    """The FIN, the RST, or the first segment that nobody acknowledged."""
    starts: Segment | None
    """Where the ending began: the first unanswered segment when a RST answered it late, else ``decisive``."""


@dataclass(frozen=True, slots=True)
class Pause:
    """The silence right before an ending."""

    before: Segment
    after: Segment

    @property
    def duration_ns(self) -> int:
        """How long nothing was seen."""
        return self.after.ts_ns - self.before.ts_ns


def read_ending(view: WireView, stuck: dict[bool, Unanswered | None], made_frame: int = 0) -> Ending:
    """Find what ended a flow first, looking only after the frame ``made_frame`` that finished its handshake."""
    terminators = [
        s for s in view.segments if s.frame > made_frame and (s.has(FIN) or (s.has(RST) and not is_ignored(view, s)))
    ]
    run = _earliest_stuck(stuck, ended=bool(terminators))
    first = terminators[0] if terminators else None
    if run is not None and (first is None or run.first.frame < first.frame):
        answer = next((s for s in terminators if s.from_initiator is not run.from_initiator), None)
        if answer is None or _unrelated(run, answer):
            return Ending(EndingKind.SILENCE, run.first, run.first)
        return Ending(_kind(view, answer), answer, run.first)
    if first is None:
        return Ending(EndingKind.NOTHING, None, None)
    return Ending(_kind(view, first), first, first)


def _earliest_stuck(stuck: dict[bool, Unanswered | None], *, ended: bool) -> Unanswered | None:
    # Where somebody ended the connection, a sender that had repeated nothing for so long had heard that its data
    # arrived, whatever the capture shows.
    runs = [run for run in stuck.values() if run is not None and (run.repeats or (run.span_ns >= NS and not ended))]
    return min(runs, key=lambda run: run.first.frame, default=None)


def _unrelated(run: Unanswered, answer: Segment) -> bool:
    """Tell whether ``answer`` is a FIN that does not acknowledge the run: it ends by itself what was already lost."""
    return answer.has(FIN) and not answer.has(RST) and answer.has(ACK) and seqnum.before(answer.ack, run.first.end_seq)


def _kind(view: WireView, decisive: Segment) -> EndingKind:
    if decisive.has(RST):
        other = next(
            (
                s
                for s in view.segments
                if s.has(RST)
                and s.from_initiator is not decisive.from_initiator
                and abs(s.ts_ns - decisive.ts_ns) < 20_000_000
            ),
            None,
        )
        if other is not None and _independent(view, decisive, other):
            return EndingKind.BOTH_RST
        return EndingKind.INITIATOR_RST if decisive.from_initiator else EndingKind.RESPONDER_RST
    return EndingKind.INITIATOR_FIN if decisive.from_initiator else EndingKind.RESPONDER_FIN


def _independent(view: WireView, first: Segment, second: Segment) -> bool:
    """Two RSTs of which none answers a packet that came after the other."""
    low, high = sorted((first, second), key=lambda s: s.frame)
    between = [s for s in view.segments if low.frame < s.frame < high.frame and not s.has(RST)]
    return not any(s.from_initiator is low.from_initiator for s in between)


def read_pause(view: WireView, ending: Ending) -> Pause | None:
    """Find the silence of at least a second that the ending broke; None when the flow was busy until then."""
    starts = ending.starts
    if starts is None:
        return None
    earlier = [s for s in view.segments if s.frame <= starts.frame]
    for back in range(min(_CHAIN, len(earlier) - 1)):
        after, before = earlier[-1 - back], earlier[-2 - back]
        if after.has(SYN):
            return None
        if after.ts_ns - before.ts_ns >= NS:
            # A request that was answered since then shows that the connection had survived the silence.
            return None if _was_used(earlier[-1 - back : -1]) else Pause(before, after)
    return None


def _was_used(segments: list[Segment]) -> bool:
    """Tell whether data of the initiator is followed by data of the responder."""
    asked = False
    for s in segments:
        if s.payload_len > 1 and not s.has(RST):
            if asked and not s.from_initiator:
                return True
            asked = asked or s.from_initiator
    return False
