from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.capture.model import Note, NoteKind
from analyzer.decode.notes import parse_arp, parse_dns, parse_ftp_endpoint, parse_icmp, parse_neighbour
from analyzer.endpoint import Endpoint
from tests.digesting import Packet
from tests.test_decode_tunnels import ip


def note(kind: NoteKind, payload: bytes, *, six: bool = False) -> Note:
    source, target = (bytes(15) + b"\1", bytes(15) + b"\2") if six else (b"\x0a\0\0\1", b"\x0a\0\0\2")
    return Note(kind, 1, 0, source, target, 21, 50000, 64, payload)


def test_icmp_quotes_a_segment() -> None:
    quoted = Packet("10.0.0.5", 50123, "10.9.0.7", 8080, seq=99).ethernet()[14:]
    error = parse_icmp(note(NoteKind.ICMP, bytes.fromhex("0304000000000578") + quoted[:28]))
    assert error is not None
    assert (error.type, error.code, error.version, error.protocol, error.seq, error.mtu) == (3, 4, 4, 6, 99, 1400)
    assert str(error.source) == "10.0.0.5:50123"
    assert str(error.destination) == "10.9.0.7:8080"


def test_icmpv6_quotes_a_segment_behind_extension_headers() -> None:
    tcp = Packet(seq=99).ethernet()[34:]
    quoted = ip(0, bytes.fromhex("0600010400000000") + tcp, 6)
    error = parse_icmp(note(NoteKind.ICMP, bytes.fromhex("0200000000000500") + quoted, six=True))
    assert error is not None
    assert (error.version, error.seq, error.mtu, error.source.port) == (6, 99, 1280, 50123)


def test_a_quote_without_ports() -> None:
    error = parse_icmp(note(NoteKind.ICMP, bytes.fromhex("0301000000000000") + ip(1, bytes(8))))
    assert error is not None
    assert (error.source.port, error.seq, error.mtu) == (0, None, None)
    assert parse_icmp(note(NoteKind.ICMP, bytes(20))) is None


def test_dns_answers() -> None:
    question = b"\x03WWW\x07Example\x03com\x00" + struct.pack("!HH", 1, 1)
    answer = b"\xc0\x0c" + struct.pack("!HHIH", 5, 1, 60, 2) + b"\xc0\x10"
    answer += b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + b"\x0a\0\0\x09"
    answer += b"\xc0\x0c" + struct.pack("!HHIH", 28, 1, 60, 16) + bytes(15) + b"\x09"
    message = parse_dns(note(NoteKind.DNS, struct.pack("!HHHHHH", 7, 0x8183, 1, 3, 0, 0) + question + answer))
    assert message is not None
    assert (message.id, message.is_response, message.rcode, message.name, message.qtype) == (7, True, 3, "www.example.com", 1)
    assert message.addresses == (b"\x0a\0\0\x09", bytes(15) + b"\x09")


def test_dns_without_an_end() -> None:
    for question in (b"\xc0\x0c\0\1\0\1", b"\x3fabc", b"\x03abc", b"\x80abc"):
        assert parse_dns(note(NoteKind.DNS, struct.pack("!HHHHHH", 7, 0, 1, 0, 0, 0) + question)) is None
    only = struct.pack("!HHHHHH", 0, 0x8400, 0, 1, 0, 0) + b"\x01a\x00" + struct.pack("!HHIH", 1, 1, 1, 4) + b"\1\2\3\4"
    message = parse_dns(note(NoteKind.DNS, only))
    assert message is not None
    assert (message.name, message.addresses) == ("a", (b"\1\2\3\4",))


def test_arp_and_neighbours() -> None:
    data = bytes.fromhex("0001 0800 06 04 0002 020000000001 0a000001 020000000009 0a000002")
    message = parse_arp(note(NoteKind.ARP, data))
    assert message is not None
    assert (message.operation, message.sender, message.target) == (2, b"\x0a\0\0\1", b"\x0a\0\0\2")
    assert parse_arp(note(NoteKind.ARP, data[:27])) is None
    advert = bytes.fromhex("88000000 60000000") + bytes(15) + b"\7" + bytes.fromhex("0201 020000000001")
    neighbour = parse_neighbour(note(NoteKind.NEIGHBOUR, advert, six=True))
    assert neighbour is not None
    assert (neighbour.is_advertisement, neighbour.target, neighbour.link) == (True, bytes(15) + b"\7", bytes.fromhex("020000000001"))
    assert parse_neighbour(note(NoteKind.NEIGHBOUR, advert[:20])) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"227 Entering Passive Mode (10,9,0,7,195,80).\r\n", "10.9.0.7:50000"), (b"229 Extended (|||50000|)\r\n", "10.0.0.1:50000"),
        (b"PORT 10,0,0,5,195,80\r\n", "10.0.0.5:50000"), (b"port 10,0,0,5,0,20", "10.0.0.5:20"),
        (b"EPRT |1|10.0.0.5|50000|\r\n", "10.0.0.5:50000"), (b"EPRT |2|2001:db8::1|50000|", "[2001:db8::1]:50000"),
        (b"227 (10,9,0,700,1,1)", None), (b"229 (|||0|)", None), (b"229 nothing", None), (b"EPRT |1|nowhere|5|", None), (b"421 busy", None),
    ],
)  # fmt: skip
def test_ftp_endpoints(line: bytes, expected: str | None) -> None:
    endpoint = parse_ftp_endpoint(note(NoteKind.FTP, line))
    assert (str(endpoint) if endpoint else None) == expected
    assert parse_ftp_endpoint(note(NoteKind.DNS, line)) is None
    assert endpoint is None or isinstance(endpoint, Endpoint)


@given(st.sampled_from(NoteKind), st.binary(max_size=120), st.booleans())
def test_nothing_raises(kind: NoteKind, payload: bytes, six: bool) -> None:
    for parse in (parse_arp, parse_dns, parse_ftp_endpoint, parse_icmp, parse_neighbour):
        parse(note(kind, payload, six=six))  # type: ignore[operator]
