"""What is taken in: counted once, kept, numbered, and never across a break in time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from analyzer.capture.pcapng_writer import interface_block, packet_block, section_block, statistics_block
from analyzer.capture.ring import Ring
from analyzer.live.clock import Jump, PacketClock
from analyzer.live.feed import Delivery, Line
from analyzer.live.intake import Intake
from analyzer.live.losses import Losses
from analyzer.live.running import Running
from analyzer.units import NS
from tests.test_live_feed import FakeTap
from tests.wire import Conversation

_PREAMBLE = section_block() + interface_block(1, 0, name="eth0")


class _Watch:
    """An intake with all that it needs."""

    def __init__(self, folder: Path, *, own: bool = False) -> None:
        self.jumps: list[Jump] = []
        self.ring = Ring(folder / "ring", size=8 << 20)
        self.running = Running("test")
        self.losses = Losses()
        self.intake = Intake("test", self.running, self.ring, PacketClock(own=own), self.losses, self._jumped)

    def _jumped(self, jump: Jump) -> None:
        self.jumps.append(jump)
        self.running.restart()


def line_of() -> Line:
    return Line(FakeTap(), cast("object", None))  # type: ignore[arg-type]


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[_Watch]:
    made = _Watch(tmp_path)
    yield made
    made.ring.close()


def _packets(count: int = 20, start: int = 0) -> list[tuple[int, bytes]]:
    talk = Conversation(client="10.0.0.5:50123", server="10.9.0.7:80")
    talk.handshake()
    while len(talk.packets) < start + count:
        talk.exchange(b"ping", b"pong")
    return talk.packets[start : start + count]


def _blocks(packets: list[tuple[int, bytes]]) -> bytes:
    return b"".join(packet_block(0, ts_ns, data, len(data)) for ts_ns, data in packets)


def test_packets_go_into_the_digest_and_the_ring(watch: _Watch) -> None:
    line = line_of()
    watch.intake.take(Delivery(line, _PREAMBLE + _blocks(_packets())))
    watch.ring.flush()
    assert watch.intake.seen == watch.running.packets == 20
    assert watch.running.digest.count == 1
    assert watch.ring.used == len(_PREAMBLE) + len(_blocks(_packets()))


def test_drops_are_counted_as_they_are_told(watch: _Watch) -> None:
    line = line_of()
    watch.intake.take(Delivery(line, _PREAMBLE + _blocks(_packets())))
    assert not watch.intake.counted
    watch.intake.take(Delivery(line, statistics_block(0, 0, received=20, dropped_by_interface=3)))
    watch.intake.take(Delivery(line, statistics_block(0, 0, received=20, dropped_by_interface=3)))
    watch.intake.take(Delivery(line, statistics_block(0, 0, received=20, dropped_by_interface=8)))
    assert watch.intake.counted
    assert watch.losses.dropped == 8


def test_what_both_lines_of_a_takeover_saw_counts_once(watch: _Watch) -> None:
    packets = _packets(60)
    first, second = line_of(), line_of()
    watch.intake.take(Delivery(first, _PREAMBLE + _blocks(packets[:20])))
    # the second line has begun: packets 20 to 40 are seen by both
    watch.intake.take(Delivery(first, _blocks(packets[20:40]), second))
    watch.intake.take(Delivery(first, b"", second))
    watch.intake.take(Delivery(second, _PREAMBLE + _blocks(packets[20:50])))
    watch.intake.take(Delivery(second, _blocks(packets[50:])))
    assert watch.intake.seen == 60
    assert watch.intake.duplicates == 20
    assert watch.losses.gaps == 0


def test_what_the_second_line_saved_is_no_loss(watch: _Watch) -> None:
    packets = _packets(40)
    first, second = line_of(), line_of()
    watch.intake.take(Delivery(first, _PREAMBLE + _blocks(packets[:10])))
    # the first line loses packets 12 to 15 and says so when it ends
    seen = packets[10:12] + packets[15:20]
    watch.intake.take(Delivery(first, _blocks(seen), second))
    watch.intake.take(Delivery(first, statistics_block(0, 0, received=17, dropped_by_interface=3), second))
    watch.intake.take(Delivery(first, b"", second))
    watch.intake.take(Delivery(second, _PREAMBLE + _blocks(packets[10:])))
    assert watch.intake.seen + watch.losses.dropped == 40
    assert watch.intake.seen == 40


def test_an_interruption_is_a_gap_that_nobody_counted(watch: _Watch) -> None:
    packets = _packets(40)
    watch.intake.take(Delivery(first := line_of(), _PREAMBLE + _blocks(packets[:20])))
    watch.intake.take(Delivery(first, b"", None, "it was killed"))
    assert watch.intake.in_gap
    watch.intake.take(Delivery(line_of(), _PREAMBLE + _blocks(packets[20:])))
    assert not watch.intake.in_gap
    assert watch.losses.gaps == 1
    assert watch.losses.latest is not None
    assert (watch.losses.latest.packets, watch.losses.latest.why) == (None, "it was killed")
    assert watch.running.digest.count == 1
    assert watch.jumps == []


def test_frames_count_on_over_lines(watch: _Watch) -> None:
    packets = _packets(40)
    watch.intake.take(Delivery(first := line_of(), _PREAMBLE + _blocks(packets[:20])))
    watch.intake.take(Delivery(first, b"", None, "it was killed"))
    watch.intake.take(Delivery(line_of(), _PREAMBLE + _blocks(packets[20:])))
    flow = watch.running.capture(packets[-1][0], ()).flows.flow(0)
    assert (flow.first_frame, flow.last_frame) == (1, 40)


def test_a_break_in_time_begins_anew(watch: _Watch) -> None:
    packets = _packets(20)
    back = [(ts_ns - 3600 * NS, data) for ts_ns, data in _packets(20, 20)]
    watch.intake.take(Delivery(line_of(), _PREAMBLE + _blocks(packets + back)))
    assert len(watch.jumps) == 1
    assert watch.running.packets == 40
    flow = watch.running.capture(back[-1][0], ()).flows.flow(0)
    assert flow.packets == 20


def test_a_restart_knows_again_what_the_ring_holds(tmp_path: Path) -> None:
    packets = _packets(40)
    watch = _Watch(tmp_path)
    watch.intake.take(Delivery(line_of(), _PREAMBLE + _blocks(packets[:20])))
    watch.ring.close()
    again = _Watch(tmp_path)
    again.intake.replay()
    assert again.running.digest.count == 1
    again.intake.take(Delivery(line_of(), _PREAMBLE + _blocks(packets[20:])))
    flow = again.running.capture(packets[-1][0], ()).flows.flow(0)
    assert flow.packets == 40
    assert again.losses.gaps == 1
    assert again.intake.seen == again.running.tcp_packets == 20
    again.ring.close()


def test_damage_in_the_stream_is_told_and_the_line_is_ended(watch: _Watch) -> None:
    line = line_of()
    watch.intake.take(Delivery(line, _PREAMBLE + _blocks(_packets()) + b"\xff" * 64))
    assert watch.intake.damage is not None
    assert cast("FakeTap", line.tap).stopped.is_set()
    assert watch.intake.seen == 20
