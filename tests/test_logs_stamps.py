"""Times at the head of a line, as many programs write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from analyzer.logs.stamps import DAY_NS, EPOCH_DATE, Stamp, find_stamp, stamp_from_epoch, stamp_from_value


def clock(stamp: Stamp) -> str:
    """Return what a stamp says, as it stands."""
    date = "-".join("?" if part is None else f"{part:02d}" for part in (stamp.year, stamp.month, stamp.day))
    seconds, fraction = divmod(stamp.day_ns, 10**9)
    text = f"{date} {seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    if stamp.digits > 0:
        text += f".{fraction:09d}"[: stamp.digits + 1]
    return text if stamp.offset_s is None else f"{text} {stamp.offset_s // 60:+d}"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("2026-11-22T14:05:01Z x", "2026-11-22 14:05:01 +0"),
        ("2026-11-22 14:05:01,123 [7] INFO", "2026-11-22 14:05:01.123"),
        ("2026-11-22 14:05:01.1234|INFO|x", "2026-11-22 14:05:01.1234"),
        ("2026-11-22 14:05:01.123 +01:00 [ERR]", "2026-11-22 14:05:01.123 +60"),
        ("2026-11-22T14:05:01.1234567-05:00", "2026-11-22 14:05:01.1234567 -300"),
        ("2026-11-22T14:05:01-0530", "2026-11-22 14:05:01 -330"),
        ("2026-11-22 14:05:01.000-05 x", "2026-11-22 14:05:01.000 -300"),
        ("2026-11-22 14:05:01 UTC x", "2026-11-22 14:05:01 +0"),
        ("2026-11-22 14:05:01 CEST x", "2026-11-22 14:05:01 +120"),
        ("2026-11-22 14:05:01 - app - INFO", "2026-11-22 14:05:01"),
        ("2026-11-22 14:05:01 -1 x", "2026-11-22 14:05:01"),
        ("2026-11-22 14:05:01 CST x", "2026-11-22 14:05:01"),
        ("[2026-11-22 14:32:22.939] x", "2026-11-22 14:32:22.939"),
        ("2026/11/22 14:05:01 x", "2026-11-22 14:05:01"),
        ("2026/11/22 午後 2:05:01 x", "2026-11-22 14:05:01"),
        ("2026/11/22 下午 2:05:01 x", "2026-11-22 14:05:01"),
        ("2026.11.22 14:05:01 x", "2026-11-22 14:05:01"),
        ("20261122T140501.250Z x", "2026-11-22 14:05:01.250 +0"),
        ("20261122 14:05:01 x", "2026-11-22 14:05:01"),
        ("11/22/2026 2:05:01 PM x", "2026-11-22 14:05:01"),
        ("11/22/2026 2:05:01\u202fPM x", "2026-11-22 14:05:01"),
        ("11/22/2026 12:05:01 AM x", "2026-11-22 00:05:01"),
        ("22/11/2026 14:05:01 x", "2026-11-22 14:05:01"),
        ("22.11.2026 14:05:01 x", "2026-11-22 14:05:01"),
        ("22.11.26 14:05:01 x", "2026-11-22 14:05:01"),
        ("22-11-2026 14:05:01 x", "2026-11-22 14:05:01"),
        ("10/15/2014 13:06:03 -04:00 x", "2014-10-15 13:06:03 -240"),
        ("Nov 22 14:32:31 host x", "?-11-22 14:32:31"),
        ("Nov  2 14:32:31 host x", "?-11-02 14:32:31"),
        ("<134>Nov 22 14:32:31 host x", "?-11-22 14:32:31"),
        ("Nov 22, 2026 2:05:01 PM com.x", "2026-11-22 14:05:01"),
        ("Sun Nov 22 14:05:01 2026 x", "2026-11-22 14:05:01"),
        ("Sun Nov 22 14:05:01 CET 2026 x", "2026-11-22 14:05:01 +60"),
        ("22/Nov/2026:14:05:01 +0100", "2026-11-22 14:05:01 +60"),
        ("22-Nov-2026 14:05:01.120 INFO", "2026-11-22 14:05:01.120"),
        ("Sun, 22 Nov 2026 14:05:01 +0000", "2026-11-22 14:05:01 +0"),
        ("22 nov. 2026 14:05:01 x", "2026-11-22 14:05:01"),
        ("I1122 14:05:01.123456 7 a.cc:1]", "?-11-22 14:05:01.123456"),
        ("11-22 14:05:01.123  988  990 E tag: x", "?-11-22 14:05:01.123"),
        ("14:05:01.123 [main] x", "?-?-? 14:05:01.123"),
        ("[14:05:01 ERR] x", "?-?-? 14:05:01"),
        ("1795356301 x", "2026-11-22 14:05:01 +0"),
        ("1795356301.250 x", "2026-11-22 14:05:01.250 +0"),
        ("1795356301123 I/net: x", "2026-11-22 14:05:01.123 +0"),
        ("1795356301123456789 x", "2026-11-22 14:05:01.123456789 +0"),
        ("134398299010000000 x", "2026-11-22 14:05:01.0000000 +0"),
        ("ts=1795356301.25 level=info", "2026-11-22 14:05:01.25 +0"),
        ('{"time":1795356301123}', "2026-11-22 14:05:01.123 +0"),
        ("Error\t11/22/2026 2:05:01 PM\tx", "2026-11-22 14:05:01"),
        ("2026-11-22 14:05 x", "2026-11-22 14:05:00"),
    ],
)
def test_time_is_read_as_written(line: str, said: str) -> None:
    stamp = find_stamp(line)
    assert stamp is not None
    assert clock(stamp) == said


@pytest.mark.parametrize(
    "line",
    [
        "",
        "no time here",
        "   at Client.cs:line 214",
        "10.0.0.5:8080 connected",
        "version 1.2.3.4 build 10057",
        "2026-13-22 14:05:01",
        "32/33/2026 14:05:01",
        "25:61:99 x",
        "[12345.678901] kernel: x",
        "1234567890123456 of 99",
        "99999999999 items",
        "worker waits, " * 12 + "2026-11-22 14:05:01",
    ],
)
def test_what_is_no_time_is_left(line: str) -> None:
    stamp = find_stamp(line)
    assert stamp is None or clock(stamp).startswith("2009"), stamp


def test_day_and_month_stay_open_where_both_fit() -> None:
    stamp = find_stamp("03/04/2026 14:05:01 x")
    assert stamp is not None
    assert (stamp.swappable, stamp.lean, stamp.month, stamp.day) == (True, "", 3, 4)
    german = find_stamp("03.04.2026 14:05:01 x")
    american = find_stamp("03/04/2026 2:05:01 PM x")
    assert german is not None
    assert american is not None
    assert (german.lean, american.lean) == ("d", "m")


def test_minutes_alone_have_no_seconds() -> None:
    stamp = find_stamp("2026-11-22 14:05 x")
    assert stamp is not None
    assert stamp.digits == -1


def test_significant_digits_leave_trailing_zeros_out() -> None:
    stamp = find_stamp("2026-11-22T14:05:01.0610000")
    assert stamp is not None
    assert (stamp.digits, stamp.significant) == (7, 3)


def test_the_preferred_form_wins_over_an_earlier_other() -> None:
    line = "14:05:01 2026-11-22 14:05:02 x"
    first = find_stamp(line)
    wanted = find_stamp(line, "iso")
    assert first is not None
    assert wanted is not None
    assert (first.form, wanted.form) == ("time", "iso")


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (1795356301, "2026-11-22T14:05:01"),
        (1795356301.5, "2026-11-22T14:05:01.500000"),
        (1795356301123, "2026-11-22T14:05:01.123000"),
        ("1795356301123", "2026-11-22T14:05:01.123000"),
        ("/Date(1795356301123)/", "2026-11-22T14:05:01.123000"),
        (134398299010000000, "2026-11-22T14:05:01"),
        ("2026-11-22T14:05:01Z", "2026-11-22T14:05:01"),
    ],
)
def test_values_of_time_fields(value: object, moment: str) -> None:
    stamp = stamp_from_value(value)
    assert stamp is not None
    assert stamp.year is not None
    assert stamp.month is not None
    assert stamp.day is not None
    days = (datetime(stamp.year, stamp.month, stamp.day, tzinfo=UTC).date() - EPOCH_DATE).days
    want = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert (days * DAY_NS + stamp.day_ns) // 1000 == round(want.timestamp() * 1_000_000)


@pytest.mark.parametrize("value", [None, True, {}, [], "", "soon", 12, -5, float("nan"), float("inf"), "9" * 40])
def test_values_that_are_no_time(value: object) -> None:
    assert stamp_from_value(value) is None


def test_counts_outside_this_century_are_no_time() -> None:
    assert stamp_from_epoch(999_999_999) is None
    assert stamp_from_epoch(5_000_000_000) is None
