"""One zip for the other team: the report in four forms, the packets, the questions, and the times in UTC and local."""

from __future__ import annotations

import hashlib
import zipfile
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from tempfile import TemporaryDirectory

from analyzer.errors import OutputError
from analyzer.pipeline import Examined, report_of
from analyzer.redaction.masks import Masks
from analyzer.redaction.secrets import refuse
from analyzer.report.escape import plain
from analyzer.report.model import Report
from analyzer.report.note import mark
from analyzer.report.phrases import headline
from analyzer.report.questions import ASKED, both_times, questions_markdown, times_csv
from analyzer.report.redact import redact, report_secrets
from analyzer.report.render import FORMATS, render
from analyzer.slices.make import Slice, find_incident, make_slice
from analyzer.units import NS
from analyzer.values import dataclass, replace

__all__ = ["REPORT_NAME", "Bundle", "make_bundle"]

REPORT_NAME = "report.json"
"""Where a bundle keeps the report that programs read."""
_FORMS = ("html", "markdown", "text", "json")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that was written."""

    names: tuple[str, ...]
    """Of its files, in order."""
    slices: dict[str, Slice]
    """By the incident's number."""
    left_out: int
    """Incidents that got no slice of their own, because there are too many."""


def make_bundle(
    examined: Examined,
    target: Path,
    *,
    incident: str | None = None,
    masks: Masks | None = None,
    local: tzinfo = UTC,
    allow_secrets: bool = False,
) -> Bundle:
    """Write a bundle on one incident, or on all that the report works out, to ``target``, which must not exist.

    Raises UsageError for an unknown incident, OutputError where secrets would be written or the file cannot be.
    """
    whole = report = report_of(examined)
    if incident is not None:
        find_incident(examined, incident)
        report = _alone(report, incident)
    if masks is not None:
        report = redact(report, masks)
        if not allow_secrets:
            refuse(report_secrets(report), str(target), redacted=True)
    wanted = [one.id for one in report.leading(ASKED) if examined.holds(one.id)]
    with TemporaryDirectory(prefix="notconn-") as folder:
        files: dict[str, bytes | Path] = {f"report{FORMATS[one].suffix}": render(report, one) for one in _FORMS}
        slices: dict[str, Slice] = {}
        for name in wanted:
            place = Path(folder) / f"incident-{name}.pcapng"
            slices[name] = make_slice(examined, name, place, masks=masks, allow_secrets=allow_secrets, report=whole)
            files[place.name] = place
        files["questions.md"] = questions_markdown(report, local).encode("utf-8", "replace")
        files["times.csv"] = times_csv(report, local).encode("utf-8", "replace")
        left_out = len(report.leading()) - len(wanted)
        readme = _readme(report, slices, files, local, redacted=masks is not None, left_out=left_out)
        files = {"README.txt": readme.encode("utf-8", "replace"), **files}
        _write(target, files, _moment(report))
    return Bundle(tuple(files), slices, left_out)


def _alone(report: Report, name: str) -> Report:
    """Return the report with one incident; the findings that bear on others go with them."""
    return replace(
        report,
        incidents=tuple(replace(one, group=None) for one in report.incidents if one.id == name),
        groups=(),
        findings=tuple(
            replace(one, incidents=(name,)) for one in report.findings if not one.incidents or name in one.incidents
        ),
    )


def _moment(report: Report) -> tuple[int, int, int, int, int, int]:
    """Return the time that the zip's entries bear: the last incident's, so that the same input gives the same bytes."""
    ns = max((one.time_ns for one in report.incidents), default=0)
    moment = datetime.fromtimestamp(min(max(ns // NS, 315_532_800), 4_354_819_198), UTC)
    return moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second


def _write(target: Path, files: dict[str, bytes | Path], moment: tuple[int, int, int, int, int, int]) -> None:
    try:
        with zipfile.ZipFile(target, "x", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            for name, content in files.items():
                entry = zipfile.ZipInfo(name, moment)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, content.read_bytes() if isinstance(content, Path) else content)
    except FileExistsError:
        raise OutputError(f"{target}: there is such a file already; add --force to write over it") from None
    except OSError as error:
        target.unlink(missing_ok=True)
        raise OutputError(f"{target}: it cannot be written ({error.strerror}); choose another place with -o") from None
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _digest(content: bytes | Path) -> str:
    return hashlib.sha256(content.read_bytes() if isinstance(content, Path) else content).hexdigest()


def _readme(
    report: Report,
    slices: dict[str, Slice],
    files: dict[str, bytes | Path],
    zone: tzinfo,
    *,
    redacted: bool,
    left_out: int,
) -> str:
    lines = [headline(report), "", f"{report.generated_by}, {mark(report)}", ""]
    for one in report.leading(ASKED):
        when = both_times(one.time_ns, zone)
        lines.append(f"Incident {plain(one.id)}: {one.cause}, confidence {one.confidence}, {when}")
        if one.id in slices:
            made = slices[one.id]
            lines.append(f"  incident-{one.id}.pcapng: {len(made.frames):,} of {made.packets:,} packets.")
            lines.append(f"  {made.comparison.sentence}")
    if left_out:
        lines.append(f"{left_out:,} incidents more are in the report; they have no slice here.")
    lines += [
        "",
        "report.html     the whole report; open it in a browser, it needs no network",
        "report.md       the same for GitHub and GitLab; report.txt for a ticket; report.json for programs",
        "questions.md    what the team that owns the cause can look up in its own logs and settings",
        "times.csv       the decisive moments in UTC and in local time, to lay beside other logs",
        "incident-N.pcapng  the packets that prove incident N; Wireshark shows what each one means",
        "",
    ]
    if redacted:
        lines += [
            "Addresses and names are replaced by others, the same ones in every file; payload is cut. Lengths, times,",
            "ports, TTL and sequence numbers are the original ones.",
            "",
        ]
    lines.append("SHA-256")
    lines += [f"{_digest(content)}  {name}" for name, content in files.items()]
    return "\n".join(lines) + "\n"
