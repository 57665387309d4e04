from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.report import phrases
from analyzer.report.model import Finding
from tests import report_samples as samples


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((), ""),
        ((40,), "frame 40"),
        ((41, 40), "frames 40, 41"),
        ((40, 41, 42, 46), "frames 40-42, 46"),
        ((7, 7, 7), "frame 7"),
    ],
)
def test_frames(numbers: tuple[int, ...], words: str) -> None:
    assert phrases.frames(numbers) == words


def test_frames_says_how_many_are_left_out() -> None:
    assert phrases.frames(range(0, 40, 2), shown=3) == "frames 0, 2, 4 and 17 more"


@given(st.sets(st.integers(1, 10_000), min_size=1, max_size=400))
def test_frame_filter_names_each_frame_and_no_other(numbers: set[int]) -> None:
    text = phrases.frame_filter(numbers)
    assert text.startswith("frame.number in {")
    named: set[int] = set()
    for first, last in re.findall(r"(\d+)(?:\.\.(\d+))?", text):
        named |= set(range(int(first), int(last or first) + 1))
    assert named == numbers


def test_instants_are_cut_and_carry_their_zone() -> None:
    ns = samples.START + 999_999_999
    assert phrases.instant(ns) == "2026-05-26 02:00:00.999 UTC"
    assert phrases.instant(ns, 0) == "2026-05-26 02:00:00 UTC"
    assert phrases.clock(ns) == "02:00:00.999999"


def test_an_instant_beyond_the_calendar_is_still_text() -> None:
    assert phrases.instant(10**30).endswith("s since 1970")


@pytest.mark.parametrize(("number", "words"), [(0, "0 packets"), (1, "1 packet"), (12_345, "12,345 packets")])
def test_count(number: int, words: str) -> None:
    assert phrases.count(number, "packet") == words


@pytest.mark.parametrize(
    ("path", "name"), [("a/b.pcap", "b.pcap"), ("C:\\x\\y.pcap", "y.pcap"), ("b.pcap", "b.pcap"), ("/", "/")]
)
def test_stem(path: str, name: str) -> None:
    assert phrases.stem(path) == name


def test_a_headline_says_that_not_all_was_examined() -> None:
    findings = (Finding("not-examined", "", ""),)
    for make in (samples.nothing, samples.idle_drop, samples.three_in_a_group):
        said = phrases.headline(replace(make(), findings=findings))
        assert said == f"{phrases.headline(make()).rstrip('.')}. Not every connection was examined."


def test_headlines() -> None:
    assert phrases.headline(samples.nothing()).startswith("No connection died")
    assert phrases.headline(samples.idle_drop()) == samples.idle_drop().incidents[0].title
    assert phrases.headline(samples.three_in_a_group()) == (
        "4 incidents with 2 different causes: 3 firewall-idle-drop, 1 connection-refused."
    )


def test_error_line_names_call_code_and_place() -> None:
    line = phrases.error_line(samples.idle_drop_incident())
    assert line == "error in the log at 2026-05-26 02:02:30.264 UTC: send() 10057 (app.log line 5)"


def test_short_names_are_as_short_as_they_are_clear() -> None:
    assert phrases.short_names(["/a/x/c.pcap", "/a/y/c.pcap", "/a/y/d.pcap", "C:\\e\\f.pcap"]) == {
        "/a/x/c.pcap": "x/c.pcap",
        "/a/y/c.pcap": "y/c.pcap",
        "/a/y/d.pcap": "d.pcap",
        "C:\\e\\f.pcap": "f.pcap",
    }


@given(st.lists(st.text(alphabet="ab/\\.", min_size=1, max_size=8), max_size=8))
def test_short_names_are_never_shared_by_paths_with_different_parts(paths: list[str]) -> None:
    names = phrases.short_names(paths)
    assert set(names) == set(paths)
    parts = {path: [part for part in path.replace("\\", "/").split("/") if part] for path in paths}
    for one in paths:
        for other in paths:
            if parts[one] != parts[other] and parts[one] and parts[other]:
                assert names[one] != names[other]


def test_a_number_and_its_unit_stay_together() -> None:
    assert phrases.unbroken("75 s after 2 MiB, 3 sent") == "75\u00a0s after 2\u00a0MiB, 3 sent"


@pytest.mark.parametrize(
    ("client", "server", "words"),
    [("a:1", "b:2", " (a:1 to b:2)"), (None, "b:2", " (b:2)"), ("a:1", None, ""), (None, None, "")],
)
def test_the_parties_of_a_title(client: str | None, server: str | None, words: str) -> None:
    assert phrases.parties(client, server) == words


def test_what_was_not_examined_comes_first_and_one_of_each_kind_before_the_rest() -> None:
    kinds = ("storm", "storm", "limit", "not-examined", "limit", "crowd")
    told = phrases.telling(Finding(kind, str(place), "") for place, kind in enumerate(kinds))
    assert [one.title for one in told] == ["3", "0", "2", "5", "1", "4"]
