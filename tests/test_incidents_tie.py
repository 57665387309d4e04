"""Errors and symptoms become incidents, each tied to the flow that explains it, or to none."""

from __future__ import annotations

import pytest

from analyzer.incidents import tie as incidents_module
from analyzer.incidents.diagnose import HIGH, LEAST, Examiner
from analyzer.incidents.tie import Incident, from_call, from_capture, from_log
from analyzer.units import MS, NS
from tests.conversations import guilty
from tests.reading import examiner_of, index_of, log_of, stamp
from tests.wire import Captured, Conversation, dns

START = Conversation().now
HOUR = 3600 * NS


def _talk(port: int, start: int, server: str = "10.9.0.7:8080") -> Conversation:
    conv = Conversation(client=f"10.0.0.5:{port}", server=server, start=start)
    conv.handshake()
    conv.exchange()
    return conv


def _lines(*lines: tuple[int, str]) -> str:
    return "".join(f"{stamp(at)} {text}\n" for at, text in lines)


def tie(text: str, *parts: Conversation | list[Captured]) -> tuple[list[Incident], Examiner]:
    examiner = examiner_of(*parts)
    incidents, _ = from_log(log_of(text), examiner)
    return incidents, examiner


# -- from the capture --------------------------------------------------------------------------------------------


def test_the_capture_alone_shows_the_dead_and_not_the_living() -> None:
    well = _talk(50200, START)
    well.close()
    dead = _talk(50201, START + NS)
    dead.server_rst(after="3s")
    refused = Conversation(client="10.0.0.5:50202", server="10.9.0.7:81", start=START + 60 * NS)
    refused.syn(arrives=False)
    refused.refuse()
    examiner = examiner_of(refused, dead, well)
    found, crowds, left_out = from_capture(examiner)
    assert [incident.symptom.flow_index for incident in found] == [
        index_of(dead, examiner.around),
        index_of(refused, examiner.around),
    ]
    assert (list(crowds), left_out) == ([], 0)
    times = [incident.time_ns for incident in found]
    assert times == sorted(times)
    assert all(incident.symptom.source == "capture" and incident.log is None for incident in found)


def test_a_scan_is_nobodys_incident() -> None:
    tried = []
    for number in range(15):
        one = Conversation(client=f"10.0.0.5:{50000 + number}", server=f"10.9.0.7:{80 + number}")
        one.syn(arrives=False)
        one.refuse()
        tried.append(one)
    found, _, _ = from_capture(examiner_of(*tried))
    assert found == []


def test_the_time_of_an_incident_is_that_of_its_decisive_packet() -> None:
    conv = _talk(50200, START)
    conv.server_rst(after="3s")
    (incident,), _, _ = from_capture(examiner_of(conv))
    assert incident.time_ns == conv.now


# -- from a log --------------------------------------------------------------------------------------------------


def test_each_error_of_the_log_is_an_incident() -> None:
    conv = _talk(50200, START)
    conv.server_rst(after="3s")
    text = _lines(
        (conv.now, "ERROR recv from 10.9.0.7:8080 failed: 10054"),
        (conv.now + 10 * MS, "ERROR send to 10.9.0.7:8080 failed: 10057"),
        (conv.now + 900 * MS, "ERROR shutdown of 10.9.0.7:8080 failed: 10057"),
    )
    incidents, _ = tie(text, conv)
    assert [incident.symptom.event.call for incident in incidents if incident.symptom.event] == ["send", "shutdown"]
    assert {incident.symptom.flow_index for incident in incidents} == {0}
    assert incidents[0].log is not None
    assert [one.code for one in incidents[0].symptom.context] == [10054]


