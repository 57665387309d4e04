"""The watch as a whole, in this process, over taps that a test plays: time that breaks, memory that must not grow."""

from __future__ import annotations

import gc
import random
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from analyzer.capture.file import read_capture
from analyzer.capture.pcapng_writer import interface_block, packet_block, section_block
from analyzer.endpoint import parse_endpoint
from analyzer.errors import CaptureError, OutputError
from analyzer.live import watch as module
from analyzer.live.events import Event
from analyzer.live.plan import Plan
from analyzer.live.running import Keep
from analyzer.live.watch import Watch
from analyzer.ruleset.load import RuleSet, load_rules
from analyzer.units import NS
from tests.test_live_feed import FakeTap
from tests.test_live_running import talk
from tests.wire import Captured, Conversation

_PREAMBLE = section_block() + interface_block(1, 0, name="eth0")


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return load_rules(())


class _Running:
    """A watch that runs in a thread over one tap, and what it says."""

    def __init__(self, folder: Path, rules: RuleSet, **settings: Any) -> None:
        self.tap = FakeTap()
        self.events: list[Event] = []
        plan = Plan(
            "eth0", lambda: self.tap, rules, folder, **{"restart": False, "wait_ns": NS, "formats": ("json",), **settings}
        )  # fmt: skip
        self.watch = Watch(plan, self.events.append)
        self._thread = threading.Thread(target=self.watch.run, daemon=True)
        self.tap.give(_PREAMBLE)
        self._thread.start()

    def give(self, packets: Sequence[Captured]) -> None:
        self.tap.give(b"".join(packet_block(0, ts_ns, data, len(data)) for ts_ns, data in packets))

    def until(self, done: Callable[[], object], seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not done() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert done(), self.events

    def of(self, *kinds: str) -> list[Event]:
        return [event for event in self.events if event.kind in kinds]

    def finish(self) -> list[Event]:
        self.watch.stop()
        self._thread.join(20)
        assert not self._thread.is_alive()
        return self.events


@pytest.fixture
def run(tmp_path: Path, rules: RuleSet) -> Iterator[Callable[..., _Running]]:
    made: list[_Running] = []

    def start(**settings: Any) -> _Running:
        made.append(_Running(tmp_path / "out", rules, **settings))
        return made[-1]

    yield start
    for one in made:
        one.finish()


def _now(made: Conversation, back_ns: int = 0) -> list[Captured]:
    """The packets of a conversation as if its last one came now."""
    shift = time.time_ns() - made.packets[-1][0] - back_ns
    return [(ts_ns + shift, data) for ts_ns, data in made.packets]


def _refused(port: int) -> Conversation:
    made = Conversation(client=f"10.0.0.5:{port}", server="10.9.0.7:80")
    made.syn()
    made.refuse()
    return made


@pytest.mark.parametrize(("step_ns", "words"), [(3600 * NS, "set forward by"), (-3600 * NS, "set back by")])
def test_a_clock_that_is_set_is_said_and_no_silence_is_measured_across_it(
    run: Callable[..., _Running], step_ns: int, words: str
) -> None:
    made = run()
    open_one = talk(50123)
    made.give(_now(open_one))
    made.until(lambda: made.watch.intake.seen == len(open_one.packets))
    before = len(open_one.packets)
    open_one.exchange(b"again", b"yes")
    made.give([(ts_ns + step_ns, data) for ts_ns, data in _now(open_one)[before:]])
    made.give([(ts_ns + step_ns, data) for ts_ns, data in _now(_refused(50200))])
    made.until(lambda: made.of("incident"))
    (clock,) = made.of("clock")
    assert words in clock.text
    assert clock.grave
    assert [event.values["client"] for event in made.of("incident")] == ["10.0.0.5:50200"]
    (flow,) = [one for one in made.watch.running.capture(0, ()).flows if one.initiator.endpoint.port in (50123, 443)]
    assert max((silence.duration_ns for silence in flow.silences), default=0) < 60 * NS


def test_a_program_that_was_stopped_says_so(run: Callable[..., _Running], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STALL_S", 0.5)
    made = run()
    made.until(lambda: made.of("start"))
    held = threading.Event()
    honest = made.watch.clock.now_ns

    def slow() -> int:
        if not held.is_set():
            held.set()
            time.sleep(1.0)
        return honest()

    monkeypatch.setattr(made.watch.clock, "now_ns", slow)
    made.until(lambda: made.of("gap"))
    assert "the machine slept or was stopped" in made.of("gap")[0].text
    assert made.watch.losses.gaps == 1


def test_the_end_judges_what_was_still_waited_for(run: Callable[..., _Running]) -> None:
    made = run(wait_ns=3600 * NS)
    made.give(_now(_refused(50201)))
    made.until(lambda: made.watch.intake.seen == 2)
    time.sleep(1.2)
    assert made.of("incident") == []
    events = made.finish()
    assert [event.kind for event in events] == ["start", "incident", "end"]
    assert (Path(str(events[1].values["folder"])) / "report.json").is_file()
    assert (events[-1].values["packets"], events[-1].values["incidents"]) == (2, 1)


def test_a_person_may_ask_and_only_one_endpoint_may_be_of_interest(run: Callable[..., _Running]) -> None:
    made = run(endpoint=parse_endpoint("10.9.0.7:81"))
    made.give(_now(_refused(50202)))
    made.until(lambda: made.watch.intake.seen == 2)
    made.watch.ask_now("asked for by SIGUSR1")
    made.until(lambda: made.of("incident"))
    (told,) = made.of("incident")
    assert told.values["source"] == "call"
    assert "SIGUSR1" in told.text


def test_a_pipe_that_brings_hours_a_second_leaves_nothing_unseen(tmp_path: Path, rules: RuleSet) -> None:
    count = 120

    class Tap(FakeTap):
        given = -1

        def read(self) -> bytes:
            self.given += 1
            if self.given == 0:
                return _PREAMBLE
            time.sleep(0.01)
            made = _refused(50000 + self.given)
            late = 300 * NS * self.given
            packets = [(ts_ns + late, data) for ts_ns, data in made.packets]
            return b"".join(packet_block(0, ts, data, len(data)) for ts, data in packets) * (self.given <= count)

    plan = Plan("pipe", Tap, rules, tmp_path, own_clock=False, restart=False, ring_bytes=0, formats=())
    events: list[Event] = []
    Watch(plan, events.append).run()
    assert (events[-1].values["packets"], events[-1].values["incidents"]) == (2 * count, count)


@pytest.mark.parametrize("seed", range(24))
def test_whatever_comes_through_a_pipe_ends_in_order(tmp_path: Path, rules: RuleSet, seed: int) -> None:
    """Cut, torn, with garbage in it, or begun twice: an end or a sentence, and a ring that can be read."""
    rng = random.Random(seed)
    packets = [*talk(50123, rounds=30).packets, *_refused(50300).packets]
    stream = bytearray(_PREAMBLE + b"".join(packet_block(0, ts_ns, data, len(data)) for ts_ns, data in packets))
    place = rng.randrange(len(stream))
    match seed % 6:
        case 0:
            del stream[place:]
        case 1:
            del stream[place : place + rng.randrange(1, 300)]
        case 2:
            stream[place:place] = rng.randbytes(rng.randrange(1, 3000))
        case 3:
            for _ in range(rng.randrange(1, 20)):
                stream[rng.randrange(len(stream))] = rng.randrange(256)
        case 4:
            at = place // 4 * 4
            stream[at : at + 4] = rng.choice((b"\xff\xff\xff\xff", bytes(4), b"\0\0\0\x80", b"\xff\xff\xff\x7f"))
        case _:
            stream += stream[place:] + stream
    tap = FakeTap()
    while stream:
        size = rng.choice((1, 30, 1000, 50_000))
        tap.give(bytes(stream[:size]))
        del stream[:size]
    tap.end()
    events: list[Event] = []
    watch = Watch(Plan("pipe", lambda: tap, rules, tmp_path, own_clock=False, restart=False), events.append)
    try:
        watch.run()
        assert events[-1].kind == "end"
    except CaptureError as error:
        assert str(error).startswith("pipe: ")
    kept = sum(read_capture(str(path), hash_file=False).info.packets for path in (tmp_path / "ring").glob("ring-0*"))
    assert kept == watch.intake.seen


def test_it_ends_after_the_first_incident_where_asked_and_after_its_time(run: Callable[..., _Running]) -> None:
    made = run(duration_s=20.0)
    made.watch.end_after_first = True
    made.give(_now(_refused(50203)))
    made.until(lambda: made.of("end"))
    assert made.watch.best is not None
    # the first one has let go of the ring when it says so
    short = run(duration_s=0.3)
    short.until(lambda: short.of("end"))


def test_a_capture_that_never_begins_is_an_error_and_lets_go_of_the_ring(tmp_path: Path, rules: RuleSet) -> None:
    for _ in range(2):
        tap = FakeTap("eth0: the interface is down")
        tap.end()
        watch = Watch(Plan("eth0", lambda tap=tap: tap, rules, tmp_path), lambda _event: None)  # type: ignore[misc]
        with pytest.raises(CaptureError, match="interface is down"):
            watch.run()


def test_what_cannot_be_had_is_refused_before_anything_starts(tmp_path: Path, rules: RuleSet) -> None:
    (tmp_path / "ring").write_text("no folder", encoding="utf-8")
    opened: list[int] = []

    def tap() -> FakeTap:
        opened.append(1)
        return FakeTap()

    with pytest.raises(OutputError):
        Watch(Plan("eth0", tap, rules, tmp_path), lambda _event: None)
    assert opened == []


def test_flows_that_come_and_go_leave_nothing_behind(tmp_path: Path, rules: RuleSet) -> None:
    """Once the first connections have left in their time, as many leave as come, and memory stands still."""
    bench = pytest.importorskip("bench.live", exc_type=ImportError)
    count, per_s, step = 1600, 2, 40
    measured: list[int] = []

    class Tap(FakeTap):
        first = -1

        def read(self) -> bytes:
            self.first += 1
            if self.first == 0:
                return _PREAMBLE
            if self.first * step > count:
                return b""
            gc.collect()
            measured.append(tracemalloc.get_traced_memory()[0])
            blocks, _ = bench.blocks_of_flows(self.first * step - step, step, NS, per_s, odd=400)
            return bytes(blocks)

    plan = Plan(
        "pipe", Tap, rules, tmp_path, own_clock=False, restart=False, queue_bytes=1, ring_bytes=0, formats=(),
        keep=Keep(idle_ns=200 * NS),
    )  # fmt: skip
    events: list[Event] = []
    watch = Watch(plan, events.append)
    tracemalloc.start()
    try:
        watch.run()
    finally:
        tracemalloc.stop()
    assert watch.intake.seen == sum(
        bench.blocks_of_flows(n, step, NS, per_s, odd=400)[1] for n in range(0, count, step)
    )
    assert watch.running.retired > count // 2
    assert watch.running.given_up == 0
    half, last = max(measured[len(measured) // 2 - 8 : len(measured) // 2]), max(measured[-8:])
    # without leaving it would have grown by about 700 KiB
    assert last < half + (100 << 10)
