"""The text dialect: first what goes into a ticket, at most 25 lines for an incident, then tables.

Layout uses ASCII only, so that it survives a Windows console, an e-mail and a work note. Colour is the caller's choice
(`wants_color` knows the customs); everything that came from outside passes `analyzer.report.escape.plain`.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import IO

from analyzer.report.escape import block, plain
from analyzer.report.health import capture_lines
from analyzer.report.model import Evidence, Fix, GroupReport, IncidentReport, Report
from analyzer.report.phrases import (
    CULPRIT,
    connection,
    count,
    error_line,
    frames,
    headline,
    instant,
    named,
    score,
    telling,
    unbroken,
)
from analyzer.values import dataclass, replace

__all__ = ["TICKET_LINES", "WORKED", "render", "ticket", "wants_color"]

TICKET_LINES = 25
_LABEL = 15
_CODE_LINES = 7
_SHOWN_FIXES = 3
WORKED = 5
"""Incidents that the whole report tells in full; the rest are rows of a table."""
_ROWS = 40
_FINDINGS = 12


def wants_color(stream: IO[str], environment: Mapping[str, str] | None = None) -> bool:
    """Tell whether colour belongs on ``stream``: a terminal, no ``NO_COLOR`` (no-color.org), no dumb terminal."""
    env = os.environ if environment is None else environment
    if env.get("NO_COLOR"):
        return False
    if env.get("FORCE_COLOR"):
        return True
    return stream.isatty() and env.get("TERM") != "dumb"


def render(report: Report, *, width: int = 100, color: bool = False) -> str:
    """Return the whole report as text of at most ``width`` columns (40 to 160), colour as SGR codes when asked."""
    page = _Page(max(40, min(width, 160)), color)
    shown = named(replace(report, incidents=report.leading(WORKED)))
    groups = {group.id: group for group in report.groups}
    if len(report.incidents) != 1:
        page.extend(map(page.bold, _wrapped(headline(report), page.width)))
    for position, incident in enumerate(shown.incidents):
        if position or len(report.incidents) != 1:
            page.add("", page.rule())
        page.extend(_ticket_lines(page, incident, groups.get(incident.group or ""), len(report.incidents)))
    if len(report.incidents) > len(shown.incidents):
        page.add("")
        page.extend(_table(page, report, groups))
    if shown.findings:
        page.add("", page.bold("Beside the incidents"))
        for finding in telling(shown.findings)[:_FINDINGS]:
            place = f" ({frames(finding.frames)})" if finding.frames else ""
            page.bullet(f"{plain(finding.title).rstrip('.')}. {plain(finding.text)}{place}")
        if len(shown.findings) > _FINDINGS:
            page.bullet(f"And {len(shown.findings) - _FINDINGS:,} more of these kinds: --format html has every one.")
    page.add("", page.bold("Captures"))
    for capture in report.captures:
        for line in capture_lines(capture):
            page.bullet(line)
    if report.limits:
        page.add("", page.bold("What this cannot show"))
        for limit in report.limits:
            page.bullet(plain(limit))
    versions = "".join(f", {plain(name)} {plain(value)}" for name, value in report.versions.items())
    made = f", written {instant(report.generated_ns, 0)}" if report.generated_ns is not None else ""
    page.add("")
    page.wrap(f"{plain(report.generated_by)}{versions}{made}. All times are UTC of the capturing host's clock.")
    return page.text()


def ticket(report: Report, incident: IncidentReport, *, width: int = 100) -> str:
    """Return one incident's text for a ticket: at most `TICKET_LINES` lines, without colour."""
    page = _Page(max(40, min(width, 160)), False)
    (incident,) = named(replace(report, incidents=(incident,))).incidents
    group = next((one for one in report.groups if incident.id in one.incidents), None)
    page.extend(_ticket_lines(page, incident, group, len(report.incidents)))
    return page.text()


