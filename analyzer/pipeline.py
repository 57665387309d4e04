"""The order of the steps, and the only module that knows it: captures and logs in, a report out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer.account.limits import limits_of
from analyzer.around.surroundings import Surroundings
from analyzer.capture.several import Progress, Unread, read_captures
from analyzer.factset import Value
from analyzer.incidents.part import Part
from analyzer.report.model import CaptureSummary, Finding, GroupReport, IncidentReport, Report
from analyzer.ruleset.load import RuleSet, load_rules
from analyzer.values import dataclass, field, replace
from analyzer.version import program_version

if TYPE_CHECKING:
    from datetime import tzinfo

    from analyzer.capture.file import Capture
    from analyzer.incidents.crowds import Crowd
    from analyzer.incidents.moment import Moment
    from analyzer.incidents.target import Target
    from analyzer.incidents.tie import Incident
    from analyzer.logs.model import LogFile, SocketRow

__all__ = ["Examined", "Question", "analyze", "examine", "report_of"]

_CLOCKS_APART_NS = 60_000_000_000
"""The clocks of two hosts that capture at the same time are hardly further apart."""
_FULL_INCIDENTS = 200
"""Incidents worked out in full; the rest of a crowd are table rows of their groups."""


@dataclass(frozen=True, slots=True)
class Question:
    """Everything a run is asked."""

    captures: Sequence[str]
    logs: Sequence[str] = ()
    at: Moment | None = None
    """A time by the capture's clock to explain."""
    endpoint: Target | None = None
    zone: tzinfo | None = None
    """Of the logs, where they do not say."""
    sockets: str | None = None
    """A socket table (netstat, ss, Get-NetTCPConnection) that gives flows their process and state."""
    rules: Sequence[Path] = ()
    settings: Mapping[str, Value] = field(default_factory=dict)
    hash_files: bool = True


def analyze(question: Question, *, progress: Progress | None = None, clock_ns: int | None = None) -> Report:
    """Answer a question. Raises NotconnError for input that cannot be used."""
    return report_of(examine(question, progress=progress), clock_ns)


@dataclass(frozen=True, slots=True)
class Examined:
    """A question with all that was read and found for it, before it is written down."""

    question: Question
    rules: RuleSet
    captures: Sequence[Capture]
    parts: Sequence[Part]
    """One for each capture, in their order."""
    logs: Sequence[LogFile]
    sockets: Sequence[SocketRow]
    unread: Sequence[Unread] = ()
    """Files of a folder or pattern that could not be read."""

    def incident(self, name: str) -> tuple[Part, Incident]:
        """Return the incident that the report calls ``name``, with its capture. Raises KeyError."""
        from analyzer.account.crowds import listed

        number = int(name) - 1 if name.isdecimal() else -1
        for part in self.parts:
            if 0 <= number < len(part.incidents):
                return part, part.incidents[number]
            number -= len(part.incidents) + listed(part)
        raise KeyError(name)

    def holds(self, name: str) -> bool:
        """Tell whether the incident ``name`` was examined by itself; an entry of a crowd was not."""
        try:
            self.incident(name)
        except KeyError:
            return False
        return True


def examine(
    question: Question,
    *,
    progress: Progress | None = None,
    logs: Sequence[LogFile] | None = None,
    sockets: Sequence[SocketRow] | None = None,
) -> Examined:
    """Read and judge what a question names; logs and a socket table that were read already are taken as they are.

    Raises NotconnError for input that cannot be used.
    """
    rules = load_rules(question.rules)
    if logs is None:
        # A wrong name is told before a large capture is read.
        missing = [path for path in question.logs if not os.path.isfile(path)]  # noqa: PTH113
        _read_logs(missing, question, None)
    captures, unread = read_captures(question.captures, hash_files=question.hash_files, progress=progress)
    if logs is None:
        began = min((one.info.first_ns for one in captures if one.info.first_ns is not None), default=None)
        logs = _read_logs(question.logs, question, began)
    rows = (_read_sockets(question) if captures else ()) if sockets is None else sockets
    every = [Surroundings(capture, rows) for capture in captures]
    for around in every:
        around.others = tuple(other for other in every if other is not around and _overlap(other, around))
    flows: Sequence[Sequence[int] | None] = [None] * len(captures)
    if question.endpoint is not None:
        from analyzer.incidents.target import flows_of

        flows = flows_of(question.endpoint, every)
    parts = [_one(around, logs, question, rules, named) for around, named in zip(every, flows, strict=True)]
    return Examined(question, rules, captures, _folded(parts), logs, rows, unread)


