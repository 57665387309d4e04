"""Thousands that died alike: examples are examined, the rest is told by likeness, and nothing gets lost."""

from __future__ import annotations

from functools import cache

import pytest

from analyzer.incidents.crowds import FEW, Crowd, examine_notable
from analyzer.incidents.diagnose import Examination, Examiner
from analyzer.symptom import Symptom
from analyzer.units import MS, NS
from tests.conversations import guilty, ordinary
from tests.reading import Part, examiner_of
from tests.test_account_grouping import with_port
from tests.wire import Captured, Conversation


def many(conv: Conversation, count: int, first: int = 1024, spacing_ns: int = 20 * MS) -> list[Captured]:
    return [packet for number in range(count) for packet in with_port(conv, first + number, number * spacing_ns)]


def _refused() -> Conversation:
    conv = Conversation(rtt_ms=2)
    conv.syn(arrives=False)
    conv.refuse()
    return conv


def _reset() -> Conversation:
    conv = Conversation(rtt_ms=2)
    conv.handshake()
    conv.client("question")
    conv.server_rst(after="1s")
    return conv


Found = tuple[list[Examination], list[Crowd], int]


def crowds_of(*parts: Part) -> tuple[Examiner, Found]:
    examiner = examiner_of(*parts)
    return examiner, examine_notable(examiner)


@cache
def _mixed() -> tuple[Examiner, Found]:
    return crowds_of(many(_refused(), 500), many(_reset(), 300, 5000), guilty.path_lost())


def test_few_are_all_examined() -> None:
    examiner, (found, crowds, left_out) = crowds_of(many(_reset(), 40))
    assert len(found) == 40
    assert (crowds, left_out) == ([], 0)
    assert len(examiner.around.rows) == 40


def test_nothing_gets_lost_in_a_crowd() -> None:
    examiner, (found, crowds, left_out) = _mixed()
    notable = examiner.around.capture.flows.notable()
    assert len(notable) == 801 > FEW
    told = [one.symptom.flow_index for one in found] + [flow.index for crowd in crowds for flow in crowd.members]
    assert len(told) == len(set(told))
    assert len(told) + left_out == 801
    assert left_out == 0
    assert len(found) <= 200


def test_each_crowd_has_an_example_that_was_examined() -> None:
    _, (found, crowds, _) = _mixed()
    examined = {one.symptom.flow_index: one for one in found}
    for crowd in crowds:
        example = examined[crowd.example]
        assert crowd.cause == example.cause
        assert crowd.score <= example.score
        assert crowd.example not in {flow.index for flow in crowd.members}
    assert {crowd.cause for crowd in crowds} == {"connection-refused", "accepted-then-reset"}


@pytest.mark.parametrize("step", [97])
def test_the_verdict_by_likeness_is_the_verdict_by_examination(step: int) -> None:
    examiner, (_, crowds, _) = _mixed()
    for crowd in crowds:
        for flow in crowd.members[::step]:
            alone = examiner.examine(Symptom("capture", None, 0, flow_index=flow.index, candidates=1))
            assert alone.cause == crowd.cause
            assert alone.score >= crowd.score


def test_what_was_not_examined_is_never_called_sure() -> None:
    _, (_, crowds, _) = _mixed()
    assert all(crowd.score <= 0.80 for crowd in crowds)


def test_the_odd_one_among_thousands_is_found() -> None:
    _, (found, _, _) = _mixed()
    assert "path-lost" in {one.cause for one in found}


def test_a_crowd_of_healthy_connections_is_no_crowd() -> None:
    _, (found, crowds, left_out) = crowds_of(many(ordinary.server_closes_client_closes(), 700, spacing_ns=NS))
    assert (found, crowds, left_out) == ([], [], 0)


def test_those_of_a_kind_that_are_no_incidents_are_told_from_those_that_are() -> None:
    stuck, patient = (Conversation(rtt_ms=2) for _ in range(2))
    for conv, answer in ((stuck, "1s"), (patient, "25s")):
        conv.handshake()
        conv.client("first")
        conv.server("answer", after=answer)
        conv.client("second")
        conv.fin("client", after="20s")
    _, (found, crowds, left_out) = crowds_of(many(stuck, 400, spacing_ns=NS), many(patient, 400, 5000, spacing_ns=NS))
    assert {one.cause for one in found} == {crowd.cause for crowd in crowds} == {"server-unresponsive"}
    told = [one.symptom.flow_index for one in found] + [flow.index for crowd in crowds for flow in crowd.members]
    assert (len(told), len(set(told)), left_out) == (400, 400, 0)
    assert len(found) < 20
