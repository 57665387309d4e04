"""Crowds written down: a finding with the count, a short entry each up to a bound, and examples that exist."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from analyzer.account.crowds import _shares, crowd_reports, join
from analyzer.pipeline import Part, Question, analyze, examine
from analyzer.report.model import Report
from analyzer.units import MS
from tests import report_samples as samples
from tests.reading import rules
from tests.test_account_grouping import with_port
from tests.wire import Captured, Conversation, write_pcap


@cache
def _crowded(server: str) -> tuple[Captured, ...]:
    conv = Conversation(server=server, rtt_ms=2)
    conv.handshake()
    conv.client("question")
    conv.server_rst(after="1s")
    return tuple(packet for number in range(700) for packet in with_port(conv, 1024 + number, number * 20 * MS))


def part_of(tmp_path: Path) -> Part:
    path = write_pcap(tmp_path / "crowd.pcap", list(_crowded("10.9.0.7:8080")))
    (part,) = examine(Question([str(path)], hash_files=False)).parts
    return part


def test_every_member_is_counted_and_listed(tmp_path: Path) -> None:
    part = part_of(tmp_path)
    reports, findings = crowd_reports(part, len(part.incidents), rules())
    members = sum(len(crowd.members) for crowd in part.crowds)
    assert members + len(part.incidents) == 700
    assert len(reports) == members
    (finding,) = findings
    assert finding.title == f"{members:,} more connections like incident 1: {part.crowds[0].cause}"
    numbers = [int(one.id) for one in reports]
    assert numbers == list(range(len(part.incidents) + 1, 701))


def test_an_entry_says_what_it_rests_on(tmp_path: Path) -> None:
    part = part_of(tmp_path)
    reports, _ = crowd_reports(part, len(part.incidents), rules())
    for one in reports[::100]:
        assert one.confidence != "high"
        assert "not examined by itself" in one.summary
        (evidence,) = one.evidence
        assert evidence.filter == f"frame.number in {{{evidence.frames[0]}}}"
        row = next(row for row in part.around.rows if row.stream == one.stream)
        assert (one.client, one.server) == (str(row.initiator), str(row.responder))
        assert row.first_frame <= evidence.frames[0] <= row.last_frame


def test_crowds_of_one_cause_are_one_finding(tmp_path: Path) -> None:
    part = part_of(tmp_path)
    (crowd,) = part.crowds
    other = next(one.symptom.flow_index for one in part.incidents if one.symptom.flow_index != crowd.example)
    assert other is not None
    halves = [replace(crowd, members=crowd.members[::2]), replace(crowd, members=crowd.members[1::2], example=other)]
    _, (finding,) = crowd_reports(replace(part, crowds=halves), len(part.incidents), rules())
    assert finding.title.startswith(f"{len(crowd.members):,} more connections like incidents ")
    assert len(finding.incidents) == len(finding.frames) == 2


def test_what_was_left_out_is_said(tmp_path: Path) -> None:
    part = replace(part_of(tmp_path), left_out=12)
    _, findings = crowd_reports(part, len(part.incidents), rules())
    assert findings[-1].id == "not-examined"
    assert "12 more connections" in findings[-1].text
    assert "none of them is known to be well" in findings[-1].text


def test_examples_are_those_of_the_same_capture(tmp_path: Path) -> None:
    paths = [
        write_pcap(tmp_path / f"{number}.pcap", list(_crowded(server)))
        for number, server in enumerate(("10.9.0.7:8080", "10.9.0.8:8080"))
    ]
    report: Report = analyze(Question([str(path) for path in paths], hash_files=False))
    assert len(report.incidents) == len({one.id for one in report.incidents}) == 1400
    by_id = {one.id: one for one in report.incidents}
    crowds = [one for one in report.findings if one.id.startswith("crowd-")]
    assert {one.capture for one in crowds} == {str(path) for path in paths}
    for finding in crowds:
        (example,) = finding.incidents
        assert by_id[example].capture == finding.capture
        assert f"incident {example}" in finding.title


def test_entries_stand_in_the_group_of_what_was_examined_of_their_cause_and_server(tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "crowd.pcap", list(_crowded("10.9.0.7:8080")))
    report = analyze(Question([str(path)], hash_files=False))
    by_id = {one.id: one for one in report.incidents}
    assert [len(group.incidents) for group in report.groups] == [700]
    (group,) = report.groups
    assert group.title.startswith("700 incidents of ")
    assert {by_id[one].group for one in group.incidents} == {group.id}
    assert {by_id[one].cause for one in group.incidents} == {group.cause}
    assert group.example in group.incidents
    assert group.text == ""
    assert group.first_ns == min(one.time_ns for one in report.incidents)
    assert group.last_ns == max(one.time_ns for one in report.incidents)
    assert [one.id for one in report.leading()] == [group.example]


def test_an_entry_of_another_server_stands_alone_and_a_lone_example_gets_a_group() -> None:
    example = replace(samples.idle_drop_incident(), group=None)
    alike = [replace(example, id=str(number), time_ns=example.time_ns + number) for number in (2, 3)]
    stranger = replace(example, id="4", server="10.9.0.9:1")
    reports, grouped = [example], []
    join([*alike, stranger], reports, grouped)
    assert [(one.id, one.group) for one in reports] == [("1", "g1"), ("2", "g1"), ("3", "g1"), ("4", None)]
    assert [(one.id, one.incidents, one.example) for one in grouped] == [("g1", ("1", "2", "3"), "1")]


@pytest.mark.parametrize(
    ("sizes", "room", "shares"),
    [
        ([2500, 2500, 2500, 2500], 2000, [500, 500, 500, 500]),
        ([5000, 10, 300], 2000, [1690, 10, 300]),
        ([3, 4], 7, [3, 4]),
        ([], 0, []),
    ],
)
def test_no_crowd_takes_the_room_of_another(sizes: list[int], room: int, shares: list[int]) -> None:
    assert _shares(sizes, room) == shares
