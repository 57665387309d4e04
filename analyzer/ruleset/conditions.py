"""Conditions to and from JSON, and into words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analyzer.facts import VOCABULARY, FactType, Value, format_value
from analyzer.ruleset.model import All, AnyOf, Condition, Not, Reference, Test

__all__ = ["OPERATORS", "condition_text", "dump_condition", "restore_condition"]

OPERATORS: Mapping[str, str] = {
    "eq": "=",
    "ne": "≠",
    "lt": "<",
    "le": "≤",
    "gt": ">",
    "ge": "≥",
    "in": "in",
    "between": "between",
}


def dump_condition(condition: Condition) -> Any:
    """Return the condition as JSON can hold it."""
    if isinstance(condition, Test):
        operand = condition.operand
        if isinstance(operand, tuple):
            return [condition.fact, condition.op, [_dump_value(member) for member in operand]]
        return [condition.fact, condition.op, _dump_value(operand)]
    if isinstance(condition, Not):
        return {"not": dump_condition(condition.part)}
    return {"all" if isinstance(condition, All) else "any": [dump_condition(part) for part in condition.parts]}


def _dump_value(value: Value | Reference) -> Any:
    return {"$": value.name} if isinstance(value, Reference) else value


def restore_condition(plain: Any) -> Condition:
    """Return the condition that `dump_condition` made ``plain`` of; nothing is checked again."""
    if isinstance(plain, list):
        fact, op, operand = plain
        if isinstance(operand, list):
            return Test(fact, op, tuple(_restore_value(member) for member in operand))
        return Test(fact, op, _restore_value(operand))
    ((kind, inner),) = plain.items()
    if kind == "not":
        return Not(restore_condition(inner))
    parts = tuple(restore_condition(part) for part in inner)
    return All(parts) if kind == "all" else AnyOf(parts)


def _restore_value(plain: Any) -> Value | Reference:
    return Reference(plain["$"]) if isinstance(plain, dict) else plain


def condition_text(condition: Condition) -> str:
    """Return the condition in words: ``silence_before_end > 60 s and not (reset_sender = peer)``."""
    if isinstance(condition, Test):
        return _test_text(condition)
    if isinstance(condition, Not):
        return f"not ({condition_text(condition.part)})"
    joint = " and " if isinstance(condition, All) else " or "
    texts = [condition_text(part) for part in condition.parts]
    nested = [
        f"({text})" if isinstance(part, All | AnyOf) and len(condition.parts) > 1 else text
        for part, text in zip(condition.parts, texts, strict=True)
    ]
    return joint.join(nested)


def _test_text(test: Test) -> str:
    fact = VOCABULARY[test.fact]
    if fact.type is FactType.BOOL and isinstance(test.operand, bool):
        return test.fact if test.operand is (test.op == "eq") else f"not {test.fact}"
    members = test.operand if isinstance(test.operand, tuple) else (test.operand,)
    texts = [f"${one.name}" if isinstance(one, Reference) else format_value(fact, one) for one in members]
    shown = " and ".join(texts) if test.op == "between" else ", ".join(texts)
    return f"{test.fact} {OPERATORS[test.op]} {shown}"
