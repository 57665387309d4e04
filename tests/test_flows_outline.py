"""The rows for tables say what the flows themselves say, whatever the packets were."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analyzer.capture.file import read_capture
from analyzer.errors import CaptureError
from analyzer.flows import layout as lay
from analyzer.flows.model import ACK, FIN, RST, SYN, Flow
from analyzer.flows.table import FlowTable
from analyzer.signals.protocol import Protocol, read_talk
from analyzer.tables import flow_table
from analyzer.units import MS, NS
from tests.wire import Captured, Conversation, write_pcap

_MOST = 120_000
"""Bytes of a public capture that this test reads; larger ones take long where the packet loop is not compiled."""


def expected(flow: Flow, path: str) -> dict[str, Any]:
    """One row of the table, read off the flow."""
    client, server = flow.initiator, flow.responder
    silence, ended_by = longest_silence(flow)
    protocol = read_talk(flow).protocol
    return {
        "stream": flow.stream,
        "capture": path,
        "client": str(client.endpoint),
        "server": str(server.endpoint),
        "initiator_from": flow.initiator_from.value,
        "first_frame": flow.first_frame,
        "last_frame": flow.last_frame,
        "first": flow.first_ns,
        "last": flow.last_ns,
        "duration_s": (flow.last_ns - flow.first_ns) / NS,
        "packets": client.packets + server.packets,
        "client_packets": client.packets,
        "server_packets": server.packets,
        "payload_bytes": client.payload_bytes + server.payload_bytes,
        "client_payload_bytes": client.payload_bytes,
        "server_payload_bytes": server.payload_bytes,
        "verdict": flow.verdict,
        "history": flow.history,
        "handshake_ms": handshake_ms(flow),
        "longest_silence_s": silence,
        "longest_silence_frame": ended_by,
        "syn_frames": tuple(segment.frame for segment in flow.segments if segment.flags & SYN),
        "fin_frames": tuple(segment.frame for segment in flow.segments if segment.flags & FIN),
        "rst_frames": tuple(segment.frame for segment in flow.segments if segment.flags & RST),
        "fins": client.fins + server.fins,
        "rsts": client.rsts + server.rsts,
        "client_retransmitted_bytes": client.retransmitted_bytes,
        "server_retransmitted_bytes": server.retransmitted_bytes,
        "client_missing_bytes": client.missing_bytes,
        "server_missing_bytes": server.missing_bytes,
        "keepalives": client.keepalives + server.keepalives,
        "zero_windows": client.zero_windows + server.zero_windows,
        "protocol": None if protocol is Protocol.UNKNOWN else protocol.value,
        "reused_ports": flow.reused_ports,
    }


def handshake_ms(flow: Flow) -> float | None:
    """From the first SYN to the first SYN-ACK, where both halves sent theirs and in this order."""
    if not (flow.initiator.syns and flow.responder.syns):
        return None
    asked = None
    for segment in flow.segments:
        if segment.flags & SYN:
            if segment.flags & ACK:
                return None if asked is None else (segment.ts_ns - asked) / MS
            asked = segment.ts_ns if asked is None else asked
    return None


def longest_silence(flow: Flow) -> tuple[float | None, int | None]:
    """The longest of those kept, or of all pauses where every packet was kept."""
    if flow.silences:
        return flow.silences[0].duration_ns / NS, flow.silences[0].after_frame
    if flow.elided or len(flow.segments) < 2:
        return None, None
    pairs = zip(flow.segments, flow.segments[1:], strict=False)
    gap, frame = max((max(0, after.ts_ns - before.ts_ns), -after.frame) for before, after in pairs)
    return gap / NS, -frame


def compare(path: Path) -> FlowTable:
    capture = read_capture(str(path), hash_file=False)
    table = flow_table([capture])
    names = [column.name for column in table.columns]
    for row, flow in zip(table.rows(), capture.flows, strict=True):
        cells = dict(zip(names, row, strict=True))
        wanted = expected(flow, str(path))
        # The handshake is told while it runs; one that lasts less than nothing is a clock's step back.
        if wanted["handshake_ms"] is not None and wanted["handshake_ms"] < 0:
            wanted["handshake_ms"] = None
        assert cells == wanted
    return capture.flows


def test_public_and_labelled_captures(shared: Path) -> None:
    folders = (shared / "captures", shared / "corpus")
    paths = [path for folder in folders for path in sorted(folder.rglob("*.pcap*")) if path.stat().st_size < _MOST]
    compared = 0
    for path in paths:
        try:
            compared += len(compare(path))
        except CaptureError:
            continue
    assert compared > 100


def test_a_long_flow_keeps_what_lies_between_its_parts(tmp_path: Path) -> None:
    talk = Conversation(rtt_ms=10)
    talk.handshake()
    for number in range(60):
        talk.exchange(b"a" * 100, b"b" * 200)
        if number == 20:
            talk.wait("40s")
            talk.segment("server", "RA", seq=1, after="1ms")
            talk.segment("client", "FA", seq=7, after="1ms")
        if number == 55:
            talk.wait("30s")
    talk.close("server")
    flows = compare(talk.write(tmp_path / "a.pcap"))
    rows, marks = flows.outline()
    assert rows[lay.O_MARKS] == 6
    assert [mark & 7 for mark in marks[:6]] == [1, 1, 4, 2, 2, 2]
    assert rows[lay.O_SILENCE] > 40 * 10**9


def test_marks_find_room_however_many_there_are(tmp_path: Path) -> None:
    packets: list[Captured] = []
    for port in range(40):
        flow = Conversation(client=f"10.0.0.5:{50000 + port}")
        flow.syn()
        for _ in range(45):
            flow.segment("server", "RA", after="10ms")
        packets += flow.packets
    flows = compare(write_pcap(tmp_path / "a.pcap", packets))
    rows, marks = flows.outline()
    assert sum(rows[lay.O_MARKS :: lay.O_STRIDE]) == 40 * 46 <= len(marks)


def test_no_flow_at_all(tmp_path: Path) -> None:
    assert len(compare(write_pcap(tmp_path / "a.pcap", []))) == 0


PACKETS = st.tuples(
    st.sampled_from(["client", "server"]),
    st.sampled_from(["S", "SA", "A", "PA", "FA", "R", "RA", "FRA", "SF"]),
    st.integers(0, 3),
    st.sampled_from([0, 1, 900, 1000, 1001, 60_000, -50]),
    st.sampled_from([None, 0, 1, 5000, 3_000_000_000]),
    st.booleans(),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(PACKETS, min_size=1, max_size=90), min_size=1, max_size=3))
@example(
    # Data below the number that the half began with.
    [
        [
            *(("client", "S", 0, 0, seq, False) for seq in (None, None, 0)),
            ("client", "FA", 0, 0, None, False),
            ("client", "A", 1, 0, None, False),
        ]
    ]
)
def test_any_packets(talks: list[list[tuple[Any, str, int, int, int | None, bool]]]) -> None:
    packets: list[Captured] = []
    start = None
    for steps in talks:
        talk = Conversation(start=start)
        for who, flags, size, gap, seq, zero in steps:
            talk.now += gap * 10**6
            talk.segment(who, flags, b"x" * size, seq=seq, window=0 if zero else None)
        packets += talk.packets
        start = talk.now
    with tempfile.TemporaryDirectory() as folder:
        compare(write_pcap(Path(folder, "a.pcap"), packets))


def test_first_words(tmp_path: Path, capture: Path) -> None:
    del tmp_path
    flows = read_capture(str(capture), hash_file=False).flows
    assert list(flows.heads()) == [(flow.initiator.head, flow.responder.head) for flow in flows]
    walk = flows.heads()
    next(walk)
    walk.close()


@pytest.mark.parametrize("name", ["stream", "capture"])
def test_the_table_is_in_the_order_of_the_flows(capture: Path, name: str) -> None:
    read = read_capture(str(capture), hash_file=False)
    assert len(flow_table([read]).values[name]) == len(read.flows)
