from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from analyzer.report.charts import incident_map, silence_chart
from analyzer.report.model import KnownLimit, SilenceRow
from analyzer.units import NS
from tests import report_samples as samples


def test_limits_reached_lie_left_of_the_line_and_others_right_of_it() -> None:
    chart = silence_chart(samples.idle_drop_incident())
    assert chart is not None
    assert chart.line is not None
    assert [mark.could for mark in chart.marks] == [True, False, False, False, False, False]
    assert all((mark.x <= chart.line) == mark.could for mark in chart.marks)
    assert chart.marks[0].label == "60 s: pf adaptive.aggressive, AWS Application Load Balancer"


def test_words_say_what_a_length_cannot_prove() -> None:
    chart = silence_chart(samples.idle_drop_incident())
    assert chart is not None
    assert "75.3 s (frames 35, 40)" in chart.words
    assert "2 known limits" in chart.words


def test_no_silence_is_no_chart() -> None:
    assert silence_chart(samples.unmatched().incidents[0]) is None


@given(
    st.lists(st.tuples(st.integers(0, 10**17), st.booleans()), min_size=1, max_size=20),
    st.lists(st.integers(0, 10**17), max_size=30),
)
def test_every_place_is_on_the_picture(lengths: list[tuple[int, bool]], limits: list[int]) -> None:
    known = tuple(KnownLimit(f"n{index}", length, "") for index, length in enumerate(limits))
    silences = tuple(
        SilenceRow(samples.START + index, length, 1, 2, "x", None, known, decisive)
        for index, (length, decisive) in enumerate(lengths)
    )
    chart = silence_chart(replace(samples.idle_drop_incident(), silences=silences))
    if chart is None:
        assert not any(decisive and length for length, decisive in lengths)
        return
    places = [bar.x for bar in chart.bars] + [mark.x for mark in chart.marks] + [tick.x for tick in chart.ticks]
    assert all(0 <= place <= 100 for place in places)
    assert len(chart.bars) <= 6
    assert len(chart.marks) <= 9


def test_a_map_needs_two_incidents() -> None:
    assert incident_map(samples.idle_drop()) is None
    assert incident_map(samples.nothing()) is None


def test_the_map_has_a_row_for_each_cause_most_frequent_first() -> None:
    drawn = incident_map(samples.three_in_a_group())
    assert drawn is not None
    assert [row.label for row in drawn.rows] == ["firewall-idle-drop: 3 incidents", "connection-refused: 1 incident"]
    assert [len(row.marks) for row in drawn.rows] == [3, 1]
    assert [tick.label for tick in drawn.ticks] == ["02:00:00", "02:30:00", "03:00:00"]


def test_an_incident_outside_the_captures_is_on_the_map() -> None:
    report = samples.three_in_a_group()
    early = replace(report.incidents[0], time_ns=samples.START - 1800 * NS)
    drawn = incident_map(replace(report, incidents=(early, *report.incidents[1:])))
    assert drawn is not None
    assert drawn.rows[0].marks[0].x < drawn.covered[0][0]


def test_the_map_of_very_many_incidents_is_bounded() -> None:
    drawn = incident_map(samples.many(5_000))
    assert drawn is not None
    assert sum(len(row.marks) for row in drawn.rows) <= 4 * 150
