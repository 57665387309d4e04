"""YAML with places: every value knows its line and column, and every complaint shows them.

Only what rule files need is read: mappings, lists and plain scalars. ``yes``, ``on`` and ``1:30`` are text, not the
surprises of YAML 1.1. Aliases and duplicate keys are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Node", "Plain", "Scalar", "Source", "nearest", "read_tree"]

Scalar = bool | int | float | str | None
Plain = Any
"""What JSON can hold: scalars, lists and string-keyed dicts of the same."""

_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?[0-9]+\.[0-9]+")
_WORDS: Mapping[str, Scalar] = {"true": True, "false": False, "null": None, "~": None, "": None}
_TAGS = frozenset(["str", "int", "float", "bool", "null", "timestamp", "merge", "value"])
"""What the resolver makes of untagged scalars; their text is what counts here."""
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
        root = yaml.compose(source.text, Loader=loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
        source.complain((mark.line + 1, mark.column + 1) if mark else (1, 1), f"this is no valid YAML: {what}.")
        return None
    if root is None:
        source.complain((1, 1), "the file is empty.")
        return None
    return _convert(root, source, set())


def _convert(raw: Any, source: Source, seen: set[int]) -> Node:
    line, column = raw.start_mark.line + 1, raw.start_mark.column + 1
    if id(raw) in seen:
        source.complain((line, column), "aliases are not allowed; write the value out where it is needed.")
        return Node(None, line, column)
    seen.add(id(raw))
    if raw.id == "scalar":
        if raw.tag.removeprefix("tag:yaml.org,2002:") not in _TAGS:
            source.complain((line, column), f"the tag {raw.tag} is not allowed.")
        return Node(raw.value if raw.style else _scalar(raw.value), line, column)
    if raw.id == "sequence":
        return Node(tuple(_convert(part, source, seen) for part in raw.value), line, column)
    entries: dict[str, tuple[Node, Node]] = {}
    for raw_key, raw_value in raw.value:
        key = Node(raw_key.value, raw_key.start_mark.line + 1, raw_key.start_mark.column + 1)
        value = _convert(raw_value, source, seen)
        if not isinstance(key.value, str):
            source.complain(key, "a key must be one word.")
        elif key.value in entries:
            first = entries[key.value][0]
            source.complain(key, f"'{key.value}' stands here for the second time; the first is on line {first.line}.")
        else:
            entries[key.value] = (key, value)
    return Node(entries, line, column)


def _scalar(text: str) -> Scalar:
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