@pytest.mark.parametrize("dead", [0, 1, 2])
def test_the_error_is_tied_to_the_connection_that_died(dead: int) -> None:
    """Three alike to one server; the one that died before the error explains it."""
    convs = [_talk(50200 + number, START + number * 5 * NS) for number in range(3)]
    for number, conv in enumerate(convs):
        conv.now = START + 30 * NS
        conv.exchange()
        if number == dead:
            conv.server_rst()
        else:
            conv.wait("30s")
            conv.exchange()
    text = _lines((START + 31 * NS, "ERROR send to 10.9.0.7:8080 failed: 10057"))
    (incident,), examiner = tie(text, *convs)
    assert incident.symptom.flow_index == index_of(convs[dead], examiner.around)
    assert "server-reset" in examiner.rules.lineage(incident.diagnosis.cause)


def test_the_local_port_of_the_log_decides_between_two_that_died() -> None:
    convs = [_talk(50200 + number, START + number * NS) for number in range(2)]
    for conv in convs:
        conv.now = START + 30 * NS
        conv.server_rst()
    for number in (0, 1):
        text = _lines(
            (START + 31 * NS, f"ERROR send 10.0.0.5:{50200 + number} -> 10.9.0.7:8080 failed: 10057"),
        )
        (incident,), examiner = tie(text, *convs)
        assert incident.symptom.flow_index == index_of(convs[number], examiner.around)


def test_a_connection_that_began_after_the_error_explains_nothing_where_the_clocks_are_known() -> None:
    well, late = _talk(50200, START, "10.9.0.7:8081"), _talk(50201, START + 100 * NS)
    late.server_rst(after="1s")
    lines = (
        (well.packets[2][0], "INFO connected to 10.9.0.7:8081"),
        (START + 10 * NS, "ERROR send to 10.9.0.7:8080 failed: 10057"),
    )
    (incident,), _ = tie(_lines(*lines), well, late)
    assert incident.symptom.flow_index is None


@pytest.mark.parametrize("line", ["send to 10.9.0.7:8080 failed: 10057", "send failed: 10057"])
def test_a_clock_that_is_a_guess_may_be_minutes_off(line: str) -> None:
    late = _talk(50200, START + 100 * NS)
    late.server_rst(after="1s")
    (incident,), _ = tie(_lines((START - 30 * NS, f"ERROR {line}")), late)
    assert incident.symptom.flow_index == 0
    assert incident.time_ns == late.now
    assert "server-reset" in incident.diagnosis.examination.evaluation.by_cause()[0].cause
    assert incident.diagnosis.score < HIGH
    assert any("clock" in cap.because for cap in incident.diagnosis.caps)


def test_a_clock_is_not_thought_hours_off_nor_one_of_unlike_deaths_picked_for_it() -> None:
    late = [_talk(50200 + number, START + 100 * NS, f"10.9.0.7:{8080 + number}") for number in (0, 1)]
    late[0].server_rst(after="1s")
    late[1].client("GET / HTTP/1.1\r\n\r\n", acked=False, arrives=False)
    late[1].unanswered(4)
    (hours,), _ = tie(_lines((START - HOUR, "ERROR send to 10.9.0.7:8080 failed: 10057")), late[0])
    assert hours.symptom.flow_index is None
    (unnamed,), _ = tie(_lines((START - 30 * NS, "ERROR send failed: 10057")), *late)
    assert unnamed.symptom.flow_index is None


def test_a_connection_that_lived_long_after_the_error_was_well_by_any_clock() -> None:
    conv = _talk(50200, START)
    for _ in range(5):
        conv.wait("10s")
        conv.exchange()
    conv.server_rst()
    (incident,), _ = tie(_lines((START + 20 * NS, "ERROR send to 10.9.0.7:8080 failed: 10057")), conv)
    assert incident.symptom.flow_index is None
    assert incident.diagnosis.cause == "insufficient-evidence"


def test_the_death_of_another_server_explains_nothing() -> None:
    other = _talk(50200, START, "10.9.0.99:9000")
    other.server_rst(after="1s")
    (incident,), _ = tie(_lines((other.now + MS, "ERROR send to 10.9.0.7:8080 failed: 10057")), other)
    assert incident.symptom.flow_index is None
    assert incident.diagnosis.cause != "server-reset"


