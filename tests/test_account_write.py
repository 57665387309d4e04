"""Diagnoses written down: sentences whole, frames there, filters valid."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from analyzer.account.write import incident_report
from analyzer.incidents.tie import Incident, from_capture, from_log
from analyzer.report.model import Evidence, IncidentReport
from analyzer.symptom import Symptom
from analyzer.units import MS, NS
from tests.cases import answered
from tests.conversations import CONVERSATIONS, guilty
from tests.reading import examiner_of, log_of, rules, stamp
from tests.wire import Conversation, write_pcap

START = Conversation().now
GUILTY = {f"{cause}/{make.__name__}": make for cause, several in CONVERSATIONS.items() for make in several}


@cache
def report_of(name: str) -> IncidentReport:
    return told(GUILTY[name]())


def told(conv: Conversation) -> IncidentReport:
    examiner = examiner_of(conv)
    symptom = Symptom("capture", None, 0, flow_index=0, candidates=1)
    incident = Incident(examiner.diagnose(examiner.examine(symptom)))
    return incident_report(1, incident, examiner.around, rules())


def claims(report: IncidentReport) -> tuple[Evidence, ...]:
    return (*report.evidence, *report.against)


def with_log(text: str, *parts: Conversation) -> list[IncidentReport]:
    examiner = examiner_of(*parts)
    incidents, _ = from_log(log_of(text), examiner)
    return [incident_report(n, one, examiner.around, rules()) for n, one in enumerate(incidents, 1)]


# -- sentences ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(GUILTY))
def test_every_sentence_is_whole(name: str) -> None:
    report = report_of(name)
    sentences = [report.summary, *(claim.statement for claim in claims(report))]
    for sentence in sentences:
        assert sentence.endswith((".", "]")), sentence
        assert not re.search(r"[{}]|None|<.*>", sentence), sentence
        assert "  " not in sentence
        assert not re.search(r"\b1 (connections|packets|SYNs|others|probes|times)\b", sentence), sentence
    assert not report.title.endswith(".")
    assert report.owner


@pytest.mark.parametrize("name", sorted(GUILTY))
def test_a_verdict_rests_on_frames_of_the_capture(name: str) -> None:
    report = report_of(name)
    count = len(GUILTY[name]().packets)
    for claim in claims(report):
        assert all(1 <= frame <= count for frame in claim.frames)
        assert bool(claim.filter) == bool(claim.frames)
    if report.cause != "insufficient-evidence":
        assert any(claim.frames for claim in report.evidence)
        assert report.fix
        assert report.winsock


@pytest.mark.parametrize("name", sorted(GUILTY))
def test_unknowns_say_what_would_settle_them(name: str) -> None:
    assert all(one.fact and one.why and one.settle_by for one in report_of(name).unknown)


@pytest.mark.parametrize("name", sorted(GUILTY))
def test_alternatives_never_outdo_the_verdict_and_say_why_not(name: str) -> None:
    report = report_of(name)
    for one in report.alternatives:
        assert one.score <= report.score
        assert one.cause != report.cause
        assert one.why_not.endswith(".")


# -- filters -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tshark() -> str:
    found = shutil.which("tshark")
    if found is None:
        pytest.skip("tshark is not installed: filters are not held against Wireshark's own grammar")
    return found


def shown(tshark: str, path: Path, expression: str) -> list[int]:
    ran = subprocess.run(
        [tshark, "-r", str(path), "-Y", expression, "-T", "fields", "-e", "frame.number"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, f"{expression}: {ran.stderr}"
    return [int(line) for line in ran.stdout.split()]


def test_wireshark_understands_every_filter(tshark: str, tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "one.pcap", guilty.refused().packets)
    filters = {claim.filter for name in GUILTY for claim in claims(report_of(name)) if claim.filter}
    assert len(filters) > 20
    shown(tshark, path, " || ".join(f"({one})" for one in sorted(filters)))


@pytest.mark.parametrize("name", ["server-idle-timeout/server_idle_timeout", "destination-unreachable/unreachable"])
def test_a_filter_shows_exactly_the_frames_it_stands_for(name: str, tshark: str, tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "one.pcap", GUILTY[name]().packets)
    told = {claim.filter: set(claim.frames) for claim in claims(report_of(name)) if claim.filter}
    assert told
    for expression, frames in told.items():
        assert set(shown(tshark, path, expression)) == frames, expression


def test_a_rule_may_point_to_another_culprit_than_its_cause() -> None:
    conv = Conversation(server="10.9.0.7:443")
    conv.handshake()
    conv.client(bytes.fromhex("16030100300100002c0303") + bytes(42))
    conv.server(bytes.fromhex("160303003a0200003603") + bytes(52))
    conv.client(bytes.fromhex("15030300020230"))
    conv.fin("client")
    refused = told(conv)
    assert (refused.cause, refused.culprit) == ("tls-handshake-failed", "client")
    assert report_of("tls-handshake-failed/tls_alert").culprit == "server"


# -- parties and the log -----------------------------------------------------------------------------------------


def test_the_parties_are_those_of_the_flow() -> None:
    report = report_of("server-reset/server_reset")
    conv = guilty.server_reset()
    assert (report.client, report.server, report.stream) == (conv.client_name, conv.server_name, 0)
    assert f"({conv.client_name} to {conv.server_name})" in report.title


def test_a_log_line_is_kept_whole_with_its_clock() -> None:
    conv = Conversation()
    conv.handshake()
    conv.exchange()
    conv.server_rst(after="5s")
    text = f"{stamp(conv.now)} ERROR recv from 10.9.0.7:8080 failed: 10054\n"
    text += f"{stamp(conv.now + 5 * MS)} ERROR send to 10.9.0.7:8080 failed: 10057\n"
    (report,) = with_log(text, conv)
    assert report.log is not None
    assert (report.log.line, report.log.call, report.log.code) == (2, "send", 10057)
    assert report.source == "log"
    assert "The log's clock agrees with the capture's (within" in report.summary


def test_a_peer_that_is_not_there_is_named_as_the_log_names_it() -> None:
    for peer in ("192.0.2.9:9000", "db.example:5432"):
        (report,) = with_log(f"{stamp(START)} ERROR send to {peer} failed: 10057\n", guilty.server_reset())
        assert report.client is None
        assert report.server == peer
        assert report.stream is None
        assert f"({peer})" in report.title


def test_a_healthy_connection_is_not_accused() -> None:
    conv = Conversation()
    conv.handshake()
    for _ in range(4):
        conv.exchange()
        conv.wait("10s")
    conv.exchange()
    (report,) = with_log(f"{stamp(START + 15 * NS)} ERROR send to 10.9.0.7:8080 failed: 10057\n", conv)
    assert "no-network-cause" in rules().lineage(report.cause)
    assert report.stream is None
    assert report.client == conv.client_name


# -- short forms -------------------------------------------------------------------------------------------------


def test_a_row_of_a_crowd_has_no_long_parts() -> None:
    examiner = examiner_of(guilty.server_reset())
    (incident,), _, _ = from_capture(examiner)
    short = incident_report(7, incident, examiner.around, rules(), full=False)
    full = incident_report(7, incident, examiner.around, rules())
    assert (short.timeline, short.silences, short.fix, short.winsock, short.references, short.unknown) == ((),) * 6
    assert (short.id, short.cause, short.score, short.evidence) == (full.id, full.cause, full.score, full.evidence)
    assert full.timeline
    assert full.fix


@pytest.mark.parametrize("name", ["retry-loop-on-closed-port", "ftp-nightly-job"])
def test_what_the_program_did_with_its_socket_is_told_by_a_log_alone(name: str) -> None:
    said = [[one.summary for one in answered(name, with_log=log).incidents] for log in (True, False)]
    assert said[0]
    assert said[1]
    assert all("The log's 10057 shows that the " in one for one in said[0])
    assert not any("the program " in one or "used it" in one for one in said[1])
