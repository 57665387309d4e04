"""Every system over HTTP, from the command line on: written once, updated, internal, patient, and nothing half done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analyzer.cli.main import main
from analyzer.report.json import render
from analyzer.report.note import mark
from tests import report_samples as samples
from tests import ticket_servers as servers
from tests.ticket_servers import TOKEN, Fault, Server

MARK = mark(samples.idle_drop())
TARGETS: dict[str, tuple[str, Any]] = {
    "jira-cloud": ("jira:PROJ-12", lambda: servers.JiraServer(cloud=True)),
    "jira-data-center": ("jira:PROJ-12", lambda: servers.JiraServer(cloud=False)),
    "servicenow": ("servicenow:INC0010023", servers.ServiceNowServer),
    "github": ("github:owner/repo#12", servers.GitHubServer),
    "gitlab": ("gitlab:group/sub/project#12", servers.GitLabServer),
    "azure": ("azure:org/My Project#12", servers.AzureServer),
    "zendesk": ("zendesk:35436", servers.ZendeskServer),
    "redmine": ("redmine:123", servers.RedmineServer),
    "rt": ("rt:123", servers.RtServer),
}
UPDATES = {"jira-cloud", "jira-data-center", "github", "gitlab", "azure", "redmine"}
WRITING = {
    "jira-cloud": ("POST", "/comment"), "jira-data-center": ("POST", "/comment"),
    "servicenow": ("PATCH", "/table/incident/"), "github": ("POST", "/comments"), "gitlab": ("POST", "/notes"),
    "azure": ("PATCH", "/workitems/12"), "zendesk": ("PUT", "/tickets/35436"), "redmine": ("PUT", "/issues/123"),
    "rt": ("POST", "/comment"),
}  # fmt: skip
UPLOADING = {
    "jira-cloud": ("POST", "/attachments"), "jira-data-center": ("POST", "/attachments"),
    "servicenow": ("POST", "/attachment/file"), "gitlab": ("POST", "/uploads"), "azure": ("POST", "/attachments"),
    "zendesk": ("POST", "/uploads"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses are counted and not waited for; the keyring of this machine is not asked."""
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    monkeypatch.setattr("analyzer.tickets.credentials._from_keyring", lambda _: "")
    return waited


@pytest.fixture(params=list(TARGETS))
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Server]]:
    """Each system, running, with its token in the environment."""
    target, make = TARGETS[request.param]
    with servers.running(make()) as server:
        name = target.partition(":")[0].upper()
        monkeypatch.setenv(f"NOTCONN_{name}_URL", server.url)
        monkeypatch.setenv(f"NOTCONN_{name}_TOKEN", TOKEN)
        monkeypatch.delenv(f"NOTCONN_{name}_USER", raising=False)
        if request.param in ("jira-cloud", "zendesk"):
            monkeypatch.setenv(f"NOTCONN_{name}_USER", "me@corp.example")
        yield request.param, server


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.json"
    path.write_text(render(samples.idle_drop()), encoding="utf-8")
    return path


def attach(name: str, report: Path, *more: str) -> int:
    return main(["attach", str(report), "--to", TARGETS[name][0], *more])


def everything(server: Server) -> str:
    """All that was written to a server."""
    return "\n".join(one.body.decode("utf-8", "replace") for one in server.writes())


def written(name: str, server: Any) -> list[str]:
    """The comments a system holds, as text."""
    match name:
        case "jira-cloud" | "jira-data-center":
            return [json.dumps(one["body"]) for one in server.comments]
        case "servicenow":
            return [one for one in server.journal.values() if one]
        case "zendesk":
            return [one["html_body"] for one in server.comments]
        case "redmine":
            return [one["notes"] for one in server.journals]
        case "gitlab":
            return [one["body"] for one in server.notes]
        case "azure":
            return [one["text"] for one in server.comments]
        case "rt":
            return [one["Content"] for one in server.comments]
        case _:
            return [one["body"] for one in server.comments]


def files(server: Any) -> int:
    """How many files people see there, or hold on it for nothing."""
    return len(getattr(server, "attachments", getattr(server, "uploads", ())))


