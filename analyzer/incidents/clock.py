"""The offset between a log's clock and the capture's, inferred from lines that tell what the wire shows too.

A line "connected to X" and a handshake with X, a line with 10061 and a RST to a SYN: each such pair proposes an offset.
The true one is proposed by many lines at once. An offset is a time zone (a multiple of 15 minutes, where the log names
none) and a skew; of equally supported ones the smaller is believed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from analyzer.units import MS, NS, format_duration
from analyzer.values import dataclass

__all__ = ["Anchor", "ClockFit", "fit_clock", "skew_between"]

_QUARTER_HOUR = 900 * NS
_LARGEST_ZONE = 14 * 3600 * NS
_LARGEST_SKEW = 420 * NS
_TOLERANCE = 90 * MS
"""How far a log line may come after what it tells of and still count as the same moment."""
_WITNESS = 0.3
"""The least weight of an anchor that may move a clock."""
_DEFAULT_UNCERTAINTY = 2 * NS


@dataclass(frozen=True, slots=True)
class Anchor:
    """One line of the log and one moment of the capture that may be the same event."""

    event: int
    """Index of the log line; a line may have several candidate moments."""
    log_ns: int
    wire_ns: int
    weight: float
    resolution_ns: int
    """Of the log's timestamps."""


@dataclass(frozen=True, slots=True)
class ClockFit:
    """``log time - offset_ns`` is capture time, give or take ``uncertainty_ns``."""

    offset_ns: int
    uncertainty_ns: int
    anchors: int
    """Log lines that agree on the offset."""
    support: float
    runner_up_ns: int | None = None
    """The next best offset that differs by more than a second."""
    runner_up_support: float = 0.0

    @property
    def zone_ns(self) -> int:
        """The part of the offset that is a time zone."""
        return round(self.offset_ns / _QUARTER_HOUR) * _QUARTER_HOUR

    @property
    def certain(self) -> bool:
        """At least one line anchors the offset and no other offset fits nearly as well."""
        return self.anchors > 0 and self.support > 1.2 * self.runner_up_support

    def describe(self) -> str:
        """Say the offset as one sentence, without its full stop."""
        zone, skew = self.zone_ns, self.offset_ns - self.zone_ns
        within = format_duration(self.uncertainty_ns)
        minutes = abs(zone) // (60 * NS)
        sign = "-" if zone < 0 else "+"
        local = f"The log writes local time, UTC{sign}{minutes // 60:02}:{minutes % 60:02}" if zone else ""
        if not self.anchors:
            taken = f"{local} as it seems; its clock" if local else "The log's clock"
            return (
                f"{taken} was taken to agree with the capture's within {within}: no line of the log tells the moment "
                "of a packet, so it could not be measured"
            )
        if abs(skew) <= self.uncertainty_ns:
            told = "agrees with the capture's"
        else:
            told = f"is {format_duration(abs(skew))} {'ahead of' if skew > 0 else 'behind'} the capture's"
        text = f"{local}; its clock {told}" if local else f"The log's clock {told}"
        text += f" (within {within}, from {self.anchors} line{'s' if self.anchors > 1 else ''}"
        if self.runner_up_ns is not None and not self.certain:
            text += f"; {format_duration(abs(self.runner_up_ns))} would fit nearly as well"
        return f"{text})"