class _Page:
    """Lines of bounded width; the only place that knows of colour."""

    def __init__(self, width: int, color: bool) -> None:
        self.width = width
        self.color = color
        self.lines: list[str] = []

    def add(self, *lines: str) -> None:
        self.lines.extend(lines)

    def extend(self, lines: Iterable[str]) -> None:
        self.lines.extend(lines)

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines) + "\n"

    def paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color else text

    def bold(self, text: str) -> str:
        return self.paint("1", text)

    def rule(self) -> str:
        return self.paint("2", "-" * self.width)

    def clip(self, text: str) -> str:
        return text if len(text) <= self.width else text[: self.width - 3].rstrip() + "..."

    def wrap(self, text: str, lead: str = "", limit: int = 99) -> None:
        self.extend(_wrapped(text, self.width, lead, limit))

    def bullet(self, text: str) -> None:
        self.wrap(text, "  - ")


def _wrapped(text: str, width: int, lead: str = "", limit: int = 99) -> list[str]:
    """Wrap ``text`` after ``lead``, at most ``limit`` lines; the last one ends in dots when more was to say."""
    indent = " " * len(lead)
    wrapper = textwrap.TextWrapper(
        width, initial_indent=lead, subsequent_indent=indent, break_on_hyphens=False, break_long_words=True
    )
    lines = [line.replace("\u00a0", " ") for line in wrapper.wrap(unbroken(text)) or [lead.rstrip()]]
    if len(lines) > limit:
        lines = lines[:limit]
        last = lines[-1]
        if len(last) > width - 4 and " " in last[len(lead) : width - 3]:
            last = last[: last.rindex(" ", 0, width - 3)]
        lines[-1] = last[: width - 4].rstrip(" .,;:") + " ..."
    return lines


_TELLING = {
    "Against": 1,
    "Who acts": 2,
    "Same again": 3,
    "Change": 4,
    "Not known": 5,
    "What happened": 6,
    "Disproved by": 7,
    "To settle": 7,
    "When": 8,
    "Connection": 9,
    "Proof": 10,
    "Verdict": 11,
}
_TINT = {"high": "32", "medium": "33", "low": "35"}


@dataclass(slots=True)
class _Section:
    """One labelled part of a ticket: what it says, and how few lines it can live with."""

    label: str
    text: str
    least: int
    most: int
    limit: int = 0

    def lines(self, page: _Page) -> list[str]:
        lines = _wrapped(self.text, page.width, " " * _LABEL, self.limit or self.most)
        lines[0] = page.paint("2", f"{self.label:<{_LABEL}}") + lines[0][_LABEL:]
        return lines


def _ticket_lines(page: _Page, incident: IncidentReport, group: GroupReport | None, total: int) -> list[str]:
    """Return the ticket's lines: every section whole where it fits, else shortened, the least telling one first."""
    number = f"Incident {plain(incident.id)}" + (f" of {total:,}" if total > 1 else "")
    head = [page.bold(line) for line in _wrapped(f"{number}: {plain(incident.title)}", page.width, limit=2)]
    sections = _sections(incident, group)
    code = _code(page, incident.fix)
    room = TICKET_LINES - len(head) - len(code)
    while (over := sum(len(section.lines(page)) for section in sections) - room) > 0:
        long = [one for one in sections if len(one.lines(page)) > one.least]
        if sections[-1].text.startswith("3. ") and all(_TELLING[one.label] >= _TELLING["Change"] for one in long):
            sections.pop()
        elif long:
            least_telling = min(long, key=lambda one: _TELLING[one.label])
            least_telling.limit = len(least_telling.lines(page)) - 1
        elif code:
            room += len(code)
            code = []
        else:
            del sections[-over:]
    for section, following in zip(sections[:0:-1], sections[-2::-1], strict=True):
        if section.label == following.label:
            section.label = ""
    lines = [line for section in sections for line in section.lines(page)]
    # The verdict's line is coloured last, so that no escape sequence is ever wrapped.
    return [*head, *(_tinted(page, line, incident) for line in lines), *code]


def _tinted(page: _Page, line: str, incident: IncidentReport) -> str:
    words = f"confidence {incident.confidence}"
    return line.replace(words, f"confidence {page.paint(_TINT[incident.confidence], incident.confidence)}", 1)


