"""Verdicts come after the wait, once, are revised when more comes, and are taken back when they were wrong."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace

import pytest

from analyzer.capture.model import Interface
from analyzer.endpoint import parse_endpoint
from analyzer.live.cases import CaseBook, Judged
from analyzer.live.losses import Loss, Losses
from analyzer.live.running import Running
from analyzer.ruleset.load import RuleSet, load_rules
from analyzer.units import NS
from tests.test_live_running import feed, talk
from tests.wire import Captured, Conversation

_ETHERNET = Interface("eth0", "", 1, 0, None, None, "", "")


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return load_rules(())


class _Bench:
    """A digest, a case book, and packets that arrive as time goes by."""

    def __init__(self, rules: RuleSet, packets: list[Captured]) -> None:
        self.running = Running("test")
        self.book = CaseBook(rules, {}, 4 * NS)
        self.losses = Losses()
        self.packets = sorted(packets, key=lambda packet: packet[0])
        self.told: list[tuple[float, Judged]] = []
        self.start = self.packets[0][0]
        self._given = 0

    def until(self, seconds: float, *, step: float = 0.5) -> list[tuple[float, str, str, str]]:
        """Let time go on in steps, judging after each; what was told, with its time."""
        now = self.running.last_ns or self.start
        end = self.start + round(seconds * NS)
        while now < end:
            now = min(end, now + round(step * NS))
            fresh = [packet for packet in self.packets[self._given :] if packet[0] <= now]
            self._given += len(fresh)
            if fresh:
                feed(self.running, fresh)
            view = self.book.view(self.running, (_ETHERNET,), self.losses, now)
            self.told += [((now - self.start) / NS, judged) for judged in self.book.judge(view)]
        return [
            (when, judged.change, judged.case.cause, judged.incident.diagnosis.confidence) for when, judged in self.told
        ]


def test_a_refused_connection_is_told_after_the_wait_and_once(rules: RuleSet) -> None:
    refused = Conversation(client="10.0.0.5:50123", server="10.9.0.7:80")
    refused.syn()
    refused.refuse()
    told = _Bench(rules, refused.packets + talk(1).packets).until(40)
    assert [(change, cause) for _, change, cause, _ in told] == [("incident", "connection-refused")]
    assert 4 <= told[0][0] <= 6


def test_a_slow_answer_is_no_incident(rules: RuleSet) -> None:
    slow = Conversation(client="10.0.0.5:50123", server="10.9.0.7:80")
    slow.syn(arrives=False)
    slow.retransmit("client", after="1s", arrives=False)
    slow.retransmit("client", after="2s")
    slow.syn_ack()
    slow.ack("client")
    slow.exchange(b"ping", b"pong")
    slow.close()
    assert _Bench(rules, slow.packets).until(30) == []


def test_a_dying_connection_is_told_while_it_still_dies(rules: RuleSet) -> None:
    dying = talk(50123)
    dying.wait("40s")
    start = dying.now if hasattr(dying, "now") else dying.packets[-1][0] + 40 * NS
    dying.client(b"question", arrives=False)
    dying.unanswered(5)
    bench = _Bench(rules, dying.packets)
    told = bench.until(80)
    assert told[0][1:3] == ("incident", "firewall-idle-drop")
    assert told[0][0] - (start - bench.start) / NS <= 10
    assert {cause for _, _, cause, _ in told} == {"firewall-idle-drop"}


def test_more_packets_revise_the_verdict(rules: RuleSet) -> None:
    closed = talk(50123)
    closed.wait("1s")
    closed.fin("server")
    closed.wait("6s")
    closed.client(b"still here?")
    closed.server_rst()
    told = _Bench(rules, closed.packets).until(60)
    assert told[-1][2] == "server-closed-then-client-sent"
    assert [change for _, change, _, _ in told][:1] == ["incident"]
    assert {change for _, change, _, _ in told[1:]} <= {"revised"}


def test_what_turns_out_well_is_withdrawn(rules: RuleSet) -> None:
    late = talk(50123, rounds=5)
    late.client(b"question", arrives=False)
    late.unanswered(4)
    late.wait("20s")
    late.retransmit("client")
    late.server(b"answer at last")
    late.exchange(b"ping", b"pong")
    late.exchange(b"ping", b"pong")
    late.close()
    told = _Bench(rules, late.packets).until(90)
    assert [change for _, change, _, _ in told] == ["incident", "withdrawn"]


def test_a_loss_in_its_time_lowers_the_confidence_and_another_does_not(rules: RuleSet) -> None:
    def told_with(loss_s: float) -> str:
        refused = Conversation(client="10.0.0.5:50123", server="10.9.0.7:80")
        before = talk(1)
        before.wait("30s")
        refused.wait("30s")
        refused.syn()
        refused.refuse()
        bench = _Bench(rules, before.packets + refused.packets)
        at = bench.start + round(loss_s * NS)
        bench.losses.add(Loss(at, at + NS // 10, 12, "slow"))
        return bench.until(60)[0][3]

    assert told_with(30.0) == "medium"
    assert told_with(3.0) == "high"


def test_only_what_is_asked_for_is_judged(rules: RuleSet) -> None:
    packets: list[Captured] = []
    for port in (80, 81):
        refused = Conversation(client=f"10.0.0.5:{50000 + port}", server=f"10.9.0.7:{port}")
        refused.syn()
        refused.refuse()
        packets += refused.packets
    bench = _Bench(rules, packets)
    wanted = parse_endpoint("10.9.0.7:81")
    bench.book.only = lambda client, server: wanted in (client, server)
    bench.until(20)
    assert [judged.case.server for _, judged in bench.told] == ["10.9.0.7:81"]


def test_of_many_flows_only_company_is_judged(rules: RuleSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.live.cases._SMALL", 10)
    packets: list[Captured] = []
    for number in range(40):
        packets += talk(1000 + number, client=f"10.3.0.{number + 1}", server=f"10.4.0.{number + 1}", rounds=1).packets
    refused = Conversation(client="10.0.0.5:50123", server="10.9.0.7:80")
    refused.syn()
    refused.refuse()
    bench = _Bench(rules, packets + refused.packets)
    bench.until(12)
    assert [judged.case.cause for _, judged in bench.told] == ["connection-refused"]
    assert len(bench.told[0][1].around.capture.flows) < 5


def _among_others(late: Conversation, moment_ns: int) -> list[Captured]:
    """A conversation among healthy ones, while others that share no host with it are refused one after the other."""
    packets = list(late.packets)
    for number in range(6):
        packets += talk(1000 + number, client=f"10.3.0.{number}", server=f"10.4.0.{number}", rounds=1).packets
        refused = Conversation(client=f"10.5.0.{number}:50123", server=f"10.6.0.{number}:80")
        refused.now = moment_ns + 3 * number * NS
        refused.syn()
        refused.refuse()
        packets += refused.packets
    return packets


def test_of_many_flows_a_case_may_still_turn_out_well(rules: RuleSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others are judged meanwhile, in views that do not hold its connection."""
    monkeypatch.setattr("analyzer.live.cases._SMALL", 3)
    late = talk(50123, rounds=5)
    late.client(b"question", arrives=False)
    late.unanswered(4)
    moment = late.packets[-1][0]
    late.wait("20s")
    late.retransmit("client")
    late.server(b"answer at last")
    late.exchange(b"ping", b"pong")
    late.exchange(b"ping", b"pong")
    late.close()
    bench = _Bench(rules, _among_others(late, moment))
    bench.until(90)
    own = [judged.change for _, judged in bench.told if judged.case.client == "10.0.0.5:50123"]
    assert (own[0], own[-1]) == ("incident", "withdrawn")
    assert {judged.case.client for _, judged in bench.told} > {"10.0.0.5:50123", "10.5.0.5:50123"}


