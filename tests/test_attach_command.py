from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from analyzer.cli.main import main
from tests import ticket_servers as servers
from tests.cases import sample


@pytest.fixture
def jira(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    with servers.running(servers.JiraServer(cloud=False)) as server:
        monkeypatch.setenv("NOTCONN_JIRA_URL", server.url)
        monkeypatch.setenv("NOTCONN_JIRA_TOKEN", servers.TOKEN)
        monkeypatch.delenv("NOTCONN_JIRA_USER", raising=False)
        yield server


def test_a_bundle_goes_along_with_its_page(jira: servers.JiraServer, tmp_path: Path) -> None:
    case = sample("server-aborts")
    target = tmp_path / "ticket.zip"
    assert main(["bundle", str(case.capture), "--redact", "-o", str(target)]) == 0
    for _ in range(2):
        assert main(["attach", str(target), "--to", "jira:PROJ-12"]) == 0
    names = sorted(name for name, _ in jira.attachments.values())
    assert len(names) == 2
    assert {name.rpartition(".")[2] for name in names} == {"html", "zip"}
    assert target.read_bytes() in [data for _, data in jira.attachments.values()]
    assert len(jira.comments) == 1


def test_what_is_no_report_is_refused(
    tmp_path: Path, jira: servers.JiraServer, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("x", "y")
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK\x03\x04 and no more")
    page = tmp_path / "report.html"
    page.write_text("<!doctype html>", encoding="utf-8")
    for path in (other, broken, page, tmp_path / "none.json", tmp_path):
        assert main(["attach", str(path), "--to", "jira:PROJ-12"]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert jira.requests == []
