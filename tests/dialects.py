"""What each dialect must be to be one, and what a reader of it sees: `READERS` by the name of the dialect.

Each takes a rendered report, checks that it is well-formed, that nothing in it is markup or a control character that
did not come from the dialect itself, and returns its words as plain text.
"""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

__all__ = ["READERS"]

SCHEMA = Path(__file__).parent.parent / "docs" / "schema" / "notconn-1.json"
_FRAGMENT = {"h3", "h4", "p", "ul", "li", "table", "tbody", "tr", "th", "td", "pre", "code", "strong"}
_MARKDOWN = {"h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "pre", "ul", "ol", "li", "em", "strong"}
_MARKDOWN |= {"details", "summary", "sub", "a"}
_ADF = {
    "doc": {"heading", "paragraph", "bulletList", "codeBlock", "table"},
    "heading": {"text"},
    "paragraph": {"text"},
    "codeBlock": {"text"},
    "bulletList": {"listItem"},
    "listItem": {"paragraph"},
    "table": {"tableRow"},
    "tableRow": {"tableHeader", "tableCell"},
    "tableHeader": {"paragraph"},
    "tableCell": {"paragraph"},
    "text": set(),
}
"""Which node may stand in which (developer.atlassian.com, Atlassian Document Format)."""
_VOID = {"meta", "link", "br", "input", "hr", "img"}


class _Tags(HTMLParser):
    """Every element in order, with what is open at the end."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.all}


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _printable(text: str) -> None:
    for line in text.replace("\u00a0", " ").split("\n"):
        assert line.isprintable(), ascii(line)


def _text(made: bytes) -> str:
    text = made.decode()
    _printable(text)
    return _squeezed(text)


@cache
def _validator() -> Any:
    jsonschema = pytest.importorskip("jsonschema")
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def _json(made: bytes) -> str:
    made.decode("ascii")
    answer = json.loads(made)
    assert list(_validator().iter_errors(answer)) == []
    return json.dumps(answer)


def _markdown(made: bytes) -> str:
    text = made.decode()
    _printable(text)
    markdown_it = pytest.importorskip("markdown_it")
    page = _Tags(markdown_it.MarkdownIt("gfm-like", {"linkify": False}).render(text))
    assert page.names <= _MARKDOWN
    assert page.open == []
    assert all(attrs["href"].startswith("https://") for name, attrs in page.all if name == "a" and attrs["href"])
    # What mentions a person or an issue where the page is shown, outside code.
    loose = re.sub(r"(?s)(`+).+?\1", "", re.sub(r"(?s)^\s*(`{3,}).*?^\s*\1`*$", "", text, flags=re.MULTILINE))
    assert not re.search(r"(?<![\w`])@[A-Za-z]|(?<![\w&`\\])#\d", loose)
    return _squeezed("".join(page.words))


def _html(made: bytes) -> str:
    text = made.decode()
    _printable(text)
    page = _Tags(text)
    assert page.open == []
    assert [name for name, _ in page.all].count("script") == 1
    assert not page.names & {"img", "iframe", "object", "embed", "base", "form", "audio", "video"}
    for _, attrs in page.all:
        assert not [name for name in attrs if name.startswith("on") or name in ("src", "srcset", "action", "style")]
        assert (attrs.get("href") or "#").startswith(("#", "https://", "data:,"))
    assert any(attrs.get("http-equiv") == "Content-Security-Policy" for _, attrs in page.all)
    return _squeezed("".join(page.words))


def _csv(made: bytes) -> str:
    text = made.decode()
    _printable(text)
    rows = list(csv.reader(io.StringIO(text)))
    assert len({len(row) for row in rows}) == 1
    assert not [cell for row in rows for cell in row if cell[:1] in tuple("=+-@\t\r|%")]
    return "\n".join(" ".join(row) for row in rows)


def _jira(made: bytes) -> str:
    text = made.decode()
    _printable(text)
    assert len(re.findall(r"^\{noformat\}$", text, re.MULTILINE)) % 2 == 0
    loose = re.sub(r"(?ms)^\{(noformat|code)(?::[\w+#]+)?\}$.*?^\{\1\}$", "", text)
    for line in loose.split("\n"):
        assert not re.search(r"(?<!\\)\[", line), line
        assert not re.search(r"(?<!\\)!", line), line
        assert not re.search(r"(?<![\\{])\{(?!\{)(?!\\)", line.replace("\\{", "")), line
        assert not line.startswith("|") or line.endswith("|")
    return _squeezed(re.sub(r"\\(.)", r"\1", text).replace("{{", "").replace("}}", ""))


def _adf(made: bytes) -> str:
    tree = json.loads(made)
    assert (tree["type"], tree["version"]) == ("doc", 1)
    words: list[str] = []

    def walk(node: Mapping[str, Any]) -> None:
        inside = node.get("content", ())
        assert {one["type"] for one in inside} <= _ADF[node["type"]]
        if node["type"] == "text":
            assert node["text"]
            _printable(node["text"])
            assert {one["type"] for one in node.get("marks", ())} <= {"strong", "code"}
            words.append(node["text"])
        else:
            assert inside or node["type"] in ("paragraph", "codeBlock")
            words.append(" ")
        for one in inside:
            walk(one)

    walk(tree)
    return _squeezed("".join(words))


def _servicenow(made: bytes) -> str:
    text = _text(made)
    assert not re.search(r"\[/?code\]", text, re.IGNORECASE)
    return text


def _fragment(made: bytes) -> str:
    text = made.decode()
    _printable(text)
    page = _Tags(text)
    assert page.names <= _FRAGMENT
    assert page.open == []
    assert not [attrs for _, attrs in page.all if attrs]
    return _squeezed("".join(page.words))


def _sarif(made: bytes) -> str:
    tree = json.loads(made)
    assert tree["version"] == "2.1.0"
    (run,) = tree["runs"]
    rules = [one["id"] for one in run["tool"]["driver"]["rules"]]
    assert len(set(rules)) == len(rules)
    words = []
    for one in run["results"]:
        assert rules[one["ruleIndex"]] == one["ruleId"]
        assert one["level"] in ("error", "warning", "note")
        assert 0 <= one["rank"] <= 100
        assert one["partialFingerprints"]
        for place in one["locations"]:
            file = place["physicalLocation"]["artifactLocation"]
            uri = file["uri"] if "uri" in file else run["artifacts"][file["index"]]["location"]["uri"]
            assert re.fullmatch(r"[\w./:%~-]+", uri)
            assert place["physicalLocation"].get("region", {"startLine": 1})["startLine"] >= 1
        _printable(one["message"]["text"])
        words += [one["ruleId"], _LEVELS[one["level"]], one["message"]["text"]]
    return _squeezed(" ".join(words))


_LEVELS = {"error": "high", "warning": "medium", "note": "low"}


def _junit(made: bytes) -> str:
    text = made.decode()
    _printable(text)
    root = ET.fromstring(text)
    assert int(root.get("tests", "")) == len(root.findall(".//testcase"))
    assert int(root.get("failures", "")) == len(root.findall(".//failure"))
    for suite in root.iter("testsuite"):
        assert int(suite.get("tests", "")) == len(suite.findall("testcase"))
        assert int(suite.get("failures", "")) == len(suite.findall("testcase/failure"))
    shown = [f"{one.get('type')} {one.get('message')} {one.text}" for one in root.iter("failure")]
    return _squeezed(" ".join(shown))


READERS: Mapping[str, Callable[[bytes], str]] = {
    "text": _text,
    "json": _json,
    "markdown": _markdown,
    "html": _html,
    "csv": _csv,
    "jira": _jira,
    "adf": _adf,
    "servicenow": _servicenow,
    "fragment": _fragment,
    "sarif": _sarif,
    "junit": _junit,
}
"""Every dialect but the PDF, which is the HTML page printed."""
