"""Sequence numbers over time: how far each half had come, what was sent again, what was acknowledged.

Places are percentages, as in `analyzer.report.charts`. Silences are folded as in the ladder: a long one would press all
that happened into two lines at the edges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from analyzer.report.ladder import notable_silences
from analyzer.report.model import IncidentReport, SequenceRow
from analyzer.report.phrases import clock, count, frames
from analyzer.units import format_duration
from analyzer.values import dataclass

__all__ = ["Fold", "Lane", "Place", "ProgressChart", "progress_chart"]

_LEFT, _RIGHT = 1.0, 99.0
_FOLD = 11.0
_MOST_FOLDS = 3
_LEAST_STRETCH = 0.12
_NEAR_NS = 1_000


@dataclass(frozen=True, slots=True)
class Fold:
    """A stretch of time that is drawn shorter than it was."""

    x: float
    width: float
    label: str


@dataclass(frozen=True, slots=True)
class Place:
    """One segment: where it stands, from which byte to which; heights count from the top."""

    x: float
    top: float
    bottom: float
    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One half."""

    title: str
    words: str
    places: tuple[Place, ...]
    acked: str
    """Corners of the line of what the other side acknowledged, ``x,y x,y``; empty where it acknowledged nothing."""


@dataclass(frozen=True, slots=True)
class ProgressChart:
    """Both halves over the same time."""

    lanes: tuple[Lane, ...]
    folds: tuple[Fold, ...]
    start: str
    end: str
    words: str


def progress_chart(incident: IncidentReport) -> ProgressChart | None:
    """Return the chart, or None where fewer than two segments with data were kept."""
    rows = incident.sequence
    if sum(row.length > 0 for row in rows) < 2 or rows[-1].ts_ns <= rows[0].ts_ns:
        return None
    axis = _Axis(incident)
    lanes = tuple(_lane(rows, side, axis) for side in (True, False) if any(_counts(row, side) for row in rows))
    skipped = sum(row.skipped for row in rows)
    words = " ".join(lane.words for lane in lanes)
    if skipped:
        words += f" {count(skipped, 'packet')} in the middle were not kept and are not drawn."
    digits = 3 if rows[-1].ts_ns - rows[0].ts_ns < 60_000_000_000 else 0
    times = [clock(row.ts_ns, digits).rstrip(".") for row in (rows[0], rows[-1])]
    return ProgressChart(lanes, axis.folds, times[0], times[1], words)


def _counts(row: SequenceRow, side: bool) -> bool:
    return row.from_client is side and row.length > 0 and row.kind != "rst"


class _Axis:
    """Time to percent: stretches of activity share the room that the folded silences leave."""

    def __init__(self, incident: IncidentReport) -> None:
        rows = incident.sequence
        cuts = self._cuts(incident, rows)
        edges = [rows[0].ts_ns, *(edge for start, end, _ in cuts for edge in (start, end)), rows[-1].ts_ns]
        stretches = list(zip(edges[::2], edges[1::2], strict=True))
        active = max(1, sum(end - start for start, end in stretches))
        weights = [max(_LEAST_STRETCH, (end - start) / active) for start, end in stretches]
        room = _RIGHT - _LEFT - _FOLD * len(cuts)
        self._parts: list[tuple[int, int, float, float]] = []
        folds: list[Fold] = []
        x = _LEFT
        for position, (start, end) in enumerate(stretches):
            width = room * weights[position] / sum(weights)
            self._parts.append((start, end, x, width))
            x += width
            if position < len(cuts):
                folds.append(Fold(round(x, 2), _FOLD, cuts[position][2]))
                x += _FOLD
        self.folds = tuple(folds)

    @staticmethod
    def _cuts(incident: IncidentReport, rows: Sequence[SequenceRow]) -> list[tuple[int, int, str]]:
        """Return start, end and words of what is folded: the longest notable silences, and packets not kept."""
        silent = {(one.before_frame, one.after_frame) for one in notable_silences(incident)}
        found = []
        for before, after in pairwise(rows):
            if after.skipped:
                found.append((before.ts_ns, after.ts_ns, f"{after.skipped:,} packets"))
            elif (before.frame, after.frame) in silent:
                found.append((before.ts_ns, after.ts_ns, format_duration(after.ts_ns - before.ts_ns)))
        longest = sorted(found, key=lambda one: one[0] - one[1])[:_MOST_FOLDS]
        return sorted(longest)

    def place(self, ns: int) -> float:
        for start, end, x, width in self._parts:
            if ns <= end:
                part = (ns - start) / (end - start) if end > start else 0.5
                return round(x + width * min(1.0, max(0.0, part)), 2)
        return _RIGHT


def _lane(rows: Sequence[SequenceRow], side: bool, axis: _Axis) -> Lane:
    own = [row for row in rows if row.from_client is side]
    acks = [(row.ts_ns, row.acked) for row in rows if row.from_client is not side and row.acked is not None]
    sent = [row for row in own if _counts(row, side)]
    low = min(row.start for row in sent)
    high = max(row.start + row.length for row in sent)

    def height(byte: int) -> float:
        return round(94 - 88 * (min(max(byte, low), high) - low) / (high - low), 1)

    places = tuple(
        Place(
            axis.place(row.ts_ns),
            height(high if row.kind == "rst" else row.start + row.length),
            height(high if row.kind == "rst" else row.start),
            row.kind,
            f"frame {row.frame}: {_KIND[row.kind]}{f', {row.length:,} bytes' if row.length else ''}",
        )
        for row in own
        if row.kind != "ack"
    )
    name, other = ("client", "server") if side else ("server", "client")
    title = f"{name} to {other}: {count(high - low, 'byte')}"
    return Lane(title, _words(name, sent, high, acks), places, _line(acks, low, axis, height))


_KIND = {"data": "data", "again": "sent again", "probe": "keepalive probe", "fin": "FIN", "rst": "RST"}


def _line(acks: Iterable[tuple[int, int]], low: int, axis: _Axis, height: Callable[[int], float]) -> str:
    corners: list[str] = []
    level: int | None = None
    x = 0.0
    for ns, acked in acks:
        if level is not None and acked <= level:
            continue
        x = axis.place(ns)
        if level is not None:
            corners.append(f"{x},{height(level)}")
        corners.append(f"{x},{height(max(acked, low))}")
        level = acked
    if level is not None:
        corners.append(f"{_RIGHT},{height(level)}")
    return " ".join(corners)


def _words(name: str, sent: Sequence[SequenceRow], high: int, acks: Sequence[tuple[int, int]]) -> str:
    again = [row.frame for row in sent if row.kind == "again"]
    low = min(row.start for row in sent)
    text = f"The {name} sent {count(high - low, 'byte')}"
    text += f", {count(len(again), 'segment')} of it again ({frames(again)})" if again else ""
    missing = high - max((acked for _, acked in acks), default=low)
    if missing <= 0:
        return f"{text}; all of it was acknowledged."
    return f"{text}; no acknowledgment of the last {count(missing, 'byte')} was seen."
