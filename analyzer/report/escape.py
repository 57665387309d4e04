r"""Make text that came out of a capture, a log or a file name harmless, one function for each dialect.

Whatever a peer, a log writer or a file system may have chosen is data: it must not move a terminal's cursor, turn the
reading direction, run a formula, notify a person or open a tag. Each function returns text that is safe to place where
its name says, and keeps what was hidden visible as an escape such as ``\x1b``.
"""

from __future__ import annotations

import re
from functools import cache

__all__ = [
    "adf",
    "block",
    "csv_cell",
    "html",
    "jira",
    "link",
    "markdown",
    "markdown_cell",
    "markdown_code",
    "markdown_fence",
    "mermaid",
    "plain",
    "xml",
]

LIMIT = 2000
"""Characters of one field that a reader is shown; a name of a megabyte is an attack, not a name."""

_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|~$&]|^[-+=])")
_LEADING_NUMBER = re.compile(r"^(\d+)([.)])")
_JIRA = re.compile(r"([\\*_{}\[\]|!]|(?<![A-Za-z0-9])[-+^~]|[-+^~](?![A-Za-z0-9])|\?(?=\?)|^#)")
_LINK = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d+)?(?:/[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*)?")
_MERMAID = {ord(character): f"#{ord(character)};" for character in '#;<>"{}%`\\'}


@cache
def _xml_forbidden() -> re.Pattern[str]:
    """Return what XML cannot carry; to compile it takes as long as a small capture, and few dialects ask."""
    return re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _visible(character: str) -> str:
    import unicodedata

    if unicodedata.category(character) == "Zs":
        return " "
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def plain(text: str, limit: int = LIMIT) -> str:
    """Return ``text`` as one printable line of at most ``limit`` characters and a word on what was cut.

    Line breaks become spaces; control characters, escape sequences, marks that turn the reading direction, invisible
    characters and lone surrogates become visible escapes.
    """
    cut = len(text) - limit
    if cut > 0:
        text = text[:limit]
    if not text.isprintable():
        text = " ".join(part for part in text.splitlines() if part) if "\n" in text or "\r" in text else text
        text = "".join(each if each.isprintable() else " " if each == "\t" else _visible(each) for each in text)
    return f"{text} … ({cut} more characters)" if cut > 0 else text


def block(text: str, limit: int = 20_000) -> str:
    """Return ``text`` with its line breaks kept and every line treated like `plain`; tabs become four spaces."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(plain(line.replace("\t", "    "), limit).rstrip() for line in lines)


def html(text: str) -> str:
    """Return ``text`` for an HTML text node or a quoted attribute."""
    from html import escape

    return escape(plain(text), quote=True)


def xml(text: str) -> str:
    """Return ``text`` for an XML 1.0 text node or attribute; characters XML cannot carry are already visible."""
    return _xml_forbidden().sub("?", html(text))


def markdown(text: str) -> str:
    """Return ``text`` for running Markdown: no markup, no mention of a person, no reference to an issue."""
    text = _MARKDOWN.sub(r"\\\1", plain(text))
    text = _LEADING_NUMBER.sub(r"\1\\\2", text)
    # A backslash does not stop a mention, a character reference to an issue or a bare address; an empty comment does.
    return text.replace("@", "@<!-- -->").replace("\\#", "\\#<!-- -->").replace("://", ":<!-- -->//")


def markdown_cell(text: str) -> str:
    """Return ``text`` for a cell of a Markdown table."""
    return markdown(text)


def markdown_code(text: str, *, cell: bool = False) -> str:
    """Return ``text`` as an inline code span, with a fence longer than any run of backticks inside.

    In a table's cell a pipe ends the cell even inside code, so there it is written as a broken bar.
    """
    text = plain(text).strip() or " "
    if cell:
        text = text.replace("|", "¦")
    fence = "`" * (max((len(run) for run in re.findall(r"`+", text)), default=0) + 1)
    pad = " " if text[0] == "`" or text[-1] == "`" else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def markdown_fence(text: str, language: str = "") -> str:
    """Return ``text`` as a fenced code block that nothing inside can close."""
    body = block(text)
    fence = "`" * max(3, max((len(run) for run in re.findall(r"`+", body)), default=0) + 1)
    return f"{fence}{re.sub('[^A-Za-z0-9+#-]', '', language)}\n{body}\n{fence}"


def mermaid(text: str) -> str:
    """Return ``text`` for a message, note or alias of a Mermaid diagram."""
    text = plain(text, 200).translate(_MERMAID)
    # The word alone would end a block of the diagram (mermaid-js/mermaid, sequence diagram documentation).
    return re.sub(r"\b(end)\b", r"#101;nd", text, flags=re.IGNORECASE)


def jira(text: str) -> str:
    """Return ``text`` for Jira wiki markup."""
    return _JIRA.sub(r"\\\1", plain(text)).replace("://", ":\\//")


def adf(text: str) -> str:
    """Return ``text`` for a text node of the Atlassian Document Format, which has no markup but refuses empty text."""
    return plain(text) or " "


def csv_cell(text: str) -> str:
    """Return ``text`` for a cell that a spreadsheet will open: what would start a formula gets an apostrophe."""
    text = plain(text)
    return f"'{text}" if text[:1] in "=+-@\t\r|%" and text else text


def link(text: str) -> str | None:
    """Return the first http or https address in ``text``, or None; nothing else may become a link."""
    match = _LINK.search(text)
    return match.group().rstrip(".,;)") if match else None
