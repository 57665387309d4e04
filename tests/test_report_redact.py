from __future__ import annotations

from dataclasses import replace

import pytest

from analyzer.redaction.masks import Masks
from analyzer.report.json import render as render_json
from analyzer.report.redact import redact, report_secrets
from analyzer.report.render import FORMATS, render
from analyzer.report.text import render as render_text
from tests import report_samples as samples

KEY = bytes(range(32))


@pytest.mark.parametrize("make", [samples.idle_drop, samples.server_closed, samples.three_in_a_group])
@pytest.mark.parametrize("name", [name for name in FORMATS if name != "pdf"])
def test_no_address_is_left_in_any_dialect(make, name: str) -> None:  # type: ignore[no-untyped-def]
    text = render(redact(make(), Masks(KEY)), name).decode()
    for address in ("192.0.2.", "198.51.100.", "2001:db8::27:60", "2001:db8:100::81"):
        assert address not in text


def test_verdict_frames_times_and_ports_stay() -> None:
    before, after = samples.idle_drop().incidents[0], redact(samples.idle_drop(), Masks(KEY)).incidents[0]
    assert (after.cause, after.confidence, after.time_ns) == (before.cause, before.confidence, before.time_ns)
    assert [one.frames for one in after.evidence] == [one.frames for one in before.evidence]
    assert after.client is not None
    assert after.client != before.client
    assert after.client.endswith(":61648")
    assert after.server is not None
    assert after.server.endswith(":1433")
    assert after.fix == before.fix
    assert after.references == before.references


def test_the_same_host_stays_the_same_host() -> None:
    report = redact(samples.three_in_a_group(), Masks(KEY))
    servers = [one.server for one in report.incidents]
    assert servers[0] == servers[1] == servers[2] != servers[3]
    assert report.groups[0].title.startswith(f"3 connections to {servers[0]}")


def test_log_lines_and_file_names_go() -> None:
    report = redact(samples.idle_drop(), Masks(KEY))
    log = report.incidents[0].log
    assert log is not None
    assert (log.path, log.text, log.code) == ("log.txt", "[hidden]", 10057)
    assert report.captures[0].path == report.incidents[0].capture == "capture.pcapng"
    assert report.captures[0].sha256 == samples.capture().sha256
    for text in (render_text(report), render_json(report)):
        assert "web01" not in text
        assert "app.log" not in text


def test_host_names_that_are_parties_go_everywhere() -> None:
    incident = replace(samples.idle_drop_incident(), server="db.corp.test:1433", title="Lost db.corp.test:1433")
    masks = Masks(KEY)
    clean = redact(replace(samples.idle_drop(), incidents=(incident,)), masks).incidents[0]
    assert clean.server == f"{masks.name('db.corp.test')}:1433"
    assert clean.title == f"Lost {clean.server}"
    assert "corp.test" not in str(clean)


def test_a_bare_name_that_is_a_word_is_masked_as_a_party_and_left_in_prose() -> None:
    incident = replace(samples.idle_drop_incident(), server="server:1433", title="The server closed", client=None)
    clean = redact(replace(samples.idle_drop(), incidents=(incident,)), Masks(KEY)).incidents[0]
    assert clean.title == "The server closed"
    assert clean.server != "server:1433"
    assert clean.client is None


def test_redacting_twice_with_the_same_key_is_the_same() -> None:
    assert redact(samples.idle_drop(), Masks(KEY)) == redact(samples.idle_drop(), Masks(KEY))
    assert redact(samples.idle_drop(), Masks()) != redact(samples.idle_drop(), Masks())
    assert redact(samples.nothing(), Masks(KEY)).incidents == ()


def test_a_secret_in_a_reports_words_is_found_and_code_of_a_remedy_is_not_one() -> None:
    assert report_secrets(samples.idle_drop()) == []
    told = replace(samples.idle_drop_incident(), summary="The URL was https://alice:hunter2@db.example/x")
    assert [one.kind for one in report_secrets(replace(samples.idle_drop(), incidents=(told,)))] == [
        "password in an address"
    ]
