from __future__ import annotations

from itertools import product

import pytest

from analyzer.flows.model import ACK, FIN, RST, SYN, InitiatorFrom
from analyzer.flows.table import FlowTable
from tests.digesting import START_NS, Packet, digest_of, rows_from

LOW, HIGH = ("10.0.0.5", 50123), ("10.9.0.7", 80)


def table(packets: list[Packet]) -> FlowTable:
    return FlowTable(digest_of(rows_from(packets)), START_NS)


def says(flags: int, *, high: bool = False, ports: tuple[int, int] = (50123, 80)) -> Packet:
    ends = (LOW[0], ports[0]), (HIGH[0], ports[1])
    return Packet(*ends[high], *ends[not high], flags=flags, seq=0 if flags & SYN else 1, ack=1)


@pytest.mark.parametrize(
    ("packets", "initiator", "how"),
    [
        ([says(ACK, high=True), says(SYN)], LOW[0], InitiatorFrom.SYN),
        ([says(SYN, high=True), says(SYN)], HIGH[0], InitiatorFrom.SYN),
        ([says(ACK), says(SYN | ACK)], HIGH[0], InitiatorFrom.SYN_ACK),
        ([says(ACK, high=True)], LOW[0], InitiatorFrom.PORT),
        ([says(ACK, ports=(80, 50123))], HIGH[0], InitiatorFrom.PORT),
        ([says(ACK, high=True, ports=(7, 7)), says(ACK, ports=(7, 7))], HIGH[0], InitiatorFrom.FIRST_PACKET),
        ([says(ACK, ports=(7, 7))], LOW[0], InitiatorFrom.FIRST_PACKET),
    ],
)
def test_who_began(packets: list[Packet], initiator: str, how: InitiatorFrom) -> None:
    flows = table(packets)
    assert str(flows.ends(0)[0]).startswith(initiator)
    assert flows.initiator_from(0) is how is flows.flow(0).initiator_from


def test_the_compiled_verdict_is_that_of_the_machine() -> None:
    kinds: tuple[list[int], ...] = ([], [ACK], [SYN], [SYN, FIN | ACK], [SYN, RST], [FIN | ACK], [RST], [SYN, FIN | ACK, RST])
    for mine, other in product(kinds, kinds):
        if mine or other:
            flows = table([*(says(flags) for flags in mine), *(says(flags | ACK, high=True) for flags in other)])
            assert flows.verdict(0) == flows.flow(0).verdict, (mine, other)


def test_established_is_more_than_two_syns() -> None:
    opening = [says(SYN), says(SYN | ACK, high=True)]
    for packets, expected in (
        (opening[:1], False), (opening, False), ([*opening, says(RST)], False), ([*opening, says(ACK)], True),
        ([*opening, says(SYN)], False), ([says(ACK), says(ACK, high=True)], False),
    ):  # fmt: skip
        assert table(packets).row(0).established is expected
    spoken = [Packet(*LOW, *HIGH, payload=b"hi"), Packet(*HIGH, *LOW, payload=b"hi")]
    assert table(spoken).row(0).established
