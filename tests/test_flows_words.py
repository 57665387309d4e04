from __future__ import annotations

from array import array

import pytest

from analyzer.flows import layout as lay
from analyzer.flows.model import ACK, Flow
from tests.digesting import Packet, digest_of, flows_of, parts_of, rows_from

HERE, THERE = ("10.0.0.5", 50123, "10.9.0.7", 2121), ("10.9.0.7", 2121, "10.0.0.5", 50123)


def flow_of(payloads: list[bytes], cut: int | None = None) -> Flow:
    rows = rows_from([Packet(*HERE, flags=ACK, seq=100 * n, payload=data) for n, data in enumerate(payloads)])
    if cut is None:
        (flow,) = flows_of(digest_of(rows))
        return flow
    left, right = parts_of(rows, [cut])
    left.merge(right)
    (flow,) = flows_of(left)
    return flow


def test_first_and_last_words_with_their_frames() -> None:
    half = flow_of([b"", b"hello", b"", b"middle", b"bye"]).initiator
    assert (half.head, half.head_frame, half.tail, half.tail_frame) == (b"hello", 2, b"bye", 5)
    only = flow_of([b"alone"]).initiator
    assert (only.head, only.tail, only.tail_frame) == (b"alone", b"alone", 1)


def test_one_byte_is_no_word() -> None:
    half = flow_of([b"x", b"hello", b"\0"]).initiator
    assert (half.head, half.tail, half.tail_frame) == (b"hello", b"hello", 2)


@pytest.mark.parametrize("size", [2, lay.W_FEW, lay.W_FEW + 1, lay.KEEP_WORDS, lay.KEEP_WORDS + 1, 1400])
def test_at_most_so_many_bytes_are_kept(size: int) -> None:
    data = bytes(n % 251 for n in range(size))
    for payloads in ([data], [b"first", data], [b"first", b"short", data, b"short", data], [data, data[::-1], data]):
        half = flow_of(payloads).initiator
        assert half.tail == data[: lay.KEEP_WORDS]
        assert half.head == payloads[0][: lay.KEEP_WORDS]


def test_across_a_seam() -> None:
    payloads = [b"", b"head", b"y" * 90, b"z", b"tail"]
    for cut in range(len(payloads) + 1):
        assert flow_of(payloads, cut) == flow_of(payloads)


def control(packets: list[Packet], *, first: bool = True) -> tuple[list[bytes], bool]:
    """Return the lines that are marked, and whether the flow is taken for an FTP control connection."""
    rows = rows_from(packets)
    digest = digest_of([], first=first)
    marked = []
    for packet, (buffer, row) in zip(packets, rows, strict=True):
        if digest.update(buffer, array("q", row), 1):
            marked.append(packet.payload)
    return marked, digest.greeted(0)


def test_a_greeting_makes_lines_worth_a_note() -> None:
    lines = [b"227 (1,2,3,4,5,6)", b"port 1,2", b"EPRT |1|", b"421 bye", b"226 done", b"LIST"]
    said = [Packet(*HERE, payload=line) for line in lines]
    assert control(said) == ([], False)
    assert control([Packet(*THERE, payload=b"220 hi"), *said]) == (lines[:4], True)
    assert control([Packet(*THERE, payload=b"120 soon"), Packet(*THERE, payload=b"220 hi"), *said]) == ([], False)


def test_without_the_beginning_every_line_may_be_one() -> None:
    lines = [b"421 bye", b"LIST"]
    assert control([Packet(*HERE, payload=line) for line in lines], first=False) == (lines[:1], False)


def test_what_comes_first_right_of_a_seam_is_no_greeting() -> None:
    rows = rows_from([Packet(*HERE, payload=b"data"), Packet(*HERE, payload=b"220 more data"), Packet(*THERE, payload=b"220 hi")])
    left, right = parts_of(rows, [1])
    assert right.greeted(0)
    left.merge(right)
    assert left.greeted(0)
    left, right = parts_of(rows[:2], [1])
    left.merge(right)
    assert not left.greeted(0)
