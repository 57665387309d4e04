"""Endpoints in words and in fields."""

from __future__ import annotations

import pytest

from analyzer.endpoint import Endpoint
from analyzer.logs.endpoints import Place, Places, address_of, endpoint_of, find_places, places_of_fields


def said(place: Place | None) -> str | None:
    if place is None:
        return None
    return str(place.endpoint) if place.endpoint else f"{place.host}:{place.port}"


@pytest.mark.parametrize(
    ("text", "remote", "local", "local_port"),
    [
        ("connected to 10.9.0.7:21", "10.9.0.7:21", None, None),
        ("connected to 10.9.0.7:21 from local port 50123", "10.9.0.7:21", None, 50123),
        ("client accepted on port 8081", None, None, 8081),
        ("connected to 10.9.0.7:21, starting TLS", "10.9.0.7:21", None, None),
        ("send failed: 10057 (10.9.0.7:21)", "10.9.0.7:21", None, None),
        ("peer=10.9.0.7:21", "10.9.0.7:21", None, None),
        ("BeginConnect 10.9.0.7:21", "10.9.0.7:21", None, None),
        ("recv from [2001:db8::7]:443 failed", "[2001:db8::7]:443", None, None),
        ("to [::ffff:10.9.0.7]:21", "10.9.0.7:21", None, None),
        ("write tcp 10.0.0.5:50123->10.9.0.7:21: wsasend:", "10.9.0.7:21", "10.0.0.5:50123", 50123),
        ("read tcp [::1]:50123->[::1]:21: wsarecv:", "[::1]:21", "[::1]:50123", 50123),
        ("[id: 0x1f, L:/10.0.0.5:50123 - R:ftp.example.com/10.9.0.7:21]", "10.9.0.7:21", "10.0.0.5:50123", 50123),
        ("laddr=('10.0.0.5', 50123), raddr=('10.9.0.7', 21)", "10.9.0.7:21", "10.0.0.5:50123", 50123),
        ("local=10.0.0.5:50123 remote=10.9.0.7:21", "10.9.0.7:21", "10.0.0.5:50123", 50123),
        ("src=10.0.0.5:50123 dst=10.9.0.7:21", "10.9.0.7:21", "10.0.0.5:50123", 50123),
        ("connect to 10.9.0.7:21 from 10.0.0.5:50123", "10.9.0.7:21", "10.0.0.5:50123", 50123),
        ("LocalEndPoint: 10.0.0.5:50123 RemoteEndPoint: 10.9.0.7:21", "10.9.0.7:21", "10.0.0.5:50123", 50123),
        ("send to 10.9.0.7 port 21", "10.9.0.7:21", None, None),
        ("10.9.0.7,1433", "10.9.0.7:1433", None, None),
        ("refused it 10.9.0.7:21", "10.9.0.7:21", None, None),
        ("files.corp.example:443 failed", "files.corp.example:443", None, None),
        ("localhost:8080 failed", "localhost:8080", None, None),
        ("connect to db01:1433", "db01:1433", None, None),
        ("Server=tcp:db01.corp.example,1433;Database=x", "db01.corp.example:1433", None, None),
        ("POST https://api.example.com/v1", "api.example.com:443", None, None),
        ("ftp://user@ftp.example.com:2121/x", "ftp.example.com:2121", None, None),
        ("resolving files.corp.example", "files.corp.example:None", None, None),
        ("ping host 10.9.0.7 lost", "10.9.0.7:None", None, None),
    ],
)
def test_words(text: str, remote: str, local: str | None, local_port: int | None) -> None:
    found = find_places(text)
    assert said(found.remote) == remote
    assert said(found.local) == local
    assert found.local_port == local_port


@pytest.mark.parametrize(
    "text",
    [
        "",
        "14:05:01 nothing",
        "at Client.cs:214",
        "   at Acme.Flush() in C:\\build\\Client.cs:line 214",
        "main.go:57: x",
        "net.rs:12:5",
        "order 4711:12",
        "ratio 3.5:1",
        "10.9.0.7:99999999",
        "worker 3 up",
    ],
)
def test_what_is_no_endpoint(text: str) -> None:
    found = find_places(text)
    assert found.remote is None or found.remote.port is None
    assert found.local_port is None


@pytest.mark.parametrize(
    ("fields", "remote", "local_port"),
    [
        ({"Endpoint": "10.9.0.7:21"}, "10.9.0.7:21", None),
        ({"Properties.Endpoint": "10.9.0.7:21"}, "10.9.0.7:21", None),
        ({"RemoteEndPoint": "[::ffff:10.9.0.7]:21", "LocalEndPoint": "10.0.0.5:50123"}, "10.9.0.7:21", 50123),
        ({"host": "10.9.0.7", "port": "21"}, "10.9.0.7:21", None),
        ({"address": "10.9.0.7", "port": "21", "hostname": "WIN-7Q2"}, "10.9.0.7:21", None),
        ({"peer": "ftp.example.com:21", "LocalPort": "50123"}, "ftp.example.com:21", 50123),
        ({"url": "https://api.example.com/x"}, "api.example.com:443", None),
        ({"hostname": "WIN-7Q2"}, None, None),
        ({"port": "10057", "pid": "3"}, None, None),
        ({"remote": "", "port": "x"}, None, None),
        ({"remote": "not an endpoint at all"}, None, None),
    ],
)
def test_fields(fields: dict[str, str], remote: str | None, local_port: int | None) -> None:
    found = places_of_fields(fields)
    assert said(found.remote) == remote
    assert found.local_port == local_port


def test_addresses() -> None:
    assert address_of("::ffff:10.9.0.7") == bytes([10, 9, 0, 7])
    assert address_of("host") is None
    assert endpoint_of("10.9.0.7:21") == Endpoint(bytes([10, 9, 0, 7]), 21)
    assert endpoint_of("10.9.0.7") is None
    assert endpoint_of("a b c") is None


def test_a_place_without_a_port_names_its_host() -> None:
    assert Place("x", "10.9.0.7", None).host_name == "10.9.0.7"
    assert Place("x", "10.9.0.7", 21).host_name is None
    assert Places().remote is None
