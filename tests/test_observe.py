"""All families of facts together: only declared facts, of their declared type, with frames that exist."""

from __future__ import annotations

from functools import cache

import pytest

from analyzer.facts import VOCABULARY
from analyzer.factset import FactSet, Known, Unknown
from analyzer.observe import observe
from analyzer.symptom import Symptom
from analyzer.units import MS
from tests.conversations import CONVERSATIONS, ORDINARY
from tests.reading import event_of, facts_of, known, surroundings_of
from tests.wire import Conversation

MAKES = {
    **{f"{cause}/{make.__name__}": make for cause, several in CONVERSATIONS.items() for make in several},
    **ORDINARY,
}


@cache
def _made(name: str) -> Conversation:
    return MAKES[name]()


@cache
def _alone(name: str) -> FactSet:
    return facts_of(_made(name))


@cache
def _both(name: str) -> list[FactSet]:
    """As the capture shows it, and as a log line a second after its end asks for it."""
    conv = _made(name)
    event = event_of(at=conv.now + 10**9, remote=conv.server_name)
    asked = Symptom("log", event.time_ns, 2 * MS, True, event, (), 0, 1)
    return [_alone(name), facts_of(conv, symptom=asked)]


@pytest.mark.parametrize("name", sorted(MAKES))
def test_every_fact_is_declared_and_of_its_type(name: str) -> None:
    for facts in _both(name):
        assert set(facts) <= set(VOCABULARY)
        for fact, value in facts.known_values.items():
            assert VOCABULARY[fact].admits(value), (fact, value)


@pytest.mark.parametrize("name", sorted(MAKES))
def test_every_frame_exists_and_every_unknown_has_a_reason(name: str) -> None:
    conv = _made(name)
    for facts in _both(name):
        for fact in facts.values():
            if isinstance(fact, Unknown):
                assert fact.reason
                assert not fact.reason.endswith(".")
            else:
                assert all(1 <= frame <= len(conv.packets) for frame in fact.frames)
                assert not fact.statement or fact.statement.endswith(".")


@pytest.mark.parametrize("name", sorted(MAKES))
def test_later_strangers_change_nothing_but_what_they_may(name: str) -> None:
    """A healthy connection of other hosts, after the end: what is told of this one stays the same."""
    conv = _made(name)
    stranger = Conversation(
        client="172.16.0.5:40000", server="172.16.9.7:9000", start=conv.now + 10 * 10**9, client_mac="02:00:00:00:00:99"
    )
    stranger.handshake()
    stranger.exchange()
    stranger.close()
    alone, beside = _alone(name), facts_of(conv, stranger)
    # How long one watched is what a longer capture changes.
    allowed = {"end_captured", "close_wait_time", "syn_schedule_cut_short", "capture_lost_packets"}
    changed = {
        fact
        for fact in set(alone) | set(beside)
        if fact not in allowed and alone.known_values.get(fact) != beside.known_values.get(fact)
    }
    assert changed == set()


@pytest.mark.parametrize("name", sorted(MAKES))
def test_moving_a_conversation_in_time_changes_no_fact(name: str) -> None:
    conv = MAKES[name]()
    conv.packets = [(at + 987_654_321_000_000, frame) for at, frame in conv.packets]
    assert facts_of(conv).known_values == _alone(name).known_values


def test_without_a_flow_only_the_log_and_the_capture_speak() -> None:
    conv = ORDINARY["server_closes_client_closes"]()
    event = event_of(at=conv.now, remote="10.9.0.99:1")
    facts = observe(Symptom("log", event.time_ns, MS, event=event), None, surroundings_of(conv))
    assert known(facts, "flow_found") is False
    assert not isinstance(facts["ended_by"], Known)
    assert not isinstance(facts["opening"], Known)


def test_the_same_capture_gives_the_same_facts() -> None:
    first, second = (facts_of(MAKES["middlebox-reset/middlebox_reset"]()) for _ in range(2))
    assert dict(first) == dict(second)
    assert list(first) == list(second)
