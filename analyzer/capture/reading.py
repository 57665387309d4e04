"""One stretch of a capture, read from its first record to its last: flows, notes and counters."""

from __future__ import annotations

from array import array

from analyzer.capture.blocks import Reader
from analyzer.capture.model import Note, NoteKind
from analyzer.decode import columns as col
from analyzer.decode.fragments import Reassembler
from analyzer.decode.packets import decode
from analyzer.flows.build import endpoints, frame_of
from analyzer.flows.digest import Digest
from analyzer.values import replace

__all__ = ["MAX_NOTES", "Reading", "ftp_note", "note_of"]

MAX_NOTES = 65_536
_FTP_PORT = 21
_KINDS = {
    col.KIND_ICMP: NoteKind.ICMP,
    col.KIND_DNS: NoteKind.DNS,
    col.KIND_ARP: NoteKind.ARP,
    col.KIND_NEIGHBOUR: NoteKind.NEIGHBOUR,
    col.KIND_DHCP: NoteKind.DHCP,
    col.KIND_FTP: NoteKind.FTP,
}


class Reading:
    """What a reader's records hold. ``first`` tells that nothing of the capture comes before them."""

    def __init__(self, reader: Reader, *, first: bool = True) -> None:
        self.reader = reader
        self.digest = Digest(first=first)
        self.counts = array("q", bytes(8 * col.COUNT_SIZE))
        """Where decoding stopped, see ``columns``."""
        self._scratch = array("q", bytes(8 * col.LINK_SIZE))
        self._scratch[col.LINK_NOTES_LEFT] = MAX_NOTES
        self._notes: list[Note] = []
        self._lines: list[Note] = []
        """Those of FTP, bounded on their own: so the notes that stay do not depend on how records fall into batches."""
        self._lines_dropped = 0
        self._unsure: set[int] = set()
        """Entries with lines that are FTP's or not, depending on what came before the stretch."""
        self._reassembler = Reassembler()
        self._rows = array("q", bytes(8 * col.ROW_STRIDE * col.BATCH))
        self._noted = array("q", bytes(8 * col.NOTE_STRIDE * (col.BATCH + 1)))

    def run(self) -> None:
        """Read everything. Raises CaptureError as ``Reader`` does."""
        for batch in self.reader.batches():
            at = 0
            while at < batch.count:
                at = self._decode(batch.buffer, batch.records, at, batch.count, batch.first_frame)
                self._digest(batch.buffer)

    def go_on(self, reader: Reader) -> None:
        """Read on in the next file of a rotated capture. Raises CaptureError as ``Reader`` does."""
        before = self.reader
        reader.frames_before = before.frames_before + before.layout.walk[col.WALK_FRAME]
        self.reader = reader
        self.run()

    def _decode(self, buffer: bytes | bytearray, records: array[int], at: int, count: int, ref: int) -> int:
        return decode(buffer, records, at, count, ref, self._rows, self._noted, self.counts, self._scratch)

    def _digest(self, buffer: bytes | bytearray) -> None:
        """Take in what the last call of the decoder found."""
        for marked in self.digest.update(buffer, self._rows, self._scratch[col.LINK_ROWS]):
            self._line(buffer, marked)
        for n in range(self._scratch[col.LINK_NOTES]):
            item = self._noted[n * col.NOTE_STRIDE : (n + 1) * col.NOTE_STRIDE]
            if item[col.NOTE_KIND] != col.KIND_FRAGMENT:
                self._notes.append(note_of(buffer, item))
                continue
            version, off = item[col.NOTE_FAMILY], item[col.NOTE_OFF]
            whole = self._reassembler.add(version, bytes(buffer[off : off + item[col.NOTE_LEN]]))
            if whole is not None:
                record = array("q", [0, len(whole), len(whole), item[col.NOTE_TS], 228 if version == 4 else 229])
                self.counts[col.STOP_FRAGMENT] -= 1
                self._decode(whole, record, 0, 1, item[col.NOTE_REF])
                # A fragment is the last thing that a call of the decoder finds.
                self._digest(whole)
                return

    def _line(self, buffer: bytes | bytearray, number: int) -> None:
        rows = self._rows
        if not self.digest.first:
            ports = rows[number * col.ROW_STRIDE + col.ROW_PORTS]
            if _FTP_PORT not in (ports >> 16 & 0xFFFF, ports & 0xFFFF):
                entry = self.digest.entry_of(number)
                self._unsure.add(entry)
                if not self.digest.greeted(entry):
                    return
        if len(self._lines) < MAX_NOTES:
            self._lines.append(ftp_note(buffer, rows, number, self.digest))
        else:
            self._lines_dropped += 1

    @property
    def notes(self) -> list[Note]:
        """The first MAX_NOTES notes, by frame."""
        return sorted(self._notes + self._lines, key=lambda note: note.frame)[:MAX_NOTES]

    @property
    def notes_dropped(self) -> int:
        """Notes that were not kept."""
        seen = len(self._notes) + len(self._lines) + self._scratch[col.LINK_NOTES_DROPPED] + self._lines_dropped
        return max(0, seen - MAX_NOTES)

    def take(self, right: Reading) -> bool:
        """Take in ``right``, which stands right after and is used up.

        False, and this reading is used up too, when the result may not be what reading in one go gives.
        """
        if (self._reassembler.pending or self._scratch[col.LINK_UDP]) and right._has_fragments:
            return False
        if right.counts[col.COUNT_SIZE - 1]:
            return False
        frames = self.reader.layout.walk[col.WALK_FRAME]
        if not self.reader.take(right.reader):
            return False
        right.digest.renumber(frames)
        places = self.digest.merge(right.digest)
        if self.digest.doubts or any(places[entry] & 1 for entry in right._unsure):
            return False
        self._add_counts(right.counts)
        self._notes += [replace(note, frame=note.frame + frames) for note in right._notes]
        self._lines += [replace(note, frame=note.frame + frames) for note in right._lines]
        self._lines_dropped += right._lines_dropped
        for word in (col.LINK_NOTES_DROPPED, col.LINK_UDP):
            self._scratch[word] += right._scratch[word]
        if right._has_fragments:
            self._reassembler = right._reassembler
        return True

    @property
    def _has_fragments(self) -> bool:
        return self.counts[col.STOP_FRAGMENT] > 0 or self._reassembler.used

    def _add_counts(self, other: array[int]) -> None:
        mine = self.counts
        for reason in range(col.COUNT_DIRECT):
            mine[reason] += other[reason]
        pairs = range(col.COUNT_DIRECT, col.COUNT_SIZE - 1, 2)
        for pair in pairs:
            if other[pair]:
                slot = next((one for one in pairs if mine[one] in (0, other[pair])), None)
                if slot is None:
                    mine[-1] += other[pair + 1]
                else:
                    mine[slot] = other[pair]
                    mine[slot + 1] += other[pair + 1]