def _sections(incident: IncidentReport, group: GroupReport | None) -> list[_Section]:
    verdict = (
        f"{plain(incident.cause, 60)}, confidence {incident.confidence} ({score(incident.score)}); it points to: "
        f"{CULPRIT[incident.culprit]}"
    )
    where = connection(incident)
    if incident.stream is not None:
        where += f", tcp.stream == {incident.stream}"
    if incident.capture is not None:
        where += f" in {plain(incident.capture)}"
    sections = [
        _Section("Verdict", verdict, 1, 2),
        _Section("Connection", where, 1, 2),
        _Section("When", error_line(incident), 1, 2),
    ]
    if group is not None and len(group.incidents) > 1:
        text = f"{plain(group.title)} (first {instant(group.first_ns, 0)}, last {instant(group.last_ns, 0)})"
        sections.append(_Section("Same again", text, 1, 2))
    if incident.summary:
        sections.append(_Section("What happened", plain(incident.summary), 2, 5))
    sections.extend(_Section("Proof", _statement(evidence), 1, 3) for evidence in incident.evidence[:3])
    if incident.against:
        sections.append(_Section("Against", _statement(incident.against[0]), 1, 2))
    elif incident.unknown:
        unknown = incident.unknown[0]
        sections.append(_Section("Not known", f"{_sentence(unknown.fact)} {_sentence(unknown.why)}", 1, 2))
    if incident.disproof:
        sections.append(_Section("Disproved by", plain(incident.disproof), 1, 2))
    elif incident.unknown:
        sections.append(_Section("To settle", plain(incident.unknown[0].settle_by), 1, 2))
    if incident.owner:
        sections.append(_Section("Who acts", plain(incident.owner), 1, 2))
    for position, fix in enumerate(incident.fix[:_SHOWN_FIXES]):
        sections.append(_Section("Change", f"{position + 1}. {plain(fix.text)}", 1, 2))
    return sections


def _sentence(text: str) -> str:
    text = plain(text).rstrip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _statement(evidence: Evidence) -> str:
    # The frames come first, so that no shortening can lose them.
    return (f"[{frames(evidence.frames)}] " if evidence.frames else "") + plain(evidence.statement)


def _code(page: _Page, fixes: Sequence[Fix]) -> list[str]:
    """Return the shortest snippet of the first fix that has a short one, which fix it is for, and where others are."""
    for number, fix in enumerate(fixes, 1):
        for language, source in sorted(fix.code.items(), key=lambda item: item[1].count("\n")):
            body = [line for line in block(source).strip("\n").split("\n") if line]
            if len(body) <= _CODE_LINES and all(len(line) + 4 <= page.width for line in body):
                others = dict.fromkeys(plain(name) for one in fixes for name in one.code if name != language)
                more = f" (the full report has {', '.join(others)} too)" if others else ""
                which = f"For {number}: " if number <= _SHOWN_FIXES else ""
                head = page.clip(f"{'':<{_LABEL}}{which}{plain(language)}{more}:")
                return [page.paint("2", head), *(f"    {line}" for line in body)]
    return []


def _table(page: _Page, report: Report, groups: Mapping[str, GroupReport]) -> list[str]:
    """Return one row for each group and each incident that stands alone, most important first."""
    lines = [page.bold("All incidents")]
    seen: set[str] = set()
    rows: list[tuple[str, str, str, str, str]] = []
    left = 0
    for incident in report.incidents:
        group = groups.get(incident.group or "")
        if group is not None and group.id in seen:
            continue
        if len(rows) == _ROWS:
            left += 1
            continue
        number = 1
        if group is not None:
            seen.add(group.id)
            number = len(group.incidents)
        rows.append(
            (
                f"{number:,}x",
                instant(group.first_ns if group else incident.time_ns, 0).removesuffix(" UTC"),
                f"{incident.confidence} {score(incident.score)}",
                plain(incident.cause, 60),
                plain(incident.server or "no connection", 60),
            )
        )
    header = ("count", "first, UTC", "confidence", "cause", "server")
    widths = [max(len(row[column]) for row in (*rows, header)) for column in range(4)]
    for row in (header, *rows):
        text = "  ".join(f"{cell:<{size}}" for cell, size in zip(row[:4], widths, strict=True)) + "  " + row[4]
        lines.append(page.paint("2", page.clip(f"  {text}")) if row is header else page.clip(f"  {text}"))
    if left:
        lines.append(f"  ... and {count(left, 'row')} more: --format json has every incident")
    return lines
