"""Every RST: its form, what it answers, and whether it fits the host it claims to come from.

Forms and their meaning: RFC 9293 §3.5.2 and §3.10.7.1; acceptance: RFC 5961 §3.2. Tests for a forged RST follow
Weaver, Sommer and Paxson (NDSS 2009): a sender that goes on after "its" RST, sequence numbers, TTL and IP-ID.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from itertools import pairwise

from analyzer import seqnum
from analyzer.flows.model import ACK, FIN, RST, SYN, Segment
from analyzer.signals.wire import WireView
from analyzer.units import MS
from analyzer.values import dataclass

__all__ = ["Baseline", "Origin", "Reset", "ResetForm", "is_ignored", "read_resets"]


class ResetForm(Enum):
    """What a RST's numbers say about why it was sent."""

    REFUSES_SYN = "refuses-syn"
    """RST+ACK to a SYN: nothing listens, or something says so."""
    NO_STATE = "no-state"
    """A bare RST whose sequence number is the acknowledgment of the segment it answers: no such connection here."""
    ABORT = "abort"
    """RST+ACK at the sender's next sequence number: it knew the connection and gave it up."""


class Origin(Enum):
    """Who really sent a RST."""

    ENDPOINT = "endpoint"
    MIDDLEBOX = "middlebox"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a host's packets look like in other flows of the capture."""

    ttls: tuple[int, ...] = ()
    """Its usual TTLs, RSTs aside, the most frequent first."""
    round_trip_ns: int | None = None
    """The shortest round trip to it."""
    neighbour_ttls: tuple[int, ...] = ()
    """TTLs of hosts in the same network as it, where it sent nothing itself."""


_NO_BASELINE = Baseline()


@dataclass(frozen=True, slots=True)
class Reset:
    """One RST and what speaks for or against its claimed sender."""

    segment: Segment
    form: ResetForm
    answers: Segment | None
    """The latest segment of the other half before it, where the RST's numbers answer that segment."""
    exact: bool | None
    """Its sequence number is exactly what the receiver expected next; None when that is unknown."""
    origin: Origin
    weight: float
    """How strongly the capture speaks for a middlebox (positive) or for the endpoint (negative)."""
    reasons: tuple[str, ...]
    ttl_delta: int | None
    """Its TTL less the nearest usual TTL of the same host; None without a baseline."""
    after_life: tuple[int, ...]
    """Frames in which the claimed sender goes on with the connection it "reset"."""
    delay_ns: int | None
    """From the segment it answers."""
    ignored: bool
    """Both ends went on talking: it did not end the connection (RFC 5961 §3.2)."""


def read_resets(view: WireView, baselines: Mapping[bool, Baseline] | None = None) -> tuple[Reset, ...]:
    """Judge every kept RST of a flow.

    ``baselines`` gives, by ``from_initiator``, what the host sends elsewhere; used where this flow has no measure.
    """
    out: list[Reset] = []
    for position, segment in enumerate(view.segments):
        if segment.has(RST):
            out.append(_judge(view, position, segment, (baselines or {}).get(segment.from_initiator, _NO_BASELINE)))
    return tuple(out)


