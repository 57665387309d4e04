"""The running digest: the same core as for files, fed for weeks within a bound of memory.

Flows leave by packet time: closed ones after a few minutes, idle ones after hours, so that even the longest idle limit
is seen. When memory is short the least telling leave first, and are counted.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from analyzer.capture.blocks import Batch
from analyzer.capture.file import Capture, _hosts
from analyzer.capture.model import CaptureInfo, Health, Interface, Note, NoteKind
from analyzer.capture.reading import ftp_note, note_of
from analyzer.decode import columns as col
from analyzer.decode.fragments import Reassembler
from analyzer.decode.packets import decode
from analyzer.decode.reasons import name_counts
from analyzer.flows.digest import Digest
from analyzer.flows.table import FlowTable
from analyzer.live.selection import bytes_of, columns, select
from analyzer.units import NS
from analyzer.values import dataclass, replace

__all__ = ["Keep", "Running"]

_NOTES_OF_A_KIND = 8192
_NOTES_AGE_NS = 900 * NS


@dataclass(frozen=True, slots=True)
class Keep:
    """How long flows stay after their last packet, and how much memory they may take."""

    idle_ns: int = 9000 * NS
    """Of connections that are still open: two and a half hours, more than the two hours of TCP's own keepalive."""
    closed_ns: int = 180 * NS
    opening_ns: int = 300 * NS
    """Of attempts that were never answered: longer than any system goes on trying."""
    memory_bytes: int = 160 << 20
    """Of the flows held; while some are let go, twice as much is in use for a moment."""


