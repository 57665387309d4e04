"""Lines of logs, ends of programs and a person's "now" start a judgement, once each."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from analyzer.capture.model import Interface
from analyzer.live.cases import CaseBook, View
from analyzer.live.command import Command
from analyzer.live.losses import Losses
from analyzer.live.running import Running
from analyzer.live.triggers import Triggers
from analyzer.ruleset.load import RuleSet, load_rules
from analyzer.units import NS
from tests.test_live_running import feed, talk

_ETHERNET = Interface("eth0", "", 1, 0, None, None, "", "")


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return load_rules(())


class _Bench:
    """One connection that its server closed and its client used again, and the triggers around it."""

    def __init__(self, rules: RuleSet, log: Path | None = None) -> None:
        self.running = Running("test")
        self.losses = Losses()
        self.book = CaseBook(rules, {}, 4 * NS)
        self.triggers = Triggers(4 * NS, UTC)
        closed = talk(50123)
        closed.fin("server")
        closed.wait("2s")
        closed.client(b"still here?", acked=False)
        closed.server_rst()
        feed(self.running, closed.packets)
        self.now = self.running.last_ns or 0
        if log is not None:
            self.triggers.follow(log)

    def stamp(self) -> str:
        return datetime.fromtimestamp(self.now / NS, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")

    def pass_time(self, seconds: float) -> list[tuple[str, str, str]]:
        """Time goes on; what was told."""
        told: list[tuple[str, str, str]] = []
        for _ in range(round(seconds * 2)):
            self.now += NS // 2
            self.triggers.poll(self.now)
            if self.triggers.due(self.now):
                view = View(self.running.capture(self.now, (_ETHERNET,)), self.now, self.losses)
                for judged, log, origin in self.triggers.judge(view, self.book):
                    told.append((judged.change, judged.case.cause, origin))
                    assert (log is not None) == (judged.incident.symptom.source == "log")
        return told


def test_an_error_in_the_log_is_judged_after_the_wait_and_once(rules: RuleSet, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("2026-02-25 06:13:19 ERROR send to 10.9.0.7:443 failed: 10057\n", encoding="utf-8")
    bench = _Bench(rules, log)
    assert bench.pass_time(10) == []
    with log.open("a", encoding="utf-8") as stream:
        stream.write(f"{bench.stamp()} INFO all is well\n")
        stream.write(f"{bench.stamp()} ERROR send to 10.9.0.7:443 failed: WSAENOTCONN 10057\n")
    assert bench.pass_time(3) == []
    assert bench.triggers.waiting
    assert bench.pass_time(30) == [("incident", "server-closed-then-client-sent", str(log))]
    assert bench.triggers.errors_seen == 1


def test_rotation_does_not_hide_or_repeat_an_error(rules: RuleSet, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("start\n", encoding="utf-8")
    bench = _Bench(rules, log)
    with log.open("a", encoding="utf-8") as stream:
        stream.write(f"{bench.stamp()} ERROR send to 10.9.0.7:443 failed: WSAENOTCONN 10057\n")
    bench.pass_time(1)
    log.rename(tmp_path / "app.log.1")
    bench.now += NS
    log.write_text(f"{bench.stamp()} ERROR recv from 10.9.0.7:443 failed: WSAENOTCONN 10057\n", encoding="utf-8")
    told = bench.pass_time(30)
    assert [change for change, _, _ in told] == ["incident", "incident"]
    assert bench.triggers.errors_seen == 2


def test_lines_are_numbered_as_in_the_file(rules: RuleSet, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("".join(f"line {n}\n" for n in range(1, 1001)), encoding="utf-8")
    bench = _Bench(rules, log)
    with log.open("a", encoding="utf-8") as stream:
        stream.write(f"{bench.stamp()} ERROR send to 10.9.0.7:443 failed: WSAENOTCONN 10057\n")
    bench.triggers.poll(bench.now)
    view = View(bench.running.capture(bench.now + 5 * NS, (_ETHERNET,)), bench.now + 5 * NS, bench.losses)
    ((judged, excerpt, _),) = bench.triggers.judge(view, bench.book)
    event = judged.incident.symptom.event
    assert event is not None
    assert (event.path, event.line) == (str(log), 1001)
    assert excerpt is not None
    assert excerpt.endswith(b"10057\n")


def test_now_is_judged_after_the_wait(rules: RuleSet) -> None:
    bench = _Bench(rules)
    bench.triggers.now(bench.now, "asked for")
    assert bench.pass_time(3) == []
    assert bench.pass_time(3) == [("incident", "server-closed-then-client-sent", "asked for")]
    assert not bench.triggers.waiting


def test_a_program_that_ends_badly_is_read_to_its_end(rules: RuleSet, capfd: pytest.CaptureFixture[str]) -> None:
    bench = _Bench(rules)
    stamp = bench.stamp()
    script = f"import sys; print('{stamp} ERROR send to 10.9.0.7:443 failed: 10057', file=sys.stderr); sys.exit(7)"
    command = Command([sys.executable, "-c", script])
    bench.triggers.watch(command)
    assert not bench.triggers.heard(command)
    deadline = time.monotonic() + 10
    while command.code is None and time.monotonic() < deadline:
        bench.triggers.poll(bench.now)
        time.sleep(0.02)
    assert command.code == 7
    assert bench.triggers.errors_seen == 1
    assert bench.triggers.heard(command)
    told = bench.pass_time(6)
    assert [(change, cause) for change, cause, _ in told] == [("incident", "server-closed-then-client-sent")]
    assert "10057" in capfd.readouterr().err
