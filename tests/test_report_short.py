from __future__ import annotations

from dataclasses import replace

from analyzer.report.short import FULL, frames_of, likeness, shortening, told_in_full
from tests import report_samples as samples


def test_few_are_all_told_in_full_but_the_members_of_a_group() -> None:
    report = samples.three_in_a_group()
    full = [one.id for one in told_in_full(report)]
    assert full == ["1", "4"]
    assert likeness(report, full) == {"2": "1", "3": "1"}


def test_of_many_the_first_of_each_cause_and_capture_are_told_in_full() -> None:
    report = samples.apart(samples.many(1_000))
    rare = replace(report.incidents[-1], cause="link-changed")
    far = replace(report.incidents[-2], capture="other.pcap")
    report = replace(report, incidents=(*report.incidents[:-2], far, rare))
    full = told_in_full(report)
    assert len(full) == FULL
    assert {far.id, rare.id} < {one.id for one in full}
    assert [one.id for one in full[:3]] == ["1", "2", "3"]


def test_each_other_is_like_its_groups_example_or_the_first_of_its_cause() -> None:
    grouped = samples.many(1_000)
    full = {one.id for one in told_in_full(grouped)}
    by_id = {one.id: one for one in grouped.incidents}
    alike = likeness(grouped, full)
    assert alike.keys() == by_id.keys() - full
    assert all(by_id[like].group == by_id[own].group for own, like in alike.items())
    alone = samples.apart(grouped)
    alike = likeness(alone, {"1", "2", "3", "4", "900"})
    assert alike["5"] == "1"
    assert set(alike.values()) == {"1", "2", "3", "4"}
    moved = [replace(one, capture="other.pcap") if int(one.id) >= 897 else one for one in alone.incidents]
    alike = likeness(replace(alone, incidents=tuple(moved)), {"1", "2", "3", "4", "900"})
    assert (alike["896"], alike["904"], alike["901"]) == ("4", "900", "1")


def test_the_frames_of_one_told_in_short_are_few_and_in_order() -> None:
    assert frames_of(samples.idle_drop_incident()) == [35, 40, 41, 42, 43, 44, 45, 46]


def test_the_sentence_counts() -> None:
    report = samples.many(1_000)
    assert shortening(report, 990, "so.") == "Of 1,000 incidents, 990 are told in short: so."