def test_the_report_is_written_once_with_verdict_mark_and_page(
    system: tuple[str, Server], report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, server = system
    assert attach(name, report) == 0
    (text,) = written(name, server)
    assert "firewall-idle-drop" in text
    assert MARK in text
    assert "internally" in capsys.readouterr().err
    if name not in ("github", "redmine"):
        assert "<!doctype html>" in everything(server).lower() or name == "rt"
    before = len(server.writes())
    assert attach(name, report) == 0
    assert "already" in capsys.readouterr().err
    assert len(server.writes()) == before


def test_another_verdict_on_the_same_capture_updates_or_says_that_it_cannot(
    system: tuple[str, Server], report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, server = system
    assert attach(name, report) == 0
    other = replace(samples.idle_drop_incident(), cause="path-lost")
    report.write_text(render(replace(samples.idle_drop(), incidents=(other,))), encoding="utf-8")
    capsys.readouterr()
    assert attach(name, report) == 0
    assert len(written(name, server)) == 1
    if name in UPDATES:
        assert "path-lost" in written(name, server)[0]
        assert "updated" in capsys.readouterr().err
        if name in ("jira-cloud", "jira-data-center", "gitlab"):
            assert files(server) == 1
    else:
        assert "path-lost" not in written(name, server)[0]
        assert "cannot be changed" in capsys.readouterr().err


def test_notes_are_internal_unless_asked(system: tuple[str, Server], report: Path) -> None:
    name, server = system
    for public in (False, True):
        server.__init__(**({"cloud": name == "jira-cloud"} if name.startswith("jira") else {}))  # type: ignore[misc]
        server.url = server.url or ""
        assert attach(name, report, *(["--public"] if public else [])) == 0
        match name:
            case "jira-cloud" | "jira-data-center":
                (comment,) = server.comments  # type: ignore[attr-defined]
                assert ("properties" in comment) is not public
            case "servicenow":
                assert bool(server.journal["comments"]) is public  # type: ignore[attr-defined]
                assert bool(server.journal["work_notes"]) is not public  # type: ignore[attr-defined]
            case "gitlab":
                assert server.notes[0]["internal"] is not public  # type: ignore[attr-defined]
            case "zendesk":
                assert server.comments[0]["public"] is public  # type: ignore[attr-defined]
            case "redmine":
                assert server.journals[0]["private_notes"] is not public  # type: ignore[attr-defined]
                assert files(server) == int(public)
            case "rt":
                kind = server.comments[0]["kind"]  # type: ignore[attr-defined]
                assert kind == ("correspond" if public else "comment")


def test_a_wrong_token_is_a_sentence_that_does_not_repeat_it(
    system: tuple[str, Server], report: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name, server = system
    variable = f"NOTCONN_{TARGETS[name][0].partition(':')[0].upper()}_TOKEN"
    monkeypatch.setenv(variable, "wrong-token-4711")
    assert attach(name, report) == 2
    said = capsys.readouterr().err
    assert "401" in said
    assert variable in said
    assert "wrong-token-4711" not in said
    assert server.writes() == []


def test_a_busy_server_is_waited_for_as_long_as_it_says(
    system: tuple[str, Server], report: Path, at_once: list[float]
) -> None:
    name, server = system
    method, path = WRITING[name]
    server.faults.append(Fault(method, path, 429, 2, {"Retry-After": "7"}))
    assert attach(name, report) == 0
    assert at_once.count(7.0) == 2
    assert len(written(name, server)) == 1


def test_a_pause_that_is_too_long_is_told(
    system: tuple[str, Server], report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, server = system
    method, path = WRITING[name]
    server.faults.append(Fault(method, path, 429, 9, {"Retry-After": "3600"}))
    assert attach(name, report) == 2
    assert "3600 s" in capsys.readouterr().err
    assert written(name, server) == []


def test_an_answer_that_was_lost_does_not_make_a_second_comment(system: tuple[str, Server], report: Path) -> None:
    name, server = system
    method, path = WRITING[name]
    server.faults.append(Fault(method, path, 502, 1, done_first=True))
    assert attach(name, report) == 0
    assert len(written(name, server)) == 1


def test_a_failure_in_the_middle_is_repeated(system: tuple[str, Server], report: Path) -> None:
    name, server = system
    method, path = WRITING[name]
    server.faults.append(Fault(method, path, 500, 1))
    if name in UPLOADING:
        server.faults.append(Fault(*UPLOADING[name], 503, 1))
    server.faults.append(Fault("GET", "/", 504, 1))
    assert attach(name, report) == 0
    assert len(written(name, server)) == 1


def test_when_the_comment_fails_for_good_the_file_is_taken_back(
    system: tuple[str, Server], report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, server = system
    method, path = WRITING[name]
    server.faults.append(Fault(method, path, 403, 1, body={"message": "read only"}))
    assert attach(name, report) == 2
    said = capsys.readouterr().err
    assert "403" in said
    assert "writing the" in said
    assert written(name, server) == []
    assert files(server) == 0
    assert "taken back" in said or "nothing was changed" in said
    # Nothing is left that would keep the next run from doing it right.
    assert attach(name, report) == 0
    assert len(written(name, server)) == 1


def test_a_file_that_is_refused_ends_it_before_the_comment(
    system: tuple[str, Server], report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, server = system
    if name not in UPLOADING:
        pytest.skip("it takes no file, or takes it with the comment")
    server.faults.append(Fault(*UPLOADING[name], 413, 1))
    assert attach(name, report) == 2
    assert "larger than the server takes" in capsys.readouterr().err
    assert written(name, server) == []


def test_a_ticket_that_is_not_there_is_told_before_anything_is_sent(
    system: tuple[str, Server], report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, server = system
    target = TARGETS[name][0]
    other = target[:-1] + ("9" if name != "rt" else "4")
    assert main(["attach", str(report), "--to", other]) == 2
    assert "no such" in capsys.readouterr().err
    assert server.writes() == []


def test_a_dry_run_asks_nobody_and_needs_no_token(
    system: tuple[str, Server], report: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name, server = system
    monkeypatch.delenv(f"NOTCONN_{TARGETS[name][0].partition(':')[0].upper()}_TOKEN")
    assert attach(name, report, "--dry-run") == 0
    out = capsys.readouterr().out
    assert "firewall-idle-drop" in out
    assert MARK in out
    assert server.requests == []
    assert attach(name, report) == 2
    assert "there is no token" in capsys.readouterr().err


def test_the_token_is_only_in_its_header(system: tuple[str, Server], report: Path) -> None:
    name, server = system
    assert attach(name, report) == 0
    for one in server.requests:
        assert TOKEN not in one.path + str(one.query) + one.body.decode("utf-8", "replace")


def test_jira_is_asked_for_its_limit_and_spared_a_larger_file(
    report: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = servers.JiraServer(cloud=False)
    server.limit = 1000
    with servers.running(server):
        monkeypatch.setenv("NOTCONN_JIRA_URL", server.url)
        monkeypatch.setenv("NOTCONN_JIRA_TOKEN", TOKEN)
        monkeypatch.delenv("NOTCONN_JIRA_USER", raising=False)
        assert attach("jira-data-center", report) == 0
    assert "1,000 bytes" in capsys.readouterr().err
    assert server.attachments == {}
    assert len(server.comments) == 1


@pytest.mark.parametrize(("name", "change"), [("github", {"private": False}), ("azure", {"visibility": "public"})])
def test_a_public_place_is_only_written_to_when_that_is_meant(
    name: str, change: dict[str, Any], report: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = TARGETS[name][1]()
    for key, value in change.items():
        setattr(server, key, value)
    with servers.running(server):
        monkeypatch.setenv(f"NOTCONN_{name.upper()}_URL", server.url)
        monkeypatch.setenv(f"NOTCONN_{name.upper()}_TOKEN", TOKEN)
        assert attach(name, report) == 2
        assert "--public" in capsys.readouterr().err
        assert server.writes() == []
        assert attach(name, report, "--public") == 0


def test_redmine_without_the_right_to_private_notes_is_not_written_to(
    report: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = servers.RedmineServer()
    server.permissions = ["add_issue_notes"]
    with servers.running(server):
        monkeypatch.setenv("NOTCONN_REDMINE_URL", server.url)
        monkeypatch.setenv("NOTCONN_REDMINE_TOKEN", TOKEN)
        assert attach("redmine", report) == 2
    assert "set notes as private" in capsys.readouterr().err
    assert server.journals == []


def test_an_older_comment_is_found_on_a_later_page(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = servers.GitHubServer()
    with servers.running(server):
        monkeypatch.setenv("NOTCONN_GITHUB_URL", server.url)
        monkeypatch.setenv("NOTCONN_GITHUB_TOKEN", TOKEN)
        server.comments += [{"id": n, "body": "other"} for n in range(150)]
        assert attach("github", report) == 0
        assert attach("github", report) == 0
    assert len(server.comments) == 151


@pytest.mark.parametrize("body", [[], {}, {"items": 1, "issue": 2, "ticket": 3, "result": 4, "comments": 5}, "text", None])
def test_an_answer_in_no_known_form_is_a_sentence(
    system: tuple[str, Server], report: Path, capsys: pytest.CaptureFixture[str], body: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, server = system
    monkeypatch.setattr(server, "handle", lambda _: (200, body))
    code = attach(name, report)
    told = capsys.readouterr().err
    assert code in (0, 2)
    assert told.count("\n") == 1, told
