"""Incident times rules: ranked causes, how far they can be trusted, and what would settle the rest."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Literal

from analyzer.around.surroundings import Surroundings
from analyzer.factset import FactSet, Known, Value
from analyzer.flows.model import SYN
from analyzer.observe import observe, observe_alone
from analyzer.ruleset.evaluate import Evaluation, Evaluator, Match, RuleTrace
from analyzer.ruleset.load import RuleSet
from analyzer.signals.opening import OpeningKind
from analyzer.signals.reading import Reading
from analyzer.signals.reset import Baseline
from analyzer.symptom import Symptom
from analyzer.values import dataclass

__all__ = ["HIGH", "LEAST", "MEDIUM", "Confidence", "Diagnosis", "Examination", "Examiner", "level"]

Confidence = Literal["high", "medium", "low"]

HIGH, MEDIUM = 0.85, 0.60
"""Scores from which a verdict is called high or medium; docs/confidence.md holds the measurement behind them."""
LEAST = 0.50
"""The score from which the capture alone makes an incident."""
_RESTS_ON_ABSENCE = {
    "no-network-cause": 0,
    "connect-context-not-updated": 0,
    "wrong-socket-used": 0,
    "never-connected": 2_000_000_000,
}
"""How long before the error the capture may end; a connect that was missed in the last seconds is unlikely."""
_FINER_MARGIN = 0.10
_NOTHING_FITS = "insufficient-evidence"
_CANNOT_TELL = 0.60
"""What a capture cannot show may be known from elsewhere: that it does not is no sure answer to what happened."""


def level(score: float) -> Confidence:
    """Return the word for a score."""
    return "high" if score >= HIGH else "medium" if score >= MEDIUM else "low"


@dataclass(frozen=True, slots=True)
class Cap:
    """A reason to trust a verdict less than its rule does."""

    highest: float
    because: str


class Examination:
    """One symptom held against one flow, or against none."""

    def __init__(self, examiner: Examiner, symptom: Symptom, reading: Reading | None) -> None:
        self._examiner = examiner
        self.symptom = symptom
        self.reading = reading
        self._traces: dict[str, RuleTrace] = {}

    @cached_property
    def facts(self) -> FactSet:
        """What is known and what is not."""
        index = self.symptom.flow_index
        alone = None if self.reading is None or index is None else self._examiner.alone(index)
        return observe(self.symptom, self.reading, self._examiner.around, alone)

    @cached_property
    def evaluation(self) -> Evaluation:
        """What the rules say."""
        return self._examiner.evaluator.evaluate(self.facts)

    @cached_property
    def matches(self) -> tuple[Match, ...]:
        """The best match of each cause, highest first; findings stand in ``aggravating``."""
        ranked = [match for match in self.evaluation.by_cause() if not self._examiner.is_finding(match.cause)]
        return self._examiner.finer_first(ranked)

    @cached_property
    def aggravating(self) -> tuple[Match, ...]:
        """Findings that made it worse or likelier, reported beside the cause."""
        return tuple(match for match in self.evaluation.by_cause() if self._examiner.is_finding(match.cause))

    @property
    def seen_from_servers(self) -> bool:
        """The capture was taken near the responders of its flows."""
        return self._examiner.around.near_responders

    @property
    def last_captured_ns(self) -> int | None:
        """The time of the capture's last packet."""
        return self._examiner.around.capture.info.last_ns

    @property
    def score(self) -> float:
        """The best cause's score; 0 when no rule fits."""
        return self.matches[0].score if self.matches else 0.0

    @property
    def cause(self) -> str | None:
        """The best cause."""
        return self.matches[0].cause if self.matches else None

    @cached_property
    def death_ns(self) -> int | None:
        """When the connection stopped being whole; None while nothing did."""
        reading = self.reading
        if reading is None:
            return None
        if not reading.established:
            opening = reading.opening
            if opening.kind is OpeningKind.ABANDONED and opening.syns:
                # The program gave up while the SYN was pending; the RST came when the answer did.
                return opening.syns[0].ts_ns
            for one in (opening.foreign_ack, opening.reset):
                if one is not None:
                    return one.ts_ns
            return opening.syns[0].ts_ns if opening.syns else reading.flow.first_ns
        if reading.opening.foreign_ack is not None:
            return reading.opening.foreign_ack.ts_ns
        if reading.ending.starts is not None:
            return reading.ending.starts.ts_ns
        if reading.hole is not None:
            return reading.hole.ts_ns
        if reading.pending is not None:
            return reading.pending.request.ts_ns
        # The server owes a reply that nobody has to ask for.
        if self.facts.known_values.get("ftp_reply_awaited"):
            return reading.flow.last_ns
        if self.facts.known_values.get("ftp_data_refused"):
            return self._examiner.around.ftp_refusals(reading.flow)[0].ts_ns
        return None

    @cached_property
    def decisive_ns(self) -> int:
        """The time of the decisive packet, or the flow's last one; without a flow, of the error or the capture."""
        reading = self.reading
        if reading is None:
            time = self.symptom.time_ns
            return time if time is not None else self._examiner.around.capture.info.first_ns or 0
        if reading.established and reading.ending.decisive is not None:
            return reading.ending.decisive.ts_ns
        if not reading.established and self.death_ns is not None:
            if reading.opening.kind is OpeningKind.UNANSWERED:
                return reading.opening.syns[-1].ts_ns
            return self.death_ns
        return reading.flow.last_ns

    def trace(self, match: Match) -> RuleTrace:
        """Why a rule matched; looked at once."""
        known = self._traces.get(match.rule.id)
        if known is None:
            known = self._traces[match.rule.id] = self._examiner.evaluator.trace(match.rule, self.facts)
        return known


