"""Known and unknown: the values that rules are evaluated on, and how they read."""

from __future__ import annotations

import pytest

from analyzer.facts import VOCABULARY
from analyzer.factset import Fact, FactSet, FactType, Known, Unknown, agree, format_value, say_value
from analyzer.units import NS

COUNT = Fact("syn_count", FactType.INT, "How many SYNs", "never", says="The client sent {} SYNs.")


# -- sets of facts -----------------------------------------------------------------------------------------------


def test_what_was_never_set_is_unknown_and_not_false() -> None:
    facts = FactSet()
    assert facts["responder_fin"] == Unknown("it was not looked at")
    assert "responder_fin" not in facts
    assert len(facts) == 0


def test_a_known_false_is_no_unknown() -> None:
    facts = FactSet()
    facts.know("responder_fin", value=False)
    assert facts["responder_fin"] == Known(value=False)
    assert "responder_fin" in facts


def test_the_last_word_counts() -> None:
    facts = FactSet()
    facts.know("ended_by", "silence", (3, 4), "It fell silent.")
    facts.miss("ended_by", "only one direction was captured", "the other one")
    assert facts["ended_by"] == Unknown("only one direction was captured", "the other one")
    assert "ended_by" not in facts.known_values
    facts.know("ended_by", "nothing")
    assert facts["ended_by"] == Known("nothing")
    assert list(facts) == ["ended_by"]


def test_evidence_is_kept_beside_the_value() -> None:
    facts = FactSet()
    facts.know("ended_by", "silence", (3, 4), "It fell silent.")
    assert facts["ended_by"] == Known("silence", (3, 4), "It fell silent.")
    facts.know("ended_by", "silence")
    assert facts["ended_by"] == Known("silence")


@pytest.mark.parametrize(("value", "known"), [(None, False), (0, True), (False, True), ("", True)])
def test_only_none_is_unknown(value: int | str | None, known: bool) -> None:
    facts = FactSet()
    facts.maybe("log_code", value, reason="the log names no code")
    assert isinstance(facts["log_code"], Known) is known


def test_a_set_is_made_from_another() -> None:
    facts = FactSet({"syn_count": Known(3, (1, 2, 3)), "opening": Unknown("too late")})
    assert FactSet(facts) == facts
    assert dict(facts) == {"syn_count": Known(3, (1, 2, 3)), "opening": Unknown("too late")}


# -- types -------------------------------------------------------------------------------------------------------


def test_what_is_included_keeps_its_evidence_and_stays_apart() -> None:
    flow, facts = FactSet(), FactSet()
    flow.know("syn_count", 3, (1, 2, 5), "Three.")
    flow.miss("vantage", "no round trip")
    facts.know("source", "log")
    facts.include(flow)
    assert facts["syn_count"] == Known(3, (1, 2, 5), "Three.")
    assert facts["vantage"] == Unknown("no round trip")
    facts.know("syn_count", 4)
    facts.know("vantage", "initiator")
    assert flow["syn_count"] == Known(3, (1, 2, 5), "Three.")
    assert flow["vantage"] == Unknown("no round trip")
    assert list(flow) == ["syn_count", "vantage"]


@pytest.mark.parametrize(
    ("fact", "good", "bad"),
    [
        ("syn_count", 3, True),
        ("responder_fin", True, 1),
        ("ended_by", "silence", "boredom"),
        ("silence_before_end", 5 * NS, "5s"),
        ("refusal_text", "550 no", 550),
    ],
)
def test_a_fact_admits_values_of_its_type_only(fact: str, good: int | str, bad: int | str) -> None:
    assert VOCABULARY[fact].admits(good)
    assert not VOCABULARY[fact].admits(bad)


# -- words -------------------------------------------------------------------------------------------------------


def test_values_carry_their_units() -> None:
    assert format_value(VOCABULARY["silence_before_end"], 75 * NS) == "75 s"
    assert format_value(VOCABULARY["initiator_bytes"], 12_345) == "12,345 B"
    assert format_value(VOCABULARY["responder_fin"], value=False) == "no"
    assert say_value(VOCABULARY["ended_by"], "responder-fin") == "FIN of the server"
    assert say_value(VOCABULARY["icmp_error"], "host-unreachable") == "host unreachable"


def test_a_fact_is_said_as_a_sentence() -> None:
    assert COUNT.sentence(3) == "The client sent 3 SYNs."
    plain = Fact("x", FactType.INT, "The number of things", "never")
    assert plain.sentence(3) == "The number of things: 3."
    truth = Fact("y", FactType.BOOL, "It is so", "never", says="It is.", says_not="It is not.")
    assert (truth.sentence(value=True), truth.sentence(value=False)) == ("It is.", "It is not.")


@pytest.mark.parametrize(
    ("many", "one"),
    [
        ("The client sent 1 SYNs.", "The client sent 1 SYN."),
        (
            "Within two seconds the client tried 1 other addresses.",
            "Within two seconds the client tried 1 other address.",
        ),
        ("1 connections of that server were reset.", "1 connection of that server was reset."),
        ("1 other connections stand in CLOSE-WAIT.", "1 other connection stands in CLOSE-WAIT."),
        ("1 flows fit the error equally well.", "1 flow fits the error equally well."),
        ("The last data was sent 1 times.", "The last data was sent 1 time."),
        ("1 TCP keepalive probes.", "1 TCP keepalive probe."),
    ],
)
def test_one_is_singular(many: str, one: str) -> None:
    assert agree(many) == one


@pytest.mark.parametrize(
    "sentence",
    [
        "11 connections were reset.",
        "10.0.0.1 connections were reset.",
        "2.1 times as long.",
        "1,001 probes were sent.",
        "In second 1 these were gone.",
        "Frame 1 has SYN.",
    ],
)
def test_other_numbers_are_left_alone(sentence: str) -> None:
    assert agree(sentence) == sentence


def test_every_counting_sentence_has_a_singular() -> None:
    for fact in VOCABULARY.values():
        if fact.type is FactType.INT and not fact.name.startswith("log_"):
            assert fact.sentence(1) != fact.says.replace("{}", "1"), fact.name


def test_none_and_nothing_have_a_sentence_of_their_own() -> None:
    sent = VOCABULARY["responder_bytes"]
    assert sent.sentence(0) == "The server sent no data."
    assert sent.sentence(12) == "The server sent 12 B of data."
    undelivered = VOCABULARY["undelivered"]
    assert undelivered.sentence("none") == "No data was left unacknowledged."
    assert undelivered.sentence("initiator") == "The last data of the client was never acknowledged."
    assert VOCABULARY["protocol"].sentence("ftp") == "The connection speaks FTP."
