"""Positions for the pictures of the HTML dialect, in percent of the width, so that a picture fits any screen.

Nothing here knows of markup; the template draws what these values say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from analyzer.report.ladder import notable_silences
from analyzer.report.model import IncidentReport, Report, SilenceRow
from analyzer.report.phrases import clock, count, frames, instant, span
from analyzer.units import NS, format_duration
from analyzer.values import dataclass

__all__ = [
    "IncidentMap",
    "LimitMark",
    "MapRow",
    "Mark",
    "SilenceBar",
    "SilenceChart",
    "Tick",
    "incident_map",
    "silence_chart",
]

_TICKS_S = (0.001, 0.01, 0.1, 1, 10, 60, 600, 3600, 36_000, 86_400, 864_000)
_LIMITS = 9
_SILENCES = 6
_BINS = 150
_MAP_ROWS = 12
_LEFT, _RIGHT = 1.0, 99.0


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis with its words."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class SilenceBar:
    """One silence of the flow, from zero to its length."""

    x: float
    label: str
    fate: str
    """``killed``, ``survived`` or ``unknown``: the bar's class and, in words, part of the label."""


@dataclass(frozen=True, slots=True)
class LimitMark:
    """All known limits of one length."""

    x: float
    label: str
    could: bool
    """Not longer than the decisive silence, so it could have ended the connection."""


@dataclass(frozen=True, slots=True)
class SilenceChart:
    """Silences and known idle limits on one logarithmic axis."""

    ticks: tuple[Tick, ...]
    bars: tuple[SilenceBar, ...]
    marks: tuple[LimitMark, ...]
    line: float | None
    """Where the decisive silence ends."""
    words: str
    hidden: int
    """Limits that found no room."""


def silence_chart(incident: IncidentReport) -> SilenceChart | None:
    """Return the chart of an incident, or None when no silence was recorded."""
    notable = {one.start_ns for one in notable_silences(incident)}
    # A short silence that was survived bounds an idle limit from below; a short one before a retry says nothing.
    silences = [one for one in incident.silences if one.duration_ns > 0 and (one.survived or one.start_ns in notable)]
    if not silences:
        return None
    decisive = next((one for one in silences if one.decisive), None)
    shown = sorted(silences, key=lambda one: (not one.decisive, -one.duration_ns))[:_SILENCES]
    shown.sort(key=lambda one: one.start_ns)
    limits = _limits(silences)
    marks, hidden = _nearest(limits, (decisive or shown[0]).duration_ns)
    lengths = [one.duration_ns for one in shown] + [length for length, _ in marks]
    low, high = min([NS, *lengths]), max([60 * NS, *lengths]) * 1.3
    bound = None if decisive is None else decisive.duration_ns
    return SilenceChart(
        ticks=tuple(
            Tick(_log(seconds * NS, low, high), format_duration(round(seconds * NS)).replace(".00", ""))
            for seconds in _TICKS_S
            if low <= seconds * NS <= high
        ),
        bars=tuple(SilenceBar(_log(one.duration_ns, low, high), _silence_words(one), _fate(one)) for one in shown),
        marks=tuple(
            LimitMark(
                _log(length, low, high),
                f"{format_duration(length)}: {', '.join(names)}",
                bound is not None and length <= bound,
            )
            for length, names in marks
        ),
        line=None if bound is None else _log(bound, low, high),
        words=_chart_words(decisive, limits),
        hidden=hidden,
    )


def _log(value: float, low: float, high: float) -> float:
    part = math.log(max(value, low) / low) / math.log(high / low)
    return round(_LEFT + part * (_RIGHT - _LEFT), 2)


def _fate(silence: SilenceRow) -> str:
    return {True: "survived", False: "killed", None: "unknown"}[silence.survived]


_FATE_WORDS = {"survived": "survived", "killed": "not survived", "unknown": "fate not known"}


def _silence_words(silence: SilenceRow) -> str:
    where = frames((silence.before_frame, silence.after_frame))
    return f"{format_duration(silence.duration_ns)} silent, {where}: {_FATE_WORDS[_fate(silence)]}"


def _limits(silences: Iterable[SilenceRow]) -> list[tuple[int, list[str]]]:
    names: dict[int, dict[str, None]] = {}
    for silence in silences:
        for limit in silence.limits:
            if limit.duration_ns > 0:
                names.setdefault(limit.duration_ns, {})[limit.name] = None
    return [(length, list(names[length])) for length in sorted(names)]


