"""Jira: wiki markup for comments of REST version 2, Atlassian Document Format for version 3."""

from __future__ import annotations

import json
import re
from typing import Any

from analyzer.report.escape import adf, jira
from analyzer.report.model import Report
from analyzer.report.note import Block, Bullets, Code, Heading, Paragraph, Span, Spans, Table, note

__all__ = ["COMMENT_LIMIT", "document", "render_adf", "render_wiki"]

COMMENT_LIMIT = 32_767
"""Characters of a comment (jira.text.field.character.limit, support.atlassian.com)."""
_LANGUAGES = {
    "C": "c",
    "C#": "c#",
    "C++": "cpp",
    "Python": "python",
    "PowerShell": "powershell",
    "Java": "java",
    "Go": "go",
    "JavaScript": "javascript",
}


def render_wiki(report: Report) -> str:
    """Return the comment as Jira wiki markup, never longer than a comment may be."""
    for worked in (3, 2, 1, 0):
        text = "\n".join(_wiki(block) for block in note(report, worked=worked)) + "\n"
        if len(text) <= COMMENT_LIMIT:
            return text
    return text[: COMMENT_LIMIT - 2] + "…\n"


def _wiki(block: Block) -> str:
    if isinstance(block, Heading):
        return f"h{block.level + 2}. {jira(block.text)}\n"
    if isinstance(block, Paragraph):
        return _spans(block.spans) + "\n"
    if isinstance(block, Bullets):
        return "".join(f"* {_spans(item)}\n" for item in block.items)
    if isinstance(block, Table):
        lines = ["||" + "||".join(jira(cell) for cell in block.header) + "||"] if block.header else []
        lines += ["|" + "|".join(_spans(cell) or " " for cell in row) + "|" for row in block.rows]
        return "\n".join(lines) + "\n"
    language = _LANGUAGES.get(block.language)
    name, head = ("code", f"{{code:{language}}}") if language else ("noformat", "{noformat}")
    # Nothing inside can be escaped; a space keeps the words that would end the block from doing so.
    return f"{head}\n{re.sub(r'{(?=code|noformat)', '{ ', block.text)}\n{{{name}}}\n"


def _spans(spans: Spans) -> str:
    return "".join(_span(span) for span in spans)


def _span(span: Span) -> str:
    text = jira(span.text)
    if span.look == "plain" or not text.strip():
        return text
    sign = ("{{", "}}") if span.look == "code" else ("*", "*")
    return f"{sign[0]}{text.strip()}{sign[1]}" + (" " if text.endswith(" ") else "")


def render_adf(report: Report) -> str:
    """Return the comment as the JSON of an Atlassian Document Format document."""
    return json.dumps(document(report), indent=2) + "\n"


def document(report: Report) -> dict[str, Any]:
    """Return the comment as an Atlassian Document Format document (developer.atlassian.com, ADF structure)."""
    for worked in (3, 2, 1, 0):
        result = {"version": 1, "type": "doc", "content": [_node(block) for block in note(report, worked=worked)]}
        if len(json.dumps(result)) <= 4 * COMMENT_LIMIT:
            break
    return result


def _node(block: Block) -> dict[str, Any]:
    if isinstance(block, Heading):
        return {"type": "heading", "attrs": {"level": block.level + 2}, "content": [_text(block.text)]}
    if isinstance(block, Paragraph):
        return _paragraph(block.spans)
    if isinstance(block, Bullets):
        items = [{"type": "listItem", "content": [_paragraph(item)]} for item in block.items]
        return {"type": "bulletList", "content": items}
    if isinstance(block, Code):
        node: dict[str, Any] = {"type": "codeBlock", "content": [{"type": "text", "text": block.text or " "}]}
        if block.language in _LANGUAGES:
            node["attrs"] = {"language": _LANGUAGES[block.language]}
        return node
    rows = [[{"type": "tableHeader", "attrs": {}, "content": [_paragraph((Span(cell),))]} for cell in block.header]]
    rows += [
        [
            {
                "type": "tableCell" if block.header or column else "tableHeader",
                "attrs": {},
                "content": [_paragraph(cell)],
            }
            for column, cell in enumerate(row)
        ]
        for row in block.rows
    ]
    return {"type": "table", "content": [{"type": "tableRow", "content": row} for row in rows if row]}


def _paragraph(spans: Spans) -> dict[str, Any]:
    marks = {"bold": "strong", "code": "code"}
    content = []
    for span in spans:
        node: dict[str, Any] = _text(span.text)
        if span.look in marks:
            node["marks"] = [{"type": marks[span.look]}]
        content.append(node)
    return {"type": "paragraph", "content": content}


def _text(text: str) -> dict[str, Any]:
    # One run of plain text was made harmless when the note was built; leading and trailing spaces separate runs.
    return {"type": "text", "text": adf(text)}
