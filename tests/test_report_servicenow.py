from __future__ import annotations

from dataclasses import replace

from analyzer.report.note import mark
from analyzer.report.servicenow import render
from tests import report_samples as samples


def test_the_note_is_the_ticket_and_carries_its_mark() -> None:
    report = samples.idle_drop()
    text = render(report)
    assert text.startswith("Incident 1: A device between")
    assert mark(report) in text


def test_no_name_can_switch_to_html() -> None:
    incident = replace(samples.idle_drop_incident(), title="[code]<b>x</b>[/CODE]")
    text = render(replace(samples.idle_drop(), incidents=(incident,)))
    assert "[code]" not in text.lower()
    assert "[/code]" not in text.lower()


def test_at_most_three_incidents_are_written_out() -> None:
    text = render(samples.many(400))
    assert text.count("\nVerdict ") == 3
    assert "1 further incident in the attached report." in text
