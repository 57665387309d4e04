"""From suspicious flows to told incidents: wait for what follows, tell once, revise when more comes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from analyzer.around.surroundings import Surroundings
from analyzer.capture.file import Capture
from analyzer.capture.model import Interface
from analyzer.endpoint import Endpoint
from analyzer.factset import Value
from analyzer.flows.rows import FlowRow
from analyzer.incidents.diagnose import LEAST, Examination, Examiner
from analyzer.incidents.tie import Incident
from analyzer.live.losses import Losses
from analyzer.live.running import Running
from analyzer.live.selection import related, select
from analyzer.ruleset.load import RuleSet
from analyzer.symptom import Symptom
from analyzer.units import NS

__all__ = ["Case", "CaseBook", "Judged", "View"]

Change = Literal["incident", "revised", "withdrawn"]

Key = tuple[Endpoint, Endpoint, int]
"""Initiator, responder, and the time of the flow's first packet."""

_SMALL = 1500
"""Flows up to which all are judged together; of more only those that share a host with a suspect."""
_COMPANY = 1000
_FINAL_NS = 90 * NS
_NEVER = 1 << 62
_BUDGET_S, _THOROUGH_S, _FINAL_S = 0.4, 4.0, 20.0
"""A look takes no longer; packets wait meanwhile. What is left is looked at next time."""
_SURE = 2
"""Passes that must agree."""
_PATIENCE = 3
"""A connection that goes on dying is told after so many waits, even if packets still come."""
_REMEMBERED = 50_000
_GONE = 500
"""Suspects remembered at most whose connections have left."""
_DISORDER_NS = NS // 10
"""Flows are listed in the order of their first packets, give or take this."""


@dataclass(slots=True)
class Case:
    """An incident from its first sign to its last revision. It must not hold on to packets: there may be thousands."""

    number: int
    key: Key | None
    """None for what no flow explains."""
    seen_ns: int
    """Packet time at which it was first noticed."""
    cause: str = ""
    """As judged last."""
    client: str = ""
    server: str = ""
    told: tuple[str, str] | None = None
    """Cause and confidence as last told."""
    told_ns: int = 0
    revision: int = 0
    passes: int = 0
    """How often in a row the verdict came out the same."""
    quiet: int = 0
    """Passes in a row in which nothing spoke for an incident any more."""
    folder: str | None = None
    """Where it is written down."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A case to tell, with what it was judged by."""

    case: Case
    incident: Incident
    around: Surroundings
    change: Change


@dataclass(frozen=True, slots=True)
class View:
    """What one pass judges: a capture made of the flows in question, and how much of it was lost when."""

    capture: Capture
    now_ns: int
    losses: Losses
    whole: bool = True
    """All flows are in it."""

    @property
    def span_ns(self) -> int:
        """How far back what is judged goes."""
        first = self.capture.info.first_ns
        return self.now_ns - first if first is not None else 0

    def examiner(self, rules: RuleSet, settings: Mapping[str, Value], lost: int) -> Examiner:
        """Return an examiner of this view, telling it that ``lost`` packets are missing."""
        capture = self.capture
        if lost:
            interfaces = capture.info.health.interfaces
            own = interfaces[0] if interfaces else Interface("", "", 1, 0, None, None, "", "")
            health = replace(capture.info.health, interfaces=(replace(own, dropped=lost), *interfaces[1:]))
            capture = replace(capture, info=replace(capture.info, health=health))
        return Examiner(Surroundings(capture), rules, settings)


