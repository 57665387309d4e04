"""Against a real Request Tracker; skipped by name where Debian's packages are not installed."""

from __future__ import annotations

import base64
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
from tests.rt_instance import RequestTracker, request_tracker


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RequestTracker]:
    with request_tracker(tmp_path_factory.mktemp("rt")) as found:
        yield found


def ask(server: RequestTracker, path: str) -> Any:
    request = urllib.request.Request(f"{server.url}/REST/2.0/{path}", headers={"Authorization": f"token {server.agent}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def written(server: RequestTracker) -> list[tuple[str, str]]:
    """Kind and text of every comment and reply."""
    found = []
    for one in ask(server, f"ticket/{server.ticket}/history?fields=Type")["items"]:
        if one["Type"] in ("Comment", "Correspond"):
            held = ask(server, f"transaction/{one['id']}/attachments?fields=Content,ContentType")["items"]
            plain = [each["Content"] for each in held if each["ContentType"] == "text/plain" and each.get("Content")]
            found.append((one["Type"], plain[0]))
    return found


def files(server: RequestTracker) -> list[str]:
    items = ask(server, f"ticket/{server.ticket}/attachments?fields=Filename&per_page=100")["items"]
    return [one["Filename"] for one in items if one.get("Filename")]


def content_of(server: RequestTracker, name: str) -> bytes:
    items = ask(server, f"ticket/{server.ticket}/attachments?fields=Filename&per_page=100")["items"]
    (number,) = [one["id"] for one in items if one.get("Filename") == name]
    content: str = ask(server, f"attachment/{number}")["Content"]
    return content.encode() if content.startswith("<!doctype") else base64.b64decode(content)


def test_a_real_request_tracker_gets_one_comment_with_its_page_and_no_second_one(
    server: RequestTracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NOTCONN_RT_URL", server.url)
    monkeypatch.setenv("NOTCONN_RT_TOKEN", server.agent)
    report = tmp_path / "report.json"
    report.write_text(render(samples.idle_drop()), encoding="utf-8")
    send = ["attach", str(report), "--to", f"rt:{server.ticket}"]
    assert main(send) == 0
    ((kind, text),) = written(server)
    assert kind == "Comment"
    assert "firewall-idle-drop" in text
    (page,) = files(server)
    assert page.endswith(".html")
    assert b"<h1>A device between client and server forgot" in content_of(server, page)
    assert main(send) == 0
    assert "already" in capsys.readouterr().err
    other = replace(samples.idle_drop_incident(), cause="path-lost")
    report.write_text(render(replace(samples.idle_drop(), incidents=(other,))), encoding="utf-8")
    assert main(send) == 0
    assert "cannot be changed there" in capsys.readouterr().err
    assert len(written(server)) == 1


def test_a_real_request_tracker_refuses_in_sentences(
    server: RequestTracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NOTCONN_RT_URL", server.url)
    report = tmp_path / "report.json"
    report.write_text(render(samples.server_closed()), encoding="utf-8")
    before = len(written(server))
    for token, number, words in (
        (server.guest, server.ticket, "needs the right to comment"),
        ("1-2-" + "0" * 32, server.ticket, "401"),
        (server.agent, "4711", "404"),
    ):
        monkeypatch.setenv("NOTCONN_RT_TOKEN", token)
        assert main(["attach", str(report), "--to", f"rt:{number}"]) == 2
        assert words in capsys.readouterr().err
    assert len(written(server)) == before
