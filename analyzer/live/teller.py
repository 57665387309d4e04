"""Tells verdicts: events for the terminal, folders on disk, messages to people; few of each in a storm."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path

from analyzer.incidents.diagnose import Confidence
from analyzer.live.cases import Judged
from analyzer.live.events import Event, Kind, Value
from analyzer.live.folder import Folders, Written
from analyzer.live.notices import Attacher, Gate, Messenger
from analyzer.live.shelf import Shelf
from analyzer.report.phrases import count
from analyzer.report.text import render as render_text
from analyzer.units import NS, format_duration
from analyzer.values import dataclass, field

__all__ = ["Teller", "Told"]

_FULL = 5
"""Incidents of one cause at one server that are told in full within `_STORM_NS`; the others are counted."""
_STORM_NS = 60 * NS
_FOLDERS_PER_HOUR = 120
_HOUR_NS = 3600 * NS
_RECENT = 12
_NOTE = "WITHDRAWN.txt"


@dataclass(frozen=True, slots=True)
class Told:
    """One line for the list of the last incidents."""

    time_ns: int
    number: int
    cause: str
    confidence: Confidence
    client: str
    server: str
    folder: str | None
    change: str
    count: int = 1


@dataclass(slots=True)
class _Group:
    since_ns: int
    full: int = 0
    held: int = 0


@dataclass(slots=True)
class Teller:
    """Where verdicts go."""

    say: Callable[[Event], None]
    folders: Folders
    shelf: Shelf | None = None
    """Keeps the folders within their bound; None: they are never removed."""
    messenger: Messenger | None = None
    attacher: Attacher | None = None
    gate: Gate = field(default_factory=lambda: Gate(900.0))
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Incidents told or counted, by cause and confidence."""
    withdrawn: int = 0
    best: Confidence | None = None
    """The highest confidence of any incident so far."""
    recent: deque[Told] = field(default_factory=lambda: deque(maxlen=_RECENT))
    trouble: str | None = None
    """Why the last folder could not be written; None where it could."""
    _groups: dict[tuple[str, str], _Group] = field(default_factory=dict)
    _written_at: deque[int] = field(default_factory=deque)
    _removed: list[int] = field(default_factory=list)
    """Bytes of each folder that was removed and is not told of yet."""
    _tidied_ns: int | None = None
    _removal_told_ns: int | None = None

    def tell(
        self, judged: Judged, *, now_ns: int, dropped: int, log: bytes | None = None, log_path: str = "", why: str = ""
    ) -> None:
        """Tell one verdict."""
        case, diagnosis = judged.case, judged.incident.diagnosis
        if judged.change == "withdrawn":
            self._withdraw(judged, now_ns)
            return
        if judged.change == "incident":
            self.counts[diagnosis.cause, diagnosis.confidence] += 1
            if self.best is None or _RANK[diagnosis.confidence] > _RANK[self.best]:
                self.best = diagnosis.confidence
        if not self._in_full(judged, now_ns):
            return
        written = self._write(judged, now_ns, dropped, log, log_path)
        parties = f"{case.client} to {case.server}"
        title = written.report.incidents[0].title if written is not None else parties
        place = f"; see {written.folder}" if written is not None else ""
        asked = f" ({why})" if why else ""
        text = f"{title.rstrip('.')}: {diagnosis.cause}, confidence {diagnosis.confidence}{asked}{place}"
        kind: Kind = "revised" if judged.change == "revised" else "incident"
        self.say(Event(kind, now_ns, text, self._values(judged, written), grave=True))
        self.recent.append(
            Told(
                now_ns, case.number, diagnosis.cause, diagnosis.confidence, case.client, case.server, case.folder, kind
            )
        )
        self._message(judged, written, text)

    def _values(self, judged: Judged, written: Written | None) -> dict[str, Value]:
        case, diagnosis = judged.case, judged.incident.diagnosis
        values: dict[str, Value] = {
            "id": case.number,
            "revision": case.revision,
            "cause": diagnosis.cause,
            "confidence": diagnosis.confidence,
            "score": round(diagnosis.score, 3),
            "source": judged.incident.symptom.source,
            "client": case.client or None,
            "server": case.server or None,
            "decisive_ns": diagnosis.examination.decisive_ns,
            "folder": str(written.folder) if written is not None else None,
        }
        if written is not None:
            values |= {"slice_packets": written.packets, "slice_before": written.before}
        return values

    def _in_full(self, judged: Judged, now_ns: int) -> bool:
        if judged.incident.symptom.source != "capture":
            return True
        group = self._groups.setdefault((judged.case.cause, judged.case.server), _Group(now_ns))
        if judged.change == "revised" and judged.case.folder is not None:
            return True
        if group.full < _FULL:
            group.full += 1
            return True
        group.held += judged.change == "incident"
        return False

    def tick(self, now_ns: int) -> None:
        """Tell what was counted, when its time is over."""
        for key, group in list(self._groups.items()):
            if now_ns - group.since_ns < _STORM_NS:
                continue
            if not group.held:
                del self._groups[key]
                continue
            cause, server = key
            text = f"{group.held} more of {cause} to {server} within {format_duration(now_ns - group.since_ns)}"
            self._repeat(cause, server, group.held, text, now_ns)
            self._groups[key] = _Group(now_ns, full=_FULL)
        if self._tidied_ns is None or abs(now_ns - self._tidied_ns) >= _HOUR_NS:
            self._tidy(now_ns)
        if self._removed and (self._removal_told_ns is None or abs(now_ns - self._removal_told_ns) >= _HOUR_NS):
            self._tell_removed(now_ns)
        if self.messenger is not None:
            for what, held, last in self.gate.due():
                self.messenger.send(f"notconn: {held} more of {what}", f"{held} more since the last message. {last}")

    def _repeat(self, cause: str, server: str, count: int, text: str, now_ns: int) -> None:
        self.say(Event("repeat", now_ns, text, {"cause": cause, "server": server, "count": count}, grave=True))

    def _write(self, judged: Judged, now_ns: int, dropped: int, log: bytes | None, log_path: str) -> Written | None:
        while self._written_at and now_ns - self._written_at[0] > _HOUR_NS:
            self._written_at.popleft()
        if judged.case.folder is None:
            if len(self._written_at) >= _FOLDERS_PER_HOUR:
                return None
            self._written_at.append(now_ns)
        try:
            written = self.folders.write(judged, now_ns=now_ns, dropped=dropped, log=log, log_path=log_path)
        except OSError as error:
            trouble = (
                f"{self.folders.root}: incidents cannot be written down ({error.strerror}); free some space or choose "
                "another place with -o"
            )
            if trouble != self.trouble:
                self.say(Event("note", now_ns, trouble, grave=True))
            self.trouble = trouble
            return None
        if self.trouble is not None:
            self.say(Event("note", now_ns, f"that is over: {self.trouble}"))
        self.trouble = None
        if self.shelf is not None:
            self.shelf.put(written.folder)
            self._tidy(now_ns)
        return written

    def _tidy(self, now_ns: int) -> None:
        self._tidied_ns = now_ns
        if self.shelf is not None:
            self._removed += self.shelf.clear()

    def _tell_removed(self, now_ns: int) -> None:
        folders, size = len(self._removed), sum(self._removed)
        self._removal_told_ns = now_ns
        self._removed.clear()
        what = f"{count(folders, 'old incident folder')} ({size / 2**20:.1f} MiB)"
        text = f"{what} removed to stay within --incidents-size and --incidents-age"
        self.say(Event("note", now_ns, text, {"folders": folders, "bytes": size}))

    def rewrite(self, judged: Judged, *, now_ns: int, dropped: int) -> None:
        """Complete the slice of an incident that was told with what came after it."""
        if judged.case.folder is not None:
            self._write(judged, now_ns, dropped, None, "")

    def _withdraw(self, judged: Judged, now_ns: int) -> None:
        case = judged.case
        self.withdrawn += 1
        told = case.told[0] if case.told is not None else case.cause
        text = f"{told} of {case.client} to {case.server} is withdrawn: what came after it does not bear it out"
        if case.folder is not None:
            try:
                Path(self.folders.root, case.folder, _NOTE).write_text(text + ".\n", encoding="utf-8")
            except FileNotFoundError:
                pass  # it has left the shelf
            except OSError as error:
                self.trouble = f"{self.folders.root}: {error.strerror}"
        values: dict[str, Value] = {
            "id": case.number, "revision": case.revision, "cause": told, "client": case.client, "server": case.server,
            "folder": case.folder,
        }  # fmt: skip
        self.say(Event("withdrawn", now_ns, text, values))

    def _message(self, judged: Judged, written: Written | None, text: str) -> None:
        if self.messenger is not None:
            key = f"{judged.case.cause} at {judged.case.server or 'no known server'}"
            if self.gate.admit(key, text):
                body = render_text(written.report).split("\n\n\n")[0] if written is not None else text
                self.messenger.send(f"notconn: {key}", body[:4000])
        if self.attacher is not None and written is not None and judged.change == "incident":
            self.attacher.send(written.folder / "report.json")

    def finish(self, now_ns: int) -> None:
        """Tell what is still held back."""
        for (cause, server), group in self._groups.items():
            if group.held:
                text = f"{group.held} more of {cause} to {server}"
                self._repeat(cause, server, group.held, text, now_ns)
        self._groups.clear()
        if self._removed:
            self._tell_removed(now_ns)
        for worker in (self.messenger, self.attacher):
            if worker is not None:
                worker.finish(10.0)


_RANK: dict[Confidence, int] = {"low": 0, "medium": 1, "high": 2}