class Examiner:
    """Holds symptoms against flows of one capture."""

    def __init__(self, around: Surroundings, rules: RuleSet, settings: Mapping[str, Value] | None = None) -> None:
        self.around = around
        self.rules = rules
        self.evaluator = Evaluator(rules, settings)
        self._readings: dict[int, Reading] = {}
        self._alone: dict[int, FactSet] = {}

    def is_finding(self, cause: str) -> bool:
        """Tell whether an id of the closed list is a finding and no cause."""
        return self.rules.causes[cause].kind == "finding"

    def finer_first(self, ranked: list[Match]) -> tuple[Match, ...]:
        """Let a cause that refines the best one lead where it fits nearly as well: it says the same and more."""
        for position, match in enumerate(ranked[1:], 1):
            if match.score < ranked[0].score - _FINER_MARGIN:
                break
            if ranked[0].cause in self.rules.lineage(match.cause):
                return (match, *ranked[:position], *ranked[position + 1 :])
        return tuple(ranked)

    def reading(self, index: int) -> Reading:
        """Return the signals of a flow, read once."""
        reading = self._readings.get(index)
        if reading is None:
            if len(self._readings) > 4096:
                self._readings.clear()
                self._alone.clear()
            flow = self.around.flow(index)
            view = self.around.view(index)
            baselines: dict[bool, Baseline] = {}
            for side, half in ((True, flow.initiator), (False, flow.responder)):
                measured = half.ttl_modes and (view.reverse_round_trip_ns if side else view.round_trip_ns) is not None
                if half.rsts and not measured:
                    baselines[side] = self.around.baseline(half.endpoint.packed, without=index)
            reading = self._readings[index] = Reading(view, baselines)
        return reading

    def alone(self, index: int) -> FactSet:
        """Return the facts of a flow that hold whatever was noticed, observed once."""
        facts = self._alone.get(index)
        if facts is None:
            facts = self._alone[index] = observe_alone(self.reading(index), self.around)
        return facts

    def examine(self, symptom: Symptom) -> Examination:
        """Hold a symptom against the flow it is tied to, if any."""
        return Examination(self, symptom, None if symptom.flow_index is None else self.reading(symptom.flow_index))

    def diagnose(self, examination: Examination) -> Diagnosis:
        """Rank the causes of an examined symptom."""
        matches = examination.matches
        caps = tuple(_caps(examination))
        highest = min((cap.highest for cap in caps), default=1.0)
        if matches:
            best = matches[0]
            return Diagnosis(examination, best.cause, min(best.score, highest), best, matches[1:5], caps)
        return Diagnosis(examination, _NOTHING_FITS, min(0.3, highest), None, (), caps)


def _caps(examination: Examination) -> list[Cap]:
    facts, caps = examination.facts, []
    values = facts.known_values
    cause = examination.cause
    if values.get("both_directions") is False:
        caps.append(Cap(0.59, "Only one direction was captured."))
    if values.get("capture_lost_packets") is True:
        caps.append(Cap(0.80, "The capture lacks packets; what it does not show may still have happened."))
    if values.get("log_agrees") is False:
        code = values.get("log_earlier_code")
        caps.append(Cap(0.80, f"The log records {code} shortly before, which this ending does not produce by itself."))
    if cause == _NOTHING_FITS:
        caps.append(Cap(_CANNOT_TELL, "What this capture does not show may be known from elsewhere."))
    candidates = values.get("candidate_flows")
    if isinstance(candidates, int) and candidates > 1:
        caps.append(Cap(0.80, f"{candidates} connections fit the error equally well."))
    assumed = examination.symptom.source == "log" and not examination.symptom.clock_anchored
    if assumed and cause in ("used-before-connected", "no-network-cause", "connect-context-not-updated"):
        caps.append(Cap(0.70, "No line of the log could be tied to a packet, so the clocks' offset is assumed."))
    event = examination.symptom.event
    if event is not None and event.time_ns is not None and examination.symptom.time_ns is None:
        caps.append(
            Cap(0.64, "The log's time fits no death; the connection was chosen as if the log's clock were wrong.")
        )
    if cause == "never-connected" and examination.seen_from_servers:
        caps.append(Cap(0.59, "The capture was taken near the servers: what was sent need not have come that far."))
    last = examination.last_captured_ns
    late = (examination.symptom.time_ns or 0) - (last or 0)
    if last is not None and cause in _RESTS_ON_ABSENCE and late > _RESTS_ON_ABSENCE[cause]:
        caps.append(Cap(0.80, "The capture ends before the error; what came in between is not known."))
    if examination.reading is not None and _midstream_opening(examination.reading):
        caps.append(Cap(0.84, "The capture began after the connection did."))
    return caps


def _midstream_opening(reading: Reading) -> bool:
    return reading.opening.kind is OpeningKind.NOT_SEEN and not any(s.has(SYN) for s in reading.view.segments)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The ranked causes of one symptom."""

    examination: Examination
    cause: str
    score: float
    match: Match | None
    """The rule that named the cause; None when none fitted."""
    others: tuple[Match, ...]
    caps: tuple[Cap, ...]

    @property
    def confidence(self) -> Confidence:
        """The word for the score."""
        return level(self.score)

    @property
    def facts(self) -> FactSet:
        """The facts that were judged."""
        return self.examination.facts

    def fact(self, name: str) -> Value | None:
        """Return a known fact's value, or None."""
        found = self.facts[name]
        return found.value if isinstance(found, Known) else None
