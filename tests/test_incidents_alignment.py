"""Lines of a log tied to moments of a capture."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.endpoint import parse_endpoint
from analyzer.incidents.alignment import align, peers_of, rows_of
from analyzer.incidents.clock import ClockFit
from analyzer.incidents.diagnose import Examiner
from analyzer.logs.model import LogFile
from analyzer.units import MS, NS
from tests.conversations import guilty
from tests.reading import event_of, examiner_of, index_of, log_of, stamp, surroundings_of
from tests.wire import Conversation, dns

START = Conversation().now
HOUR = 3600 * NS
SERVER = "10.9.0.7:8080"


def _talks() -> tuple[list[Conversation], list[tuple[int, str]]]:
    """Four connections, the last one reset; and when the program met what."""
    talks, lines = [], []
    for number, second in enumerate((0, 7, 19, 42)):
        conv = Conversation(client=f"10.0.0.5:{50200 + number}", start=START + second * NS)
        conv.handshake()
        lines.append((conv.now, f"INFO connected to {SERVER}"))
        conv.exchange()
        talks.append(conv)
    talks[-1].server_rst(after="3s")
    lines.append((talks[-1].now, f"ERROR recv from {SERVER} failed: 10054"))
    lines.append((talks[-1].now + 2 * MS, f"ERROR send to {SERVER} failed: 10057"))
    return talks, lines


TALKS, LINES = _talks()
EXAMINER = examiner_of(*TALKS)


def local(ns: int) -> str:
    """A time as a program writes it that says no zone."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ns // 1000)
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03d}"


def fit(offset: int, lines: list[tuple[int, str]] = LINES, examiner: Examiner = EXAMINER, zone: str = "") -> ClockFit:
    text = "".join(f"{local(at + offset)}{zone} {line}\n" for at, line in lines)
    return align(log_of(text), examiner)


@settings(max_examples=40, deadline=None)
@given(st.integers(-48, 56), st.integers(-200_000, 200_000))
def test_a_log_of_any_zone_and_skew_is_laid_over_the_capture(quarters: int, skew_ms: int) -> None:
    offset = quarters * 900 * NS + skew_ms * MS
    found = fit(offset)
    assert abs(found.offset_ns - offset) <= 10 * MS
    assert found.certain
    assert found.anchors >= 5


def test_a_log_that_says_its_zone_only_has_a_skew() -> None:
    found = fit(1200 * MS, zone="Z")
    assert found.zone_ns == 0
    assert abs(found.offset_ns - 1200 * MS) <= 10 * MS


def test_a_zone_that_is_written_but_not_meant_is_seen_through() -> None:
    found = fit(2 * HOUR, zone="Z")
    assert found.zone_ns == 2 * HOUR
    assert found.anchors >= 5


def test_a_log_of_another_day_is_not_forced() -> None:
    found = fit(-72 * HOUR, zone="Z")
    assert found.anchors == 0
    assert not found.certain


@pytest.mark.parametrize(
    ("make", "code"),
    [(guilty.refused, 10061), (guilty.server_reset, 10054), (guilty.unreachable, 10065)],
)
def test_an_error_whose_packet_is_seen_anchors_by_itself(make: object, code: int) -> None:
    assert callable(make)
    conv = make()
    examiner = examiner_of(conv)
    reading = examiner.reading(0)
    moment = (
        reading.resets[0].segment.ts_ns if reading.resets else examiner.around.icmp_errors(reading.flow)[0].note.ts_ns
    )
    found = fit(3 * NS, [(moment, f"ERROR connect to {conv.server_name} failed: {code}")], examiner)
    assert found.anchors == 1
    assert abs(found.offset_ns - 3 * NS) <= MS


def test_an_error_without_an_endpoint_may_be_any_connections() -> None:
    conv = guilty.server_reset()
    examiner = examiner_of(conv)
    moment = examiner.reading(0).resets[0].segment.ts_ns
    found = fit(HOUR, [(moment, "ERROR recv failed: 10054")], examiner)
    assert found.anchors == 1
    assert abs(found.offset_ns - HOUR) <= MS


def test_a_name_that_failed_is_an_anchor() -> None:
    examiner = examiner_of(dns("db.example", rcode=3))
    found = fit(
        -HOUR,
        [(START + 12 * MS, "ERROR connect to db.example:5432 failed: [WinError 11001] getaddrinfo failed")],
        examiner,
    )
    assert found.anchors == 1
    assert abs(found.offset_ns + HOUR) <= MS


