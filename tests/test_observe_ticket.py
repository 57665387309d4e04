"""What the log tells, and what the connection had come to when the error was recorded."""

from __future__ import annotations

import pytest

from analyzer.factset import FactSet, Known
from analyzer.logs.model import Action, LogEvent
from analyzer.symptom import Symptom
from analyzer.units import MS, NS
from tests.conversations import guilty, ordinary
from tests.reading import event_of, facts_of, known, unknown
from tests.wire import Conversation

START = Conversation().now
MICROSOFT = (
    "A request to send or receive data was disallowed because the socket is not connected and (when sending on "
    "a datagram socket using a sendto call) no address was supplied"
)


def ticket(
    conv: Conversation, event: LogEvent, *context: LogEvent, slack: int = 2 * MS, candidates: int = 1
) -> FactSet:
    symptom = Symptom("log", event.time_ns, slack, True, event, context, 0, candidates)
    return facts_of(conv, symptom=symptom)


def _talk() -> Conversation:
    conv = Conversation(rtt_ms=200)
    conv.handshake()
    conv.exchange()
    conv.wait("10s")
    conv.fin("server")
    conv.client("late", acked=False, after="10s")
    conv.server_rst(with_ack=False)
    return conv


# -- the line ----------------------------------------------------------------------------------------------------


def test_what_the_line_says_is_taken_over() -> None:
    facts = ticket(_talk(), event_of(at=START, call="shutdown", remote="10.9.0.7:8080"), candidates=3)
    assert known(facts, "source") == "log"
    assert known(facts, "log_call") == "shutdown"
    assert known(facts, "log_code") == 10057
    assert known(facts, "log_names_endpoint") is True
    assert known(facts, "candidate_flows") == 3


@pytest.mark.parametrize(
    ("action", "port", "listener"), [("accepted", 8080, True), ("accepted", 9090, False), ("connected", 8080, False)]
)
def test_a_program_that_names_where_it_accepts_used_its_listening_socket(
    action: Action, port: int, listener: bool
) -> None:
    said = event_of("client accepted", at=START, kind="lifecycle", code=None, action=action, local_port=port)
    facts = ticket(_talk(), event_of(at=START + NS, remote="10.9.0.7:8080"), said)
    assert known(facts, "log_names_own_listener") is listener


def test_what_the_line_does_not_say_is_unknown_with_a_remedy() -> None:
    facts = ticket(_talk(), event_of(at=START, call=None, code=None))
    assert unknown(facts, "log_call") == "the log names no call"
    assert unknown(facts, "log_code") == "the log names no code"
    assert known(facts, "log_names_endpoint") is False
    assert getattr(facts["log_call"], "settle_by", "")


def test_a_call_that_rules_do_not_know_is_other() -> None:
    assert known(ticket(_talk(), event_of(at=START, call="transmitfile")), "log_call") == "other"


def test_without_a_log_nothing_is_said_of_it() -> None:
    facts = facts_of(_talk())
    assert known(facts, "source") == "capture"
    for name in ("log_code", "log_call", "log_says_gave_up", "error_phase"):
        assert unknown(facts, name)


@pytest.mark.parametrize(
    ("text", "udp"),
    [
        ("UdpClient.Receive failed: 10057", True),
        (MICROSOFT, False),
        ("send failed: 10057", False),
    ],
)
def test_microsofts_own_words_name_no_transport(text: str, udp: bool) -> None:
    facts = ticket(_talk(), event_of(text, at=START))
    assert facts.known_values.get("log_protocol") == ("udp" if udp else None)


# -- the lines before it -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "name"),
    [("closing", "log_says_closed_locally"), ("gave-up", "log_says_gave_up"), ("link", "log_says_link_changed")],
)
def test_what_the_program_did_before_is_told(action: str, name: str) -> None:
    error = event_of(at=START + 60 * NS)
    before = event_of(at=START + 59 * NS, kind="lifecycle", code=None, action=action)  # type: ignore[arg-type]
    assert known(ticket(_talk(), error, before), name) is True
    assert known(ticket(_talk(), error), name) is False
    long_before = event_of(at=START - 90 * NS, kind="lifecycle", code=None, action=action)  # type: ignore[arg-type]
    assert known(ticket(_talk(), error, long_before), name) is False


