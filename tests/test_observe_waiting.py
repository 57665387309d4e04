"""Facts of silences, keepalives, delivery and requests."""

from __future__ import annotations

import pytest

from analyzer.factset import Known, Unknown
from analyzer.observe.waiting import fatal_silence, survived
from analyzer.symptom import Symptom
from analyzer.units import MS, NS
from tests.conversations import guilty, ordinary
from tests.reading import event_of, facts_of, flow_of, known, unknown
from tests.wire import Conversation

START = Conversation().now


def _open(port: int = 50123, start: int = START) -> Conversation:
    conv = Conversation(client=f"10.0.0.5:{port}", start=start)
    conv.handshake()
    conv.exchange()
    return conv


# -- silence -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["responder-fin", "responder-rst", "initiator-data", "initiator-fin", "keepalive"])
def test_what_broke_the_silence_is_told(end: str) -> None:
    conv = _open()
    conv.wait("75s")
    match end:
        case "responder-fin":
            conv.fin("server", after=0)
        case "responder-rst":
            conv.server_rst()
        case "initiator-data":
            conv.client("anyone?", acked=False, arrives=False, after=0)
            conv.unanswered(3)
        case "initiator-fin":
            conv.fin("client", after=0)
        case "keepalive":
            conv.keepalive(answered=False)
            conv.server_rst(with_ack=False)
    facts = facts_of(conv)
    assert known(facts, "silence_ended_by") == end
    silence = facts["silence_before_end"]
    assert isinstance(silence, Known)
    assert isinstance(silence.value, int)
    assert 75 * NS <= silence.value <= 76 * NS
    first, second = silence.frames
    assert second == first + 1


def test_a_busy_end_has_no_silence() -> None:
    conv = _open()
    conv.server_rst()
    facts = facts_of(conv)
    assert known(facts, "silence_before_end") == 0
    assert unknown(facts, "silence_ended_by")
    assert unknown(facts, "answered_after_silence")


def test_an_answer_after_the_silence_is_told_from_none() -> None:
    lost = _open()
    lost.client("anyone?", acked=False, arrives=False, after="75s")
    lost.unanswered(3)
    assert known(facts_of(lost), "answered_after_silence") is False
    heard = _open()
    heard.client("anyone?", after="75s")
    heard.server_rst()
    assert known(facts_of(heard), "answered_after_silence") is True


def test_a_reset_out_of_silence_has_no_answer_to_speak_of() -> None:
    conv = _open()
    conv.wait("75s")
    conv.server_rst()
    assert "RST" in unknown(facts_of(conv), "answered_after_silence")


@pytest.mark.parametrize(
    ("seconds", "round_"), [(60, True), (300, True), (3600, True), (5, True), (73.4, False), (127.7, False), (2, False)]
)
def test_timers_are_round(seconds: float, round_: bool) -> None:
    conv = _open()
    conv.wait(seconds)
    conv.fin("server", after=0)
    assert known(facts_of(conv), "whole_silence") is round_


def test_a_servers_timer_began_before_the_last_acknowledgment() -> None:
    conv = Conversation(rtt_ms=40)
    conv.handshake()
    conv.exchange()
    conv.wait(4.93)
    conv.server_rst()
    silence = known(facts_of(conv), "silence_before_end")
    assert isinstance(silence, int)
    assert silence < 5 * NS
    assert known(facts_of(conv), "whole_silence") is True


def test_idle_is_told_from_waiting() -> None:
    idle = _open()
    idle.fin("server", after="60s")
    facts = facts_of(idle)
    assert known(facts, "request_before_silence_answered") is True
    assert known(facts, "requests_before_silence") == 1
    waiting = _open()
    waiting.client("question")
    waiting.fin("server", after="60s")
    facts = facts_of(waiting)
    assert known(facts, "request_before_silence_answered") is False
    assert known(facts, "requests_before_silence") == 1


def test_survived_and_fatal_silences_bound_the_limit() -> None:
    lived = _open(50200)
    lived.client("again", after="200s")
    lived.close()
    died = _open(50300, START + 10 * NS)
    died.client("anyone?", acked=False, arrives=False, after="400s")
    died.unanswered(4)
    conv = _open(50400, START + 20 * NS)
    conv.client("anyone?", acked=False, arrives=False, after="390s")
    conv.unanswered(4)
    facts = facts_of(conv, lived, died)
    assert known(facts, "longest_survived_silence") == 200 * NS
    shortest = known(facts, "shortest_fatal_silence")
    assert isinstance(shortest, int)
    assert shortest <= 390 * NS
    assert known(facts, "longest_survived_here") == 0
    assert known(facts, "flows_ended_by_same_silence") == 2


