"""The HTML dialect: one self-contained page that works offline, printed, without script, in light and dark.

The page allows itself nothing from outside: its policy names the hash of its own small script. The verdict comes first,
then what to do, then the proof. Every value passes `analyzer.report.escape.plain` and Jinja's autoescape on its way
out.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

from analyzer.report import phrases
from analyzer.report.charts import incident_map, silence_chart
from analyzer.report.escape import block, link, plain
from analyzer.report.health import counter_rows
from analyzer.report.ladder import rungs
from analyzer.report.model import IncidentReport, Report, TimelineRow
from analyzer.report.progress import progress_chart
from analyzer.units import format_duration

__all__ = ["render"]

WORKED = 20
"""Incidents worked out in full; a page with more of them is read by nobody."""
OPENED = 3
"""Of these, so many stand open; the others unfold."""
OVERVIEW = 12
"""Lines of the table under the headline."""
ROWS = 20_000
"""Rows of the table of all incidents."""


def render(report: Report) -> str:
    """Return the report as one HTML page."""
    report = phrases.named(report)
    worked = report.leading(WORKED)
    rows, left = phrases.incident_table(report, ROWS)
    return str(
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            worked=worked,
            worked_ids={one.id for one in worked},
            opened=OPENED,
            overview_left=max(0, len(report.leading()) - OVERVIEW),
            unworked=len(report.leading()) - len(worked),
            single=len(report.incidents) == 1,
            groups={one.id: one for one in report.groups},
            overview=_overview(report),
            rows=rows,
            rows_left=left,
            map=incident_map(report),
            headline=phrases.headline(report),
            css=_resource("page.css"),
            script=_resource("page.js"),
            script_hash=_hash(_resource("page.js")),
        )
    )


def _resource(name: str) -> str:
    return (files("analyzer.report") / "templates" / name).read_text(encoding="utf-8").strip()


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


@cache
def _environment() -> Any:
    # Jinja takes longer to import than a small capture takes to analyse; other dialects do without it.
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup, escape

    def harmless(value: object) -> object:
        if not isinstance(value, str) or isinstance(value, Markup):
            return value
        return phrases.unbroken(plain(value))

    environment = Environment(
        loader=PackageLoader("analyzer.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=harmless,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        block=lambda text: escape(block(text).strip("\n")),
        clock=phrases.clock,
        count=phrases.count,
        duration=format_duration,
        frames=phrases.frames,
        instant=phrases.instant,
        link=link,
        score=phrases.score,
        telling=phrases.telling,
        trusted=Markup,
    )
    environment.globals.update(
        CONFIDENCE=phrases.CONFIDENCE,
        CULPRIT=phrases.CULPRIT,
        connection=phrases.connection,
        counter_rows=counter_rows,
        decisive_rows=_decisive_rows,
        error_line=phrases.error_line,
        frame_filter=phrases.frame_filter,
        progress_chart=progress_chart,
        rungs=rungs,
        silence_chart=silence_chart,
    )
    return environment


def _decisive_rows(incident: IncidentReport) -> list[TimelineRow]:
    return [row for row in incident.timeline if row.decisive and row.frame is not None]


def _overview(report: Report) -> list[tuple[IncidentReport, int]]:
    """Return the leading incidents and how many each stands for, in report order."""
    sizes = {group.example: len(group.incidents) for group in report.groups}
    return [(one, sizes.get(one.id, 1)) for one in report.leading(OVERVIEW)]
