"""Laws of the clock fit: a log shifted by any zone and skew is found back, whatever else could be read into it."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.incidents.clock import Anchor, fit_clock
from analyzer.units import MS, NS

QUARTER = 900 * NS
START = 1_772_000_000 * NS

zones = st.integers(-56, 56).map(lambda quarters: quarters * QUARTER)
skews = st.integers(-400_000, 400_000).map(lambda milliseconds: milliseconds * MS)


@st.composite
def events(draw: st.DrawFn, least: int = 4) -> list[tuple[int, int]]:
    """Moments on the wire, irregular as events are, and how much later each was written down."""
    gaps = draw(st.lists(st.integers(300, 90_000), min_size=least, max_size=12))
    delays = draw(st.lists(st.integers(0, 15), min_size=len(gaps), max_size=len(gaps)))
    moment, found = START, []
    for gap, delay in zip(gaps, delays, strict=True):
        moment += gap * MS
        found.append((moment, delay * MS))
    return found


def anchors(moments: list[tuple[int, int]], offset: int) -> list[Anchor]:
    return [Anchor(n, wire + delay + offset, wire, 1.0, MS) for n, (wire, delay) in enumerate(moments)]


@settings(max_examples=50)
@given(events(), zones, skews)
def test_any_zone_and_skew_is_found_back(moments: list[tuple[int, int]], zone: int, skew: int) -> None:
    fit = fit_clock(anchors(moments, zone + skew), zone_known=False)
    assert fit.anchors == len(moments)
    assert abs(fit.offset_ns - (zone + skew)) <= 15 * MS
    assert abs(fit.offset_ns - (zone + skew)) <= fit.uncertainty_ns + 15 * MS
    assert fit.certain


@settings(max_examples=50)
@given(events(), skews)
def test_a_known_zone_leaves_only_the_skew(moments: list[tuple[int, int]], skew: int) -> None:
    fit = fit_clock(anchors(moments, skew), zone_known=True)
    assert abs(fit.offset_ns - skew) <= 15 * MS


@settings(max_examples=50)
@given(events(least=6), zones, st.integers(-60_000, 60_000), st.integers(0, 2**32))
def test_lines_that_fit_several_moments_still_agree_on_one_offset(
    moments: list[tuple[int, int]], zone: int, skew_ms: int, seed: int
) -> None:
    """Every line may be any of the capture's moments, as where all connections lead to one server."""
    offset = zone + skew_ms * MS
    chance = random.Random(seed)
    several = [
        Anchor(n, wire + delay + offset, other, 1.0, MS)
        for n, (wire, delay) in enumerate(moments)
        for other, _ in chance.sample(moments, len(moments))
    ]
    fit = fit_clock(several, zone_known=False)
    best = max(1, fit.anchors)
    # Regular gaps can fit a false offset as well; then the fit must not look better than it is.
    if abs(fit.offset_ns - offset) > 30 * MS:
        assert best >= len(moments) - 2 or not fit.certain
    else:
        assert fit.anchors >= len(moments) - 1


@settings(max_examples=50)
@given(events(), zones, skews, st.integers(-(10**18), 10**18))
def test_when_it_happened_does_not_matter(moments: list[tuple[int, int]], zone: int, skew: int, later: int) -> None:
    then = fit_clock(anchors(moments, zone + skew), zone_known=False)
    moved = [(wire + later, delay) for wire, delay in moments]
    assert fit_clock(anchors(moved, zone + skew), zone_known=False) == then


@settings(max_examples=50)
@given(events(), zones, skews, st.randoms(use_true_random=False))
def test_the_order_of_the_lines_does_not_matter(
    moments: list[tuple[int, int]], zone: int, skew: int, chance: random.Random
) -> None:
    found = anchors(moments, zone + skew)
    shuffled = found[:]
    chance.shuffle(shuffled)
    assert fit_clock(shuffled, zone_known=False) == fit_clock(found, zone_known=False)


@settings(max_examples=50)
@given(events(), zones)
def test_a_zone_is_told_from_a_skew(moments: list[tuple[int, int]], zone: int) -> None:
    assert fit_clock(anchors(moments, zone + 3 * NS), zone_known=False).zone_ns == zone


@settings(max_examples=50)
@given(st.integers(-56, 56), st.lists(st.integers(0, 500), min_size=1, max_size=8))
def test_without_anchors_the_errors_come_to_lie_inside_the_capture(quarters: int, seconds: list[int]) -> None:
    times = [START + second * NS + quarters * QUARTER for second in seconds]
    span = (START, START + 500 * NS)
    fit = fit_clock([], zone_known=False, log_times=times, span=span)
    assert not fit.certain
    inside = sum(START - 5 * NS <= time - fit.offset_ns <= START + 620 * NS for time in times)
    assert inside == len(times)
