from __future__ import annotations

from dataclasses import replace

from analyzer.report.ladder import rungs
from analyzer.report.model import TimelineRow
from tests import report_samples as samples


def test_a_silence_stands_between_the_packets_around_it() -> None:
    lines = rungs(samples.idle_drop_incident())
    position = next(index for index, line in enumerate(lines) if line.kind == "silence")
    before, after = lines[position - 1].row, lines[position + 1].row
    assert before is not None
    assert after is not None
    assert (before.frame, after.frame) == (35, 40)
    assert lines[position].label.startswith("75.3 s of silence")


def test_rows_come_in_time_order_whatever_order_they_were_given_in() -> None:
    incident = samples.idle_drop_incident()
    turned = replace(incident, timeline=tuple(reversed(incident.timeline)))
    assert rungs(turned) == rungs(incident)


def test_a_long_story_keeps_what_decides_and_says_what_it_left_out() -> None:
    incident = samples.idle_drop_incident()
    first = incident.timeline[0]
    filler = tuple(
        TimelineRow(first.ts_ns + 1000 * index, "ACK", frame=1000 + index, from_client=True) for index in range(5000)
    )
    lines = rungs(replace(incident, timeline=(*filler, *incident.timeline)), limit=30)
    assert len(lines) < 45
    kept = {line.row.frame for line in lines if line.row is not None}
    assert {34, 40, 46} <= kept
    hidden = sum(int(line.label.split()[0]) for line in lines if line.kind == "elided")
    packets = sum(line.kind in ("packet", "log") for line in lines)
    assert hidden + packets == 5000 + len(incident.timeline)


def test_very_many_decisive_rows_are_bounded_too() -> None:
    incident = samples.idle_drop_incident()
    rows = tuple(replace(incident.timeline[0], ts_ns=samples.START + index, decisive=True) for index in range(10_000))
    assert len(rungs(replace(incident, timeline=rows, silences=()), limit=20)) <= 62


def test_pauses_between_retries_are_no_lines_of_their_own() -> None:
    incident = samples.idle_drop_incident()
    retry = replace(
        incident.silences[0], start_ns=incident.timeline[-4].ts_ns, duration_ns=3_616_000_000, decisive=False
    )
    lines = rungs(replace(incident, silences=(*incident.silences, retry)))
    assert [line.kind for line in lines].count("silence") == 1


def test_a_story_of_log_lines_alone_is_no_ladder() -> None:
    incident = samples.idle_drop_incident()
    logs = tuple(row for row in incident.timeline if row.kind == "log")
    assert logs
    assert rungs(replace(incident, timeline=logs)) == []


def test_no_timeline_is_no_ladder() -> None:
    assert rungs(samples.unmatched().incidents[0]) == []


def test_since_counts_from_the_end_of_a_silence() -> None:
    lines = rungs(samples.idle_drop_incident())
    after = next(line for line in lines if line.row is not None and line.row.frame == 40)
    assert after.since_ns == 0


def test_a_log_line_inside_a_silence_does_not_hide_it() -> None:
    incident = samples.idle_drop_incident()
    inside = TimelineRow(incident.silences[0].start_ns + 75_000_000_000, "sending", "log")
    lines = rungs(replace(incident, timeline=(*incident.timeline, inside)))
    kinds = [line.kind for line in lines]
    assert kinds.count("silence") == 1
    position = kinds.index("silence")
    assert lines[position + 1].label == "sending"
    assert lines[position + 1].since_ns is None
