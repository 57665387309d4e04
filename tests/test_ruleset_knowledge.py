"""Summaries of one incident, filled from a cause's template."""

from __future__ import annotations

import pytest

from analyzer.facts import FactSet, Known
from analyzer.ruleset.knowledge import placeholders, render_summary
from analyzer.ruleset.load import load_rules
from analyzer.units import NS

FACTS = FactSet(
    {
        "silence_before_end": Known(75 * NS),
        "syn_count": Known(3),
        "icmp_error": Known("none"),
        "zero_window_time": Known(0),
    }
)
PARTIES = {"client": "10.0.0.5:50123", "server": "10.9.0.7:21"}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{client} waited {silence_before_end}.", "10.0.0.5:50123 waited 75 s."),
        ("It ended[ after {silence_before_end}].", "It ended after 75 s."),
        ("It ended[ after {handshake_time}].", "It ended."),
        ("It ended[ after {handshake_time} and {syn_count} SYNs].", "It ended."),
        ("It ended[ (ICMP {icmp_error})][; the window stayed closed for {zero_window_time}].", "It ended."),
        ("It took {handshake_time}.", "It took an unknown handshake time."),
        ("At {time} it ended[ at {time}].", "At the time it ended."),
        ("{syn_count}   SYNs\n went out", "3 SYNs went out"),
    ],
)
def test_what_is_known_is_filled_in_and_optional_passages_go_with_what_is_not(template: str, text: str) -> None:
    assert render_summary(template, FACTS, PARTIES) == text


def test_names_in_braces() -> None:
    assert placeholders("{client}[ {syn_count}] {time}") == ["client", "syn_count", "time"]


def test_a_fix_is_offered_where_its_condition_holds() -> None:
    rules = load_rules()
    fixes = {one.shared: one for one in rules.knowledge("server-idle-timeout").fix}
    assert fixes["ftp-heartbeat"].audience() == "protocol = ftp"
    assert fixes["check-recv-zero"].audience() == ""
    # The use overrules what the shared fix says of itself.
    assert fixes["heartbeat"].audience() == "protocol in smtp, socks, redis, other"
