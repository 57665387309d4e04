"""Data never acknowledged, requests never answered, probes, and windows that stay closed."""

from __future__ import annotations

from analyzer import seqnum
from analyzer.flows.model import ACK, FIN, RST, SYN, Half, Segment
from analyzer.signals.wire import WireView
from analyzer.units import NS
from analyzer.values import dataclass

__all__ = [
    "Pending",
    "Probes",
    "Unanswered",
    "read_hole",
    "read_pending",
    "read_probes",
    "read_unanswered",
    "zero_window_stall",
]

_HTTP2_FRAME = 17
"""In so many bytes HTTP/2 acknowledges settings and pings, opens windows and says goodbye (RFC 9113 §6)."""
_TLS_FRAME = _HTTP2_FRAME + 22
_MANY_ROUNDS = 3
"""Who waits for an answer does not go on talking; once or twice it may ask again."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """What one half sent at the end of the flow and never saw acknowledged."""

    from_initiator: bool
    first: Segment
    """The first transmission of the first segment that was never acknowledged."""
    sends: tuple[Segment, ...]
    """Every data or FIN segment since then, in order."""
    repeats: int
    """How many of them repeat bytes already sent."""
    heard: tuple[Segment, ...]
    """Packets of the other half during the run (RSTs aside): it lives, yet does not acknowledge."""
    largest_acked: int
    """Largest payload of this half that was acknowledged."""
    smallest_repeated: int
    """Smallest payload among the repeated segments."""
    silence_ns: int
    """Time without any packet before ``first``."""
    silence_from_frame: int | None

    @property
    def span_ns(self) -> int:
        """From the first to the last transmission."""
        return self.sends[-1].ts_ns - self.first.ts_ns


def read_unanswered(view: WireView, from_initiator: bool) -> Unanswered | None:
    """Find the run of unacknowledged data with which a half ended; None when all was acknowledged.

    Keepalive probes are not data. Without sequence numbers nothing can be told.
    """
    if view.unnumbered:
        return None
    own = [s for s in view.half(from_initiator) if not s.has(SYN | RST)]
    other = [s for s in view.half(not from_initiator) if not s.has(RST)]
    acked: int | None = None
    for s in other:
        if s.has(ACK) and (acked is None or seqnum.before(acked, s.ack)):
            acked = s.ack
    if acked is None:
        if other or not own:
            return None
        acked = own[0].seq
    pending = [s for s in own if s.end_seq != s.seq and seqnum.before(acked, s.end_seq) and not _is_probe(s, acked)]
    if not pending:
        return None
    first = pending[0]
    sent_end: int | None = None
    repeats = 0
    smallest = 0
    for s in own:
        if s.end_seq == s.seq:
            continue
        new = sent_end is None or seqnum.before(sent_end, s.end_seq)
        if new:
            sent_end = s.end_seq
        elif s.frame > first.frame:
            repeats += 1
            smallest = s.payload_len if not smallest else min(smallest, s.payload_len)
    heard = tuple(s for s in other if s.frame > first.frame)
    acked_sizes = [s.payload_len for s in own if s.frame < first.frame and not seqnum.before(acked, s.end_seq)]
    previous = next((s for s in reversed(view.segments) if s.frame < first.frame), None)
    return Unanswered(
        from_initiator=from_initiator,
        first=first,
        sends=tuple(pending),
        repeats=repeats,
        heard=heard,
        largest_acked=max(acked_sizes, default=0),
        smallest_repeated=smallest,
        silence_ns=first.ts_ns - previous.ts_ns if previous is not None else 0,
        silence_from_frame=previous.frame if previous is not None else None,
    )


def _is_probe(s: Segment, acked: int) -> bool:
    return s.payload_len <= 1 and not s.has(FIN) and seqnum.add(s.seq, 1) == acked


@dataclass(frozen=True, slots=True)
class Probes:
    """Keepalive or window probes with which a half ended, without an answer."""

    from_initiator: bool
    probes: tuple[Segment, ...]
    silence_ns: int
    """Time without any packet before the first of them."""
    silence_from_frame: int | None


def read_probes(view: WireView, from_initiator: bool) -> Probes | None:
    """Find the trailing run of unanswered keepalive probes of a half (RFC 1122 §4.2.3.6)."""
    own_end: int | None = None
    run: list[Segment] = []
    previous: Segment | None = None
    before_run: Segment | None = None
    for s in view.segments:
        if s.has(RST):
            if run and s.from_initiator is from_initiator:
                # The prober gave up; what the other end says later no longer answers it.
                break
            continue
        if s.from_initiator is from_initiator:
            probe = (
                own_end is not None and s.payload_len <= 1 and not s.has(SYN | FIN) and seqnum.add(s.seq, 1) == own_end
            )
            if probe:
                if not run:
                    before_run = previous
                run.append(s)
            else:
                run = []
                if own_end is None or seqnum.before(own_end, s.end_seq):
                    own_end = s.end_seq
        else:
            run = []
        previous = s
    if not run:
        return None
    silence = run[0].ts_ns - before_run.ts_ns if before_run is not None else 0
    return Probes(from_initiator, tuple(run), silence, before_run.frame if before_run is not None else None)


def read_hole(view: WireView) -> Segment | None:
    """Find the responder's first segment beyond a hole that was never filled: data before it got lost for good.

    None when the initiator acknowledged everything that came.
    """
    acked: int | None = None
    for s in view.initiator:
        if s.has(ACK) and not s.has(RST) and (acked is None or seqnum.before(acked, s.ack)):
            acked = s.ack
    if acked is None:
        return None
    beyond = [s for s in view.responder if not s.has(SYN | RST) and s.end_seq != s.seq and seqnum.before(acked, s.seq)]
    filled = any(s.seq == acked and s.payload_len for s in view.responder if beyond and s.frame > beyond[0].frame)
    return beyond[0] if beyond and not filled else None


@dataclass(frozen=True, slots=True)
class Pending:
    """The initiator's last request, received by the other kernel and never answered with data."""

    request: Segment
    ack: Segment | None
    """The acknowledgment of the request."""
    ended_by: Segment | None
    """The initiator's FIN or RST that gave up, or the responder's that refused."""
    waited_ns: int
    """From the request to ``ended_by``, or to the flow's last packet."""
    late_answer: Segment | None
    """Data of the responder that came after the initiator had given up."""
    patience_ns: int
    """The longest time that the responder let earlier words stand before it answered."""
    asks: bool
    """False where the initiator goes on talking without answers, as who sends logs or measurements does."""

    def owed(self, waited_ns: int) -> bool:
        """Tell whether an answer was due after so long, by what the conversation shows."""
        return self.asks and self.patience_ns < waited_ns


