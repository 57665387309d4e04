"""Find the time at the head of a log line and read what it says, no more.

A `Stamp` keeps what is missing (year, date, zone) or undecided (day and month) as such; `analyzer.logs.timeline`
decides it from the whole file. Forms: ISO 8601 and its relatives (log4net, NLog, Serilog, Python, Go, W3C),
day/month/year of .NET and Event Viewer locales, syslog (RFC 3164 §4.1.2, RFC 5424 §6.2.3), ctime, CLF, RFC 5322,
glog, logcat, time of day alone, and epoch counts (s, ms, µs, ns, FILETIME as in MS-DTYP §2.3.3).
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from analyzer.units import NS
from analyzer.values import dataclass

__all__ = ["DAY_NS", "EPOCH_DATE", "Stamp", "find_stamp", "stamp_from_epoch", "stamp_from_value"]

DAY_NS = 86400 * NS
EPOCH_DATE = date(1970, 1, 1)
HEAD = 120
"""A time further right than this many characters is part of the message."""

_FILETIME_1970 = 116444736000000000


@dataclass(frozen=True, slots=True)
class Stamp:
    """A time as written. ``day_ns`` counts from local midnight; all else may be missing."""

    form: str
    start: int
    end: int
    """Span in the line, the zone included."""
    day_ns: int
    digits: int
    """Decimals of the second that are written; -1 when the seconds are not."""
    year: int | None = None
    month: int | None = None
    day: int | None = None
    swappable: bool = False
    """``month`` and ``day`` may be the other way round; as stored they are read month first."""
    lean: str = ""
    """For a swappable stamp, ``d`` or ``m``: what comes first by its punctuation; empty when that says nothing."""
    offset_s: int | None = None
    """Seconds east of UTC; None when the zone is not written."""

    @property
    def significant(self) -> int:
        """Decimals without trailing zeros."""
        digits = self.digits
        fraction = self.day_ns % NS
        while digits > 0 and fraction % 10 ** (10 - digits) == 0:
            digits -= 1
        return digits


_MONTHS = {
    name: number
    for names, number in (
        ("jan januar january janv janvier ene enero", 1),
        ("feb februar february fév févr février febrero", 2),
        ("mar mär mrz märz march mars marzo", 3),
        ("apr april avr avril abr abril", 4),
        ("may mai mayo", 5),
        ("jun juni june juin junio", 6),
        ("jul juli july juil juillet julio", 7),
        ("aug august août ago agosto", 8),
        ("sep sept september septembre septiembre", 9),
        ("oct okt oktober october octobre octubre", 10),
        ("nov november novembre noviembre", 11),
        ("dec dez dezember december déc décembre dic diciembre", 12),
    )
    for name in names.split()
}
_ZONES_H = {
    "Z": 0.0,
    "UTC": 0.0,
    "GMT": 0.0,
    "WET": 0.0,
    "WEST": 1.0,
    "CET": 1.0,
    "CEST": 2.0,
    "MEZ": 1.0,
    "MESZ": 2.0,
    "EET": 2.0,
    "EEST": 3.0,
    "MSK": 3.0,
    "EST": -5.0,
    "EDT": -4.0,
    "CDT": -5.0,
    "MST": -7.0,
    "MDT": -6.0,
    "PST": -8.0,
    "PDT": -7.0,
    "JST": 9.0,
    "KST": 9.0,
    "AEST": 10.0,
    "AEDT": 11.0,
}
"""Zone names that mean one offset only; CST, IST and BST mean several and are left unread."""

_SP = r"[ \u00a0\u202f]"
_TIME = (
    rf"(?:(?P<ampm1>午前|午後|上午|下午|오전"
    rf"|오후){_SP}?)?(?P<h>\d{{1,2}}):(?P<m>\d\d)(?::(?P<s>\d\d)(?:[.,:](?P<f>\d{{1,9}})(?!\d))?)?"
    rf"(?:{_SP}?(?P<ampm2>[AaPp]\.?{_SP}?[Mm]\b\.?))?"
)
_ZONE = (
    rf"(?:{_SP}?(?:UTC|GMT)?(?P<off>[+\-\u2212]\d\d:?\d\d(?![\d:.]))|{_SP}?\[?(?P<zone>"
    + "|".join(sorted(_ZONES_H, key=len, reverse=True))
    + r")\b|(?P<offh>[+\-]\d\d)(?!\d|[:.]\d))?"
)
_EDGE = r"(?<![\d.:/\\-])"
_NAME = r"[A-Za-zäéûôû]{3,9}\.?"
_WEEKDAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? )?"

_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "iso",
        re.compile(
            _EDGE + r"(?P<Y>(?:19|20)\d\d)[-/.](?P<M>\d{1,2})[-/.](?P<D>\d{1,2})(?:T|[ _,|\t]{1,3}|-)" + _TIME + _ZONE
        ),
    ),
    (
        "compact",
        re.compile(
            _EDGE + r"(?P<Y>20\d\d)(?P<M>[01]\d)(?P<D>[0-3]\d)[T _-]?(?P<h>[0-2]\d):?(?P<m>[0-5]\d):?(?P<s>[0-6]\d)"
            r"(?:[.,](?P<f>\d{1,9}))?" + _ZONE + r"(?!\d)"
        ),
    ),
    (
        "numeric",
        re.compile(
            _EDGE
            + r"(?P<A>\d{1,2})(?P<sep>[/.-])(?P<B>\d{1,2})(?P=sep)(?P<Y>\d{4}|\d\d)\.?,?(?:T|[ \t\u00a0|_,;-]{1,3}"
            r"|(?: (?:um|à|a las) ))" + _TIME + _ZONE
        ),
    ),
    (
        "named",
        re.compile(
            _EDGE
            + _WEEKDAY
            + r"(?P<D>\d{1,2})\.?[-/ ](?P<mon>"
            + _NAME
            + r")[-/ ](?P<Y>\d{4})[:, ]{1,3}"
            + _TIME
            + _ZONE
        ),
    ),
    (
        "month-first",
        re.compile(
            r"(?<![A-Za-z])"
            + _WEEKDAY
            + r"(?P<mon>[A-Z][a-zéûä]{2,8}\.?) {1,2}(?P<D>\d{1,2}),? (?:(?P<Y>\d{4}),? )?(?:at )?"
            + _TIME
            + r"(?:(?: (?P<Z2>[A-Z]{3,4}))? (?P<Y2>20\d\d)(?!\d))?"
            + _ZONE
        ),
    ),
    ("glog", re.compile(r"^[IWEF](?P<M>[01]\d)(?P<D>[0-3]\d) (?P<h>\d\d):(?P<m>\d\d):(?P<s>\d\d)\.(?P<f>\d{6})")),
    ("logcat", re.compile(r"^(?P<M>[01]\d)-(?P<D>[0-3]\d) (?P<h>\d\d):(?P<m>\d\d):(?P<s>\d\d)\.(?P<f>\d{3,6})")),
    (
        "epoch",
        re.compile(
            r"^[\[(\"']?(?P<n>1[0-9]{9}(?:\d{3}|\d{6}|\d{8,9})?)(?:[.,](?P<f>\d{1,9}))?(?=[\s\])\"',;|:]|$)"
            r"|(?i:\b(?:ts|time|timestamp|epoch)[\"']?[=:]\s?[\"']?)(?P<n2>1[0-9]{9}(?:\d{3}|\d{6}"
            r"|\d{8,9})?)(?:\.(?P<f2>\d{1,9}))?(?!\d)"
        ),
    ),
    (
        "time",
        re.compile(
            r"^[\s\[(<]{0,2}(?P<h>[0-2]?\d):(?P<m>[0-5]\d):(?P<s>[0-6]\d)(?:[.,](?P<f>\d{1,9})(?!\d))?"
            rf"(?:{_SP}?(?P<ampm2>[AaPp]\.?[Mm]\b\.?))?(?![\d:])"
        ),
    ),
)
_BY_NAME = dict(_FORMS)
_HINT = re.compile(r"\d:[0-5]\d|\d{8}")
"""Without one of these there is no time of any form: most lines of a stack trace are told by it at once."""


def find_stamp(line: str, prefer: str | None = None) -> Stamp | None:
    """Return the first time in the head of ``line``; with ``prefer`` the one of that form where there is one."""
    head = line[:HEAD]
    if _HINT.search(head) is None:
        return None
    if prefer is not None:
        match = _BY_NAME[prefer].search(head)
        stamp = _read(prefer, match) if match else None
        if stamp is not None:
            return stamp
    best: Stamp | None = None
    for form, pattern in _FORMS:
        if form == prefer:
            continue
        match = pattern.search(head)
        if match is None or (best is not None and match.start() >= best.start):
            continue
        stamp = _read(form, match)
        if stamp is not None and (best is None or stamp.start < best.start):
            best = stamp
    return best


def stamp_from_value(value: object) -> Stamp | None:
    """Return the time in the value of a time field: text, or a count since 1970 or 1601; None when it is none."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return stamp_from_epoch(value)
    text = str(value).strip()
    match = _DOTNET_DATE.fullmatch(text)
    if match:
        return stamp_from_epoch(int(match[1]))
    if _COUNT.fullmatch(text):
        return stamp_from_epoch(text)
    return find_stamp(text)


