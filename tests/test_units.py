"""Instants and durations: exact integers inside, readable text outside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.units import (
    MS,
    NS,
    format_duration,
    format_instant,
    instant_of,
    parse_duration,
    parse_instant,
    parse_size,
)

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_NS = round((datetime(9999, 12, 31, tzinfo=UTC) - _FIRST).total_seconds()) * NS


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("350s", 350 * NS),
        ("1.5ms", 1_500_000),
        ("2 h", 7200 * NS),
        (" 1d ", 86_400 * NS),
        ("3min", 180 * NS),
        ("40us", 40_000),
        ("7ns", 7),
        ("0s", 0),
    ],
)
def test_durations_are_read(text: str, ns: int) -> None:
    assert parse_duration(text) == ns


@pytest.mark.parametrize("text", ["", "s", "350", "350 sec", "-1s", "1e3s", "1 s 2 ms", "nan s"])
def test_what_is_no_duration_is_named_with_its_remedy(text: str) -> None:
    with pytest.raises(ValueError, match="write a number and ns, us, ms, s, min, h or d"):
        parse_duration(text)


@pytest.mark.parametrize(("text", "size"), [("4KiB", 4096), ("10 B", 10), ("2MiB", 2 << 20), ("1GiB", 1 << 30)])
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["4KB", "1.5MiB", "KiB", "4"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write a whole number and B, KiB, MiB or GiB"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:01Z", NS),
        ("1970-01-01 01:00:00+01:00", 0),
        ("1970-01-01T00:00:00.000001", 1000),
        ("1700000000", 1_700_000_000 * NS),
        ("1700000000.123456789", 1_700_000_000 * NS + 123_456_789),
        ("1700000000.5", 1_700_000_000 * NS + 500 * MS),
        ("0.1234567891", 123_456_789),
    ],
)
def test_instants_are_read_as_utc_unless_they_say_otherwise(text: str, ns: int) -> None:
    assert parse_instant(text) == ns


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "12:00", "", "17000000000"])
def test_what_is_no_instant_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write one such as 2026-11-22T14:33:50Z"):
        parse_instant(text)


def test_a_zone_moves_the_instant_and_not_the_nanoseconds() -> None:
    moment = datetime(2026, 5, 26, 2, 3, 11, 123456, timezone(timedelta(hours=5, minutes=45)))
    assert instant_of(moment) == instant_of(moment.astimezone(UTC))
    assert instant_of(moment) % NS == 123_456_000


@given(st.integers(0, _LAST_NS))
def test_an_instant_is_written_exactly(ns: int) -> None:
    text = format_instant(ns)
    assert len(text) == 30
    seconds, fraction = text.removesuffix("Z").split(".")
    assert instant_of(datetime.fromisoformat(f"{seconds}+00:00")) + int(fraction) == ns


@given(st.integers(0, _LAST_NS // 1000))
def test_what_is_written_is_read_back(microseconds: int) -> None:
    assert parse_instant(format_instant(1000 * microseconds)) == 1000 * microseconds


def test_an_instant_beyond_the_calendar_is_still_a_number() -> None:
    assert format_instant(10**15 * NS + 5) == f"{10**15}.000000005"


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 µs"),
        (850 * MS, "850 ms"),
        (1500 * MS, "1.50 s"),
        (75 * NS, "75 s"),
        (12_340 * MS, "12.3 s"),
        (150 * NS, "2 min 30 s"),
        (300 * NS, "5 min"),
        (3720 * NS, "62 min"),
        (7200 * NS, "2 h"),
        (8100 * NS, "2 h 15 min"),
        (-75 * NS, "-75 s"),
    ],
)
def test_durations_are_written_as_people_read_them(ns: int, text: str) -> None:
    assert format_duration(ns) == text


@given(st.integers(1, 10**17), st.integers(1, 10**17))
def test_a_longer_duration_never_reads_shorter(left: int, right: int) -> None:
    def seconds(ns: int) -> float:
        factors = {"µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
        words = format_duration(ns).split()
        return sum(float(value) * factors[unit] for value, unit in zip(words[::2], words[1::2], strict=True))

    low, high = sorted((left, right))
    assert seconds(low) <= seconds(high) + 1e-9
    # Half of the last digit that is written; whole minutes are cut where there are hours.
    bounds = ((1e-3, 0.5e-6), (1, 0.5e-3), (10, 5e-3), (120, 0.05), (7200, 0.5), (1e9, 60.5))
    assert abs(seconds(low) - low / NS) <= next(off for below, off in bounds if low / NS < below) * 1.001
