"""Segments as they were on the wire, and what their times tell of the path."""

from __future__ import annotations

import pytest

from analyzer.signals.wire import WireView
from analyzer.units import MS
from tests.reading import capture_of, flow_of, view_of
from tests.wire import Captured, Conversation


def _twice(conv: Conversation, later_ns: int, lower_ttl: int = 0) -> list[Captured]:
    """Every packet once more, as a second look at it: the router's, with a lower TTL."""
    doubled: list[Captured] = []
    for at, frame in conv.packets:
        copy = bytearray(frame)
        copy[22] -= lower_ttl
        # The header's checksum follows the TTL (RFC 1624).
        total = int.from_bytes(copy[24:26], "big") + (lower_ttl << 8)
        copy[24:26] = ((total & 0xFFFF) + (total >> 16)).to_bytes(2, "big")
        doubled += [(at, frame), (at + later_ns, bytes(copy))]
    return doubled


def _talk() -> Conversation:
    conv = Conversation(rtt_ms=30)
    conv.handshake()
    conv.exchange()
    conv.close()
    return conv


@pytest.mark.parametrize("lower_ttl", [0, 1, 2])
def test_a_second_look_at_each_packet_changes_nothing(lower_ttl: int) -> None:
    once = view_of(_talk())
    twice = WireView.of(capture_of(_twice(_talk(), 20_000, lower_ttl)).flows.flow(0))
    assert twice.copies == len(once.segments)
    assert [(s.ts_ns, s.seq, s.flags) for s in twice.segments] == [(s.ts_ns, s.seq, s.flags) for s in once.segments]
    assert twice.round_trip_ns == once.round_trip_ns


def test_a_retransmission_is_no_copy() -> None:
    conv = Conversation()
    conv.handshake()
    conv.client("request", acked=False, arrives=False)
    conv.retransmit(after="20ms")
    view = view_of(conv)
    assert view.copies == 0
    assert len(view.initiator) == 4


@pytest.mark.parametrize(("later_id", "pieces"), [(0, 2), (5, 0)])
def test_what_one_interface_shows_whole_and_the_next_in_pieces_was_sent_once(later_id: int, pieces: int) -> None:
    conv = _talk()
    conv.segment("server", "PA", b"a" * 1400 + b"b" * 1400, ip_id=700)
    seq = view_of(conv).segments[-1].seq
    conv.segment("server", "A", b"a" * 1400, seq=seq, ip_id=700 + later_id, ttl=56, after="10us")
    conv.segment("server", "PA", b"b" * 1400, seq=seq + 1400, ip_id=701 + later_id, ttl=56)
    assert view_of(conv).copies == pieces


def test_a_packet_after_more_hops_than_a_copy_makes_is_kept() -> None:
    conv = Conversation()
    conv.handshake()
    conv.segment("server", "R", ttl=57, window=0, ip_id=0)
    conv.segment("server", "R", ttl=50, window=0, ip_id=0, after="10us")
    assert view_of(conv).copies == 0


@pytest.mark.parametrize("rtt_ms", [1, 20, 450])
def test_the_round_trip_is_that_of_the_path(rtt_ms: int) -> None:
    conv = Conversation(rtt_ms=rtt_ms)
    conv.handshake()
    conv.exchange()
    view = view_of(conv)
    assert view.round_trip_ns == rtt_ms * MS
    assert view.reverse_round_trip_ns == 40_000


def test_what_was_sent_twice_measures_nothing() -> None:
    conv = Conversation(rtt_ms=20)
    conv.syn(arrives=False)
    conv.retransmit(after="1s")
    conv.syn_ack()
    conv.segment("client", "A")
    assert view_of(conv).round_trip_ns is None


def test_the_vantage_is_told_by_who_answers_at_once() -> None:
    conv = Conversation(rtt_ms=40)
    conv.handshake()
    conv.exchange()
    assert view_of(conv).captured_near_responder is False


def test_the_vantage_near_the_server_is_told() -> None:
    conv = Conversation(rtt_ms=0)
    for _ in range(2):
        conv.syn() if not conv.packets else conv.client("x", acked=False, after="40ms")
        conv.segment("server", "SA" if len(conv.packets) == 1 else "A", after="50us")
    conv.server("answer", acked=False, after="1ms")
    conv.segment("client", "A", after="40ms")
    assert view_of(conv).captured_near_responder is True


def test_times_too_short_tell_no_vantage() -> None:
    conv = Conversation(rtt_ms=0.2, server_ttl=64)
    conv.handshake()
    conv.exchange()
    assert view_of(conv).captured_near_responder is None


def test_hop_counts_tell_the_vantage_where_times_do_not() -> None:
    for client, server, near in ((128, 57, False), (121, 64, True), (127, 63, None)):
        conv = Conversation(rtt_ms=0.2, client_ttl=client, server_ttl=server)
        conv.syn()
        conv.syn_ack()
        assert view_of(conv).captured_near_responder is near


def test_one_direction_is_noticed_by_what_the_other_must_have_sent() -> None:
    both = _talk()
    addresses = {"client": b"\x0a\x00\x00\x05", "server": b"\x0a\x09\x00\x07"}
    for address in addresses.values():
        half = [(at, frame) for at, frame in both.packets if frame[26:30] == address]
        assert WireView.of(capture_of(half).flows.flow(0)).one_direction
    assert not view_of(both).one_direction


def test_an_unanswered_syn_is_not_one_direction() -> None:
    conv = Conversation()
    conv.syn(arrives=False)
    conv.retransmit(after="1s", arrives=False)
    assert not view_of(conv).one_direction


def test_a_reset_measures_no_round_trip() -> None:
    conv = Conversation(rtt_ms=20)
    conv.syn()
    conv.refuse()
    assert view_of(conv).round_trip_ns is None


def test_halves_part_the_segments() -> None:
    flow = flow_of(_talk())
    view = WireView.of(flow)
    assert len(view.initiator) + len(view.responder) == len(view.segments) == flow.packets
    assert view.half(from_initiator=True) == view.initiator
    assert all(not s.from_initiator for s in view.half(from_initiator=False))


def test_a_changed_window_is_no_copy() -> None:
    conv = Conversation(client_ip_id="zero")
    conv.handshake()
    for window in (1026, 1027, 1027):
        conv.ack("client", window=window, after="10us")
    # The first repeats the handshake's own ACK, the third the second.
    assert view_of(conv).copies == 2
