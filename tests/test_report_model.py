from __future__ import annotations

from dataclasses import replace

from tests import report_samples as samples


def test_leading_takes_each_groups_example_and_what_stands_alone() -> None:
    report = samples.three_in_a_group()
    assert [one.id for one in report.leading()] == ["1", "4"]


def test_leading_keeps_the_order_of_the_report() -> None:
    report = samples.three_in_a_group()
    turned = replace(report, incidents=tuple(reversed(report.incidents)))
    assert [one.id for one in turned.leading()] == ["4", "1"]


def test_leading_of_an_empty_report_is_empty() -> None:
    assert samples.nothing().leading() == ()


def test_of_more_than_there_is_room_for_no_cause_is_missing() -> None:
    report = samples.apart(samples.many(1_000))
    rare = replace(report.incidents[-1], cause="link-changed")
    report = replace(report, incidents=(*report.incidents[:-1], rare))
    assert [one.id for one in report.leading(6)] == ["1", "2", "3", "4", "5", "1000"]
    assert [one.id for one in report.leading(2)] == ["1", "2"]
    assert report.leading(0) == ()
    assert report.leading(1_000) == report.leading() == report.incidents
