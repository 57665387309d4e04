"""Arguments and outputs that commands share."""

from __future__ import annotations

from datetime import timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.cli.options import check_input, parse_endpoint, parse_moment, parse_target, parse_zone
from analyzer.errors import UsageError
from analyzer.units import NS


def test_endpoints() -> None:
    assert str(parse_endpoint("10.9.0.7:21")) == "10.9.0.7:21"
    assert str(parse_endpoint("[2001:db8::7]:443")) == "[2001:db8::7]:443"
    for wrong in ("", ":", "10.9.0.7", "10.9.0.7:", "10.9.0.7:0", "10.9.0.7:65536", "10.9.0.7:٢١", "host:21"):
        with pytest.raises(UsageError, match="--endpoint"):
            parse_endpoint(wrong)


def test_what_a_person_asks_about() -> None:
    assert parse_target("db.example:5432").name == "db.example"
    assert parse_moment("2026-02-25T06:13:20.5Z").ns == 1_772_000_000 * NS + NS // 2
    with pytest.raises(UsageError, match="--endpoint"):
        parse_target("")
    for wrong in ("", "soon", "nan", "-inf", "1e300", "99999999999999999999"):
        with pytest.raises(UsageError, match="--at"):
            parse_moment(wrong)


def test_zones() -> None:
    assert parse_zone("utc").utcoffset(None) == parse_zone("Z").utcoffset(None) == timedelta(0)
    assert parse_zone("+1") == parse_zone("+01") == parse_zone("+0100") == parse_zone("+01:00")
    assert parse_zone("+01:00") == timezone(timedelta(hours=1))
    assert parse_zone("-05:30") == timezone(-timedelta(hours=5, minutes=30))
    assert parse_zone("Europe/Berlin") == ZoneInfo("Europe/Berlin")
    assert parse_zone("local").utcoffset(None) is not None
    for wrong in ("", "+", "+24:00", "+1:60", "+1²", "Mars/Olympus", "/etc/passwd", "\0"):
        with pytest.raises(UsageError, match="--zone"):
            parse_zone(wrong)


@given(st.text(max_size=20))
def test_any_text_is_a_value_or_a_usage_error(text: str) -> None:
    for parse in (parse_endpoint, parse_moment, parse_target, parse_zone):
        try:
            parse(text)
        except UsageError as error:
            assert "\n" not in str(error)


def test_standard_input_gives_one_capture_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    check_input(["a.pcap"], "app.log", None)
    check_input(["-"])
    with pytest.raises(UsageError, match="only a capture"):
        check_input(["a.pcap"], "-")
    monkeypatch.setattr("sys.stdin", None)
    check_input(["a.pcap"])
    with pytest.raises(UsageError, match="closed"):
        check_input(["-"])