_DOTNET_DATE = re.compile(r"\\?/Date\((-?\d+)(?:[+-]\d{4})?\)\\?/")
_COUNT = re.compile(r"\d{9,19}(?:\.\d{1,9})?")


def stamp_from_epoch(value: float | str) -> Stamp | None:
    """Return the time that a count since 1970 (s, ms, µs, ns) or 1601 (100 ns) means; None outside 2001 to 2100."""
    text = f"{value:.9f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    whole, _, fraction = text.partition(".")
    if not whole.isascii() or not whole.isdigit():
        return None
    return _from_count(int(whole), fraction[:9], 0, len(text))


def _from_count(count: int, fraction: str, start: int, end: int) -> Stamp | None:
    unit_ns, digits = 0, 0
    for unit, decimals in ((NS, 0), (1_000_000, 3), (1_000, 6), (1, 9)):
        if 1_000_000_000 <= count * unit // NS < 4_102_444_800:
            unit_ns, digits = unit, decimals
            break
    if not unit_ns:
        if not 126_000_000_000_000_000 <= count < 158_000_000_000_000_000:
            return None
        count, unit_ns, digits = count - _FILETIME_1970, 100, 7
    ns = count * unit_ns
    if fraction:
        ns += int(fraction) * unit_ns // 10 ** len(fraction)
        digits = min(9, digits + len(fraction))
    days, day_ns = divmod(ns, DAY_NS)
    when = EPOCH_DATE + timedelta(days=days)
    return Stamp("epoch", start, end, day_ns, digits, when.year, when.month, when.day, offset_s=0)


