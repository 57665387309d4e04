"""Cuts a slice: choose, mask, write, look for secrets, analyse it again, and widen it until the verdict is the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from analyzer.account.crowds import listed
from analyzer.account.write import incident_report
from analyzer.capture.file import RawFrame, iter_frames
from analyzer.capture.model import CaptureInfo, Interface
from analyzer.capture.pcapng_writer import PcapngWriter
from analyzer.errors import OutputError, UsageError
from analyzer.incidents.part import Part
from analyzer.incidents.tie import Incident
from analyzer.pipeline import Examined, report_of
from analyzer.redaction.frames import redact_frame
from analyzer.redaction.known import learn
from analyzer.redaction.masks import Masks
from analyzer.redaction.secrets import Secret, find_secrets, refuse
from analyzer.report.model import IncidentReport, Report
from analyzer.report.redact import redact, report_secrets
from analyzer.slices.check import Comparison, compare
from analyzer.slices.choose import WIDEST, Choice, choose
from analyzer.slices.comment import packet_comments, section_comment
from analyzer.slices.gather import frames_of
from analyzer.values import dataclass, replace

__all__ = ["Slice", "find_incident", "make_slice", "prepare_masks", "redacted_report"]

_MOST_PACKETS = 300_000
"""A whole capture larger than this is never copied to make a verdict come out the same."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice that was written."""

    frames: tuple[int, ...]
    """Their numbers in the original capture, in the order of the slice."""
    packets: int
    """Of the original capture."""
    comparison: Comparison
    secrets: tuple[Secret, ...]
    """What was let through because it was allowed."""


def find_incident(examined: Examined, name: str) -> tuple[Part, Incident]:
    """Return an incident by the number the report gives it. Raises UsageError, naming the numbers there are."""
    try:
        return examined.incident(name)
    except KeyError:
        total = sum(len(part.incidents) for part in examined.parts)
        if name.isdecimal() and 0 < int(name) <= total + sum(map(listed, examined.parts)):
            raise UsageError(
                f"--incident {name}: it was known by its likeness to another one and not examined by itself; ask for "
                "its connection with --endpoint instead"
            ) from None
        there = f"there are 1 to {total}" if total > 1 else "there is only 1" if total else "there is none"
        raise UsageError(f"--incident {name}: there is no such incident; {there} (see notconn analyze)") from None


def prepare_masks(examined: Examined, key: bytes | None) -> Masks:
    """Return masks that know every name and quoted refusal of what was examined.

    Raises UsageError for a key that would leave a host its address.
    """
    masks = _fresh_masks(examined) if key is None else Masks(key)
    if key is not None and any(masks.address(host) == host for host in _hosts(examined, masks)):
        raise UsageError("--redact-key: with this key the address of a host stays what it is; take another key")
    refusals = {
        text
        for part in examined.parts
        for one in part.incidents
        if isinstance(text := one.diagnosis.fact("refusal_text"), str)
    }
    filters = {one.filter for capture in examined.captures for one in capture.info.health.interfaces}
    notes = (note for capture in examined.captures for note in capture.notes)
    learn(masks, notes, examined.logs, refusals, filters)
    return masks


_TRIES = 32


def _fresh_masks(examined: Examined) -> Masks:
    """Return masks under a random key by which no host gets its own address or another's of these captures."""
    for _ in range(_TRIES):
        masks = Masks()
        hosts = _hosts(examined, masks)
        if not hosts & {masks.address(host) for host in hosts}:
            break
    return masks


def _hosts(examined: Examined, masks: Masks) -> set[bytes]:
    """Return the hosts whose addresses are replaced at all: loopback and group addresses name nobody."""
    hosts = {host for capture in examined.captures for host in capture.info.hosts}
    return {host for host in hosts if not masks.stays(host)}


def redacted_report(examined: Examined, report: Report, key: bytes | None, *, allow_secrets: bool = False) -> Report:
    """Return a report that may leave the house. Raises OutputError where something in it still looks like a secret."""
    clean = redact(report, prepare_masks(examined, key))
    if not allow_secrets:
        refuse(report_secrets(clean), "the report", redacted=True)
    return clean


def make_slice(
    examined: Examined,
    name: str,
    target: Path,
    *,
    masks: Masks | None = None,
    allow_secrets: bool = False,
    report: Report | None = None,
) -> Slice:
    """Write the slice of the incident called ``name`` to ``target``, which must not exist.

    With ``masks`` it is redacted; ``report`` is what was written of ``examined``, where that is at hand. Raises
    UsageError for an unknown incident and for standard input, OutputError where secrets would be written or the file
    cannot be.
    """
    part, incident = find_incident(examined, name)
    info = part.around.capture.info
    if info.path == "-":
        raise UsageError("a slice needs a second look at the packets; write standard input to a file first")
    written = incident_report(int(name), incident, part.around, examined.rules)
    with TemporaryDirectory(prefix="notconn-") as folder:
        work = Path(folder) / "slice.pcapng"
        for width in range(WIDEST + 1):
            cut = _Cut(part, choose(part.around, incident, written, width), masks)
            with work.open("wb") as stream:
                cut.write(stream, {}, ())
            comparison = compare(examined, incident, str(work), masks)
            if comparison.same or (width + 1 == WIDEST and info.packets > _MOST_PACKETS):
                break
        if not allow_secrets:
            refuse(cut.secrets, str(target), redacted=masks is not None)
    if report is None:
        report = report_of(examined)
    shown = _shown(report, written, masks)
    comments = packet_comments(shown.incidents[0], cut.choice, cut.owners, cut.streams)
    section = section_comment(
        shown.incidents[0],
        next(one for one in shown.captures if one.packets == info.packets and one.sha256 == info.sha256),
        cut.frames,
        program=report.generated_by,
        redacted=masks is not None,
        checked=comparison.sentence,
    )
    with _created(target) as stream:
        cut.write(stream, comments, (section,), report.generated_by)
    return Slice(cut.frames, info.packets, comparison, tuple(cut.secrets) if allow_secrets else ())


