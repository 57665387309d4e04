"""Every RST: its form, what it answers, and whether it fits the host it claims to come from."""

from __future__ import annotations

import pytest

from analyzer.signals.reset import Baseline, Origin, Reset, ResetForm, acknowledges_less, is_ignored, read_resets
from tests.conversations import guilty, ordinary
from tests.reading import reading_of, view_of
from tests.wire import Conversation


def _open(rtt_ms: float = 20, exchanges: int = 4, **options: int) -> Conversation:
    conv = Conversation(rtt_ms=rtt_ms, **options)
    conv.handshake()
    for _ in range(exchanges):
        conv.exchange()
    return conv


def only(conv: Conversation, baseline: Baseline | None = None) -> Reset:
    baselines = {} if baseline is None else {False: baseline}
    (reset,) = read_resets(view_of(conv), baselines)
    return reset


# -- forms -------------------------------------------------------------------------------------------------------


def test_a_refusal_answers_the_syn() -> None:
    reset = only(guilty.refused())
    assert reset.form is ResetForm.REFUSES_SYN
    assert reset.answers is not None
    assert reset.answers.frame == 1


def test_a_kernel_without_the_connection_answers_with_the_number_it_was_told() -> None:
    conv = _open()
    request = conv.client("hello again", acked=False, after="60s")
    conv.server_rst(with_ack=False)
    reset = only(conv)
    assert reset.form is ResetForm.NO_STATE
    assert reset.answers is not None
    assert reset.answers.frame == request + 1
    assert reset.delay_ns == 20_000_000
    assert reset.exact is True


def test_an_abort_acknowledges() -> None:
    conv = _open()
    conv.server_rst()
    assert only(conv).form is ResetForm.ABORT


def test_a_sequence_number_that_nobody_expects_is_not_exact() -> None:
    conv = _open()
    conv.middlebox_rst(seq_offset=700)
    assert only(conv).exact is False


def test_a_reset_after_nothing_cannot_be_called_exact() -> None:
    conv = Conversation()
    conv.syn(captured=False)
    conv.syn_ack(captured=False)
    conv.server_rst(with_ack=False)
    conv.server("and on", acked=False)
    assert only(conv).exact is None


# -- origin ------------------------------------------------------------------------------------------------------


def test_a_reset_like_all_other_packets_is_the_hosts_own() -> None:
    conv = _open()
    conv.server_rst()
    reset = only(conv)
    assert reset.origin is Origin.ENDPOINT
    assert reset.ttl_delta == 0
    assert any("counter" in reason for reason in reset.reasons)


@pytest.mark.parametrize("off", [-30, -2, 2, 64])
def test_a_reset_from_elsewhere_has_come_another_way(off: int) -> None:
    conv = _open()
    conv.segment("server", "R", window=0, ttl=57 + off, ip_id=0, after="1ms")
    reset = only(conv)
    assert reset.origin is Origin.MIDDLEBOX
    assert reset.ttl_delta == off
    assert any(f"its TTL {57 + off} is {abs(off)} off" in reason for reason in reset.reasons)


def test_a_host_that_goes_on_after_its_reset_did_not_send_it() -> None:
    conv = _open()
    conv.client("question", acked=False)
    conv.middlebox_rst(ttl=57, ip_id=0)
    conv.wait("15ms")
    goes_on = conv.server("the answer, all the same", acked=False)
    reset = only(conv)
    assert reset.origin is Origin.MIDDLEBOX
    assert reset.after_life == (goes_on + 1,)


def test_a_packet_overtaken_by_the_reset_excuses_it() -> None:
    conv = _open()
    conv.server_rst()
    conv.segment("server", "A", "late by a little", after="200us")
    reset = only(conv)
    assert reset.after_life
    assert reset.origin is Origin.ENDPOINT


def test_an_identification_out_of_line_is_suspicious_and_zero_says_nothing() -> None:
    counted = _open(server_ttl=57)
    counted.segment("server", "RA", window=0, ip_id=0x4444, after="1ms")
    assert any("does not continue" in reason for reason in only(counted).reasons)
    zero = _open()
    zero.segment("server", "R", window=0, ip_id=0, after="1ms")
    assert not any("identification" in reason for reason in only(zero).reasons)


def test_identifications_that_jump_by_themselves_say_nothing() -> None:
    conv = Conversation(server_ip_id="zero")
    conv.handshake()
    for ident in (0x1111, 0x9999, 0x2222, 0x8888):
        conv.client("x", acked=False)
        conv.segment("server", "PA", "y", ip_id=ident)
    conv.segment("server", "RA", window=0, ip_id=0x4444, after="1ms")
    assert not any("identification" in reason for reason in only(conv).reasons)