def ftp_note(buffer: bytes | bytearray, rows: array[int], number: int, digest: Digest) -> Note:
    """Return the note of a row of the last update that holds an FTP control line."""
    row = rows[number * col.ROW_STRIDE : (number + 1) * col.ROW_STRIDE]
    off, size = row[col.ROW_PAYLOAD] >> 32, row[col.ROW_PAYLOAD] & 0xFFFFFFFF
    ends = endpoints(digest, digest.entry_of(number))
    if row[col.ROW_BITS] & col.BIT_SIDE:
        ends = ends[1], ends[0]
    return Note(
        kind=NoteKind.FTP,
        frame=frame_of(row[col.ROW_REF]),
        ts_ns=row[col.ROW_TS],
        source=ends[0].packed,
        destination=ends[1].packed,
        source_port=ends[0].port,
        destination_port=ends[1].port,
        ttl=row[col.ROW_HOP] >> 48 & 0xFF,
        payload=bytes(buffer[off : off + min(size, 512)]),
    )


def note_of(buffer: bytes | bytearray, item: array[int]) -> Note:
    """Return the note that the decoder's ``NOTE_*`` words tell of."""
    family, address, off = item[col.NOTE_FAMILY], item[col.NOTE_ADDRESS], item[col.NOTE_OFF]
    size = 4 if family == 4 else 16
    if family:
        source = bytes(buffer[address : address + size])
        destination = bytes(buffer[address + size : address + 2 * size])
    else:
        source, destination = bytes(buffer[address + 14 : address + 18]), bytes(buffer[address + 24 : address + 28])
    return Note(
        kind=_KINDS[item[col.NOTE_KIND]],
        frame=frame_of(item[col.NOTE_REF]),
        ts_ns=item[col.NOTE_TS],
        source=source,
        destination=destination,
        source_port=item[col.NOTE_PORTS] >> 16,
        destination_port=item[col.NOTE_PORTS] & 0xFFFF,
        ttl=item[col.NOTE_TTL],
        payload=bytes(buffer[off : off + item[col.NOTE_LEN]]),
    )
