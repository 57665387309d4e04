"""The vocabulary that rules may use: every fact with its type, its meaning and when it is unknown.

A rule that names anything else is refused when it is loaded. Facts are about one incident and the flow it is tied to;
"initiator" and "responder" are the ends of that flow, client and server in the sentences for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from analyzer.factset import Fact, FactSet, FactType, Known, Unknown, Value, format_value, say_value
from analyzer.vocabulary.around import AROUND, PROTOCOL
from analyzer.vocabulary.derived import DERIVED
from analyzer.vocabulary.elsewhere import ELSEWHERE
from analyzer.vocabulary.ending import CLOSING, RESET
from analyzer.vocabulary.opening import OPENING
from analyzer.vocabulary.ticket import QUALITY, TICKET
from analyzer.vocabulary.waiting import DELIVERY, SILENCE

__all__ = [
    "FAMILIES",
    "VOCABULARY",
    "Fact",
    "FactSet",
    "FactType",
    "Known",
    "Unknown",
    "Value",
    "format_value",
    "say_value",
    "statement",
]

FAMILIES: Mapping[str, tuple[Fact, ...]] = MappingProxyType(
    {
        "The error": TICKET,
        "The capture": QUALITY,
        "Opening": OPENING,
        "Closing": CLOSING,
        "Reset": RESET,
        "Silence and keepalives": SILENCE,
        "Delivery": DELIVERY,
        "Protocol": PROTOCOL,
        "Around the flow": AROUND,
        "Shared observations": DERIVED,
        "The other end": ELSEWHERE,
    }
)
"""The facts by family, in the order of the generated documentation."""

VOCABULARY: Mapping[str, Fact] = MappingProxyType({fact.name: fact for family in FAMILIES.values() for fact in family})
"""Every fact by name."""


def statement(name: str, known: Known) -> str:
    """State a known fact as one sentence: its own where it has one, else the vocabulary's.

    Raises KeyError for a name outside the vocabulary.
    """
    return known.statement or VOCABULARY[name].sentence(known.value)
