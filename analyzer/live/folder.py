"""One folder an incident: the slice with its comments, the report on it in several dialects, the log's lines.

The report is made from the slice wherever the slice alone leads to the same verdict, so that each frame number in it
is one that Wireshark shows for the file beside it. Where the ring no longer holds enough for that, the report is the
running watch's own, and says so.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from analyzer.account.limits import limits_of
from analyzer.account.write import incident_report
from analyzer.capture.ring import Ring
from analyzer.errors import NotconnError
from analyzer.factset import Value
from analyzer.live.cases import Case, Judged
from analyzer.live.extract import Picked, Wanted, extract, slice_bytes, write_atomically
from analyzer.pipeline import Question, analyze
from analyzer.report.health import capture_summary
from analyzer.report.model import CaptureSummary, IncidentReport, Report
from analyzer.report.render import FORMATS, render
from analyzer.ruleset.load import RuleSet
from analyzer.units import NS, format_instant
from analyzer.values import dataclass, replace
from analyzer.version import program_version

__all__ = ["Folders", "Written"]

_SLICE, _LOG = "slice.pcapng", "log.txt"
_COMMENTED = 4
"""Comments at most on one packet."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a folder holds."""

    folder: Path
    report: Report
    packets: int
    """Of the connection, in the slice."""
    before: int
    """Of these, from before the decisive packet."""
    own_frames: bool
    """The report's frames are those of the slice."""


