"""What the rules that come with the program know: complete, consistent, and with code that at least parses."""

from __future__ import annotations

import ast
import json
import re
import textwrap

import pytest

from analyzer.resources import rules_directory
from analyzer.ruleset.knowledge import Knowledge
from analyzer.ruleset.load import load_rules, read_rules
from analyzer.ruleset.yamltree import Source, read_tree

RULES = read_rules()
CAUSES = tuple(RULES.causes)
PERMANENT = [
    "never-connected",
    "name-resolution-failed",
    "neighbour-unresolved",
    "connection-refused",
    "connection-rejected-by-firewall",
    "connection-timed-out",
    "destination-unreachable",
    "handshake-not-completed",
    "accept-queue-full",
    "used-before-connected",
    "connect-abandoned",
    "address-race-lost",
    "port-reuse-collision",
    "proxy-refused",
    "server-closed-then-client-sent",
    "server-idle-timeout",
    "stale-pooled-connection",
    "close-wait-leak",
    "server-reset",
    "server-reset-unread-data",
    "server-restarted",
    "server-unresponsive",
    "tls-handshake-failed",
    "protocol-rejected",
    "accepted-then-reset",
    "firewall-idle-drop",
    "firewall-idle-reset",
    "middlebox-reset",
    "path-lost",
    "path-mtu-blackhole",
    "keepalive-unanswered",
    "nat-mapping-changed",
    "client-closed-locally",
    "client-gave-up-waiting",
    "link-changed",
    "ftp-control-idle-during-transfer",
    "ftp-data-connection-blocked",
    "no-network-cause",
    "connect-context-not-updated",
    "wrong-socket-used",
    "udp-socket-unconnected",
    "insufficient-evidence",
    "reconnect-storm",
    "keepalive-longer-than-idle-limit",
    "no-keepalive",
    "ephemeral-ports-exhausted",
]


def texts(known: Knowledge) -> list[str]:
    return [
        known.title,
        known.summary,
        known.why,
        *known.known_problems,
        *(one.tell_apart for one in known.look_alikes),
        *known.counter_evidence,
        *known.would_settle,
        *(one.text for one in known.fix),
        *(text for one in known.winsock for text in (one.call, one.error, one.why)),
    ]


def test_ids_are_permanent() -> None:
    assert list(CAUSES) == PERMANENT


def test_finer_causes_name_what_they_refine() -> None:
    refined = {cause: entry.refines for cause, entry in RULES.causes.items() if entry.refines}
    assert refined == {
        "stale-pooled-connection": "server-idle-timeout",
        "server-reset-unread-data": "server-reset",
        "client-gave-up-waiting": "client-closed-locally",
        "connect-context-not-updated": "no-network-cause",
        "wrong-socket-used": "no-network-cause",
        "udp-socket-unconnected": "no-network-cause",
    }


def test_findings_are_told_from_causes() -> None:
    findings = [cause for cause, entry in RULES.causes.items() if entry.kind == "finding"]
    assert findings == PERMANENT[-4:]


@pytest.mark.parametrize("cause", CAUSES)
def test_knowledge_is_complete(cause: str) -> None:
    known = RULES.knowledge(cause)
    assert known.cause == cause
    assert known.known_problems
    assert known.look_alikes
    assert known.counter_evidence
    assert known.would_settle
    assert known.fix
    assert known.winsock
    assert known.states
    assert known.references
    assert RULES.causes[cause].owner
    assert "10057" in " ".join(texts(known))


@pytest.mark.parametrize("cause", CAUSES)
def test_texts_are_sentences_for_people(cause: str) -> None:
    known = RULES.knowledge(cause)
    assert not known.title.endswith(".")
    for text in (known.summary, known.why, *known.known_problems, *known.counter_evidence, *known.would_settle):
        assert text.endswith((".", ":")), text
        assert text[0].isupper() or text[0] in "{1" or text.split()[0].rstrip(",") in {"send", "recv", "openssl"}, text
    for text in texts(known):
        assert "\n" not in text
        assert not re.search(r"\s{2}|\bTODO\b|\t", text), text


@pytest.mark.parametrize("cause", CAUSES)
def test_summaries_read_well_when_nothing_optional_is_known(cause: str) -> None:
    summary = RULES.knowledge(cause).summary
    assert summary.count("[") == summary.count("]")
    assert not re.search(r"\[[^\]{]*\]", summary), "a passage in brackets must depend on a fact"


@pytest.mark.parametrize("cause", CAUSES)
def test_code_of_the_fixes_is_whole(cause: str) -> None:
    for fix in RULES.knowledge(cause).fix:
        for language, source in fix.code.items():
            if language == "Python":
                ast.parse("async def example():\n" + textwrap.indent(source, "    "))
            if language in ("C", "C#", "Python"):
                bare = re.sub(
                    r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])\'|/\*.*?\*/|//[^\n]*|#[^\n]*', "", source, flags=re.DOTALL
                )
                for left, right in ("()", "{}", "[]"):
                    assert bare.count(left) == bare.count(right), (fix.text, language, left)


def test_the_fixes_the_report_promises_are_there() -> None:
    code = {fix.shared: fix.code for cause in CAUSES for fix in RULES.knowledge(cause).fix if fix.shared}
    assert "SIO_KEEPALIVE_VALS" in code["keepalive"]["C"]
    assert "SIO_KEEPALIVE_VALS" in code["keepalive"]["Python"]
    assert "TcpKeepAliveTime" in code["keepalive"]["C#"]
    assert "SO_ERROR" in code["wait-for-connect"]["C"]
    assert "SO_UPDATE_CONNECT_CONTEXT" in code["update-connect-context"]["C"]
    assert "PooledConnectionIdleTimeout" in code["pool-lifetime"]["C#"]
    for name in ("check-recv-zero", "reconnect-with-backoff", "check-connect"):
        assert {"C", "C#", "Python"} <= set(code[name])


@pytest.mark.parametrize("name", ["fixes.yaml", "winsock.yaml"])
def test_no_shared_text_is_without_a_user(name: str) -> None:
    source = Source(name, (rules_directory() / name).read_text(encoding="utf-8"))
    tree = read_tree(source)
    assert tree is not None
    used: set[str | None] = set()
    for cause in CAUSES:
        known = RULES.knowledge(cause)
        used |= set(known.states) | {fix.shared for fix in known.fix}
    assert {key.value for key, _ in tree.pairs()} <= used


@pytest.mark.parametrize("cause", CAUSES)
def test_every_cause_has_a_rule(cause: str) -> None:
    assert any(rule.cause == cause and rule.when is not None for rule in RULES.rules)


def test_rules_stay_below_certainty() -> None:
    assert all(0 < rule.score <= 0.99 for rule in RULES.rules if rule.when is not None)


def test_nothing_reads_of_how_it_was_made() -> None:
    text = json.dumps([[*texts(RULES.knowledge(cause))] for cause in CAUSES])
    assert not re.search(r"\b(AI|assistant|language model|prompt)\b", text)


def test_loading_gives_what_reading_gives() -> None:
    loaded = load_rules()
    assert loaded.rules == RULES.rules
    assert all(loaded.knowledge(cause) == RULES.knowledge(cause) for cause in CAUSES)
