"""Laws of the three-valued logic that rules are evaluated with."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from analyzer.facts import FactSet, Known, Value
from analyzer.ruleset.conditions import dump_condition, restore_condition
from analyzer.ruleset.evaluate import compile_condition, trace_condition
from analyzer.ruleset.model import All, AnyOf, Condition, Not, Test

NUMBERS = ("syn_count", "attempts_together", "keepalive_probes")
TRUTHS = ("responder_fin", "initiator_fin")

tests_of_facts = st.one_of(
    st.builds(Test, st.sampled_from(NUMBERS), st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"]), st.integers(0, 3)),
    st.builds(Test, st.sampled_from(NUMBERS), st.just("in"), st.tuples(st.integers(0, 3), st.integers(0, 3))),
    st.builds(Test, st.sampled_from(NUMBERS), st.just("between"), st.just((1, 2))),
    st.builds(Test, st.sampled_from(TRUTHS), st.just("eq"), st.booleans()),
)
conditions: st.SearchStrategy[Condition] = st.recursive(
    tests_of_facts,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(All, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=12,
)
knowledge: st.SearchStrategy[dict[str, Value]] = st.fixed_dictionaries(
    {},
    optional={**{name: st.integers(0, 3) for name in NUMBERS}, **{name: st.booleans() for name in TRUTHS}},
)
everything: st.SearchStrategy[dict[str, Value]] = st.fixed_dictionaries(
    {**{name: st.integers(0, 3) for name in NUMBERS}, **{name: st.booleans() for name in TRUTHS}}
)


def value(condition: Condition, known: dict[str, Value]) -> bool | None:
    return compile_condition(condition)(known)


@given(conditions, conditions, knowledge)
def test_kleene_tables(left: Condition, right: Condition, known: dict[str, Value]) -> None:
    pair = {value(left, known), value(right, known)}
    assert value(All((left, right)), known) is (False if False in pair else None if None in pair else True)
    assert value(AnyOf((left, right)), known) is (True if True in pair else None if None in pair else False)


@given(conditions, knowledge)
def test_double_negation(condition: Condition, known: dict[str, Value]) -> None:
    assert value(Not(Not(condition)), known) is value(condition, known)


@given(st.lists(conditions, min_size=1, max_size=4).map(tuple), knowledge)
def test_de_morgan(parts: tuple[Condition, ...], known: dict[str, Value]) -> None:
    negated = tuple(Not(part) for part in parts)
    assert value(Not(All(parts)), known) is value(AnyOf(negated), known)
    assert value(Not(AnyOf(parts)), known) is value(All(negated), known)


@given(st.lists(conditions, min_size=2, max_size=4), knowledge)
def test_order_does_not_matter(parts: list[Condition], known: dict[str, Value]) -> None:
    turned = list(reversed(parts))
    assert value(All(tuple(parts)), known) is value(All(tuple(turned)), known)
    assert value(AnyOf(tuple(parts)), known) is value(AnyOf(tuple(turned)), known)


@given(conditions, everything, st.data())
def test_more_knowledge_never_turns_a_definite_result(
    condition: Condition, known: dict[str, Value], data: st.DataObject
) -> None:
    kept = data.draw(st.sets(st.sampled_from(sorted(known))))
    before = value(condition, {name: known[name] for name in kept})
    if before is not None:
        assert value(condition, known) is before


@given(conditions, everything)
def test_full_knowledge_gives_a_definite_result(condition: Condition, known: dict[str, Value]) -> None:
    assert value(condition, known) is not None


@given(conditions, knowledge)
def test_the_trace_agrees_with_the_fast_result(condition: Condition, known: dict[str, Value]) -> None:
    facts = FactSet({name: Known(one) for name, one in known.items()})
    trace = trace_condition(condition, facts)
    assert trace.value is value(condition, known)
    assert list(trace.deciding())


@given(conditions, knowledge)
def test_what_decides_suffices(condition: Condition, known: dict[str, Value]) -> None:
    facts = FactSet({name: Known(one) for name, one in known.items()})
    trace = trace_condition(condition, facts)
    if trace.value is not None:
        decisive = {leaf.fact for leaf in trace.deciding()}
        assert value(condition, {name: one for name, one in known.items() if name in decisive}) is trace.value


@given(conditions)
def test_conditions_survive_being_written_as_json(condition: Condition) -> None:
    assert restore_condition(dump_condition(condition)) == condition
