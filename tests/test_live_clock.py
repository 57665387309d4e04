"""Packet time goes on between packets, and breaks in it are noticed where they can be."""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.live.clock import Jump, PacketClock
from analyzer.units import NS

_START = 1_700_000_000 * NS


@dataclass
class _Machine:
    """Clocks that a test can turn."""

    monotonic: int = 5_000 * NS
    wall: int = _START
    asleep: int = 0

    def run(self, seconds: float) -> None:
        self.monotonic += round(seconds * NS)
        self.wall += round(seconds * NS)

    def clock(self, *, own: bool = True) -> PacketClock:
        return PacketClock(
            own=own,
            monotonic=lambda: self.monotonic,
            wall=lambda: self.wall,
            through_sleep=lambda: self.monotonic + self.asleep,
        )


def test_time_goes_on_without_packets() -> None:
    machine = _Machine()
    clock = machine.clock()
    assert clock.see(_START) is None
    machine.run(7200)
    assert clock.now_ns() == _START + 7200 * NS


def test_late_packets_do_not_move_the_clock_back() -> None:
    machine = _Machine()
    clock = machine.clock()
    clock.see(machine.wall)
    machine.run(60)
    assert clock.see(machine.wall - 50 * NS) is None
    assert machine.wall - clock.now_ns() < NS // 10


def test_a_burst_after_a_stall_is_no_jump() -> None:
    machine = _Machine()
    clock = machine.clock()
    clock.see(machine.wall)
    machine.run(90)
    for late in range(90, 0, -1):
        assert clock.see(machine.wall - late * NS) is None


def test_a_clock_set_forward_is_told() -> None:
    machine = _Machine()
    clock = machine.clock()
    clock.see(machine.wall)
    machine.run(1)
    machine.wall += 3600 * NS
    jump = clock.see(machine.wall)
    assert isinstance(jump, Jump)
    assert not jump.asleep
    assert "forward by 60 min" in jump.describe()
    assert clock.now_ns() == machine.wall
    machine.run(1)
    assert clock.see(machine.wall) is None


def test_a_clock_set_back_is_told() -> None:
    machine = _Machine()
    clock = machine.clock()
    clock.see(machine.wall)
    machine.run(1)
    machine.wall -= 600 * NS
    jump = clock.see(machine.wall)
    assert jump is not None
    assert "back by" in jump.describe()
    machine.run(1)
    assert clock.see(machine.wall) is None


def test_a_sleep_is_told_from_a_clock_that_was_set() -> None:
    machine = _Machine()
    clock = machine.clock()
    clock.see(machine.wall)
    machine.wall += 8 * 3600 * NS
    machine.asleep += 8 * 3600 * NS
    jump = clock.see(machine.wall)
    assert jump is not None
    assert jump.asleep
    assert "slept for 8 h" in jump.describe()


def test_small_corrections_pass() -> None:
    machine = _Machine()
    clock = machine.clock()
    for step in (3, -1, 8, -4, 2):
        machine.run(10)
        machine.wall += step * NS
        assert clock.see(machine.wall) is None


def test_drift_over_weeks_passes() -> None:
    machine = _Machine()
    clock = machine.clock()
    for _ in range(3000):
        machine.run(600)
        machine.wall -= 600 * NS // 10_000
        assert clock.see(machine.wall) is None


def test_a_pipe_may_hold_any_times_but_not_run_back() -> None:
    machine = _Machine()
    clock = machine.clock(own=False)
    assert clock.see(_START) is None
    assert clock.see(_START + 86_400 * NS) is None
    machine.run(5)
    assert clock.now_ns() == _START + 86_405 * NS
    assert clock.see(_START) is not None


def test_a_frozen_clock_stands_until_packets_come() -> None:
    machine = _Machine()
    clock = machine.clock()
    clock.see(machine.wall)
    machine.run(10)
    clock.freeze()
    machine.run(1000)
    assert clock.now_ns() == _START + 10 * NS
    clock.thaw()
    assert clock.now_ns() == _START + 1010 * NS
