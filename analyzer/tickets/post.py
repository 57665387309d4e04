"""What is sent: a comment in the system's own markup, and the report as a file, under a mark that is found again."""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from analyzer.report import escape
from analyzer.report.json import render as render_json
from analyzer.report.model import Report
from analyzer.report.note import mark
from analyzer.report.render import render
from analyzer.values import dataclass, replace

__all__ = ["Dialect", "File", "Post", "make_post"]

Dialect = Literal["adf", "jira", "markdown", "servicenow", "fragment", "text"]


@dataclass(frozen=True, slots=True)
class File:
    """A file that goes with a comment."""

    name: str
    """Carries the mark and a digest of the content, so that a second run tells it from an older one."""
    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Post:
    """One report, ready to be sent anywhere."""

    report: Report
    mark: str
    revision: str
    """A digest of what the report says, without the time it was made."""
    files: tuple[File, ...]
    """The page first; what else was given behind it."""
    public: bool = False
    """Whether people outside the team may see it."""

    @property
    def stamp(self) -> str:
        """What the comment's last line says, by which a second run knows an equal one."""
        return f"{self.mark} revision {self.revision}"

    def body(self, dialect: Dialect, files: tuple[File, ...], limit: int) -> str:
        """Return the comment in a markup, at most ``limit`` characters long, with its stamp at the end."""
        names = ", ".join(one.name for one in files)
        tail = f"{'Attached: ' + names + '. ' if names else ''}{self.stamp}"
        if dialect == "adf":
            tree = json.loads(render(self.report, "adf"))
            tree["content"].append({"type": "paragraph", "content": [{"type": "text", "text": tail}]})
            return json.dumps(tree)
        if dialect == "fragment":
            body = render(self.report, "fragment").decode()
            end = f"<p>{escape.html(tail)}</p>"
            if len(body) + len(end) > limit:
                body = f"<pre>{escape.html(self._text(limit // 2))}</pre>"
            return body + end
        if dialect == "jira":
            return _cut(render(self.report, "jira").decode(), f"\n\n{escape.jira(tail)}", limit, "")
        if dialect == "markdown":
            body = render(self.report, "markdown").decode()
            end = f"\n\n{escape.markdown(tail)}\n<!-- {self.stamp} -->\n"
            if len(body) + len(end) > limit:
                # A table or a diagram that is cut in its middle reads worse than the short form.
                room = limit - len(end) - 40
                body = escape.markdown_fence(_cut(render(self.report, "text").decode(), "", room - 20, ""))
            return body + end
        if dialect == "servicenow":
            return _cut(render(self.report, "servicenow").decode(), f"\n{tail}\n", limit, "")
        return self._text(limit - len(tail) - 2) + f"\n{tail}\n"

    def _text(self, limit: int) -> str:
        return _cut(render(self.report, "text").decode(), "", limit, "")


def _cut(text: str, tail: str, limit: int, lead: str) -> str:
    """Cut a text at a line's end so that it fits with its tail, and say so."""
    if len(lead) + len(text) + len(tail) <= limit:
        return lead + text + tail
    notice = "\n[cut: the rest is in the attached report]"
    room = max(0, limit - len(tail) - len(notice) - len(lead))
    return lead + text[:room].rpartition("\n")[0] + notice + tail


def make_post(report: Report, extra: tuple[tuple[str, bytes, str], ...] = (), *, public: bool = False) -> Post:
    """Return the post for a report; ``extra`` files are name, bytes and media type."""
    own = mark(report)
    # The time it was made and the program's version do not make it another report.
    told = render_json(replace(report, generated_ns=None, generated_by=""), indent=None)
    revision = hashlib.sha256(told.encode()).hexdigest()[:8]
    files = [File(f"{own}-{revision}.html", render(report, "html"), "text/html")]
    for name, data, media_type in extra:
        suffix = "." + name.rpartition(".")[2]
        files.append(File(f"{own}-{hashlib.sha256(data).hexdigest()[:8]}{suffix}", data, media_type))
    return Post(report, own, revision, tuple(files), public)
