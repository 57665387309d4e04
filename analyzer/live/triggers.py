"""What starts a judgement beside the wire: lines of followed logs, the end of a program, and a person's "now"."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Protocol

from analyzer.around.surroundings import Surroundings
from analyzer.endpoint import Endpoint
from analyzer.errors import LogError
from analyzer.incidents.target import Target, flows_of
from analyzer.incidents.tie import Incident, from_call, from_log
from analyzer.live.cases import Case, CaseBook, Judged, View
from analyzer.live.command import Command
from analyzer.live.follow import FollowedLog, Line
from analyzer.logs.model import LogFile
from analyzer.logs.read import read_log
from analyzer.units import NS
from analyzer.values import dataclass, field, replace

__all__ = ["Triggers"]

_LEAD = 50
"""Lines before the new ones that are read with them: a record may have begun earlier."""
_CALL_UNCERTAINTY_NS = 2 * NS
_AROUND_NS = 120 * NS
"""Of an error that no connection explains, losses this long before it count."""
_REMEMBERED = 2000
_UNREAD = 5000
"""Lines that wait at most until there is room to read them."""
_REVISIONS = 3
"""Waits after which a log's error is looked at again, in case more was seen."""


class _Source(Protocol):
    """Something with lines."""

    def poll(self) -> list[Line]: ...

    def context(self) -> list[Line]: ...


@dataclass(slots=True)
class _Followed:
    path: str
    source: _Source
    due_ns: int | None = None
    """When what was noticed is judged."""
    again_ns: list[int] = field(default_factory=list)
    noticed: dict[tuple[int, str], Case | None] = field(default_factory=dict)
    """Errors by line and text (after a rotation lines count anew), with the case that each became."""
    old: set[tuple[int, str]] = field(default_factory=set)
    """Errors that stood there before the watch began."""
    unread: list[Line] = field(default_factory=list)
    """Lines that came while there was no room to read them."""


@dataclass(slots=True)
class _Call:
    time_ns: int
    due_ns: int
    why: str


