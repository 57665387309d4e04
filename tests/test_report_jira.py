from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from analyzer.report.jira import COMMENT_LIMIT, document, render_adf, render_wiki
from analyzer.report.model import Fix
from tests import report_samples as samples

EVERY = [*samples.SAMPLES.values(), samples.hostile, samples.nothing, samples.unmatched]


@pytest.mark.parametrize("make", EVERY)
def test_wiki_fits_a_comment_and_opens_only_what_it_closes(make) -> None:  # type: ignore[no-untyped-def]
    text = render_wiki(make())
    assert len(text) <= COMMENT_LIMIT
    assert len(re.findall(r"^\{noformat\}$", text, re.MULTILINE)) % 2 == 0
    assert len(re.findall(r"^\{code(?::\w+)?\}$", text, re.MULTILINE)) % 2 == 0


def test_code_cannot_end_its_own_block() -> None:
    incident = replace(samples.idle_drop_incident(), fix=(Fix("x", {"C": "a\n{code}\n{noformat}\nh1. b"}),))
    text = render_wiki(replace(samples.idle_drop(), incidents=(incident,)))
    assert "{ code}" in text
    assert "{ noformat}" in text


def test_wiki_escapes_what_would_be_markup() -> None:
    text = render_wiki(samples.hostile())
    assert "\\[0m" in text
    assert "\\|cell\\|" in text
    assert "[~" not in text


KNOWN = {
    "doc",
    "heading",
    "paragraph",
    "text",
    "bulletList",
    "listItem",
    "codeBlock",
    "table",
    "tableRow",
    "tableHeader",
    "tableCell",
}


def nodes(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(inner for child in node.get("content", ()) for inner in nodes(child))]


@pytest.mark.parametrize("make", EVERY)
def test_adf_has_only_known_nodes_and_no_empty_text(make) -> None:  # type: ignore[no-untyped-def]
    tree = document(make())
    assert tree["version"] == 1
    for node in nodes(tree):
        assert node["type"] in KNOWN
        if node["type"] == "text":
            assert node["text"]
            assert {mark["type"] for mark in node.get("marks", ())} <= {"strong", "code"}
        if node["type"] in ("table", "tableRow", "bulletList"):
            assert node["content"]


def test_adf_is_json_and_keeps_names_as_data() -> None:
    tree = json.loads(render_adf(samples.hostile()))
    assert any("<script>" in node.get("text", "") for node in nodes(tree))