def test_of_many_flows_a_told_case_is_found_again(rules: RuleSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.live.cases._SMALL", 3)
    dead = talk(50123, rounds=5)
    dead.client(b"question", arrives=False)
    dead.unanswered(5)
    bench = _Bench(rules, _among_others(dead, dead.packets[-1][0] + 5 * NS))
    bench.until((dead.packets[-1][0] - bench.start) / NS + 60)
    (key,) = [key for key, case in bench.book.cases.items() if case.told and case.client == "10.0.0.5:50123"]
    now = dead.packets[-1][0] + 60 * NS
    view = bench.book.view(bench.running, (_ETHERNET,), bench.losses, now, [key])
    assert not view.whole
    again = bench.book.again(view, key)
    assert again is not None
    assert again.case.client == "10.0.0.5:50123"


def test_a_settled_flow_is_not_looked_at_again(rules: RuleSet) -> None:
    refused = Conversation(client="10.0.0.5:50123", server="10.9.0.7:80")
    refused.syn()
    refused.refuse()
    bench = _Bench(rules, refused.packets)
    bench.until(200, step=2)
    before = bench.book.examined
    bench.until(400, step=2)
    assert bench.book.examined == before
    assert before < 60


def test_a_storm_at_one_server_does_not_hide_another(rules: RuleSet, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = count()
    monkeypatch.setattr("analyzer.live.cases.time", SimpleNamespace(monotonic=lambda: float(next(ticks))))
    monkeypatch.setattr("analyzer.live.cases._BUDGET_S", 3.0)
    packets: list[Captured] = []
    for number in range(20):
        refused = Conversation(
            client=f"10.0.0.5:{50000 + number}", server="10.9.0.8:80" if number > 18 else "10.9.0.7:80"
        )
        refused.now += number * NS // 100
        refused.syn()
        refused.refuse()
        packets += refused.packets
    bench = _Bench(rules, packets)
    bench.until(1.0, step=1.0)
    assert bench.book.left == 20 - 3
    assert {case.server for case in bench.book.cases.values()} == {"10.9.0.7:80", "10.9.0.8:80"}
    bench.until(60)
    assert bench.book.left == 0
    assert len({judged.case.client for _, judged in bench.told}) == 20


def test_cases_leave_with_their_connections(rules: RuleSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.live.cases._GONE", 1)
    packets: list[Captured] = []
    for number in range(8):
        refused = Conversation(client=f"10.0.0.5:{50000 + number}", server="10.9.0.7:80")
        refused.now += 300 * number * NS
        refused.syn()
        refused.refuse()
        packets += refused.packets
    bench = _Bench(rules, packets)
    for seconds in range(30, 2460, 30):
        bench.until(seconds, step=5)
        bench.running.retire(bench.start + seconds * NS)
    assert [judged.change for _, judged in bench.told] == ["incident"] * 8
    assert len(bench.book.cases) <= 2


def test_the_end_tells_what_was_still_waited_for(rules: RuleSet) -> None:
    refused = Conversation(client="10.0.0.5:50123", server="10.9.0.7:80")
    refused.syn()
    refused.refuse()
    bench = _Bench(rules, refused.packets)
    assert bench.until(1) == []
    now = bench.start + NS
    view = bench.book.view(bench.running, (_ETHERNET,), bench.losses, now)
    assert [judged.case.cause for judged in bench.book.judge(view, final=True)] == ["connection-refused"]
