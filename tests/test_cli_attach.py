"""``notconn attach``: what is sent from which file, what a dry run shows, and what is refused before anything is sent."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from analyzer.cli.main import main
from tests import ticket_servers as servers
from tests.cases import sample
from tests.conftest import Ran

Run = Callable[..., Ran]


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


@pytest.fixture
def report(notconn: Run, capture: Path, tmp_path: Path) -> Path:
    target = tmp_path / "report.json"
    assert notconn("analyze", capture, "-o", target).code == 0
    return target


def test_a_report_is_sent_and_the_steps_are_told_on_standard_error(
    notconn: Run, jira: servers.JiraServer, report: Path
) -> None:
    ran = notconn("attach", report, "--to", "jira:PROJ-12")
    assert ran.code == 0
    assert not ran.out
    assert all(line.startswith("notconn: ") for line in ran.err.splitlines())
    assert [name.rpartition(".")[2] for name, _ in jira.attachments.values()] == ["html"]
    assert "Who has to act" in str(jira.comments)


def test_a_dry_run_shows_the_comment_and_asks_no_server(
    notconn: Run, report: Path, jira: servers.JiraServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = notconn("attach", report, "--to", "jira:PROJ-12", "--dry-run")
    assert ran.code == 0
    assert not ran.err
    assert "PROJ-12, internally." in ran.out.splitlines()[0]
    assert "Who has to act" in ran.out
    public = notconn("attach", report, "--to", "jira:PROJ-12", "--dry-run", "--public")
    assert "PROJ-12, publicly." in public.out.splitlines()[0]
    monkeypatch.delenv("NOTCONN_JIRA_TOKEN")
    assert notconn("attach", report, "--to", "jira:PROJ-12", "--dry-run").out == ran.out
    assert jira.requests == []


def test_a_ticket_must_be_named(notconn: Run, report: Path) -> None:
    ran = notconn("attach", report)
    assert ran.code == 2
    assert "--to" in ran.sentence


def test_without_a_token_nothing_is_sent(
    notconn: Run, report: Path, jira: servers.JiraServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOTCONN_JIRA_TOKEN")
    ran = notconn("attach", report, "--to", "jira:PROJ-12")
    assert ran.code == 2
    assert "NOTCONN_JIRA_TOKEN" in ran.sentence
    assert jira.requests == []