@dataclass(slots=True)
class CaseBook:
    """Every case of a watch."""

    rules: RuleSet
    settings: Mapping[str, Value]
    wait_ns: int
    """What follows the decisive packet is awaited so long."""
    only: Callable[[Endpoint, Endpoint], bool] = lambda _client, _server: True
    cases: dict[Key, Case] = field(default_factory=dict)
    numbers: int = 0
    examined: int = 0
    """Flows examined in all."""
    left: int = 0
    """Suspects for which the last look had no time."""
    _open: set[Key] = field(default_factory=set)
    """Of the cases, those whose connections may still change."""
    _looked: dict[Key, tuple[int, int, int]] = field(default_factory=dict)
    """The time of a flow's last packet when it was examined, when to look again although nothing came, and the number
    of that look."""

    def view(
        self,
        running: Running,
        interfaces: Sequence[Interface],
        losses: Losses,
        now_ns: int,
        keys: Sequence[Key] | None = None,
    ) -> View:
        """Gather what is to be judged now: these cases' connections, or all that is due."""
        whole = running.capture(now_ns, interfaces)
        if len(whole.flows) <= _SMALL:
            return View(whole, now_ns, losses)
        if keys is None:
            indexes = self._due(whole, now_ns, whole=True)
        else:
            around = Surroundings(whole)
            indexes = [row.index for key in keys if (row := _row_of(around, key)) is not None]
        if not indexes:
            return View(whole, now_ns, losses)
        table = whole.flows
        chosen = select(running.digest, related(running.digest, [table.entry(index) for index in indexes], _COMPANY))
        return View(running.capture(now_ns, interfaces, chosen), now_ns, losses, whole=False)

    def _due(self, capture: Capture, now_ns: int, *, whole: bool) -> list[int]:
        """Find the suspects, and the connections of open cases, that may have changed since they were looked at."""
        table = capture.flows
        found: list[tuple[int, int, int]] = []
        crowds: Counter[Endpoint] = Counter()
        missing = set(self._open)
        present: set[Key] = set()
        for index in table.suspects():
            row = table.row(index)
            key = row.initiator, row.responder, row.first_ns
            present.add(key)
            missing.discard(key)
            last, again, turn = self._looked.get(key, (0, 0, 0))
            changed = last != row.last_ns or now_ns >= again
            if changed and self.only(row.initiator, row.responder):
                case = self.cases.get(key)
                crowds[row.responder] += 1
                found.append((-1 if case is not None and case.told is None else turn, crowds[row.responder], index))
        around = Surroundings(capture) if missing else None
        for key in missing:
            # It is no suspect any more: what was told of it may have to be taken back.
            own = _row_of(around, key) if around is not None else None
            if own is None:
                if whole:
                    self._open.discard(key)
            elif self._looked.get(key, (0, 0, 0))[0] != own.last_ns or now_ns >= self._looked[key][1]:
                found.append((-1, 0, own.index))
        if whole and len(self._looked) > len(present) + len(self._open) + _GONE:
            for key in self._looked.keys() - present - self._open:
                self._let_go(key)
        # What may have to be told comes first, then what was not looked at for longest, every server in its turn: a
        # storm at one must not hide what happens at another.
        found.sort()
        return [index for *_, index in found]

    def judge(self, view: View, *, final: bool = False, thorough: bool = False) -> list[Judged]:
        """Judge what is due; return what is to be told.

        ``final``: nothing will follow any more. ``thorough``: packets may wait, so that little is left for next time.
        """
        told: list[Judged] = []
        self.left = 0
        due = self._due(view.capture, view.now_ns, whole=view.whole)
        if not due:
            return told
        clean = view.examiner(self.rules, self.settings, 0)
        cloudy: Examiner | None = None
        stop = time.monotonic() + (_FINAL_S if final else _THOROUGH_S if thorough else _BUDGET_S)
        self.left = len(due)
        for index in due:
            if time.monotonic() > stop:
                break
            self.left -= 1
            flow = clean.around.flow(index)
            key = flow.initiator.endpoint, flow.responder.endpoint, flow.first_ns
            lost = view.losses.within(flow.first_ns, min(flow.last_ns + self.wait_ns, view.now_ns))
            if lost and cloudy is None:
                cloudy = view.examiner(self.rules, self.settings, lost)
            examiner = cloudy if lost and cloudy is not None else clean
            self.examined += 1
            examination = examiner.examine(Symptom("capture", None, 0, flow_index=index, candidates=1))
            guilty = examination.score >= LEAST and examination.facts.known_values.get("scan_like") is not True
            settled = view.now_ns - flow.last_ns > _FINAL_NS
            if guilty:
                told += self._guilty(key, examiner, examination, view.now_ns, final=final or settled)
            elif key in self.cases:
                told += self._doubt(self.cases[key], examiner, examination)
            case = self.cases.get(key)
            pending = case is not None and (case.told is None or case.quiet > 0)
            since = view.now_ns - flow.last_ns
            # The longer nothing comes, the less a look can change.
            again = 0 if pending else _NEVER if settled else view.now_ns + since // 2
            if settled and not pending:
                self._open.discard(key)
            self._remember(key, flow.last_ns, again)
        return told

    def again(self, view: View, key: Key) -> Judged | None:
        """Return a case as it stands in this view, to be written down anew; None when it is gone or was withdrawn."""
        case = self.cases.get(key)
        if case is None or case.told is None:
            return None
        row = _row_of(Surroundings(view.capture), key)
        if row is None:
            return None
        lost = view.losses.within(row.first_ns, min(row.last_ns + self.wait_ns, view.now_ns))
        examiner = view.examiner(self.rules, self.settings, lost)
        examination = examiner.examine(Symptom("capture", None, 0, flow_index=row.index, candidates=1))
        incident = Incident(examiner.diagnose(examination))
        same = (incident.diagnosis.cause, incident.diagnosis.confidence) == case.told
        return Judged(case, incident, examiner.around, "revised") if same else None

    def open_case(self, key: Key | None, incident: Incident, now_ns: int) -> Case:
        """Give an incident its number."""
        self.numbers += 1
        case = Case(self.numbers, key, now_ns)
        if key is not None:
            self.cases[key] = case
            self._open.add(key)
        self._describe(case, incident)
        return case

    def _describe(self, case: Case, incident: Incident) -> None:
        diagnosis = incident.diagnosis
        case.cause = diagnosis.cause
        reading = diagnosis.examination.reading
        event = incident.symptom.event
        if reading is not None:
            case.client, case.server = str(reading.flow.initiator.endpoint), str(reading.flow.responder.endpoint)
        elif event is not None:
            case.server = event.endpoint_text or event.host_name or ""

    def _guilty(
        self, key: Key, examiner: Examiner, examination: Examination, now_ns: int, *, final: bool
    ) -> Iterable[Judged]:
        incident = Incident(examiner.diagnose(examination))
        case = self.cases.get(key) or self.open_case(key, incident, now_ns)
        case.passes = case.passes + 1 if case.cause == incident.diagnosis.cause else 1
        case.quiet = 0
        self._describe(case, incident)
        verdict = incident.diagnosis.cause, incident.diagnosis.confidence
        if case.told == verdict:
            return
        death = examination.death_ns
        waited = now_ns - examination.decisive_ns >= self.wait_ns
        long = death is not None and now_ns - death >= _PATIENCE * self.wait_ns
        if not final and not ((waited or long) and case.passes >= _SURE):
            return
        change: Change = "incident" if case.told is None else "revised"
        case.told, case.told_ns = verdict, now_ns
        case.revision += 1
        yield Judged(case, incident, examiner.around, change)

    def _doubt(self, case: Case, examiner: Examiner, examination: Examination) -> Iterable[Judged]:
        case.quiet += 1
        case.passes = 0
        if case.quiet < _SURE or case.key is None:
            return
        del self.cases[case.key]
        self._open.discard(case.key)
        if case.told is not None:
            case.revision += 1
            yield Judged(case, Incident(examiner.diagnose(examination)), examiner.around, "withdrawn")

    def _remember(self, key: Key, last_ns: int, again_ns: int) -> None:
        self._looked.pop(key, None)
        self._looked[key] = last_ns, again_ns, self.examined
        while len(self._looked) > _REMEMBERED:
            self._let_go(next(iter(self._looked)))

    def _let_go(self, key: Key) -> None:
        del self._looked[key]
        self.cases.pop(key, None)
        self._open.discard(key)

    def forget(self) -> None:
        """Let go of everything that refers to flows: the digest has begun anew."""
        self.cases.clear()
        self._open.clear()
        self._looked.clear()


def _row_of(around: Surroundings, key: Key) -> FlowRow | None:
    rows = around.to_responder(key[1]).near(key[2], _DISORDER_NS)
    return next((row for row in rows if (row.initiator, row.first_ns) == (key[0], key[2])), None)
