from __future__ import annotations

from analyzer.flows.digest import Digest
from analyzer.flows.model import ACK, SYN
from tests.digesting import Packet, rows_from

V5 = [(0, b"\x05\x01\x00"), (1, b"\x05\x00"), (0, b"\x05\x01\x00\x01\x01\x02\x03\x04\x01\xbb"), (1, b"\x05\x00\x00\x01\0\0\0\0\0\0")]
V5_NAME = [*V5[:2], (0, b"\x05\x01\x00\x03\x01a\x01\xbb"), V5[3]]
V5_SIX = [*V5[:2], (0, b"\x05\x01\x00\x04" + bytes(16) + b"\x01\xbb"), V5[3]]
V5_LOGIN = [(0, b"\x05\x01\x02"), (1, b"\x05\x02"), (0, b"\x01\x01a\x01b"), (1, b"\x01\x00"), *V5[2:]]
V4 = [(0, b"\x04\x01\x00\x50\x01\x02\x03\x04\0"), (1, b"\0\x5a\0\0\0\0\0\0")]


def taken(talk: list[tuple[int, bytes]], client: str = "10.0.0.1", server: str = "10.0.0.2") -> int:
    """Stream numbers taken by one proxied connection and one ordinary one after it."""
    ends = (client, 40000, server, 1080), (server, 1080, client, 40000)
    packets = [Packet(*ends[0], flags=SYN)]
    seq = [1, 0]
    for side, payload in talk:
        packets.append(Packet(*ends[side], flags=ACK | 8, seq=seq[side], payload=payload))
        seq[side] += len(payload)
    digest = Digest()
    for buffer, row in rows_from([*packets, Packet("10.0.0.9", 1, server, 2)]):
        digest.update(buffer, row, 1)
    return digest.entry_of(0)


def test_data_in_a_tunnel_takes_a_number() -> None:
    for talk in (V5, V5_NAME, V5_SIX, V5_LOGIN, V4):
        assert taken([*talk, (0, b"hello"), (1, b"there")]) == 2
        assert taken([*talk, (1, b"220 first")]) == 2
        assert taken([*talk, (0, b"hello")], "10.0.0.7", "10.0.0.3") == 2


def test_no_number_before_data_or_after_a_refusal() -> None:
    assert taken(V5) == 1
    assert taken([*V5[:3], (1, b"\x05\x05\x00\x01\0\0\0\0\0\0"), (0, b"hello")]) == 1
    assert taken([V5[0], (1, b"\x05\xff"), (0, b"hello"), (1, b"hm")]) == 1
    assert taken([V4[0], (1, b"\0\x5b\0\0\0\0\0\0"), (0, b"hello")]) == 1
    assert taken([(0, b"GET / HTTP/1.1"), (1, b"HTTP/1.1 200"), (0, b"more")]) == 1
    assert taken([*V5[:2], (0, b"\x05\x01\x00\x09xx"), (1, b"\x05\x00"), (0, b"hello")]) == 1
