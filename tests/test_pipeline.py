"""From files to a report: the same question gets the same bytes, and every number in it means one thing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.errors import CaptureError, LogError, NotconnError, RuleError
from analyzer.incidents.moment import Moment
from analyzer.incidents.target import parse_target
from analyzer.pipeline import Question, analyze, examine, report_of
from analyzer.report.model import Report
from analyzer.report.read import read_report
from analyzer.report.render import FORMATS, render
from analyzer.report.text import WORKED
from analyzer.units import NS
from tests.conversations import guilty, ordinary
from tests.reading import stamp
from tests.test_account_grouping import with_port
from tests.wire import Captured, Conversation, write_pcap

START = Conversation().now


def _reset(port: int, start: int, after: str = "3s") -> Conversation:
    conv = Conversation(client=f"10.0.0.5:{port}", start=start)
    conv.handshake()
    conv.exchange()
    conv.client("more")
    conv.server_rst(after=after)
    return conv


@pytest.fixture
def busy(tmp_path: Path) -> Path:
    """Several that died and one that did not."""
    convs = [_reset(50_000 + number, START + number * 10 * NS) for number in range(3)]
    refused = guilty.refused()
    refused.packets = [(at + 5 * NS, frame) for at, frame in refused.packets]
    packets: list[Captured] = [packet for conv in (*convs, refused) for packet in conv.packets]
    well = Conversation(client="10.0.0.5:51000")
    well.handshake()
    well.exchange()
    well.close()
    return write_pcap(tmp_path / "busy.pcap", packets + well.packets)


def ask(*captures: Path, **options: object) -> Report:
    return analyze(Question([str(path) for path in captures], **options), clock_ns=START)  # type: ignore[arg-type]


# -- the same ----------------------------------------------------------------------------------------------------


# The PDF comes out of a browser, which writes the time into it.
@pytest.mark.parametrize("form", sorted(set(FORMATS) - {"pdf"}))
def test_the_same_question_gets_the_same_bytes(form: str, busy: Path) -> None:
    assert render(ask(busy), form) == render(ask(busy), form)


def test_a_new_process_says_the_same(busy: Path) -> None:
    code = (
        "import sys; from analyzer.pipeline import Question, analyze; from analyzer.report.render import render;"
        "sys.stdout.buffer.write(render(analyze(Question([sys.argv[1]]), clock_ns=int(sys.argv[2])), 'json'))"
    )
    outs = [
        subprocess.run(
            [sys.executable, "-c", code, str(busy), str(START)],
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[1]), "PATH": ""},
        ).stdout
        for seed in ("1", "2")
    ]
    assert outs[0] == outs[1] == render(ask(busy), "json")


def test_the_time_of_the_report_is_an_argument(busy: Path) -> None:
    assert ask(busy).generated_ns == START
    assert analyze(Question([str(busy)])).generated_ns is None


# -- numbers -----------------------------------------------------------------------------------------------------


def test_incidents_are_numbered_once_and_the_surest_stands_first(busy: Path) -> None:
    report = ask(busy)
    assert sorted(int(one.id) for one in report.incidents) == [1, 2, 3, 4]
    ranks = [("low", "medium", "high").index(one.confidence) for one in report.incidents]
    assert ranks == sorted(ranks, reverse=True)
    (group,) = report.groups
    assert set(group.incidents) == {one.id for one in report.incidents if one.group == group.id}
    assert len(group.incidents) == 3


def test_several_captures_keep_their_incidents_apart(busy: Path, tmp_path: Path) -> None:
    other = write_pcap(tmp_path / "other.pcap", [p for n in range(2) for p in _reset(52_000 + n, START).packets])
    report = ask(busy, other)
    assert sorted(int(one.id) for one in report.incidents) == [1, 2, 3, 4, 5, 6]
    assert [one.path for one in report.captures] == [str(busy), str(other)]
    assert len({group.id for group in report.groups}) == len(report.groups) == 2
    by_id = {one.id: one for one in report.incidents}
    for group in report.groups:
        paths = {by_id[member].capture for member in group.incidents}
        assert len(paths) == 1
        assert by_id[group.example].group == group.id
    for finding in report.findings:
        assert {by_id[member].capture for member in finding.incidents} <= {finding.capture}


def test_an_incident_is_found_by_the_number_the_report_gives_it(busy: Path, tmp_path: Path) -> None:
    other = write_pcap(tmp_path / "other.pcap", guilty.path_lost().packets)
    examined = examine(Question([str(busy), str(other)]))
    for one in report_of(examined).incidents:
        part, incident = examined.incident(one.id)
        assert part.around.capture.info.path == one.capture
        assert (incident.diagnosis.cause, incident.time_ns) == (one.cause, one.time_ns)
    for wrong in ("0", "6", "x", "-1", ""):
        with pytest.raises(KeyError):
            examined.incident(wrong)


@pytest.fixture
def crowd(tmp_path: Path) -> Path:
    """Six hundred and fifty that were refused, and one that was reset after them."""
    packets = [packet for number in range(650) for packet in with_port(guilty.refused(), 1024 + number, number * NS)]
    return write_pcap(tmp_path / "crowd.pcap", packets + _reset(9000, START + 700 * NS).packets)


def test_an_incident_after_a_crowd_is_found_by_its_number_too(crowd: Path, busy: Path) -> None:
    examined = examine(Question([str(crowd), str(busy)]))
    report = report_of(examined)
    (listed,) = (len(part.crowds[0].members) for part in examined.parts if part.crowds)
    told = 0
    for one in report.incidents:
        try:
            part, incident = examined.incident(one.id)
        except KeyError:
            continue
        told += 1
        assert part.around.capture.info.path == one.capture
        assert (incident.diagnosis.cause, incident.time_ns) == (one.cause, one.time_ns)
    assert told == len(report.incidents) - listed
    assert told == sum(len(part.incidents) for part in examined.parts)


@pytest.mark.parametrize("worked", [0, 1, 5])
def test_what_is_not_worked_out_changes_no_verdict_and_no_text(worked: int, crowd: Path, busy: Path) -> None:
    examined = examine(Question([str(busy), str(crowd)]))
    whole, brief = report_of(examined), report_of(examined, worked=worked)
    assert [one for one in brief.incidents if one.fix] == [one for one in whole.leading(worked) if one.fix]
    for full, short in zip(whole.incidents, brief.incidents, strict=True):
        for name in ("id", "cause", "confidence", "score", "culprit", "title", "time_ns", "server", "group", "stream"):
            assert getattr(short, name) == getattr(full, name)
    assert (brief.groups, brief.findings, brief.limits) == (whole.groups, whole.findings, whole.limits)
    if worked == WORKED:
        assert render(brief, "text") == render(whole, "text")


# -- what is asked -----------------------------------------------------------------------------------------------


def test_a_healthy_capture_has_nothing_to_say(tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "well.pcap", ordinary.long_idle_survives().packets)
    report = ask(path)
    assert (report.incidents, report.groups, report.findings) == ((), (), ())
    assert report.limits


def test_with_a_log_its_errors_are_the_incidents(busy: Path, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    died = START + 10 * NS + 4 * NS
    log.write_text(f"{stamp(died)} ERROR send to 10.9.0.7:8080 failed: 10057\n")
    report = ask(busy, logs=[str(log)])
    (incident,) = report.incidents
    assert incident.source == "log"
    assert incident.log is not None
    assert not any("No log was given" in sentence for sentence in report.limits)
    (capture,) = report.captures
    assert any("app.log: The log's clock" in remark for remark in capture.remarks)


def test_a_log_without_the_error_is_said_and_the_packets_speak(busy: Path, tmp_path: Path) -> None:
    log = tmp_path / "quiet.log"
    log.write_text(f"{stamp(START)} INFO all is well\n")
    report = ask(busy, logs=[str(log)])
    assert len(report.incidents) == 4
    assert any("quiet.log" in remark for remark in report.captures[0].remarks)


def test_a_time_and_an_endpoint_are_questions(busy: Path) -> None:
    (incident,) = ask(busy, endpoint=parse_target("10.0.0.5:50001")).incidents
    assert (incident.source, incident.client) == ("call", "10.0.0.5:50001")
    (incident,) = ask(busy, at=Moment(ns=START + 24 * NS)).incidents
    assert incident.source == "call"
    assert incident.client == "10.0.0.5:50002"


def test_a_time_that_nobody_told_is_not_made_up(busy: Path, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("ERROR send to 10.9.0.7:8080 failed: 10057\n")
    cases = (
        (
            ask(busy, logs=[str(log)]),
            "error in the log at a time that it does not tell: send() 10057 (app.log line 1); the",
        ),
        (
            ask(busy, endpoint=parse_target("10.0.0.5:50001")),
            "looked at because of the endpoint given; the decisive packet",
        ),
        (ask(busy, endpoint=parse_target("192.0.2.9:1")), "looked at because of the endpoint given\n"),
    )
    for report, words in cases:
        (incident,) = report.incidents
        assert not incident.time_known
        text = render(report, "text").decode()
        assert words.strip() in " ".join(text.split())
        assert "1970" not in text
        assert read_report(render(report, "json"), "x.json").incidents[0].time_known is False
    told = ask(busy, at=Moment(ns=START + 24 * NS))
    assert told.incidents[0].time_known
    assert b"time_known" not in render(told, "json")


def test_settings_reach_the_rules(tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "drop.pcap", guilty.firewall_idle_drop().packets)
    plain, told = ask(path), ask(path, settings={"idle_limit": 60 * NS})
    assert told.incidents[0].score >= plain.incidents[0].score


def test_the_hash_is_made_only_when_wanted(busy: Path) -> None:
    assert len(ask(busy).captures[0].sha256) == 64
    assert ask(busy, hash_files=False).captures[0].sha256 == ""


def test_progress_is_told_for_each_file(busy: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    examine(Question([str(busy)]), progress=lambda path, done, total: seen.append((path, done, total)))
    assert seen
    assert {path for path, _, _ in seen} == {str(busy)}
    assert seen[-1][1] == seen[-1][2] == busy.stat().st_size


def test_a_file_of_a_folder_that_cannot_be_read_is_left_out_and_named(busy: Path) -> None:
    broken = busy.parent / "broken.pcap"
    broken.write_text("no capture")
    whole, rest = ask(busy), ask(busy.parent)
    assert rest.incidents == whole.incidents
    left_out = rest.captures[-1]
    assert (left_out.path, left_out.format, left_out.packets) == (str(broken), "unreadable", 0)
    for form in ("text", "json", "markdown", "html", "jira", "fragment", "adf"):
        assert b"broken.pcap" in render(rest, form), form
    assert b"1 of 2 files could not be read" in render(rest, "servicenow")
    assert any("could not be read" in sentence for sentence in rest.limits)


# -- what cannot be used -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"captures": ["gone.pcap"]}, CaptureError),
        ({"logs": ["gone.log"]}, LogError),
        ({"sockets": "gone.txt"}, LogError),
        ({"rules": [Path("gone")]}, RuleError),
    ],
)
def test_what_cannot_be_read_is_refused(options: dict[str, object], error: type[NotconnError], busy: Path) -> None:
    with pytest.raises(error, match="gone"):
        analyze(Question(**{"captures": [str(busy)], **options}))  # type: ignore[arg-type]


def test_a_wrong_log_is_told_before_a_large_capture_is_read(busy: Path) -> None:
    read: list[tuple[str, int, int | None]] = []
    with pytest.raises(LogError):
        analyze(Question([str(busy)], logs=["gone.log"]), progress=lambda *told: read.append(told))
    assert read == []


def test_the_json_of_a_report_names_its_rules(busy: Path) -> None:
    data = json.loads(render(ask(busy), "json"))
    assert data["schema"] == "notconn/1"
    assert len(data["versions"]["rules"]) == 12
