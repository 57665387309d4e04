"""The table of idle limits and the questions it answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.errors import RuleError
from analyzer.resources import rules_directory
from analyzer.ruleset.timeouts import KINDS, MIDDLEBOXES, SCOPES, is_known_limit, load_limits, matching
from analyzer.units import NS

TABLE = load_limits(rules_directory() / "idle-timeouts.csv")
HEADER = (
    "id,kind,vendor,product,scope,default_seconds,min_seconds,max_seconds,"
    "on_expiry,configurable_by,version_note,source_url,confidence\n"
)


def test_every_row_names_its_source() -> None:
    assert len(TABLE) > 200
    assert len({limit.id for limit in TABLE}) == len(TABLE)
    for limit in TABLE:
        assert limit.source, limit.id
        assert limit.source.startswith("http") or not limit.sourced, limit.id
        assert limit.kind in KINDS
        assert limit.scope in SCOPES
        assert limit.name


def test_limits_within_an_interval_shortest_first() -> None:
    found = matching(300 * NS, 400 * NS)
    defaults = [limit.default_ns for limit in found if limit.default_ns]
    assert 350 * NS in defaults
    assert defaults == sorted(defaults)
    assert all(300 * NS < default <= 401 * NS for default in defaults)


def test_the_longest_survived_silence_is_no_candidate() -> None:
    assert all(limit.default_ns != 350 * NS for limit in matching(350 * NS, 400 * NS))


def test_without_a_survived_silence_only_close_limits_are_listed() -> None:
    found = matching(None, 352 * NS)
    assert any(limit.default_ns == 350 * NS for limit in found)
    assert all(limit.default_ns and limit.default_ns > 330 * NS for limit in found)


def test_by_kind_scope_and_expiry() -> None:
    assert {limit.kind for limit in matching(None, 60 * NS, kind="server")} == {"server"}
    assert {limit.kind for limit in matching(1 * NS, 7200 * NS, kind="middlebox")} <= set(MIDDLEBOXES)
    assert {limit.scope for limit in matching(1 * NS, 7200 * NS, scope="udp")} == {"udp"}
    assert {limit.on_expiry for limit in matching(1 * NS, 7200 * NS, on_expiry=["reject"])} == {"reject"}


def test_limits_that_end_no_idle_connection_are_left_out_unless_asked_for() -> None:
    assert all(limit.scope not in ("udp", "tcp_opening", "tcp_keepalive") for limit in matching(1 * NS, 7200 * NS))


@pytest.mark.parametrize(
    ("seconds", "expected"), [(350, True), (351.5, True), (349.2, True), (348, False), (357, False), (217, False)]
)
def test_as_long_as_a_known_limit(seconds: float, expected: bool) -> None:
    assert is_known_limit(round(seconds * NS), kind="load_balancer") is expected


def test_a_limit_that_never_ends_or_is_not_documented_matches_nothing() -> None:
    assert any(limit.default_ns is None for limit in TABLE)
    assert all(limit.default_ns for limit in matching(0, 10**18))


def test_bad_rows_are_all_told(tmp_path: Path) -> None:
    table = tmp_path / "limits.csv"
    table.write_text(HEADER + "a,toaster,V,P,udp,5,,,,,,http://x,sourced\nb,nat,V,P,udp,five,,,,,,http://x,sourced\n")
    with pytest.raises(RuleError) as caught:
        load_limits(table)
    assert len(caught.value.problems) == 2
    assert caught.value.problems[0].startswith("limits.csv:2:1: ")
    with pytest.raises(RuleError, match="cannot be read"):
        load_limits(tmp_path / "none.csv")


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    table = tmp_path / "limits.csv"
    table.write_text(HEADER + "own,firewall,Acme,Acme Wall,tcp_established,90,,,silent_drop,,,http://x,sourced\n")
    (limit,) = matching(60 * NS, 120 * NS, limits=load_limits(table))
    assert (limit.name, limit.default_ns, limit.on_expiry) == ("Acme Wall", 90 * NS, "silent_drop")
