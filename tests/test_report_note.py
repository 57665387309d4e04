from __future__ import annotations

from dataclasses import replace

from analyzer.report.model import Finding
from analyzer.report.note import Bullets, Code, Heading, Paragraph, Table, mark, note
from tests import report_samples as samples


def test_the_mark_is_the_same_for_the_same_captures_and_incidents() -> None:
    report = samples.idle_drop()
    assert mark(report) == mark(replace(report, generated_ns=1, generated_by="notconn 9.9", limits=()))


def test_the_mark_changes_with_capture_and_incident_and_stays_with_another_verdict() -> None:
    report = samples.idle_drop()
    other_capture = replace(report, captures=(samples.capture(sha256="00"),))
    other_time = replace(report, incidents=(replace(report.incidents[0], time_ns=1),))
    assert len({mark(report), mark(other_capture), mark(other_time)}) == 3
    other_cause = replace(report, incidents=(replace(report.incidents[0], cause="path-lost"),))
    assert mark(other_cause) == mark(report)
    masked = replace(report, incidents=(replace(report.incidents[0], client="10.9.9.9:5", server=None),))
    assert mark(masked) == mark(report)


def test_verdict_comes_first_and_code_is_whole() -> None:
    blocks = note(samples.idle_drop())
    assert blocks[0] == Heading(samples.idle_drop_incident().title)
    assert any(isinstance(one, Code) and one.text == samples.KEEPALIVE_C.strip() for one in blocks)


def test_what_is_not_worked_out_is_a_table_row() -> None:
    blocks = note(samples.three_in_a_group())
    table = [one for one in blocks if isinstance(one, Table)][-1]
    assert [row[0][0].text for row in table.rows] == ["3", "1"]


def test_a_flood_of_findings_is_counted() -> None:
    storms = tuple(Finding("storm", f"Storm {number}", "It was one.") for number in range(30))
    (items,) = (
        one.items
        for one in note(replace(samples.idle_drop(), findings=storms))
        if isinstance(one, Bullets) and one.items[0][0].text == "Storm 0."
    )
    assert len(items) == 13
    assert items[-1][0].text == "And 18 more of these kinds in the full report."


def test_very_many_incidents_stay_a_comment() -> None:
    assert len(note(samples.many(3_000))) < 60


def test_the_code_says_which_step_it_is_for() -> None:
    blocks = note(samples.idle_drop())
    steps = next(one for one in blocks if isinstance(one, Bullets) and one.items[0][0].text.startswith("1. Send keep"))
    assert steps.items[2][0].text.startswith("3. Raise the idle limit")
    assert any(isinstance(one, Paragraph) and one.spans[0].text.startswith("For 1: C (the full") for one in blocks)
