from __future__ import annotations

import json
from dataclasses import replace

import pytest

from analyzer.report.diff import diff, render_json, render_text
from analyzer.report.model import Report
from tests import report_samples as samples

SERVER = samples.idle_drop_incident().server or ""


def times(report: Report, number: int) -> Report:
    """The report with so many copies of its first incident, on other ports."""
    one = report.incidents[0]
    host = (one.client or "").rpartition(":")[0]
    copies = tuple(replace(one, id=str(n + 1), client=f"{host}:{40000 + n}") for n in range(number))
    return replace(report, incidents=copies)


def test_gone_and_used_again_is_cured() -> None:
    before = samples.idle_drop()
    found = diff(before, times(before, 0), {SERVER})
    assert found.cured
    assert render_text(found).startswith("Cured: 1 incident before, none after.")


def test_gone_without_use_is_not_shown_to_be_cured() -> None:
    before = samples.idle_drop()
    for used in (set(), None):
        found = diff(before, times(before, 0), used)
        assert [one.state for one in found.changes] == ["not-exercised"]
        assert not found.cured
        assert "not tried again" in render_text(found)


@pytest.mark.parametrize(("old", "new", "state"), [(4, 4, "same"), (4, 1, "fewer"), (1, 4, "more"), (0, 1, "new")])
def test_what_is_left_is_told_by_its_rate_whatever_the_ports(old: int, new: int, state: str) -> None:
    report = samples.idle_drop()
    (change,) = diff(times(report, old), times(report, new), {SERVER}).changes
    assert (change.before, change.after, change.state) == (old, new, state)


def test_a_longer_capture_with_as_many_has_fewer_in_the_same_time() -> None:
    report = samples.idle_drop()
    capture = report.captures[0]
    assert capture.first_ns is not None
    assert capture.last_ns is not None
    longer = replace(capture, last_ns=capture.last_ns + 3 * (capture.last_ns - capture.first_ns))
    (change,) = diff(report, replace(report, captures=(longer,)), {SERVER}).changes
    assert change.state == "fewer"


def test_nothing_before_and_after() -> None:
    found = diff(samples.nothing(), samples.nothing(), set())
    assert found.cured
    assert "nothing to cure" in render_text(found)


def test_the_json_says_the_same_and_names_are_harmless() -> None:
    found = diff(samples.hostile(), samples.idle_drop(), {SERVER})
    tree = json.loads(render_json(found))
    assert tree["schema"] == "notconn-diff/1"
    assert tree["cured"] is False
    assert {one["state"] for one in tree["changes"]} == {one.state for one in found.changes}
    assert all(line.isprintable() for line in render_text(found).splitlines())


def test_the_text_has_a_hundred_rows_at_most_and_counts_the_rest() -> None:
    report = samples.apart(samples.many(1_000))
    report = replace(report, incidents=tuple(replace(one, server=f"10.0.0.1:{one.id}") for one in report.incidents))
    text = render_text(diff(report, report))
    assert text.startswith("Not cured: 1,000 still there.")
    assert len(text.splitlines()) == 103
    assert text.endswith("  ... and 900 rows more: --format json has every one\n")
    assert len(json.loads(render_json(diff(report, report)))["changes"]) == 1_000
