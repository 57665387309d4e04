"""The vocabulary and the sets of facts."""

from __future__ import annotations

import re

import pytest

from analyzer.facts import FAMILIES, VOCABULARY, Fact, FactSet, FactType, Known, Unknown, statement
from analyzer.units import NS


@pytest.mark.parametrize("fact", VOCABULARY.values(), ids=lambda fact: fact.name)
def test_every_fact_is_declared_in_full(fact: Fact) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", fact.name)
    assert fact.meaning
    assert not fact.meaning.endswith(".")
    assert fact.unknown_when
    assert bool(fact.choices) == (fact.type is FactType.ENUM)
    counts = (FactType.BOOL, FactType.INT, FactType.SIZE)
    assert not fact.says_not or fact.type in counts or "none" in fact.choices
    for sentence in (fact.says, fact.says_not):
        assert not sentence or sentence.endswith(".")
    if fact.says:
        assert ("{}" in fact.says) == (fact.type is not FactType.BOOL)


def test_no_fact_is_declared_twice() -> None:
    names = [fact.name for family in FAMILIES.values() for fact in family]
    assert len(names) == len(set(names)) == len(VOCABULARY)


def test_a_fact_never_set_is_unknown_and_not_false() -> None:
    facts = FactSet()
    assert isinstance(facts["responder_fin"], Unknown)
    assert "responder_fin" not in facts
    assert facts.known_values.get("responder_fin") is None


def test_know_and_miss_replace_each_other() -> None:
    facts = FactSet()
    facts.know("syn_count", 3, (1, 2, 3), "Three SYNs went out.")
    assert facts["syn_count"] == Known(3, (1, 2, 3), "Three SYNs went out.")
    facts.miss("syn_count", "the capture starts late", "start it earlier")
    missed: object = facts["syn_count"]
    assert missed == Unknown("the capture starts late", "start it earlier")
    facts.know("syn_count", 0)
    assert facts["syn_count"] == Known(0)
    assert list(facts) == ["syn_count"]
    assert len(facts) == 1


def test_maybe_turns_none_into_unknown() -> None:
    facts = FactSet()
    facts.maybe("responder_fin", False, (4,))
    facts.maybe("initiator_fin", None, reason="only one direction was captured")
    assert facts["responder_fin"] == Known(False, (4,))
    assert facts["initiator_fin"] == Unknown("only one direction was captured")
    assert dict(facts) == {"responder_fin": facts["responder_fin"], "initiator_fin": facts["initiator_fin"]}
    assert dict(FactSet(facts)) == dict(facts)


def test_statements_come_from_the_fact_or_the_vocabulary() -> None:
    assert statement("syn_count", Known(3, (), "Three.")) == "Three."
    assert statement("silence_before_end", Known(75 * NS)) == "Before the end the connection was silent for 75 s."
    assert statement("responder_fin", Known(True)) == "The server closed its side with FIN."
    assert statement("responder_fin", Known(False)) == "The responder sent FIN: no."
    assert statement("initiator_bytes", Known(4096)) == "The client sent 4,096 B of data."


def test_admits_only_its_own_type() -> None:
    assert VOCABULARY["responder_fin"].admits(True)
    assert not VOCABULARY["responder_fin"].admits(1)
    assert VOCABULARY["syn_count"].admits(1)
    assert not VOCABULARY["syn_count"].admits(True)
    assert VOCABULARY["opening"].admits("reset")
    assert not VOCABULARY["opening"].admits("rest")
    assert VOCABULARY["refusal_text"].admits("530 Login incorrect")


def test_units_are_named() -> None:
    assert "KiB" in VOCABULARY["initiator_bytes"].unit
    assert "ms" in VOCABULARY["syn_span"].unit
    assert VOCABULARY["syn_count"].unit == ""
