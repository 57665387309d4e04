"""The offset of two clocks, inferred; the properties are in laws/test_clock_laws.py."""

from __future__ import annotations

import pytest

from analyzer.incidents.clock import Anchor, ClockFit, fit_clock, skew_between
from analyzer.units import MS, NS

HOUR = 3600 * NS
T = 1_772_000_000 * NS


def anchors(offset: int, *moments: int, weight: float = 1.0, first: int = 0, resolution: int = MS) -> list[Anchor]:
    return [
        Anchor(first + number, T + moment + offset, T + moment, weight, resolution)
        for number, moment in enumerate(moments)
    ]


def test_one_line_that_a_packet_confirms_is_enough() -> None:
    fit = fit_clock(anchors(2 * HOUR + 3 * NS, 0), zone_known=False)
    assert fit.offset_ns == 2 * HOUR + 3 * NS
    assert fit.zone_ns == 2 * HOUR
    assert fit.anchors == 1
    assert fit.certain


def test_the_offset_that_many_lines_agree_on_wins() -> None:
    true = anchors(-5 * HOUR - 700 * MS, 0, 11 * NS, 29 * NS, 83 * NS)
    # Each line could as well be the moment before.
    wrong = [
        Anchor(one.event, one.log_ns, one.wire_ns - gap * NS, 1.0, MS)
        for gap, one in zip((7, 11, 18, 54), true, strict=True)
    ]
    fit = fit_clock(true + wrong, zone_known=False)
    assert fit.offset_ns == -5 * HOUR - 700 * MS
    assert fit.anchors == 4
    assert fit.certain


def test_of_equal_offsets_the_smaller_is_believed_and_called_uncertain() -> None:
    near, far = anchors(2 * NS, 0), anchors(30 * NS, 0)
    fit = fit_clock(near + far, zone_known=True)
    assert fit.offset_ns == 2 * NS
    assert fit.runner_up_ns is not None
    assert abs(fit.runner_up_ns - 30 * NS) <= 10 * MS


def test_equal_claims_are_not_certain() -> None:
    fit = fit_clock(anchors(60 * NS, 0) + anchors(-60 * NS, 0), zone_known=True)
    assert not fit.certain
    assert "would fit nearly as well" in fit.describe()


def test_a_known_zone_leaves_no_hours_to_infer() -> None:
    fit = fit_clock(anchors(HOUR, 0, NS), zone_known=True)
    assert fit.anchors == 0
    assert fit.offset_ns == 0
    assert not fit.certain


def test_an_odd_quarter_is_believed_only_with_support() -> None:
    odd, whole = 5 * HOUR + HOUR * 3 // 4, 5 * HOUR
    tied = anchors(odd, 0) + anchors(whole, 0)
    assert fit_clock(tied, zone_known=False).zone_ns == whole
    supported = anchors(odd, 0, 10 * NS, 20 * NS) + anchors(whole, 0)
    assert fit_clock(supported, zone_known=False).zone_ns == odd


def test_a_zone_beyond_the_map_is_not_considered() -> None:
    assert fit_clock(anchors(15 * HOUR, 0, NS), zone_known=False).anchors == 0


def test_ten_thousand_retries_do_not_outvote_the_calendar() -> None:
    # One retry loop, a line a second, shifted by one second against itself: the loop fits every whole second.
    storm = [
        Anchor(number, T + number * NS, T + (number + shift) * NS, 1.0, MS)
        for number in range(60)
        for shift in (-1, 0, 1)
    ]
    fit = fit_clock(storm, zone_known=True)
    assert abs(fit.offset_ns) < NS


def test_whole_seconds_widen_the_uncertainty() -> None:
    coarse = [Anchor(n, (T + n * 7_300 * MS) // NS * NS + 3 * NS, T + n * 7_300 * MS, 1.0, NS) for n in range(12)]
    fit = fit_clock(coarse, zone_known=True)
    assert abs(fit.offset_ns - 3 * NS) <= NS
    assert fit.uncertainty_ns >= NS
    fine = fit_clock(anchors(3 * NS, *(n * 7 * NS for n in range(12))), zone_known=True)
    assert fine.uncertainty_ns < 20 * MS


# -- without anchors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [-8, 0, 1, 9])
def test_without_anchors_the_zone_puts_the_errors_into_the_capture(hours: int) -> None:
    span = (T, T + 600 * NS)
    times = [T + 100 * NS + hours * HOUR, T + 500 * NS + hours * HOUR]
    fit = fit_clock([], zone_known=False, log_times=times, span=span)
    assert fit.offset_ns == hours * HOUR
    assert fit.anchors == 0
    assert "was taken to agree" in fit.describe()


def test_a_known_zone_is_kept_even_when_nothing_fits() -> None:
    fit = fit_clock([], zone_known=True, log_times=[T + 5 * HOUR], span=(T, T + NS))
    assert fit.offset_ns == 0


@pytest.mark.parametrize(("times", "span"), [([], (T, T + NS)), ([T], None), ([T + 40 * HOUR], (T, T + NS))])
def test_nothing_to_go_by_leaves_the_clocks_equal(times: list[int], span: tuple[int, int] | None) -> None:
    fit = fit_clock([], zone_known=False, log_times=times, span=span)
    assert (fit.offset_ns, fit.anchors) == (0, 0)


# -- in words ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fit", "words"),
    [
        (
            ClockFit(2 * HOUR + 1500 * MS, 6 * MS, 3, 2.0),
            "The log writes local time, UTC+02:00; its clock is 1.50 s ahead of the capture's (within 6 ms, from 3 lines)",
        ),
        (ClockFit(-500 * MS, 6 * MS, 1, 2.0), "The log's clock is 500 ms behind the capture's (within 6 ms, from 1 line)"),
        (ClockFit(-9 * HOUR // 2, 6 * MS, 2, 2.0), "UTC-04:30; its clock agrees with the capture's (within 6 ms, from 2"),
        (ClockFit(0, 2 * NS, 0, 0.0), "was taken to agree with the capture's within 2.00 s: no line of the log tells"),
        (ClockFit(HOUR, 2 * NS, 0, 0.0), "The log writes local time, UTC+01:00 as it seems; its clock was taken to agree"),
    ],
)
def test_the_offset_is_said_in_a_sentence(fit: ClockFit, words: str) -> None:
    assert words in fit.describe()


def test_a_certain_offset_mentions_no_rival() -> None:
    fit = ClockFit(2 * NS, 6 * MS, 5, 4.0, HOUR, 1.0)
    assert fit.certain
    assert "would fit" not in fit.describe()


def test_a_skew_is_what_no_zone_explains() -> None:
    at = 5000 * NS
    assert skew_between(at + 5 * 3600 * NS + 40 * NS, at, zone_known=False) == 40 * NS
    assert skew_between(at - 40 * NS, at, zone_known=True) == -40 * NS
    assert skew_between(at + 5 * 3600 * NS, at, zone_known=True) is None
    assert skew_between(at + 20 * 3600 * NS, at, zone_known=False) is None
    assert skew_between(at + 40 * NS, at, zone_known=True, farthest_ns=39 * NS) is None
