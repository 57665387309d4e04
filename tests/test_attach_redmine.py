"""Against a real Redmine; skipped by name where Debian's packages are not installed."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analyzer.cli.main import main
from analyzer.report.json import render
from tests import report_samples as samples
from tests.redmine_instance import Redmine, redmine


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redmine]:
    with redmine(tmp_path_factory.mktemp("redmine")) as found:
        yield found


def issue(server: Redmine) -> dict[str, Any]:
    place = f"{server.url}/issues/{server.issue}.json?include=journals,attachments"
    request = urllib.request.Request(place, headers={"X-Redmine-API-Key": server.agent})
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: dict[str, Any] = json.load(answer)["issue"]
        return found


def test_a_real_redmine_gets_one_private_note_that_is_updated_and_a_file_when_public(
    server: Redmine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NOTCONN_REDMINE_URL", server.url)
    monkeypatch.setenv("NOTCONN_REDMINE_TOKEN", server.agent)
    report = tmp_path / "report.json"
    report.write_text(render(samples.idle_drop()), encoding="utf-8")
    send = ["attach", str(report), "--to", f"redmine:{server.issue}"]
    assert main(send) == 0
    (note,) = issue(server)["journals"]
    assert note["private_notes"] is True
    assert "firewall-idle-drop" in note["notes"]
    assert issue(server)["attachments"] == []
    assert main(send) == 0
    assert "already" in capsys.readouterr().err
    other = replace(samples.idle_drop_incident(), cause="path-lost")
    report.write_text(render(replace(samples.idle_drop(), incidents=(other,))), encoding="utf-8")
    assert main(send) == 0
    (note,) = issue(server)["journals"]
    assert "path-lost" in note["notes"]
    assert note["private_notes"] is True
    assert main([*send, "--public"]) == 0
    (file,) = issue(server)["attachments"]
    assert file["content_type"] == "text/html"
    assert len([one for one in issue(server)["journals"] if one["notes"]]) == 1


def test_a_real_redmine_refuses_in_sentences(
    server: Redmine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NOTCONN_REDMINE_URL", server.url)
    report = tmp_path / "report.json"
    report.write_text(render(samples.server_closed()), encoding="utf-8")
    before = len(issue(server)["journals"])
    for token, number, words in (
        (server.guest, server.issue, "set notes as private"),
        ("0" * 40, server.issue, "401"),
        (server.agent, "4711", "404"),
    ):
        monkeypatch.setenv("NOTCONN_REDMINE_TOKEN", token)
        assert main(["attach", str(report), "--to", f"redmine:{number}"]) == 2
        assert words in capsys.readouterr().err
    assert len(issue(server)["journals"]) == before
