from __future__ import annotations

import pytest

from analyzer.errors import UsageError
from analyzer.report.render import FORMATS, format_for_path, render
from tests import report_samples as samples


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "pdf"])
@pytest.mark.parametrize("make", [samples.idle_drop, samples.hostile, samples.nothing, samples.unmatched])
def test_every_dialect_renders_every_report_the_same_twice(name: str, make) -> None:  # type: ignore[no-untyped-def]
    first = render(make(), name)
    assert first
    assert first == render(make(), name)


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "pdf"])
def test_every_dialect_names_the_verdict_and_a_frame(name: str) -> None:
    text = render(samples.idle_drop(), name).decode()
    assert "forgot the idle connection" in text
    assert "40" in text


def test_an_unknown_format_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="no report format 'doc'; choose one of text, json"):
        render(samples.idle_drop(), "doc")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("r.HTML", "html"),
        ("x/r.md", "markdown"),
        ("r.json", "json"),
        ("r.adf.json", "adf"),
        ("r.fragment.html", "fragment"),
        ("r.sarif", "sarif"),
        ("r.junit.xml", "junit"),
        ("r", None),
        ("r.pcap", None),
    ],
)
def test_a_file_name_tells_its_format(path: str, name: str | None) -> None:
    assert format_for_path(path) == name
