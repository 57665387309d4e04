"""What is known and what is not: the value types that rules are evaluated on.

A fact is known, with the frames that show it, or unknown with a reason (the fourth law of the house). Nothing here
knows which facts exist; that closed list is `analyzer.facts`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum

from analyzer.units import format_duration
from analyzer.values import dataclass

__all__ = ["Fact", "FactSet", "FactType", "Known", "Unknown", "Value", "agree", "format_value", "say_value"]

Value = bool | int | str
"""A bool, an integer (durations in nanoseconds, sizes in bytes) or text (also the choices of an enum)."""


class FactType(Enum):
    """What values a fact takes."""

    BOOL = "bool"
    INT = "int"
    DURATION = "duration"
    """Integer nanoseconds; written ``350s`` in a rule."""
    SIZE = "size"
    """Integer bytes; written ``4KiB`` in a rule."""
    ENUM = "enum"
    """One of `Fact.choices`."""
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Fact:
    """The declaration of one fact: what a rule may ask and what the answer means."""

    name: str
    type: FactType
    meaning: str
    """One sentence for people who write rules."""
    unknown_when: str
    """When the answer cannot be had."""
    choices: tuple[str, ...] = ()
    """The values of an enum; empty for other types."""
    says: str = ""
    """The sentence of a report when the fact is known; ``{}`` stands for the value. For a bool: when it is true."""
    says_not: str = ""
    """The sentence when the value is false, zero, none or nothing."""

    @property
    def unit(self) -> str:
        """The unit of the value as a rule writes it; empty where there is none."""
        return {FactType.DURATION: "ns, us, ms, s, min, h, d", FactType.SIZE: "B, KiB, MiB, GiB"}.get(self.type, "")

    def admits(self, value: Value) -> bool:
        """Tell whether ``value`` is of this fact's type and among its choices."""
        if self.type is FactType.BOOL:
            return isinstance(value, bool)
        if self.type in (FactType.ENUM, FactType.TEXT):
            return isinstance(value, str) and (self.type is FactType.TEXT or value in self.choices)
        return isinstance(value, int) and not isinstance(value, bool)

    def sentence(self, value: Value) -> str:
        """State the fact with this value as one sentence for people."""
        if self.says_not and (not value or value == "none"):
            return self.says_not
        if self.type is FactType.BOOL:
            if value and self.says:
                return self.says
        elif self.says:
            return agree(self.says.replace("{}", say_value(self, value)))
        return f"{self.meaning.rstrip('.')}: {say_value(self, value)}."


def format_value(fact: Fact, value: Value) -> str:
    """Return a fact's value as a person reads it, with its unit."""
    if fact.type is FactType.BOOL:
        return "yes" if value else "no"
    if fact.type is FactType.DURATION and isinstance(value, int):
        return format_duration(value)
    if fact.type is FactType.SIZE:
        return f"{value:,} B"
    return str(value)


_WORDS = {
    "responder-fin": "FIN of the server",
    "responder-rst": "RST of the server",
    "responder-data": "data of the server",
    "initiator-fin": "FIN of the client",
    "initiator-rst": "RST of the client",
    "initiator-data": "data of the client",
    "both-rst": "RSTs in both directions",
    "keepalive": "a keepalive probe",
    "initiator": "the client",
    "responder": "the server",
    "both": "both sides",
    "peer": "the host itself",
    "box": "a device between",
    "before-syn": "before the SYN",
    "handshake": "between SYN and SYN-ACK",
    "established": "connected",
    "after-fin": "after a FIN",
    "after-rst": "after a RST",
    "bare": "a bare RST",
    "acknowledging": "RST, ACK",
    "name-error": "no such name",
    "server-failure": "the name server failed",
    "no-answer": "nobody answered",
    "no-address": "the name has no address",
    "client-hello": "the ClientHello",
    "server-hello": "the server's first answer",
    "admin-prohibited": "administratively prohibited",
    "syn": "a SYN",
    "fin": "a FIN",
    "tcp": "TCP",
    "udp": "UDP",
    "ftp": "FTP",
    "ftp-data": "FTP data",
    "tls": "TLS",
    "http": "HTTP",
    "smtp": "SMTP",
    "ssh": "SSH",
    "tds": "TDS (SQL Server)",
    "mysql": "MySQL",
    "postgresql": "PostgreSQL",
    "redis": "Redis",
    "socks": "SOCKS",
}
"""Choices in a reader's words; what is missing reads well with spaces for hyphens."""


