from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.report.model import IncidentReport, SequenceRow, SilenceRow
from analyzer.report.progress import ProgressChart, progress_chart
from analyzer.units import NS
from tests import report_samples as samples
from tests.cases import answered, sample_names


def chart_of(incident: IncidentReport) -> ProgressChart:
    chart = progress_chart(incident)
    assert chart is not None
    return chart


def test_what_was_sent_again_and_what_was_acknowledged_is_said_in_words_too() -> None:
    chart = chart_of(samples.idle_drop_incident())
    assert chart.words == (
        "The client sent 270 bytes, 6 segments of it again (frames 41-46); no acknowledgment of the last 90 bytes was "
        "seen. The server sent 566 bytes; all of it was acknowledged."
    )
    client = chart.lanes[0]
    assert client.title == "client to server: 270 bytes"
    assert [one.kind for one in client.places].count("again") == 6


def test_a_long_silence_is_folded_and_its_length_stands_there() -> None:
    chart = chart_of(samples.idle_drop_incident())
    (fold,) = chart.folds
    assert fold.label == "75.3 s"
    before = [one.x for one in chart.lanes[0].places if one.x <= fold.x + 0.01]
    after = [one.x for one in chart.lanes[0].places if one.x >= fold.x + fold.width - 0.01]
    assert len(before) + len(after) == len(chart.lanes[0].places)
    assert before
    assert after


def test_bars_stand_where_their_bytes_lie() -> None:
    first, second, *_ = chart_of(samples.idle_drop_incident()).lanes[0].places
    assert first.top == second.bottom
    assert first.top < first.bottom
    assert first.label == "frame 26: data, 90 bytes"


def test_packets_that_were_not_kept_are_counted() -> None:
    one = samples.idle_drop_incident()
    rows = [*one.sequence]
    rows[5] = replace(rows[5], skipped=4_321)
    chart = chart_of(replace(one, sequence=tuple(rows), silences=()))
    assert [fold.label for fold in chart.folds] == ["4,321 packets"]
    assert "4,321 packets in the middle were not kept and are not drawn." in chart.words


def test_too_little_data_is_no_chart() -> None:
    one = samples.idle_drop_incident()
    assert progress_chart(replace(one, sequence=())) is None
    assert progress_chart(replace(one, sequence=one.sequence[:2])) is None
    assert progress_chart(samples.unmatched().incidents[0]) is None


ROWS = st.builds(
    SequenceRow,
    ts_ns=st.integers(0, 10**6).map(lambda ms: samples.START + ms * 1_000_000),
    frame=st.integers(1, 10**6),
    from_client=st.booleans(),
    kind=st.sampled_from(["data", "again", "probe", "ack", "fin", "rst"]),
    start=st.integers(-(2**31), 2**31),
    length=st.integers(0, 65_535),
    acked=st.none() | st.integers(-(2**31), 2**31),
    skipped=st.sampled_from([0, 0, 0, 7]),
)


@given(st.lists(ROWS, min_size=1, max_size=48), st.lists(st.integers(0, 40), max_size=5))
def test_every_place_is_on_the_picture(rows: list[SequenceRow], silent: list[int]) -> None:
    rows = sorted(rows, key=lambda row: row.ts_ns)
    silences = tuple(
        SilenceRow(rows[one].ts_ns, 60 * NS, rows[one].frame, rows[one + 1].frame, "x", None, (), True)
        for one in silent
        if one + 1 < len(rows)
    )
    chart = progress_chart(replace(samples.idle_drop_incident(), sequence=tuple(rows), silences=silences))
    if chart is None:
        return
    for lane in chart.lanes:
        heights = [height for one in lane.places for height in (one.top, one.bottom)]
        corners = [float(number) for pair in lane.acked.split() for number in pair.split(",")]
        assert all(0 <= number <= 100 for number in [*heights, *corners, *(one.x for one in lane.places)])
    assert all(0 <= fold.x <= fold.x + fold.width <= 100 for fold in chart.folds)


@pytest.mark.parametrize("name", sample_names())
def test_the_chart_of_a_sample_runs_forward_in_time(name: str) -> None:
    for one in answered(name, with_log=True).incidents:
        chart = progress_chart(one)
        if chart is not None:
            for lane in chart.lanes:
                assert [place.x for place in lane.places] == sorted(place.x for place in lane.places)