def _overlap(one: Surroundings, other: Surroundings) -> bool:
    """Tell whether two captures may hold the same connections: files that follow one another do not."""
    first, second = one.capture.info, other.capture.info
    if first.first_ns is None or first.last_ns is None or second.first_ns is None or second.last_ns is None:
        return False
    together = min(first.last_ns, second.last_ns) - max(first.first_ns, second.first_ns)
    return together > -_CLOCKS_APART_NS


def _read_logs(paths: Sequence[str], question: Question, near_ns: int | None) -> list[LogFile]:
    """Read logs; what their lines lack of a date is completed from the capture's time."""
    if not paths:
        return []
    from analyzer.logs.read import read_log

    return [read_log(path, zone=question.zone, near_ns=near_ns) for path in paths]


def _read_sockets(question: Question) -> Sequence[SocketRow]:
    if question.sockets is None:
        return ()
    from analyzer.logs.read import read_sockets

    return read_sockets(question.sockets)


def _one(
    around: Surroundings,
    logs: Sequence[LogFile],
    question: Question,
    rules: RuleSet,
    flows: Sequence[int] | None,
) -> Part:
    """Judge one capture; ``flows`` are those that the question's endpoint means, None where it names none."""
    capture = around.capture
    # Most captures are healthy: what judges incidents is imported when something asks for a judgement.
    asked = any(log.errors for log in logs) or question.at is not None or question.endpoint is not None
    if not asked and not capture.flows.suspects():
        return Part([], around, ())
    from analyzer.incidents.diagnose import Examiner
    from analyzer.incidents.tie import from_call, from_capture, from_log

    examiner = Examiner(around, rules, question.settings)
    found: list[Incident] = []
    remarks: list[str] = []
    for log in logs:
        if not log.errors:
            remarks.append(f"{log.path}: " + (" ".join(log.problems) or "no line records WSAENOTCONN or its like."))
            continue
        incidents, reading = from_log(log, examiner)
        found += incidents
        # Without one readable time there is no offset between the clocks to speak of, but a problem that says so.
        told = [f"{reading.clock.describe()}."] if log.first_ns is not None else []
        told += [f"{problem[:1].upper()}{problem[1:].rstrip('.')}." for problem in log.problems]
        remarks.append(f"{Path(log.path).name}: {' '.join(told)}")
    at, target = question.at, question.endpoint
    if at is not None or target is not None:
        time = at.within(capture.info.first_ns, capture.info.last_ns) if at is not None else None
        names = (target.host,) if target is not None and target.host else ()
        found.append(from_call(examiner, time, at.uncertainty_ns if at is not None else 0, flows, names))
    crowds: list[Crowd] = []
    left_out = 0
    if not asked:
        found, crowds, left_out = from_capture(examiner)
    found.sort(key=lambda incident: incident.time_ns)
    return Part(found, around, tuple(remarks), crowds, left_out)


def _folded(parts: list[Part]) -> list[Part]:
    if sum(bool(part.incidents) for part in parts) < 2:
        return parts
    from analyzer.incidents.folding import fold

    kept = fold([part.incidents for part in parts])
    return [replace(part, incidents=incidents) for part, incidents in zip(parts, kept, strict=True)]


