"""The HTML page in a real browser: how it looks, what it may do, and that a keyboard and a screen reader can use it.

``NOTCONN_SCREENSHOTS`` names a folder that keeps the pictures. Skipped by name where no Chromium is found.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jinja2")
playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

from analyzer.report.html import render  # noqa: E402
from analyzer.report.pdf import find_browser  # noqa: E402
from tests import report_samples as samples  # noqa: E402
from tests.cases import answered, sample_names  # noqa: E402

PAGES = {
    "one-incident": samples.idle_drop,
    "without-a-log": samples.server_closed,
    "a-group-and-one": samples.three_in_a_group,
    "many-causes": lambda: samples.many(16),
    "nothing-found": samples.nothing,
    "no-connection": samples.unmatched,
    "hostile": samples.hostile,
}
PLACE = "https://report.test/"
"""Where a page is shown that needs a secure origin, as the clipboard does; nothing is asked of the network for it."""
WIDTHS = (1280, 360)
STOPS = "a[href], button, summary, input, [tabindex='0']"
WATCH = "window.broken = []; addEventListener('securitypolicyviolation', e => window.broken.push(e.violatedDirective));"
OVERFLOWING = """() => {
  const room = document.documentElement.clientWidth;
  const wide = [...document.querySelectorAll('body *')].filter(one =>
    one.getBoundingClientRect().right > room + 1 && one.checkVisibility() && !one.closest('.scroll, pre, .vh, svg svg'));
  return [document.documentElement.scrollWidth - room, ...wide.map(one => one.outerHTML.slice(0, 120))];
}"""


@cache
def page_of(name: str) -> str:
    return render(PAGES[name]())


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    found = find_browser()
    if found is None:
        pytest.skip("no Chromium, Chrome or Edge on this system")
    with playwright.sync_playwright() as driver:
        # Chromium refuses its sandbox to root.
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"] if root else [])
        yield browser
        browser.close()


@contextmanager
def opened(chromium: Any, policy: str = "", **look: Any) -> Iterator[Any]:
    """A page for `show`; what is shown and asks for anything is refused and listed in ``page.asked``."""
    look.setdefault("viewport", {"width": 1280, "height": 1000})
    context = chromium.new_context(**look)
    page = context.new_page()
    page.asked, page.said, page.html = [], [], ""

    def answer(route: Any) -> None:
        if route.request.url != PLACE:
            page.asked.append(route.request.url)
            route.abort()
            return
        headers = {"Content-Type": "text/html; charset=utf-8"}
        route.fulfill(body=page.html, headers={**headers, "Content-Security-Policy": policy} if policy else headers)

    context.route("**/*", answer)
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.add_init_script(WATCH)
    yield page
    context.close()


def show(page: Any, html: str) -> None:
    page.html = html
    page.goto(PLACE)


@contextmanager
def shown(chromium: Any, html: str, **look: Any) -> Iterator[Any]:
    """The same with ``html`` in it."""
    with opened(chromium, **look) as page:
        show(page, html)
        yield page


@pytest.fixture(scope="module")
def narrow(chromium: Any) -> Iterator[Any]:
    with opened(chromium, viewport={"width": 360, "height": 900}) as page:
        yield page


def keep(page: Any, name: str, folder: Path) -> bytes:
    """Take a picture; of the whole page where it is not taller than a browser can draw."""
    folder = Path(os.environ.get("NOTCONN_SCREENSHOTS") or folder)
    folder.mkdir(parents=True, exist_ok=True)
    low = page.evaluate("document.documentElement.scrollHeight") < 12_000
    picture: bytes = page.screenshot(path=folder / f"{name}.png", full_page=low)
    return picture


# -- looks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_runs_over_the_edge(chromium: Any, name: str, width: int, scheme: str, tmp_path: Path) -> None:
    with shown(chromium, page_of(name), color_scheme=scheme, viewport={"width": width, "height": 900}) as page:
        for closed in page.locator("details.more:not([open]) > summary").all()[:2]:
            closed.click()
        assert page.evaluate(OVERFLOWING) == [0]
        assert keep(page, f"{name}-{scheme}-{width}", tmp_path).startswith(b"\x89PNG")


@pytest.mark.parametrize("name", PAGES)
def test_it_prints_without_losing_an_edge_or_a_proof(chromium: Any, name: str, tmp_path: Path) -> None:
    # A4 less its usual margins is 718 CSS pixels wide.
    with shown(chromium, page_of(name), color_scheme="dark", viewport={"width": 718, "height": 1000}) as page:
        page.emulate_media(media="print")
        assert page.evaluate(OVERFLOWING) == [0]
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.locator(".copy:visible, .find:visible").count() == 0
        for section in page.get_by_role("heading", name="Proof").all():
            assert section.is_visible()
        keep(page, f"{name}-print", tmp_path)
        assert page.pdf(format="A4").startswith(b"%PDF-")


def test_light_and_dark_differ(chromium: Any) -> None:
    seen = []
    for scheme in ("light", "dark"):
        with shown(chromium, page_of("one-incident"), color_scheme=scheme) as page:
            seen.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(set(seen)) == 2


def test_the_verdict_and_what_to_do_are_seen_before_the_first_scroll(chromium: Any) -> None:
    with shown(chromium, page_of("one-incident")) as page:
        places = [page.get_by_role("heading", name=words).bounding_box()["y"] for words in ("A device", "What to do")]
        assert places == sorted(places)
        assert places[1] < 1000


# -- a screen reader ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(chromium: Any, name: str, scheme: str, script: bool) -> None:
    html = page_of(name)
    if not script:
        # axe is a script itself, so the page's own one is taken out instead of being forbidden.
        html = re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    with shown(chromium, html, color_scheme=scheme) as page:
        found = axe.Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


def test_axe_would_find_something(chromium: Any) -> None:
    with shown(chromium, "<!doctype html><title>x</title><img src='data:,'><p style='color:#eee'>pale") as page:
        assert axe.Axe().run(page).violations_count >= 2


# -- what it may do ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_no_request_leaves_the_page_and_its_own_policy_is_kept(chromium: Any, name: str) -> None:
    with shown(chromium, page_of(name)) as page:
        for summary in page.locator("summary:visible").all():
            summary.click()
        page.wait_for_load_state("networkidle")
        assert page.asked == []
        assert page.said == []
        assert page.evaluate("window.broken") == []
        assert page.locator(".copy").count() > 0


def test_the_policy_stops_what_a_stranger_might_have_brought_in(chromium: Any) -> None:
    evil = "<img src='https://evil.test/p.png' onerror='window.evil = 1'><script>window.evil = 1</script>"
    with shown(chromium, page_of("one-incident").replace("</main>", f"{evil}</main>")) as page:
        page.wait_for_function("window.broken.length >= 3")
        assert page.asked == []
        assert page.evaluate("window.evil") is None
        assert {one.partition("-")[0] for one in page.evaluate("window.broken")} == {"img", "script"}


def test_it_opens_under_the_policy_of_a_mail_reader(chromium: Any) -> None:
    policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    with shown(chromium, page_of("one-incident"), policy=policy) as page:
        assert page.get_by_role("heading", level=1).is_visible()
        page.get_by_text("Every counter").click()
        assert page.locator("details table").last.is_visible()
        assert page.evaluate(OVERFLOWING) == [0]


@pytest.mark.parametrize("name", sample_names())
def test_the_page_of_every_sample_is_quiet_narrow_and_prints(narrow: Any, name: str) -> None:
    show(narrow, render(answered(name, with_log=True)))
    assert narrow.evaluate(OVERFLOWING) == [0]
    assert (narrow.asked, narrow.said, narrow.evaluate("window.broken")) == ([], [], [])
    assert narrow.pdf(format="A4").startswith(b"%PDF-")


# -- a keyboard ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["one-incident", "a-group-and-one"])
def test_tab_reaches_everything_in_order_and_shows_where_it_is(chromium: Any, name: str) -> None:
    with shown(chromium, page_of(name)) as page:
        wanted = page.evaluate(
            f"() => {{ window.stops = [...document.querySelectorAll(`{STOPS}`)].filter(one => one.checkVisibility());"
            "return window.stops.length; }"
        )
        reached = []
        for _ in range(wanted):
            page.keyboard.press("Tab")
            place, outline = page.evaluate(
                "() => [window.stops.indexOf(document.activeElement), getComputedStyle(document.activeElement).outlineStyle]"
            )
            assert outline == "solid"
            reached.append(place)
        assert reached == list(range(wanted))


def test_columns_sort_both_ways_from_the_keyboard(chromium: Any) -> None:
    with shown(chromium, page_of("many-causes")) as page:
        table = page.locator("#all-rows")

        def column(number: int) -> list[str]:
            return [cell.strip() for cell in table.locator(f"tbody tr td:nth-child({number})").all_text_contents()]

        before = column(1)
        table.get_by_role("button", name="Client").focus()
        page.keyboard.press("Enter")
        assert table.locator("th[aria-sort]").get_attribute("aria-sort") == "ascending"
        ports = [int(one.rpartition(".")[2].partition(":")[0]) for one in column(5)]
        assert ports == sorted(ports)
        assert "Sorted by Client, ascending" in page.locator("[aria-live]").text_content()
        page.keyboard.press("Enter")
        assert column(5) != sorted(column(5))
        table.get_by_role("button", name="No.").press("Space")
        assert column(1) == before
        table.get_by_role("button", name="No.").press("Space")
        assert column(1) == before[::-1]


def test_rows_can_be_filtered(chromium: Any) -> None:
    with shown(chromium, page_of("many-causes")) as page:
        page.get_by_label("Show only rows with").fill("Connection-Refused")
        rows = page.locator("#all-rows tbody tr:visible")
        assert rows.count() == 4
        assert all("connection-refused" in one for one in rows.all_text_contents())
        assert page.locator("[aria-live]").text_content() == "4 rows shown"
        page.get_by_label("Show only rows with").fill("")
        assert rows.count() == 16


def test_a_filter_is_copied_exactly(chromium: Any) -> None:
    allowed = ["clipboard-read", "clipboard-write"]
    with shown(chromium, page_of("one-incident"), permissions=allowed) as page:
        button = page.get_by_role("button", name="Copy the filter for this connection")
        button.focus()
        page.keyboard.press("Enter")
        page.get_by_text("Copied", exact=True).wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == "tcp.stream == 2"


def test_a_long_report_unfolds_its_later_incidents(chromium: Any) -> None:
    with shown(chromium, page_of("many-causes")) as page:
        articles = page.locator("article")
        assert articles.count() == 4
        fourth = articles.nth(3)
        assert not fourth.get_by_role("heading", name="Proof").is_visible()
        fourth.locator("details.more > summary").press("Enter")
        assert fourth.get_by_role("heading", name="Proof").is_visible()


# -- no script -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_without_script_nothing_is_missing(chromium: Any, name: str) -> None:
    words = []
    for script in (True, False):
        with shown(chromium, page_of(name), java_script_enabled=script) as page:
            for summary in page.locator("summary:visible").all():
                summary.click()
            assert (page.locator(".copy").count() > 0) is script
            page.evaluate("document.querySelectorAll('.copy, .find').forEach(one => one.remove())")
            words.append(re.sub(r"\s+", "", page.locator("main").inner_text()))
    assert words[0] == words[1]
