"""YAML with places: every value knows its line and column, and every complaint shows them.

Only what rule files need is read: mappings, lists and plain scalars. ``yes``, ``on`` and ``1:30`` are text, not the
surprises of YAML 1.1. Aliases and duplicate keys are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from analyzer.values import dataclass, field

__all__ = ["Node", "Plain", "Scalar", "Source", "nearest", "read_tree"]

Scalar = bool | int | float | str | None
Plain = Any
"""What JSON can hold: scalars, lists and string-keyed dicts of the same."""

_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?[0-9]+\.[0-9]+")
_WORDS: Mapping[str, Scalar] = {"true": True, "false": False, "null": None, "~": None, "": None}
_DEEPEST = 40
"""Far more than any rule needs, far less than the interpreter bears."""
_WIDTH = 120


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a file with its place, both from 1."""

    value: Scalar | tuple[Node, ...] | dict[str, tuple[Node, Node]]
    """A scalar, a list, or a mapping of text to (key, value)."""
    line: int
    column: int

    @property
    def is_map(self) -> bool:
        """The node is a mapping."""
        return isinstance(self.value, dict)

    @property
    def is_list(self) -> bool:
        """The node is a list."""
        return isinstance(self.value, tuple)

    def pairs(self) -> Iterable[tuple[Node, Node]]:
        """Return the (key, value) pairs of a mapping in file order; empty for other nodes."""
        return self.value.values() if isinstance(self.value, dict) else ()

    def parts(self) -> tuple[Node, ...]:
        """Return the members of a list; empty for other nodes."""
        return self.value if isinstance(self.value, tuple) else ()

    def get(self, key: str) -> Node | None:
        """Return the value under ``key`` of a mapping, or None."""
        entry = self.value.get(key) if isinstance(self.value, dict) else None
        return entry[1] if entry else None

    def plain(self) -> Plain:
        """Return the value without places."""
        if isinstance(self.value, dict):
            return {name: node.plain() for name, (_, node) in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.plain() for node in self.value]
        return self.value


@dataclass(slots=True)
class Source:
    """A file that is being read, and every problem found in it so far."""

    name: str
    """As it is shown to people."""
    text: str
    problems: list[str] = field(default_factory=list)
    """Shared by all sources of one load."""

    def complain(self, place: Node | tuple[int, int], message: str) -> None:
        """Record a problem with its line and a caret under its column."""
        line, column = (place.line, place.column) if isinstance(place, Node) else place
        lines = self.text.split("\n")
        shown = lines[line - 1].rstrip("\r") if 0 < line <= len(lines) else ""
        # A tab or an escape sequence would shift the caret, or worse.
        shown = "".join(sign if sign.isprintable() else " " for sign in shown)
        start = max(0, column - _WIDTH)
        caret = " " * (column - 1 - start) + "^"
        self.problems.append(
            f"{self.name}:{line}:{column}: {message}\n    {shown[start : start + _WIDTH]}\n    {caret}"
        )


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the known word closest to ``word``, or nothing."""
    import difflib

    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean '{close[0]}'?" if close else ""


def read_tree(source: Source) -> Node | None:
    """Parse a file into nodes. What is wrong goes to ``source.problems``; None when nothing can be read."""
    import yaml  # only a changed rule folder needs it, and it takes longer to load than the rules

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # Events and not nodes: the parser's own composing recurses without a bound.
        kept = (yaml.NodeEvent, yaml.CollectionEndEvent)
        events = (event for event in yaml.parse(source.text, Loader=loader) if isinstance(event, kept))
        first = next(events, None)
        if first is None:
            source.complain((1, 1), "the file is empty.")
            return None
        root = _convert(first, events, source, 0)
        second = next(events, None)
    except _TooDeepError:
        return None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
        source.complain((mark.line + 1, mark.column + 1) if mark else (1, 1), f"this is no valid YAML: {what}.")
        return None
    if second is not None:
        source.complain(_place(second), "a second document begins here; a file holds one.")
    return root


class _TooDeepError(Exception):
    """The nesting limit was passed; the complaint is recorded."""


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _convert(event: Any, events: Iterator[Any], source: Source, depth: int) -> Node:
    line, column = _place(event)
    kind = type(event).__name__
    if kind == "AliasEvent":
        source.complain((line, column), "aliases are not allowed; write the value out where it is needed.")
        return Node(None, line, column)
    if event.tag is not None:
        source.complain((line, column), f"the tag {event.tag} is not allowed.")
    if kind == "ScalarEvent":
        return Node(event.value if event.style else _scalar(event.value), line, column)
    if depth == _DEEPEST:
        source.complain((line, column), f"this is nested more than {_DEEPEST} levels deep.")
        raise _TooDeepError
    if kind == "SequenceStartEvent":
        parts: list[Node] = []
        while type(part := next(events)).__name__ != "SequenceEndEvent":
            parts.append(_convert(part, events, source, depth + 1))
        return Node(tuple(parts), line, column)
    entries: dict[str, tuple[Node, Node]] = {}
    while type(part := next(events)).__name__ != "MappingEndEvent":
        word = part.value if type(part).__name__ == "ScalarEvent" else None
        key = _convert(part, events, source, depth + 1)
        value = _convert(next(events), events, source, depth + 1)
        if word is None:
            source.complain(key, "a key must be one word.")
        elif word in entries:
            first = entries[word][0]
            source.complain(key, f"'{word}' stands here for the second time; the first is on line {first.line}.")
        else:
            entries[word] = (Node(word, key.line, key.column), value)
    return Node(entries, line, column)


def _scalar(text: str) -> Scalar:
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
