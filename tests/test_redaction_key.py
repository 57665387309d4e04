from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.errors import UsageError
from analyzer.redaction.key import KEY_BYTES, random_key, read_key


def test_a_random_key_is_another_each_time() -> None:
    assert len({random_key() for _ in range(4)}) == 4
    assert len(random_key()) == KEY_BYTES


def test_a_passphrase_is_stretched_and_hexadecimal_digits_are_the_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TEST_KEY", "correct horse battery staple")
    place = tmp_path / "key"
    place.write_text("correct horse battery staple\n", encoding="utf-8")
    assert read_key("env:TEST_KEY") == read_key(f"file:{place}")
    assert len(read_key("env:TEST_KEY")) == KEY_BYTES
    place.write_text("ab" * 32, encoding="utf-8")
    assert read_key(f"file:{place}") == b"\xab" * 32


def test_the_keyring_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = pytest.importorskip("keyring")
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(keyring, "get_password", lambda name, user: asked.append((name, user)) or "a long passphrase")
    assert len(read_key("keyring:notconn")) == KEY_BYTES
    assert asked == [("notconn", "redact-key")]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("correct horse battery staple", "not the secret"),
        ("env:", "not the secret"),
        ("env:NOTCONN_NO_SUCH_VARIABLE", "no variable"),
        ("file:/no/such/file", "cannot be read"),
    ],
)
def test_what_is_no_place_is_refused_in_one_sentence(place: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        read_key(place)
    assert "battery" not in str(caught.value)


def test_a_short_secret_is_refused_without_being_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", "hunter2")
    with pytest.raises(UsageError, match="7 characters") as caught:
        read_key("env:TEST_KEY")
    assert "hunter2" not in str(caught.value)
