from __future__ import annotations

import pytest

from analyzer.decode import columns as col
from analyzer.decode.reasons import name_counts
from tests.digesting import Decoded, Packet

IP4 = Packet(payload=b"hello", seq=77).ethernet()[14:]
IP6 = Packet("2001:db8::1", 1, "2001:db8::2", 2, seq=77).ethernet()[14:]
MACS = bytes.fromhex("020000000001020000000002")


def check(data: bytes, link: int) -> Decoded:
    decoded = Decoded([data], link=link)
    assert len(decoded.rows) == 1, name_counts(decoded.counts)
    assert decoded.rows[0][col.ROW_SEQACK] & 0xFFFFFFFF == 77
    return decoded


def hexed(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.mark.parametrize(
    ("link", "head"),
    [
        (0, "02000000"), (0, "00000002"), (108, "00000002"), (12, ""), (14, ""), (101, ""), (228, ""),
        (113, "0000 0001 0006 020000000001 0000 0800"), (276, "0800 0000 00000002 0001 00 06 020000000001 0000"),
        (9, "ff03 0021"), (9, "0021"), (9, "21"), (50, "ff03 0021"), (51, "1100 0001 0030 0021"), (104, "0f00 0800"),
        (107, "1841 03cc"), (107, "1841 0800"), (8, "00" * 16), (129, "01 02 0000 f0"), (129, "01 02 0000 d4 00 0001"),
        (7, "01 02 f0"), (178, "4d4743 80 0002 0000" + "020000000001020000000002 0800"), (178, "4d4743 00" + "02" * 12 + "0800"),
        (105, "0801 0000" + "02" * 20 + "aaaa03000000 0800"), (105, "8803 0000" + "02" * 20 + "02" * 6 + "0000 aaaa03000000 0800"),
        (127, "0000 0800 00000000" + "0801 0000" + "02" * 20 + "aaaa03000000 0800"),
        (239, "0200 0000 0800 0100 00000000 ffff 0900"),
    ],
)  # fmt: skip
def test_ipv4_over_every_link(link: int, head: str) -> None:
    check(hexed(head) + IP4, link)


@pytest.mark.parametrize(
    ("link", "head"), [(0, "1e000000"), (0, "18000000"), (0, "0000001c"), (0, "0a000000"), (12, ""), (229, ""), (9, "0057"),
                       (107, "1841 038e"), (113, "0000 0001 0006 020000000001 0000 86dd")]
)  # fmt: skip
def test_ipv6_over_some_links(link: int, head: str) -> None:
    check(hexed(head) + IP6, link)


@pytest.mark.parametrize(
    "after",
    [
        "0800", "8100 0005 0800", "88a8 0005 8100 0006 0800", "9100 0005 8100 0006 0800", "8847 000640 ff 0800"[:4] + "00064101",
        "8847 00064001 00065101", "8864 1100 0001 0030 0021", "8100 0005 8864 1100 0001 0030 0021",
        "8909 0101 0001 0064 0800", "0050 aaaa03000000 0800", "8100 0005 0050 aaaa03000000 0800", "0050 060603",
        "8847 00064101 00000000" + "020000000001020000000002 0800", "88e7 00000001" + "020000000001020000000002 0800",
        "8870 aaaa03000000 0800",
    ],
)  # fmt: skip
def test_what_may_stand_between_ethernet_and_ip(after: str) -> None:
    decoded = check(MACS + hexed(after) + IP4, 1)
    assert bool(decoded.rows[0][col.ROW_BITS] & col.BIT_TUNNEL) == (after not in ("0800", "0050 aaaa03000000 0800", "0050 060603",
                                                                                 "8909 0101 0001 0064 0800",
                                                                                 "8870 aaaa03000000 0800"))  # fmt: skip


def test_the_link_source_is_hashed_and_never_zero() -> None:
    assert check(MACS + hexed("0800") + IP4, 1).rows[0][col.ROW_SHAPE] >> col.SHAPE_LINK & 0xFFFF
    assert check(bytes(12) + hexed("0800") + IP4, 1).rows[0][col.ROW_SHAPE] >> col.SHAPE_LINK & 0xFFFF == 1
    assert check(hexed("8100 0005")[:0] + MACS + hexed("8100 0005 0800") + IP4, 1).rows[0][col.ROW_SHAPE] >> col.SHAPE_LINK & 0xFFFF
    assert check(IP4, 12).rows[0][col.ROW_SHAPE] >> col.SHAPE_LINK & 0xFFFF == 0


@pytest.mark.parametrize(
    ("data", "link", "name"),
    [
        (MACS + b"\x88\xcc" + bytes(40), 1, "ethertype-0x88cc"), (MACS, 1, "link-header-cut"), (MACS + b"\x00\x26" + b"\x42\x42\x03", 1, "llc"),
        (bytes(40), 250, "link-type-unsupported"), (bytes(40), 12, "tunnel-payload-unknown"), (b"\xff\x03\xc0\x21" + bytes(9), 9, "ppp-control"),
        (MACS + b"\x88\x47" + b"\x00\x06\x41\x01" + b"\x50" + bytes(30), 1, "mpls-payload-unknown"), (b"\x05\0\0\0" + bytes(30), 0, "llc"),
        (MACS + b"\x81\x00" * 60, 1, "nested-too-deep"), (b"\x08\x41" + bytes(60), 105, "llc"),
    ],
)  # fmt: skip
def test_where_decoding_stops(data: bytes, link: int, name: str) -> None:
    assert name_counts(Decoded([data], link=link).counts) == {name: 1}


@pytest.mark.parametrize("link", [0, 1, 7, 8, 9, 12, 50, 51, 104, 105, 107, 108, 113, 127, 129, 178, 228, 229, 239, 276, 999])
def test_every_link_type_may_be_cut_anywhere(link: int) -> None:
    for size in range(60):
        decoded = Decoded([bytes([size * 7 % 256]) * size])
        decoded = Decoded([(b"\x08\x01\x02\x03" * 15)[:size]], link=link)
        assert sum(decoded.counts[: col.COUNT_DIRECT]) + sum(decoded.counts[col.COUNT_DIRECT + 1 :: 2]) == 1
