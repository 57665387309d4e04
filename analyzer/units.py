"""Instants and durations: integer nanoseconds everywhere, text only at the edges."""

from __future__ import annotations

import re
from datetime import UTC, datetime

__all__ = [
    "MS",
    "NS",
    "format_duration",
    "format_instant",
    "instant_of",
    "parse_duration",
    "parse_instant",
    "parse_size",
]

NS = 1_000_000_000
MS = 1_000_000

_DURATION = re.compile(r"(?P<value>\d+(?:\.\d+)?)\s*(?P<unit>ns|us|ms|s|min|h|d)")
_DURATION_NS = {"ns": 1, "us": 1_000, "ms": MS, "s": NS, "min": 60 * NS, "h": 3600 * NS, "d": 86400 * NS}
_SIZE = re.compile(r"(?P<value>\d+)\s*(?P<unit>B|KiB|MiB|GiB)")
_EPOCH = re.compile(r"(?P<seconds>[0-9]{1,10})(?:\.(?P<fraction>[0-9]{0,9})[0-9]*)?")
_SIZE_BYTES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def parse_duration(text: str) -> int:
    """Return the nanoseconds in ``text`` such as ``350s``, ``1.5ms`` or ``2h``.

    Raises ValueError for anything else.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no duration; write a number and ns, us, ms, s, min, h or d")
    return round(float(match["value"]) * _DURATION_NS[match["unit"]])


def parse_size(text: str) -> int:
    """Return the bytes in ``text`` such as ``4KiB``. Raises ValueError for anything else."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no size; write a whole number and B, KiB, MiB or GiB")
    return int(match["value"]) * _SIZE_BYTES[match["unit"]]


def parse_instant(text: str) -> int:
    """Return the ns since 1970 of an ISO 8601 time, UTC unless it carries an offset, or of seconds since 1970.

    Raises ValueError for anything else.
    """
    match = _EPOCH.fullmatch(text.strip())
    if match is not None:
        return int(match["seconds"]) * NS + int((match["fraction"] or "").ljust(9, "0"))
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is no time; write one such as 2026-11-22T14:33:50Z") from None
    return instant_of(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def instant_of(moment: datetime) -> int:
    """Return the ns since 1970 of a ``datetime`` that knows its zone, to its last microsecond."""
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000


def format_instant(ns: int) -> str:
    """Return nanoseconds since 1970 as ISO 8601 in UTC with nine decimals."""
    seconds, fraction = divmod(ns, NS)
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return f"{seconds}.{fraction:09d}"
    # strftime takes three times as long, and reports hold thousands of times.
    return f"{moment.isoformat()[:19]}.{fraction:09d}Z"


def format_duration(ns: int) -> str:
    """Return a duration as a person reads it: ``850 ms``, ``75 s``, ``2 min 30 s``, ``1 h 2 min``."""
    if ns < 0:
        return "-" + format_duration(-ns)
    if ns < MS:
        return f"{ns / 1000:.0f} µs"
    if ns < NS:
        return f"{ns / MS:.0f} ms"
    if ns < 10 * NS:
        return f"{ns / NS:.2f} s"
    if ns < 120 * NS:
        return f"{ns / NS:.1f} s".replace(".0 s", " s")
    minutes, seconds = divmod(round(ns / NS), 60)
    if minutes < 120:
        return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
