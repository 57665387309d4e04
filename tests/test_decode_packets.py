from __future__ import annotations

import struct

import pytest

from analyzer.decode import columns as col
from analyzer.decode.reasons import name_counts
from tests.digesting import Decoded, Packet
from tests.test_decode_tunnels import ip, udp

TCP = Packet(payload=b"hi", seq=77).ethernet()[34:]


def named(packet: bytes, link: int = 101) -> dict[str, int]:
    return name_counts(Decoded([packet], link=link).counts)


def six(protocol: int, body: bytes) -> bytes:
    return ip(protocol, body, 6)


@pytest.mark.parametrize(
    "headers",
    [
        (0, "06 00 0104 0000 0000"), (60, "06 00 0104 0000 0000"), (43, "06 00 0000 0000 0000"),
        (43, "06 02 0001 00000000 00000000000000000000000000000009"), (44, "06 00 0000 00000001"),
        (0, "3c 00 0104 0000 0000 2b 00 0104 0000 0000 2c 00 0000 0000 0000 06 00 0000 0000 0000"), (140, "06 00 0104 0000 0000"),
        (51, "06 04 0000 00000001 00000001" + "00" * 12),
    ],
)  # fmt: skip
def test_ipv6_extension_headers(headers: tuple[int, str]) -> None:
    decoded = Decoded([six(headers[0], bytes.fromhex(headers[1]) + TCP)], link=101)
    assert [row[col.ROW_SEQACK] & 0xFFFFFFFF for row in decoded.rows] == [77]


@pytest.mark.parametrize(
    ("packet", "name"),
    [
        (b"\x45" + bytes(10), "ip-header-cut"), (b"\x60" + bytes(10), "ip-header-cut"), (b"\x44" + bytes(30), "ip-header-bad"),
        (b"\x45\0\0\x05" + bytes(30), "ip-header-bad"), (ip(2, bytes(8)), "igmp"), (ip(89, bytes(8)), "ospf"), (ip(200, bytes(8)), "ip-protocol-200"),
        (ip(6, TCP[:15]), "tcp-header-cut"), (six(59, b""), "ip-protocol-59"), (six(135, bytes(8) + TCP), "ip-protocol-135"),
        (six(139, bytes(8) + TCP), "ip-protocol-139"), (ip(17, b"abc"), "udp"), (ip(1, b"abc"), "icmp"), (ip(58, b""), "icmpv6"),
    ],
)  # fmt: skip
def test_where_decoding_stops(packet: bytes, name: str) -> None:
    assert named(packet) == {name: 1}


def test_notes_of_every_kind() -> None:
    dns = bytes.fromhex("1234 0100 0001 0000 0000 0000 03777777 00 0001 0001")
    arp = bytes.fromhex("0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002")
    frames = [
        udp(53, dns), udp(40000, dns, sport=5353), udp(67, bytes(300), sport=68), ip(1, b"\x03\x01" + bytes(6) + ip(17, bytes(8))),
        six(58, b"\x01\x00" + bytes(6) + six(17, bytes(8))), six(58, b"\x87" + bytes(23)), six(58, b"\x88" + bytes(23)),
    ]  # fmt: skip
    kinds = [note[col.NOTE_KIND] for note in Decoded(frames, link=101).notes]
    assert kinds == [col.KIND_DNS, col.KIND_DNS, col.KIND_DHCP, col.KIND_ICMP, col.KIND_ICMP, col.KIND_NEIGHBOUR, col.KIND_NEIGHBOUR]
    (note,) = Decoded([bytes(12) + b"\x08\x06" + arp]).notes
    assert (note[col.NOTE_KIND], note[col.NOTE_LEN]) == (col.KIND_ARP, 28)
    assert Decoded([ip(1, b"\x08\x00" + bytes(30))], link=101).notes == []


def test_notes_are_whole_up_to_a_bound() -> None:
    (note,) = Decoded([udp(53, bytes(2000))], link=101).notes
    assert note[col.NOTE_LEN] == 512


