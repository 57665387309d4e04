"""The running digest lets go of flows in their time and in the right order, and never changes what stays."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from analyzer.capture.pcapng_writer import interface_block, packet_block, section_block
from analyzer.capture.stream import Stream
from analyzer.decode import columns as col
from analyzer.flows.model import Flow
from analyzer.live.running import Keep, Running
from analyzer.units import NS
from tests.wire import Captured, Conversation

_PREAMBLE = section_block() + interface_block(1, 0, name="eth0")


def feed(running: Running, packets: list[Captured]) -> None:
    """Give packets to a running digest, in order of time."""
    stream = Stream("test", frames=running.packets)
    ordered = sorted(packets, key=lambda packet: packet[0])
    data = _PREAMBLE + b"".join(packet_block(0, ts_ns, frame, len(frame)) for ts_ns, frame in ordered)
    for part in stream.feed(data):
        if part.batch is not None:
            count = part.batch.count
            times = part.batch.records[col.REC_TS : count * col.REC_STRIDE : col.REC_STRIDE].tolist()
            running.take(part.batch, part.batch.first_frame, 0, count, times)


def talk(port: int, client: str = "10.0.0.5", server: str = "10.9.0.7", rounds: int = 3) -> Conversation:
    """A healthy open connection."""
    made = Conversation(client=f"{client}:{port}", server=f"{server}:443")
    made.handshake()
    for _ in range(rounds):
        made.exchange(b"ping", b"pong")
    return made


def flows_of(running: Running, now_ns: int) -> list[Flow]:
    """The flows it holds."""
    return list(running.capture(now_ns, ()).flows)


def _ports(running: Running, now_ns: int) -> set[int]:
    return {flow.initiator.endpoint.port for flow in flows_of(running, now_ns)}


def bare(flow: Flow) -> Flow:
    return replace(flow, index=0, stream=0, reused_ports=False)


def test_closed_flows_leave_after_minutes_and_idle_ones_after_hours() -> None:
    running = Running("test", Keep())
    closed, idle, tried = talk(1001), talk(1002), Conversation(client="10.0.0.5:1003", server="10.9.0.7:443")
    closed.close()
    tried.syn(arrives=False)
    feed(running, closed.packets + idle.packets + tried.packets)
    last = running.last_ns
    assert last is not None
    running.retire(last + 60 * NS)
    assert _ports(running, last) == {1001, 1002, 1003}
    running.retire(last + 200 * NS)
    assert _ports(running, last) == {1002, 1003}
    running.retire(last + 400 * NS)
    assert _ports(running, last) == {1002}
    running.retire(last + 7300 * NS)
    assert _ports(running, last) == {1002}
    running.retire(last + 9100 * NS)
    assert running.digest.count == 0
    assert running.retired == 3
    assert running.given_up == 0


def test_a_flow_goes_on_after_others_were_let_go() -> None:
    running, whole = Running("test"), Running("whole")
    idle, closed = talk(1002), talk(1001)
    closed.close()
    feed(running, closed.packets + idle.packets)
    feed(whole, closed.packets + idle.packets)
    last = running.last_ns or 0
    running.retire(last + 1000 * NS)
    before = len(idle.packets)
    idle.wait("3000s")
    idle.exchange(b"again", b"yes")
    feed(running, idle.packets[before:])
    feed(whole, idle.packets[before:])
    (kept,) = flows_of(running, running.last_ns or 0)
    other = next(flow for flow in flows_of(whole, whole.last_ns or 0) if flow.initiator.endpoint.port == 1002)
    assert bare(kept) == bare(other)
    assert kept.silences[0].duration_ns >= 3000 * NS


def test_when_memory_is_short_closed_flows_leave_first_then_tried_then_the_oldest() -> None:
    packets: list[Captured] = []
    for number in range(300):
        made = talk(2000 + number, rounds=1)
        if number % 3 == 0:
            made.close()
        packets += made.packets
    for number in range(100):
        tried = Conversation(client=f"10.0.0.6:{3000 + number}", server="10.9.0.7:443")
        tried.syn(arrives=False)
        packets += tried.packets
    running = Running("test", Keep(memory_bytes=1))
    feed(running, packets)
    size = running.memory
    running.keep = Keep(memory_bytes=size - 1)
    last = running.last_ns or 0
    running.retire(last)
    ports = _ports(running, last)
    assert 0 < len(ports) < 400
    opened = {2000 + number for number in range(300) if number % 3}
    assert opened <= ports or not ports - opened
    assert running.memory < size
    assert running.given_up + running.retired == 400 - len(ports)


def test_growth_stops_at_the_bound() -> None:
    bound = 1 << 20
    running = Running("test", Keep(memory_bytes=bound))
    rng = random.Random(1)
    most = 0
    for part in range(14):
        packets: list[Captured] = []
        for number in range(60):
            client = f"10.{part}.{rng.randrange(250)}.{number + 1}"
            packets += talk(rng.randrange(1024, 65000), client=client, rounds=2).packets
        feed(running, packets)
        if running.full:
            running.retire(running.last_ns or 0)
        most = max(most, running.memory)
    assert most < bound * 1.5
    assert running.given_up > 0


def test_notes_leave_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.wire import dns

    running = Running("test")
    feed(running, dns("db.example"))
    now: Callable[[], int] = lambda: running.last_ns or 0  # noqa: E731
    assert len(running.capture(now(), ()).notes) == 2
    running.retire(now() + 1000 * NS)
    assert running.capture(now(), ()).notes == ()
    del monkeypatch
