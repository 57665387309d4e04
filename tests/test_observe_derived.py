"""Observations that several rules share."""

from __future__ import annotations

import pytest

from analyzer.endpoint import parse_endpoint
from analyzer.factset import FactSet, Known
from analyzer.incidents.tie import from_capture
from analyzer.logs.model import LogEvent, SocketRow
from analyzer.observe import observe
from analyzer.symptom import Symptom
from analyzer.units import MS, NS
from tests.conversations import guilty, ordinary
from tests.reading import Part, event_of, examiner_of, facts_of, known, surroundings_of, unknown
from tests.wire import Conversation, arp, dns

START = Conversation().now


def _alone(event: LogEvent, *parts: Part, names: tuple[str, ...] = ()) -> FactSet:
    """The facts of a log line that no flow answers."""
    symptom = Symptom("log", event.time_ns, MS, event=event, host_names=names)
    return observe(symptom, None, surroundings_of(*parts))


# -- without a flow ----------------------------------------------------------------------------------------------


def test_the_peers_port_is_seen_or_not() -> None:
    conv = ordinary.server_closes_client_closes()
    for port, seen in ((8080, True), (8081, False)):
        event = event_of(at=START, remote=f"10.9.0.7:{port}")
        assert known(_alone(event, conv), "port_seen") is seen
    assert unknown(_alone(event_of(at=START), conv), "port_seen") == "the log names no port"


@pytest.mark.parametrize(("rcode", "word"), [(3, "name-error"), (2, "server-failure"), (None, "no-answer")])
def test_a_name_that_did_not_resolve_is_found_by_the_logs_name(rcode: int | None, word: str) -> None:
    event = event_of(at=START + 2 * NS, host="db.example", port=5432)
    facts = _alone(event, dns("db.example", rcode=rcode), names=("db.example",))
    fact = facts["name_failed"]
    assert isinstance(fact, Known)
    assert fact.value is True
    assert fact.frames
    assert fact.statement.startswith("The name db.example could not be resolved: ")
    assert known(facts, "name_lookup") == word


def test_a_name_that_resolved_did_not_fail() -> None:
    event = event_of(at=START + 2 * NS, host="db.example", port=5432)
    assert known(_alone(event, dns("db.example"), names=("db.example",)), "name_failed") is False


def test_a_lookup_after_the_error_explains_nothing() -> None:
    event = event_of(at=START, host="db.example", port=5432)
    facts = _alone(event, dns("db.example", rcode=3, at=START + 60 * NS), names=("db.example",))
    assert known(facts, "name_failed") is False


def test_without_dns_nobody_knows() -> None:
    event = event_of(at=START, host="db.example", port=5432)
    facts = _alone(event, ordinary.server_closes_client_closes(), names=("db.example",))
    assert unknown(facts, "name_failed") == "no DNS was captured"


def test_a_log_without_a_name_takes_the_failed_lookup_just_before() -> None:
    lookups = dns("db.example", rcode=3, at=START)
    assert known(_alone(event_of(at=START + 5 * NS), lookups), "name_failed") is True
    assert known(_alone(event_of(at=START + 300 * NS), lookups), "name_failed") is False
    named = event_of(at=START + 5 * NS, remote="10.9.0.7:80")
    assert known(_alone(named, lookups), "name_failed") is False


def test_a_name_that_another_server_knew_did_not_fail() -> None:
    lookups = dns("db.example", rcode=3, at=START) + dns("db.example", at=START + NS, ident=7)
    assert known(_alone(event_of(at=START + 5 * NS), lookups), "name_failed") is False


def test_a_next_hop_that_never_answers_is_found() -> None:
    event = event_of(at=START + 3 * NS, remote="10.0.0.77:80")
    asked = arp("10.0.0.77")
    assert known(_alone(event, asked), "peer_neighbour_unanswered") is True
    assert known(_alone(event, arp("10.0.0.77", answered=True)), "peer_neighbour_unanswered") is False
    assert unknown(_alone(event, ordinary.server_closes_client_closes()), "peer_neighbour_unanswered")


def test_a_router_that_seeks_the_last_hop_is_no_client_without_a_next_one() -> None:
    conv = ordinary.server_closes_client_closes()
    event = event_of(at=START + 3 * NS, remote="10.9.0.77:80")
    own = arp("10.9.0.77", asker="10.0.0.5", at=START + NS)
    routers = arp("10.9.0.77", asker="10.9.0.1", at=START + NS)
    assert known(_alone(event, conv, own), "peer_neighbour_unanswered") is True
    assert known(_alone(event, conv, routers), "peer_neighbour_unanswered") is False


