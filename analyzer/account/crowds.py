"""Writes down the crowds: one short entry a flow up to a bound, a finding with the count for each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from analyzer.incidents.diagnose import level
from analyzer.report.model import UNEXAMINED, Culprit, Evidence, Finding, GroupReport, IncidentReport
from analyzer.values import replace

if TYPE_CHECKING:
    from analyzer.incidents.crowds import Crowd
    from analyzer.incidents.part import Part
    from analyzer.ruleset.load import RuleSet

__all__ = ["crowd_reports", "join", "listed"]

_LISTED = 10_000
"""Flows of crowds that are listed one by one; `notconn flows` lists every one."""
_NAMED = 5
"""Examples that a sentence names."""


def listed(part: Part) -> int:
    """Return how many entries a part's crowds have."""
    return min(_LISTED, sum(len(crowd.members) for crowd in part.crowds))


def _shares(sizes: Sequence[int], room: int) -> list[int]:
    """Share ``room`` out evenly; what a small crowd does not need goes to the larger ones."""
    given = [0] * len(sizes)
    for left, place in enumerate(sorted(range(len(sizes)), key=lambda place: sizes[place])):
        given[place] = min(sizes[place], (room - sum(given)) // (len(sizes) - left))
    return given


def crowd_reports(part: Part, written: int, rules: RuleSet) -> tuple[list[IncidentReport], list[Finding]]:
    """Return the entries and findings of a part's crowds.

    ``written`` entries came before them, the last of which are the part's own incidents.
    """
    around = part.around
    path, flows = around.capture.info.path, around.capture.flows
    first = written - len(part.incidents) + 1
    by_flow = {one.symptom.flow_index: str(number) for number, one in enumerate(part.incidents, first)}
    reports: list[IncidentReport] = []
    findings: list[Finding] = []
    shares = _shares([len(crowd.members) for crowd in part.crowds], listed(part))
    for name in dict.fromkeys(crowd.cause for crowd in part.crowds):
        alike = [crowd for crowd in part.crowds if crowd.cause == name]
        findings.append(_finding(name, alike, [by_flow.get(crowd.example, "") for crowd in alike], path))
    for crowd, share in zip(part.crowds, shares, strict=True):
        cause = rules.causes[crowd.cause]
        example = by_flow.get(crowd.example, "")
        culprit = cast("Culprit", crowd.culprit or cause.culprit)
        confidence, score = level(crowd.score), round(crowd.score, 3)
        summary = f"Its packets show what incident {example} shows; it was not examined by itself."
        end = f"It ended as incident {example} did."
        for flow in crowd.members[:share]:
            client, server = flows.ends(flow.index)
            reports.append(
                IncidentReport(
                    id=str(written + len(reports) + 1),
                    source="capture",
                    time_ns=flow.ns,
                    cause=crowd.cause,
                    confidence=confidence,
                    score=score,
                    culprit=culprit,
                    title=cause.title,
                    summary=summary,
                    stream=flows.stream_of(flow.index),
                    capture=path,
                    client=str(client),
                    server=str(server),
                    evidence=(Evidence(end, (flow.frame,), f"frame.number in {{{flow.frame}}}"),),
                    owner=cause.owner,
                )
            )
    hidden = sum(len(crowd.members) for crowd in part.crowds) - listed(part)
    if hidden > 0 or part.left_out:
        text = []
        if hidden > 0:
            text.append(f"{hidden:,} connections of the crowds above are counted there and not listed one by one.")
        if part.left_out:
            text.append(
                f"{part.left_out:,} more connections ended in rarer ways and were not examined; none of them is known "
                "to be well. Ask for one with --endpoint or --at, or cut the capture."
            )
        findings.append(Finding(UNEXAMINED, "Not every connection was examined", " ".join(text), capture=path))
    return reports, findings


def _finding(cause: str, crowds: Sequence[Crowd], examples: Sequence[str], path: str) -> Finding:
    count = sum(len(crowd.members) for crowd in crowds)
    named = [example for example in examples if example]
    alike = f"incident {named[0]}" if named else "one that was examined"
    if len(named) > 1:
        alike = f"incidents {', '.join(named[:_NAMED])}" + (" ..." if len(named) > _NAMED else "")
    more = "connections" if count > 1 else "connection"
    return Finding(
        f"crowd-{cause}",
        f"{count:,} more {more} like {alike}: {cause}",
        f"What their packets show at a glance is what {alike} show{'' if len(named) > 1 else 's'}; each was not "
        "examined by itself. Ask for one with --endpoint or --at.",
        tuple(crowd.members[0].frame for crowd in crowds[:3]),
        path,
        incidents=tuple(named),
    )


def join(entries: Sequence[IncidentReport], reports: list[IncidentReport], grouped: list[GroupReport]) -> None:
    """Add a crowd's entries to the reports, each in the group of what was examined of its cause to its server."""
    apart: dict[tuple[str, str | None, str | None], list[IncidentReport]] = defaultdict(list)
    for entry in entries:
        apart[entry.cause, entry.server, entry.capture].append(entry)
    heads: dict[tuple[str, str | None, str | None], int] = {}
    for place, one in enumerate(reports):
        heads.setdefault((one.cause, one.server, one.capture), place)
    places = {group.id: place for place, group in enumerate(grouped)}
    names: dict[str, str] = {}
    for key, members in apart.items():
        if key not in heads:
            continue
        head = reports[heads[key]]
        if head.group is None:
            head = reports[heads[key]] = replace(head, group=f"g{len(grouped) + 1}")
            places[f"g{len(grouped) + 1}"] = len(grouped)
            grouped.append(
                GroupReport(
                    f"g{len(grouped) + 1}", "", head.cause, (head.id,), head.id, head.time_ns, head.time_ns
                )
            )
        assert head.group is not None
        group = grouped[places[head.group]]
        ids = (*group.incidents, *(one.id for one in members))
        grouped[places[head.group]] = replace(
            group,
            title=f"{len(ids):,} incidents of {head.cause} to {head.server}",
            incidents=ids,
            first_ns=min(group.first_ns, *(one.time_ns for one in members)),
            last_ns=max(group.last_ns, *(one.time_ns for one in members)),
            # What the few examined ones have in common, such as their rhythm, is not that of the crowd.
            text="",
        )
        names |= dict.fromkeys((one.id for one in members), head.group)
    reports += [replace(one, group=names[one.id]) if one.id in names else one for one in entries]
