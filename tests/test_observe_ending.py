"""Facts of the end: FINs and resets."""

from __future__ import annotations

import pytest

from analyzer.factset import Known
from analyzer.symptom import Symptom
from analyzer.units import MS, NS
from tests.conversations import guilty, ordinary
from tests.reading import event_of, examiner_of, facts_of, known, unknown
from tests.wire import Conversation

START = Conversation().now


def _open(port: int = 50123, start: int = START, **options: float) -> Conversation:
    conv = Conversation(client=f"10.0.0.5:{port}", start=start, rtt_ms=options.get("rtt_ms", 20))
    conv.handshake()
    conv.exchange()
    return conv


def _frames(fact: object) -> tuple[int, ...]:
    assert isinstance(fact, Known)
    return fact.frames


# -- what ended it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conv", "kind", "words"),
    [
        (guilty.server_idle_timeout(), "responder-fin", "The server closed first, with FIN, "),
        (guilty.server_reset(), "responder-rst", "A RST that bears the server's address ended the connection, "),
        (guilty.client_closed_locally(), "initiator-fin", "The client closed first, with FIN, "),
        (guilty.path_lost(), "silence", "Packets stopped arriving: data went out and nothing acknowledged it, "),
        (_open(), "nothing", "Neither side closed or reset the connection while it was captured."),
    ],
)
def test_the_end_is_said_with_its_time_and_points_at_its_frame(conv: Conversation, kind: str, words: str) -> None:
    fact = facts_of(conv)["ended_by"]
    assert isinstance(fact, Known)
    assert fact.value == kind
    assert fact.statement.startswith(words)
    assert bool(fact.frames) == ("after the connection began." in fact.statement)


def test_a_fin_points_at_its_frame() -> None:
    conv = _open()
    fin = conv.fin("server")
    facts = facts_of(conv)
    assert known(facts, "responder_fin") is True
    assert _frames(facts["responder_fin"]) == (fin + 1,)
    assert known(facts, "initiator_fin") is False


# -- closing -----------------------------------------------------------------------------------------------------


def test_an_orderly_close_is_orderly() -> None:
    facts = facts_of(ordinary.server_closes_client_closes())
    assert known(facts, "orderly_close") is True
    assert known(facts, "data_after_responder_fin") is False
    assert known(facts, "initiator_fin_acked") is True
    assert known(facts, "initiator_closed_after_fin") is True


def test_late_data_and_its_reset_are_told() -> None:
    conv = _open()
    fin = conv.fin("server")
    late = conv.client("late", acked=False, after="5s")
    reset = conv.server_rst(with_ack=False)
    facts = facts_of(conv)
    assert known(facts, "data_after_responder_fin") is True
    assert _frames(facts["data_after_responder_fin"]) == (fin + 1, late + 1)
    assert known(facts, "late_data_reset") is True
    assert _frames(facts["late_data_reset"]) == (reset + 1,)
    assert known(facts, "late_data_acked") is False
    assert known(facts, "time_from_responder_fin_to_data") == 5 * NS + 40_000


def test_without_a_fin_nothing_is_said_of_what_followed_it() -> None:
    facts = facts_of(guilty.server_reset())
    for name in ("data_after_responder_fin", "late_data_reset", "close_wait_time", "initiator_closed_after_fin"):
        assert unknown(facts, name)


@pytest.mark.parametrize(("gap", "soon"), [("10ms", True), ("60s", False)])
def test_a_close_right_after_the_answer_is_told_from_one_after_silence(gap: str, soon: bool) -> None:
    conv = _open()
    conv.fin("server", after=gap)
    assert known(facts_of(conv), "fin_right_after_answer") is soon


def test_a_fin_without_any_data_answers_nothing() -> None:
    conv = Conversation()
    conv.handshake()
    conv.fin("server", after="10ms")
    assert known(facts_of(conv), "fin_right_after_answer") is False


def test_close_wait_lasts_until_the_client_closes() -> None:
    conv = _open()
    conv.fin("server")
    conv.fin("client", after="30s")
    facts = facts_of(conv)
    assert known(facts, "close_wait_time") == 30 * NS + 40_000
    assert known(facts, "initiator_closed_after_fin") is True


def test_close_wait_of_a_client_that_never_closes_lasts_as_long_as_anyone_watched() -> None:
    conv = _open()
    conv.fin("server")
    seen = known(facts_of(conv), "close_wait_time")
    assert isinstance(seen, int)
    assert seen < NS
    later = _open(50200, conv.now + 100 * NS)
    watched = known(facts_of(conv, later), "close_wait_time")
    assert isinstance(watched, int)
    assert watched > 99 * NS


def test_the_error_itself_tells_that_time_went_on() -> None:
    conv = _open()
    conv.fin("server")
    event = event_of(at=conv.now + 50 * NS)
    symptom = Symptom("log", event.time_ns, MS, event=event, flow_index=0, candidates=1)
    waited = known(facts_of(conv, symptom=symptom), "close_wait_time")
    assert isinstance(waited, int)
    assert 50 * NS <= waited <= 51 * NS


def test_the_side_that_closed_first_waits_for_nothing() -> None:
    conv = _open()
    conv.close("client")
    assert known(facts_of(conv), "close_wait_time") == 0


