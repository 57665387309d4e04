"""A folder holds the connection's packets, commented, and a report whose frames are those of the file beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from analyzer.capture.file import read_capture
from analyzer.capture.pcapng_writer import interface_block, packet_block, section_block
from analyzer.capture.ring import Ring
from analyzer.live.cases import CaseBook, Judged
from analyzer.live.clock import PacketClock
from analyzer.live.extract import Wanted, extract
from analyzer.live.feed import Delivery
from analyzer.live.folder import Folders, Written
from analyzer.live.intake import Intake
from analyzer.live.losses import Losses
from analyzer.live.running import Running
from analyzer.ruleset.load import RuleSet, load_rules
from analyzer.units import NS
from tests.test_live_intake import line_of
from tests.test_live_running import talk
from tests.wire import Captured, Conversation, dns

_PREAMBLE = section_block() + interface_block(1, 0, name="eth0")


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return load_rules(())


class Bench:
    """A ring and a digest that saw packets, and what was judged of them."""

    def __init__(self, folder: Path, rules: RuleSet, packets: list[Captured], *, ring_size: int = 8 << 20) -> None:
        self.root = folder
        self.rules = rules
        self.losses = Losses()
        self.running = Running("eth0")
        self.ring = Ring(folder / "ring", size=ring_size)
        clock = PacketClock(own=False)
        self.intake = Intake("eth0", self.running, self.ring, clock, self.losses, lambda _jump: None)
        self.line = line_of()
        self.intake.take(Delivery(self.line, _PREAMBLE))
        ordered = sorted(packets, key=lambda packet: packet[0])
        for start in range(0, len(ordered), 50):
            blocks = (packet_block(0, ts_ns, data, len(data)) for ts_ns, data in ordered[start : start + 50])
            self.intake.take(Delivery(self.line, b"".join(blocks)))
            self.ring.flush()
        self.now = (self.running.last_ns or 0) + 10 * NS
        self.book = CaseBook(rules, {}, 4 * NS)

    def judge(self) -> list[Judged]:
        view = self.book.view(self.running, self.intake.interfaces, self.losses, self.now)
        return self.book.judge(view, final=True)

    def folders(self) -> Folders:
        return Folders(self.root / "incidents", self.ring, self.rules, {}, name="eth0")

    def write(self, judged: Judged, dropped: int = 0) -> Written:
        return self.folders().write(judged, now_ns=self.now, dropped=dropped)


@pytest.fixture
def bench(tmp_path: Path, rules: RuleSet) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(packets: list[Captured], **settings: int) -> Bench:
        made.append(Bench(tmp_path, rules, packets, **settings))
        return made[-1]

    yield make
    for one in made:
        one.ring.close()


def idle_drop(port: int = 50123, client: str = "10.0.0.5", server: str = "10.9.0.7") -> Conversation:
    dying = talk(port, client=client, server=server)
    dying.wait("300s")
    dying.client(b"question", arrives=False)
    dying.unanswered(5)
    return dying


def test_the_report_is_about_the_slice_beside_it(bench: Callable[..., Bench]) -> None:
    dying = idle_drop()
    other = talk(1, client="10.0.0.99", server="10.9.0.99", rounds=20)
    made = bench(dns("db.example", at=dying.packets[0][0] - NS) + dying.packets + other.packets)
    (judged,) = made.judge()
    written = made.write(judged)
    assert written.own_frames
    assert written.packets == len(dying.packets)
    assert 0 < written.before < written.packets
    data = (written.folder / "slice.pcapng").read_bytes()
    report = json.loads((written.folder / "report.json").read_text(encoding="utf-8"))
    assert report["captures"][0]["sha256"] == hashlib.sha256(data).hexdigest()
    incident = report["incidents"][0]
    assert (incident["cause"], incident["capture"]) == ("firewall-idle-drop", "slice.pcapng")
    capture = read_capture(str(written.folder / "slice.pcapng"))
    flow = capture.flows.stream(incident["stream"])
    assert flow.packets == len(dying.packets)
    frames = {frame for evidence in incident["evidence"] for frame in evidence["frames"]}
    assert frames
    assert max(frames) <= capture.info.packets
    assert capture.info.health.comments > 0
    hosts = {str(each.initiator.endpoint.address) for each in capture.flows}
    assert "10.0.0.99" not in hosts
    assert len(capture.notes) == 2


def test_ipv6_and_company_of_the_same_server(bench: Callable[..., Bench]) -> None:
    dying = idle_drop(client="[fd00::5]", server="[fd00::7]")
    friend = talk(7, client="[fd00::6]", server="[fd00::7]")
    friend.now = dying.packets[-1][0] - 5 * NS
    friend.exchange(b"a", b"b")
    stranger = talk(8, client="[fd00::6]", server="[fd00::8]")
    made = bench(dying.packets + friend.packets + stranger.packets)
    judged = next(one for one in made.judge() if one.case.client.startswith("[fd00::5]"))
    written = made.write(judged)
    assert written.packets == len(dying.packets)
    capture = read_capture(str(written.folder / "slice.pcapng"))
    for each in capture.flows:
        assert "fd00::7" in (each.initiator.endpoint.address, each.responder.endpoint.address)
    assert len(capture.flows) == 2


def test_without_the_beginning_in_the_ring_the_watch_still_knows(bench: Callable[..., Bench]) -> None:
    dying = idle_drop()
    noise: list[Captured] = []
    for number in range(60):
        chatter = talk(2000 + number, client="10.0.0.77", server="10.9.0.77", rounds=1)
        chatter.now = dying.packets[0][0] + (20 + number * 3) * NS
        for _ in range(5):
            chatter.exchange(bytes(1400), bytes(1400))
        noise += chatter.packets
    made = bench(dying.packets + noise, ring_size=300 << 10)
    assert made.ring.given_up > 0
    judged = next(one for one in made.judge() if one.case.cause == "firewall-idle-drop")
    written = made.write(judged)
    assert not written.own_frames
    report = json.loads((written.folder / "report.json").read_text(encoding="utf-8"))
    assert report["incidents"][0]["cause"] == "firewall-idle-drop"
    assert "no longer held enough" in " ".join(report["captures"][0]["remarks"])
    assert read_capture(str(written.folder / "slice.pcapng")).info.packets >= 1


def test_a_loss_is_written_into_the_slice(bench: Callable[..., Bench]) -> None:
    made = bench(idle_drop().packets)
    (judged,) = made.judge()
    written = made.write(judged, dropped=12)
    capture = read_capture(str(written.folder / "slice.pcapng"))
    assert capture.info.health.dropped == 12


def test_without_a_ring_there_is_still_a_report(bench: Callable[..., Bench]) -> None:
    made = bench(idle_drop().packets)
    (judged,) = made.judge()
    folders = Folders(made.root / "incidents", None, made.rules, {}, name="eth0")
    written = folders.write(judged, now_ns=made.now, dropped=0)
    assert sorted(path.name for path in written.folder.iterdir()) == ["report.html", "report.json", "report.txt"]


def test_writing_again_replaces(bench: Callable[..., Bench]) -> None:
    made = bench(idle_drop().packets)
    (judged,) = made.judge()
    first = made.write(judged)
    before = (first.folder / "slice.pcapng").read_bytes()
    second = made.write(judged)
    assert first.folder == second.folder
    assert (second.folder / "slice.pcapng").read_bytes() == before
    assert not list(second.folder.glob("*.new"))


def test_of_a_long_connection_the_beginning_and_the_end_are_taken(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analyzer.live.extract._FIRST", 10)
    long = talk(50123, rounds=100)
    made = bench(long.packets)
    made.ring.flush()
    flow = made.running.capture(made.now, ()).flows.flow(0)
    wanted = Wanted(flow.initiator.endpoint, flow.responder.endpoint, flow.first_ns, flow.last_ns, made.now)
    assert len(extract(made.ring.files(), wanted)) == len(long.packets)
