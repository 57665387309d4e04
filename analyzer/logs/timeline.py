"""Decide, from all times of one log, what a single line leaves open: day or month first, the year, the date.

The evidence is the file itself (a log goes forward), then what the caller knows, then the file's own date.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise

from analyzer.logs.stamps import DAY_NS, EPOCH_DATE, Stamp
from analyzer.units import NS
from analyzer.values import dataclass

__all__ = ["Instant", "Timeline"]

_HALF_DAY_NS = DAY_NS // 2


@dataclass(frozen=True, slots=True)
class Instant:
    """A decided time."""

    ns: int
    zone_known: bool
    resolution_ns: int


class Timeline:
    """The decisions for one file.

    ``seen`` holds (line, stamp) of as many records as are known, in file order; ``near_ns`` is an instant the log
    should cover; ``year_hint`` the year of its last line; ``named`` a date in the file's name; ``modified_ns`` the
    file's time. ``zone`` is applied to stamps without one; ``utc`` says the format itself is in UTC.
    """

    def __init__(
        self,
        seen: Iterable[tuple[int, Stamp]],
        *,
        zone: tzinfo | None = None,
        utc: bool = False,
        year_hint: int | None = None,
        near_ns: int | None = None,
        named: date | None = None,
        modified_ns: int | None = None,
    ) -> None:
        self.zone = UTC if utc else zone
        self._near = None if near_ns is None else _date_of(near_ns)
        self._modified = None if modified_ns is None else _date_of(modified_ns)
        self._named = named
        rows = sorted(seen, key=lambda row: row[0])
        stamps = [stamp for _, stamp in rows]
        self.problems: list[str] = []
        self.date_from: str | None = None
        self.day_first = self._decide_day_first(stamps)
        self._resolution = _resolutions(stamps)
        partial = [(line, stamp) for line, stamp in rows if stamp.year is None]
        self.date_known = not any(stamp.month is None for _, stamp in partial)
        self.year_known = not partial
        self._year_steps, self._last_year = self._years([row for row in partial if row[1].month], year_hint)
        self._day_steps, self._last_date = self._days([row for row in partial if row[1].month is None])

    def resolve(self, line: int, stamp: Stamp) -> Instant | None:
        """Return the instant of a stamp on a line; None when its date cannot be."""
        day = self._date(line, stamp)
        if day is None:
            return None
        resolution = self._resolution.get(stamp.form, 10 ** (9 - max(stamp.digits, 0)))
        if stamp.digits < 0:
            resolution = 60 * NS
        ns = (day - EPOCH_DATE).days * DAY_NS + stamp.day_ns
        if stamp.offset_s is not None:
            return Instant(ns - stamp.offset_s * NS, True, resolution)
        if self.zone is not None:
            try:
                local = datetime(day.year, day.month, day.day, tzinfo=self.zone) + timedelta(
                    seconds=min(stamp.day_ns // NS, 86399)
                )
                offset = local.utcoffset() or timedelta()
            except (OverflowError, ValueError):
                return None
            return Instant(ns - int(offset.total_seconds()) * NS, True, resolution)
        return Instant(ns, False, resolution)

    def _date(self, line: int, stamp: Stamp) -> date | None:
        if stamp.month is None or stamp.day is None:
            if self._last_date is None:
                return None
            behind = len(self._day_steps) - bisect_right(self._day_steps, line)
            return self._last_date - timedelta(days=behind)
        month, day = stamp.month, stamp.day
        if stamp.swappable and self.day_first:
            month, day = day, month
        year = stamp.year
        if year is None:
            if self._last_year is None:
                return None
            year = self._last_year - (len(self._year_steps) - bisect_right(self._year_steps, line))
        try:
            return date(year, month, day)
        except ValueError:
            return None

    def _decide_day_first(self, stamps: Sequence[Stamp]) -> bool:
        open_ones = [stamp for stamp in stamps if stamp.swappable]
        if not open_ones:
            return True
        votes = Counter(stamp.lean for stamp in stamps if stamp.lean)
        if votes["D"] or votes["M"]:
            return votes["D"] >= votes["M"]
        if votes["d"] or votes["m"]:
            return votes["d"] >= votes["m"]
        options = {first: _dates(open_ones, first) for first in (True, False)}
        for measure in (_backward, _extent):
            scores = {first: measure(dates) for first, dates in options.items()}
            if scores[True] != scores[False]:
                return scores[True] < scores[False]
        for anchor in (self._near, self._named, self._modified):
            if anchor is None:
                continue
            far = {
                first: min((abs((anchor - one).days) for one in dates), default=1 << 30)
                for first, dates in options.items()
            }
            if far[True] != far[False]:
                return far[True] < far[False]
        if options[True] != options[False]:
            self.problems.append(
                "nothing in the log tells whether its dates put the day or the month first; the day was taken"
            )
        return True

    def _years(self, rows: list[tuple[int, Stamp]], hint: int | None) -> tuple[list[int], int | None]:
        steps: list[int] = []
        previous: Stamp | None = None
        for line, stamp in rows:
            if previous is not None and (previous.month or 0) - (stamp.month or 0) > 6:
                steps.append(line)
            previous = stamp
        if previous is None:
            return steps, None
        if hint is not None:
            self.date_from = "hint"
            return steps, hint
        for anchor, source in ((self._near, "hint"), (self._named, "file name")):
            if anchor is not None:
                self.date_from = source
                return steps, _nearest_year(previous, anchor)
        if self._modified is None:
            return steps, None
        self.date_from = "file time"
        last = _safe_date(self._modified.year, previous)
        # A log cannot end after its file was written; a day is left for a writer in another time zone.
        return steps, self._modified.year - (last is None or last > self._modified + timedelta(days=1))

    def _days(self, rows: list[tuple[int, Stamp]]) -> tuple[list[int], date | None]:
        steps: list[int] = []
        previous: Stamp | None = None
        for line, stamp in rows:
            if previous is not None and previous.day_ns - stamp.day_ns > _HALF_DAY_NS:
                steps.append(line)
            previous = stamp
        if previous is None:
            return steps, None
        for anchor, source in ((self._near, "hint"), (self._named, "file name"), (self._modified, "file time")):
            if anchor is not None:
                self.date_from = source
                return steps, anchor
        return steps, None


def _date_of(ns: int) -> date:
    days = min(max(ns // DAY_NS, -700_000), 2_900_000)
    return EPOCH_DATE + timedelta(days=days)


def _dates(stamps: Sequence[Stamp], day_first: bool) -> list[date]:
    dates: list[date] = []
    for stamp in stamps:
        month, day = stamp.month or 1, stamp.day or 1
        if day_first:
            month, day = day, month
        try:
            dates.append(date(stamp.year or 2000, month, day))
        except ValueError:
            continue
    return dates


def _backward(dates: Sequence[date]) -> int:
    return sum(1 for a, b in pairwise(dates) if b < a)


def _extent(dates: Sequence[date]) -> int:
    return (max(dates) - min(dates)).days if dates else 0


def _safe_date(year: int, stamp: Stamp) -> date | None:
    try:
        return date(year, stamp.month or 1, stamp.day or 1)
    except ValueError:
        return None


def _nearest_year(stamp: Stamp, anchor: date) -> int:
    options = [
        (abs((when - anchor).days), year)
        for year in (anchor.year - 1, anchor.year, anchor.year + 1)
        if (when := _safe_date(year, stamp)) is not None
    ]
    return min(options)[1] if options else anchor.year


def _resolutions(stamps: Sequence[Stamp]) -> dict[str, int]:
    """Return the finest unit that is really used, by form: seven decimals of which four are always zero are three."""
    written: dict[str, int] = {}
    used: dict[str, int] = {}
    count: Counter[str] = Counter()
    for stamp in stamps:
        written[stamp.form] = max(written.get(stamp.form, 0), stamp.digits)
        used[stamp.form] = max(used.get(stamp.form, 0), stamp.significant)
        count[stamp.form] += 1
    digits = {form: used[form] if count[form] >= 3 else written[form] for form in written}
    # A clock that ticks in 10 or 100 ms is rare: what is used is rounded up to ms, µs or ns, as far as is written.
    return {form: 10 ** (9 - min(-(-value // 3) * 3, max(written[form], 0))) for form, value in digits.items()}