def _shown(report: Report, written: IncidentReport, masks: Masks | None) -> Report:
    """Return the report with this incident alone, as whoever gets the slice may see it."""
    alone = replace(report, incidents=(written,), groups=(), findings=())
    return alone if masks is None else redact(alone, masks)


@contextmanager
def _created(target: Path) -> Iterator[BinaryIO]:
    """Open a new file; it is gone again when writing it fails."""
    try:
        stream = target.open("xb")
    except FileExistsError:
        raise OutputError(f"{target}: there is such a file already; add --force to write over it") from None
    except OSError as error:
        raise OutputError(f"{target}: it cannot be written ({error.strerror}); choose another place with -o") from None
    try:
        with stream:
            yield stream
    except OSError as error:
        target.unlink()
        raise OutputError(f"{target}: it cannot be written ({error.strerror}); choose another place with -o") from None
    except BaseException:
        target.unlink()
        raise


class _Cut:
    """The chosen packets of one capture, ready to be written more than once."""

    def __init__(self, part: Part, choice: Choice, masks: Masks | None) -> None:
        self.info: CaptureInfo = part.around.capture.info
        self.choice = choice
        self.masks = masks
        rows = [part.around.rows[index] for index in choice.flows]
        self.owners = frames_of(self.info, rows)
        self.streams = {row.index: row.stream for row in rows}
        everything = range(1, self.info.packets + 1) if choice.everything else ()
        self.frames: tuple[int, ...] = tuple(sorted({*self.owners, *choice.frames, *everything}))
        self.secrets: list[Secret] = []

    def write(
        self, stream: BinaryIO, comments: Mapping[int, str], section: Sequence[str], application: str = "notconn"
    ) -> None:
        """Write the packets as a pcapng section with comments."""
        writer = PcapngWriter(stream, comments=section, application=application)
        self.secrets = []
        interfaces: dict[int, int] = {}
        last = 0
        for raw in iter_frames(self.info, self.frames):
            if raw.interface not in interfaces:
                interfaces[raw.interface] = self._interface(writer, raw)
            data = self._masked(raw)
            # What others wrote on a packet may name anything.
            earlier = raw.comments if self.masks is None else ()
            said = [*earlier, *([comments[raw.frame]] if raw.frame in comments else ())]
            writer.packet(interfaces[raw.interface], raw.ts_ns, data, raw.original_length, said)
            last = max(last, raw.ts_ns)
        # Masked interfaces may have become one.
        for number in dict.fromkeys(interfaces.values()):
            same = [self.info.health.interfaces[index] for index, given in interfaces.items() if given == number]
            dropped, received = _total(same, "dropped"), _total(same, "received")
            if dropped is not None or received is not None:
                writer.statistics(number, last, received=received, dropped=dropped)

    def _masked(self, raw: RawFrame) -> bytes:
        def look(payload: bytes, source_port: int, target_port: int) -> bytes:
            self.secrets += find_secrets(payload, raw.frame, frozenset((source_port, target_port)))
            return payload

        data = raw.data if self.masks is None else redact_frame(raw.data, raw.link_type, self.masks)
        # The walk to the payload is that of a redaction; its result is thrown away.
        redact_frame(data, raw.link_type, _NOBODY, look)
        return data

    def _interface(self, writer: PcapngWriter, raw: RawFrame) -> int:
        one = self.info.health.interfaces[raw.interface]
        masks = self.masks
        return writer.interface(
            raw.link_type,
            one.snap_length,
            name=one.name if masks is None else "",
            description=one.description if masks is None else "",
            capture_filter=one.filter if masks is None else masks.text(one.filter),
            system=one.os if masks is None else "",
        )


def _total(interfaces: Sequence[Interface], counter: str) -> int | None:
    known = [value for one in interfaces if (value := getattr(one, counter)) is not None]
    return sum(known) if known else None


class _Nobody(Masks):
    """Masks that change nothing, for looking only."""

    def __init__(self) -> None:
        """Take no key."""

    def address(self, packed: bytes) -> bytes:
        """Return the address itself."""
        return packed

    def mac(self, link: bytes) -> bytes:
        """Return the hardware address itself."""
        return link

    def label(self, label: str) -> str:
        """Return the label itself."""
        return label


_NOBODY = _Nobody()
