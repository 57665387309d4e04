"""Conditions out of files: every name, operator, type and unit checked against the vocabulary."""

from __future__ import annotations

from collections.abc import Callable

from analyzer.facts import VOCABULARY, Fact, FactType, Value
from analyzer.ruleset.conditions import OPERATORS
from analyzer.ruleset.model import SETTINGS, All, AnyOf, Condition, Not, Operand, Reference, Test
from analyzer.ruleset.timeouts import KINDS, SCOPES
from analyzer.ruleset.yamltree import Node, Source, nearest
from analyzer.units import parse_duration, parse_size

__all__ = ["read_condition"]

_ORDERED = (FactType.INT, FactType.DURATION, FactType.SIZE)
_WORDY = ["eq", "ne", "in", "is"]
_EXAMPLES = {
    FactType.BOOL: "true or false",
    FactType.INT: "a whole number",
    FactType.DURATION: "a number with its unit, such as 350s, 200ms or 2h",
    FactType.SIZE: "a whole number with its unit, such as 512B or 4KiB",
    FactType.TEXT: "text",
}


def read_condition(node: Node, source: Source) -> Condition | None:
    """Check a condition and return it; None when it has a problem, which then stands in ``source.problems``.

    A mapping with several entries asks for all of them.
    """
    if not node.is_map or not node.value:
        source.complain(node, "a condition is a mapping: all, any, not, or a fact with what to compare it with.")
        return None
    parts = [_read_entry(key, value, source) for key, value in node.pairs()]
    return _all_of(parts)


def _all_of(parts: list[Condition | None]) -> Condition | None:
    sound = [part for part in parts if part is not None]
    if len(sound) < len(parts):
        return None
    return sound[0] if len(sound) == 1 else All(tuple(sound))


def _read_entry(key: Node, value: Node, source: Source) -> Condition | None:
    name = str(key.value)
    if name in ("all", "any"):
        if not value.parts():
            source.complain(value, f"'{name}' takes a list of conditions, at least one.")
            return None
        read = [read_condition(part, source) for part in value.parts()]
        sound = tuple(part for part in read if part is not None)
        if len(sound) < len(read):
            return None
        return All(sound) if name == "all" else AnyOf(sound)
    if name == "not":
        part = read_condition(value, source)
        return None if part is None else Not(part)
    fact = VOCABULARY.get(name)
    if fact is None:
        source.complain(key, f"there is no fact '{name}'.{nearest(name, [*VOCABULARY, 'all', 'any', 'not'])}")
        return None
    if not value.is_map:
        return _read_test(fact, "eq", value, source)
    if not value.value:
        source.complain(value, "an operator is missing here.")
        return None
    return _all_of([_read_operator(fact, op, operand, source) for op, operand in value.pairs()])


def _read_operator(fact: Fact, op: Node, operand: Node, source: Source) -> Condition | None:
    name = str(op.value)
    if name not in OPERATORS and name != "is":
        source.complain(op, f"there is no operator '{name}'.{nearest(name, [*OPERATORS, 'is'])}")
        return None
    if fact.type not in _ORDERED and name not in _WORDY:
        source.complain(op, f"'{fact.name}' is a {fact.type.value} and has no order; use {', '.join(_WORDY)}.")
        return None
    return _read_test(fact, "eq" if name == "is" else name, operand, source)


def _read_test(fact: Fact, op: str, node: Node, source: Source) -> Test | None:
    operand: Operand | None
    if op == "in" and isinstance(node.value, str) and node.value.startswith("$timeouts"):
        operand = _read_timeouts(fact, node, source)
    elif op in ("in", "between"):
        if not node.parts() or (op == "between" and len(node.parts()) != 2):
            wanted = "a list of two values, lowest first" if op == "between" else "a list of values"
            source.complain(node, f"'{op}' takes {wanted}.")
            return None
        members = [_read_value(fact, part, source) for part in node.parts()]
        sound = tuple(member for member in members if member is not None)
        operand = sound if len(sound) == len(members) else None
        if op == "between" and operand and all(isinstance(end, int) for end in sound) and sound[0] > sound[1]:  # type: ignore[operator]
            source.complain(node, "the lower end comes first.")
            return None
    else:
        operand = _read_value(fact, node, source)
    return None if operand is None else Test(fact.name, op, operand)


def _read_timeouts(fact: Fact, node: Node, source: Source) -> Reference | None:
    words = str(node.value)[1:].split(".")
    if fact.type is not FactType.DURATION:
        source.complain(node, f"'{fact.name}' is a {fact.type.value}; only a duration can be looked up in $timeouts.")
        return None
    for word, known in zip(words[1:], (KINDS, SCOPES), strict=False):
        if word not in known:
            source.complain(node, f"the table of limits has no '{word}'.{nearest(word, known)}")
            return None
    if words[0] != "timeouts" or len(words) > 3:
        source.complain(node, "write $timeouts, $timeouts.KIND or $timeouts.KIND.SCOPE.")
        return None
    return Reference(".".join(words))


def _read_value(fact: Fact, node: Node, source: Source) -> Value | Reference | None:
    value = node.value
    if isinstance(value, str) and value.startswith("$"):
        return _read_setting(fact, node, value, source)
    if isinstance(value, str) and value in ("unknown", "known") and value not in fact.choices:
        source.complain(node, "a condition cannot ask whether a fact is known; list the fact under needs with a cap.")
        return None
    parse: Callable[[str], int] | None = {FactType.DURATION: parse_duration, FactType.SIZE: parse_size}.get(fact.type)
    if parse is not None:
        if value == 0 and not isinstance(value, bool):
            return 0
        if isinstance(value, str):
            try:
                return parse(value)
            except ValueError as error:
                source.complain(node, f"{error}.")
                return None
    elif isinstance(value, bool | int | str) and fact.admits(value):
        return value
    if fact.type is FactType.ENUM:
        hint = nearest(str(value), fact.choices) or f" It is one of {', '.join(fact.choices)}."
        source.complain(node, f"'{_shown(node)}' is no value of '{fact.name}'.{hint}")
    else:
        source.complain(node, f"'{fact.name}' is compared with {_EXAMPLES[fact.type]}, not with '{_shown(node)}'.")
    return None


def _read_setting(fact: Fact, node: Node, text: str, source: Source) -> Reference | None:
    name = text[1:].removeprefix("site.")
    setting = SETTINGS.get(name)
    if setting is None or not text.startswith("$site."):
        hint = nearest(text, [f"$site.{known}" for known in SETTINGS])
        source.complain(node, f"there is no setting '{text}'.{hint}")
        return None
    if setting.type is not fact.type:
        source.complain(node, f"'{text}' is a {setting.type.value} and '{fact.name}' a {fact.type.value}.")
        return None
    return Reference(text[1:])


def _shown(node: Node) -> str:
    if node.is_map or node.is_list:
        return "a list" if node.is_list else "a mapping"
    return {True: "true", False: "false", None: "nothing"}.get(node.value, str(node.value))  # type: ignore[arg-type]
