from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.report import redact as module
from analyzer.report.json import render as render_json
from analyzer.report.redact import Pseudonyms, redact
from analyzer.report.text import render as render_text
from tests import report_samples as samples


@pytest.mark.parametrize("make", [samples.idle_drop, samples.server_closed, samples.three_in_a_group])
def test_no_address_is_left_in_any_dialect(make) -> None:  # type: ignore[no-untyped-def]
    report = redact(make())
    for text in (render_json(report), render_text(report)):
        for address in ("192.0.2.", "198.51.100.", "2001:db8::27:60", "2001:db8:100::81"):
            assert address not in text


def test_verdict_frames_times_and_ports_stay() -> None:
    before, after = samples.idle_drop().incidents[0], redact(samples.idle_drop()).incidents[0]
    assert (after.cause, after.confidence, after.time_ns) == (before.cause, before.confidence, before.time_ns)
    assert [one.frames for one in after.evidence] == [one.frames for one in before.evidence]
    assert after.client is not None
    assert after.client.startswith("198.18.0.")
    assert after.client.endswith(":61648")
    assert after.server is not None
    assert after.server.endswith(":1433")
    assert after.fix == before.fix


def test_the_same_host_stays_the_same_host() -> None:
    report = redact(samples.three_in_a_group())
    servers = [one.server for one in report.incidents]
    assert servers[0] == servers[1] == servers[2] != servers[3]
    assert report.groups[0].title.startswith(f"3 connections to {servers[0]}")


def test_log_lines_and_folders_go() -> None:
    report = redact(samples.idle_drop())
    log = report.incidents[0].log
    assert log is not None
    assert (log.path, log.text, log.code) == ("app.log", "[hidden]", 10057)
    assert report.captures[0].path == "web01-ethernet.pcapng"
    assert report.captures[0].sha256 == samples.capture().sha256


def test_host_names_that_are_parties_go_everywhere() -> None:
    incident = replace(samples.idle_drop_incident(), server="db.corp.test:1433", title="Lost db.corp.test:1433")
    clean = redact(replace(samples.idle_drop(), incidents=(incident,))).incidents[0]
    assert clean.server == "host-1.example:1433"
    assert clean.title == "Lost host-1.example:1433"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("at 10.0.0.5:21 and 10.0.0.5", "at 198.18.0.1:21 and 198.18.0.1"),
        ("[fe80::1]:80", "[2001:db8::1]:80"),
        ("at 02:03:11.120 UTC", "at 02:03:11.120 UTC"),
        ("version 1.2.3.4.5", "version 1.2.3.4.5"),
        ("300.1.1.1", "300.1.1.1"),
        ("127.0.0.1 and ::1 and 0.0.0.0", "127.0.0.1 and ::1 and 0.0.0.0"),
        ("from 00:1a:2b:3c:4d:5e", "from 00:00:5e:00:53:00"),
        ("RFC 9293 §3.10.7.4", "RFC 9293 §3.10.7.4"),
    ],
)
def test_what_is_an_address_and_what_is_not(text: str, clean: str) -> None:
    assert Pseudonyms().text(text) == clean


@given(st.lists(st.ip_addresses(v=4).map(str), min_size=1, max_size=20))
def test_replacements_are_one_to_one(addresses: list[str]) -> None:
    masks = Pseudonyms()
    made = {address: masks.text(address) for address in addresses}
    assert len(set(made.values())) == len(made)


def test_redacting_twice_with_the_same_masks_is_the_same() -> None:
    assert redact(samples.idle_drop()) == redact(samples.idle_drop())
    assert module.redact(samples.nothing()).incidents == ()
