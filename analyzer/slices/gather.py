"""The second pass over a capture: the numbers of all packets that belong to the chosen flows.

Flows keep only their telling segments, so that a capture of any size fits into memory; what belongs to one is found by
reading the file again.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from analyzer.capture.blocks import Batch, Reader
from analyzer.capture.file import open_again
from analyzer.capture.model import CaptureInfo
from analyzer.decode import columns as col
from analyzer.decode.fragments import Reassembler
from analyzer.decode.packets import decode
from analyzer.flows.rows import FlowRow

__all__ = ["frames_of"]

_FRAME = (1 << 40) - 1
_Ends = tuple[bytes, int, bytes, int]
_Wanted = Mapping[_Ends, list[FlowRow]]


def frames_of(capture: str | CaptureInfo, flows: Iterable[FlowRow]) -> dict[int, int]:
    """Return the frames of each chosen flow and which flow each belongs to, by its table position.

    ICMP errors that quote a flow's packet, and every fragment of its datagrams, count as the flow's. Raises
    CaptureError.
    """
    wanted: dict[_Ends, list[FlowRow]] = defaultdict(list)
    for row in flows:
        a, b = row.initiator, row.responder
        wanted[a.packed, a.port, b.packed, b.port].append(row)
        wanted[b.packed, b.port, a.packed, a.port].append(row)
    if not wanted:
        return {}
    found: dict[int, int] = {}
    for reader, _ in open_again(capture):
        found.update(_read(reader, wanted))
    return found


def _read(reader: Reader, wanted: _Wanted) -> dict[int, int]:
    found: dict[int, int] = {}
    rows = array("q", bytes(8 * col.ROW_STRIDE * col.BATCH))
    noted = array("q", bytes(8 * col.NOTE_STRIDE * (col.BATCH + 1)))
    counts = array("q", bytes(8 * col.COUNT_SIZE))
    scratch = array("q", bytes(8 * col.LINK_SIZE))
    reassembler = Reassembler()
    parts: dict[bytes, list[int]] = defaultdict(list)
    for batch in reader.batches():
        at = 0
        while at < batch.count:
            scratch[col.LINK_NOTES_LEFT] = col.BATCH
            at = decode(batch.buffer, batch.records, at, batch.count, batch.first_frame, rows, noted, counts, scratch)
            found.update(_matching(batch.buffer, rows, scratch[col.LINK_ROWS], wanted))
            for frame, packet, version in _fragments(batch, noted, scratch[col.LINK_NOTES]):
                key = packet[12:20] + packet[4:6] if version == 4 else packet[8:40] + packet[44:48]
                parts[key].append(frame)
                whole = reassembler.add(version, packet)
                if whole is None:
                    continue
                record = array("q", [0, len(whole), len(whole), 0, 228 if version == 4 else 229])
                decode(whole, record, 0, 1, frame, rows, noted, counts, scratch)
                for owner in _matching(whole, rows, scratch[col.LINK_ROWS], wanted).values():
                    found.update(dict.fromkeys(parts.pop(key, ()), owner))
    return found


def _fragments(batch: Batch, noted: array[int], count: int) -> Iterator[tuple[int, bytes, int]]:
    for n in range(count):
        item = noted[n * col.NOTE_STRIDE : (n + 1) * col.NOTE_STRIDE]
        if item[col.NOTE_KIND] == col.KIND_FRAGMENT:
            off = item[col.NOTE_OFF]
            packet = bytes(batch.buffer[off : off + item[col.NOTE_LEN]])
            yield item[col.NOTE_REF] & _FRAME, packet, item[col.NOTE_FAMILY]


def _matching(buffer: bytes | bytearray, rows: array[int], count: int, wanted: _Wanted) -> dict[int, int]:
    found: dict[int, int] = {}
    for n in range(count):
        row = rows[n * col.ROW_STRIDE : (n + 1) * col.ROW_STRIDE]
        flows = wanted.get(_ends(buffer, row))
        if flows is None:
            continue
        frame = row[col.ROW_REF] & _FRAME
        for flow in flows:
            # A quoted segment may come a little after the flow's own last packet.
            if row[col.ROW_BITS] & col.BIT_QUOTED or flow.first_frame <= frame <= flow.last_frame:
                found[frame] = flow.index
    return found


def _ends(buffer: bytes | bytearray, row: array[int]) -> _Ends:
    """Address and port of the key's low side, then of its high side."""
    low_port, high_port = row[col.ROW_PORTS] >> 16, row[col.ROW_PORTS] & 0xFFFF
    key = row[col.ROW_KEY]
    if not row[col.ROW_BITS] & col.BIT_V6:
        low, high = (key >> 32) + (1 << 31), key & 0xFFFFFFFF
        return low.to_bytes(4, "big"), low_port, high.to_bytes(4, "big"), high_port
    source, target = bytes(buffer[key : key + 16]), bytes(buffer[key + 16 : key + 32])
    if row[col.ROW_BITS] & col.BIT_SIDE:
        source, target = target, source
    return source, low_port, target, high_port
