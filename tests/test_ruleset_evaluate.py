"""Evaluation: what a rule says of facts, how it scores, and how it explains itself."""

from __future__ import annotations

import pytest

from analyzer.facts import FactSet, Known, Unknown, Value
from analyzer.ruleset.evaluate import UNDECIDED_CAP, Evaluator, compile_condition, trace_condition
from analyzer.ruleset.load import RuleSet
from analyzer.ruleset.model import Adjustment, All, AnyOf, Condition, Not, Reference, Rule, Test
from analyzer.units import NS

FIN = Test("responder_fin", "eq", True)
LONG = Test("silence_before_end", "ge", 60 * NS)
BOX = Test("reset_sender", "eq", "box")


def facts(**values: Value) -> FactSet:
    return FactSet({name: Known(value) for name, value in values.items()})


def rules(*several: Rule) -> RuleSet:
    return RuleSet(groups=(), causes={}, rules=several, stamp="", _texts={}, _states="{}")


def rule(
    when: Condition,
    *,
    name: str = "one",
    score: float = 0.5,
    status: str = "draft",
    unless: Condition | None = None,
    needs: tuple[tuple[str, float], ...] = (),
    raises: tuple[Adjustment, ...] = (),
    lowers: tuple[Adjustment, ...] = (),
) -> Rule:
    return Rule(name, "server-reset", status, score, when, unless, needs, raises, lowers)


@pytest.mark.parametrize(
    ("test", "value", "expected"),
    [
        (Test("syn_count", "eq", 3), 3, True),
        (Test("syn_count", "ne", 3), 3, False),
        (Test("syn_count", "lt", 3), 3, False),
        (Test("syn_count", "le", 3), 3, True),
        (Test("syn_count", "gt", 3), 4, True),
        (Test("syn_count", "ge", 3), 2, False),
        (Test("syn_count", "in", (1, 2)), 2, True),
        (Test("syn_count", "in", (1, 2)), 3, False),
        (Test("syn_count", "between", (2, 4)), 2, True),
        (Test("syn_count", "between", (2, 4)), 4, True),
        (Test("syn_count", "between", (2, 4)), 5, False),
    ],
)
def test_each_operator(test: Test, value: int, expected: bool) -> None:
    assert compile_condition(test)({"syn_count": value}) is expected
    assert compile_condition(test)({}) is None


def test_a_false_part_decides_although_another_is_unknown() -> None:
    assert compile_condition(All((LONG, FIN)))({"responder_fin": False}) is False
    assert compile_condition(AnyOf((LONG, FIN)))({"responder_fin": True}) is True
    assert compile_condition(Not(LONG))({}) is None


def test_a_setting_without_value_leaves_the_test_unknown() -> None:
    test = Test("silence_before_end", "ge", Reference("site.idle_limit"))
    assert compile_condition(test)({"silence_before_end": 90 * NS}) is None
    assert compile_condition(test, {"idle_limit": 60 * NS})({"silence_before_end": 90 * NS}) is True


def test_a_setting_has_its_default() -> None:
    test = Test("silence_before_end", "ge", Reference("site.idle_silence"))
    assert compile_condition(test)({"silence_before_end": 5 * NS}) is False


def test_the_table_of_limits_is_asked_by_kind() -> None:
    anything = compile_condition(Test("silence_before_end", "in", Reference("timeouts.load_balancer")))
    assert anything({"silence_before_end": 350 * NS}) is True
    assert anything({"silence_before_end": 217 * NS}) is False
    assert anything({}) is None


def test_scores_are_raised_lowered_and_capped() -> None:
    one = rule(
        FIN,
        score=0.5,
        needs=(("both_directions", 0.4),),
        raises=(Adjustment(LONG, 0.3, ""),),
        lowers=(Adjustment(BOX, 0.2, ""),),
    )
    evaluator = Evaluator(rules(one))

    def score(**values: Value) -> float:
        return evaluator.evaluate(facts(responder_fin=True, **values)).matches[0].score

    assert score(both_directions=True) == 0.5
    assert score(both_directions=True, silence_before_end=90 * NS) == 0.8
    assert score(both_directions=True, silence_before_end=90 * NS, reset_sender="box") == 0.6
    assert score(silence_before_end=90 * NS) == 0.4