class Running:
    """Packets in; a capture to judge out, at any moment."""

    def __init__(self, name: str, keep: Keep | None = None) -> None:
        self.name = name
        self.keep = keep or Keep()
        self.packets = 0
        self._tcp_before = 0
        self.bytes = 0
        self.flows_seen = 0
        self.retired = 0
        """Flows that left in their time, and closed ones that left early."""
        self.given_up = 0
        """Flows that were not closed and had to leave for want of memory."""
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self._rows = array("q", bytes(8 * col.ROW_STRIDE * col.BATCH))
        self._noted = array("q", bytes(8 * col.NOTE_STRIDE * (col.BATCH + 1)))
        self._scratch = array("q", bytes(8 * col.LINK_SIZE))
        self._counts = array("q", bytes(8 * col.COUNT_SIZE))
        self.restart()

    def restart(self) -> None:
        """Begin anew, as after a break in time: what is still open counts as met midstream."""
        self._tcp_before = self.tcp_packets
        self.digest = Digest()
        self._counts = array("q", bytes(8 * col.COUNT_SIZE))
        self._notes: dict[NoteKind, deque[Note]] = {kind: deque(maxlen=_NOTES_OF_A_KIND) for kind in NoteKind}
        self._reassembler = Reassembler()
        self._notes_dropped = 0
        self.started_ns = self.last_ns
        """Packet time of the beginning; None until the first packet after it."""

    def begin_counting(self) -> None:
        """Count from here: what was taken in so far was counted by an earlier run."""
        self._tcp_before -= self.tcp_packets

    @property
    def tcp_packets(self) -> int:
        """TCP segments in all."""
        return self._tcp_before + self._counts[col.STOP_TCP]

    @property
    def memory(self) -> int:
        """Bytes that the flows take."""
        return bytes_of(self.digest)

    @property
    def full(self) -> bool:
        """They take more than they may."""
        return self.memory > self.keep.memory_bytes

    def take(self, batch: Batch, first_frame: int, start: int, stop: int, times: Sequence[int]) -> None:
        """Take in the records from ``start`` to ``stop`` of a batch, whose times are ``times``."""
        rows, noted, counts, scratch = self._rows, self._noted, self._counts, self._scratch
        before = self.digest.count
        at = start
        while at < stop:
            scratch[col.LINK_NOTES_LEFT] = 1 << 40
            at = decode(batch.buffer, batch.records, at, stop, first_frame, rows, noted, counts, scratch)
            for marked in self.digest.update(batch.buffer, rows, scratch[col.LINK_ROWS]):
                self._keep(ftp_note(batch.buffer, rows, marked, self.digest))
            for n in range(scratch[col.LINK_NOTES]):
                item = noted[n * col.NOTE_STRIDE : (n + 1) * col.NOTE_STRIDE]
                if item[col.NOTE_KIND] == col.KIND_FRAGMENT:
                    self._fragment(batch, item)
                    break
                self._keep(note_of(batch.buffer, item))
        self.packets += stop - start
        self.flows_seen += self.digest.count - before
        latest = max(times[start:stop])
        self.last_ns = latest if self.last_ns is None else max(self.last_ns, latest)
        if self.first_ns is None:
            self.first_ns = times[start]
        if self.started_ns is None:
            self.started_ns = times[start]

    def _fragment(self, batch: Batch, item: array[int]) -> None:
        version, off = item[col.NOTE_FAMILY], item[col.NOTE_OFF]
        whole = self._reassembler.add(version, bytes(batch.buffer[off : off + item[col.NOTE_LEN]]))
        if whole is None:
            return
        record = array("q", [0, len(whole), len(whole), item[col.NOTE_TS], 228 if version == 4 else 229])
        self._counts[col.STOP_FRAGMENT] -= 1
        decode(whole, record, 0, 1, item[col.NOTE_REF], self._rows, self._noted, self._counts, self._scratch)
        self.digest.update(whole, self._rows, self._scratch[col.LINK_ROWS])

    def _keep(self, note: Note) -> None:
        notes = self._notes[note.kind]
        if len(notes) == _NOTES_OF_A_KIND:
            self._notes_dropped += 1
        notes.append(note)

    def capture(self, now_ns: int, interfaces: Iterable[Interface], chosen: Digest | None = None) -> Capture:
        """Return what is known so far as if the capture had ended ``now_ns``; of ``chosen`` flows where given."""
        digest = self.digest if chosen is None else chosen
        table = FlowTable(digest, now_ns)
        notes = sorted((note for kind in self._notes.values() for note in kind), key=lambda note: note.ts_ns)
        info = CaptureInfo(
            path=self.name,
            checksum="",
            format="live",
            packets=self.packets,
            first_ns=self.started_ns,
            last_ns=now_ns if self.last_ns is not None else None,
            health=Health(
                truncated=0,
                undecoded=name_counts(self._counts, 0),
                clock_steps=0,
                largest_clock_step_ns=0,
                cut=None,
                damaged_blocks=0,
                notes_dropped=self._notes_dropped,
                tcp_packets=self._counts[col.STOP_TCP],
                interfaces=tuple(interfaces),
                comments=0,
            ),
            hosts=(),
        )
        return Capture(replace(info, hosts=_hosts(table, notes)), table, tuple(notes), digest)

    def retire(self, now_ns: int) -> None:
        """Let go of flows whose time is over, and of more where memory is short."""
        for notes in self._notes.values():
            while notes and notes[0].ts_ns < now_ns - _NOTES_AGE_NS:
                notes.popleft()
        count = self.digest.count
        if not count:
            return
        view = columns(self.digest)
        staying: Any = (
            (now_ns - view.last_ns < self.keep.idle_ns)
            & (~view.closed | (now_ns - view.last_ns < self.keep.closed_ns))
            & (~view.opening | (now_ns - view.last_ns < self.keep.opening_ns))
        )
        kept = int(staying.sum())
        bound = self.keep.memory_bytes
        short = self.full
        if not short and kept > count * 3 // 4:
            return
        self.retired += count - kept
        if short and kept:
            room = max(1, int(count * (bound * 3 // 4) / self.memory))
            if kept > room:
                chosen = view.most_telling(staying, room)
                leaving = staying & ~chosen & ~view.closed
                self.given_up += int(leaving.sum())
                self.retired += kept - room - int(leaving.sum())
                staying = chosen
        self.digest = select(self.digest, staying, spend=True)
