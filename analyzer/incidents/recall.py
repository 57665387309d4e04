"""Ten thousand lines of one error: a line like an examined one in all that is judged is not examined again.

Two errors are judged alike when they name the same peer and call, follow the same earlier lines, may mean the same
flows, and fall between the same two moments of those flows, about as long after the earlier one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterable, Sequence

from analyzer.incidents.diagnose import Diagnosis, Examiner
from analyzer.symptom import Symptom
from analyzer.units import NS

__all__ = ["Recall"]

_MOST_FLOWS = 64
_STORY = 4


class Recall:
    """Diagnoses already made for one log, by what they depend on."""

    def __init__(self, examiner: Examiner) -> None:
        self._examiner = examiner
        self._moments: dict[tuple[int, ...], list[int]] = {}
        self.made: dict[Hashable, Diagnosis] = {}

    def key(self, symptom: Symptom, rows: Sequence[int], local: Iterable[int]) -> Hashable:
        """Return what the diagnosis of a symptom depends on."""
        event, time = symptom.event, symptom.time_ns
        assert event is not None
        story = tuple((one.kind, one.action, one.code, one.call) for one in symptom.context[-_STORY:])
        named = (event.remote, symptom.host_names, event.port, event.local_port, event.call, event.code)
        flows = tuple(rows[:_MOST_FLOWS])
        if time is None:
            return named, story, flows, tuple(sorted(local))
        moments = self._of(flows)
        early = bisect_right(moments, time - symptom.uncertainty_ns)
        late = bisect_right(moments, time + symptom.uncertainty_ns)
        since = time - moments[early - 1] if early else 0
        # Rules ask how long ago something was in steps that grow with it.
        age = (max(since, 0) // NS + 1).bit_length()
        crowd = time // (10 * NS) if len(rows) > _MOST_FLOWS else 0
        return named, story, flows, tuple(sorted(local)), early, late, age, crowd

    def _of(self, flows: tuple[int, ...]) -> list[int]:
        """Return the moments at which any of these flows changed, in order."""
        known = self._moments.get(flows)
        if known is None:
            found: set[int] = set()
            for index in flows:
                reading = self._examiner.reading(index)
                flow, opening = reading.flow, reading.opening
                found |= {flow.first_ns, flow.last_ns}
                found |= {s.ts_ns for s in (*opening.syns, *opening.syn_acks)}
                found |= {s.ts_ns for s in (opening.final_ack, opening.reset, opening.foreign_ack) if s is not None}
                closing = reading.closing
                found |= {s.ts_ns for s in (closing.initiator_fin, closing.responder_fin) if s is not None}
                found |= {reset.segment.ts_ns for reset in reading.resets}
                if reading.established and reading.ending.starts is not None:
                    found.add(reading.ending.starts.ts_ns)
            last = self._examiner.around.capture.info.last_ns
            if last is not None:
                found.add(last)
            known = self._moments[flows] = sorted(found)
        return known
