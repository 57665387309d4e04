from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.report import escape

ANY_TEXT = st.text(alphabet=st.characters(), max_size=200)
"""Every code point, lone surrogates included."""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("Größe 1 µs 套接字", "Größe 1 µs 套接字"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\x00b\x9b", "a\\x00b\\x9b"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\u2066iso\u2069", "\\u2066iso\\u2069"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("two\r\nlines\n", "two lines"),
        ("tab\there", "tab here"),
        ("no\u00a0break", "no break"),
        ("lone \udc80", "lone \\udc80"),
        ("tag \U000e0041", "tag \\U000e0041"),
    ],
)
def test_plain_shows_what_was_hidden(text: str, shown: str) -> None:
    assert escape.plain(text) == shown


def test_plain_cuts_and_says_so() -> None:
    assert escape.plain("x" * 30, 10) == "xxxxxxxxxx … (20 more characters)"


@given(ANY_TEXT)
def test_plain_is_one_printable_line_and_encodable(text: str) -> None:
    shown = escape.plain(text)
    assert shown.isprintable()
    shown.encode("utf-8")


@given(ANY_TEXT)
def test_plain_leaves_its_own_result_alone(text: str) -> None:
    once = escape.plain(text)
    assert escape.plain(once) == once


@given(ANY_TEXT)
def test_block_lines_are_printable(text: str) -> None:
    assert all(line.isprintable() for line in escape.block(text).split("\n"))


@given(ANY_TEXT)
def test_html_opens_no_tag_and_closes_no_attribute(text: str) -> None:
    shown = escape.html(text)
    assert not set(shown) & set("<>\"'")
    assert not re.search(r"&(?!(amp|lt|gt|quot|#x27);)", shown)


@given(ANY_TEXT)
def test_xml_holds_only_characters_of_xml(text: str) -> None:
    shown = ET.fromstring(f"<a>{escape.xml(text)}</a>").text or ""
    assert shown == escape.plain(text)


@given(ANY_TEXT)
def test_markdown_code_is_exactly_one_span(text: str) -> None:
    markdown_it = pytest.importorskip("markdown_it")
    tokens = markdown_it.MarkdownIt().parseInline(f"a {escape.markdown_code(text)} b")[0].children
    assert [token.type for token in tokens] == ["text", "code_inline", "text"]


@given(ANY_TEXT)
def test_markdown_renders_as_the_text_itself(text: str) -> None:
    markdown_it = pytest.importorskip("markdown_it")
    tokens = markdown_it.MarkdownIt("commonmark").parse(f"x {escape.markdown(text)}")
    inline = next(token for token in tokens if token.type == "inline")
    kinds = {token.type for token in inline.children}
    assert kinds <= {"text", "text_special", "html_inline", "softbreak"}
    assert all(token.content == "<!-- -->" for token in inline.children if token.type == "html_inline")
    shown = "".join(token.content for token in inline.children if token.type != "html_inline")
    assert shown.split() == f"x {escape.plain(text)}".split()


def test_markdown_notifies_nobody() -> None:
    assert "@all" not in escape.markdown("@all and #12 and https://example.com")
    assert "://" not in escape.markdown("https://example.com")


@given(ANY_TEXT)
def test_markdown_cell_has_no_open_pipe(text: str) -> None:
    assert not re.search(r"(?<!\\)(?:\\\\)*\|", escape.markdown_cell(text))
    assert "|" not in escape.markdown_code(text, cell=True)


@given(ANY_TEXT)
def test_markdown_fence_is_one_block(text: str) -> None:
    markdown_it = pytest.importorskip("markdown_it")
    tokens = markdown_it.MarkdownIt("commonmark").parse(escape.markdown_fence(text, "c\n```"))
    assert [token.type for token in tokens] == ["fence"]


@given(ANY_TEXT)
def test_mermaid_has_no_statement_end_and_no_markup(text: str) -> None:
    shown = re.sub(r"#\d+;", "", escape.mermaid(text))
    assert not set(shown) & set('#;<>"{}%`\\\n')
    assert not re.search(r"\bend\b", shown, re.IGNORECASE)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "|x", "%x", "\t=1", "\r=1"])
def test_csv_cell_starts_no_formula(text: str) -> None:
    assert escape.csv_cell(text)[0] not in "=+-@|%"


def test_csv_cell_leaves_other_text_alone() -> None:
    assert escape.csv_cell("10.0.0.5:50123") == "10.0.0.5:50123"
    assert escape.csv_cell("") == ""


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("see https://example.com/a?b=1.", "https://example.com/a?b=1"),
        ('https://example.com/"onclick=x', "https://example.com/"),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("RFC 9293 §3.4", None),
    ],
)
def test_link_is_only_http(text: str, url: str | None) -> None:
    assert escape.link(text) == url


@given(ANY_TEXT)
def test_jira_opens_no_markup(text: str) -> None:
    assert not re.search(r"(?<!\\)[*_{}\[\]|!]", escape.jira(text).replace("\\\\", ""))
