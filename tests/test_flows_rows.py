"""One light row a flow says the same as the flow itself."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.flows.model import SYN
from analyzer.flows.rows import RowIndex, RowList, rows_of
from tests.conversations import CONVERSATIONS, ORDINARY
from tests.reading import capture_of
from tests.wire import Conversation

MAKES = {
    **{f"{cause}/{make.__name__}": make for cause, several in CONVERSATIONS.items() for make in several},
    **ORDINARY,
}


@pytest.mark.parametrize("name", sorted(MAKES))
def test_a_row_is_its_flow_in_short(name: str) -> None:
    capture = capture_of(MAKES[name]())
    (row,) = rows_of(capture.flows)
    flow = capture.flows.flow(0)
    assert (row.index, row.stream) == (flow.index, flow.stream)
    assert (row.initiator, row.responder) == (flow.initiator.endpoint, flow.responder.endpoint)
    assert (row.initiator_packets, row.responder_packets) == (flow.initiator.packets, flow.responder.packets)
    assert (row.initiator_payload, row.responder_payload) == (
        flow.initiator.payload_bytes,
        flow.responder.payload_bytes,
    )
    assert (row.first_frame, row.last_frame) == (flow.first_frame, flow.last_frame)
    assert (row.first_ns, row.last_ns) == (flow.first_ns, flow.last_ns)
    assert row.responder_last_ns == flow.responder.last_ns
    assert row.rsts == flow.initiator.rsts + flow.responder.rsts
    assert (row.initiator_fins, row.responder_fins) == (flow.initiator.fins, flow.responder.fins)
    longest = max((silence.duration_ns for silence in flow.silences), default=0)
    assert row.longest_silence_ns == capture.flows.longest_silence(0) == longest
    assert capture.flows.silences(0) == flow.silences
    syn = next((s for s in flow.segments if s.has(SYN) and s.from_initiator), None)
    assert capture.flows.first_syn(0) == syn
    assert row.saw_syn == capture.flows.attempted(0) == (syn is not None)


def test_the_first_unanswered_moment_is_kept() -> None:
    conv = Conversation()
    conv.handshake()
    conv.exchange()
    conv.client("anyone?", acked=False, arrives=False, after="5s")
    lost = conv.now
    conv.unanswered(4)
    (row,) = rows_of(capture_of(conv).flows)
    assert row.unanswered_since_ns == lost
    (whole,) = rows_of(capture_of(ORDINARY["server_closes_client_closes"]()).flows)
    assert whole.unanswered_since_ns is None


(TEMPLATE,) = rows_of(capture_of(ORDINARY["server_closes_client_closes"]()).flows)


@given(
    st.lists(st.integers(0, 1000), max_size=30).map(sorted),
    st.integers(-100, 1100),
    st.integers(0, 400),
    st.none() | st.integers(0, 400),
)
def test_near_finds_what_looking_at_all_finds(times: list[int], around: int, before: int, after: int | None) -> None:
    rows = RowList(
        range(len(times)), lambda index: TEMPLATE._replace(index=index, first_ns=times[index]), times.__getitem__
    )
    until = around + (before if after is None else after)
    assert list(rows.near(around, before, after)) == [row for row in rows if around - before <= row.first_ns <= until]


def _meet(client: str, server: str, seconds: int) -> Conversation:
    conv = Conversation(client=client, server=server, start=1_800_000_000_000_000_000 + seconds * 1_000_000_000)
    conv.handshake()
    return conv


def test_rows_are_found_by_host_port_endpoint_and_network() -> None:
    capture = capture_of(
        _meet("10.0.0.5:50001", "10.9.0.7:443", 0),
        _meet("10.0.0.6:50002", "10.9.0.8:443", 1),
        _meet("[2001:db8::5]:50003", "[2001:db8:1::7]:80", 2),
        _meet("10.9.0.7:50004", "10.0.0.5:20", 3),
    )
    index, rows = RowIndex(capture.flows), rows_of(capture.flows)
    assert list(index.every) == list(rows)
    for row in rows:
        assert row.first_ns == capture.flows.began(row.index)
        assert row in index.to_responder(*row.responder)
        assert row in index.to_host(row.responder.packed)
        assert row in index.from_host(row.initiator.packed)
        assert row in index.on_port(row.responder.port)
        assert row in index.to_network(row.responder.packed)
    assert list(index.on_port(443).indexes) == [0, 1]
    assert list(index.to_network(bytes((10, 9, 0, 200))).indexes) == [0, 1]
    assert list(index.between((bytes((10, 0, 0, 5)), bytes((10, 9, 0, 7)))).indexes) == [0, 3]
    assert [list(one.indexes) for one in index.rushes(1, 0)] == [[0], [1], [2], [3]]
    assert index.rushes(2, 10**12) == []
    assert index.busiest_initiators(2) == []
    for nothing in (index.to_host(bytes(16)), index.from_host(bytes(4)), index.to_network(bytes(4)), index.on_port(9)):
        assert not nothing


@given(st.lists(st.integers(0, 300), min_size=1, max_size=60).map(sorted), st.integers(2, 9), st.integers(0, 40))
def test_no_rush_is_missed(times: list[int], least: int, within: int) -> None:
    table = SimpleNamespace(
        beginnings=times, parties=lambda: ([0] * len(times), [7] * len(times), {}), __len__=lambda: len(times)
    )
    rush = any(times[at + least - 1] - times[at] <= within for at in range(len(times) - least + 1))
    if rush:
        assert RowIndex(table).rushes(least, within)  # type: ignore[arg-type]


@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 90)), min_size=1, max_size=30).map(sorted),
    st.integers(-100, 500),
    st.integers(0, 40),
)
def test_any_alive_says_what_looking_at_all_says(spans: list[tuple[int, int]], around: int, within: int) -> None:
    class Table(list[tuple[int, int]]):
        @property
        def beginnings(self) -> list[int]:
            return [first for first, _ in self]

        def began(self, index: int) -> int:
            return self[index][0]

        def ended(self, index: int) -> int:
            return sum(self[index])

    expected = any(first - within <= around <= first + lasted + within for first, lasted in spans)
    assert RowIndex(Table(spans)).any_alive(around, within) == expected  # type: ignore[arg-type]


def test_ports_and_servers_of_many_flows_are_counted_without_their_rows() -> None:
    convs = [_meet(f"10.0.0.5:{50001 + number % 3}", f"10.9.0.7:{80 + number % 5}", number) for number in range(15)]
    convs[0].client("data")
    capture = capture_of(*convs)
    index = RowIndex(capture.flows)
    every = index.every
    assert index.local_ports(every) == len({row.initiator.port for row in every}) == 3
    assert index.different_responders(every, 99, lambda _row: True) == 5
    assert index.different_responders(every, 4, lambda _row: True) == 4
    assert index.different_responders(every, 99, lambda row: bool(row.initiator_payload)) == 1
    assert all(capture.flows.ended(row.index) == row.last_ns for row in every)
    assert capture.flows.sides() == (True, True)
    alone = capture_of(_unanswered())
    assert alone.flows.sides() == (False, False)
    # Room that is kept for flows to come is no flow.
    alone.digest.halves.extend([1 << 40] * 20)
    assert alone.flows.sides() == (False, False)


def _unanswered() -> Conversation:
    conv = Conversation()
    conv.syn()
    return conv
