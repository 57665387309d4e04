from __future__ import annotations

from html.parser import HTMLParser

import pytest

from analyzer.report.fragment import render
from tests import report_samples as samples


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not attrs
        self.open.append(tag)
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("make", [*samples.SAMPLES.values(), samples.hostile, samples.nothing, samples.unmatched])
def test_only_simple_elements_without_attributes_all_closed(make) -> None:  # type: ignore[no-untyped-def]
    tags = Tags()
    tags.feed(render(make()))
    tags.close()
    assert tags.open == []
    assert tags.seen <= {"h3", "h4", "p", "ul", "li", "table", "tbody", "tr", "th", "td", "pre", "code", "strong"}
