from __future__ import annotations

import struct

import pytest

from analyzer.decode import columns as col
from analyzer.decode.reasons import name_counts
from tests.digesting import Decoded, Packet

LLC = bytes.fromhex("aaaa030000000800")
INNER4 = Packet(payload=b"hello", seq=77).ethernet()
INNER6 = Packet("2001:db8::1", 1, "2001:db8::2", 2, seq=77).ethernet()


def ip(protocol: int, body: bytes, version: int = 4) -> bytes:
    if version == 4:
        return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 1, 0, 64, protocol, 0, b"\x0a\1\1\1", b"\x0a\1\1\2") + body
    return struct.pack("!IHBB", 6 << 28, len(body), protocol, 64) + bytes(15) + b"\1" + bytes(15) + b"\2" + body


def udp(port: int, body: bytes, *, sport: int = 40000) -> bytes:
    return ip(17, struct.pack("!HHHH", sport, port, 8 + len(body), 0) + body)


def h(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.mark.parametrize(
    "packet",
    [
        udp(4789, h("0800000000000500") + INNER4), udp(40000, h("0800000000000500") + INNER6, sport=4789),
        udp(6081, h("0000655800000300") + INNER4), udp(6081, h("0200655800000300 0000000000000000") + INNER4),
        udp(6081, h("0000080000000300") + INNER4[14:]), udp(2152, h("30ff002d00000001") + INNER4[14:]),
        udp(2152, h("32ff003100000001 00010000") + INNER4[14:]), udp(2152, h("34ff003500000001 00000085 01000000") + INNER4[14:]),
        udp(3544, INNER6[14:]), udp(3544, h("0000 1234 12345678") + INNER6[14:]),
        udp(3544, h("0001 0000 0000000000000000 00") + INNER6[14:]), udp(1701, h("0002 0001 0002 ff03 0021") + INNER4[14:]),
        udp(1701, h("4802 0040 0001 0002 00000000 0021") + INNER4[14:]), udp(1701, h("0202 0001 0002 0002 0000 0021") + INNER4[14:]),
        ip(4, INNER4[14:]), ip(41, INNER6[14:]), ip(4, INNER4[14:], 6), ip(41, INNER6[14:], 6), ip(137, h("00064101") + INNER4[14:]),
        ip(97, h("3000") + INNER4), ip(47, h("0000 0800") + INNER4[14:]), ip(47, h("b000 86dd 0000 0000 00000001 00000002") + INNER6[14:]),
        ip(47, h("0000 6558") + INNER4), ip(47, h("1000 88be 00000001 1000000000000000") + INNER4), ip(47, h("0000 88be") + INNER4),
        ip(47, h("1000 22eb 00000001 200000000000000000000000") + INNER4), ip(47, h("3081 880b 00300001 00000001 00000002 ff03 0021") + INNER4[14:]),
        ip(47, h("0000 883e 00000000") + INNER4[14:]), ip(47, h("0000 8847 00064101") + INNER4[14:]),
        udp(4790, h("0c000001 00000500") + INNER4[14:]), udp(4790, h("0c000002 00000500") + INNER6[14:]), udp(4790, h("0c000003 00000500") + INNER4),
        udp(4790, h("0c000004 00000500 0fc20201 00000101") + INNER4[14:]), udp(4790, h("0c000005 00000500 00005140") + INNER4[14:]),
        udp(6635, h("00005140") + INNER4[14:]), udp(4754, h("0000 0800") + INNER4[14:]), udp(4341, h("80000000 00000000") + INNER6[14:]),
        udp(5072, h("44521129 00000000") + bytes(36) + INNER6[14:]), udp(37008, h("0101 0001 01") + INNER4),
        udp(37008, h("0100 0001 00 0a01ff 2902 0000 01") + INNER4), udp(37008, h("0100 0012 01 0801 0000") + bytes(20) + LLC + INNER4[14:]),
        udp(5247, h("00104000 00000000") + INNER4), udp(5247, h("00204300 00000000 0000000000000000 0108 0000") + bytes(20) + LLC + INNER4[14:]),
        udp(12222, h("0000 0040 0000 0801 0000") + bytes(20) + LLC + INNER4[14:]), udp(2152, h("30ff003b00000001") + INNER4),
        udp(3386, h("1eff002d 0000 0001 ffffffff") + bytes(8) + INNER4[14:]), udp(2123, h("30ff002d00000001") + INNER4[14:]),
        ip(143, INNER4), ip(143, INNER4, 6), ip(4, INNER6[14:]),
        ip(51, h("04 04 0000 00000001 00000001" + "00" * 12) + INNER4[14:]), ip(4, ip(4, ip(4, INNER4[14:]))),
    ],
)  # fmt: skip
def test_the_innermost_header_counts(packet: bytes) -> None:
    decoded = Decoded([packet], link=101)
    assert len(decoded.rows) == 1, name_counts(decoded.counts)
    assert decoded.rows[0][col.ROW_SEQACK] & 0xFFFFFFFF == 77
    assert decoded.counts[col.STOP_TCP] == 1


@pytest.mark.parametrize(
    "packet",
    [
        udp(4789, b"short"), udp(2152, h("3001000000000001") + bytes(40)), udp(2152, h("10ff000000000001") + bytes(40)), udp(3544, bytes(50)),
        udp(1701, h("c802") + bytes(20)), udp(9999, INNER4), udp(6081, bytes(20)), udp(2152, h("34ff002800000001 00000085 00000000")),
        udp(5247, h("01000000") + INNER4), udp(5247, h("00104080 00000000") + INNER4), udp(12222, h("0400 0040 0000") + bytes(30)),
        udp(37008, h("0200 0001 01") + INNER4), udp(37008, h("0100 0077 01") + INNER4), udp(5072, h("44521229 00000000") + bytes(36) + INNER6[14:]),
        udp(4790, bytes(8) + INNER4),
    ],
)  # fmt: skip
def test_what_only_looks_like_a_tunnel_is_udp(packet: bytes) -> None:
    decoded = Decoded([packet], link=101)
    assert decoded.rows == []
    assert decoded.counts[col.STOP_PROTOCOL + 17] == 1


def test_tunnels_in_tunnels_end_somewhere() -> None:
    packet = INNER4[14:]
    for _ in range(30):
        packet = ip(4, packet)
    assert name_counts(Decoded([packet], link=101).counts) == {"nested-too-deep": 1}