def test_a_client_that_left_is_no_missing_next_hop() -> None:
    conv = ordinary.server_closes_client_closes()
    asked = arp("10.0.0.5", asker="10.0.0.1", at=conv.now + NS)
    facts = _alone(event_of(at=conv.now + 3 * NS), conv, asked)
    assert known(facts, "peer_neighbour_unanswered") is False


# -- the log and the packets -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conv", "code", "agrees"),
    [
        (guilty.refused(), 10061, True),
        (guilty.refused(), 10054, False),
        (guilty.timed_out(), 10060, True),
        (guilty.server_reset(), 10054, True),
        (guilty.server_reset(), 10061, False),
        (guilty.server_idle_timeout(), 10053, True),
        (guilty.path_lost(), 10060, True),
        (guilty.client_closed_locally(), 10038, True),
        (ordinary.long_idle_survives(), 10061, False),
    ],
)
def test_the_first_error_is_what_the_end_produces_or_not(conv: Conversation, code: int, agrees: bool) -> None:
    error = event_of(at=conv.now + NS)
    earlier = event_of(at=conv.now, kind="prior", code=code)
    symptom = Symptom("log", error.time_ns, MS, True, error, (earlier,), 0, 1)
    assert known(facts_of(conv, symptom=symptom), "log_agrees") is agrees


def test_without_a_first_error_there_is_nothing_to_agree_with() -> None:
    assert unknown(facts_of(guilty.refused()), "log_agrees")


def test_an_error_during_the_handshake_is_near_it() -> None:
    conv = Conversation(rtt_ms=400)
    conv.handshake()
    conv.exchange()
    for after, near in ((200 * MS, True), (5 * NS, False)):
        event = event_of(at=START + after)
        symptom = Symptom("log", event.time_ns, 2 * MS, True, event, (), 0, 1)
        assert known(facts_of(conv, symptom=symptom), "error_near_handshake") is near
    assert unknown(facts_of(conv), "error_near_handshake")


def test_the_socket_table_tells_state_and_process() -> None:
    conv = ordinary.long_idle_survives()
    ends = parse_endpoint(conv.client_name), parse_endpoint(conv.server_name)
    for local, remote in (ends, ends[::-1]):
        row = SocketRow(local, remote, "CLOSE_WAIT", 4711, "batch.exe")
        facts = facts_of(conv, sockets=(row,))
        assert known(facts, "socket_state") == "CLOSE_WAIT"
        assert known(facts, "socket_process") == "batch.exe (4711)"
    other = SocketRow(parse_endpoint("10.0.0.5:1"), ends[1], "ESTABLISHED", None, None)
    assert unknown(facts_of(conv, sockets=(other,)), "socket_state")


# -- opening and use ---------------------------------------------------------------------------------------------


def test_accepted_and_thrown_out() -> None:
    assert known(facts_of(guilty.accepted_then_reset()), "accepted_then_reset") is True


def test_a_server_that_talked_first_did_not_just_throw_out() -> None:
    conv = Conversation()
    conv.handshake()
    conv.server("220 ready\r\n")
    conv.server_rst()
    assert known(facts_of(conv), "accepted_then_reset") is False


@pytest.mark.parametrize(("after", "soon"), [("500ms", True), ("30s", False)])
def test_a_reset_long_after_the_first_request_is_another_matter(after: str, soon: bool) -> None:
    conv = Conversation()
    conv.handshake()
    conv.client("hello")
    conv.server_rst(after=after)
    assert known(facts_of(conv), "accepted_then_reset") is soon


@pytest.mark.parametrize(("kib", "thrown_out"), [(30, True), (100, False)])
def test_a_server_that_read_an_upload_did_not_just_throw_out(kib: int, thrown_out: bool) -> None:
    conv = Conversation(rtt_ms=0.1)
    conv.handshake()
    for _ in range(kib):
        conv.client(b"u" * 1024, after="1us")
    conv.server_rst()
    assert known(facts_of(conv), "accepted_then_reset") is thrown_out


def test_who_closed_first_is_told() -> None:
    assert known(facts_of(guilty.client_closed_locally()), "initiator_gave_up_first") is True
    assert known(facts_of(guilty.server_idle_timeout()), "initiator_gave_up_first") is False


def test_many_ports_tried_and_none_used_is_a_scan() -> None:
    tried = []
    for number in range(12):
        one = Conversation(client=f"10.0.0.5:{50000 + number}", server=f"10.9.0.7:{80 + number}")
        one.syn(arrives=False)
        one.refuse()
        tried.append(one)
    assert known(facts_of(tried[0], *tried[1:]), "scan_like") is True
    assert known(facts_of(tried[0], *tried[1:5]), "scan_like") is False


