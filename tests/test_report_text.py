from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest

from analyzer.report.model import Finding
from analyzer.report.text import TICKET_LINES, render, ticket, wants_color
from tests import report_samples as samples

EVERY = [*samples.SAMPLES.values(), samples.hostile, samples.nothing, samples.unmatched]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160])
@pytest.mark.parametrize("make", EVERY)
def test_lines_keep_the_width_and_tickets_their_length(make, width) -> None:  # type: ignore[no-untyped-def]
    report = make()
    for line in render(report, width=width).splitlines():
        assert len(line) <= max(width, 66), line
    for incident in report.leading():
        assert len(ticket(report, incident, width=width).splitlines()) <= TICKET_LINES


def test_the_ticket_says_all_that_it_must() -> None:
    report = samples.idle_drop()
    text = ticket(report, report.incidents[0])
    for label in ("Verdict", "Proof", "Disproved by", "Who acts", "Change"):
        assert re.search(rf"^{label} ", text, re.MULTILINE), label
    assert "confidence high (0.96)" in text
    assert text.count("[frame") >= 3
    assert "SIO_KEEPALIVE_VALS" in text


def test_shortening_never_loses_a_frame_number_of_the_proof() -> None:
    report = samples.idle_drop()
    text = ticket(report, report.incidents[0], width=50)
    for place in ("[frames 35, 40]", "[frames 40-46]", "[frames 2231, 2236]"):
        assert place in text


def test_colour_changes_no_word() -> None:
    report = samples.three_in_a_group()
    coloured = render(report, color=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[\d*m", "", coloured) == render(report)


def test_without_colour_no_control_character_leaves() -> None:
    for make in EVERY:
        assert all(line.isprintable() for line in render(make()).splitlines())


def test_an_empty_result_is_a_sentence_and_keeps_its_limits() -> None:
    text = render(samples.nothing())
    assert text.startswith("No connection died in a way that would surface as a socket error")
    assert "Loopback traffic was not captured." in text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_only_on_a_terminal_and_never_against_no_color() -> None:
    assert wants_color(Terminal(), {})
    assert not wants_color(io.StringIO(), {})
    assert not wants_color(Terminal(), {"NO_COLOR": "1"})
    assert not wants_color(Terminal(), {"TERM": "dumb"})
    assert not wants_color(Terminal(), {"NO_COLOR": "1", "FORCE_COLOR": "1"})


def test_many_incidents_are_a_short_table() -> None:
    text = render(samples.many(2_000))
    assert len(text.splitlines()) < 200
    assert "500x" in text


def test_no_line_ends_between_a_number_and_its_unit() -> None:
    summary = "It took exactly 75 ms and 12 s and 90 B. " * 9
    incident = replace(samples.idle_drop_incident(), summary=summary)
    for width in range(60, 100):
        text = render(replace(samples.idle_drop(), incidents=(incident,)), width=width)
        assert not re.search(r"\d\n +(?:ms|s|B)\b", text)
        assert text.isascii()


def test_the_code_says_which_change_it_is_for() -> None:
    assert "For 1: Python (the full report has C, C# too):" in ticket(samples.idle_drop(), samples.idle_drop_incident())


def test_a_flood_of_findings_is_counted() -> None:
    storms = tuple(Finding("storm", f"Storm {number}", "It was one.") for number in range(30))
    report = replace(samples.idle_drop(), findings=(*storms, Finding("not-examined", "Not every one", "3 were not.")))
    text = render(report)
    assert text.index("Not every one. 3 were not.") < text.index("Storm 0.")
    assert "Storm 10." in text
    assert "Storm 11." not in text
    assert "  - And 19 more of these kinds: --format html has every one.\n" in text
