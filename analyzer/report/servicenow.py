"""ServiceNow: work notes are plain text, but ``[code]`` turns what follows into HTML."""

from __future__ import annotations

import re

from analyzer.report.escape import plain
from analyzer.report.model import Report
from analyzer.report.note import mark
from analyzer.report.phrases import count, headline
from analyzer.report.text import ticket

__all__ = ["render"]

_WORKED = 3


def render(report: Report) -> str:
    """Return the work note: the tickets of the leading incidents one after the other, and the mark."""
    leading = report.leading()
    parts = [] if len(report.incidents) == 1 else [f"{headline(report)}\n"]
    parts += [ticket(report, incident) for incident in report.leading(_WORKED)]
    if len(leading) > _WORKED:
        parts.append(f"{count(len(leading) - _WORKED, 'further incident')} in the attached report.\n")
    parts.append(f"{plain(report.generated_by)}, {mark(report)}\n")
    return re.sub(r"\[(?=/?code\])", "[ ", "\n".join(parts), flags=re.IGNORECASE)
