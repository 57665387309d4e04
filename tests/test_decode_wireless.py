from __future__ import annotations

import pytest

from analyzer.decode import columns as col
from analyzer.decode.reasons import name_counts
from tests.digesting import Decoded
from tests.test_decode_links import IP4, check, hexed

BODY = hexed("aaaa030000000800") + IP4
PLAIN = hexed("0801 0000") + bytes(20)
FRAMES = {
    "plain": PLAIN, "from the access point": hexed("0802 0000") + bytes(20), "four addresses": hexed("0803 0000") + bytes(26),
    "quality of service": hexed("8801 0000") + bytes(22), "with control": hexed("8881 0000") + bytes(26),
    "both": hexed("8803 0000") + bytes(28), "aggregate": hexed("8801 0000") + bytes(20) + b"\x80\0" + bytes(14),
}  # fmt: skip


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize(
    ("link", "head"),
    [
        (105, ""), (127, "0000 0800 00000000"), (127, "0000 0900 02000000 10"), (127, "0000 1100 03000000" + "00" * 8 + "10"),
        (127, "0000 0c00 00000080 00000000"), (119, "44000000 90000000" + "00" * 136), (119, "00000044 00000090" + "00" * 136),
        (163, "80211001 00000040" + "00" * 56), (119, "80211002 00000040" + "00" * 56), (163, ""), (192, "0000 0800 69000000"),
        (192, "0000 0c00 69000000 00000000"), (258, "6c000000 01000000 69000000" + "00" * 96),
    ],
)  # fmt: skip
def test_data_frames_behind_what_cards_write(kind: str, link: int, head: str) -> None:
    check(hexed(head) + FRAMES[kind] + BODY, link)


@pytest.mark.parametrize("fields", ["02000000 20", "03000000" + "00" * 8 + "20", "02000080 00000080 00000000 20"])
def test_a_header_that_the_card_padded(fields: str) -> None:
    raw = hexed(fields)
    check(b"\0\0" + (4 + len(raw)).to_bytes(2, "little") + raw + FRAMES["quality of service"] + b"\0\0" + BODY, 127)


@pytest.mark.parametrize("control", ["8000", "4801", "c801", "0841", "0901", "b400"])
def test_what_is_no_data_or_encrypted_is_not_read(control: str) -> None:
    assert name_counts(Decoded([hexed(control) + bytes(24) + BODY], link=105).counts) == {"llc": 1}


@pytest.mark.parametrize("head", ["0000 0400 00000000", "0000 ff00 00000000"])
def test_a_radio_header_of_impossible_length(head: str) -> None:
    assert name_counts(Decoded([hexed(head) + PLAIN + BODY], link=127).counts) == {"link-header-cut": 1}


@pytest.mark.parametrize("link", [105, 119, 127, 163])
def test_frames_may_be_cut_anywhere(link: int) -> None:
    for whole in (hexed("0000 1100 03000000") + bytes(8) + b"\x20" + FRAMES["aggregate"] + BODY, b"\xff" * 60, b"\x88\x03" * 40):
        for size in range(len(whole)):
            assert len(Decoded([whole[:size]], link=link).rows) <= 1
            assert sum(Decoded([whole[:size]], link=link).counts[: col.COUNT_DIRECT]) <= 1
