from __future__ import annotations

import base64
import hashlib
import re
import time
from typing import Any

import pytest

pytest.importorskip("jinja2")
lxml_html = pytest.importorskip("lxml.html")

from analyzer.report.html import render  # noqa: E402
from tests import report_samples as samples  # noqa: E402

EVERY = [*samples.SAMPLES.values(), samples.hostile, samples.nothing, samples.unmatched]


def tree(page: str) -> Any:
    return lxml_html.document_fromstring(page.encode("utf-8"), parser=lxml_html.HTMLParser(encoding="utf-8"))


@pytest.fixture(params=EVERY, ids=lambda make: make.__name__)
def page(request: pytest.FixtureRequest) -> str:
    return render(request.param())


def test_the_policy_allows_this_script_and_nothing_else(page: str) -> None:
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert policy
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy[1]
    assert "default-src 'none'" in policy[1]
    assert "style-src 'unsafe-inline'" in policy[1]
    assert "img-src data:" in policy[1]


def test_nothing_is_loaded_and_nothing_runs_from_an_attribute(page: str) -> None:
    for element in tree(page).iter():
        for name, value in element.attrib.items():
            assert not name.startswith("on"), name
            assert name not in ("src", "srcset", "action", "formaction", "background", "poster", "xlink:href")
            if name == "href":
                assert value.startswith(("https://", "#incident-", "#all")) or value == "data:,", value


def test_no_character_of_the_page_controls_anything(page: str) -> None:
    assert all(line.replace("\u00a0", " ").isprintable() for line in page.split("\n"))


def test_every_id_is_unique_and_every_reference_finds_one(page: str) -> None:
    root = tree(page)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    for element in root.iter():
        for name in ("aria-labelledby", "aria-describedby"):
            assert set((element.get(name) or "").split()) <= set(ids)
        if (element.get("href") or "").startswith("#"):
            assert element.get("href")[1:] in ids


def test_every_picture_has_its_words_and_headings_do_not_skip(page: str) -> None:
    root = tree(page)
    for picture in root.iter("svg"):
        inside = next(picture.iterancestors("svg"), None) is not None
        assert inside or picture.get("aria-hidden") == "true" or picture.get("aria-labelledby")
    assert len(root.findall(".//h1")) == 1
    level = 1
    for heading in root.iter("h1", "h2", "h3", "h4"):
        assert int(heading.tag[1]) <= level + 1
        level = int(heading.tag[1])
    for figure in root.iter("figure"):
        assert figure.find("figcaption") is not None


def test_regions_that_scroll_can_be_reached_by_keyboard(page: str) -> None:
    for element in tree(page).find_class("scroll"):
        assert element.get("tabindex") == "0"
        assert element.get("aria-label")


def test_hostile_names_are_shown_as_data() -> None:
    page = render(samples.hostile())
    assert page.count("<script") == 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "\\x1b[31mred" in page
    assert "\\u202egpj.exe" in page
    assert "javascript:alert" not in "".join(re.findall(r'href="[^"]*"', page))


def test_verdict_first_then_what_to_do_then_proof() -> None:
    page = render(samples.idle_drop())
    places = [
        page.index(words)
        for words in (
            "<h1>A device between",
            "What to do</h2>",
            "Proof</h2>",
            "The packets in order",
            "Decisive frames",
            "Silences against known idle limits",
            "What speaks against it",
            "Other causes that were weighed",
            "What the socket calls answer",
            "The captures</h2>",
            "What this cannot show",
        )
    ]
    assert places == sorted(places)


def test_a_number_and_its_unit_stay_together() -> None:
    assert "75.3\u00a0s" in render(samples.idle_drop())


def test_filters_can_be_copied_exactly() -> None:
    codes = [
        element.text_content() for element in tree(render(samples.idle_drop())).iter("code") if element.get("data-copy")
    ]
    assert "frame.number in {34, 40, 46}" in codes
    assert "tcp.stream == 2 && frame.number in {40..46}" in codes


def test_several_incidents_have_an_overview_a_map_and_a_table() -> None:
    root = tree(render(samples.three_in_a_group()))
    assert len(root.findall(".//article")) == 2
    table = root.get_element_by_id("all-rows")
    assert len(table.findall(".//tbody/tr")) == 4
    assert root.get_element_by_id("map-words") is not None


def test_with_several_captures_the_table_names_each_rows_own() -> None:
    from dataclasses import replace

    report = samples.three_in_a_group()
    second = replace(report.incidents[3], capture="server.pcapng")
    report = replace(
        report,
        captures=(*report.captures, samples.capture("server.pcapng")),
        incidents=(*report.incidents[:3], second),
    )
    table = tree(render(report)).get_element_by_id("all-rows")
    assert [row.findall("td")[-1].text_content().strip() for row in table.findall(".//tbody/tr")] == [
        *["web01-ethernet.pcapng"] * 3,
        "server.pcapng",
    ]


def test_ten_thousand_incidents_stay_small_and_quick() -> None:
    report = samples.many(10_000)
    started = time.perf_counter()
    page = render(report)
    assert time.perf_counter() - started < 5
    assert len(page.encode()) < 5_000_000
    assert page.count('<tr><td class="num">') >= 10_000


def test_ten_thousand_causes_of_their_own_are_bounded_too() -> None:
    from dataclasses import replace

    report = replace(samples.many(10_000), groups=())
    page = render(report)
    assert len(page.encode()) < 5_000_000
    assert tree(page).findall(".//article").__len__() == 20
