"""Facts of the opening, each with the frames that show it."""

from __future__ import annotations

import pytest

from analyzer.factset import Known
from analyzer.observe.opening import lookup_outcome
from analyzer.symptom import Symptom
from analyzer.units import MS, NS
from tests.conversations import guilty, ordinary
from tests.reading import examiner_of, facts_of, known, unknown
from tests.wire import Conversation, arp, dns

START = Conversation().now


@pytest.mark.parametrize(
    ("conv", "outcome"),
    [
        (ordinary.server_closes_client_closes(), "complete"),
        (guilty.refused(), "reset"),
        (guilty.timed_out(), "unanswered"),
        (guilty.handshake_never_ends(), "unacknowledged"),
        (guilty.abandoned(), "abandoned"),
        (guilty.old_connection_answers(), "foreign-ack"),
    ],
)
def test_the_outcome_points_at_its_packets(conv: Conversation, outcome: str) -> None:
    facts = facts_of(conv)
    fact = facts["opening"]
    assert isinstance(fact, Known)
    assert fact.value == outcome
    assert fact.frames
    assert fact.frames == tuple(sorted(set(fact.frames)))
    assert 1 <= min(fact.frames) <= max(fact.frames) <= len(conv.packets)
    assert fact.statement.endswith(".")


def test_a_capture_that_starts_late_tells_nothing_of_the_opening() -> None:
    conv = Conversation()
    conv.syn(captured=False)
    conv.syn_ack(captured=False)
    conv.exchange()
    facts = facts_of(conv)
    assert "handshake" in unknown(facts, "opening")
    assert unknown(facts, "syn_count")
    assert unknown(facts, "handshake_time")
    assert known(facts, "start_captured") is False


def test_the_syns_are_counted_and_their_schedule_judged() -> None:
    conv = Conversation()
    conv.syn(arrives=False)
    conv.unanswered(1, first="1s")
    later = Conversation(client="10.0.0.6:1", server="10.9.0.9:80", start=START + 60 * NS)
    later.handshake()
    facts = facts_of(conv, later)
    assert known(facts, "syn_count") == 2
    assert known(facts, "syn_span") == NS
    assert known(facts, "syn_schedule_cut_short") is True


def test_a_full_schedule_was_not_cut_short() -> None:
    conv = Conversation()
    conv.syn(arrives=False)
    conv.unanswered(4, first="1s")
    later = Conversation(client="10.0.0.6:1", server="10.9.0.9:80", start=START + 60 * NS)
    later.handshake()
    assert known(facts_of(conv, later), "syn_schedule_cut_short") is False


def test_a_capture_that_ends_with_the_syns_cannot_tell_their_schedule() -> None:
    conv = Conversation()
    conv.syn(arrives=False)
    conv.unanswered(1, first="1s")
    assert unknown(facts_of(conv), "syn_schedule_cut_short")


def test_the_handshake_is_compared_with_later_round_trips() -> None:
    conv = Conversation(rtt_ms=10)
    conv.syn()
    conv.wait("990ms")
    conv.syn_ack()
    conv.segment("client", "A")
    conv.exchange()
    facts = facts_of(conv)
    assert known(facts, "handshake_time") == NS
    assert known(facts, "later_round_trip") == 10 * MS
    assert known(facts, "handshake_slow") is True


def test_a_refusal_that_nothing_can_be_compared_with_is_left_open() -> None:
    assert unknown(facts_of(guilty.refused()), "syn_reset_by_box")


@pytest.mark.parametrize(("ttl", "box"), [(57, False), (64, True)])
def test_a_refusal_is_compared_with_the_servers_other_packets(ttl: int, box: bool) -> None:
    conv = Conversation(client="10.0.0.5:50200", server="10.9.0.7:81")
    conv.syn(arrives=False)
    conv.refuse(ttl=ttl)
    other = Conversation()
    other.handshake()
    other.exchange()
    assert known(facts_of(conv, other), "syn_reset_by_box") is box


@pytest.mark.parametrize(
    ("code", "word"),
    [(0, "net-unreachable"), (1, "host-unreachable"), (3, "port-unreachable"), (13, "admin-prohibited")],
)
def test_an_icmp_error_is_named_and_laid_at_a_door(code: int, word: str) -> None:
    conv = Conversation()
    conv.syn(arrives=False)
    frame = conv.icmp(code, router="10.0.0.1")
    facts = facts_of(conv)
    assert known(facts, "icmp_error") == word
    assert known(facts, "icmp_from_responder") is False
    assert facts["icmp_error"].frames == (frame + 1,)  # type: ignore[union-attr]
    own = Conversation()
    own.syn(arrives=False)
    own.icmp(code, router="10.9.0.7")
    assert known(facts_of(own), "icmp_from_responder") is True


