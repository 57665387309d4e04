from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from analyzer.report.questions import both_times, local_time, questions, questions_markdown, times_csv
from tests import report_samples as samples

ZONE = timezone(timedelta(hours=5, minutes=30))


def test_times_are_told_twice() -> None:
    assert both_times(samples.START, ZONE) == "2026-05-26 02:00:00.000 UTC (2026-05-26 07:30:00.000 +05:30)"
    assert local_time(samples.START, ZoneInfo("Europe/Berlin")) == "2026-05-26 04:00:00.000 +02:00"
    assert "UTC" not in local_time(0, ZONE)
    assert local_time(10**25, ZONE)


@pytest.mark.parametrize("culprit", ["client", "server", "middlebox", "path", "application", "unknown"])
def test_every_culprit_is_asked_what_its_owner_can_look_up(culprit: str) -> None:
    asked = questions(replace(samples.idle_drop_incident(), culprit=culprit), ZONE)  # type: ignore[arg-type]
    assert len(asked) >= 3
    assert all("{" not in text for text in asked)
    assert any("+05:30" in text for text in asked)


def test_an_owner_of_a_firewall_is_told_the_silence() -> None:
    asked = " ".join(questions(samples.idle_drop_incident(), ZONE))
    assert "idle limit" in asked
    assert "silent for" in asked


def test_names_of_a_capture_are_no_markup() -> None:
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").parse(questions_markdown(samples.hostile(), ZONE))
    every = [one for token in tokens for one in (token, *(token.children or ()))]
    assert {one.content for one in every if one.type.startswith("html")} <= {"<!-- -->"}
    assert not [one for one in every if one.type in ("link_open", "image")]


def test_the_table_of_times_is_csv_with_both_times() -> None:
    rows = list(csv.DictReader(io.StringIO(times_csv(samples.idle_drop(), ZONE))))
    assert rows
    assert all(row["utc"].endswith("UTC") and row["local"].endswith("+05:30") for row in rows)
    for row in csv.reader(io.StringIO(times_csv(samples.hostile(), ZONE))):
        assert not any(cell[:1] in "=+@" for cell in row if cell)


def test_what_was_left_out_of_a_timeline_is_no_moment_to_look_up() -> None:
    one = samples.idle_drop_incident()
    gap = replace(one.timeline[3], kind="elided", frame=None, label="6 packets not shown")
    report = replace(samples.idle_drop(), incidents=(replace(one, timeline=(*one.timeline[:4], gap, *one.timeline[4:])),))
    text = times_csv(report, ZONE)
    assert "not shown" not in text
    assert len(text.splitlines()) == 1 + len(one.timeline)


def test_nobody_is_asked_about_thousands() -> None:
    text = questions_markdown(samples.errors(1_000), UTC)
    assert text.count("## Incident ") == 20
    assert "The report has 980 more incidents that nobody is asked about here." in text