def _nearest(limits: Sequence[tuple[int, list[str]]], to: int) -> tuple[list[tuple[int, list[str]]], int]:
    """Return the limits nearest to a length on the logarithmic axis, and how many others there are."""
    near = sorted(limits, key=lambda one: abs(math.log(one[0] / max(to, 1))))[:_LIMITS]
    return sorted(near), len(limits) - len(near)


def _chart_words(decisive: SilenceRow | None, limits: Sequence[tuple[int, list[str]]]) -> str:
    if decisive is None:
        return "No silence of this connection decided its end."
    length = format_duration(decisive.duration_ns)
    text = f"The deciding silence lasted {length} ({frames((decisive.before_frame, decisive.after_frame))})."
    if not limits:
        return text
    could = [names for bound, names in limits if bound <= decisive.duration_ns]
    total = sum(len(names) for names in could)
    if not could:
        return f"{text} Every known limit drawn here is longer and cannot explain the end."
    return (
        f"{text} {count(total, 'known limit')} not longer than that could have ended the connection; longer ones "
        "cannot. Which device it was, a length alone does not prove."
    )


@dataclass(frozen=True, slots=True)
class Mark:
    """Incidents that fall into one slice of time."""

    x: float
    height: float
    """In percent of a row."""
    label: str


@dataclass(frozen=True, slots=True)
class MapRow:
    """The incidents of one cause."""

    label: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class IncidentMap:
    """All incidents over the time that the captures cover."""

    rows: tuple[MapRow, ...]
    ticks: tuple[Tick, ...]
    covered: tuple[tuple[float, float], ...]
    """Start and width of each capture's span."""
    words: str


def incident_map(report: Report) -> IncidentMap | None:
    """Return the map, or None when there are fewer than two incidents or no time to draw them over."""
    if len(report.incidents) < 2:
        return None
    times = [one.time_ns for one in report.incidents]
    whole = span(report.captures)
    start, end = min(times), max(times)
    if whole is not None:
        start, end = min(start, whole[0]), max(end, whole[1])
    if end <= start:
        return None

    def place(ns: int) -> float:
        return _LEFT + (ns - start) / (end - start) * (_RIGHT - _LEFT)

    by_cause: dict[str, list[int]] = {}
    for one in report.incidents:
        by_cause.setdefault(one.cause, []).append(one.time_ns)
    ordered = sorted(by_cause.items(), key=lambda item: (-len(item[1]), item[0]))
    rows = [_map_row(cause, moments, place) for cause, moments in ordered[:_MAP_ROWS]]
    if len(ordered) > _MAP_ROWS:
        rest = [ns for _, moments in ordered[_MAP_ROWS:] for ns in moments]
        rows.append(_map_row(f"{len(ordered) - _MAP_ROWS} other causes", rest, place))
    same_day = instant(start)[:10] == instant(end)[:10]
    digits = 0 if end - start > 10 * NS else 3
    ticks = tuple(
        Tick(round(place(ns), 2), clock(ns, digits).rstrip(".") if same_day else instant(ns, 0)[5:16])
        for ns in (start, start + (end - start) // 2, end)
    )
    covered = tuple(
        (round(place(one.first_ns), 2), round(max(0.2, place(one.last_ns) - place(one.first_ns)), 2))
        for one in report.captures
        if one.first_ns is not None and one.last_ns is not None
    )
    words = (
        f"{count(len(times), 'incident')} from {instant(min(times), 0)} to {instant(max(times), 0)}; most often "
        f"{ordered[0][0]} ({len(ordered[0][1]):,})."
    )
    return IncidentMap(tuple(rows), ticks, covered, words)


def _map_row(cause: str, moments: Sequence[int], place: Callable[[int], float]) -> MapRow:
    bins: dict[int, list[int]] = {}
    for ns in moments:
        bins.setdefault(int((place(ns) - _LEFT) / (_RIGHT - _LEFT) * (_BINS - 1)), []).append(ns)
    most = max(len(inside) for inside in bins.values())
    marks = tuple(
        Mark(
            x=round(_LEFT + position / (_BINS - 1) * (_RIGHT - _LEFT - 0.6), 2),
            height=round(100 * (0.45 + 0.55 * math.sqrt(len(inside) / most)), 1),
            label=f"{count(len(inside), 'incident')} from {instant(min(inside), 0)}",
        )
        for position, inside in sorted(bins.items())
    )
    return MapRow(f"{cause}: {count(len(moments), 'incident')}", marks)
