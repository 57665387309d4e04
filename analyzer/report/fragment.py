"""An HTML fragment for comment fields that take simple HTML: Zendesk, Azure DevOps, e-mail.

Only elements that such fields let through, no attributes, no style, no link: everything else is removed there anyway.
"""

from __future__ import annotations

from html import escape as _escape

from analyzer.report.escape import html
from analyzer.report.model import Report
from analyzer.report.note import Block, Bullets, Heading, Paragraph, Span, Spans, Table, note

__all__ = ["render"]


def render(report: Report) -> str:
    """Return the comment as HTML without a document around it."""
    return "\n".join(_block(block) for block in note(report)) + "\n"


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"<h{block.level + 2}>{html(block.text)}</h{block.level + 2}>"
    if isinstance(block, Paragraph):
        return f"<p>{_spans(block.spans)}</p>"
    if isinstance(block, Bullets):
        items = "".join(f"<li>{_spans(item)}</li>" for item in block.items)
        return f"<ul>{items}</ul>"
    if isinstance(block, Table):
        rows = ["<tr>" + "".join(f"<th>{html(cell)}</th>" for cell in block.header) + "</tr>"] if block.header else []
        rows += ["<tr>" + "".join(f"<td>{_spans(cell)}</td>" for cell in row) + "</tr>" for row in block.rows]
        return f"<table><tbody>{''.join(rows)}</tbody></table>"
    return f"<pre>{_escape(block.text)}</pre>"


def _spans(spans: Spans) -> str:
    return "".join(_span(span) for span in spans)


def _span(span: Span) -> str:
    name = {"plain": "", "bold": "strong", "code": "code"}[span.look]
    return f"<{name}>{html(span.text)}</{name}>" if name else html(span.text)
