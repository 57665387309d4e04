"""The time that a person asks for, in any shape that people type; what it leaves open is completed by the capture."""

from __future__ import annotations

import re

from analyzer.logs.stamps import DAY_NS, Stamp, find_stamp, stamp_from_epoch
from analyzer.logs.timeline import Timeline
from analyzer.units import NS, parse_instant
from analyzer.values import dataclass, replace

__all__ = ["Moment", "parse_moment"]

_SURE_NS = 2 * NS
"""How exactly a person is believed to know a time that is told with its seconds."""
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_MOST_RELATIVE = 100_000_000
"""Seconds. A smaller number counts from the capture's start, as Wireshark's first column does: 1973 had no captures."""
_NO_SECONDS = re.compile(r"(?<![\d:+-])([0-2]?\d:[0-5]\d)(?![\d:])")
_AROUND = re.compile(
    r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?|at|[\s,;()\[\]'\"])*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as it was asked for. Exactly one of the first three is set."""

    ns: int | None = None
    """Since 1970."""
    since_start_ns: int | None = None
    """Since the first packet."""
    stamp: Stamp | None = None
    """A time of which the year, the date or the order of day and month may be open."""
    uncertainty_ns: int = _SURE_NS

    def within(self, first_ns: int | None, last_ns: int | None) -> int | None:
        """Return it in ns since 1970 for a capture of that span; None where the span is needed and not known."""
        if self.ns is not None or first_ns is None or last_ns is None:
            return self.ns
        if self.since_start_ns is not None:
            return first_ns + self.since_start_ns
        assert self.stamp is not None
        instant = Timeline([(0, self.stamp)], utc=True, near_ns=first_ns).resolve(0, self.stamp)
        if instant is None or self.stamp.month is not None:
            return None if instant is None else instant.ns
        # A capture may begin in the evening and end in the morning.
        days = [instant.ns + day * DAY_NS for day in range(-1, (last_ns - first_ns) // DAY_NS + 3)]
        return min(days, key=lambda ns: max(first_ns - ns, ns - last_ns, 0))


def parse_moment(text: str) -> Moment:
    """Read a time: ISO 8601 and what logs write, UTC unless it says otherwise; a count of seconds; a time of day.

    What is open (the date of ``02:03:11``, the year of ``May 26 02:03:11``, day or month first) is decided by the
    capture. A number below 100 million is seconds since the capture's first packet. Raises ValueError.
    """
    text = text.strip()
    if _NUMBER.fullmatch(text) and float(text) < _MOST_RELATIVE:
        whole, _, fraction = text.partition(".")
        return Moment(since_start_ns=int(whole) * NS + int(fraction[:9].ljust(9, "0")))
    stamp = stamp_from_epoch(text.removeprefix("@")) or _find(text)
    if stamp is None:
        return Moment(ns=parse_instant(text))
    unsure = _SURE_NS if stamp.digits >= 0 else 60 * NS
    moment = Moment(stamp=stamp, uncertainty_ns=unsure)
    if stamp.year is not None and not stamp.swappable:
        ns = moment.within(0, 0)
        if ns is None:
            raise ValueError(f"{text!r} is no time: there is no such day")
        return Moment(ns=ns, uncertainty_ns=unsure)
    return moment


def _find(text: str) -> Stamp | None:
    stamp = find_stamp(text)
    if stamp is not None and stamp.form != "time":
        return stamp if _is_all(stamp, text) else None
    # Logs do not write a time of day with a zone or without seconds; people ask for one.
    filled = _NO_SECONDS.sub(r"\1:00", text, count=1)
    dated = f"2000-01-01 {filled.lstrip('Tt')}"
    stamp = find_stamp(dated)
    if stamp is None or not _is_all(stamp, dated):
        return None
    return replace(stamp, year=None, month=None, day=None, digits=stamp.digits if filled == text else -1)


def _is_all(stamp: Stamp, text: str) -> bool:
    return all(_AROUND.fullmatch(part) for part in (text[: stamp.start], text[stamp.end :]))