def test_notes_beyond_the_limit_are_counted() -> None:
    decoded = Decoded([])
    decoded.scratch[col.LINK_NOTES_LEFT] = 1
    frames = [udp(53, bytes(12))] * 3
    buffer, records = b"".join(frames), []
    for n, frame in enumerate(frames):
        records += [n * len(frame), len(frame), len(frame), 0, 101]
    from array import array

    from analyzer.decode.packets import decode

    notes = array("q", bytes(8 * col.NOTE_STRIDE * 4))
    rows = array("q", bytes(8 * col.ROW_STRIDE * 4))
    assert decode(buffer, array("q", records), 0, 3, 1, rows, notes, decoded.counts, decoded.scratch) == 3
    assert (decoded.scratch[col.LINK_NOTES], decoded.scratch[col.LINK_NOTES_DROPPED]) == (1, 2)


@pytest.mark.parametrize(("kept", "rows"), [(8, 0), (15, 0), (16, 1), (20, 1), (24, 1)])
def test_a_quoted_segment_is_a_row_of_its_own_kind(kept: int, rows: int) -> None:
    decoded = Decoded([ip(1, b"\x03\x01" + bytes(6) + ip(6, TCP)[: 20 + kept])], link=101)
    assert len(decoded.rows) == rows
    assert name_counts(decoded.counts) == {"icmp": 1}
    assert all(row[col.ROW_BITS] & col.BIT_QUOTED for row in decoded.rows)


def test_a_redirect_quotes_nothing_that_counts() -> None:
    assert Decoded([ip(1, b"\x05\x01" + bytes(6) + ip(6, TCP))], link=101).rows == []


def test_quotes_in_quotes_are_not_followed() -> None:
    inner = ip(1, b"\x03\x01" + bytes(6) + ip(6, TCP))
    assert Decoded([ip(1, b"\x03\x01" + bytes(6) + inner)], link=101).rows == []


def test_a_fragment_ends_the_call_so_that_it_can_be_put_together() -> None:
    fragment = bytearray(ip(6, TCP))
    fragment[6:8] = struct.pack("!H", 0x2000)
    decoded = Decoded([ip(6, TCP), bytes(fragment), ip(6, TCP)], link=101)
    assert len(decoded.rows) == 2
    assert [note[col.NOTE_KIND] for note in decoded.notes] == [col.KIND_FRAGMENT]
    assert name_counts(decoded.counts) == {"ip-fragment": 1}


def test_a_first_fragment_that_the_snap_length_cut_stands_for_itself() -> None:
    fragment = bytearray(ip(6, TCP + bytes(40)))
    fragment[6:8] = struct.pack("!H", 0x2000)
    decoded = Decoded([bytes(fragment)[:-4]], lengths=[len(fragment)], link=101)
    assert [len(decoded.rows), decoded.notes] == [1, []]
    fragment[6:8] = struct.pack("!H", 0x2001)
    decoded = Decoded([bytes(fragment)[:-4]], lengths=[len(fragment)], link=101)
    assert decoded.rows == []


def test_fragments_of_udp_wait_for_a_tunnel() -> None:
    def fragment(packet: bytes, offset: int) -> bytes:
        changed = bytearray(packet)
        changed[6:8] = struct.pack("!H", 0x2000 | offset)
        return bytes(changed)

    later, plain, tunnel = fragment(ip(17, bytes(40)), 5), fragment(udp(9999, bytes(40)), 0), fragment(udp(4789, bytes(40)), 0)
    assert Decoded([later, plain], link=101).notes == []
    assert len(Decoded([later, plain, tunnel, later], link=101).notes) == 2


def test_everything_may_be_cut_anywhere() -> None:
    whole = udp(4789, bytes.fromhex("0800000000000500") + Packet(payload=b"hello", options=b"\x02\x04\x05\xb4").ethernet())
    for size in range(len(whole) + 1):
        decoded = Decoded([whole[:size]], link=101, lengths=[len(whole)])
        assert sum(decoded.counts) == 1
