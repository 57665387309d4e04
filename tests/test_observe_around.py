"""What other flows and hosts did at the same time."""

from __future__ import annotations

import pytest

from analyzer.factset import FactSet, Known
from analyzer.symptom import Symptom
from analyzer.units import MS, NS
from tests.conversations import guilty, ordinary
from tests.reading import event_of, facts_of, known, unknown
from tests.wire import Conversation

START = Conversation().now


def _lost(port: int = 50123, server: str = "10.9.0.7:8080", start: int = START) -> Conversation:
    """Active, and from 10 s on nothing comes back."""
    conv = Conversation(client=f"10.0.0.5:{port}", server=server, start=start)
    conv.handshake()
    conv.exchange()
    conv.now = START + 10 * NS
    conv.client("anyone?", acked=False, arrives=False)
    conv.unanswered(5)
    return conv


def _at(conv: Conversation, time: int, *beside: Conversation, slack: int = 2 * MS) -> FactSet:
    return facts_of(conv, *beside, symptom=Symptom("log", time, slack, True, event_of(at=time), (), 0, 1))


# -- the same server and client ----------------------------------------------------------------------------------


def test_a_server_that_answers_others_is_alive() -> None:
    conv = _lost()
    other = Conversation(client="10.0.0.6:50200")
    other.handshake()
    for _ in range(6):
        other.exchange()
        other.wait("4s")
    fact = facts_of(conv, other)["responder_alive_elsewhere"]
    assert isinstance(fact, Known)
    assert fact.value is True
    assert fact.frames


def test_a_server_that_answers_nobody_is_not() -> None:
    assert known(facts_of(_lost(), _lost(50200)), "responder_alive_elsewhere") is False


def test_without_another_connection_nobody_knows() -> None:
    assert unknown(facts_of(_lost()), "responder_alive_elsewhere") == "no other connection to that server was captured"
    ended_before = Conversation(client="10.0.0.6:50200")
    ended_before.handshake()
    ended_before.close()
    assert unknown(facts_of(_lost(), ended_before), "responder_alive_elsewhere")


def test_flows_that_stopped_together_are_counted_with_their_servers() -> None:
    others = [_lost(50200 + number, f"10.9.0.{8 + number}:443") for number in range(3)]
    facts = facts_of(_lost(), *others)
    assert known(facts, "flows_stopped_together") == 4
    assert known(facts, "peers_stopped_together") == 4


def test_a_connection_that_ended_by_itself_asks_for_no_company() -> None:
    facts = facts_of(guilty.server_reset())
    assert unknown(facts, "flows_stopped_together")
    assert known(facts, "initiator_address_changed") is False


# -- restarts ----------------------------------------------------------------------------------------------------


def test_a_bare_reset_to_data_is_lost_state() -> None:
    conv = guilty.server_restarted()
    facts = facts_of(conv)
    assert known(facts, "responder_lost_state") is True
    assert known(facts, "responder_restart_seen") is False


def test_a_refused_connection_at_the_same_time_tells_of_a_restart() -> None:
    conv = guilty.server_restarted()
    refused = Conversation(client="10.0.0.5:50999", server=conv.server_name, start=conv.now + 100 * MS)
    refused.syn(arrives=False)
    refused.refuse()
    fact = facts_of(conv, refused)["responder_restart_seen"]
    assert isinstance(fact, Known)
    assert fact.value is True
    assert "refused a new connection" in fact.statement


def test_a_silence_before_the_bare_reset_tells_of_a_restart() -> None:
    conv = Conversation()
    conv.handshake()
    conv.exchange()
    conv.client("anyone?", acked=False, arrives=False)
    conv.unanswered(4)
    conv.retransmit("client", after="10s")
    conv.server_rst(with_ack=False)
    fact = facts_of(conv)["responder_restart_seen"]
    assert isinstance(fact, Known)
    assert fact.value is True
    assert "answered nothing for a while" in fact.statement


@pytest.mark.parametrize("make", [guilty.server_reset, guilty.server_closed_then_client_sent, guilty.middlebox_reset])
def test_a_host_that_knew_the_connection_lost_no_state(make: object) -> None:
    assert callable(make)
    facts = facts_of(make())
    assert known(facts, "responder_lost_state") is False
    assert known(facts, "responder_restart_seen") is False


# -- at the error ------------------------------------------------------------------------------------------------


def test_a_healthy_connection_at_the_error() -> None:
    conv = Conversation()
    conv.handshake()
    for _ in range(5):
        conv.exchange()
        conv.wait("2s")
    facts = _at(conv, START + 5 * NS)
    assert known(facts, "healthy_at_error") is True
    assert known(facts, "worked_after_error") is True
    assert known(facts, "error_after_capture") is False


def test_an_ended_connection_was_not_healthy() -> None:
    facts = _at(guilty.server_idle_timeout(), guilty.server_idle_timeout().now)
    assert known(facts, "healthy_at_error") is False


def test_a_connection_that_was_not_made_yet_was_not_healthy() -> None:
    conv = ordinary.server_closes_client_closes()
    assert known(_at(conv, START - NS), "healthy_at_error") is False


def test_beyond_the_capture_health_is_unknown_and_death_is_not() -> None:
    conv = Conversation()
    conv.handshake()
    conv.exchange()
    later = conv.now + 600 * NS
    facts = _at(conv, later)
    assert known(facts, "error_after_capture") is True
    assert unknown(facts, "healthy_at_error") == "the capture ends before the error"
    closed = ordinary.server_closes_client_closes()
    assert known(_at(closed, closed.now + 600 * NS), "healthy_at_error") is False


def test_without_a_time_health_is_unknown() -> None:
    facts = facts_of(guilty.server_reset())
    assert (
        unknown(facts, "healthy_at_error")
        == unknown(facts, "worked_after_error")
        == "the time of the error is not known"
    )


# -- counts ------------------------------------------------------------------------------------------------------


def test_attempts_and_ports_are_counted() -> None:
    attempts = []
    for number in range(12):
        one = Conversation(client=f"10.0.0.5:{50200 + number}", start=START - number * NS)
        one.syn(arrives=False)
        one.refuse()
        attempts.append(one)
    facts = facts_of(attempts[0], *attempts[1:])
    assert known(facts, "attempts_per_minute") == 12
    assert known(facts, "local_ports_in_use") == 12


def test_a_new_address_of_the_client_is_seen_by_its_new_attempts() -> None:
    conv = _lost()
    moved = Conversation(client="192.168.7.20:40000", start=conv.now + 2 * NS)
    moved.handshake()
    assert known(facts_of(conv, moved), "initiator_address_changed") is True
    stranger = Conversation(client="192.168.7.20:40000", client_mac="02:00:00:00:00:77", start=conv.now + 2 * NS)
    stranger.handshake()
    assert known(facts_of(conv, stranger), "initiator_address_changed") is False


def test_a_connection_still_open_moved_with_its_host_about_the_time_of_the_error() -> None:
    conv = Conversation()
    conv.handshake()
    conv.exchange()
    moved = Conversation(client="192.168.7.20:40000", start=conv.now + 25 * NS)
    moved.handshake()
    assert known(_at(conv, moved.now + NS, moved), "initiator_address_changed") is True
    assert known(_at(conv, moved.now - 5 * NS, moved), "initiator_address_changed") is True
    assert known(_at(conv, conv.now + NS, moved), "initiator_address_changed") is False
    assert known(facts_of(conv, moved), "initiator_address_changed") is False


def test_the_other_side_of_an_address_is_no_single_captures_matter() -> None:
    assert unknown(facts_of(guilty.server_reset()), "same_payload_other_port")
