"""One way to every dialect: ``render(report, "html")``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from analyzer.errors import UsageError
from analyzer.values import dataclass

if TYPE_CHECKING:
    from analyzer.report.model import Report

__all__ = ["FORMATS", "Format", "format_for_path", "render"]


@dataclass(frozen=True, slots=True)
class Format:
    """One dialect: where it is written, what its file is called, what it is sent as."""

    module: str
    function: str
    suffix: str
    media_type: str
    meaning: str


FORMATS: Mapping[str, Format] = {
    "text": Format("text", "render", ".txt", "text/plain; charset=utf-8", "for a terminal and a ticket"),
    "json": Format("json", "render", ".json", "application/json", "for programs: the contract notconn/1"),
    "markdown": Format("markdown", "render", ".md", "text/markdown; charset=utf-8", "for GitHub and GitLab"),
    "html": Format("html", "render", ".html", "text/html; charset=utf-8", "one self-contained page with pictures"),
    "pdf": Format("pdf", "render", ".pdf", "application/pdf", "that page, printed by this system's browser"),
    "csv": Format("machine", "render_csv", ".csv", "text/csv; charset=utf-8", "one row for each incident"),
    "jira": Format("jira", "render_wiki", ".jira.txt", "text/plain; charset=utf-8", "a Jira comment in wiki markup"),
    "adf": Format("jira", "render_adf", ".adf.json", "application/json", "a Jira comment in Atlassian's format"),
    "servicenow": Format("servicenow", "render", ".servicenow.txt", "text/plain; charset=utf-8", "a work note"),
    "fragment": Format(
        "fragment",
        "render",
        ".fragment.html",
        "text/html; charset=utf-8",
        "simple HTML for Zendesk, Azure DevOps and mail",
    ),
    "sarif": Format("machine", "render_sarif", ".sarif", "application/sarif+json", "for code scanning"),
    "junit": Format("machine", "render_junit", ".junit.xml", "application/xml", "for build servers"),
}


def render(report: Report, name: str) -> bytes:
    """Return the report in the dialect called ``name`` (a key of `FORMATS`), encoded as its file would be.

    Raises UsageError for an unknown name. Dialects are imported when they are first asked for.
    """
    entry = FORMATS.get(name)
    if entry is None:
        raise UsageError(f"there is no report format {name!r}; choose one of {', '.join(FORMATS)}")
    function: Callable[[Report], str | bytes] = getattr(
        import_module(f"analyzer.report.{entry.module}"), entry.function
    )
    result = function(report)
    return result.encode("utf-8") if isinstance(result, str) else result


def format_for_path(path: str) -> str | None:
    """Return the dialect that a file name's ending asks for, the longest ending first, or None."""
    lower = path.lower()
    fitting = [name for name, entry in FORMATS.items() if lower.endswith(entry.suffix)]
    return max(fitting, key=lambda name: len(FORMATS[name].suffix), default=None)