def say_value(fact: Fact, value: Value) -> str:
    """Return a fact's value in a sentence for people; rules and their documentation use `format_value`."""
    if fact.type is FactType.ENUM:
        text = str(value)
        return _WORDS.get(text, text.replace("-", " "))
    return format_value(fact, value)


_COUNTED = "address|segment|SYN|connection|attempt|handshake|request|probe|time|host|port|packet|flow"
_ONE = re.compile(rf"(?<![\w.:,])1 (?P<kind>(?:[A-Za-z]+ ){{0,2}}?)(?P<noun>{_COUNTED})(?:es|s)\b")
_VERBS = {"were": "was", "stand": "stands", "fit": "fits"}
_VERB = re.compile(rf"(?P<subject>(?<![\w.:,])1 [a-zA-Z][^.;,()]*?)\b(?P<verb>{'|'.join(_VERBS)})\b")


def agree(sentence: str) -> str:
    """Return the sentence with what a 1 counts in the singular: templates are written for many."""
    text, changed = _ONE.subn(r"1 \g<kind>\g<noun>", sentence)
    return _VERB.sub(lambda match: match["subject"] + _VERBS[match["verb"]], text) if changed else sentence


@dataclass(frozen=True, slots=True)
class Known:
    """A value and what shows it."""

    value: Value
    frames: tuple[int, ...] = ()
    """Frame numbers in the incident's capture, in the order to look at them."""
    statement: str = ""
    """One sentence for people; empty leaves it to `Fact.sentence`."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A question that could not be answered."""

    reason: str
    settle_by: str = ""
    """What would answer it: another vantage, a log, a command."""


class FactSet(Mapping[str, Known | Unknown]):
    """The facts of one incident.

    A name that was never set is an `Unknown` too, so a rule cannot mistake "not looked at" for "not so"; iteration
    covers the names that were set. ``known_values`` holds the known values alone, which is all that evaluating needs.
    """

    __slots__ = ("_evidence", "_unknown", "known_values")

    def __init__(self, facts: Mapping[str, Known | Unknown] | None = None) -> None:
        self.known_values: dict[str, Value] = {}
        self._evidence: dict[str, tuple[tuple[int, ...], str]] = {}
        self._unknown: dict[str, Unknown] = {}
        for name, fact in (facts or {}).items():
            if isinstance(fact, Known):
                self.know(name, fact.value, fact.frames, fact.statement)
            else:
                self.miss(name, fact.reason, fact.settle_by)

    def know(self, name: str, value: Value, frames: tuple[int, ...] = (), statement: str = "") -> None:
        """Record that ``name`` has ``value``, as ``frames`` show. A later call replaces an earlier one."""
        self.known_values[name] = value
        if frames or statement:
            self._evidence[name] = (frames, statement)
        else:
            self._evidence.pop(name, None)
        if self._unknown:
            self._unknown.pop(name, None)

    def miss(self, name: str, reason: str, settle_by: str = "") -> None:
        """Record that ``name`` cannot be known, and why."""
        self._unknown[name] = Unknown(reason, settle_by)
        self.known_values.pop(name, None)
        self._evidence.pop(name, None)

    def maybe(self, name: str, value: Value | None, frames: tuple[int, ...] = (), reason: str = "") -> None:
        """Record ``value``, or that it is unknown for ``reason`` where it is None."""
        if value is None:
            self.miss(name, reason)
        else:
            self.know(name, value, frames)

    def include(self, other: FactSet) -> None:
        """Record what ``other`` holds; none of its names may have been set here."""
        self.known_values |= other.known_values
        self._evidence |= other._evidence
        self._unknown |= other._unknown

    def __getitem__(self, name: str) -> Known | Unknown:
        value = self.known_values.get(name)
        if value is not None:
            frames, statement = self._evidence.get(name, ((), ""))
            return Known(value, frames, statement)
        return self._unknown.get(name) or Unknown("it was not looked at")

    def __contains__(self, name: object) -> bool:
        return name in self.known_values or name in self._unknown

    def __iter__(self) -> Iterator[str]:
        yield from self.known_values
        yield from self._unknown

    def __len__(self) -> int:
        return len(self.known_values) + len(self._unknown)

    def __repr__(self) -> str:
        return f"FactSet({dict(self)!r})"
