"""Explanations: what can be asked for, and what the answers hold."""

from __future__ import annotations

import re

import pytest

from analyzer.errors import UsageError
from analyzer.ruleset.explain import explain_text, topics
from analyzer.ruleset.load import load_rules

RULES = load_rules()


@pytest.mark.parametrize("topic", topics(RULES))
def test_everything_that_is_listed_can_be_explained(topic: str) -> None:
    text = explain_text(topic, RULES)
    assert len(text.splitlines()) > 3
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


@pytest.mark.parametrize("topic", RULES.causes)
def test_a_cause_is_told_in_full(topic: str) -> None:
    text = explain_text(topic, RULES)
    for heading in (
        "How it comes to 10057",
        "What each call answers from then on",
        "What speaks against it",
        "What would settle it",
        "What to change",
        "References",
    ):
        assert f"\n{heading}\n" in text


@pytest.mark.parametrize(
    "spelling",
    ["10057", "WSAENOTCONN", "enotconn", "NotConnected", "0x2749", "0x80072749", "-2147014839", "0xc0000140", "107"],
)
def test_10057_in_every_spelling(spelling: str) -> None:
    text = explain_text(spelling, RULES)
    assert text.startswith("10057 WSAENOTCONN")
    for word in (
        "getpeername: succeeds",
        ".NET",
        "Python",
        "Java",
        "Go",
        "Node.js",
        "Linux",
        "10053",
        "10054",
        "10061",
    ):
        assert word in text


@pytest.mark.parametrize("code", ["10053", "10054", "10058", "10060", "10061", "10035", "10038"])
def test_the_errors_around_it(code: str) -> None:
    text = explain_text(code, RULES)
    assert text.startswith(f"{code} WSAE")
    assert "What comes after" in text


def test_numbers_of_other_systems_lead_to_one_code_each() -> None:
    names = [name.casefold() for code in RULES.codes() for name in (*code.names, str(code.code), code.symbol)]
    assert len(names) == len(set(names))


def test_a_rule_shows_its_logic() -> None:
    rule = next(rule for rule in RULES.rules if rule.when is not None and rule.raises)
    text = explain_text(rule.id, RULES)
    assert "\nWhen\n" in text
    assert "\nRaised by\n" in text
    assert rule.cause in text


def test_prose_fits_a_terminal() -> None:
    for topic in topics(RULES):
        for line in explain_text(topic, RULES).splitlines():
            is_code = line.startswith("        ")
            is_table = bool(re.match(r"  [a-z-]+  ", line))
            assert is_code or is_table or len(line) <= 100 or " " not in line.strip(), line


@pytest.mark.parametrize(
    ("topic", "hint"),
    [("firewal-idle-drop", "'firewall-idle-drop'"), ("sever-reset", "'server-reset'"), ("cuases", "'causes'")],
)
def test_a_slip_of_the_finger_gets_a_suggestion(topic: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"Did you mean {hint}"):
        explain_text(topic, RULES)


def test_nonsense_is_refused_with_a_way_out() -> None:
    with pytest.raises(UsageError, match="'causes' lists the causes"):
        explain_text("zzz", RULES)


def test_spaces_and_case_do_not_matter() -> None:
    assert explain_text(" Server-Reset ", RULES) == explain_text("server-reset", RULES)
