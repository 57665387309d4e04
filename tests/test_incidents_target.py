"""What a person asks about, and the connections it means."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.around.surroundings import Surroundings
from analyzer.capture.file import read_capture
from analyzer.endpoint import parse_address
from analyzer.errors import UsageError
from analyzer.incidents.target import Target, flows_of, parse_target
from tests.conftest import Ran
from tests.wire import Captured, Conversation, dns, write_pcap

Run = Callable[..., Ran]
V4, V6 = parse_address("10.9.0.7"), parse_address("2001:db8::7")


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("10.9.0.7:21", Target(V4, None, 21)),
        (" 10.9.0.7:21 ", Target(V4, None, 21)),
        ("10.9.0.7", Target(V4, None, None)),
        ("10.9.0.7,1433", Target(V4, None, 1433)),
        ("10.9.0.7 21", Target(V4, None, 21)),
        ("10.9.0.7.21", Target(V4, None, 21)),
        ("10.9.0.7:ftp", Target(V4, None, 21)),
        ("tcp:10.9.0.7,1433", Target(V4, None, 1433)),
        ("[2001:db8::7]:443", Target(V6, None, 443)),
        ("[2001:db8::7]", Target(V6, None, None)),
        ("2001:db8::7", Target(V6, None, None)),
        ("2001:db8:0:0:0:0:0:7:443", Target(V6, None, 443)),
        ("fe80::1%eth0", Target(parse_address("fe80::1"), None, None)),
        ("[fe80::1%12]:80", Target(parse_address("fe80::1"), None, 80)),
        ("21", Target(None, None, 21)),
        (":21", Target(None, None, 21)),
        ("*:21", Target(None, None, 21)),
        ("db.example:5432", Target(None, "db.example", 5432)),
        ("DB.Example.", Target(None, "db.example", None)),
        ("sql01,1433", Target(None, "sql01", 1433)),
        ("sql01", Target(None, "sql01", None)),
        ("bücher.example:80", Target(None, "xn--bcher-kva.example", 80)),
        ("https://user@shop.example/basket?id=7", Target(None, "shop.example", 443)),
        ("ftp://10.9.0.7/", Target(V4, None, 21)),
        ("http://[2001:db8::7]:8080/x", Target(V6, None, 8080)),
    ],
)
def test_an_endpoint_is_read_in_every_shape(text: str, target: Target) -> None:
    assert parse_target(text) == target


def test_an_address_that_may_end_in_a_port_is_asked_back() -> None:
    with pytest.raises(ValueError, match=r"write \[2001:db8::7\]:443 or \[2001:db8::7:443\]"):
        parse_target("2001:db8::7:443")


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "10.9.0.7:",
        "10.9.0.7:0",
        "10.9.0.7:65536",
        "10.9.0.7:٢١",
        "10.9.0.256",
        "a b c",
        "-x",
        "1.2.3",
        "[::1",
        "x..y",
    ],
)
def test_what_is_no_endpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no endpoint; write ADDRESS:PORT"):
        parse_target(text)


@given(st.text(max_size=30) | st.from_regex(r"[0-9a-f:.\[\]%,@/ -]{0,30}", fullmatch=True))
def test_any_text_is_a_target_or_refused(text: str) -> None:
    try:
        target = parse_target(text)
    except ValueError:
        return
    assert target.packed or target.name or target.port


def client_hello(name: str) -> bytes:
    """The first flight of a real TLS client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def talk(words: bytes, server: str, port: int = 50001) -> list[Captured]:
    conv = Conversation(client=f"10.0.0.5:{port}", server=server)
    conv.handshake()
    conv.client(words)
    conv.server(b"answer")
    conv.server_rst(after="30s")
    return conv.packets


@pytest.fixture
def busy(tmp_path: Path) -> Path:
    packets: list[Captured] = [
        *dns("db.corp.example", answer="10.9.0.7"),
        *dns("gone.corp.example", rcode=3),
        *talk(b"hi", "10.9.0.7:5432", 50000),
        *talk(client_hello("shop.example"), "10.9.0.8:443", 50001),
        *talk(b"GET / HTTP/1.1\r\nAccept: */*\r\nHost: Www.Example:8080\r\n\r\n", "10.9.0.9:8080", 50002),
        *talk(b"CONNECT far.example:443 HTTP/1.1\r\n\r\n", "10.9.0.10:3128", 50003),
        *talk(client_hello("myshop.example"), "10.9.0.11:443", 50004),
    ]
    return write_pcap(tmp_path / "busy.pcap", packets)


def found(path: Path, text: str) -> Sequence[str]:
    around = Surroundings(read_capture(str(path)))
    (rows,) = flows_of(parse_target(text), [around])
    return [str(around.rows[index].responder) for index in rows]


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("db.corp.example", ["10.9.0.7:5432"]),
        ("db:5432", ["10.9.0.7:5432"]),
        ("db.corp.example:1", []),
        ("gone.corp.example", []),
        ("shop.example", ["10.9.0.8:443"]),
        ("https://SHOP.example/", ["10.9.0.8:443"]),
        ("www.example", ["10.9.0.9:8080"]),
        ("far.example", ["10.9.0.10:3128"]),
        ("10.9.0.7", ["10.9.0.7:5432"]),
        ("10.0.0.5:50002", ["10.9.0.9:8080"]),
        ("5432", ["10.9.0.7:5432"]),
        ("10.9.0.99:1", []),
    ],
)
def test_connections_are_found(busy: Path, text: str, servers: list[str]) -> None:
    assert found(busy, text) == servers


def test_a_port_of_several_hosts_is_asked_back(busy: Path) -> None:
    with pytest.raises(UsageError, match=r"port of 2 hosts; name one: 10\.9\.0\.8:443, 10\.9\.0\.11:443"):
        found(busy, "443")


def test_an_unknown_name_is_refused_with_the_nearest(busy: Path) -> None:
    with pytest.raises(UsageError, match=r"did you mean db\.corp\.example\?"):
        found(busy, "bd.corp.example")
    with pytest.raises(UsageError, match="give its address"):
        found(busy, "printer")


def test_a_name_may_be_known_to_one_capture_of_several(busy: Path, capture: Path) -> None:
    every = [Surroundings(read_capture(str(path))) for path in (capture, busy)]
    assert flows_of(parse_target("db.corp.example"), every) == [[], [0]]


def test_no_name_server_is_asked(busy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise AssertionError("a live lookup")

    monkeypatch.setattr("socket.getaddrinfo", refuse)
    monkeypatch.setattr("socket.gethostbyname", refuse)
    assert found(busy, "shop.example") == ["10.9.0.8:443"]


@pytest.mark.parametrize("text", ["db.corp.example:5432", "shop.example", "5432"])
def test_the_command_line_answers_for_names_and_ports(notconn: Run, busy: Path, text: str, tmp_path: Path) -> None:
    ran = notconn("analyze", busy, "--endpoint", text, "--format", "csv")
    assert ran.code == 0
    assert len(ran.out.splitlines()) == 2
    assert "10.9.0.7:5432" in ran.out or "10.9.0.8:443" in ran.out
    assert notconn("slice", busy, "--endpoint", text, "--redact", "-o", tmp_path / "x.pcapng").code == 0


def test_a_name_that_did_not_resolve_is_the_cause(notconn: Run, busy: Path) -> None:
    ran = notconn("analyze", busy, "--endpoint", "gone.corp.example", "--format", "csv")
    assert "name-resolution-failed,medium" in ran.out
