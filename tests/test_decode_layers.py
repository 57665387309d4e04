from __future__ import annotations

import pytest

from analyzer.decode import columns as col
from analyzer.decode.reasons import name_counts
from tests.digesting import Decoded
from tests.test_decode_links import IP4, IP6, MACS, check, hexed

ETHER = MACS + b"\x08\x00"
LLC = hexed("aaaa030000000800")


@pytest.mark.parametrize(
    "after",
    [
        "8926 00000000 0800", "892f 00400001 0800", "f1c1 00000001 0800", "893f 000000000000 0800", "8100 0005 8926 00000000 0800",
        "8926 00000000 8100 0005 0800", "88e5 0000 00000001 0800", "88e5 2000 00000001 0200000000010001 0800",
        "894f 0fc6 0101 00000101" + "00" * 16 + "4500"[:0], "894f 0fc2 0201 00000101", "894f 0fc2 0205 00000101 00005140",
    ],
)  # fmt: skip
def test_tags_before_the_ethertype_and_service_headers(after: str) -> None:
    assert check(MACS + hexed(after) + IP4, 1).rows[0][col.ROW_BITS] & col.BIT_TUNNEL


@pytest.mark.parametrize(
    "after",
    [
        "8903 0001", "22f3 0000 0001 0002", "22f3 00c0 0001 0002 000000000000000000000000", "4305 010f32" + "00" * 11,
        "4305 400f32" + "00" * 7, "4305 420f32" + "00" * 15, "88e7 00000001", "6558", "894f 0fc2 0203 00000101",
        "0064 aaaa030080c20007 0000", "0064 aaaa030080c20001 0000",
    ],
)  # fmt: skip
def test_whole_frames_in_frames(after: str) -> None:
    assert check(MACS + hexed(after) + ETHER + IP4, 1).rows[0][col.ROW_BITS] & col.BIT_TUNNEL


@pytest.mark.parametrize("word", ["", "00000000", "00000007"])
def test_a_pseudowire_with_and_without_its_control_word(word: str) -> None:
    check(MACS + hexed("8847 00064101") + hexed(word) + hexed("001b21000001 a0369f000002 0800") + IP4, 1)


def test_addresses_of_no_maker_are_taken_for_a_control_word_as_wireshark_takes_them() -> None:
    head = MACS + hexed("8847 00064101")
    check(head + bytes(4) + ETHER + IP4, 1)
    assert Decoded([head + ETHER + IP4]).rows == []


def test_what_macsec_encrypts_or_changes_is_not_read() -> None:
    for control in ("08", "04", "2c"):
        decoded = Decoded([MACS + hexed(f"88e5 {control}00 00000001") + bytes(8) + b"\x08\x00" + IP4])
        assert name_counts(decoded.counts) == {"ethertype-0x88e5": 1}


@pytest.mark.parametrize(
    "head", ["1841 03cc", "1840 41 03cc", "1841 0800", "1841 0300 80 000000 0800", "1841 0380 000000 0800", "1841 03cf 0021",
             "1841 0300 80 0080c2 0007" + (MACS + b"\x08\x00").hex()],
)  # fmt: skip
def test_frame_relay(head: str) -> None:
    check(hexed(head) + IP4, 107)


@pytest.mark.parametrize("head", ["fefe 03 cc", "fefe 03 cf 0021", "aaaa03 0080c2 0007 0000" + (MACS + b"\x08\x00").hex()])
def test_atm_and_its_two_ways_to_name_a_protocol(head: str) -> None:
    check(hexed(head) + IP4, 100)


def test_an_ipv6_header_where_ipv4_was_announced() -> None:
    check(MACS + b"\x08\x00" + IP6, 1)


@pytest.mark.parametrize(
    ("kind", "inner"),
    [
        ("88be", "1000 0001 00000007"), ("88be", "2005 0001 00000007 0000 0000"), ("22eb", "2005 0001 00000007 0000 0001" + "00" * 8),
        ("22eb", "2005 0001 00000007 0000 0000"),
    ],
)  # fmt: skip
def test_erspan_of_every_kind_by_its_version(kind: str, inner: str) -> None:
    gre = hexed(f"1000 {kind} 00000001 {inner}") + ETHER + IP4
    outer = bytearray(IP4[:20])
    outer[2:4] = (20 + len(gre)).to_bytes(2, "big")
    outer[9] = 47
    check(MACS + b"\x08\x00" + bytes(outer) + gre, 1)


@pytest.mark.parametrize("kind", ["8200", "8370"])
def test_aruba_carries_wifi_frames_in_gre(kind: str) -> None:
    gre = hexed(f"0000 {kind} 0802 0000") + bytes(20) + LLC + IP4
    outer = bytearray(IP4[:20])
    outer[2:4] = (20 + len(gre)).to_bytes(2, "big")
    outer[9] = 47
    check(MACS + b"\x08\x00" + bytes(outer) + gre, 1)


@pytest.mark.parametrize(
    "kind", ["8100", "8926", "893f", "88e5", "88e7", "8903", "22f3", "4305", "894f", "6559", "8200", "8847", "8864", "8909", "8870"]
)
def test_everything_may_be_cut_anywhere(kind: str) -> None:
    for size in range(60):
        for filler in (b"\0", b"\x0f", b"\x45", b"\xff"):
            decoded = Decoded([MACS + hexed(kind) + filler * size])
            assert sum(decoded.counts[: col.COUNT_DIRECT]) + sum(decoded.counts[col.COUNT_DIRECT + 1 :: 2]) == 1
