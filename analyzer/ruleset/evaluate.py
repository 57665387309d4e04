"""Three-valued evaluation (Kleene's strong logic): true, false, or unknown because a fact is.

Each condition becomes one function of the known values, which is all that runs for every incident. The trace, with the
evidence of the facts, is built afterwards and only for the rules that are reported.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping

from analyzer.facts import FactSet, Known, Unknown, Value, statement
from analyzer.ruleset.conditions import condition_text
from analyzer.ruleset.load import RuleSet
from analyzer.ruleset.model import SETTINGS, Adjustment, AnyOf, Condition, Not, Reference, Rule, Test
from analyzer.ruleset.timeouts import is_known_limit
from analyzer.values import dataclass

__all__ = [
    "UNDECIDED_CAP",
    "Evaluation",
    "Evaluator",
    "Match",
    "Reason",
    "RuleTrace",
    "Settings",
    "Trace",
    "compile_condition",
    "trace_condition",
]

Check = Callable[[Mapping[str, Value]], bool | None]
"""The known values by fact name in, Kleene's truth value out."""
Settings = Mapping[str, Value]
"""What the site sets, by `Setting.name`; what is missing has its default."""

UNDECIDED_CAP = 0.6
"""The highest score of a rule whose exception could not be ruled out."""
_CEILING = 0.99

