"""How far a capture can answer at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analyzer.around.surroundings import Surroundings
from analyzer.capture.model import Interface
from analyzer.factset import FactSet, Known
from analyzer.incidents.diagnose import Examiner
from analyzer.observe import observe
from analyzer.observe.quality import peer_addresses
from analyzer.symptom import Symptom
from analyzer.units import MS, NS
from tests.conversations import ordinary
from tests.reading import event_of, facts_of, known, rules, surroundings_of, unknown
from tests.wire import Conversation, dns

START = Conversation().now


def _alone(symptom: Symptom, *parts: object) -> FactSet:
    """The facts of a symptom that is tied to no flow."""
    return observe(symptom, None, surroundings_of(*parts))  # type: ignore[arg-type]


def test_a_whole_conversation_is_whole() -> None:
    facts = facts_of(ordinary.server_closes_client_closes())
    assert known(facts, "both_directions") is True
    assert known(facts, "start_captured") is True
    assert known(facts, "capture_lost_packets") is False
    assert known(facts, "loopback") is False


def test_bytes_that_were_acknowledged_and_not_captured_are_the_captures_loss() -> None:
    conv = Conversation()
    conv.handshake()
    conv.client("x" * 500, captured=False)
    conv.client("y" * 100)
    fact = facts_of(conv)["capture_lost_packets"]
    assert isinstance(fact, Known)
    assert fact.value is True
    assert "500 bytes" in fact.statement


def test_bytes_that_nobody_acknowledged_are_not() -> None:
    conv = Conversation()
    conv.handshake()
    conv.exchange()
    conv.client("x" * 500, captured=False, arrives=False, acked=False)
    conv.client("y" * 100, arrives=False, acked=False)
    conv.unanswered(3)
    assert known(facts_of(conv), "capture_lost_packets") is False


def test_the_end_is_captured_when_the_capture_goes_on() -> None:
    conv = ordinary.server_closes_client_closes()
    assert known(facts_of(conv), "end_captured") is False
    later = Conversation(client="10.0.0.6:1", start=conv.now + 10 * NS)
    later.handshake()
    assert known(facts_of(conv, later), "end_captured") is True


def test_a_start_that_was_missed_is_told() -> None:
    conv = Conversation()
    conv.syn(captured=False)
    conv.syn_ack(captured=False)
    conv.exchange()
    assert known(facts_of(conv), "start_captured") is False


def test_the_vantage_is_told_where_times_allow_it() -> None:
    conv = Conversation(rtt_ms=40)
    conv.handshake()
    conv.exchange()
    assert known(facts_of(conv), "vantage") == "initiator"
    near = Conversation(rtt_ms=0.1, server_ttl=64)
    near.handshake()
    assert unknown(facts_of(near), "vantage") == "neither round trips nor hop counts tell"


@pytest.mark.parametrize(("client", "server", "end"), [(128, 57, "initiator"), (121, 64, "responder")])
def test_hop_counts_tell_the_vantage_of_a_handshake_that_never_finished(client: int, server: int, end: str) -> None:
    conv = Conversation(client_ttl=client, server_ttl=server)
    conv.syn()
    conv.syn_ack()
    conv.wait("1s")
    conv.syn_ack()
    assert known(facts_of(conv), "vantage") == end


def test_one_host_talking_to_itself_is_loopback() -> None:
    conv = Conversation(client="127.0.0.1:50000", server="127.0.0.1:8080")
    conv.handshake()
    assert known(facts_of(conv), "loopback") is True


def test_a_peer_is_seen_by_any_of_its_packets() -> None:
    conv = Conversation()
    conv.handshake()
    for remote, seen in (("10.9.0.7:9", True), ("10.9.0.8:8080", False)):
        symptom = Symptom("log", START, MS, event=event_of(at=START, remote=remote))
        assert known(_alone(symptom, conv), "endpoint_seen") is seen


def test_an_icmp_error_that_names_the_peer_shows_it_too() -> None:
    conv = Conversation(server="10.9.0.77:80")
    conv.syn(arrives=False)
    conv.icmp(1)
    only_icmp = [packet for packet in conv.packets if packet[1][23] == 1]
    symptom = Symptom("log", START, MS, event=event_of(at=START, remote="10.9.0.77:80"))
    assert known(_alone(symptom, only_icmp), "endpoint_seen") is True


def test_a_log_that_names_no_peer_leaves_it_open() -> None:
    symptom = Symptom("log", START, MS, event=event_of(at=START))
    assert unknown(_alone(symptom, ordinary.server_closes_client_closes()), "endpoint_seen") == "the log names no peer"


def test_the_client_host_is_seen_by_what_happened_near_the_error() -> None:
    conv = ordinary.server_closes_client_closes()
    for at, near in ((START + NS, True), (START - 3600 * NS, False)):
        symptom = Symptom("log", at, MS, event=event_of(at=at))
        assert known(_alone(symptom, conv), "client_host_seen") is near


def test_names_are_resolved_with_the_captures_own_lookups() -> None:
    around = surroundings_of(dns("db.example", answer="10.9.0.7"))
    symptom = Symptom("log", START, MS, event=event_of(at=START), host_names=("db.example", "192.0.2.9", "other"))
    assert peer_addresses(symptom, around) == {bytes([10, 9, 0, 7]), bytes([192, 0, 2, 9])}


def test_facts_of_a_flow_are_left_out_without_one() -> None:
    symptom = Symptom("log", START, MS, event=event_of(at=START, remote="10.9.0.7:8080"))
    facts = _alone(symptom, ordinary.server_closes_client_closes())
    assert known(facts, "flow_found") is False
    for name in ("start_captured", "opening", "ended_by"):
        assert unknown(facts, name)


def test_drops_that_the_file_counts_are_the_captures_loss() -> None:
    around = surroundings_of(ordinary.server_closes_client_closes())
    interface = Interface("eth0", "", 1, 262144, 100, 7, "", "")
    health = replace(around.capture.info.health, interfaces=(interface,))
    capture = replace(around.capture, info=replace(around.capture.info, health=health))
    examiner = Examiner(Surroundings(capture), rules())
    fact = examiner.examine(Symptom("capture", None, 0, flow_index=0, candidates=1)).facts["capture_lost_packets"]
    assert isinstance(fact, Known)
    assert fact.value is True
    assert "dropped 7 packets" in fact.statement
