"""The Markdown dialect for GitHub and GitLab, with a Mermaid sequence diagram for each incident worked out in full.

A GitHub comment holds at most 65,536 characters; ``render(report, limit=65_536)`` leaves out whole parts, last ones
first, and says so, rather than cutting a table or a code block in two.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

from analyzer.report.escape import html, link, markdown, markdown_cell, markdown_code, markdown_fence, mermaid, plain
from analyzer.report.health import capture_lines
from analyzer.report.ladder import Rung, rungs
from analyzer.report.model import Evidence, Fix, IncidentReport, Report
from analyzer.report.phrases import (
    CONFIDENCE,
    CULPRIT,
    clock,
    count,
    error_line,
    frame_filter,
    frames,
    headline,
    incident_table,
    instant,
    named,
    score,
    telling,
)
from analyzer.units import format_duration

__all__ = ["COMMENT_LIMIT", "incident_markdown", "render"]

COMMENT_LIMIT = 65_536
"""Characters of one GitHub comment (docs.github.com, REST API, issue comments)."""
_WORKED = 10
_ROWS = 500
_RUNGS = 24
_FENCE_NAMES = {"C#": "csharp", "C++": "cpp", "F#": "fsharp", "Configuration": "text"}


def render(report: Report, *, limit: int | None = None) -> str:
    """Return the report as Markdown; with ``limit``, in at most that many characters."""
    report = named(report)
    for worked, rows in ((_WORKED, _ROWS), (5, 100), (2, 50), (1, 20), (1, 0), (0, 20), (0, 0)):
        text = _render(report, worked, rows)
        if limit is None or len(text) <= limit:
            return text
    return text[: max(0, limit - 2)].rstrip() + "…\n" if limit is not None else text


def _render(report: Report, worked: int, rows: int) -> str:
    lines: list[str] = []
    leading = report.leading()
    shown = report.leading(worked)
    single = len(report.incidents) == 1
    if not single:
        lines += [f"## {markdown(headline(report))}", ""]
        lines += _overview(report)
    for incident in shown:
        lines += _incident(report, incident, "##" if single else "###")
    if len(leading) > len(shown):
        further = count(len(leading) - len(shown), "further incident")
        lines += [f"_{further} not worked out here: the HTML and JSON reports have more._", ""]
    if not single and report.incidents and rows:
        lines += _table(report, rows)
    if report.findings:
        lines += ["### Beside the incidents", ""]
        for finding in telling(report.findings):
            place = f" ({frames(finding.frames)})" if finding.frames else ""
            lines.append(f"- **{markdown(finding.title)}**: {markdown(finding.text)}{place}")
        lines.append("")
    lines += ["### Captures", ""]
    for capture in report.captures:
        first, *rest = capture_lines(capture)
        lines.append(f"- {markdown(first)}")
        lines += [f"  - {markdown(line)}" for line in rest]
    lines.append("")
    if report.limits:
        lines += ["### What this cannot show", "", *(f"- {markdown(one)}" for one in report.limits), ""]
    versions = "".join(f", {markdown(name)} {markdown(value)}" for name, value in report.versions.items())
    made = f", written {instant(report.generated_ns, 0)}" if report.generated_ns is not None else ""
    lines.append(
        f"<sub>{markdown(report.generated_by)}{versions}{made}. All times are UTC of the capturing host's "
        "clock; frames are Wireshark's numbers.</sub>"
    )
    return "\n".join(lines) + "\n"


def incident_markdown(report: Report, incident: IncidentReport) -> str:
    """Return one incident for a comment of its own."""
    report = named(report)
    incident = next(one for one in report.incidents if one.id == incident.id)
    return "\n".join(_incident(report, incident, "###")) + "\n"


def _overview(report: Report) -> list[str]:
    if not report.incidents:
        return []
    sizes = {group.example: len(group.incidents) for group in report.groups}
    rows = [
        (
            f"{sizes.get(one.id, 1):,}",
            markdown_cell(one.title),
            markdown_code(one.cause, cell=True),
            f"{one.confidence} ({score(one.score)})",
            CULPRIT[one.culprit],
        )
        for one in report.leading(40)
    ]
    return _grid(("Incidents", "Verdict", "Cause", "Confidence", "Points to"), rows)


def _grid(header: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    head = list(header)
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return [*lines, ""]


def _incident(report: Report, incident: IncidentReport, level: str) -> list[str]:
    number = "" if len(report.incidents) == 1 else f"Incident {markdown(incident.id)}: "
    lines = [f"{level} {number}{markdown(incident.title)}", "", markdown(incident.summary), ""]
    lines += _grid(("", ""), _facts(report, incident))
    if incident.log is not None:
        lines += [markdown_fence(incident.log.text), ""]
    if incident.fix:
        lines += ["**What to do**", ""]
        for position, fix in enumerate(incident.fix, 1):
            lines += _fix(position, fix)
        lines.append("")
    if incident.evidence:
        lines += ["**Proof**", "", *_evidence(incident.evidence), ""]
    diagram = rungs(incident, _RUNGS)
    if diagram:
        lines += _diagram(incident, diagram)
    decisive = [row for row in incident.timeline if row.decisive and row.frame is not None]
    if decisive:
        rows = [
            (
                f"{row.frame}",
                clock(row.ts_ns),
                {True: "client", False: "server", None: "neither"}[row.from_client],
                markdown_cell(row.label),
                markdown_cell(row.note),
                markdown_code(f"frame.number == {row.frame}", cell=True),
            )
            for row in decisive
        ]
        lines += _grid(("Frame", "Time, UTC", "From", "Packet", "Why it matters", "Wireshark filter"), rows)
        every = frame_filter(row.frame for row in decisive if row.frame is not None)
        lines += [f"All of them: {markdown_code(every)}", ""]
    lines += _silences(incident)
    lines += _doubts(incident)
    if incident.winsock:
        rows3 = [
            (markdown_code(one.call, cell=True), markdown_cell(one.error), markdown_cell(one.why))
            for one in incident.winsock
        ]
        lines += ["**What the socket calls answer**", "", *_grid(("Call", "Answers", "Why"), rows3)]
    if incident.references:
        lines += ["**References**", "", *(f"- {_reference(one)}" for one in incident.references), ""]
    return lines


def _facts(report: Report, incident: IncidentReport) -> list[tuple[str, str]]:
    rows = [
        ("Confidence", f"**{incident.confidence}** ({score(incident.score)}), {CONFIDENCE[incident.confidence]}"),
        ("Points to", CULPRIT[incident.culprit]),
    ]
    if incident.owner:
        rows.append(("Who has to act", markdown_cell(incident.owner)))
    rows.append(("Cause", markdown_code(incident.cause, cell=True)))
    if incident.client is not None or incident.server is not None:
        client = markdown_code(incident.client or "unknown client", cell=True)
        where = f"{client} → {markdown_code(incident.server or 'unknown server', cell=True)}"
        if incident.stream is not None:
            where += f", {markdown_code(f'tcp.stream == {incident.stream}', cell=True)}"
        if incident.capture is not None:
            where += f" in {markdown_code(incident.capture, cell=True)}"
        rows.append(("Connection", where))
    else:
        rows.append(("Connection", "none in the capture was found for this error"))
    rows.append(("When", markdown_cell(error_line(incident))))
    group = next((one for one in report.groups if one.id == incident.group), None)
    if group is not None and len(group.incidents) > 1:
        when = f"first {instant(group.first_ns, 0)}, last {instant(group.last_ns, 0)}"
        rows.append(("Same again", f"{markdown_cell(group.title)}: {when}. {markdown_cell(group.text)}"))
    return rows


def _evidence(items: Iterable[Evidence]) -> list[str]:
    lines = []
    for one in items:
        place = f" ({frames(one.frames)}{' in ' + markdown_code(one.capture) if one.capture else ''})"
        shown = f" {markdown_code(one.filter)}" if one.filter else ""
        lines.append(f"- {markdown(one.statement)}{place if one.frames else ''}{shown}")
    return lines


def _fix(position: int, fix: Fix) -> list[str]:
    lines = [f"{position}. {markdown(fix.text)}"]
    for language, source in fix.code.items():
        fenced = markdown_fence(source.strip("\n"), _FENCE_NAMES.get(language, language.lower()))
        code = "\n".join(f"   {line}".rstrip() for line in fenced.split("\n"))
        lines += ["", f"   <details><summary>{_quiet(html(language))}</summary>", "", code, "", "   </details>", ""]
    return lines


def _quiet(text: str) -> str:
    """Mention no person and no issue in what is HTML already."""
    return re.sub(r"@|#(?=\d)", r"\g<0><!-- -->", text)


def _diagram(incident: IncidentReport, lines: Iterable[Rung]) -> list[str]:
    result = [
        "**The packets in order** (● decides the verdict; a cross at the end of an arrow: no answer was ever seen)",
        "",
        "```mermaid",
        "sequenceDiagram",
        f"    participant C as Client {mermaid(incident.client or 'not known')}",
        f"    participant S as Server {mermaid(incident.server or 'not known')}",
    ]
    for line in lines:
        row = line.row
        if line.silence is not None:
            result.append(
                f"    Note over C,S: {format_duration(line.silence.duration_ns)} of silence, no packet in "
                "either direction"
            )
        elif row is None or row.kind == "elided":
            result.append(f"    Note over C,S: {mermaid(line.label)}")
        elif row.kind == "packet" and row.from_client is not None:
            ends = ("C", "S") if row.from_client else ("S", "C")
            arrow = "--x" if row.answered is False else "->>"
            mark = "● " if row.decisive else ""
            frame = f"{row.frame}: " if row.frame is not None else ""
            result.append(f"    {ends[0]}{arrow}{ends[1]}: {mark}{frame}{mermaid(row.label)}, {clock(row.ts_ns, 3)}")
            if row.decisive and row.note:
                result.append(f"    Note over C,S: {_broken(row.note)}")
        else:
            side = "left of C" if row.kind == "log" else "over C,S"
            result.append(f"    Note {side}: {mermaid(row.label)}, {clock(row.ts_ns, 3)}")
    return [*result, "```", ""]


def _broken(text: str) -> str:
    """Break a note into lines, because a diagram grows as wide as its widest note."""
    return "<br/>".join(mermaid(part) for part in textwrap.wrap(plain(text, 200), 42)) or " "


def _silences(incident: IncidentReport) -> list[str]:
    rows = []
    for silence in incident.silences:
        names: dict[int, list[str]] = {}
        for limit in silence.limits:
            if limit.duration_ns <= silence.duration_ns:
                names.setdefault(limit.duration_ns, []).append(limit.name)
        reached = "; ".join(f"{format_duration(length)} {', '.join(names[length])}" for length in sorted(names))
        fate = {True: "survived", False: "did not survive", None: "not known"}[silence.survived]
        rows.append(
            (
                format_duration(silence.duration_ns),
                f"{silence.before_frame} to {silence.after_frame}",
                markdown_cell(silence.ended_by),
                fate,
                markdown_cell(reached) or "none known",
            )
        )
    if not rows:
        return []
    header = ("Silence", "Frames", "Ended by", "The connection", "Known idle limits not longer than it")
    return ["**Silences**", "", *_grid(header, rows)]


def _doubts(incident: IncidentReport) -> list[str]:
    lines = ["**What speaks against it**", ""]
    if incident.disproof:
        lines += [f"- This would prove it wrong: {markdown(incident.disproof)}"]
    lines += _evidence(incident.against) or ["- Nothing in what was read speaks against it."]
    lines.append("")
    if incident.unknown:
        rows = [
            (markdown_cell(one.fact), markdown_cell(one.why), markdown_cell(one.settle_by)) for one in incident.unknown
        ]
        lines += _grid(("Not known", "Why", "What would settle it"), rows)
    if incident.alternatives:
        rows = [
            (
                f"{markdown_cell(one.title)} {markdown_code(one.cause, cell=True)}".strip(),
                f"{one.confidence} ({score(one.score)})",
                markdown_cell(one.why_not),
            )
            for one in incident.alternatives
        ]
        lines += _grid(("Other cause weighed", "Confidence", "Why not"), rows)
    return lines


def _reference(text: str) -> str:
    url = link(text)
    if url is None:
        return markdown(text)
    words = markdown(text.replace(url, "").strip())
    return f"{words} <{url}>".strip()


def _table(report: Report, limit: int) -> list[str]:
    incidents, left = incident_table(report, limit)
    rows = [
        (
            markdown_cell(one.id),
            instant(one.time_ns).removesuffix(" UTC"),
            markdown_code(one.cause, cell=True),
            f"{one.confidence} {score(one.score)}",
            markdown_code(one.client or "-", cell=True),
            markdown_code(one.server or "-", cell=True),
            "" if one.stream is None else str(one.stream),
            markdown_cell(one.group or ""),
        )
        for one in incidents
    ]
    header = ("No.", "Time, UTC", "Cause", "Confidence", "Client", "Server", "Stream", "Group")
    lines = ["### All incidents", "", *_grid(header, rows)]
    if left:
        lines += [f"_and {count(left, 'row')} more: the JSON report has every incident._", ""]
    return lines
