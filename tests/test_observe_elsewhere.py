"""What a capture at the other end makes sure of."""

from __future__ import annotations

import pytest

from analyzer.around.surroundings import Surroundings
from analyzer.factset import FactSet, Known
from analyzer.incidents.diagnose import Examiner
from analyzer.symptom import Symptom
from tests.reading import Part, known, rules, surroundings_of, unknown
from tests.wire import Conversation

START = Conversation().now
SEEN_THERE = {"client_ttl": 125, "server_ttl": 60}


def _there(client: str = "10.0.0.5:50123") -> Conversation:
    return Conversation(client=client, client_ttl=125, server_ttl=60)


def _others() -> Conversation:
    """Another connection to the server long enough that the capture at the server covers all of it."""
    conv = Conversation(client="10.0.0.6:40000", client_ttl=125, server_ttl=60, client_isn=99)
    conv.handshake()
    conv.exchange()
    conv.wait("300s")
    conv.exchange()
    conv.close()
    return conv


def _others_here() -> Conversation:
    conv = Conversation(client="10.0.0.6:40000", client_isn=99)
    conv.handshake()
    conv.exchange()
    conv.wait("300s")
    conv.exchange()
    conv.close()
    return conv


def _both(here: Part, *there: Part) -> tuple[Surroundings, Surroundings]:
    first, second = surroundings_of(here, _others_here()), surroundings_of(*there, _others())
    first.others, second.others = (second,), (first,)
    return first, second


def _told(around: Surroundings) -> tuple[FactSet, str]:
    """The facts of the first flow, and its cause."""
    examiner = Examiner(around, rules())
    examination = examiner.examine(Symptom("capture", None, 0, flow_index=0, candidates=1))
    return examination.facts, examiner.diagnose(examination).cause


@pytest.mark.parametrize("sent", [True, False])
def test_a_reset_that_its_alleged_sender_lacks_was_made_on_the_way(sent: bool) -> None:
    here, there = Conversation(), _there()
    for conv in (here, there):
        conv.handshake()
        conv.exchange()
        conv.client("more")
    here.server_rst()
    if sent:
        there.server_rst()
    facts, cause = _told(_both(here, there)[0])
    fact = facts["reset_not_sent_by_peer"]
    assert isinstance(fact, Known)
    assert fact.value is not sent
    assert "capture.pcap" in fact.statement
    assert known(facts, "reset_sender") == ("peer" if sent else "box")
    assert cause == ("server-reset" if sent else "middlebox-reset")


def test_a_capture_that_ended_before_lacks_nothing() -> None:
    here, there = Conversation(), _there()
    for conv in (here, there):
        conv.handshake()
        conv.exchange()
    here.server_rst(after="60s")
    first, second = surroundings_of(here), surroundings_of(there)
    first.others, second.others = (second,), (first,)
    assert unknown(_told(first)[0], "reset_not_sent_by_peer")


@pytest.mark.parametrize(
    ("at_server", "fate", "cause"),
    [
        ("nothing", "unseen", "connection-timed-out"),
        ("syn", "arrived", "accept-queue-full"),
        ("answer", "answered", "handshake-not-completed"),
    ],
)
def test_where_an_unanswered_syn_got_lost(at_server: str, fate: str, cause: str) -> None:
    here, there = Conversation(), _there()
    here.syn(arrives=False)
    here.unanswered(3, first="1s")
    there.syn()
    if at_server == "answer":
        there.syn_ack()
    facts, told = _told(_both(here, *(() if at_server == "nothing" else (there,)))[0])
    assert known(facts, "syn_at_peer") == fate
    assert told == cause


@pytest.mark.parametrize("fate", ["lost-going", "lost-returning", "ignored"])
def test_where_unacknowledged_data_got_lost(fate: str) -> None:
    here, there = Conversation(), _there()
    for conv in (here, there):
        conv.handshake()
        conv.exchange()
        conv.wait("40s")
    here.client("anyone?", acked=False, arrives=False)
    here.unanswered(4)
    if fate != "lost-going":
        there.client("anyone?", acked=fate == "lost-returning")
    assert known(_told(_both(here, there)[0])[0], "data_at_peer") == fate


def test_probes_of_the_server_that_never_arrived() -> None:
    here, there = Conversation(), _there()
    for conv in (here, there):
        conv.handshake()
        conv.exchange()
    for _ in range(5):
        there.keepalive("server", answered=False, after="10s")
    there.server_rst(after="10s")
    here.wait("70s")
    here.client("still there?", acked=False)
    here.server_rst(with_ack=False)
    facts, cause = _told(_both(here, there)[0])
    assert known(facts, "peer_probes_unanswered") == 5
    assert cause == "keepalive-unanswered"


def test_data_that_arrives_from_another_port_was_translated_anew() -> None:
    here, there = Conversation(), _there("203.0.113.9:4411")
    for conv in (here, there):
        conv.handshake()
        conv.exchange()
        conv.wait("60s")
    moved = Conversation(client="203.0.113.9:5522", client_ttl=125, server_ttl=60, start=there.now)
    asked = here.segment("client", "PA", "again")
    number = int.from_bytes(here.packets[asked][1][38:42], "big")
    moved.segment("client", "PA", "again", seq=number)
    moved.server_rst(with_ack=False)
    here.server_rst(with_ack=False)
    facts, cause = _told(_both(here, there, moved)[0])
    assert known(facts, "same_payload_other_port") is True
    assert cause == "nat-mapping-changed"
