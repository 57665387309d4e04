from __future__ import annotations

from analyzer.redaction import words


def test_lists_hold_what_they_are_compared_with() -> None:
    assert all(word == word.lower() for word in words.WORDS | words.ORDINARY | words.TOP_LABELS | words.SERVICE_LABELS)
    assert all(word == word.upper() for word in words.COMMANDS)
    assert all(word == word.lower() for word in words.HEADERS)
    assert words.HEADER_VALUES <= words.HEADERS
    assert {"timeout", "idle", "inactivity", "fatal"} <= words.WORDS


def test_fields_that_carry_secrets_do_not_keep_their_values() -> None:
    assert not words.HEADER_VALUES & {b"authorization", b"cookie", b"set-cookie", b"proxy-authorization", b"host"}