def _judge(view: WireView, position: int, rst: Segment, baseline: Baseline) -> Reset:
    before = view.segments[:position]
    theirs = [s for s in before if s.from_initiator is not rst.from_initiator and not s.has(RST)]
    own = [s for s in before if s.from_initiator is rst.from_initiator and not s.has(RST)]
    last = theirs[-1] if theirs else None
    form = _form(rst, last, own)
    answers = _answered_segment(rst, form, theirs)
    exact = _exact(rst, theirs)
    reasons: list[str] = []
    weight = 0.0

    after_life = _after_life(view, position, rst)
    if after_life and not _in_flight(view, rst):
        weight += 2.0
        reasons.append("the host goes on with the connection after the reset sent in its name")
    delta, steady = _ttl_delta(view, rst, baseline)
    if delta is not None:
        if abs(delta) >= 2:
            weight += 2.0
            reasons.append(f"its TTL {rst.ttl} is {abs(delta)} off this host's other packets")
        elif delta and steady:
            weight += 1.2
            reasons.append(f"its TTL {rst.ttl} differs by one from all of this host's other packets")
        elif not delta:
            weight -= 1.0
            reasons.append(f"its TTL {rst.ttl} equals this host's other packets")
    elif baseline.neighbour_ttls:
        weight += _neighbour_weight(rst, baseline.neighbour_ttls, reasons)
    weight += _ip_id_weight(rst, own, reasons)
    if rst.link_source and own and all(s.link_source not in (0, rst.link_source) for s in own):
        weight += 1.5
        reasons.append("it came from another link-layer address than this host's other packets")
    delay = rst.ts_ns - answers.ts_ns if answers is not None else None
    if delay is not None and form is not ResetForm.ABORT:
        weight += _haste_weight(view, rst, delay, baseline, reasons)
    if rst.window and not rst.has(ACK) and form is ResetForm.NO_STATE:
        weight += 0.5
        reasons.append(f"a bare RST with a window of {rst.window}; hosts send 0")
    origin = Origin.UNDETERMINED
    if weight >= 1.0:
        origin = Origin.MIDDLEBOX
    elif weight <= -0.5:
        origin = Origin.ENDPOINT
    return Reset(
        rst, form, answers, exact, origin, weight, tuple(reasons), delta, after_life, delay, is_ignored(view, rst)
    )


_TELLING_ROUND_TRIP_NS = 8 * MS
"""Below it a host's own haste and a box's cannot be told apart."""
_TURNS = 3
"""Changes of speaker after a RST from which both ends are known to have gone on."""


def is_ignored(view: WireView, rst: Segment) -> bool:
    """Tell whether both ends went on talking after a RST, so that it cannot have ended the connection."""
    speaker: bool | None = None
    turns = 0
    for s in view.segments:
        if s.frame <= rst.frame:
            continue
        if s.has(RST | SYN):
            return False
        if s.from_initiator is not speaker:
            speaker = s.from_initiator
            turns += 1
            if turns > _TURNS:
                return True
    return False


def _form(rst: Segment, last: Segment | None, own: list[Segment]) -> ResetForm:
    if last is not None and last.has(SYN) and not last.has(ACK) and not own:
        return ResetForm.REFUSES_SYN
    if rst.has(ACK):
        return ResetForm.ABORT
    return ResetForm.NO_STATE


def _answered_segment(rst: Segment, form: ResetForm, theirs: list[Segment]) -> Segment | None:
    if form is ResetForm.NO_STATE:
        for s in reversed(theirs):
            if s.has(ACK) and s.ack == rst.seq:
                return s
        return None
    return theirs[-1] if theirs else None


def _exact(rst: Segment, theirs: list[Segment]) -> bool | None:
    acks = [s.ack for s in theirs if s.has(ACK)]
    if not acks:
        return None
    return rst.seq == acks[-1] or any(rst.seq == ack for ack in acks[-4:])


def _after_life(view: WireView, position: int, rst: Segment) -> tuple[int, ...]:
    """Frames of the claimed sender that only a host which did not send this RST would send."""
    frames: list[int] = []
    for s in view.segments[position + 1 :]:
        if s.from_initiator is not rst.from_initiator or s.has(RST):
            continue
        if s.has(SYN):
            break
        if s.has(FIN) or s.payload_len or s.has(ACK):
            frames.append(s.frame)
    return tuple(frames)


def _in_flight(view: WireView, rst: Segment) -> bool:
    """Tell whether the packets after the RST may have been under way when it was sent.

    A host that resets a connection can still have older packets in flight only if they were sent before; on one path
    they arrive before. So only reordering within a fraction of the round trip excuses them.
    """
    later = [s for s in view.segments if s.from_initiator is rst.from_initiator and s.frame > rst.frame]
    alive = [s for s in later if not s.has(RST)]
    if not alive:
        return True
    return alive[-1].ts_ns - rst.ts_ns < 1_000_000


