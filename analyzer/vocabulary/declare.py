"""Short forms to declare facts with, and the reasons for unknowns that many facts share."""

from __future__ import annotations

from analyzer.factset import Fact, FactType

__all__ = [
    "NO_END",
    "NO_FLOW",
    "NO_LOG",
    "NO_RESET",
    "NO_SILENCE",
    "NO_START",
    "NO_TIME",
    "ONE_WAY",
    "choice",
    "count",
    "duration",
    "size",
    "text",
    "truth",
]

NO_FLOW = "no flow of the capture belongs to the incident"
NO_LOG = "no log line tells of the incident"
NO_TIME = "the time of the error is not known"
NO_START = "the capture holds no packet of the handshake"
NO_END = "the capture ends before the flow does"
ONE_WAY = "only one direction was captured"
NO_RESET = "no RST was captured"
NO_SILENCE = "the flow was never silent for a second"


def truth(name: str, meaning: str, unknown_when: str, says: str = "", says_not: str = "") -> Fact:
    """Declare a yes or no, with the sentence for each."""
    return Fact(name, FactType.BOOL, meaning, unknown_when, (), says, says_not)


def choice(name: str, choices: str, meaning: str, unknown_when: str, says: str = "", says_none: str = "") -> Fact:
    """Declare one of several words, given in one string, with a sentence of its own for the word ``none``."""
    return Fact(name, FactType.ENUM, meaning, unknown_when, tuple(choices.split()), says, says_none)


def count(name: str, meaning: str, unknown_when: str, says: str = "", says_none: str = "") -> Fact:
    """Declare a whole number, with a sentence of its own for zero."""
    return Fact(name, FactType.INT, meaning, unknown_when, (), says, says_none)


def duration(name: str, meaning: str, unknown_when: str, says: str = "") -> Fact:
    """Declare a time span in nanoseconds."""
    return Fact(name, FactType.DURATION, meaning, unknown_when, (), says)


def size(name: str, meaning: str, unknown_when: str, says: str = "", says_nothing: str = "") -> Fact:
    """Declare a number of bytes, with a sentence of its own for none at all."""
    return Fact(name, FactType.SIZE, meaning, unknown_when, (), says, says_nothing)


def text(name: str, meaning: str, unknown_when: str, says: str = "") -> Fact:
    """Declare a free text."""
    return Fact(name, FactType.TEXT, meaning, unknown_when, (), says)
