from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from analyzer.report.markdown import COMMENT_LIMIT, incident_markdown, render
from tests import report_samples as samples


def html_of(text: str) -> str:
    markdown_it = pytest.importorskip("markdown_it")
    return str(markdown_it.MarkdownIt("gfm-like", {"linkify": False}).render(text))


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, Any]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_a_hostile_report_opens_no_tag_of_its_own() -> None:
    tags = Tags()
    tags.feed(html_of(render(samples.hostile())))
    allowed = {
        "h2",
        "h3",
        "p",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "code",
        "pre",
        "ul",
        "ol",
        "li",
        "em",
        "strong",
        "details",
        "summary",
        "sub",
        "a",
    }
    assert {tag for tag, _ in tags.tags} <= allowed
    assert [attrs["href"] for tag, attrs in tags.tags if tag == "a"] == ["https://example.com/"]


def test_every_table_row_has_as_many_cells_as_its_head() -> None:
    for make in (*samples.SAMPLES.values(), samples.hostile):
        html = html_of(render(make()))
        for table in re.findall(r"<table>.*?</table>", html, re.DOTALL):
            rows = [len(re.findall(r"<t[hd]>|<t[hd] ", row)) for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)]
            assert len(set(rows)) == 1


def test_the_diagram_has_only_statements_that_it_knows() -> None:
    statement = re.compile(
        r"sequenceDiagram|participant [CS] as .+|[CS](->>|--x)[CS]: .+|Note (over C,S|left of C): .+"
    )
    for make in (*samples.SAMPLES.values(), samples.hostile):
        diagrams = re.findall(r"```mermaid\n(.*?)\n```", render(make()), re.DOTALL)
        assert diagrams
        for line in "\n".join(diagrams).split("\n"):
            assert statement.fullmatch(line.strip()), line


def test_silences_are_folded_with_their_length_and_unanswered_packets_end_in_a_cross() -> None:
    text = render(samples.idle_drop())
    assert "Note over C,S: 75.3 s of silence, no packet in either direction" in text
    assert "C--xS: ● 40: PSH ACK 90 B" in text


@pytest.mark.parametrize("limit", [COMMENT_LIMIT, 20_000, 5_000, 500])
def test_a_limit_is_kept_and_no_code_block_is_left_open(limit: int) -> None:
    for make in (samples.three_in_a_group, samples.hostile):
        text = render(make(), limit=limit)
        assert len(text) <= limit
        if limit > 5_000 and make is samples.three_in_a_group:
            assert sum(line.lstrip().startswith("```") for line in text.split("\n")) % 2 == 0


def test_one_incident_for_a_comment() -> None:
    report = samples.three_in_a_group()
    text = incident_markdown(report, report.incidents[3])
    assert text.startswith("### Incident 4: Nothing listened")


def test_no_reference_is_a_link_unless_it_is_an_address() -> None:
    assert "<https://learn.microsoft.com/windows/win32/winsock/sio-keepalive-vals>" in render(samples.idle_drop())
