from __future__ import annotations

import pytest

from analyzer.errors import UsageError
from analyzer.tickets.credentials import Credentials, read_credentials


def test_the_environment_comes_before_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = pytest.importorskip("keyring")
    monkeypatch.setattr(keyring, "get_password", lambda service, name: f"{service} {name}".replace(" ", "-"))
    monkeypatch.delenv("NOTCONN_JIRA_TOKEN", raising=False)
    assert read_credentials("jira", "Jira").token == "notconn-jira"
    monkeypatch.setenv("NOTCONN_JIRA_TOKEN", " abc ")
    monkeypatch.setenv("NOTCONN_JIRA_USER", "me")
    found = read_credentials("jira", "Jira")
    assert (found.token, found.user) == ("abc", "me")


def test_without_one_it_says_where_to_put_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.tickets.credentials._from_keyring", lambda _: "")
    monkeypatch.delenv("NOTCONN_JIRA_TOKEN", raising=False)
    with pytest.raises(UsageError, match=r"set NOTCONN_JIRA_TOKEN.*keyring set notconn jira"):
        read_credentials("jira", "Jira")
    assert read_credentials("mailto", "e-mail", needed=False).token == ""


def test_a_token_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Credentials("s3cret", "me")
    assert "s3cret" not in repr(one)
    assert one.hide("you sent s3cret") == "you sent [token]"
    monkeypatch.setenv("NOTCONN_JIRA_TOKEN", "two\nlines")
    with pytest.raises(UsageError, match="copy it again") as caught:
        read_credentials("jira", "Jira")
    assert "lines" not in str(caught.value)


def test_a_keyring_that_is_locked_counts_as_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = pytest.importorskip("keyring")
    from keyring.errors import KeyringLocked

    def locked(*_: str) -> str:
        raise KeyringLocked("locked")

    monkeypatch.setattr(keyring, "get_password", locked)
    monkeypatch.delenv("NOTCONN_JIRA_TOKEN", raising=False)
    with pytest.raises(UsageError):
        read_credentials("jira", "Jira")