def test_leaked_siblings_are_counted_and_closed_ones_are_not() -> None:
    leaks = []
    for number in range(3):
        one = _open(50200 + number, START + number * NS)
        one.fin("server")
        leaks.append(one)
    closed = _open(50300)
    closed.close("server")
    conv = _open(50400, START + 60 * NS)
    conv.fin("server")
    assert known(facts_of(conv, closed, *leaks), "close_wait_siblings") == 3


# -- resets ------------------------------------------------------------------------------------------------------


def test_without_a_reset_every_question_about_it_is_answered_with_none() -> None:
    facts = facts_of(ordinary.server_closes_client_closes())
    for name in ("reset_claimed_by", "reset_sender", "reset_answers", "reset_form"):
        assert known(facts, name) == "none"


def test_a_servers_own_reset() -> None:
    conv = _open()
    conv.client("more")
    reset = conv.server_rst(after="100ms")
    facts = facts_of(conv)
    assert known(facts, "reset_claimed_by") == "responder"
    assert _frames(facts["reset_claimed_by"]) == (reset + 1,)
    assert known(facts, "reset_sender") == "peer"
    assert known(facts, "reset_form") == "acknowledging"
    assert known(facts, "reset_hops_differ") is False
    assert known(facts, "reset_ends_closed_flow") is False
    assert known(facts, "resets_together") == 1


def test_a_forged_reset() -> None:
    facts = facts_of(guilty.middlebox_reset())
    assert known(facts, "reset_sender") == "box"
    assert known(facts, "reset_hops_differ") is True
    assert known(facts, "sender_went_on") is True
    statement = facts["reset_sender"]
    assert isinstance(statement, Known)
    assert statement.statement.startswith("The RST was not sent by the server whose address it bears: ")


@pytest.mark.parametrize(
    ("last", "word"),
    [("data", "data"), ("fin", "fin"), ("keepalive", "keepalive"), ("ack", "nothing"), ("long ago", "nothing")],
)
def test_what_a_reset_answers(last: str, word: str) -> None:
    conv = _open()
    if last == "data":
        conv.client("question", acked=False, after="2s")
    elif last == "fin":
        conv.fin("client", acked=False, after="2s")
    elif last == "keepalive":
        conv.keepalive(answered=False, after="60s")
    elif last == "long ago":
        conv.client("question", acked=False)
        conv.wait("10s")
    conv.server_rst(with_ack=False)
    assert known(facts_of(conv), "reset_answers") == word


def test_unread_data_is_told_by_the_acknowledgment() -> None:
    facts = facts_of(guilty.server_reset_unread())
    assert known(facts, "unread_data_at_reset") is True
    assert known(facts, "segments_unanswered_at_reset") == 2
    read = _open()
    read.server_rst(after="10s")
    assert known(facts_of(read), "unread_data_at_reset") is False


@pytest.mark.parametrize(
    "make", [ordinary.reset_after_both_fins, ordinary.reset_by_closed_client, ordinary.goodbye_answered_by_reset]
)
def test_a_reset_that_tidies_up_is_known_for_it(make: object) -> None:
    assert callable(make)
    assert known(facts_of(make()), "reset_ends_closed_flow") is True


def test_a_reset_that_answers_late_data_is_no_tidying_up() -> None:
    assert known(facts_of(guilty.server_closed_then_client_sent()), "reset_ends_closed_flow") is False


def test_resets_of_one_server_at_the_same_moment_are_counted() -> None:
    several = [_open(50200 + number, START + number * 10 * MS) for number in range(4)]
    for one in several:
        one.now = START + 30 * NS
        one.server_rst()
    late = _open(50300, START)
    late.now = START + 60 * NS
    late.server_rst()
    assert known(facts_of(several[0], *several[1:], late), "resets_together") == 4


def test_both_ends_reset_at_once() -> None:
    conv = _open()
    conv.segment("server", "R", window=0, ip_id=0, after="5ms")
    conv.segment("client", "R", window=0, ip_id=0, after="1ms")
    facts = facts_of(conv)
    assert known(facts, "reset_claimed_by") == "both"
    assert known(facts, "reset_both_ways") is True


def test_the_time_from_the_handshake_to_the_reset() -> None:
    conv = Conversation(rtt_ms=10)
    conv.handshake()
    conv.server_rst(after="5s")
    assert known(facts_of(conv), "reset_after_handshake") == 5 * NS + 10 * MS


def test_what_no_single_capture_can_show_stays_unknown() -> None:
    examiner = examiner_of(guilty.server_reset())
    facts = examiner.examine(Symptom("capture", None, 0, flow_index=0, candidates=1)).facts
    assert unknown(facts, "reset_not_sent_by_peer")


def test_a_reset_after_the_servers_own_data_answers_nothing() -> None:
    conv = _open()
    conv.client("question")
    conv.server("answer", acked=False)
    conv.server_rst()
    assert known(facts_of(conv), "reset_answers") == "nothing"


def test_a_close_notify_closes_though_no_fin_could_follow_it() -> None:
    conv = ordinary.close_notify_into_a_closed_connection()
    later = Conversation(client="10.0.0.5:50999", server="10.9.0.8:80", start=conv.now + 60 * NS)
    later.handshake()
    facts = facts_of(conv, later)
    assert known(facts, "data_after_responder_fin") is False
    assert known(facts, "initiator_closed_after_fin") is True
    waited = known(facts, "close_wait_time")
    assert isinstance(waited, int)
    assert waited < NS
