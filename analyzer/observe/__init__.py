"""Flow, signals and ticket to facts, each with the frames that show it.

One module a family, as in `analyzer.vocabulary`. A fact that cannot be known is recorded as unknown with its reason;
nothing here judges.
"""

from __future__ import annotations

from analyzer.around.surroundings import Surroundings
from analyzer.factset import FactSet
from analyzer.observe.around import observe_around
from analyzer.observe.derived import observe_derived, observe_peer
from analyzer.observe.ending import observe_closing, observe_ending
from analyzer.observe.one_way import forget_unseen
from analyzer.observe.opening import observe_opening
from analyzer.observe.protocol import observe_protocol
from analyzer.observe.quality import observe_quality
from analyzer.observe.ticket import observe_ticket
from analyzer.observe.waiting import observe_request, observe_waiting
from analyzer.signals.reading import Reading
from analyzer.symptom import Symptom

__all__ = ["observe", "observe_alone"]


def observe_alone(reading: Reading, around: Surroundings) -> FactSet:
    """Return the facts of a flow that hold whatever was noticed: a log may name one flow ten thousand times."""
    facts = FactSet()
    observe_opening(facts, reading, around)
    if reading.established:
        observe_ending(facts, reading, around)
        observe_waiting(facts, reading, around)
    return facts


def observe(
    symptom: Symptom, reading: Reading | None, around: Surroundings, alone: FactSet | None = None
) -> FactSet:
    """Return the facts of one symptom and the flow it is tied to, if any.

    ``alone`` are the flow's from `observe_alone`, where somebody kept them.
    """
    facts = FactSet()
    observe_ticket(facts, symptom, reading, around)
    observe_quality(facts, symptom, reading, around)
    if reading is None:
        observe_peer(facts, symptom, around)
    else:
        facts.include(observe_alone(reading, around) if alone is None else alone)
        if reading.established:
            observe_closing(facts, symptom, reading, around)
            observe_request(facts, symptom, reading)
        observe_protocol(facts, symptom, reading, around)
        observe_around(facts, symptom, reading, around)
        observe_derived(facts, symptom, reading, around)
        if around.others:
            # Most runs have one capture; what compares several is imported for those that have.
            from analyzer.observe.elsewhere import observe_elsewhere

            observe_elsewhere(facts, reading, around)
        if facts.known_values.get("both_directions") is False:
            forget_unseen(facts, reading.flow)
    return facts