def _ttl_delta(view: WireView, rst: Segment, baseline: Baseline) -> tuple[int | None, bool]:
    half = view.flow.half(rst.from_initiator)
    modes = [ttl for ttl, count in half.ttl_modes if count]
    # Only what the same host sent as established talk is a baseline; a refused SYN has none in its own flow.
    if not modes:
        modes = list(baseline.ttls)
        if not modes:
            return None, False
        nearest = min(modes, key=lambda ttl: abs(ttl - rst.ttl))
        return rst.ttl - nearest, len(set(modes)) == 1
    nearest = min(modes, key=lambda ttl: abs(ttl - rst.ttl))
    count = sum(count for _, count in half.ttl_modes)
    return rst.ttl - nearest, len(modes) == 1 and count >= 3


def _neighbour_weight(rst: Segment, ttls: tuple[int, ...], reasons: list[str]) -> float:
    """Hosts of one network are as many hops away; only their initial TTLs may differ."""
    hops = {_hops(ttl) for ttl in ttls}
    if _hops(rst.ttl) in hops:
        if rst.ttl in ttls:
            reasons.append(f"its TTL {rst.ttl} is what other hosts of that network send")
            return -0.7
        return 0.0
    reasons.append(f"its TTL {rst.ttl} is {_hops(rst.ttl)} hops away, other hosts of that network are not")
    return 1.0


def _hops(ttl: int) -> int:
    """Hops from the next common initial TTL above."""
    return next(initial for initial in (32, 64, 128, 255) if ttl <= initial) - ttl


def _haste_weight(view: WireView, rst: Segment, delay: int, baseline: Baseline, reasons: list[str]) -> float:
    """Weigh that an answer cannot come sooner than the path allows."""
    round_trip = view.reverse_round_trip_ns if rst.from_initiator else view.round_trip_ns
    if round_trip is None:
        round_trip = baseline.round_trip_ns
    if round_trip is None or round_trip < _TELLING_ROUND_TRIP_NS or delay >= round_trip * 0.6:
        return 0.0
    reasons.append(
        f"it came {delay / 1e6:.1f} ms after what it answers, sooner than the path's {round_trip / 1e6:.1f} ms"
    )
    return 1.0


def _ip_id_weight(rst: Segment, own: list[Segment], reasons: list[str]) -> float:
    """Weigh the IP identification: who counts up counts on; 0 and random ones say nothing (RFC 6864 §4.1)."""
    ids = [s.ip_id for s in own[-8:] if s.ip_id is not None]
    if rst.ip_id is None or len(ids) < 3 or not rst.ip_id:
        return 0.0
    nonzero = [i for i in ids if i]
    if len(nonzero) < 3:
        return 0.0
    steps = [(b - a) & 0xFFFF for a, b in pairwise(nonzero)]
    if any(step > 256 for step in steps):
        return 0.0
    jump = (rst.ip_id - nonzero[-1]) & 0xFFFF
    if jump == 0 and all(step == 0 for step in steps):
        return 0.0
    if jump <= 512:
        reasons.append("its IP identification continues this host's counter")
        return -1.0
    reasons.append("its IP identification does not continue this host's counter")
    return 1.0


def acknowledges_less(reset: Reset, view: WireView) -> bool | None:
    """Tell whether a RST acknowledges less than the other half had sent: data it never read or received."""
    if not reset.segment.has(ACK):
        return None
    other = [s for s in view.half(not reset.segment.from_initiator) if s.frame < reset.segment.frame and not s.has(RST)]
    if not other:
        return None
    end = other[0].end_seq
    for s in other:
        if seqnum.before(end, s.end_seq):
            end = s.end_seq
    return seqnum.before(reset.segment.ack, end)