def test_another_servers_silences_say_nothing_of_this_one() -> None:
    other = Conversation(client="10.0.0.5:50200", server="10.9.0.99:8080")
    other.handshake()
    other.exchange()
    other.client("again", after="500s")
    conv = _open(50400, START + 20 * NS)
    conv.client("anyone?", acked=False, arrives=False, after="390s")
    conv.unanswered(4)
    assert unknown(facts_of(conv, other), "longest_survived_silence") == "none was seen"


def test_a_reset_is_no_survival() -> None:
    conv = _open()
    conv.client("again", acked=False, after="100s")
    conv.server_rst(with_ack=False)
    (silence,) = (one for one in flow_of(conv).silences if one.duration_ns == 100 * NS)
    assert not survived(silence)
    (lived,) = (one for one in flow_of(ordinary.long_idle_survives()).silences if one.duration_ns > 500 * NS)
    assert survived(lived)


# -- keepalives --------------------------------------------------------------------------------------------------


def test_probes_are_counted_and_their_interval_measured() -> None:
    conv = _open()
    for _ in range(3):
        conv.keepalive(after="45s")
    facts = facts_of(conv)
    assert known(facts, "keepalive_probes") == 3
    interval = known(facts, "keepalive_interval")
    assert isinstance(interval, int)
    assert 45 * NS <= interval <= 45 * NS + 20 * MS
    assert known(facts, "keepalives_unanswered") == 0


def test_unanswered_probes_point_at_themselves() -> None:
    facts = facts_of(guilty.keepalive_unanswered())
    assert known(facts, "probes_never_answered") is False
    fact = facts["keepalives_unanswered"]
    assert isinstance(fact, Known)
    assert fact.value == 10
    assert len(fact.frames) == 4


def test_without_probes_there_is_no_interval() -> None:
    assert unknown(facts_of(_open()), "keepalive_interval") == "the initiator sent none"


# -- delivery ----------------------------------------------------------------------------------------------------


def test_undelivered_data_is_told_with_its_repeats() -> None:
    conv = _open()
    first = conv.client("x" * 200, acked=False, arrives=False)
    conv.unanswered(3, first="300ms")
    facts = facts_of(conv)
    assert known(facts, "undelivered") == "initiator"
    fact = facts["transmissions_unanswered"]
    assert isinstance(fact, Known)
    assert fact.value == 4
    assert fact.frames[0] == first + 1
    assert "4 times within" in fact.statement
    assert known(facts, "unanswered_time") == 2100 * MS
    assert known(facts, "responder_silent_during_retries") is True
    assert known(facts, "only_large_undelivered") is False
    assert known(facts, "smallest_undelivered") == 200
    assert known(facts, "active_before_loss") is True


def test_only_large_segments_lost_is_a_matter_of_size_alone() -> None:
    facts = facts_of(guilty.path_mtu_blackhole())
    assert known(facts, "only_large_undelivered") is True
    assert known(facts, "large_ever_delivered") is False


def test_the_first_words_of_a_half_may_be_too_large_when_the_other_side_is_heard() -> None:
    assert known(facts_of(guilty.first_request_too_large()), "only_large_undelivered") is True
    crossed = Conversation()
    crossed.handshake()
    crossed.client("x" * 1300, acked=False, arrives=False)
    crossed.server("hello")
    crossed.unanswered(4)
    assert known(facts_of(crossed), "only_large_undelivered") is False
    conv = Conversation()
    conv.handshake()
    conv.client("x" * 1300, acked=False, arrives=False)
    conv.unanswered(4)
    assert known(facts_of(conv), "only_large_undelivered") is False


def test_a_connection_in_order_has_nothing_undelivered() -> None:
    facts = facts_of(ordinary.server_closes_client_closes())
    assert known(facts, "undelivered") == "none"
    assert known(facts, "transmissions_unanswered") == 0
    assert unknown(facts, "unanswered_time")


def test_bytes_are_counted_each_way() -> None:
    conv = Conversation()
    conv.handshake()
    conv.exchange(b"a" * 100, b"b" * 2000)
    facts = facts_of(conv)
    assert (known(facts, "initiator_bytes"), known(facts, "responder_bytes")) == (100, 2000)


def test_without_sequence_numbers_nothing_tells_what_arrived() -> None:
    fact = facts_of(ordinary.numbers_masked())["undelivered"]
    assert isinstance(fact, Unknown)
    assert fact.reason == "its sequence numbers are all zero"


def test_the_garbage_of_keepalives_is_no_data() -> None:
    assert known(facts_of(ordinary.opened_in_advance_and_left()), "initiator_bytes") == 0


# -- requests ----------------------------------------------------------------------------------------------------


