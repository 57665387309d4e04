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