def test_a_healthy_connection_is_only_named_where_the_log_names_it() -> None:
    well = _talk(50200, START)
    for _ in range(4):
        well.wait("10s")
        well.exchange()
    error = START + 25 * NS
    (named,), _ = tie(_lines((error, "ERROR send to 10.9.0.7:8080 failed: 10057")), well)
    assert named.symptom.flow_index == 0
    (unnamed,), _ = tie(_lines((error, "ERROR send failed: 10057")), well)
    assert unnamed.symptom.flow_index is None


@pytest.mark.parametrize(("before", "cause"), [(NS // 2, "server-restarted"), (5 * NS, "no-network-cause")])
def test_of_two_that_the_log_may_mean_the_one_that_just_died_explains_it(before: int, cause: str) -> None:
    well = _talk(50200, START)
    for _ in range(8):
        well.wait("2s")
        well.exchange()
    dead = _talk(50201, START)
    # Whose RST this is stays open, so that its cause is less sure than that the other connection was well.
    dead.wait("1s")
    dead.client("x")
    dead.server_rst(with_ack=False)
    lines = ((START + 20 * MS, "connected to 10.9.0.7:8080"), (dead.now + before, "send to 10.9.0.7:8080 failed 10057"))
    (found,), _ = tie(_lines(*lines), well, dead)
    assert found.diagnosis.cause == cause


def test_a_log_in_another_zone_is_tied_all_the_same() -> None:
    conv = _talk(50200, START)
    opened = conv.packets[2][0]
    conv.server_rst(after="30s")
    lines = [
        (opened + 5 * HOUR, "INFO connected to 10.9.0.7:8080"),
        (conv.now + 5 * HOUR, "ERROR recv from 10.9.0.7:8080 failed: 10054"),
        (conv.now + 5 * HOUR + MS, "ERROR send to 10.9.0.7:8080 failed: 10057"),
    ]
    text = _lines(*lines).replace("Z ", " ")
    (incident,), _ = tie(text, conv)
    assert incident.symptom.flow_index == 0
    assert incident.log is not None
    assert incident.log.clock.zone_ns == 5 * HOUR
    assert abs(incident.time_ns - conv.now) <= 10 * MS


def test_a_name_that_did_not_resolve_needs_no_flow() -> None:
    lookup = dns("db.example", rcode=3)
    text = _lines(
        (START + 20 * MS, "ERROR connect to db.example:5432 failed: [WinError 11001] getaddrinfo failed"),
        (START + 30 * MS, "ERROR send to db.example:5432 failed: 10057"),
    )
    incidents, _ = tie(text, lookup)
    assert incidents[-1].diagnosis.cause == "name-resolution-failed"
    assert incidents[-1].symptom.flow_index is None
    assert incidents[-1].symptom.host_names == ("db.example",)


def test_a_log_without_times_is_tied_by_its_endpoints() -> None:
    conv = _talk(50200, START)
    conv.server_rst(after="3s")
    (incident,), _ = tie("ERROR send to 10.9.0.7:8080 failed: 10057\n", conv)
    assert incident.symptom.time_ns is None
    assert incident.symptom.flow_index == 0
    assert incident.time_ns == conv.now


def test_several_that_died_alike_raise_no_doubt_about_the_cause() -> None:
    first, second = _talk(50200, START), _talk(50201, START)
    first.now = second.now = START + 30 * NS
    first.server_rst()
    second.server_rst()
    (incident,), _ = tie(_lines((START + 31 * NS, "ERROR send to 10.9.0.7:8080 failed: 10057")), first, second)
    assert incident.symptom.candidates == 1
    assert incident.symptom.flow_index in (0, 1)


def test_equal_errors_speak_of_one_connection_each_where_several_died_alike() -> None:
    convs = [_talk(50200 + number, START) for number in range(3)]
    for conv in convs:
        conv.now = START + 30 * NS
        conv.server_rst()
    line = "ERROR send to 10.9.0.7:8080 failed: 10057"
    incidents, _ = tie(_lines(*((START + 30 * NS + number * MS, line) for number in (500, 501, 502))), *convs)
    assert {incident.symptom.flow_index for incident in incidents} == {0, 1, 2}


# -- from the caller ---------------------------------------------------------------------------------------------


def test_the_caller_points_with_connections() -> None:
    dead = guilty.server_idle_timeout()
    other = _talk(50900, START, "10.9.0.99:9000")
    other.server_rst()
    examiner = examiner_of(dead, other)
    index = index_of(dead, examiner.around)
    incident = from_call(examiner, None, 2 * NS, [index])
    assert incident.symptom.source == "call"
    assert incident.symptom.flow_index == index


def test_the_caller_points_with_a_time() -> None:
    first, second = _talk(50200, START), _talk(50201, START, "10.9.0.9:443")
    first.server_rst(after="10s")
    second.now = START + 600 * NS
    second.server_rst()
    examiner = examiner_of(first, second)
    for conv in (first, second):
        incident = from_call(examiner, conv.now + NS, 2 * NS)
        assert incident.symptom.flow_index == index_of(conv, examiner.around)
        assert incident.time_ns == conv.now + NS


def test_the_caller_means_what_just_died_and_not_what_was_surer_minutes_ago() -> None:
    old, late = guilty.refused(), _talk(50201, START + 160 * NS, "10.9.0.9:443")
    late.now = START + 170 * NS
    late.server_rst(with_ack=False)
    examiner = examiner_of(old, late)
    incident = from_call(examiner, late.now + 10 * NS, 2 * NS)
    assert incident.symptom.flow_index == index_of(late, examiner.around)


def test_a_host_that_is_not_there_is_answered_with_what_is_missing() -> None:
    examiner = examiner_of(guilty.server_reset())
    incident = from_call(examiner, START, 2 * NS, [], ("192.0.2.9",))
    assert incident.symptom.flow_index is None
    assert incident.diagnosis.confidence == "low"
    assert incident.diagnosis.facts.known_values["endpoint_seen"] is False


def test_the_connection_that_the_log_opened_last_decides_by_its_port() -> None:
    convs = [_talk(50200 + number, START + number * NS) for number in range(2)]
    for conv in convs:
        conv.now = START + 30 * NS
        conv.exchange()
        conv.server_rst()
    for number in (0, 1):
        text = _lines(
            (convs[number].packets[2][0], f"INFO connected to 10.9.0.7:8080 from 10.0.0.5:{50200 + number}"),
            (START + 31 * NS, "ERROR send to 10.9.0.7:8080 failed: 10057"),
        )
        (incident,), examiner = tie(text, *convs)
        assert incident.symptom.flow_index == index_of(convs[number], examiner.around)


def test_a_first_error_says_which_of_two_failures_is_meant() -> None:
    silent = Conversation(client="10.0.0.5:50200", start=START)
    silent.syn(arrives=False)
    silent.unanswered(4, first="1s")
    reset = _talk(50201, START)
    reset.client("more")
    reset.now = START + 20 * NS
    reset.server_rst()
    for line, conv in (
        ("connect to 10.9.0.7:8080 failed: 10060", silent),
        ("recv from 10.9.0.7:8080 failed: 10054", reset),
    ):
        text = _lines(
            (START + 21 * NS, f"ERROR {line}"), (START + 21 * NS + MS, "ERROR send to 10.9.0.7:8080 failed: 10057")
        )
        (incident,), examiner = tie(text, silent, reset)
        assert incident.symptom.flow_index == index_of(conv, examiner.around)


def test_other_causes_that_fit_as_well_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = Conversation(client="10.0.0.5:50200", start=START)
    silent.syn(arrives=False)
    silent.unanswered(4, first="1s")
    reset = _talk(50201, START)
    reset.client("more")
    reset.now = START + 20 * NS
    reset.server_rst()
    text = _lines((START + 21 * NS, "ERROR send to 10.9.0.7:8080 failed: 10057"))
    (alone,), _ = tie(text, reset)
    assert alone.symptom.candidates == 1
    monkeypatch.setattr(incidents_module, "_NEAR_TIE", 1.0)
    (incident,), _ = tie(text, silent, reset)
    assert incident.symptom.candidates == 2
    assert incident.diagnosis.score <= 0.80


def test_an_error_near_a_slow_handshake_needs_no_line_before_it() -> None:
    conv = Conversation(server="10.9.0.7:8080", rtt_ms=280)
    conv.handshake()
    conv.wait("1s")
    conv.exchange()
    conv.close("client")
    (incident,), _ = tie(_lines((START + 60 * MS, "ERROR send to 10.9.0.7:8080 failed: 10057")), conv)
    assert incident.diagnosis.cause == "used-before-connected"


def test_a_reply_that_the_ftp_server_owes_explains_a_timeout_of_nothing_asked() -> None:
    control = Conversation(client="10.0.0.5:50200", server="10.9.0.7:21")
    control.handshake()
    control.server("220 ready\r\n")
    control.client("PASV\r\n")
    control.server("227 Entering Passive Mode (10,9,0,7,195,80)\r\n")
    control.client("RETR big\r\n")
    control.server("150 Opening\r\n")
    data = Conversation(client="10.0.0.5:50201", server="10.9.0.7:50000", start=control.now)
    data.handshake()
    for _ in range(20):
        data.server("x" * 1000, after="2s")
    data.close("server")
    text = _lines(
        (control.packets[2][0], "INFO connected to 10.9.0.7:21"),
        (data.now + 15 * NS, "ERROR recv failed: 10060"),
        (data.now + 15 * NS + MS, "ERROR send failed: 10057"),
    )
    (incident,), examiner = tie(text, control, data)
    assert incident.symptom.flow_index == index_of(control, examiner.around)
    assert incident.diagnosis.cause == "ftp-control-idle-during-transfer"


@pytest.mark.parametrize("line", ["recv failed: 10057", "recv on 10.9.0.7:20 failed: 10057"])
def test_a_server_that_could_not_connect_back_says_so_though_its_syn_never_came(line: str) -> None:
    control = Conversation(client="10.0.0.5:50200", server="10.9.0.7:21")
    control.handshake()
    control.server("220 ready\r\n")
    control.exchange("PORT 10,0,0,5,195,80\r\n", "200 PORT command successful\r\n")
    control.client("RETR big\r\n")
    control.server("425 Failed to establish connection.\r\n", after="30s")
    failed = control.now
    (shown,), _, _ = from_capture(examiner_of(control))
    control.exchange("QUIT\r\n", "221 Goodbye.\r\n")
    control.close("server")
    text = _lines((control.packets[2][0], "INFO connected to 10.9.0.7:21"), (failed + MS, f"ERROR {line}"))
    (told,), _ = tie(text, control)
    assert {shown.diagnosis.cause, told.diagnosis.cause} == {"ftp-data-connection-blocked"}


def test_a_connection_that_the_log_calls_made_was_not_used_too_early() -> None:
    conv = Conversation(server="10.9.0.7:8080", rtt_ms=110)
    conv.handshake()
    made = conv.now
    conv.exchange()
    conv.client("GET / HTTP/1.1\r\n\r\n", acked=False, after="300ms")
    conv.server_rst()
    whole = [at // NS * NS for at in (made, conv.now)]
    text = _lines(
        (whole[0], "INFO connected to 10.9.0.7:8080"), (whole[1], "ERROR send to 10.9.0.7:8080 failed: 10057")
    )
    (incident,), _ = tie(text.replace(".000Z", "Z"), conv)
    assert incident.diagnosis.cause == "server-reset"
    assert {other.cause: other.score for other in incident.diagnosis.others}["used-before-connected"] < LEAST