def report_of(examined: Examined, clock_ns: int | None = None, *, worked: int | None = None) -> Report:
    """Write down what was found; ``worked`` is how many of the leading incidents are told in full, None for all."""
    from analyzer.report.health import capture_summary, unread_summary

    reports: list[IncidentReport] = []
    grouped: list[GroupReport] = []
    found: list[Finding] = []
    brief: dict[str, tuple[Part, Incident]] | None = None if worked is None else {}
    limits: dict[str, None] = {}
    summaries: list[CaptureSummary] = []
    for part, capture in zip(examined.parts, examined.captures, strict=True):
        if part.incidents or part.crowds or part.left_out:
            _write_down(part, examined.rules, reports, grouped, found, brief)
        told = limits_of(capture.info.health, with_log=bool(examined.logs), unnumbered=part.around.unnumbered)
        limits.update(dict.fromkeys(told))
        summaries.append(capture_summary(capture.info, part.remarks))
    for one in examined.unread:
        summaries.append(unread_summary(one.path, one.why))
        limits["A file that was asked for could not be read: what it holds is unknown."] = None
    reports.sort(key=lambda one: (-_RANK[one.confidence], one.time_ns, int(one.id)))
    report = Report(
        generated_by=f"notconn {program_version()}",
        captures=tuple(summaries),
        incidents=tuple(reports),
        groups=tuple(grouped),
        findings=tuple(found),
        limits=tuple(limits),
        generated_ns=clock_ns,
        versions={"rules": examined.rules.stamp[:12]},
    )
    return report if brief is None else _worked_out(report, report.leading(worked), brief, examined)


def _worked_out(
    report: Report,
    leading: Sequence[IncidentReport],
    brief: Mapping[str, tuple[Part, Incident]],
    examined: Examined,
) -> Report:
    """Return the report with the ``leading`` incidents in full; flows told by likeness have no more to tell."""
    from analyzer.account.write import incident_report

    told: dict[str, IncidentReport] = {}
    for one in leading:
        if one.id in brief:
            part, incident = brief[one.id]
            full = incident_report(int(one.id), incident, part.around, examined.rules)
            told[one.id] = replace(full, group=one.group)
    return replace(report, incidents=tuple(told.get(one.id, one) for one in report.incidents))


def _write_down(
    part: Part,
    rules: RuleSet,
    reports: list[IncidentReport],
    grouped: list[GroupReport],
    found: list[Finding],
    brief: dict[str, tuple[Part, Incident]] | None,
) -> None:
    """Add what was found in one capture to the report's lists; in ``brief``, where it is given, with what is left."""
    # Only what there is to tell of needs the words for it.
    from analyzer.account.crowds import crowd_reports, join
    from analyzer.account.grouping import findings, groups
    from analyzer.account.write import brief_report, incident_report, repeated

    offset = len(reports)
    own, membership = groups(part.incidents)
    names = {one.id: f"g{len(grouped) + number}" for number, one in enumerate(own, 1)}
    examples = {one.example for one in own}
    alike: dict[int, IncidentReport] = {}
    for position, incident in enumerate(part.incidents):
        group = membership.get(position)
        full = group is None or str(position + 1) in examples or len(part.incidents) <= _FULL_INCIDENTS
        full = full and position < 20 * _FULL_INCIDENTS and brief is None
        number, known = offset + position + 1, alike.get(id(incident.diagnosis))
        if known is not None and not full:
            written = repeated(number, incident, known)
        elif brief is not None:
            written = brief_report(number, incident, part.around, rules)
        else:
            written = incident_report(number, incident, part.around, rules, full=full)
        if brief is not None:
            brief[written.id] = part, incident
        if not full:
            alike[id(incident.diagnosis)] = written
        reports.append(replace(written, group=names.get(group or "")))
    grouped += [_shifted(one, names[one.id], offset) for one in own]
    found += [
        replace(one, incidents=tuple(str(int(i) + offset) for i in one.incidents))
        for one in findings(part.incidents, part.around)
    ]
    if part.crowds or part.left_out:
        more, told = crowd_reports(part, len(reports), rules)
        join(more, reports, grouped)
        found += told


_RANK = {"high": 2, "medium": 1, "low": 0}


def _shifted(group: GroupReport, name: str, offset: int) -> GroupReport:
    return replace(
        group,
        id=name,
        incidents=tuple(str(int(member) + offset) for member in group.incidents),
        example=str(int(group.example) + offset),
    )