def test_a_score_never_reaches_certainty() -> None:
    one = rule(FIN, score=0.9, raises=(Adjustment(LONG, 0.9, ""),))
    evaluation = Evaluator(rules(one)).evaluate(facts(responder_fin=True, silence_before_end=90 * NS))
    assert evaluation.matches[0].score == 0.99


def test_an_exception_that_holds_excludes_and_one_that_is_unknown_caps() -> None:
    one = rule(FIN, score=0.9, unless=BOX)
    evaluator = Evaluator(rules(one))
    assert evaluator.evaluate(facts(responder_fin=True, reset_sender="box")).excepted == (one,)
    undecided = evaluator.evaluate(facts(responder_fin=True)).matches[0]
    assert (undecided.value, undecided.score) == (None, UNDECIDED_CAP)
    decided = evaluator.evaluate(facts(responder_fin=True, reset_sender="peer")).matches[0]
    assert (decided.value, decided.score) == (True, 0.9)


def test_unknown_facts_leave_a_rule_possible() -> None:
    one = rule(FIN)
    evaluation = Evaluator(rules(one)).evaluate(FactSet())
    assert (evaluation.matches, evaluation.possible) == ((), (one,))


def test_retired_and_unwritten_rules_never_match() -> None:
    unwritten = Rule("two", "server-reset", "draft", 0.5, None)
    evaluation = Evaluator(rules(rule(FIN, status="retired"), unwritten)).evaluate(facts(responder_fin=True))
    assert (evaluation.matches, evaluation.possible) == ((), ())


def test_the_best_rule_stands_for_its_cause() -> None:
    low, high = rule(FIN, name="low", score=0.4), rule(FIN, name="high", score=0.7)
    evaluation = Evaluator(rules(low, high)).evaluate(facts(responder_fin=True))
    assert [match.rule.id for match in evaluation.by_cause()] == ["high"]


def test_a_trace_holds_the_facts_that_decided() -> None:
    known = FactSet(
        {
            "responder_fin": Known(True, (12,), "The server sent FIN in frame 12."),
            "silence_before_end": Known(90 * NS, (11, 12)),
            "reset_sender": Unknown("no RST was captured", "capture at the server"),
        }
    )
    trace = trace_condition(AnyOf((All((FIN, LONG)), BOX)), known)
    assert trace.value is True
    assert [leaf.fact for leaf in trace.deciding()] == ["responder_fin", "silence_before_end"]
    assert [leaf.fact for leaf in trace.leaves()] == ["responder_fin", "silence_before_end", "reset_sender"]


def test_a_rule_explains_itself_with_frames() -> None:
    known = FactSet(
        {
            "responder_fin": Known(True, (12,), "The server sent FIN in frame 12."),
            "silence_before_end": Known(90 * NS, (11, 12)),
            "reset_hops_differ": Known(False, (15,)),
        }
    )
    one = rule(
        FIN,
        unless=BOX,
        raises=(Adjustment(LONG, 0.1, "The silence is long enough for a timer."),),
        lowers=(Adjustment(Not(Test("reset_hops_differ", "eq", True)), 0.1, ""),),
    )
    trace = Evaluator(rules(one)).trace(one, known)
    assert [(reason.statement, reason.frames) for reason in trace.because] == [
        ("The server sent FIN in frame 12.", (12,)),
        ("The silence is long enough for a timer.", (11, 12)),
    ]
    assert [reason.frames for reason in trace.against] == [(15,)]
    assert [name for name, _ in trace.missing] == ["reset_sender"]


def test_a_rule_without_condition_cannot_be_traced() -> None:
    unwritten = Rule("two", "server-reset", "draft", 0.5, None)
    with pytest.raises(ValueError, match="no condition"):
        Evaluator(rules(unwritten)).trace(unwritten, FactSet())
