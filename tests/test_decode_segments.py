from __future__ import annotations

import struct

import pytest

from analyzer.decode import columns as col
from tests.digesting import Decoded, Packet


def row_of(packet: Packet) -> dict[str, int]:
    frame = packet.ethernet()
    decoded = Decoded([frame[: len(frame) - packet.cut]], lengths=[len(frame)])
    (row,) = decoded.rows
    shape, hop = row[col.ROW_SHAPE], row[col.ROW_HOP]
    return {
        "flags": shape & 0x1FF, "length": row[col.ROW_LENGTH], "kept": shape >> col.SHAPE_LENGTH,
        "ip_id": shape >> col.SHAPE_IP_ID & 0xFFFF, "link": shape >> col.SHAPE_LINK & 0xFFFF, "shape": shape,
        "seq": row[col.ROW_SEQACK] & 0xFFFFFFFF, "ack": (row[col.ROW_SEQACK] >> 32) + (1 << 31), "ttl": hop >> 48 & 0xFF,
        "window": hop >> 32 & 0xFFFF, "frame": hop & 0xFFFFFFFF, "options": row[col.ROW_OPTIONS], "bits": row[col.ROW_BITS],
        "ports": row[col.ROW_PORTS], "payload": row[col.ROW_PAYLOAD] & 0xFFFFFFFF, "at": row[col.ROW_PAYLOAD] >> 32,
    }  # fmt: skip


@pytest.mark.parametrize("seq", [0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
@pytest.mark.parametrize("ack", [0, 0x80000000, 0xFFFFFFFF])
def test_numbers_of_every_size_survive_the_packing(seq: int, ack: int) -> None:
    row = row_of(Packet(seq=seq, ack=ack, flags=0xFF, window=0xFFFF, ttl=255))
    assert (row["seq"], row["ack"], row["flags"], row["window"], row["ttl"], row["frame"]) == (seq, ack, 0xFF, 0xFFFF, 255, 1)


def test_the_ninth_flag() -> None:
    frame = bytearray(Packet().ethernet())
    frame[14 + 20 + 12] |= 1
    (row,) = Decoded([bytes(frame)]).rows
    assert row[col.ROW_SHAPE] & 0x1FF == 0x110


def test_syn_options() -> None:
    options = bytes.fromhex("020405b4 0103030a 0402 080a 0000000100000002")
    row = row_of(Packet(flags=2, options=options))
    assert row["options"] == col.OPT_MSS | 1460 | col.OPT_WSCALE | 10 << 16 | col.OPT_SACK_OK
    assert row["shape"] & col.MARK_OPTIONS
    assert row_of(Packet(flags=16, options=options))["options"] == 0


def test_sack_blocks_but_not_timestamps() -> None:
    sack = bytes.fromhex("0101050a 00000001 00000005")
    stamp = bytes.fromhex("0101080a 00000001 00000005")
    assert row_of(Packet(options=sack))["shape"] & col.MARK_SACK
    assert not row_of(Packet(options=stamp))["shape"] & col.MARK_SACK


@pytest.mark.parametrize("options", ["02000000", "02ff0000", "0204050000000000", "ffffffff", "00000000", "03030100", "02010101"])
def test_damaged_options_stop_quietly(options: str) -> None:
    row = row_of(Packet(flags=2, options=bytes.fromhex(options)))
    assert row["length"] == 0


def test_payload_is_counted_by_the_ip_length() -> None:
    frame = Packet(payload=b"abc").ethernet()
    (row,) = Decoded([frame + bytes(7)]).rows
    assert row[col.ROW_LENGTH] == 3
    (row,) = Decoded([frame[:-2]], lengths=[len(frame)]).rows
    assert row[col.ROW_LENGTH] == 3
    assert row[col.ROW_PAYLOAD] & 0xFFFFFFFF == 1
    assert row[col.ROW_BITS] & col.BIT_CUT


def test_a_total_length_of_zero_is_segmentation_left_to_the_card() -> None:
    frame = bytearray(Packet(payload=b"a" * 3000).ethernet())
    frame[16:18] = b"\0\0"
    (row,) = Decoded([bytes(frame)]).rows
    assert row[col.ROW_LENGTH] == 3000


@pytest.mark.parametrize("cut", range(4))
def test_a_header_cut_after_sixteen_bytes_is_enough(cut: int) -> None:
    row = row_of(Packet(cut=cut, seq=7))
    assert row["seq"] == 7
    assert bool(row["bits"] & col.BIT_CUT) == (cut > 0)


def test_a_header_cut_before_is_not() -> None:
    frame = Packet().ethernet()
    decoded = Decoded([frame[:-5]], lengths=[len(frame)])
    assert decoded.rows == []
    assert decoded.counts[col.STOP_TCP_CUT] == 1


@pytest.mark.parametrize(("words", "bit"), [(0, col.BIT_BOGUS), (4, col.BIT_BOGUS), (6, col.BIT_SHORT), (15, col.BIT_SHORT)])
def test_impossible_header_lengths_are_marked(words: int, bit: int) -> None:
    frame = bytearray(Packet().ethernet())
    frame[14 + 20 + 12] = words << 4
    decoded = Decoded([bytes(frame)])
    (row,) = decoded.rows
    assert row[col.ROW_BITS] & (col.BIT_BOGUS | col.BIT_SHORT) == bit
    assert decoded.counts[col.STOP_TCP_BAD] == (bit == col.BIT_BOGUS)


def test_an_impossible_header_is_never_called_longer_than_its_segment() -> None:
    frame = bytearray(Packet().ethernet())
    frame[16:18] = (36).to_bytes(2, "big")
    frame[14 + 20 + 12] = 0x40
    (row,) = Decoded([bytes(frame[:50])]).rows
    assert row[col.ROW_BITS] & (col.BIT_BOGUS | col.BIT_SHORT) == col.BIT_BOGUS


@pytest.mark.parametrize(
    ("source", "target"), [("10.0.0.1", "10.0.0.2"), ("10.0.0.2", "192.168.255.254"), ("2001:db8::1", "2001:db8::2")]
)
def test_both_directions_have_one_key(source: str, target: str) -> None:
    there = Decoded([Packet(source, 1, target, 2).ethernet()]).rows[0]
    back = Decoded([Packet(target, 2, source, 1).ethernet()]).rows[0]
    assert there[col.ROW_HASH] == back[col.ROW_HASH]
    assert there[col.ROW_PORTS] == back[col.ROW_PORTS] == 1 << 16 | 2
    assert not there[col.ROW_BITS] & col.BIT_SIDE
    assert back[col.ROW_BITS] & col.BIT_SIDE
    if "." in source:
        assert there[col.ROW_KEY] == back[col.ROW_KEY]


def test_equal_addresses_are_told_apart_by_port() -> None:
    for source in ("127.0.0.1", "::1"):
        low = Decoded([Packet(source, 1, source, 2).ethernet()]).rows[0]
        high = Decoded([Packet(source, 2, source, 1).ethernet()]).rows[0]
        assert (low[col.ROW_BITS] & col.BIT_SIDE, high[col.ROW_BITS] & col.BIT_SIDE) == (0, col.BIT_SIDE)


def test_huge_payloads_are_counted_whole_and_kept_saturated() -> None:
    frame = bytearray(Packet("::1", 1, "::2", 2).ethernet())
    frame[18:20] = struct.pack("!H", 0)
    (row,) = Decoded([bytes(frame)], lengths=[len(frame) + 200_000]).rows
    assert row[col.ROW_LENGTH] == 200_000
    assert row[col.ROW_SHAPE] >> col.SHAPE_LENGTH == col.SHAPE_LENGTH_MAX
