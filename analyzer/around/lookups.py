"""DNS questions and their outcome, joined from the messages that a capture shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analyzer.capture.model import Note
from analyzer.decode.notes import DnsMessage, parse_dns
from analyzer.units import NS
from analyzer.values import dataclass

__all__ = ["Lookup", "read_lookups"]

_PATIENCE_NS = 15 * NS
"""A resolver gives a question up within this time (Windows asks for about 12 s over its servers)."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """One DNS question (a name and type, repeats joined) and its outcome."""

    name: str
    query_type: int
    client: bytes
    asked_ns: int
    frames: tuple[int, ...]
    """Of the questions and answers."""
    answered_ns: int | None
    response_code: int | None
    addresses: tuple[bytes, ...]


@dataclass(slots=True)
class _Question:
    """A lookup while its messages are being gathered."""

    name: str
    query_type: int
    client: bytes
    asked_ns: int
    last_asked_ns: int
    frames: list[int]
    answered_ns: int | None = None
    response_code: int | None = None
    addresses: tuple[bytes, ...] = ()

    def repeats(self, ts_ns: int) -> bool:
        """Tell whether the same question at ``ts_ns`` is the resolver's next try of this one."""
        return self.answered_ns is None and ts_ns - self.last_asked_ns < _PATIENCE_NS

    def hear(self, note: Note, message: DnsMessage) -> None:
        """Take an answer; of several servers' answers a good one stands, whatever the others say."""
        self.frames.append(note.frame)
        if self.answered_ns is None or self.response_code:
            self.answered_ns, self.response_code, self.addresses = note.ts_ns, message.rcode, message.addresses


def read_lookups(notes: Iterable[Note]) -> Sequence[Lookup]:
    """Join the DNS messages among ``notes`` to questions, in the order asked."""
    latest: dict[tuple[bytes, str, int], _Question] = {}
    asked: list[_Question] = []
    for note in notes:
        message = parse_dns(note)
        if message is None or not message.name:
            continue
        client = note.destination if message.is_response else note.source
        key = (client, message.name, message.qtype)
        question = latest.get(key)
        if question is not None and not message.is_response and question.repeats(note.ts_ns):
            question.frames.append(note.frame)
            question.last_asked_ns = note.ts_ns
            continue
        if question is None or not message.is_response:
            # An answer whose question was not captured stands for it.
            question = latest[key] = _Question(message.name, message.qtype, client, note.ts_ns, note.ts_ns, [])
            asked.append(question)
        if message.is_response:
            question.hear(note, message)
        else:
            question.frames.append(note.frame)
    return [
        Lookup(
            one.name,
            one.query_type,
            one.client,
            one.asked_ns,
            tuple(one.frames),
            one.answered_ns,
            one.response_code,
            one.addresses,
        )
        for one in asked
    ]
