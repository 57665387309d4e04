"""Thousands of connections that died alike: examples are examined, the rest is told by likeness.

The key of a notable flow (`analyzer.flows.likeness`) holds what the rules would look at first. Flows are sorted into
kinds by the decisive part of it; of each kind some examples, spread over the capture, are examined. Where all agree,
the others are taken for the same with a lower confidence; where they do not, the kind is split by the whole key. What
is not examined is counted and said.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache

from analyzer.flows.table import Notable, Reason
from analyzer.incidents.diagnose import LEAST, Examination, Examiner
from analyzer.symptom import Symptom
from analyzer.values import dataclass

__all__ = ["FEW", "Crowd", "examine_notable"]

FEW = 600
"""Up to so many notable flows each one is examined."""
_BUDGET = 200
_EXAMPLES = 4
_LOW_BITS = 10
_MIDDLE_BITS = 19
_TELLING = int(Reason.TLS_ALERT | Reason.REFUSAL | Reason.UNACKED | Reason.KEEPALIVE | Reason.ONE_SIDED)
_FAILED_OPENING = 1 << 62
_MIXED_SCORE, _AGREED_SCORE = 0.50, 0.80


@dataclass(frozen=True, slots=True)
class Crowd:
    """Flows that were not examined, with the examined one that they are like."""

    cause: str
    score: float
    example: int
    """Flow index of the examined one."""
    members: tuple[Notable, ...]
    culprit: str | None = None
    """Of the example, where its rule names another than its cause does."""


def examine_notable(examiner: Examiner) -> tuple[list[Examination], list[Crowd], int]:
    """Examine the flows of a capture that could be incidents.

    Returns those that are, the crowds that are like them, and how many flows were left out for want of an example.
    """
    notable = examiner.around.capture.flows.notable()
    if len(notable) <= FEW:
        return [one for flow in notable if (one := _examined(flow, examiner)) is not None], [], 0
    kinds: dict[tuple[int, ...], list[Notable]] = defaultdict(list)
    kind_of = cache(_kind)
    for flow in notable:
        kinds[kind_of(flow.key)].append(flow)
    found: list[Examination] = []
    crowds: list[Crowd] = []
    left_out = 0
    budget = _BUDGET
    for members in sorted(kinds.values(), key=len, reverse=True):
        if budget <= 0:
            left_out += len(members)
            continue
        examples = _spread(members, min(_EXAMPLES, budget))
        budget -= len(examples)
        verdicts = {flow.index: _examined(flow, examiner) for flow in examples}
        found += [one for one in verdicts.values() if one is not None]
        rest = [flow for flow in members if flow.index not in verdicts]
        causes = Counter(one.cause if one is not None else None for one in verdicts.values())
        if len(causes) > 1 and rest:
            more, used = _split(rest, budget, examiner, found, crowds)
            left_out += more
            budget -= used
            continue
        cause = next(iter(causes))
        if cause is not None and rest:
            best = max((one for one in verdicts.values() if one is not None), key=lambda one: one.score)
            crowds.append(_crowd(best, rest, _AGREED_SCORE))
    return found, crowds, left_out


def _kind(key: int) -> tuple[int, ...]:
    """Return the decisive part of a key; the layout is that of `analyzer.flows.likeness`."""
    if key & _FAILED_OPENING:
        return (key,)
    body = key - 1
    low, middle = body & ((1 << _LOW_BITS) - 1), body >> _LOW_BITS & ((1 << _MIDDLE_BITS) - 1)
    reasons = body >> (_LOW_BITS + _MIDDLE_BITS + 4)
    ended = middle >> 16
    # Where nothing ended the flow, how it began decides; where something did, what it was.
    return (middle, reasons & _TELLING, low & 7 if not ended else 0)


def _split(
    rest: Sequence[Notable],
    budget: int,
    examiner: Examiner,
    found: list[Examination],
    crowds: list[Crowd],
) -> tuple[int, int]:
    """Judge a mixed kind by the whole key; return how many flows were left out and how many were examined."""
    by_key: dict[int, list[Notable]] = defaultdict(list)
    for flow in rest:
        by_key[flow.key].append(flow)
    left_out = used = 0
    for members in sorted(by_key.values(), key=len, reverse=True):
        if used >= budget:
            left_out += len(members)
            continue
        example = members[0]
        used += 1
        one = _examined(example, examiner)
        if one is not None:
            found.append(one)
            if len(members) > 1:
                crowds.append(_crowd(one, members[1:], _MIXED_SCORE))
    return left_out, used


def _crowd(example: Examination, members: Sequence[Notable], highest: float) -> Crowd:
    assert example.cause is not None
    assert example.symptom.flow_index is not None
    culprit = example.matches[0].rule.culprit
    return Crowd(example.cause, min(highest, example.score), example.symptom.flow_index, tuple(members), culprit)


def _spread(members: Sequence[Notable], count: int) -> list[Notable]:
    """Return members evenly spread over the capture, the first and the last included."""
    if len(members) <= count:
        return list(members)
    step = (len(members) - 1) / (count - 1) if count > 1 else 0
    return [members[round(number * step)] for number in range(count)]


def _examined(flow: Notable, examiner: Examiner) -> Examination | None:
    """Examine one flow; None when it is no incident without a log."""
    examination = examiner.examine(Symptom("capture", None, 0, flow_index=flow.index, candidates=1))
    if examination.score < LEAST or examination.facts.known_values.get("scan_like") is True:
        return None
    return examination
