"""Thousands of connections that died alike: examples are examined, the rest is told by likeness.

The key of a notable flow (`analyzer.flows.likeness`) holds what the rules would look at first. Flows are put together
as kinds by the decisive part of it; of each kind examples of its sorts, spread over the capture, are examined. Where
they agree, the others are taken for the same with a lower confidence; where they do not, each sort is judged by itself,
and one that is still mixed by the whole key. What is not examined is counted and said.
"""

from __future__ import annotations

from collections import defaultdict
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
"""So many of a kind are examined before the rest is believed to be alike, two where they are not."""
_LOW_BITS = 10
_FINER_BITS = 3
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
    crowded = _Crowded(examiner)
    for members in sorted(kinds.values(), key=len, reverse=True):
        crowded.take(members)
    return crowded.found, crowded.crowds, crowded.left_out


class _Crowded:
    """Examines examples of one kind after the other until the budget is spent."""

    def __init__(self, examiner: Examiner) -> None:
        self._examiner = examiner
        self._budget = _BUDGET
        self._verdicts: dict[int, Examination | None] = {}
        self.found: list[Examination] = []
        self.crowds: list[Crowd] = []
        self.left_out = 0

    def take(self, members: Sequence[Notable]) -> None:
        """Judge a kind by examples of whatever sorts it has; where they differ, each sort by its own."""
        sorts: dict[int, list[Notable]] = defaultdict(list)
        for flow in members:
            sorts[_finer(flow.key)].append(flow)
        examples = _examples(list(sorts.values()), _EXAMPLES)
        if self._agree(examples):
            self._settle(members, examples, _AGREED_SCORE)
            return
        for sort, alike in sorted(sorts.items(), key=lambda item: -len(item[1])):
            own = [flow for flow in examples if _finer(flow.key) == sort]
            if len(own) < _EXAMPLES // 2:
                # A single example is the first of its sort.
                own += _spread(alike[len(own) :], _EXAMPLES // 2 - len(own))
            if self._agree(own):
                self._settle(alike, own, _AGREED_SCORE)
            else:
                self._split(alike)

    def _split(self, members: Sequence[Notable]) -> None:
        """Judge a mixed sort by the whole key."""
        by_key: dict[int, list[Notable]] = defaultdict(list)
        for flow in members:
            by_key[flow.key].append(flow)
        for alike in sorted(by_key.values(), key=len, reverse=True):
            known = next((flow for flow in alike if flow.index in self._verdicts), alike[0])
            self._agree([known])
            self._settle(alike, [known], _MIXED_SCORE)

    def _agree(self, examples: Sequence[Notable]) -> bool:
        """Examine what the budget allows of them and tell whether they died of one cause, or none of them did."""
        for flow in examples:
            if flow.index not in self._verdicts and self._budget > 0:
                self._budget -= 1
                one = self._verdicts[flow.index] = _examined(flow, self._examiner)
                if one is not None:
                    self.found.append(one)
        known = [self._verdicts[flow.index] for flow in examples if flow.index in self._verdicts]
        return len({one.cause if one is not None else None for one in known}) <= 1

    def _settle(self, members: Sequence[Notable], examples: Sequence[Notable], highest: float) -> None:
        """Tell all members by their examples, which agree."""
        rest = [flow for flow in members if flow.index not in self._verdicts]
        known = [flow.index for flow in examples if flow.index in self._verdicts]
        if not known:
            self.left_out += len(rest)
            return
        found = [one for index in known if (one := self._verdicts[index]) is not None]
        if found and rest:
            self.crowds.append(_crowd(max(found, key=lambda one: one.score), rest, highest))


def _kind(key: int) -> tuple[int, ...]:
    """Return the decisive part of a key; the layout is that of `analyzer.flows.likeness`."""
    if key & _FAILED_OPENING:
        return (key,)
    body = key - 1
    body, low = body >> (_LOW_BITS + _FINER_BITS), body & 7
    middle, reasons = body & ((1 << _MIDDLE_BITS) - 1), body >> (_MIDDLE_BITS + 4)
    ended = middle >> (_MIDDLE_BITS - 3)
    # Where nothing ended the flow, how it began decides; where something did, what it was.
    return (middle, reasons & _TELLING, low if not ended else 0)


def _finer(key: int) -> int:
    """Return what tells sorts of one kind: whether an answer was due, and how round and how long the silence was."""
    return 0 if key & _FAILED_OPENING else key - 1 >> _LOW_BITS & ((1 << _FINER_BITS) - 1)


def _examples(sorts: Sequence[Sequence[Notable]], count: int) -> list[Notable]:
    """Return members of the largest sorts in turn, spread over the capture within each."""
    largest = sorted(sorts, key=len, reverse=True)[:count]
    shares = [count // len(largest) + (number < count % len(largest)) for number in range(len(largest))]
    return [flow for alike, share in zip(largest, shares, strict=True) for flow in _spread(alike, share)]


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
