"""Times as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.incidents.moment import parse_moment
from analyzer.units import NS, parse_instant

FIRST = parse_instant("2026-05-26T02:00:00Z")
LAST = FIRST + 1800 * NS
WHEN = parse_instant("2026-05-26T02:03:11Z")


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-26T02:03:11Z",
        "2026-05-26T02:03:11.000000000Z",
        "2026-05-26 02:03:11",
        "2026-05-26 02:03:11,000",
        "2026-05-26T04:03:11 +0200",
        "2026-05-25T19:03:11-07",
        "2026-05-26T02:03:11+00:00",
        "2026/05/26 02:03:11",
        "20260526T020311Z",
        "26.05.2026 02:03:11",
        "26.5.26 2:03:11",
        "26/05/2026 02:03:11",
        "05/26/2026 2:03:11 AM",
        "5/26/2026, 2:03:11 AM",
        "26 May 2026 02:03:11",
        "26 mai 2026 02:03:11",
        "Tue, 26 May 2026 02:03:11 GMT",
        "Tue May 26 02:03:11 2026",
        "Tue May 26 02:03:11 UTC 2026",
        "May 26, 2026 04:03:11.000000000 CEST",
        "[26/May/2026:02:03:11 +0000]",
        "May 26 02:03:11",
        "02:03:11",
        "2:03:11 am",
        "T02:03:11Z",
        "04:03:11+02:00",
        "04:03:11 CEST",
        "191",
        "191.000000000",
        "1779760991",
        "@1779760991",
        "1779760991.0",
        "1779760991000",
    ],
)
def test_a_time_is_read_in_every_shape(text: str) -> None:
    moment = parse_moment(text)
    assert moment.within(FIRST, LAST) == WHEN
    assert moment.uncertainty_ns == 2 * NS


@pytest.mark.parametrize("text", ["2:03", "02:03", "2:03 AM", "2026-05-26 02:03", "26.05.2026 02:03", "May 26 02:03"])
def test_a_time_without_seconds_is_a_minute_wide(text: str) -> None:
    moment = parse_moment(text)
    assert moment.within(FIRST, LAST) == WHEN - 11 * NS
    assert moment.uncertainty_ns == 60 * NS


def test_nanoseconds_are_kept() -> None:
    assert parse_moment("2026-05-26T02:03:11.123456789Z").ns == WHEN + 123_456_789
    assert parse_moment("191.000000001").within(FIRST, LAST) == WHEN + 1


def test_the_capture_decides_what_is_open() -> None:
    june = parse_instant("2026-06-05T00:00:00Z")
    assert parse_moment("05/06/2026 01:00:00").within(june, june) == june + 3600 * NS
    may = parse_instant("2026-05-06T00:00:00Z")
    assert parse_moment("05/06/2026 01:00:00").within(may, may) == may + 3600 * NS


def test_a_night_has_two_dates() -> None:
    evening, morning = parse_instant("2026-05-26T22:00:00Z"), parse_instant("2026-05-27T06:00:00Z")
    for text, wanted in (("23:15:00", "2026-05-26T23:15:00Z"), ("02:03:11", "2026-05-27T02:03:11Z")):
        assert parse_moment(text).within(evening, morning) == parse_instant(wanted)
    assert parse_moment("06:00:30").within(evening, morning) == morning + 30 * NS
    assert parse_moment("21:59:00").within(evening, morning) == evening - 60 * NS


def test_what_needs_the_capture_is_open_without_packets() -> None:
    assert parse_moment("02:03:11").within(None, None) is None
    assert parse_moment("12.5").within(None, None) is None
    assert parse_moment("2026-05-26T02:03:11Z").within(None, None) == WHEN


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "25:00:00", "2026-02-31 01:01:01", "at noon", "x 02:03:11", "02:03:11 x", "-5", "1e5", "nan"],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no time"):
        parse_moment(text)


@given(st.text(max_size=40) | st.from_regex(r"[0-9:./ TZ+-]{0,30}", fullmatch=True))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    try:
        moment = parse_moment(text)
    except ValueError:
        return
    ns = moment.within(FIRST, LAST)
    assert ns is None or isinstance(ns, int)
