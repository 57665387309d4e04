from __future__ import annotations

from pathlib import Path

import pytest
from scapy.layers.inet import IP, fragment
from scapy.layers.l2 import Ether

from analyzer.around.surroundings import Surroundings
from analyzer.capture.file import read_capture
from analyzer.flows.rows import FlowRow
from analyzer.slices.gather import frames_of
from tests.wire import Conversation, write_pcap


def rows(path: Path) -> list[FlowRow]:
    return list(Surroundings(read_capture(str(path))).rows)


def test_each_flow_gets_all_its_packets_and_no_other(tmp_path: Path) -> None:
    one = Conversation(client="10.0.0.5:50123", server="10.9.0.7:80")
    two = Conversation(client="[2001:db8::5]:50124", server="[2001:db8::7]:80", start=one.now + 500)
    for talk in (one, two):
        talk.handshake()
        for _ in range(40):
            talk.client("x" * 10)
            talk.server("y" * 10)
    path = write_pcap(tmp_path / "two.pcap", one.packets + two.packets)
    first, second = rows(path)
    assert len(frames_of(str(path), [first])) == first.initiator_packets + first.responder_packets
    both = frames_of(str(path), [first, second])
    assert sorted(both) == list(range(1, len(one.packets) + len(two.packets) + 1))
    assert {frame for frame, owner in both.items() if owner == first.index} == set(frames_of(str(path), [first]))
    assert frames_of(str(path), []) == {}


def test_an_earlier_connection_on_the_same_ports_stays_out(tmp_path: Path) -> None:
    early = Conversation(client_isn=1000)
    early.handshake()
    early.server_rst()
    late = Conversation(client_isn=900_000, start=early.now + 10**10)
    late.handshake()
    path = write_pcap(tmp_path / "reuse.pcap", early.packets + late.packets)
    found = rows(path)
    assert len(found) == 2
    assert len(frames_of(str(path), found[1:])) == len(late.packets)


def test_every_fragment_of_a_segment_counts(tmp_path: Path) -> None:
    talk = Conversation()
    talk.handshake()
    talk.client("z" * 1200)
    packets = []
    for at, raw in talk.packets:
        frame = Ether(raw)
        if len(raw) < 1000:
            packets.append((at, raw))
            continue
        del frame[IP].chksum
        frame[IP].flags = 0
        head = Ether(src=frame.src, dst=frame.dst)
        packets += [(at + n, bytes(head / part)) for n, part in enumerate(fragment(frame[IP], 400))]
    path = write_pcap(tmp_path / "fragments.pcap", packets)
    (row,) = rows(path)
    assert sorted(frames_of(str(path), [row])) == list(range(1, len(packets) + 1))


def test_a_quoting_icmp_error_counts(shared: Path) -> None:
    path = shared / "captures" / "destination-unreachable-1" / "capture.pcapng"
    around = Surroundings(read_capture(str(path)))
    quoted = [row for row in around.rows if around.icmp_errors(around.flow(row.index))]
    if not quoted:
        pytest.skip("this case has no ICMP error that quotes a flow")
    frames = frames_of(str(path), quoted)
    assert {hit.note.frame for row in quoted for hit in around.icmp_errors(around.flow(row.index))} <= set(frames)
