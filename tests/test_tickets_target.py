from __future__ import annotations

import pytest

from analyzer.errors import UsageError
from analyzer.tickets.target import SYSTEMS, parse_target


@pytest.fixture(autouse=True)
def addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SYSTEMS:
        monkeypatch.delenv(f"NOTCONN_{name.upper()}_URL", raising=False)
    for name in ("JIRA", "SERVICENOW", "ZENDESK", "REDMINE", "RT"):
        monkeypatch.setenv(f"NOTCONN_{name}_URL", f"https://{name.lower()}.corp.example/base/")


@pytest.mark.parametrize(
    ("text", "ticket", "base"),
    [
        ("jira:PROJ-12", "PROJ-12", "https://jira.corp.example/base"),
        ("jira:proj-12", "PROJ-12", "https://jira.corp.example/base"),
        ("servicenow:INC0010023", "INC0010023", "https://servicenow.corp.example/base"),
        ("github:owner/repo.x#12", "owner/repo.x#12", "https://api.github.com"),
        ("gitlab:group/sub/project!7", "group/sub/project!7", "https://gitlab.com"),
        ("azure:org/My Project#12", "org/My Project#12", "https://dev.azure.com"),
        ("zendesk:35436", "35436", "https://zendesk.corp.example/base"),
        ("redmine:#123", "123", "https://redmine.corp.example/base"),
        ("rt:123", "123", "https://rt.corp.example/base"),
        ("mailto:a@b.example,c@d.example", "a@b.example,c@d.example", ""),
    ],
)
def test_each_form_is_read(text: str, ticket: str, base: str) -> None:
    target = parse_target(text)
    assert (target.ticket, target.base) == (ticket, base)


@pytest.mark.parametrize(
    "text",
    ["", "jira", "jira:", "jira:12", "trello:12", "github:owner#12", "github:../..#12", "gitlab:a/../b#1",
     "redmine:1/../2", "rt:1?x", "azure:o/..#1",
     "mailto:nobody", "mailto:a@b\nBcc: c@d", "servicenow:1", "zendesk:12/../13"],
)  # fmt: skip
def test_what_is_no_ticket_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(UsageError, match=r"--to .*(write one of|write it like)"):
        parse_target(text)


@pytest.mark.parametrize(
    "url",
    ["http://jira.corp.example", "ftp://x", "jira.corp.example", "https://", "https://u:p@x", "https://x/?a",
     "https://[x"],
)  # fmt: skip
def test_only_verified_https_is_spoken(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTCONN_JIRA_URL", url)
    with pytest.raises(UsageError, match="https://"):
        parse_target("jira:PROJ-12")


def test_this_machine_itself_may_be_spoken_to_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTCONN_JIRA_URL", "http://127.0.0.1:8080")
    assert parse_target("jira:PROJ-12").base == "http://127.0.0.1:8080"


def test_a_server_that_is_not_known_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTCONN_JIRA_URL")
    with pytest.raises(UsageError, match="set NOTCONN_JIRA_URL"):
        parse_target("jira:PROJ-12")
