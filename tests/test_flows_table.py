from __future__ import annotations

import pytest

from analyzer.decode.columns import BIT_QUOTED, ROW_BITS
from analyzer.flows.model import ACK, FIN, RST, SYN
from analyzer.flows.table import FlowTable
from tests.digesting import START_NS, Packet, digest_of, rows_from

SERVER = ("10.9.0.7", 80)


def at(ms: int) -> int:
    return START_NS + ms * 10**6


def packets() -> list[Packet]:
    """Three flows: one closed, one refused, one over IPv6 that says a word."""
    one, two, six = ("10.0.0.5", 1001), ("10.0.0.5", 1002), ("2001:db8::5", 1003, "2001:db8::7", 80)
    return [
        Packet(*one, *SERVER, flags=SYN, seq=1, ns=at(0)), Packet(*SERVER, *one, flags=SYN | ACK, seq=9, ack=2, ns=at(10)),
        Packet(*one, *SERVER, flags=ACK, seq=2, ack=10, ns=at(11)),
        Packet(*two, *SERVER, flags=SYN, seq=5, ns=at(12)), Packet(*SERVER, *two, flags=RST | ACK, ack=6, ns=at(13)),
        Packet(*six, flags=ACK, seq=3, payload=b"word", ns=at(14)),
        Packet(*one, *SERVER, flags=FIN | ACK, seq=2, ack=10, ns=at(20)),
        Packet(*SERVER, *one, flags=FIN | ACK, seq=10, ack=3, ns=at(30)), Packet(*one, *SERVER, flags=ACK, seq=3, ack=11, ns=at(31)),
    ]  # fmt: skip


@pytest.fixture
def table() -> FlowTable:
    return FlowTable(digest_of(rows_from(packets())), at(100))


def test_flows_in_the_order_of_their_first_packet(table: FlowTable) -> None:
    assert len(table) == 3
    assert [flow.index for flow in table] == [0, 1, 2] == [flow.stream for flow in table]
    assert [table.verdict(index) for index in range(3)] == ["SF", "REJ", "OTH"]
    assert [table.entry(index) for index in range(3)] == [0, 1, 2]
    assert repr(table) == "<FlowTable of 3 flows>"
    assert table.flow(1) is table.flow(1)


def test_what_is_not_there_is_said(table: FlowTable) -> None:
    for index in (-1, 3):
        with pytest.raises(IndexError):
            table.flow(index)
        with pytest.raises(IndexError):
            table.reasons(index)
    with pytest.raises(KeyError):
        table.stream(3)
    with pytest.raises(KeyError):
        table.index_of(-1)


def test_streams_that_have_no_packets_leave_a_gap() -> None:
    """A number that only a quoted segment took belongs to no flow."""
    rows = rows_from([Packet(sport=1), Packet(sport=2), Packet(sport=3)])
    rows[1][1][ROW_BITS] |= BIT_QUOTED
    table = FlowTable(digest_of(rows), START_NS)
    assert [flow.stream for flow in table] == [0, 2]
    assert table.index_of(2) == 1
    assert table.stream(2).responder.endpoint.port == 3
    with pytest.raises(KeyError):
        table.stream(1)


def test_suspects_are_the_flows_with_a_reason(table: FlowTable) -> None:
    assert table.suspects() == [index for index in range(3) if table.reasons(index)] == [1, 2]
    assert {one.index for one in table.notable()} <= set(table.suspects())


def test_a_row_says_what_the_flow_says(table: FlowTable) -> None:
    for flow in table:
        row = table.row(flow.index)
        assert (row.initiator, row.responder) == table.ends(flow.index) == (flow.initiator.endpoint, flow.responder.endpoint)
        assert (row.first_frame, row.last_frame, row.first_ns, row.last_ns) == (
            flow.first_frame, flow.last_frame, flow.first_ns, flow.last_ns,
        )  # fmt: skip
        assert (row.initiator_packets, row.responder_packets) == (flow.initiator.packets, flow.responder.packets)
        assert (row.initiator_fins, row.responder_fins, row.rsts) == (
            flow.initiator.fins, flow.responder.fins, flow.initiator.rsts + flow.responder.rsts,
        )  # fmt: skip
        assert row.saw_syn == (flow.initiator.syns > 0)


def test_hosts_each_once_and_bounded(table: FlowTable) -> None:
    hosts = table.hosts(99)
    assert sorted(map(len, hosts)) == [4, 4, 16, 16]
    assert len(set(hosts)) == 4
    assert table.hosts(2) == hosts[:2]


def test_first_words_of_both_sides(table: FlowTable) -> None:
    assert list(table.heads()) == [(b"", b""), (b"", b""), (b"word", b"")]
