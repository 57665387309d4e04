"""What one line leaves open is decided from the whole log."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from analyzer.logs.stamps import find_stamp
from analyzer.logs.timeline import Timeline
from analyzer.units import format_instant


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


def read(lines: list[str], **known: Any) -> tuple[Timeline, list[str | None]]:
    stamps = [(number, stamp) for number, line in enumerate(lines, 1) if (stamp := find_stamp(line)) is not None]
    timeline = Timeline(stamps, **known)
    instants = [timeline.resolve(number, stamp) for number, stamp in stamps]
    return timeline, [None if one is None else format_instant(one.ns)[:19] for one in instants]


def test_one_day_beyond_twelve_decides_for_all() -> None:
    _, times = read(["03/04/2026 14:05:01", "13/04/2026 14:05:01"])
    assert times[0] == "2026-04-03T14:05:01"
    _, times = read(["03/04/2026 14:05:01", "03/14/2026 14:05:01"])
    assert times[0] == "2026-03-04T14:05:01"


def test_punctuation_decides_where_no_day_does() -> None:
    _, times = read(["03.04.2026 14:05:01"])
    assert times == ["2026-04-03T14:05:01"]
    _, times = read(["03/04/2026 2:05:01 PM"])
    assert times == ["2026-03-04T14:05:01"]


def test_a_log_goes_forward() -> None:
    _, times = read(["02/03/2026 23:59:58", "03/03/2026 00:00:02", "04/03/2026 10:00:00"])
    assert times[-1] == "2026-03-04T10:00:00"
    _, times = read(["11/12/2026 10:00:00", "12/01/2026 10:00:00"])
    assert times == ["2026-11-12T10:00:00", "2026-12-01T10:00:00"]


def test_what_the_caller_knows_decides_a_single_line() -> None:
    _, times = read(["03/04/2026 14:05:01"], near_ns=at("2026-03-04T12:00:00"))
    assert times == ["2026-03-04T14:05:01"]
    timeline, times = read(["03/04/2026 14:05:01"])
    assert times == ["2026-04-03T14:05:01"]
    assert "day or the month" in timeline.problems[0]


@pytest.mark.parametrize(
    ("known", "year", "source"),
    [
        ({"year_hint": 2024}, "2024", "hint"),
        ({"near_ns": at("2025-01-02T00:00:00")}, "2024", "hint"),
        ({"named": date(2023, 11, 23)}, "2023", "file name"),
        ({"modified_ns": at("2026-12-01T00:00:00")}, "2026", "file time"),
        ({"modified_ns": at("2026-03-01T00:00:00")}, "2025", "file time"),
        ({"modified_ns": at("2026-11-22T02:00:00")}, "2026", "file time"),
    ],
)
def test_the_year_comes_from_outside(known: dict[str, Any], year: str, source: str) -> None:
    timeline, times = read(["Nov 22 14:05:01 host"], **known)
    assert times == [f"{year}-11-22T14:05:01"]
    assert (timeline.year_known, timeline.date_from) == (False, source)


def test_a_log_across_new_year_has_two_years() -> None:
    _, times = read(["Dec 31 23:59:59 h", "Jan  1 00:00:01 h", "Jan  2 00:00:01 h"], year_hint=2026)
    assert times == ["2025-12-31T23:59:59", "2026-01-01T00:00:01", "2026-01-02T00:00:01"]


def test_a_year_that_nothing_tells_stays_unknown() -> None:
    _, times = read(["Nov 22 14:05:01 host"])
    assert times == [None]


def test_times_of_day_count_midnights_back_from_the_last() -> None:
    timeline, times = read(["23:59:58 x", "00:00:02 x", "00:00:03 x"], named=date(2026, 11, 22))
    assert times == ["2026-11-21T23:59:58", "2026-11-22T00:00:02", "2026-11-22T00:00:03"]
    assert not timeline.date_known


def test_leap_days_of_other_years_are_no_date() -> None:
    _, times = read(["Feb 29 14:05:01 h"], year_hint=2026)
    assert times == [None]


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        (timezone(timedelta(hours=-5)), "2026-07-01T19:00:00"),
        (ZoneInfo("Europe/Berlin"), "2026-07-01T12:00:00"),
        (UTC, "2026-07-01T14:00:00"),
    ],
)
def test_zone_of_the_caller(zone: tzinfo, said: str) -> None:
    _, times = read(["2026-07-01 14:00:00 x"], zone=zone)
    assert times == [said]


def test_resolution_is_what_is_really_used() -> None:
    lines = [f"2026-11-22T14:05:0{n}.{n}610000" for n in range(4)]
    stamps = [(n, stamp) for n, line in enumerate(lines) if (stamp := find_stamp(line))]
    instant = Timeline(stamps).resolve(*stamps[0])
    assert instant is not None
    assert instant.resolution_ns == 10**6
    single = Timeline(stamps[:1]).resolve(*stamps[0])
    assert single is not None
    assert single.resolution_ns == 100
    minute = find_stamp("2026-11-22 14:05 x")
    assert minute is not None
    coarse = Timeline([(1, minute)]).resolve(1, minute)
    assert coarse is not None
    assert coarse.resolution_ns == 60 * 10**9