def test_the_last_earlier_code_is_the_first_error() -> None:
    error = event_of(at=START + 60 * NS)
    earlier = [event_of(at=START + second * NS, kind="prior", code=code) for second, code in ((50, 10060), (55, 10054))]
    facts = ticket(_talk(), error, *earlier)
    assert known(facts, "log_earlier_code") == 10054
    same = event_of(at=START + 55 * NS, kind="prior", code=10057)
    assert unknown(ticket(_talk(), error, same), "log_earlier_code")


def test_a_failed_lookup_in_the_log_is_told() -> None:
    error = event_of(at=START + NS)
    failed = event_of(at=START, kind="prior", code=11001, call="getaddrinfo")
    assert known(ticket(_talk(), error, failed), "log_says_name_failed") is True


def test_connecting_counts_only_as_the_last_word() -> None:
    error = event_of(at=START + 3 * NS)
    connecting = event_of(at=START + NS, kind="lifecycle", code=None, action="connecting")
    connected = event_of(at=START + 2 * NS, kind="lifecycle", code=None, action="connected")
    refused = event_of(at=START + 2 * NS, kind="prior", code=10061)
    assert known(ticket(_talk(), error, connecting), "log_says_connecting") is True
    assert known(ticket(_talk(), error, connecting, connected), "log_says_connecting") is False
    assert known(ticket(_talk(), error, connecting, refused), "log_says_connecting") is False


# -- the phase ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "phase"),
    [
        (-NS, "before-syn"),
        (100 * MS, "handshake"),
        (5 * NS, "established"),
        (15 * NS, "after-fin"),
        (30 * NS, "after-rst"),
    ],
)
def test_the_phase_follows_the_packets(after: int, phase: str) -> None:
    fact = ticket(_talk(), event_of(at=START + after))["error_phase"]
    assert isinstance(fact, Known)
    assert fact.value == phase
    assert fact.statement
    assert bool(fact.frames) == (phase in ("handshake", "after-fin", "after-rst"))


@pytest.mark.parametrize("after", [190 * MS, 210 * MS, 10 * NS + 410 * MS])
def test_a_time_too_near_to_an_edge_is_not_ordered(after: int) -> None:
    facts = ticket(_talk(), event_of(at=START + after), slack=500 * MS)
    assert "clocks" in unknown(facts, "error_phase")


def test_just_after_the_syn_it_is_the_handshake_as_long_as_that_lasts_beyond_doubt() -> None:
    # An error cannot be this connection's before its SYN, so only the other edge leaves doubt.
    assert known(ticket(_talk(), event_of(at=START + MS), slack=50 * MS), "error_phase") == "handshake"


def test_clocks_that_agree_badly_order_nothing() -> None:
    for after in range(-2, 25):
        assert unknown(ticket(_talk(), event_of(at=START + after * NS), slack=60 * NS), "error_phase")


def test_a_reset_that_nobody_heeded_ends_no_phase() -> None:
    conv = ordinary.blind_reset_ignored()
    reset = next(at for at, frame in conv.packets if frame[47] & 4)
    fin = next(at for at, frame in conv.packets if frame[47] & 1)
    between = (reset + fin) // 2
    assert known(ticket(conv, event_of(at=between)), "error_phase") == "established"


def test_the_reset_of_a_refused_syn_ends_the_attempt() -> None:
    conv = guilty.refused()
    assert known(ticket(conv, event_of(at=conv.now + NS)), "error_phase") == "after-rst"


# -- the time ----------------------------------------------------------------------------------------------------


def test_the_error_lies_inside_the_capture_or_outside() -> None:
    conv = _talk()
    for at, inside in ((START + NS, True), (START - 60 * NS, False), (conv.now + 300 * NS, False)):
        assert known(ticket(conv, event_of(at=at)), "error_inside_capture") is inside


def test_an_error_without_a_time_has_no_place() -> None:
    facts = ticket(_talk(), event_of())
    assert (
        unknown(facts, "error_inside_capture") == unknown(facts, "error_phase") == "the time of the error is not known"
    )


def test_the_uncertainty_is_a_fact() -> None:
    assert known(ticket(_talk(), event_of(at=START), slack=7 * MS), "clock_uncertainty") == 7 * MS