def test_an_answer_sooner_than_the_path_allows_was_not_the_hosts() -> None:
    conv = _open(rtt_ms=50)
    conv.client("question", acked=False)
    conv.segment("server", "R", window=0, ip_id=0, after="3ms")
    reset = only(conv)
    assert any("3.0 ms after what it answers, sooner than the path's 50.0 ms" in reason for reason in reset.reasons)


def test_a_reset_from_another_link_address_came_by_another_way() -> None:
    conv = _open()
    conv.server_rst()
    at, frame = conv.packets[-1]
    conv.packets[-1] = (at, frame[:6] + bytes.fromhex("0200000000ee") + frame[12:])
    assert any("another link-layer address" in reason for reason in only(conv).reasons)


def test_without_anything_to_compare_nothing_is_claimed() -> None:
    reset = only(guilty.refused())
    assert reset.ttl_delta is None
    assert reset.origin is Origin.UNDETERMINED


def test_what_the_host_sends_elsewhere_is_a_measure() -> None:
    conv = Conversation()
    conv.syn(arrives=False)
    conv.refuse(ttl=64)
    assert only(conv, Baseline((57,))).origin is Origin.MIDDLEBOX
    assert only(conv, Baseline((64,))).origin is Origin.ENDPOINT


def test_its_network_is_a_measure_of_distance_only() -> None:
    conv = Conversation()
    conv.syn(arrives=False)
    conv.refuse(ttl=57)
    same = only(conv, Baseline(neighbour_ttls=(57,)))
    assert same.origin is Origin.ENDPOINT
    other_system = only(conv, Baseline(neighbour_ttls=(121,)))
    assert other_system.weight == 0
    elsewhere = only(conv, Baseline(neighbour_ttls=(120,)))
    assert elsewhere.origin is Origin.MIDDLEBOX


def test_other_flows_of_the_capture_give_the_measure() -> None:
    conv = Conversation(client="10.0.0.5:50200", server="10.9.0.7:81")
    conv.syn(arrives=False)
    conv.refuse(ttl=64)
    other = _open(server_ttl=57)
    (reset,) = reading_of(conv, other).resets
    assert reset.origin is Origin.MIDDLEBOX
    (alone,) = reading_of(conv).resets
    assert alone.origin is Origin.UNDETERMINED


# -- effect ------------------------------------------------------------------------------------------------------


def test_a_reset_that_nobody_heeds_is_ignored() -> None:
    view = view_of(ordinary.blind_reset_ignored())
    (reset,) = read_resets(view)
    assert reset.ignored
    assert is_ignored(view, reset.segment)


def test_packets_of_one_side_do_not_make_a_reset_ignored() -> None:
    conv = _open()
    conv.server_rst()
    for _ in range(6):
        conv.segment("client", "PA", "under way", after="1ms")
    (reset,) = read_resets(view_of(conv))
    assert not reset.ignored


def test_unread_data_shows_in_the_acknowledgment() -> None:
    conv = _open()
    heard = conv._sides["server"].acked
    conv.client("never read", acked=False)
    conv.segment("server", "RA", ack=heard, window=0, after="20ms")
    view = view_of(conv)
    assert acknowledges_less(read_resets(view)[0], view) is True


def test_a_reset_that_acknowledges_all_left_nothing_unread_by_that() -> None:
    conv = _open()
    conv.client("read", acked=True)
    conv.server_rst()
    view = view_of(conv)
    assert acknowledges_less(read_resets(view)[0], view) is False


def test_a_bare_reset_acknowledges_nothing_and_tells_nothing() -> None:
    view = view_of(guilty.server_restarted())
    assert acknowledges_less(read_resets(view)[0], view) is None


def test_one_hop_more_or_less_tells_only_where_all_else_agrees() -> None:
    steady = _open()
    steady.segment("server", "R", window=0, ttl=56, ip_id=0, after="1ms")
    assert any("differs by one from all" in reason for reason in only(steady).reasons)
    mixed = _open()
    for _ in range(4):
        mixed.client("x", acked=False)
        mixed.segment("server", "PA", "y", ttl=58)
    mixed.segment("server", "R", window=0, ttl=59, ip_id=0, after="1ms")
    assert not any("differs by one" in reason for reason in only(mixed).reasons)