def test_an_unanswered_request_is_timed_with_its_packets() -> None:
    conv = _open()
    request = conv.client("slow question")
    left = conv.fin("client", after="20s")
    fact = facts_of(conv)["request_unanswered_time"]
    assert isinstance(fact, Known)
    assert fact.value == 20 * NS + 20 * MS
    assert (fact.frames[0], fact.frames[-1]) == (request + 1, left + 1)


def test_the_error_tells_how_long_a_request_waited_beyond_the_capture() -> None:
    conv = _open()
    conv.client("slow question")
    event = event_of(at=conv.now + 30 * NS)
    symptom = Symptom("log", event.time_ns, MS, event=event, flow_index=0, candidates=1)
    waited = known(facts_of(conv, symptom=symptom), "request_unanswered_time")
    assert isinstance(waited, int)
    assert 30 * NS <= waited <= 31 * NS
    alone = known(facts_of(conv), "request_unanswered_time")
    assert isinstance(alone, int)
    assert alone < NS


def test_a_request_that_was_not_even_acknowledged_is_no_slow_answer() -> None:
    facts = facts_of(guilty.path_lost())
    assert known(facts, "request_unanswered_time") == 0


def test_a_late_answer_is_told() -> None:
    assert known(facts_of(guilty.client_gave_up_waiting()), "late_answer") is True
    assert known(facts_of(guilty.server_unresponsive()), "late_answer") is False


def test_a_closed_window_is_timed() -> None:
    stalled = known(facts_of(guilty.server_stops_reading()), "zero_window_time")
    assert isinstance(stalled, int)
    assert stalled > NS
    assert known(facts_of(ordinary.window_reopens()), "zero_window_time") == 0


# -- what killed and what did not --------------------------------------------------------------------------------


def test_gaps_between_retransmissions_are_no_limits() -> None:
    conv = _open()
    conv.client("anyone?", acked=False, arrives=False, after="300s")
    conv.unanswered(6)
    facts = facts_of(conv)
    assert known(facts, "shortest_fatal_silence") == 300 * NS
    fatal = fatal_silence(flow_of(conv).silences)
    assert fatal is not None
    assert fatal.duration_ns == 300 * NS


def test_a_silence_that_the_server_ended_killed_the_connection_though_its_fin_was_answered() -> None:
    convs = []
    for number in range(3):
        conv = _open(50_300 + number, START + number * NS)
        conv.fin("server", after="60s")
        conv.client("late", acked=False, after="5s")
        conv.server_rst(with_ack=False)
        convs.append(conv)
    facts = facts_of(*convs)
    assert known(facts, "shortest_fatal_silence") == 60 * NS
    assert unknown(facts, "longest_survived_silence")
    assert known(facts, "flows_ended_by_same_silence") == 3


def test_a_client_that_closes_after_a_silence_was_not_killed_by_it() -> None:
    conv = _open()
    conv.fin("client", after="90s")
    conv.fin("server")
    assert fatal_silence(flow_of(conv).silences) is None
    assert unknown(facts_of(conv), "shortest_fatal_silence")


def test_a_silence_before_one_that_was_survived_killed_nothing() -> None:
    assert fatal_silence(flow_of(ordinary.long_idle_survives()).silences) is None


def test_a_fin_with_data_breaks_the_silence_with_data() -> None:
    conv = _open()
    conv.segment("server", "FPA", "421 Timeout.", after="60s")
    conv.segment("client", "A")
    assert known(facts_of(conv), "silence_ended_by") == "responder-data"


def test_the_pauses_between_unanswered_probes_are_no_idle_time() -> None:
    facts = facts_of(guilty.first_keepalive_too_late())
    assert known(facts, "probes_never_answered") is True
    for name in ("keepalive_interval", "silence_before_end"):
        value = known(facts, name)
        assert isinstance(value, int)
        assert 46 * NS < value < 48 * NS
    assert known(facts, "silence_ended_by") == "keepalive"


@pytest.mark.parametrize(("longest", "outlived"), [("100s", True), ("50s", False)])
def test_an_idle_limit_is_doubted_where_twice_the_silence_was_outlived(longest: str, outlived: bool) -> None:
    conv = _open()
    conv.exchange()
    conv.wait(longest)
    conv.exchange()
    conv.wait("30s")
    conv.server_rst()
    assert known(facts_of(conv), "longer_idle_outlived") is outlived


def test_a_long_answer_says_nothing_of_an_idle_limit() -> None:
    conv = _open()
    conv.client("question")
    conv.server("answer", after="100s")
    conv.wait("30s")
    conv.server_rst()
    assert known(facts_of(conv), "longer_idle_outlived") is False