_COMPARE: Mapping[str, Callable[[Value, Value], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


def compile_condition(condition: Condition, settings: Settings | None = None) -> Check:
    """Make one function of a condition; settings are bound once, here."""
    if isinstance(condition, Test):
        return _compile_test(condition, settings or {})
    if isinstance(condition, Not):
        inner = compile_condition(condition.part, settings)

        def negation(values: Mapping[str, Value]) -> bool | None:
            found = inner(values)
            return None if found is None else not found

        return negation
    checks = tuple(compile_condition(part, settings) for part in condition.parts)
    decisive = isinstance(condition, AnyOf)

    def joint(values: Mapping[str, Value]) -> bool | None:
        result: bool | None = not decisive
        for check in checks:
            found = check(values)
            if found is decisive:
                return decisive
            if found is None:
                result = None
        return result

    return joint


def _compile_test(test: Test, settings: Settings) -> Check:
    name = test.fact
    if isinstance(test.operand, Reference) and test.operand.name.startswith("timeouts"):
        kind, scope = [*test.operand.name.split(".")[1:], None, None][:2]

        def listed(values: Mapping[str, Value]) -> bool | None:
            value = values.get(name)
            return None if value is None else is_known_limit(int(value), kind=kind, scope=scope)

        return listed
    members = test.operand if isinstance(test.operand, tuple) else (test.operand,)
    bound = tuple(_bind(member, settings) for member in members)
    known = tuple(member for member in bound if member is not None)
    if test.op == "in":
        chosen = frozenset(known)
        # A member that the site has not set may be the one that would fit.
        otherwise = False if len(known) == len(bound) else None

        def member_of(values: Mapping[str, Value]) -> bool | None:
            value = values.get(name)
            return None if value is None else True if value in chosen else otherwise

        return member_of
    if len(known) < len(bound):
        return _never_known
    if test.op == "between":
        low, high = known

        def within(values: Mapping[str, Value]) -> bool | None:
            value = values.get(name)
            return None if value is None else low <= value <= high  # type: ignore[operator]

        return within
    compare, against = _COMPARE[test.op], known[0]

    def compared(values: Mapping[str, Value]) -> bool | None:
        value = values.get(name)
        return None if value is None else compare(value, against)

    return compared


def _never_known(_values: Mapping[str, Value]) -> bool | None:
    return None


def _bind(operand: Value | Reference, settings: Settings) -> Value | None:
    if not isinstance(operand, Reference):
        return operand
    name = operand.name.removeprefix("site.")
    return settings.get(name, SETTINGS[name].default)


@dataclass(frozen=True, slots=True)
class Trace:
    """How a condition came to its value; the leaves carry the facts."""

    value: bool | None
    condition: Condition
    fact: str | None = None
    evidence: Known | Unknown | None = None
    """Of a leaf: the fact as it was."""
    parts: tuple[Trace, ...] = ()

    @property
    def text(self) -> str:
        """The condition in words."""
        return condition_text(self.condition)

    def leaves(self) -> Iterator[Trace]:
        """Yield every test, in the order written."""
        if self.fact is not None:
            yield self
        for part in self.parts:
            yield from part.leaves()

    def deciding(self) -> Iterator[Trace]:
        """Yield the tests that the value rests on: had they been otherwise, it might be another."""
        if self.fact is not None:
            yield self
        for part in self.parts:
            # The part of a negation has the opposite value and decides; all else decides by having the same.
            if len(self.parts) == 1 or part.value is self.value:
                yield from part.deciding()


def trace_condition(condition: Condition, facts: FactSet, settings: Settings | None = None) -> Trace:
    """Evaluate a condition and keep how it came about."""
    if isinstance(condition, Test):
        value = _compile_test(condition, settings or {})(facts.known_values)
        return Trace(value, condition, condition.fact, facts[condition.fact])
    if isinstance(condition, Not):
        part = trace_condition(condition.part, facts, settings)
        return Trace(None if part.value is None else not part.value, condition, parts=(part,))
    parts = tuple(trace_condition(part, facts, settings) for part in condition.parts)
    found = [part.value for part in parts]
    decisive = isinstance(condition, AnyOf)
    joint = decisive if decisive in found else None if None in found else not decisive
    return Trace(joint, condition, parts=parts)


@dataclass(frozen=True, slots=True)
class Reason:
    """One statement with the frames that show it."""

    fact: str | None
    statement: str
    frames: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """Why a rule gave what it gave."""

    rule: Rule
    when: Trace
    unless: Trace | None
    raised: tuple[tuple[Adjustment, Trace], ...]
    lowered: tuple[tuple[Adjustment, Trace], ...]
    because: tuple[Reason, ...]
    against: tuple[Reason, ...]
    missing: tuple[tuple[str, Unknown], ...]
    """Facts that the rule asked for in vain."""


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that fits the facts."""

    rule: Rule
    score: float
    value: bool | None
    """True; None when the rule's exception (``unless``) could not be ruled out."""

    @property
    def cause(self) -> str:
        """The cause that the rule recognises."""
        return self.rule.cause


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What all rules say of one incident."""

    matches: tuple[Match, ...]
    """Highest score first; rules of equal score in the order of causes.yaml."""
    possible: tuple[Rule, ...]
    """Rules that unknown facts leave open."""
    excepted: tuple[Rule, ...]
    """Rules that would fit, were it not for their exception."""

    def by_cause(self) -> tuple[Match, ...]:
        """Return the best match of each cause, highest score first."""
        best: dict[str, Match] = {}
        for match in self.matches:
            best.setdefault(match.cause, match)
        return tuple(best.values())


@dataclass(frozen=True, slots=True)
class _Ready:
    rule: Rule
    when: Check
    unless: Check | None
    raises: tuple[tuple[Check, float], ...]
    lowers: tuple[tuple[Check, float], ...]
    needs: tuple[tuple[str, float], ...]


class Evaluator:
    """The rules made ready to run over many incidents."""

    def __init__(self, rules: RuleSet, settings: Settings | None = None) -> None:
        self._settings = dict(settings or {})
        self._ready = tuple(
            self._prepare(rule, rule.when) for rule in rules.rules if rule.when is not None and rule.status != "retired"
        )

    def _prepare(self, rule: Rule, when: Condition) -> _Ready:
        def ready(adjustments: tuple[Adjustment, ...]) -> tuple[tuple[Check, float], ...]:
            return tuple((compile_condition(one.condition, self._settings), one.by) for one in adjustments)

        return _Ready(
            rule,
            compile_condition(when, self._settings),
            None if rule.unless is None else compile_condition(rule.unless, self._settings),
            ready(rule.raises),
            ready(rule.lowers),
            rule.needs,
        )

    def evaluate(self, facts: FactSet) -> Evaluation:
        """Run every rule over the facts of one incident."""
        values = facts.known_values
        matches: list[Match] = []
        possible: list[Rule] = []
        excepted: list[Rule] = []
        for ready in self._ready:
            holds = ready.when(values)
            if holds is False:
                continue
            exception = False if ready.unless is None else ready.unless(values)
            if exception is True:
                if holds:
                    excepted.append(ready.rule)
            elif holds is None:
                possible.append(ready.rule)
            else:
                decided = True if exception is False else None
                matches.append(Match(ready.rule, _score(ready, values, decided), decided))
        matches.sort(key=lambda match: -match.score)
        return Evaluation(tuple(matches), tuple(possible), tuple(excepted))

    def trace(self, rule: Rule, facts: FactSet) -> RuleTrace:
        """Tell how a rule came to its result, with the evidence of the facts. The rule must have a ``when``."""
        if rule.when is None:
            raise ValueError(f"the rule {rule.id} has no condition yet")
        when = trace_condition(rule.when, facts, self._settings)
        unless = None if rule.unless is None else trace_condition(rule.unless, facts, self._settings)
        ready = next(one for one in self._ready if one.rule is rule)
        raised = self._fired(rule.raises, ready.raises, facts)
        lowered = self._fired(rule.lowers, ready.lowers, facts)
        because = list(_reasons(when))
        for adjustment, trace in raised:
            because += _adjustment_reasons(adjustment, trace)
        against: list[Reason] = []
        for adjustment, trace in lowered:
            against += _adjustment_reasons(adjustment, trace)
        missing = {name: fact for name in rule.facts if isinstance(fact := facts[name], Unknown)}
        return RuleTrace(
            rule, when, unless, raised, lowered, _distinct(because), _distinct(against), tuple(missing.items())
        )

    def _fired(
        self, adjustments: tuple[Adjustment, ...], checks: tuple[tuple[Check, float], ...], facts: FactSet
    ) -> tuple[tuple[Adjustment, Trace], ...]:
        return tuple(
            (one, trace_condition(one.condition, facts, self._settings))
            for one, (check, _) in zip(adjustments, checks, strict=True)
            if check(facts.known_values)
        )


def _score(ready: _Ready, values: Mapping[str, Value], decided: bool | None) -> float:
    score = ready.rule.score
    for check, by in ready.raises:
        if check(values):
            score += by
    for check, by in ready.lowers:
        if check(values):
            score -= by
    cap = _CEILING if decided else UNDECIDED_CAP
    for name, highest in ready.needs:
        if highest < cap and name not in values:
            cap = highest
    return round(min(max(score, 0.0), cap), 4)


def _reasons(trace: Trace) -> Iterator[Reason]:
    for leaf in trace.deciding():
        if leaf.fact is not None and isinstance(leaf.evidence, Known):
            yield Reason(leaf.fact, statement(leaf.fact, leaf.evidence), leaf.evidence.frames)


def _adjustment_reasons(adjustment: Adjustment, trace: Trace) -> list[Reason]:
    reasons = list(_reasons(trace))
    if not adjustment.because:
        return reasons
    frames = tuple(dict.fromkeys(frame for reason in reasons for frame in reason.frames))
    return [Reason(reasons[0].fact if reasons else None, adjustment.because, frames)]


def _distinct(reasons: list[Reason]) -> tuple[Reason, ...]:
    return tuple({reason.statement: reason for reason in reversed(reasons)}.values())[::-1]