def test_nothing_in_common_leaves_the_clocks_assumed() -> None:
    found = fit(0, [(START + NS, "ERROR send to 192.0.2.77:9 failed: 10057")])
    assert found.anchors == 0
    assert "was taken to agree" in found.describe()


# -- who is spoken of --------------------------------------------------------------------------------------------


def test_a_line_that_names_its_peer_speaks_of_it_alone() -> None:
    peers, names, own = peers_of(event_of(remote=SERVER), None, EXAMINER.around)
    assert (peers, names, own) == ({parse_endpoint(SERVER)}, (), True)


def test_a_name_speaks_of_the_addresses_that_dns_gave_it() -> None:
    around = surroundings_of(*TALKS, dns("db.example"))
    peers, names, _ = peers_of(event_of(host="db.example", port=8080), None, around)
    assert peers == {parse_endpoint(SERVER)}
    assert names == ("db.example",)
    any_port, _, _ = peers_of(event_of(host="db.example"), None, around)
    assert any_port == {parse_endpoint(SERVER)}
    assert peers_of(event_of(host="unheard.example", port=1), None, around)[0] == set()


def _log(*lines: str) -> LogFile:
    return log_of("".join(f"{stamp(START + number * NS)} {line}\n" for number, line in enumerate(lines)))


def test_a_line_without_a_peer_inherits_the_nearest_before_it() -> None:
    log = _log("INFO connected to 10.9.0.1:80", f"INFO connected to {SERVER}", "ERROR send failed: 10057")
    peers, _, own = peers_of(log.errors[0], log, EXAMINER.around)
    assert peers == {parse_endpoint(SERVER)}
    assert not own


def test_a_connect_that_failed_without_a_name_hides_older_connections() -> None:
    log = _log(f"INFO connected to {SERVER}", "ERROR connect failed: 10060", "ERROR send failed: 10057")
    assert peers_of(log.errors[0], log, EXAMINER.around) == (set(), (), False)


def test_a_line_that_names_a_control_connection_may_mean_its_data_connection() -> None:
    control = Conversation(server="10.9.0.7:21")
    control.handshake()
    control.server("220 ready\r\n")
    control.client("PORT 10,0,0,5,195,80\r\n")
    data = Conversation(client="10.9.0.7:20", server="10.0.0.5:50000", start=control.now)
    data.syn(arrives=False)
    stranger = Conversation(client="10.9.0.8:20", server="10.0.0.6:50000", start=control.now)
    stranger.syn(arrives=False)
    around = surroundings_of(control, data, stranger)
    peers = {parse_endpoint("10.9.0.7:21")}
    assert set(rows_of(event_of(remote="10.9.0.7:21"), peers, around)) == {
        index_of(control, around),
        index_of(data, around),
    }


def test_at_the_server_the_start_of_a_connect_is_not_seen() -> None:
    for near, anchored in ((False, True), (True, False)):
        conv = Conversation(client_ttl=121 if near else 128, server_ttl=64 if near else 57, rtt_ms=0.1)
        conv.syn()
        conv.syn_ack()
        assert fit(0, [(START, f"INFO connecting to {SERVER}")], examiner_of(conv)).certain is anchored


def test_flows_are_narrowed_by_the_local_port() -> None:
    around = EXAMINER.around
    peers = {parse_endpoint(SERVER)}
    assert len(rows_of(event_of(remote=SERVER), peers, around)) == 4
    local_port = event_of(remote=SERVER, local_port=50202)
    assert rows_of(local_port, peers, around) == [index_of(TALKS[2], around)]
    # A port that no flow has is another host's, as behind a translator.
    assert len(rows_of(event_of(remote=SERVER, local_port=1), peers, around)) == 4


def test_a_port_alone_finds_the_flows_to_it() -> None:
    assert len(rows_of(event_of(port=8080), set(), EXAMINER.around)) == 4
    assert rows_of(event_of(port=8081), set(), EXAMINER.around) == []


def test_a_server_that_logs_its_clients_finds_them_too() -> None:
    conv = TALKS[1]
    event = event_of(remote=conv.client_name)
    assert rows_of(event, {parse_endpoint(conv.client_name)}, EXAMINER.around) == [index_of(conv, EXAMINER.around)]


def test_a_local_port_alone_finds_its_flow_from_either_end() -> None:
    around = EXAMINER.around
    assert rows_of(event_of(local_port=50202), set(), around) == [index_of(TALKS[2], around)]
    assert len(rows_of(event_of(local_port=8080), set(), around)) == 4
    assert rows_of(event_of(local_port=9), set(), around) == []
