from __future__ import annotations

import pytest

from analyzer.errors import OutputError
from analyzer.redaction.secrets import Secret, find_secrets, refuse


@pytest.mark.parametrize(
    ("data", "ports"),
    [
        (b"PASS hunter2\r\n", {21}),
        (b"GET / HTTP/1.1\r\nAuthorization: Basic YTpi\r\n", {80}),
        (b"GET / HTTP/1.1\r\nauthorization: bearer abcd1234\r\n", {80}),
        (b"GET / HTTP/1.1\r\nCookie: session=77\r\n", {80}),
        (b"HTTP/1.1 200 OK\r\nSet-Cookie: session=77\r\n", {80}),
        (b"X-Api-Key: abc\r\n", {80}),
        (b"user=a&password=hunter2&x=1", {80}),
        (b'{"access_token": "abcd1234"}', {80}),
        (b"Server=db;Pwd=hunter2;", set()),
        (b"AUTH PLAIN AGEAYg==\r\n", {25}),
        (b"a1 LOGIN alice hunter2\r\n", {143}),
        (b"*2\r\n$4\r\nAUTH\r\n$7\r\nhunter2\r\n", {6379}),
        (b"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2ln", set()),
        (b"AKIAIOSFODNN7EXAMPLE", set()),
        (b"-----BEGIN RSA PRIVATE KEY-----", set()),
        (b"https://alice:hunter2@db.example/", set()),
        (b"\x01\x05alice\x07hunter2", {1080}),
        (b"p\0\0\0\x0chunter2\0", {5432}),
        (b"\x10\x01\x00\x20\0\0\0\0abcdefgh", {1433}),
        (b"\x30\x1e\x02\x01\x01\x60\x19\x02\x01\x03\x04\x08cn=alice\x80\x07hunter2", {389}),
    ],
)  # fmt: skip
def test_a_secret_is_found(data: bytes, ports: set[int]) -> None:
    assert find_secrets(data, 7, frozenset(ports))


@pytest.mark.parametrize(
    "data",
    [
        b"PASS anonymous\r\n", b"PASS guest@example.org\r\n", b"PASS xxxxxxx\r\n",
        b"331 Password required for alice\r\n",
        b"Authorization: Basic xxxx\r\n", b"Cookie: xx=00\r\n", b"401 token expired", b"The password was wrong.",
        b"frames 1-3: http://10.0.0.5:8080/", b"\0" * 64,
    ],
)  # fmt: skip
def test_what_is_no_secret_is_not_called_one(data: bytes) -> None:
    assert find_secrets(data) == []


def test_a_refusal_names_kind_and_frames_and_never_the_secret() -> None:
    refuse([], "x.pcapng", redacted=False)
    with pytest.raises(OutputError, match=r"x\.pcapng.*PASS.*frames 3, 9.*--redact.*--allow-secrets"):
        refuse([Secret("login (PASS)", 3), Secret("login (PASS)", 9)], "x.pcapng", redacted=False)
