"""With one direction captured, nothing about the other is claimed: law 4 of the house."""

from __future__ import annotations

import ipaddress

import pytest

from analyzer.around.surroundings import Surroundings
from analyzer.facts import VOCABULARY
from analyzer.factset import FactSet
from analyzer.incidents.diagnose import LEAST, Diagnosis
from analyzer.observe import one_way
from analyzer.symptom import Symptom
from tests.conversations import CONVERSATIONS, ORDINARY, guilty
from tests.reading import capture_of, examiner_of, facts_of, known, unknown
from tests.wire import Captured, Conversation

MAKES = {
    **{f"{cause}/{make.__name__}": make for cause, several in CONVERSATIONS.items() for make in several},
    **ORDINARY,
}
PROMISES_NO_ANSWER = (
    "answered_after_silence",
    "initiator_closed_after_fin",
    "initiator_fin_acked",
    "keepalives_unanswered",
    "late_answer",
    "responder_alive_elsewhere",
    "syn_schedule_cut_short",
    "transmissions_unanswered",
    "unanswered_time",
    "undelivered",
)
"""Facts that say, one way or the other, whether something was answered."""


def half_of(conv: Conversation, name: str) -> list[Captured]:
    packed = ipaddress.ip_address(name.rpartition(":")[0].strip("[]")).packed
    start = 26 if len(packed) == 4 else 22
    return [(at, frame) for at, frame in conv.packets if frame[start : start + len(packed)] == packed]


def diagnose_half(conv: Conversation, name: str) -> Diagnosis | None:
    """The diagnosis of one half, or None where that half alone does not tell that another was there."""
    half = half_of(conv, name)
    if not half or not len(capture_of(half).flows):
        return None
    examiner = examiner_of(half)
    if not examiner.reading(0).view.one_direction:
        return None
    return examiner.diagnose(examiner.examine(Symptom("capture", None, 0, flow_index=0, candidates=1)))


def facts_of_half(conv: Conversation, name: str) -> FactSet:
    diagnosis = diagnose_half(conv, name)
    assert diagnosis is not None
    return diagnosis.facts


@pytest.mark.parametrize("name", sorted(MAKES))
def test_no_half_alone_tells_that_something_was_never_answered(name: str) -> None:
    conv = MAKES[name]()
    for end in (conv.client_name, conv.server_name):
        diagnosis = diagnose_half(conv, end)
        if diagnosis is None:
            continue
        values = diagnosis.facts.known_values
        assert not set(values) & set(PROMISES_NO_ANSWER)
        assert values.get("ended_by") not in ("silence", "nothing")
        assert diagnosis.confidence == "low"


@pytest.mark.parametrize("make", [guilty.path_lost, guilty.firewall_idle_drop, guilty.keepalive_unanswered])
def test_the_initiators_half_of_a_lost_connection_makes_no_incident(make: object) -> None:
    assert callable(make)
    conv = make()
    diagnosis = diagnose_half(conv, conv.client_name)
    assert diagnosis is not None
    assert diagnosis.score < LEAST


def test_a_close_that_was_not_captured_is_no_leak() -> None:
    conv = guilty.close_wait_leak()
    facts = facts_of_half(conv, conv.server_name)
    assert known(facts, "responder_fin") is True
    assert unknown(facts, "initiator_fin") == unknown(facts, "close_wait_time") == "only one direction was captured"


def test_what_the_captured_half_shows_stays_known() -> None:
    conv = guilty.server_reset()
    facts = facts_of_half(conv, conv.server_name)
    assert known(facts, "ended_by") == "responder-rst"
    assert known(facts, "reset_claimed_by") == "responder"
    assert known(facts, "both_directions") is False


def test_each_unknown_says_what_would_settle_it() -> None:
    conv = guilty.path_lost()
    facts = facts_of_half(conv, conv.client_name)
    missing = facts["ended_by"]
    assert getattr(missing, "settle_by", "") == "a capture of both directions"


def test_every_name_that_is_forgotten_is_a_fact() -> None:
    lists = [value for name, value in vars(one_way).items() if name.startswith(("_OF_", "_NEEDS_"))]
    assert len(lists) == 6
    assert {name for names in lists for name in names} <= set(VOCABULARY)


def test_both_directions_are_left_alone() -> None:
    examiner = examiner_of(guilty.path_lost())
    facts = examiner.examine(Symptom("capture", None, 0, flow_index=0, candidates=1)).facts
    assert known(facts, "ended_by") == "silence"
    assert known(facts, "undelivered") == "initiator"


def test_a_capture_of_one_direction_does_not_call_its_other_syns_unanswered() -> None:
    talk = ORDINARY["server_closes_client_closes"]()
    lonely = Conversation(client="10.0.0.5:50999", server="10.9.0.99:443")
    lonely.syn(arrives=False)
    lonely.unanswered(4)
    one_sided = facts_of(lonely, half_of(talk, talk.client_name))
    assert known(one_sided, "both_directions") is False
    assert unknown(one_sided, "opening") == "only one direction was captured"
    assert known(facts_of(lonely, talk), "opening") == "unanswered"


def test_an_unanswered_syn_needs_no_second_direction() -> None:
    around = Surroundings(capture_of(guilty.timed_out()))
    assert not around.view(0).one_direction