def _read(form: str, match: re.Match[str]) -> Stamp | None:
    part = match.groupdict()
    if form == "epoch":
        number, fraction = (part["n"], part["f"]) if part["n"] else (part["n2"], part["f2"])
        return _from_count(int(number), fraction or "", match.start(), match.end())
    year_text = part.get("Y") or part.get("Y2")
    if form == "numeric" and part["sep"] == "." and part["s"] is None and len(part["Y"]) == 2:
        return None
    hour, minute, second = int(part["h"]), int(part["m"]), int(part["s"] or 0)
    half = (part.get("ampm1") or part.get("ampm2") or "").replace(".", "").replace(" ", "").lower()
    if half and 1 <= hour <= 12:
        # An hour beyond twelve beside AM or PM is a 24-hour clock with a superfluous mark.
        hour = hour % 12 + (12 if half in ("pm", "午後", "下午", "오후") else 0)
    if hour > 23 or minute > 59 or second > 60:
        return None
    fraction = part.get("f") or ""
    day_ns = (hour * 3600 + minute * 60 + second) * NS + (int(fraction.ljust(9, "0")) if fraction else 0)
    year = int(year_text) if year_text else None
    if year is not None and year < 100:
        year += 2000
    month: int | None = None
    day: int | None = None
    swappable, lean = False, ""
    if form == "numeric":
        month, day = int(part["A"]), int(part["B"])
        if max(month, day) > 31 or min(month, day) < 1 or min(month, day) > 12:
            return None
        lean = "m" if half in ("am", "pm") else "d" if part["sep"] in ".-" else ""
        if month > 12:
            month, day, lean = day, month, "D"
        elif day > 12:
            lean = "M"
        else:
            swappable = True
    elif "mon" in part:
        month = _MONTHS.get(part["mon"].rstrip(".").lower())
        day = int(part["D"])
        if month is None:
            return None
    elif "M" in part:
        month, day = int(part["M"]), int(part["D"])
    if month is not None and (not 1 <= month <= 12 or not 1 <= (day or 0) <= 31):
        return None
    digits = len(fraction) if part["s"] else -1
    return Stamp(form, match.start(), match.end(), day_ns, digits, year, month, day, swappable, lean, _offset(part))


def _offset(part: dict[str, str | None]) -> int | None:
    text = part.get("off") or part.get("offh")
    if text:
        digits = text[1:].replace(":", "").ljust(4, "0")
        seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
        if seconds > 14 * 3600:
            return None
        return seconds if text[0] == "+" else -seconds
    name = part.get("zone") or part.get("Z2")
    hours = _ZONES_H.get(name) if name else None
    return None if hours is None else int(hours * 3600)