def test_the_last_lookup_before_the_connect_is_the_one() -> None:
    conv = Conversation(start=START + 2 * NS)
    conv.handshake()
    assert unknown(facts_of(conv), "name_lookup") == "no DNS was captured"
    assert known(facts_of(conv, dns("db.example", at=START)), "name_lookup") == "answered"
    failed_later = dns("old.example", at=START) + dns("db.example", rcode=3, at=START + NS, ident=9)
    assert known(facts_of(conv, failed_later), "name_lookup") == "name-error"
    after = dns("db.example", at=START) + dns("x.example", rcode=3, at=START + 5 * NS, ident=9)
    assert known(facts_of(conv, after), "name_lookup") == "answered"
    foreign = dns("db.example", client="10.0.0.77", at=START)
    assert unknown(facts_of(conv, foreign), "name_lookup")


@pytest.mark.parametrize(
    ("code", "has_addresses", "word"),
    [(None, False, "no-answer"), (0, True, "answered"), (0, False, "no-address"), (3, False, "name-error")]
    + [(code, False, "server-failure") for code in (1, 2, 5)],
)
def test_lookups_end_in_words(code: int | None, has_addresses: bool, word: str) -> None:
    assert lookup_outcome(code, has_addresses) == word


def test_a_neighbour_that_does_not_answer_is_seen() -> None:
    conv = Conversation(server="10.0.0.9:80", start=START + NS)
    conv.syn(arrives=False)
    assert known(facts_of(conv, arp("10.0.0.9", at=START)), "neighbour_unanswered") is True
    assert known(facts_of(conv, arp("10.0.0.9", answered=True, at=START)), "neighbour_unanswered") is False
    assert known(facts_of(conv), "neighbour_unanswered") is False


def test_siblings_of_a_race_are_other_addresses_on_the_same_port() -> None:
    conv = Conversation(client="10.0.0.5:50001", server="10.9.0.7:443")
    conv.syn(arrives=False)
    other = Conversation(client="10.0.0.5:50002", server="10.9.0.8:443", start=START + NS // 4)
    other.handshake()
    unrelated = Conversation(client="10.0.0.5:50003", server="10.9.0.8:80", start=START + NS // 4)
    unrelated.handshake()
    late = Conversation(client="10.0.0.5:50004", server="10.9.0.8:443", start=START + 10 * NS)
    late.handshake()
    facts = facts_of(conv, other, unrelated, late)
    assert known(facts, "sibling_attempts") == 1
    assert known(facts, "sibling_connected") is True
    alone = facts_of(conv, unrelated, late)
    assert known(alone, "sibling_attempts") == 0
    assert unknown(alone, "sibling_connected")


def test_a_sibling_of_the_other_family_counts() -> None:
    conv = Conversation(client="[2001:db8::5]:50001", server="[2001:db8::7]:443")
    conv.syn(arrives=False)
    other = Conversation(client="10.0.0.5:50002", server="10.9.0.7:443", start=START + NS // 4)
    other.handshake()
    facts = facts_of(conv, other)
    assert known(facts, "sibling_attempts") == 1
    assert known(facts, "sibling_family_differs") is True


def test_what_else_reached_the_port_is_counted() -> None:
    conv = Conversation(client="10.0.0.5:50001")
    conv.syn(arrives=False)
    others = []
    for port in (50002, 50003):
        other = Conversation(client=f"10.0.0.6:{port}", start=START + 100 * MS)
        other.handshake()
        others.append(other)
    facts = facts_of(conv, *others)
    assert known(facts, "responder_accepted_others") == 2
    assert known(facts, "attempts_together") == 3


def test_ports_used_before_are_told() -> None:
    first = Conversation()
    first.handshake()
    first.close()
    again = Conversation(start=first.now + 5 * NS, client_isn=0x1000, server_isn=0x2000)
    again.syn(arrives=False)
    examiner = examiner_of(first, again)
    told = [
        known(examiner.examine(Symptom("capture", None, 0, flow_index=index)).facts, "ports_reused") for index in (0, 1)
    ]
    assert told == [False, True]


def test_the_first_use_of_a_connection_is_timed() -> None:
    conv = Conversation()
    conv.handshake()
    conv.client("at last", after="40s")
    facts = facts_of(conv)
    assert known(facts, "first_use_delay") == 40 * NS
    greeted = Conversation()
    greeted.handshake()
    greeted.server("220 ready\r\n")
    greeted.client("USER x\r\n", after="40s")
    # Where the server speaks first, the client is due after its greeting.
    assert 40 * NS <= known(facts_of(greeted), "first_use_delay") < 41 * NS


def test_repeated_syn_acks_and_strays_are_counted() -> None:
    conv = Conversation()
    conv.syn()
    conv.syn_ack()
    conv.segment("client", "A")
    conv.retransmit("server", after="1s")
    facts = facts_of(conv)
    assert known(facts, "syn_acks_repeated") == 1
    assert known(facts, "foreign_ack_seen") is False
    assert known(facts_of(guilty.old_connection_answers()), "foreign_ack_seen") is True


def test_a_server_that_answers_does_not_speak_first() -> None:
    conv = Conversation()
    conv.handshake()
    conv.client("at last", after="40s")
    conv.server("well?")
    assert known(facts_of(conv), "first_use_delay") == 40 * NS
