"""What a comment in a ticket says, as blocks that know no markup: the short form of the report.

Ticket systems differ in markup and in how much a comment may hold; they get the same blocks, written by
`analyzer.report.jira` and `analyzer.report.fragment`. The full report goes with the ticket as a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal

from analyzer.report import phrases
from analyzer.report.escape import block, plain
from analyzer.report.health import capture_lines
from analyzer.report.model import Evidence, Fix, IncidentReport, Report
from analyzer.values import dataclass

__all__ = ["Block", "Bullets", "Code", "Heading", "Paragraph", "Span", "Table", "mark", "note"]

WORKED = 3
_ROWS = 30
_FINDINGS = 12


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of text of one look, already harmless as plain text but not yet escaped for any markup."""

    text: str
    look: Literal["plain", "bold", "code"] = "plain"


Spans = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is the comment's own."""

    text: str
    level: int = 1


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    spans: Spans


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    items: tuple[Spans, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; without a header its first column names the rows."""

    header: tuple[str, ...]
    rows: tuple[tuple[Spans, ...], ...]


@dataclass(frozen=True, slots=True)
class Code:
    """Text to be shown letter by letter."""

    text: str
    language: str = ""


Block = Heading | Paragraph | Bullets | Table | Code


def mark(report: Report) -> str:
    """Return a mark that is equal for two reports on the same captures with the same incidents, redacted or not.

    A second run finds it in an earlier comment and updates that one instead of writing another; so a verdict that
    changed with the rules does not change it.
    """
    parts = [capture.sha256 or capture.path for capture in report.captures]
    parts += sorted(f"{one.time_ns} {one.stream}" for one in report.incidents)
    digest = hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
    return f"notconn-{digest[:16]}"


def note(report: Report, *, worked: int = WORKED) -> list[Block]:
    """Return the comment for a report: up to ``worked`` incidents in words, the rest as table rows."""
    report = phrases.named(report)
    leading = report.leading(worked)
    blocks: list[Block] = []
    if len(report.incidents) != 1:
        blocks.append(Heading(phrases.headline(report)))
    for incident in leading:
        blocks += _incident(report, incident)
    if len(report.incidents) > len(leading):
        blocks += _overview(report)
    if report.findings:
        blocks.append(Heading("Beside the incidents", 2))
        told = phrases.telling(report.findings)[:_FINDINGS]
        items: list[Spans] = [(Span(_sentence(one.title), "bold"), Span(" " + plain(one.text))) for one in told]
        if len(report.findings) > len(told):
            items.append((Span(f"And {len(report.findings) - len(told):,} more of these kinds in the full report."),))
        blocks.append(Bullets(tuple(items)))
    blocks.append(Heading("Captures and limits", 2))
    lines = [line for capture in report.captures for line in capture_lines(capture)]
    blocks.append(Bullets(tuple((Span(line),) for line in (*lines, *map(plain, report.limits)))))
    blocks.append(
        Paragraph(
            (
                Span(
                    f"{plain(report.generated_by)}, {mark(report)}. All times are UTC; frames are Wireshark's numbers. "
                    "The full report is attached or to be had with --format html."
                ),
            )
        )
    )
    return blocks


def _incident(report: Report, incident: IncidentReport) -> list[Block]:
    number = f"Incident {plain(incident.id)}: " if len(report.incidents) > 1 else ""
    blocks: list[Block] = [Heading(number + plain(incident.title))]
    if incident.summary:
        blocks.append(Paragraph((Span(plain(incident.summary)),)))
    blocks.append(Table((), tuple(_facts(incident))))
    if incident.log is not None:
        blocks.append(Code(block(incident.log.text)))
    if incident.evidence:
        blocks += [Heading("Proof", 2), Bullets(tuple(_evidence(one) for one in incident.evidence))]
    doubts: list[Spans] = [_evidence(one) for one in incident.against]
    if incident.disproof:
        doubts.insert(0, (Span("This would prove it wrong: ", "bold"), Span(plain(incident.disproof))))
    doubts += [
        (
            Span("Not known: ", "bold"),
            Span(f"{_sentence(one.fact)} {_sentence(one.why)} To settle it: {_sentence(one.settle_by)}"),
        )
        for one in incident.unknown
    ]
    if doubts:
        blocks += [Heading("What speaks against it", 2), Bullets(tuple(doubts))]
    if incident.fix:
        steps = tuple((Span(f"{number}. {plain(one.text)}"),) for number, one in enumerate(incident.fix, 1))
        blocks += [Heading("What to do", 2), Bullets(steps)]
        blocks += _code(incident.fix)
    return blocks


def _code(fixes: Iterable[Fix]) -> list[Block]:
    for number, fix in enumerate(fixes, 1):
        for language, source in fix.code.items():
            others = ", ".join(plain(one) for one in fix.code if one != language)
            words = f"For {number}: {plain(language)}" + (f" (the full report has {others} too)" if others else "")
            return [Paragraph((Span(words + ":"),)), Code(block(source.strip("\n")), language)]
    return []


def _facts(incident: IncidentReport) -> Iterable[tuple[Spans, ...]]:
    def row(name: str, *spans: Span) -> tuple[Spans, ...]:
        return ((Span(name, "bold"),), spans)

    level = f" ({phrases.score(incident.score)}), {phrases.CONFIDENCE[incident.confidence]}"
    yield row("Confidence", Span(incident.confidence, "bold"), Span(level))
    yield row("Points to", Span(phrases.CULPRIT[incident.culprit]))
    if incident.owner:
        yield row("Who has to act", Span(plain(incident.owner)))
    yield row("Cause", Span(plain(incident.cause), "code"))
    if incident.client is None and incident.server is None:
        yield row("Connection", Span("no connection in the capture was found for this error"))
    else:
        where = [Span(phrases.connection(incident), "code")]
        if incident.stream is not None:
            where += [Span(", "), Span(f"tcp.stream == {incident.stream}", "code")]
        if incident.capture is not None:
            where.append(Span(f" in {plain(incident.capture)}"))
        yield row("Connection", *where)
    yield row("When", Span(phrases.error_line(incident)))


def _evidence(one: Evidence) -> Spans:
    place = f" ({phrases.frames(one.frames)})" if one.frames else ""
    spans = (Span(plain(one.statement) + place),)
    return (*spans, Span(" "), Span(plain(one.filter), "code")) if one.filter else spans


def _overview(report: Report) -> list[Block]:
    sizes = {group.example: group for group in report.groups}
    rows = []
    for one in report.leading(_ROWS):
        group = sizes.get(one.id)
        many = len(group.incidents) if group else 1
        rows.append(
            (
                (Span(f"{many:,}"),),
                (Span(phrases.instant(group.first_ns if group else one.time_ns, 0)),),
                (Span(plain(one.cause), "code"),),
                (Span(f"{one.confidence} ({phrases.score(one.score)})"),),
                (Span(plain(one.server or "no connection"), "code"),),
            )
        )
    header = ("Incidents", "First", "Cause", "Confidence", "Server")
    blocks: list[Block] = [Heading("All incidents", 2), Table(header, tuple(rows))]
    left = len(report.leading()) - len(rows)
    if left > 0:
        blocks.append(Paragraph((Span(f"And {phrases.count(left, 'row')} more in the full report."),)))
    return blocks


def _sentence(text: str) -> str:
    text = plain(text).rstrip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