def test_many_servers_that_are_used_are_no_scan() -> None:
    used = []
    for number in range(12):
        one = Conversation(client=f"10.0.0.5:{50000 + number}", server=f"10.9.0.7:{80 + number}")
        one.handshake()
        one.exchange()
        used.append(one)
    assert known(facts_of(used[0], *used[1:]), "scan_like") is False


def test_large_answers_that_never_came_are_seen_by_the_small_ones_that_did() -> None:
    conv = Conversation()
    conv.handshake()
    conv.client("give me much")
    heard = conv._sides["client"].acked
    conv.segment("server", "A", "x" * 1400, arrives=False)
    conv.segment("server", "PA", "tail")
    conv.segment("client", "A", ack=heard)
    assert known(facts_of(conv), "missing_large_answer") is True
    assert known(facts_of(ordinary.server_closes_client_closes()), "missing_large_answer") is False


def test_full_segments_that_come_are_no_narrow_path() -> None:
    conv = Conversation()
    conv.handshake()
    conv.client("give me much")
    for _ in range(3):
        conv.server("x" * 1200)
    heard = conv._sides["client"].acked
    conv.segment("server", "A", "x" * 1200, arrives=False, captured=False)
    conv.segment("server", "PA", "tail")
    conv.segment("client", "A", ack=heard)
    assert known(facts_of(conv), "missing_large_answer") is False


def test_a_socket_table_may_know_the_process_by_name_only() -> None:
    conv = ordinary.long_idle_survives()
    ends = parse_endpoint(conv.client_name), parse_endpoint(conv.server_name)
    facts = facts_of(conv, sockets=(SocketRow(*ends, "ESTABLISHED", None, "batch.exe"),))
    assert known(facts, "socket_process") == "batch.exe"
    nameless = facts_of(conv, sockets=(SocketRow(*ends, "ESTABLISHED", 4711, None),))
    assert known(nameless, "socket_process") == "process (4711)"


def test_only_a_sibling_that_connected_elsewhere_tells_of_a_race() -> None:
    conv = Conversation(client="10.0.0.5:50001", server="10.9.0.7:443")
    conv.syn(arrives=False)
    same_family = Conversation(client="10.0.0.5:50002", server="10.9.0.8:443", start=START + NS // 4)
    same_family.handshake()
    assert known(facts_of(conv, same_family), "sibling_family_differs") is False
    failed = Conversation(client="[2001:db8::5]:50003", server="[2001:db8::7]:443", start=START + NS // 4)
    failed.syn(arrives=False)
    assert unknown(facts_of(conv, failed), "sibling_family_differs")
    again = Conversation(client="10.0.0.5:50004", server="10.9.0.7:443", start=START + NS // 4)
    again.handshake()
    assert unknown(facts_of(conv, again), "sibling_family_differs")


@pytest.mark.parametrize(("end", "fell_back"), [("refused", True), ("one SYN", True), ("waited", False)])
def test_falling_back_to_the_other_family_is_no_incident_by_itself(end: str, fell_back: bool) -> None:
    first = Conversation(client="[2001:db8::5]:50003", server="[2001:db8::7]:443")
    first.syn(arrives=end == "refused")
    if end == "refused":
        first.refuse()
    elif end == "waited":
        first.retransmit("client", after="1s")
    then = Conversation(client="10.0.0.5:50002", server="10.9.0.7:443", start=START + NS // 4)
    then.handshake()
    then.wait("30s")
    then.exchange()
    assert known(facts_of(first, then), "fell_back") is fell_back
    found, _, _ = from_capture(examiner_of(first, then))
    assert [incident.diagnosis.cause for incident in found] == ([] if fell_back else ["address-race-lost"])


@pytest.mark.parametrize(("port", "raced"), [(443, True), (444, False)])
def test_one_of_two_to_the_same_endpoint_may_be_cancelled(port: int, raced: bool) -> None:
    first = Conversation(client="10.0.0.5:50001", server="10.9.0.7:443", rtt_ms=400)
    first.syn()
    first.syn_ack()
    first.client_rst(with_ack=False)
    twin = Conversation(client="10.0.0.5:50002", server=f"10.9.0.7:{port}", start=START + NS // 10)
    twin.handshake()
    twin.exchange()
    assert known(facts_of(first, twin), "fell_back") is raced
    found, _, _ = from_capture(examiner_of(first, twin))
    assert [incident.diagnosis.cause for incident in found] == ([] if raced else ["connect-abandoned"])