@dataclass(slots=True)
class Folders:
    """Writes incidents below ``root``."""

    root: Path
    ring: Ring | None
    rules: RuleSet
    settings: Mapping[str, Value]
    rule_folders: Sequence[Path] = ()
    zone: tzinfo | None = None
    name: str = ""
    """What is captured, as a person calls it."""
    formats: Sequence[str] = ("text", "json", "html")

    def place(self, case: Case) -> Path:
        """Return the folder of a case; its name starts with the time, so that a listing is in order."""
        if case.folder is None:
            moment = datetime.fromtimestamp(case.seen_ns // NS, UTC)
            server = "".join(one if one.isalnum() or one in ".-" else "-" for one in case.server)[:60].strip("-")
            case.folder = "-".join(part for part in (f"{moment:%Y%m%dT%H%M%SZ}", f"{case.number:04d}", server) if part)
        return self.root / case.folder

    def write(
        self, judged: Judged, *, now_ns: int, dropped: int, log: bytes | None = None, log_path: str = ""
    ) -> Written:
        """Write or rewrite the folder of an incident. Raises OSError where the disk does not take it."""
        case, incident = judged.case, judged.incident
        folder = self.place(case)
        folder.mkdir(parents=True, exist_ok=True)
        if log is not None:
            write_atomically(folder / _LOG, log)
        examination = incident.diagnosis.examination
        wanted = _wanted(judged, now_ns)
        picked = self._extract(wanted)
        live = incident_report(case.number, incident, judged.around, self.rules)
        report, own = self._from_slice(folder, case, live, picked, dropped, log_path, with_log=log is not None)
        if report is None:
            report = self._from_watch(judged, live)
        data = self._slice(report, picked, dropped, own=own)
        if data:
            write_atomically(folder / _SLICE, data)
            report = _with_hash(report, data) if own else report
        for name in self.formats:
            write_atomically(folder / f"report{FORMATS[name].suffix}", render(report, name))
        guilty = [one.ts_ns for one in picked if one.guilty]
        decisive = examination.decisive_ns
        return Written(folder, report, len(guilty), sum(ts < decisive for ts in guilty), own)

    def _extract(self, wanted: Wanted) -> list[Picked]:
        if self.ring is None:
            return []
        self.ring.flush()
        since = min(wanted.start_ns, wanted.decisive_ns - 120 * NS) - 30 * NS
        return extract(self.ring.files(since, wanted.end_ns), wanted)

    def _from_slice(
        self,
        folder: Path,
        case: Case,
        live: IncidentReport,
        picked: Sequence[Picked],
        dropped: int,
        log_path: str,
        *,
        with_log: bool,
    ) -> tuple[Report | None, bool]:
        """Ask the slice itself; its answer counts where it names the same cause of the same connection."""
        if not picked:
            return None, False
        unborn = folder / f".{_SLICE}"
        unborn.write_bytes(self._bytes(picked, dropped, {}, "notconn: not yet commented"))
        try:
            question = Question(
                captures=[str(unborn)],
                logs=[str(folder / _LOG)] if with_log and live.log is not None else [],
                rules=self.rule_folders,
                settings=self.settings,
                zone=self.zone,
                hash_files=False,
            )
            found = analyze(question)
        except NotconnError:
            return None, False
        finally:
            unborn.unlink(missing_ok=True)
        same = [
            one
            for one in found.incidents
            if (one.cause, one.client, one.server) == (live.cause, live.client, live.server)
            and (live.log is None or (one.log is not None and one.log.text == live.log.text))
        ]
        if not same:
            return None, False
        one = min(same, key=lambda each: abs(each.time_ns - live.time_ns))
        number = one.id
        log = one.log if one.log is None or live.log is None else replace(one.log, path=log_path, line=live.log.line)
        # The watch saw more than the slice holds, so how sure it is counts.
        one = replace(
            one, id=str(case.number), capture=_SLICE, confidence=live.confidence, score=live.score, log=log, group=None
        )
        summary = replace(found.captures[0], path=_SLICE)
        findings = tuple(
            replace(each, capture=_SLICE, incidents=(one.id,))
            for each in found.findings
            if not each.incidents or number in each.incidents
        )
        return (
            replace(
                found,
                captures=(summary,),
                incidents=(one,),
                groups=(),
                findings=findings,
                generated_ns=live.time_ns,
            ),
            True,
        )

    def _from_watch(self, judged: Judged, live: IncidentReport) -> Report:
        info = judged.around.capture.info
        remark = (
            "The ring on disk no longer held enough of this connection for the slice alone to prove the verdict; frame "
            "numbers are those of the running watch, and the slice's comments give times to compare."
        )
        return Report(
            generated_by=f"notconn {program_version()}",
            captures=(capture_summary(info, (remark,)),),
            incidents=(live,),
            limits=limits_of(judged.around.capture.info.health, with_log=live.log is not None),
            generated_ns=live.time_ns,
            versions={"rules": self.rules.stamp[:12]},
        )

    def _slice(self, report: Report, picked: Sequence[Picked], dropped: int, *, own: bool) -> bytes:
        if not picked:
            return b""
        incident = report.incidents[0]
        comments: dict[int, list[str]] = defaultdict(list)
        if own:
            for row in incident.timeline:
                if row.frame is not None and row.note:
                    comments[row.frame].append(row.note)
            for evidence in incident.evidence:
                for frame in evidence.frames:
                    comments[frame].append(evidence.statement)
        title = (
            f"{incident.title.rstrip('.')}. Cause: {incident.cause}, confidence {incident.confidence}. "
            f"{format_instant(incident.time_ns)}. Cut from the capture of {self.name}."
        )
        chosen = {frame: list(dict.fromkeys(texts))[:_COMMENTED] for frame, texts in comments.items()}
        return self._bytes(picked, dropped, chosen, title)

    def _bytes(
        self, picked: Sequence[Picked], dropped: int, comments: Mapping[int, Sequence[str]], title: str
    ) -> bytes:
        return slice_bytes(
            picked,
            title=title,
            application=f"notconn {program_version()}",
            interface=self.name,
            comments=comments,
            dropped=dropped,
        )


def _with_hash(report: Report, data: bytes) -> Report:
    summary: CaptureSummary = replace(report.captures[0], sha256=hashlib.sha256(data).hexdigest())
    return replace(report, captures=(summary,))


def _wanted(judged: Judged, now_ns: int) -> Wanted:
    incident, case = judged.incident, judged.case
    examination = incident.diagnosis.examination
    reading = examination.reading
    if reading is not None:
        flow = reading.flow
        start = flow.first_ns
        return Wanted(flow.initiator.endpoint, flow.responder.endpoint, start, examination.decisive_ns, now_ns)
    moment = incident.time_ns or case.seen_ns
    return Wanted(None, None, moment, moment, now_ns)
