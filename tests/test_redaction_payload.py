from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.capture.model import Note, NoteKind
from analyzer.decode.notes import parse_ftp_endpoint
from analyzer.redaction.masks import Masks
from analyzer.redaction.payload import clean_payload, clean_refusal
from analyzer.redaction.secrets import find_secrets

KEY = bytes(range(32))


def clean(data: bytes, source: int = 50000, target: int = 80) -> bytes:
    return clean_payload(data, source, target, Masks(KEY))


@pytest.mark.parametrize(
    ("before", "after", "port"),
    [
        (b"421 Timeout (60 seconds): closing alice's session.\r\n",
         b"421 Timeout (60 seconds): closing xxxxx'x session.\r\n", 21),
        (b"USER alice\r\n", b"USER xxxxx\r\n", 21),
        (b"PASS password\r\n", b"PASS xxxxxxxx\r\n", 21),
        (b"220 ftp7.corp.example ready\r\n", b"220 xxx0.xxxx.xxxxxxx ready\r\n", 21),
        (b"GET /private/alice?x=1 HTTP/1.1\r\n", b"GET /xxxxxxx/xxxxx?x=0 HTTP/1.1\r\n", 80),
        (b"HTTP/1.1 503 Service Unavailable\r\nSet-Cookie: id=77\r\nConnection: close\r\n\r\nbody",
         b"HTTP/1.1 503 Service Unavailable\r\nSet-Cookie: xx=00\r\nConnection: close\r\n\r\n\0\0\0\0", 80),
        (b"-ERR wrong password for bob\r\n", b"-ERR wrong password for xxx\r\n", 110),
        (b"\x05\x01\x00", b"\x05\x01\x00", 1080),
        (b"\x01\x05alice\x06secret", bytes(14), 1080),
        (b"anything else", bytes(13), 4711),
    ],
)  # fmt: skip
def test_what_stays_of_a_segment(before: bytes, after: bytes, port: int) -> None:
    assert clean(before, target=port) == after


def test_the_host_of_a_request_is_the_masks_name() -> None:
    masks = Masks(KEY)
    made = clean_payload(b"GET / HTTP/1.1\r\nHost: files.corp.example:8080\r\n\r\n", 50000, 8080, masks)
    assert f"Host: {masks.name('files.corp.example')}:8080\r\n".encode() in made
    tunnel = clean_payload(b"CONNECT files.corp.example:443 HTTP/1.1\r\n\r\n", 50000, 3128, masks)
    assert tunnel.startswith(f"CONNECT {masks.name('files.corp.example')}:443 HTTP/1.1".encode())


def test_databases_keep_their_refusals_and_lose_their_logins() -> None:
    startup = b"\0\0\0\x16\0\x03\0\0user\0alice\0\0"[:22]
    startup = len(startup).to_bytes(4, "big") + startup[4:]
    assert clean(startup, target=5432) == startup[:8] + bytes(len(startup) - 8)
    fatal = b'E\0\0\0\x40SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user "alice"\0\0'
    made = clean(fatal, 5432, 50000)
    assert b'SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user "xxxxx"' in made
    error = b"\xff\x15\x04#28000Access denied for user 'alice'@'10.0.0.5'"
    packet = len(error).to_bytes(3, "little") + b"\0" + error
    made = clean(packet, 3306, 50000)
    assert made[:13] == packet[:13]
    assert b"alice" not in made
    assert b"10.0.0.5" not in made
    login = b"\x10\x01" + (40).to_bytes(2, "big") + bytes(4) + b"p\0a\0s\0s\0" * 4
    assert clean(login, target=1433) == login[:8] + bytes(len(login) - 8)


LINES = [
    "PORT 10,0,0,5,19,136", "PORT 192,168,100,200,19,136", "227 Entering Passive Mode (10,0,0,5,19,136).",
    "EPRT |1|10.0.0.5|5000|", "EPRT |2|2001:db8::5|5000|", "229 Entering Extended Passive Mode (|||5000|)",
]  # fmt: skip


@pytest.mark.parametrize("line", LINES)
@given(key=st.binary(min_size=32, max_size=32))
def test_an_announced_ftp_endpoint_follows_its_host_whatever_the_length(line: str, key: bytes) -> None:
    masks = Masks(key)
    before = line.encode() + b"\r\n"

    def endpoint(data: bytes, sender: bytes):  # type: ignore[no-untyped-def]
        return parse_ftp_endpoint(Note(NoteKind.FTP, 1, 0, sender, bytes(4), 21, 50000, 64, data))

    probe = endpoint(before, bytes(4))
    sender = probe.packed if any(probe.packed) else bytes((10, 0, 0, 5))
    expected = endpoint(before, sender)
    after = clean_payload(before, 21, 50000, masks)
    assert len(after) == len(before)
    made = endpoint(after, masks.address(sender))
    assert (made.packed, made.port) == (masks.address(expected.packed), expected.port)


def test_a_refusal_of_a_report_is_cleaned_like_the_packet() -> None:
    told = "530 User alice cannot log in, home /srv/alice"
    assert clean_refusal(told) == "530 User xxxxx cannot log in, xxxx /xxx/xxxxx"
    assert "alice" not in clean_refusal("530 User alice cannot log in")
    assert clean_refusal("HTTP/1.1 407 Proxy Authentication Required").startswith("HTTP/1.1 407 Proxy")


@given(st.binary(max_size=200), st.sampled_from([21, 25, 80, 443, 1080, 1433, 3306, 5432, 6379, 9999]))
def test_any_segment_keeps_its_length_and_holds_no_secret(data: bytes, port: int) -> None:
    assert len(clean(data, target=port)) == len(data)
    for secret in (b"PASS hunter2\r\n", b"GET / HTTP/1.1\r\nAuthorization: Basic aHVudGVyMg==\r\nCookie: a=b\r\n\r\n"):
        made = clean(secret + data, target=port)
        assert find_secrets(made) == []
