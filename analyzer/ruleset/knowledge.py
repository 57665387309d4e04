"""What is known about a cause, for people: why it comes to 10057, how to tell it from others, what to change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from analyzer.facts import VOCABULARY, FactSet, say_value
from analyzer.factset import agree
from analyzer.ruleset.conditions import condition_text, restore_condition
from analyzer.ruleset.model import Condition
from analyzer.values import dataclass

__all__ = ["Answer", "Fix", "Knowledge", "LookAlike", "placeholders", "render_summary", "restore_knowledge"]

PARTIES = ("client", "server", "time")
"""What a summary may name besides facts."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True)
class LookAlike:
    """Another cause that shows nearly the same packets."""

    cause: str
    tell_apart: str


@dataclass(frozen=True, slots=True)
class Fix:
    """One thing to change, with the code to change it with."""

    text: str
    code: Mapping[str, str]
    """Language (``C``, ``C#``, ``Python``) to source text, in the order to show it."""
    shared: str | None = None
    """Its id in fixes.yaml when several causes share it."""
    when: Condition | None = None
    """Which incidents it is for; None is all of them."""

    def audience(self) -> str:
        """Return the condition in words, or nothing."""
        return "" if self.when is None else condition_text(self.when)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one socket call answers in a state of the socket."""

    call: str
    error: str
    why: str


@dataclass(frozen=True, slots=True)
class Knowledge:
    """One cause explained. All texts are plain, without markup."""

    cause: str
    title: str
    summary: str
    """Template for one incident; see `render_summary`."""
    why: str
    known_problems: tuple[str, ...]
    """Where the rules of this cause are known to err."""
    look_alikes: tuple[LookAlike, ...]
    counter_evidence: tuple[str, ...]
    """Observations that speak against it."""
    would_settle: tuple[str, ...]
    """Captures, logs or commands that would prove or disprove it, the best first."""
    fix: tuple[Fix, ...]
    winsock: tuple[Answer, ...]
    """What each call answers from the decisive packet on."""
    states: tuple[str, ...]
    """The ids in winsock.yaml that those answers come from."""
    references: tuple[str, ...]
    """``RFC 1122 §4.2.3.6``, or words and an address."""
    match: tuple[str, ...]
    """Samples that must be diagnosed as this cause."""
    must_not: tuple[str, ...]
    """Samples that must not."""


def restore_knowledge(plain: Any) -> Knowledge:
    """Build the knowledge of a cause from checked plain data."""
    return Knowledge(
        cause=plain["id"],
        title=plain["title"],
        summary=plain["summary"],
        why=plain["why"],
        known_problems=tuple(plain["known_problems"]),
        look_alikes=tuple(LookAlike(one["cause"], one["tell_apart"]) for one in plain["look_alikes"]),
        counter_evidence=tuple(plain["counter_evidence"]),
        would_settle=tuple(plain["would_settle"]),
        fix=tuple(map(_restore_fix, plain["fix"])),
        winsock=tuple(Answer(one["call"], one["error"], one["why"]) for one in plain["winsock"]),
        states=tuple(plain["states"]),
        references=tuple(plain["references"]),
        match=tuple(plain["samples"]["match"]),
        must_not=tuple(plain["samples"]["must_not"]),
    )


def _restore_fix(plain: Any) -> Fix:
    when = plain["when"]
    return Fix(plain["text"], plain["code"], plain["shared"], None if when is None else restore_condition(when))


def placeholders(template: str) -> list[str]:
    """List the names in braces of a summary template."""
    return _PLACEHOLDER.findall(template)


def render_summary(template: str, facts: FactSet, parties: Mapping[str, str]) -> str:
    """Fill a summary template for one incident.

    ``{silence_before_end}`` stands for a fact's value with its unit, ``{client}``, ``{server}`` and ``{time}`` for
    entries of ``parties``. A passage in square brackets is left out when something in it is unknown, none or nothing;
    outside brackets an unknown value reads as "an unknown ..." with the words of its name.
    """

    def fill(name: str) -> str | None:
        if name in PARTIES:
            return parties.get(name)
        value = facts.known_values.get(name)
        return None if value is None else say_value(VOCABULARY[name], value)

    def optional(match: re.Match[str]) -> str:
        passage = match[1]
        return passage if all(tells(name) for name in placeholders(passage)) else ""

    def tells(name: str) -> bool:
        value = parties.get(name) if name in PARTIES else facts.known_values.get(name)
        return bool(value) and value != "none"

    def required(match: re.Match[str]) -> str:
        name = match[1]
        return fill(name) or (f"the {name}" if name in PARTIES else f"an unknown {name.replace('_', ' ')}")

    text = _PLACEHOLDER.sub(required, _OPTIONAL.sub(optional, template))
    return agree(" ".join(text.split()))