def fit_clock(
    anchors: Sequence[Anchor],
    *,
    zone_known: bool,
    log_times: Sequence[int] = (),
    span: tuple[int, int] | None = None,
    resolution_ns: int = MS,
) -> ClockFit:
    """Infer the offset. Without anchors, choose the zone that puts ``log_times`` inside the capture's ``span``."""
    best: tuple[float, int] | None = None
    scored: list[tuple[float, int]] = []
    for centre in _centres(anchors, zone_known=zone_known):
        score = _support(anchors, centre) - _penalty(centre, zone_known=zone_known)
        scored.append((score, centre))
        if best is None or score > best[0]:
            best = (score, centre)
    if best is None or best[0] <= 0:
        offset = _zone_by_span(log_times, span) if not zone_known else 0
        return ClockFit(offset, _DEFAULT_UNCERTAINTY + resolution_ns, 0, 0.0)
    members = _members(anchors, best[1])
    if max(anchor.weight for anchor in members) < _WITNESS:
        # That some late error falls on some death happens by chance; alone it moves no clock.
        offset = _zone_by_span(log_times, span) if not zone_known else 0
        return ClockFit(offset, _DEFAULT_UNCERTAINTY + resolution_ns, 0, 0.0)
    diffs = sorted(anchor.log_ns - anchor.wire_ns for anchor in members)
    # A line is written after what it tells of: early differences are nearer to the truth than late ones.
    offset = diffs[len(diffs) // 4]
    resolution = max(anchor.resolution_ns for anchor in members)
    if resolution >= NS:
        offset = diffs[len(diffs) // 2]
    spread = max(abs(diff - offset) for diff in diffs)
    uncertainty = spread + resolution + (5 * MS if len(members) > 1 else 30 * MS)
    rivals = [(score, centre) for score, centre in scored if abs(centre - best[1]) > NS]
    rival = max(rivals, default=None)
    return ClockFit(
        offset,
        uncertainty,
        len(members),
        best[0],
        rival[1] if rival is not None and rival[0] > 0 else None,
        max(rival[0], 0.0) if rival is not None else 0.0,
    )


def skew_between(log_ns: int, wire_ns: int, *, zone_known: bool, farthest_ns: int | None = None) -> int | None:
    """Return how far the clocks stand apart, their zones aside, if both times mean one moment; None if too far."""
    diff = log_ns - wire_ns
    zone = 0 if zone_known else round(diff / _QUARTER_HOUR) * _QUARTER_HOUR
    limit = _LARGEST_SKEW if farthest_ns is None else farthest_ns
    return diff - zone if abs(zone) <= _LARGEST_ZONE and abs(diff - zone) <= limit else None


def _centres(anchors: Sequence[Anchor], *, zone_known: bool) -> list[int]:
    centres = set()
    for anchor in anchors:
        if skew_between(anchor.log_ns, anchor.wire_ns, zone_known=zone_known) is not None:
            centres.add((anchor.log_ns - anchor.wire_ns) // (10 * MS) * (10 * MS))
    return sorted(centres)[:4000]


def _members(anchors: Sequence[Anchor], centre: int) -> list[Anchor]:
    nearest: dict[int, Anchor] = {}
    for anchor in anchors:
        diff = anchor.log_ns - anchor.wire_ns
        tolerance = max(_TOLERANCE, anchor.resolution_ns)
        if abs(diff - centre) > tolerance:
            continue
        held = nearest.get(anchor.event)
        better = held is None or (anchor.weight, -abs(diff - centre)) > (
            held.weight,
            -abs(held.log_ns - held.wire_ns - centre),
        )
        if better:
            nearest[anchor.event] = anchor
    return list(nearest.values())


def _support(anchors: Sequence[Anchor], centre: int) -> float:
    # Ten thousand lines of one retry loop must not outvote the calendar.
    weights = sorted((anchor.weight for anchor in _members(anchors, centre)), reverse=True)
    return sum(weight / (1 + rank / 8) for rank, weight in enumerate(weights))


def _penalty(offset: int, *, zone_known: bool) -> float:
    zone = 0 if zone_known else round(offset / _QUARTER_HOUR) * _QUARTER_HOUR
    skew = abs(offset - zone) / NS
    penalty = 0.12 * math.log2(1 + skew)
    if zone:
        penalty += 0.05 if zone % (4 * _QUARTER_HOUR) == 0 else 0.25
    return penalty


def _zone_by_span(log_times: Sequence[int], span: tuple[int, int] | None) -> int:
    if not log_times or span is None:
        return 0
    first, last = span
    best = (0, 0, 0, 0)
    for quarter in range(-56, 57):
        zone = quarter * _QUARTER_HOUR
        # An error may come after the last packet of a capture that went quiet, hardly before its first.
        inside = sum(first - 5 * NS <= time - zone <= last + 120 * NS for time in log_times)
        if inside:
            best = max(best, (inside, int(quarter % 4 == 0), -abs(zone), zone))
    return best[3]