def _says_hello(half: Half) -> bool:
    return half.head[:2] == b"\x16\x03"


def _least_request(half: Half) -> int:
    """Return how long the words of an initiator must be to ask for something, its first ones aside."""
    if _says_hello(half):
        return _TLS_FRAME + 1
    return _HTTP2_FRAME + 1 if half.head.startswith(b"PRI * HTTP/2.0") else 1


def _ends_handshake(request: Segment, half: Half) -> bool:
    """Tell whether the initiator's last words end its TLS handshake or its session: no server answers these."""
    last = half.tail_frame == request.frame != half.head_frame
    return last and _says_hello(half) and half.tail[:1] in (b"\x14", b"\x15", b"\x16")


def _heard_more(request: Segment, ended: Segment | None, view: WireView) -> bool:
    """Tell whether the initiator acknowledged an answer that is not among the kept segments of a long flow."""
    return any(
        s.has(ACK) and s.frame > request.frame and seqnum.before(request.ack, s.ack)
        for s in view.initiator
        if ended is None or s.frame <= ended.frame
    )


def read_pending(view: WireView) -> Pending | None:
    """Find a last request without an answer; None when the responder had the last word."""
    request: Segment | None = None
    ended: Segment | None = None
    late: Segment | None = None
    end: int | None = None
    least = _least_request(view.flow.initiator)
    exchanges = rounds = longest = 0
    for s in view.segments:
        if s.from_initiator:
            if s.has(FIN | RST) and ended is None:
                ended = s
            fresh = end is None or seqnum.before(end, s.end_seq)
            if s.payload_len and not s.has(RST) and ended is None and fresh:
                if s.payload_len >= least:
                    rounds += request is None or s.ts_ns - request.ts_ns >= NS
                    request = s
                end = s.end_seq
        else:
            if s.payload_len and not s.has(RST):
                if ended is None:
                    if request is not None:
                        exchanges += 1
                        longest = max(longest, s.ts_ns - request.ts_ns)
                    request, rounds = None, 0
                elif request is not None and late is None:
                    late = s
            if s.has(FIN | RST) and ended is None:
                ended = s
    if request is None or _ends_handshake(request, view.flow.initiator) or _heard_more(request, ended, view):
        return None
    ack = next(
        (
            s
            for s in view.responder
            if s.frame > request.frame and s.has(ACK) and not s.has(RST) and not seqnum.before(s.ack, request.end_seq)
        ),
        None,
    )
    until = ended.ts_ns if ended is not None else view.flow.last_ns
    # The one exchange is the login.
    asks = rounds < _MANY_ROUNDS or exchanges > 1
    return Pending(request, ack, ended, until - request.ts_ns, late, longest, asks)


def zero_window_stall(view: WireView, of_initiator: bool) -> tuple[Segment, ...]:
    """Return the trailing segments in which a half kept its window at zero; empty when it opened again."""
    stall: list[Segment] = []
    for s in view.half(of_initiator):
        if s.has(SYN | RST):
            continue
        if s.has(ACK) and s.window == 0:
            stall.append(s)
        elif s.has(ACK):
            stall = []
    return tuple(stall)
