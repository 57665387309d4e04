"""The watch: one loop that takes packets, looks at triggers, judges, tells, and keeps itself within its bounds."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from analyzer.capture.ring import Ring
from analyzer.endpoint import Endpoint
from analyzer.incidents.diagnose import Confidence
from analyzer.live.cases import CaseBook, Judged, Key, View
from analyzer.live.clock import Jump, PacketClock
from analyzer.live.command import Command
from analyzer.live.events import Event, Kind, Value
from analyzer.live.feed import Feed
from analyzer.live.folder import Folders
from analyzer.live.intake import Intake
from analyzer.live.losses import Loss, Losses
from analyzer.live.metrics import Exporter
from analyzer.live.notices import Attacher, Gate, Messenger
from analyzer.live.plan import Plan
from analyzer.live.running import Running
from analyzer.live.selection import columns
from analyzer.live.shelf import Shelf
from analyzer.live.status import Status, describe, metrics_of, quietest
from analyzer.live.teller import Teller
from analyzer.live.triggers import Triggers
from analyzer.report.phrases import count
from analyzer.units import NS

__all__ = ["Watch"]

_TICK_S = 0.2
_JUDGE_S, _JUDGE_IDLE_S = 0.5, 2.0
_SHARE = 4.0
"""A look that takes long is followed by so many times its length without one."""
_UNLOOKED_NS = 15 * NS
"""Packet time that a pipe brings without a look at most, however fast it is: flows must not leave unseen."""
_RETIRE_NS = 5 * NS
_STATUS_S = 1.0
_TELL_STATUS_S = 60.0
_LOGS_S = 0.5
_STALL_S = 30.0
"""A turn of the loop that took longer than this did not run: the machine slept, or was stopped."""
_DRAIN_S = 10.0
_BURST_S = 0.25
"""Packets that wait are taken for so long before the rest of the loop has its turn."""
_QUIET = 5


class Watch:
    """A running watch. ``say`` is told everything; `stop` and `ask_now` may be called from a signal handler."""

    def __init__(self, plan: Plan, say: Callable[[Event], None], show: Callable[[Status], None] | None = None) -> None:
        """Make everything ready. Raises NotconnError for what cannot work: no room, no such log, a used port."""
        self.plan = plan
        self._say, self._show = say, show
        self.clock = PacketClock(own=plan.own_clock)
        self.running = Running(plan.name, plan.keep)
        self.losses = Losses()
        self.book = CaseBook(plan.rules, plan.settings, plan.wait_ns, only=self._of_interest)
        self.triggers = Triggers(plan.wait_ns, plan.zone, plan.endpoint)
        for log in plan.logs:
            self.triggers.follow(log)
        messenger = Messenger(plan.notify) if plan.notify else None
        self.ring: Ring | None = None
        with contextlib.ExitStack() as undo:
            if plan.ring_bytes:
                self.ring = Ring(plan.output / "ring", size=plan.ring_bytes, age_ns=plan.ring_age_ns)
                undo.callback(self.ring.close)
            self.exporter = Exporter(*plan.metrics) if plan.metrics is not None else None
            undo.pop_all()
        self.intake = Intake(plan.name, self.running, self.ring, self.clock, self.losses, self._jumped)
        self.feed = Feed(
            plan.open_tap, plan.name, restart=plan.restart, count_every_s=plan.count_every_s,
            queue_bytes=plan.queue_bytes,
        )  # fmt: skip
        folders = Folders(
            plan.output / "incidents", self.ring, plan.rules, plan.settings, plan.rule_folders, plan.zone, plan.name,
            plan.formats,
        )  # fmt: skip
        attacher = Attacher(plan.attach) if plan.attach else None
        shelf = Shelf(folders.root, plan.incidents_bytes, plan.incidents_age_s)
        self.teller = Teller(say, folders, shelf, messenger, attacher, Gate(plan.notify_every_s))
        self.command: Command | None = None
        self.end_after_first = False
        """End with the first incident."""
        self._stopping = False
        self._asked: list[str] = []
        self._began = time.monotonic()
        self._due = {"judge": 0.0, "logs": 0.0, "status": 0.0, "told": self._began + _TELL_STATUS_S}
        self._refresh: list[tuple[int, Key]] = []
        self._judged_packets = -1
        self._judged_ns = 0
        self._retired_ns = 0
        self._rate = (self._began, 0, 0)
        self._told: dict[str, str | None] = {}
        self._dropped_told = 0

    @property
    def best(self) -> Confidence | None:
        """The highest confidence of any incident so far."""
        return self.teller.best

    def stop(self) -> None:
        """End the watch in order."""
        self._stopping = True

    def ask_now(self, why: str = "asked for") -> None:
        """Ask for a judgement of this moment."""
        self._asked.append(why)

    def run(self) -> None:
        """Watch until told to stop or until the capture ends. Raises CaptureError when it cannot begin."""
        try:
            self._begin()
            turn = time.monotonic()
            while not self._over():
                self._take()
                last, turn = turn, time.monotonic()
                if turn - last > _STALL_S and self.plan.own_clock:
                    self._stalled(turn - last)
                self._turn(turn)
            if self.feed.finished and not self._stopping:
                self.intake.check_begun()
            self._finish()
        finally:
            self._let_go()

    def _let_go(self) -> None:
        self.feed.kill()
        if self.command is not None:
            self.command.stop()
        if self.ring is not None:
            self.ring.close()
        if self.exporter is not None:
            self.exporter.close()

    def _begin(self) -> None:
        if self.ring is not None:
            for sentence in self.ring.repaired:
                self._event("ring", sentence)
            self._remember()
        # A pipe may stay silent for as long as its link does.
        self.feed.start(wait=self.plan.own_clock)
        if self.plan.command:
            self.command = Command(self.plan.command, output=self.plan.command_output)
            self.triggers.watch(self.command)
        kept = f"packets in {self.ring.folder}" if self.ring is not None else "no packets kept"
        self._event("start", f"watching {self.plan.name}; {kept}, incidents in {self.teller.folders.root}")

    def _remember(self) -> None:
        """Know again what the ring holds of an earlier run; what died long enough ago was told then."""
        self.intake.replay()
        if (latest := self.running.last_ns) is None:
            return
        for _ in range(2):
            self.book.judge(self.book.view(self.running, (), self.losses, latest))
        known = count(self.running.packets, "packet"), count(self.running.digest.count, "connection")
        self._event("ring", f"going on with the ring: {', '.join(known)}")

    def _over(self) -> bool:
        if self.plan.duration_s is not None and time.monotonic() - self._began >= self.plan.duration_s:
            return True
        if self.command is not None and self.command.code is not None and not self.triggers.waiting:
            return True
        if self.end_after_first and self.teller.best is not None:
            return True
        return self._stopping or self.feed.finished

    def _take(self) -> None:
        timeout, until = _TICK_S, time.monotonic() + _BURST_S
        while (delivery := self.feed.poll(timeout)) is not None:
            self.running.bytes += len(delivery.data)
            self.intake.take(delivery)
            if not delivery.data and not self.feed.finished and not self._stopping:
                self._line_ended(delivery.why, takeover=delivery.follower is not None)
            if time.monotonic() >= until or self.running.full:
                break
            timeout = 0.0
        if self.ring is not None:
            self.ring.flush()

    def _turn(self, turn: float) -> None:
        now_ns = self.clock.now_ns()
        for why in self._asked:
            self.triggers.now(now_ns, why)
        self._asked.clear()
        if turn >= self._due["logs"]:
            self._due["logs"] = turn + _LOGS_S
            self._look_at_logs(now_ns)
        hasty = not self.plan.own_clock and abs(now_ns - self._judged_ns) >= _UNLOOKED_NS
        if turn >= self._due["judge"] or hasty:
            self._judge_if_due(now_ns, thorough=hasty)
        # By packet time: a capture that is replayed through a pipe may take hours a minute.
        if abs(now_ns - self._retired_ns) >= _RETIRE_NS or self.running.full:
            self._retired_ns = now_ns
            self.running.retire(now_ns)
            self.losses.forget_before(now_ns - self.plan.keep.idle_ns)
        if turn >= self._due["status"]:
            self._due["status"] = turn + _STATUS_S
            self._status(now_ns, turn)

    def _look_at_logs(self, now_ns: int) -> None:
        command = self.command if self.command is not None and self.command.code is None else None
        self.triggers.poll(now_ns)
        if command is not None and command.code is not None:
            ended = f"{command.name} ended with exit code {command.code}"
            self._event("note", ended, {"code": command.code})
            if command.code and not self.triggers.heard(command):
                self.triggers.now(now_ns, ended)
        for sentence in self.triggers.problems:
            self._event("note", sentence)
        self.triggers.problems.clear()

    def _judge_if_due(self, now_ns: int, *, thorough: bool) -> None:
        started = time.monotonic()
        self._judged_ns = now_ns
        fresh = self.running.packets != self._judged_packets
        if not fresh and not self.triggers.due(now_ns) and started < self._due["judge"] + _JUDGE_IDLE_S - _JUDGE_S:
            return
        self._judged_packets = self.running.packets
        self.judge(now_ns, thorough=thorough)
        took = time.monotonic() - started
        self._due["judge"] = time.monotonic() + max(_JUDGE_S, _SHARE * took)

    def judge(self, now_ns: int, *, final: bool = False, thorough: bool = False) -> None:
        """Judge what there is, and tell it; ``thorough``: packets may wait for it."""
        if self.running.digest.count:
            view = self.book.view(self.running, self.intake.interfaces, self.losses, now_ns)
            for judged in self.book.judge(view, final=final, thorough=thorough):
                self._tell(judged, now_ns)
            self._complete_slices(now_ns, final=final)
        if self.triggers.due(now_ns, final=final):
            whole = View(self.running.capture(now_ns, self.intake.interfaces), now_ns, self.losses)
            for judged, log, origin in self.triggers.judge(whole, self.book, final=final):
                why = "" if log is not None else origin
                self._tell(judged, now_ns, log=log, log_path=origin, why=why)
        self.teller.tick(now_ns)

    def _tell(
        self, judged: Judged, now_ns: int, *, log: bytes | None = None, log_path: str = "", why: str = ""
    ) -> None:
        reading = judged.incident.diagnosis.examination.reading
        time_ns = judged.incident.time_ns
        start, last = (reading.flow.first_ns, reading.flow.last_ns) if reading is not None else (time_ns, time_ns)
        dropped = self.losses.within(start, last + self.plan.wait_ns)
        self.teller.tell(judged, now_ns=now_ns, dropped=dropped, log=log, log_path=log_path, why=why)
        if judged.change == "incident" and judged.case.key is not None and judged.case.folder is not None:
            self._refresh.append((now_ns + self.plan.after_ns, judged.case.key))

    def _complete_slices(self, now_ns: int, *, final: bool) -> None:
        due = [key for at, key in self._refresh if final or at <= now_ns]
        if not due:
            return
        self._refresh = [] if final else [(at, key) for at, key in self._refresh if at > now_ns]
        view = self.book.view(self.running, self.intake.interfaces, self.losses, now_ns, due)
        for key in due:
            judged = self.book.again(view, key)
            if judged is not None:
                self.teller.rewrite(judged, now_ns=now_ns, dropped=self.losses.within(key[2], now_ns))

    def _jumped(self, jump: Jump) -> None:
        """Judge what was there before a break in time, then follow everything anew."""
        self.judge(jump.before_ns, final=True)
        self.running.restart()
        self.book.forget()
        self.triggers.forget()
        self._refresh.clear()
        if self.intake.in_gap:
            return
        self.losses.add(Loss(min(jump.before_ns, jump.after_ns), jump.after_ns, None, jump.describe()))
        self._event("clock", jump.describe(), {"before_ns": jump.before_ns, "after_ns": jump.after_ns}, grave=True)

    def _stalled(self, seconds: float) -> None:
        now_ns = self.clock.now_ns()
        text = f"nothing ran here for {seconds:.0f} s: the machine slept or was stopped; what passed may be missing"
        self.losses.add(Loss(now_ns - round(seconds * NS), now_ns, None, text))
        self._event("gap", text, {"seconds": round(seconds)}, grave=True)

    def _line_ended(self, why: str | None, *, takeover: bool) -> None:
        if why is not None and not takeover:
            self._told["gap"] = self.feed.trouble
            self._event("gap", f"{why}; it is started again", grave=True)

    def _status(self, now_ns: int, turn: float) -> Status:
        self._tell_troubles()
        status = self.status(now_ns, turn)
        if self.exporter is not None:
            self.exporter.update(metrics_of(status))
        if self._show is not None:
            self._show(status)
        if turn >= self._due["told"]:
            self._due["told"] = turn + _TELL_STATUS_S
            values: dict[str, Value] = {
                "packets": status.packets, "flows": status.flows, "open": status.open_flows,
                "incidents": sum(status.counts.values()), "dropped": status.dropped if status.drops_known else None,
                "memory": status.memory, "ring": status.ring_used, "given_up": status.given_up,
            }  # fmt: skip
            self._event("status", describe(status), values)
        return status

    def _tell_troubles(self) -> None:
        """Say when something begins to be wrong, and when it is right again."""
        logs = next((one for one in self.triggers.troubles()), None)
        workers = [worker.trouble for worker in (self.teller.messenger, self.teller.attacher) if worker is not None]
        for kind, text in (
            ("ring", self.ring.trouble if self.ring is not None else None),
            ("gap", self.feed.trouble),
            ("note", logs),
            ("notice", next((trouble for trouble in workers if trouble), None)),
        ):
            if text == self._told.get(kind):
                continue
            was, self._told[kind] = self._told.get(kind), text
            known: Kind = "ring" if kind == "ring" else "gap" if kind == "gap" else "note"
            if text is not None:
                self._event(known, text, grave=True)
            elif was is not None:
                self._event(known, f"that is over: {was}")
        if self.intake.damage is not None:
            self._event("note", self.intake.damage, grave=True)
            self.intake.damage = None
        if self.losses.dropped > self._dropped_told:
            more, self._dropped_told = self.losses.dropped - self._dropped_told, self.losses.dropped
            text = f"the capture dropped {count(more, 'packet')} ({self.losses.dropped:,} in all)"
            self._event("loss", text, {"dropped": more, "total": self.losses.dropped}, grave=True)

    def status(self, now_ns: int, turn: float) -> Status:
        """Return how it goes."""
        before, packets, size = self._rate
        seconds = max(turn - before, 1e-6)
        self._rate = (turn, self.intake.seen, self.running.bytes)
        digest, plan, ring = self.running.digest, self.plan, self.ring
        view = columns(digest) if digest.count else None
        troubles = [text for text in (*self._told.values(),) if text]
        return Status(
            name=plan.name,
            now_ns=now_ns,
            running_s=turn - self._began,
            packets=self.intake.seen,
            tcp_packets=self.running.tcp_packets,
            bytes=self.running.bytes,
            packets_per_s=(self.intake.seen - packets) / seconds,
            bits_per_s=8 * (self.running.bytes - size) / seconds,
            flows=digest.count,
            open_flows=int((~view.closed & ~view.opening).sum()) if view is not None else 0,
            retired=self.running.retired,
            given_up=self.running.given_up,
            memory=self.running.memory,
            memory_bound=plan.keep.memory_bytes,
            dropped=self.losses.dropped,
            drops_known=self.intake.counted,
            gaps=self.losses.gaps,
            waiting=self.feed.waiting,
            ring_used=ring.used if ring is not None else 0,
            ring_bound=plan.ring_bytes,
            ring_first_ns=ring.first_ns if ring is not None else None,
            capturing=self.feed.trouble is None,
            trouble=troubles,
            counts=dict(self.teller.counts),
            withdrawn=self.teller.withdrawn,
            recent=list(self.teller.recent),
            quiet=quietest(digest, now_ns, _QUIET) if self._show is not None else [],
            takeovers=self.feed.takeovers,
            restarts=self.feed.restarts,
        )

    def _of_interest(self, client: Endpoint, server: Endpoint) -> bool:
        wanted = self.plan.endpoint
        return wanted is None or wanted in (client, server)

    def _event(self, kind: Kind, text: str, values: dict[str, Value] | None = None, *, grave: bool = False) -> None:
        self._say(Event(kind, self.clock.now_ns(), text, values or {}, grave))

    def _finish(self) -> None:
        """Take what the capture still holds, judge once more, and say how it was."""
        now_ns = self.clock.now_ns()
        self.feed.stop()
        deadline = time.monotonic() + _DRAIN_S
        while not self.feed.finished and time.monotonic() < deadline:
            self._take()
        now_ns = max(now_ns, self.clock.last_ns or 0)
        self._look_at_logs(now_ns)
        self.judge(now_ns, final=True)
        if self.book.left:
            text = f"there was no time to look at {count(self.book.left, 'suspicious connection')}"
            self._event("note", f"{text}; run `notconn analyze` on the ring", grave=True)
        self.teller.finish(now_ns)
        status = self._status(now_ns, time.monotonic())
        values: dict[str, Value] = {
            "packets": status.packets, "dropped": status.dropped if status.drops_known else None,
            "incidents": sum(status.counts.values()), "withdrawn": status.withdrawn, "gaps": status.gaps,
            "given_up": status.given_up,
        }  # fmt: skip
        # Whoever hears of the end may start the next watch on the same ring and port.
        self._let_go()
        self._say(Event("end", now_ns, f"ended: {describe(status)}", values))
