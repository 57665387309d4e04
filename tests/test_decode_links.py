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
        (239, "0200 0000 0800 0100 00000000 3100 0900"), (0, "00080000"), (0, "00000800"), (0, "ff03 0021"), (9, "0f00 0800"),
        (50, "8f00 0800"), (204, "00 ff03 0021"), (204, "01 0f00 0800"), (112, "0f00 0800"), (117, "3d02 0000" + "00" * 60),
        (117, "4502 0000" + "00" * 68), (109, "02000000 00000001 00000000"), (109, "00000002 00000001 00000000"),
        (10, "50" + "02" * 12 + "aaaa03000000 0800"), (6, "1040" + "02" * 12 + "aaaa03000000 0800"),
        (6, "1040" + "02" * 6 + "82" + "02" * 5 + "0630 0011 0020" + "aaaa03000000 0800"), (100, "aaaa03000000 0800"), (106, ""), (19, ""),
        (123, "0205 0064 aaaa03000000 0800"), (123, "0005 0064"), (123, "0105 0064 0001" + "02" * 12 + "0800"),
        (122, "00" * 16 + "aaaa03000000 0800"), (138, "00" * 16 + "0800"), (226, "0102 0000 0000 002d" + "00" * 16), (242, "00" * 40 + "0800 0000"),
        (274, "02" * 12 + "0800"), (274, "55555555 555555d5" + "02" * 12 + "0800"), (258, "6c000000 01000000 01000000" + "00" * 96 + "02" * 12 + "0800"),
        (149, "6c000000 01000000 0c000000" + "00" * 96), (192, "0000 0800 01000000" + "02" * 12 + "0800"), (192, "0000 0800 65000000"),
        (197, "00" * 8 + "0204 0050 0000 0040 0000" + "02" * 12 + "0800"), (197, "00" * 8 + "8204 0050 0000 0040" + "85" + "00" * 7 + "00" * 8 + "0000" + "02" * 12 + "0800"),
        (197, "00" * 8 + "0104 0050 0000 0040 0f00 0800"), (197, "00" * 8 + "1604 0050 0000 0040"), (197, "00" * 8 + "0404 0050 0000 0040 00000000 aaaa03000000 0800"),
        (178, "4d4743 02 02000000"), (179, "4d4743 01 ff03 0021"), (130, "4d4743 00 0021"), (180, "4d4743 00 1841 03cc"), (181, "4d4743 00 0f00 0800"),
        (137, "4d4743 00 00000000 aaaa03000000 0800"), (135, "4d4743 00" + "00" * 8),
        (1, "01000c0000 00 020000000002 005a aaaa03 020000 0000 0000 0000" + "02" * 12 + "0800"),
    ],
)  # fmt: skip
def test_ipv4_over_every_link(link: int, head: str) -> None:
    check(hexed(head) + IP4, link)


@pytest.mark.parametrize(
    ("link", "head"), [(0, "1e000000"), (0, "18000000"), (0, "0000001c"), (0, "0a000000"), (12, ""), (229, ""), (9, "0057"),
                       (107, "1841 038e"), (0, "dd860000"), (117, "3d18 0000" + "00" * 60), (109, "18000000" + "00" * 8), (226, "011a" + "00" * 22),
                       (197, "00" * 8 + "1704 0050 0000 0040"), (178, "4d4743 02 03000000"), (113, "0000 0001 0006 020000000001 0000 86dd")]
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
        (b"\0\0\x0c\0\xc0\0\0\0" + bytes(40), 192, "link-header-cut"), (b"\xc0\0\0\0" + bytes(100), 258, "link-header-cut"),
        (b"\x10\x00" + bytes(40), 6, "llc"), (b"\x60" + bytes(40), 10, "llc"), (b"\x05\0\0\0" + bytes(30), 109, "llc"),
        (MACS + b"\x81\x00" * 60, 1, "nested-too-deep"), (b"\x08\x41" + bytes(60), 105, "llc"),
    ],
)  # fmt: skip
def test_where_decoding_stops(data: bytes, link: int, name: str) -> None:
    assert name_counts(Decoded([data], link=link).counts) == {name: 1}


@pytest.mark.parametrize("link", [
    0, 1, 6, 7, 8, 9, 10, 11, 12, 19, 50, 51, 100, 104, 105, 106, 107, 108, 109, 112, 113, 117, 119, 122, 123, 127, 129, 130, 135,
    137, 138, 149, 163, 178, 179, 180, 181, 192, 197, 204, 226, 228, 229, 239, 242, 258, 274, 276, 999,
])  # fmt: skip
def test_every_link_type_may_be_cut_anywhere(link: int) -> None:
    for size in range(60):
        decoded = Decoded([bytes([size * 7 % 256]) * size])
        assert sum(decoded.counts[: col.COUNT_DIRECT]) + sum(decoded.counts[col.COUNT_DIRECT + 1 :: 2]) == 1
        decoded = Decoded([(b"\x08\x01\x02\x03" * 15)[:size]], link=link)
        assert sum(decoded.counts[: col.COUNT_DIRECT]) + sum(decoded.counts[col.COUNT_DIRECT + 1 :: 2]) == 1