@dataclass(slots=True)
class Triggers:
    """All sources of a watch. Nothing here raises for what a log holds."""

    wait_ns: int
    zone: tzinfo | None = None
    endpoint: Endpoint | None = None
    problems: list[str] = field(default_factory=list)
    """Sentences to tell, emptied by whoever tells them."""
    errors_seen: int = 0
    trouble: str | None = None
    """Why no log can be read at the moment; None while all is well."""
    _followed: list[_Followed] = field(default_factory=list)
    _calls: list[_Call] = field(default_factory=list)

    def follow(self, path: Path) -> None:
        """Follow a log from its present end. Raises LogError."""
        one = _Followed(str(path), FollowedLog(path))
        log = self._read(one.source.context(), one, 0)
        if log is not None:
            one.old.update((event.line, event.text) for event in log.errors)
        self._followed.append(one)

    def watch(self, command: Command) -> None:
        """Read a program's output like a log."""
        self._followed.append(_Followed(command.name, command))

    def heard(self, command: Command) -> bool:
        """Tell whether a program has told of an error in words, which say more than its exit code."""
        return any(one.noticed for one in self._followed if one.source is command)

    def now(self, time_ns: int, why: str) -> None:
        """Ask for a judgement of this moment."""
        self._calls.append(_Call(time_ns, time_ns + self.wait_ns, why))

    def forget(self) -> None:
        """Look at nothing again: the connections of the past are gone."""
        for one in self._followed:
            one.again_ns.clear()

    def troubles(self) -> list[str]:
        """Return why logs cannot be read at the moment."""
        sources = [one.source for one in self._followed]
        own = [] if self.trouble is None else [self.trouble]
        return own + [one.trouble for one in sources if isinstance(one, FollowedLog) and one.trouble is not None]

    @property
    def waiting(self) -> bool:
        """Something was noticed and is not judged yet."""
        return bool(self._calls) or any(one.due_ns is not None for one in self._followed)

    def poll(self, now_ns: int) -> None:
        """Look for new lines."""
        for one in self._followed:
            lead = one.source.context()[-_LEAD:]
            fresh = [*one.unread, *one.source.poll()]
            if not fresh:
                continue
            log = self._read([*lead, *fresh], one, now_ns)
            one.unread = fresh[-_UNREAD:] if self.trouble is not None else []
            if log is None:
                continue
            for event in log.errors:
                key = event.line, event.text
                if key in one.noticed or key in one.old:
                    continue
                one.noticed[key] = None
                self.errors_seen += 1
                if one.due_ns is None:
                    one.due_ns = now_ns + self.wait_ns

    def _read(self, lines: Sequence[Line], one: _Followed, now_ns: int) -> LogFile | None:
        """Read lines as a log of their own, and give its records the numbers they have in the whole."""
        if not lines:
            return None
        try:
            with tempfile.TemporaryDirectory(prefix="notconn-") as folder:
                file = Path(folder, Path(one.path).name)
                file.write_bytes(b"\n".join(line.data for line in lines) + b"\n")
                log = read_log(file, zone=self.zone, near_ns=now_ns or None)
        except LogError as error:
            self.problems.append(str(error))
            return None
        except OSError as error:
            self.trouble = (
                f"{tempfile.gettempdir()}: {one.path} cannot be read for want of a temporary file ({error.strerror}); "
                "free some space"
            )
            return None
        self.trouble = None
        numbers = [line.number for line in lines]
        events = tuple(
            replace(event, path=one.path, line=numbers[min(event.line, len(numbers)) - 1]) for event in log.events
        )
        return replace(log, path=one.path, events=events)

    def due(self, now_ns: int, *, final: bool = False) -> bool:
        """Tell whether something is to be judged now."""
        return bool(self._due_calls(now_ns, final)) or any(self._ripe(one, now_ns, final) for one in self._followed)

    def _due_calls(self, now_ns: int, final: bool) -> list[_Call]:
        return [call for call in self._calls if final or call.due_ns <= now_ns]

    def _ripe(self, one: _Followed, now_ns: int, final: bool) -> bool:
        if one.due_ns is not None and (final or one.due_ns <= now_ns):
            return True
        return any(again <= now_ns for again in one.again_ns)

    def judge(self, view: View, book: CaseBook, *, final: bool = False) -> list[tuple[Judged, bytes | None, str]]:
        """Judge what is due; each verdict comes with the log's lines around it and the log's name."""
        told: list[tuple[Judged, bytes | None, str]] = []
        for call in self._due_calls(view.now_ns, final):
            self._calls.remove(call)
            lost = view.losses.within(call.time_ns - _AROUND_NS, view.now_ns)
            examiner = view.examiner(book.rules, book.settings, lost)
            flows = None
            if self.endpoint is not None:
                (flows,) = flows_of(Target(self.endpoint.packed, None, self.endpoint.port), [examiner.around])
            incident = from_call(examiner, call.time_ns, _CALL_UNCERTAINTY_NS, flows)
            told.append((self._new(book, incident, view, examiner.around), None, call.why))
        for one in self._followed:
            if self._ripe(one, view.now_ns, final):
                told += self._judge_log(one, view, book)
        return told

    def _judge_log(self, one: _Followed, view: View, book: CaseBook) -> list[tuple[Judged, bytes | None, str]]:
        fresh, one.due_ns = one.due_ns is not None, None
        one.again_ns = [again for again in one.again_ns if again > view.now_ns]
        if fresh:
            one.again_ns.append(view.now_ns + _REVISIONS * self.wait_ns)
        lines = one.source.context()
        log = self._read(lines, one, view.now_ns)
        if log is None:
            if self.trouble is not None:
                one.due_ns = view.now_ns + self.wait_ns
            return []
        excerpt = b"\n".join(line.data for line in lines) + b"\n"
        told: list[tuple[Judged, bytes | None, str]] = []
        for incident, around in self._hold(log, view, book):
            event = incident.symptom.event
            key = (event.line, event.text) if event is not None else (0, "")
            if key not in one.noticed:
                continue
            case = one.noticed[key]
            verdict = incident.diagnosis.cause, incident.diagnosis.confidence
            if case is None:
                judged = self._new(book, incident, view, around)
                one.noticed[key] = judged.case
            elif case.told != verdict:
                case.told, case.told_ns, case.cause = verdict, view.now_ns, verdict[0]
                case.revision += 1
                judged = Judged(case, incident, around, "revised")
            else:
                continue
            told.append((judged, excerpt, one.path))
        while len(one.noticed) > _REMEMBERED:
            del one.noticed[next(iter(one.noticed))]
        return told

    def _hold(self, log: LogFile, view: View, book: CaseBook) -> list[tuple[Incident, Surroundings]]:
        """Hold every error against the packets; each is judged by the losses of its own connection's time."""
        clean = view.examiner(book.rules, book.settings, 0)
        found = [(incident, clean.around) for incident in from_log(log, clean)[0]]
        if not view.losses.within(view.now_ns - view.span_ns, view.now_ns):
            return found
        lost = [self._lost(incident, view) for incident, _ in found]
        if not any(lost):
            return found
        cloudy = view.examiner(book.rules, book.settings, max(lost))
        again = from_log(log, cloudy)[0]
        return [(again[n], cloudy.around) if lost[n] else found[n] for n in range(len(found))]

    def _lost(self, incident: Incident, view: View) -> int:
        reading = incident.diagnosis.examination.reading
        if reading is not None:
            return view.losses.within(reading.flow.first_ns, reading.flow.last_ns + self.wait_ns)
        return view.losses.within(incident.time_ns - _AROUND_NS, incident.time_ns + self.wait_ns)

    def _new(self, book: CaseBook, incident: Incident, view: View, around: Surroundings) -> Judged:
        case = book.open_case(None, incident, view.now_ns)
        case.told = incident.diagnosis.cause, incident.diagnosis.confidence
        case.told_ns, case.revision = view.now_ns, 1
        return Judged(case, incident, around, "incident")
