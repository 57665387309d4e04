from __future__ import annotations

import random
import struct

from analyzer.decode.fragments import Reassembler
from tests.test_decode_tunnels import ip

BODY = bytes(range(256)) * 3


def pieces(version: int, *, ident: int = 9, size: int = 64) -> list[bytes]:
    found = []
    for at in range(0, len(BODY), size):
        part, more = BODY[at : at + size], at + size < len(BODY)
        if version == 4:
            packet = bytearray(ip(6, part))
            packet[4:6], packet[6:8] = struct.pack("!H", ident), struct.pack("!H", at // 8 | (0x2000 if more else 0))
        else:
            packet = bytearray(ip(44, struct.pack("!BBHI", 6, 0, at | more, ident) + part, 6))
        found.append(bytes(packet))
    return found


def test_fragments_in_any_order_make_the_packet() -> None:
    choose = random.Random(1)
    for version in (4, 6):
        for _ in range(10):
            parts = pieces(version)
            choose.shuffle(parts)
            reassembler = Reassembler()
            results = [reassembler.add(version, part) for part in parts]
            assert results[:-1] == [None] * (len(parts) - 1)
            whole = results[-1]
            assert whole is not None
            assert whole[20 if version == 4 else 40 :] == BODY
            if version == 4:
                assert struct.unpack_from("!H", whole, 2)[0] == len(whole)
                assert struct.unpack_from("!H", whole, 6)[0] & 0x3FFF == 0
            else:
                assert whole[6] == 6
                assert struct.unpack_from("!H", whole, 4)[0] == len(BODY)


def test_datagrams_are_kept_apart_and_copies_are_harmless() -> None:
    reassembler = Reassembler()
    one, other = pieces(4, ident=1), pieces(4, ident=2)
    results = [reassembler.add(4, part) for pair in zip(one, other, strict=True) for part in (*pair, pair[0])]
    assert sum(result is not None for result in results) == 2


def test_what_is_missing_or_damaged_makes_nothing() -> None:
    for version in (4, 6):
        parts = pieces(version)
        assert all(Reassembler().add(version, part[:size]) is None for part in parts for size in (0, 10, 30, len(part) - 1))
        reassembler = Reassembler()
        assert all(reassembler.add(version, part) is None for part in parts[1:])


def test_memory_is_bounded() -> None:
    reassembler = Reassembler()
    for ident in range(5000):
        reassembler.add(4, pieces(4, ident=ident)[0])
    assert len(reassembler._pending) <= 256
    reassembler = Reassembler()
    for offset in range(0, 8000, 2):
        packet = bytearray(ip(6, bytes(8)))
        packet[6:8] = struct.pack("!H", 0x2000 | offset)
        reassembler.add(4, bytes(packet))
    assert sum(len(d.parts) for d in reassembler._pending.values()) <= 129


def test_a_chain_of_extension_headers_before_the_fragment_header() -> None:
    part = struct.pack("!BBHI", 6, 0, 0, 9) + b"whole"
    packet = ip(0, bytes.fromhex("2c000104000000 00") + part, 6)
    assert Reassembler().add(6, packet) is not None
    assert Reassembler().add(6, ip(0, bytes.fromhex("06000104000000 00") + part, 6)) is None
