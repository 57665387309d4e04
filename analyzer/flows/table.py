"""All flows of a capture: a few words each, and the whole flow when it is asked for."""

from __future__ import annotations

from array import array
from collections.abc import Generator, Iterator, Sequence
from enum import IntFlag
from functools import cached_property
from typing import NamedTuple

from analyzer.endpoint import Endpoint
from analyzer.flows import layout as lay
from analyzer.flows.build import build_flow, endpoints, first_syn, frame_of, silences_of
from analyzer.flows.digest import Digest
from analyzer.flows.judge import judge
from analyzer.flows.likeness import likeness
from analyzer.flows.machine import VERDICTS
from analyzer.flows.model import Flow, InitiatorFrom, Segment, Silence
from analyzer.flows.outline import outline
from analyzer.flows.refusals import mark_refusals
from analyzer.flows.roles import assign_roles, beginnings, parties
from analyzer.flows.rows import FlowRow

__all__ = ["FlowTable", "Notable", "Reason"]

_BUILT = 4096
_SEEN = 1 << 15
_HOW = (InitiatorFrom.SYN, InitiatorFrom.SYN_ACK, InitiatorFrom.PORT, InitiatorFrom.FIRST_PACKET)
_LOW32 = 0xFFFFFFFF
_HEAD = 0x7FFFFFFF


class Reason(IntFlag):
    """Why a flow may deserve a diagnosis; a flow without any is ordinary."""

    RESET = lay.R_RESET
    """A RST before both halves had sent their FIN."""
    HANDSHAKE = lay.R_HANDSHAKE
    """Not completed, not with one SYN and one SYN-ACK, or slower than 300 ms."""
    HALF_CLOSED = lay.R_HALF_CLOSED
    """A FIN of one half only."""
    UNACKED = lay.R_UNACKED
    """Data that the peer never acknowledged."""
    ZERO_WINDOW = lay.R_ZERO_WINDOW
    """A half's last word was a window of zero."""
    RETRANSMITTED = lay.R_RETRANSMITTED
    """Data sent again near the end."""
    KEEPALIVE = lay.R_KEEPALIVE
    """The last segment is a keepalive that nobody answered."""
    DATA_AFTER_FIN = lay.R_DATA_AFTER_FIN
    """The initiator sent data after the responder's FIN."""
    NO_REPLY = lay.R_NO_REPLY
    """The initiator's last data got no data back before the end, or within five seconds."""
    TLS_ALERT = lay.R_TLS_ALERT
    REFUSAL = lay.R_REFUSAL
    """The responder's first or last words refuse (FTP, SMTP, HTTP proxies)."""
    REPLACED = lay.R_REPLACED
    """The endpoints began another connection though this one was neither closed nor reset."""
    UNKNOWN = lay.R_UNKNOWN
    """Sequence numbers jumped, or the gaps were too many to follow."""
    ONE_SIDED = lay.R_ONE_SIDED
    """Packets of one half only."""


class Notable(NamedTuple):
    """A suspect that could be an incident."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody asks it for
    key: int
    """What its packets show at a glance; flows with equal keys are alike to the rules."""
    frame: int
    """Of the decisive packet, or of the flow's last one."""
    ns: int


class FlowTable:
    """Flows in the order of their first packet."""

    def __init__(self, digest: Digest, end_ns: int) -> None:
        """``end_ns`` is when the capture ended. The digest must start where its capture starts."""
        assert digest.first
        self.digest = digest
        self._end_ns = end_ns
        groups = array("q", bytes(8 * lay.J_STRIDE * max(1, digest.count)))
        self._count = assign_roles(digest.count, digest.entries, digest.halves, groups)
        judge(
            groups, self._count, digest.entries, digest.halves, digest.kept, digest.pool, digest.lists, end_ns
        )
        text = memoryview(digest.spoken).cast("B")
        mark_refusals(groups, self._count, digest.entry_words, digest.spoken, text)
        text.release()
        self._groups = groups
        self._built: dict[int, Flow] = {}

    def __repr__(self) -> str:
        return f"<FlowTable of {self._count} flows>"

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Flow]:
        return (self.flow(index) for index in range(self._count))

    def _word(self, index: int, word: int) -> int:
        if not 0 <= index < self._count:
            raise IndexError(index)
        return self._groups[index * lay.J_STRIDE + word]

    def flow(self, index: int) -> Flow:
        """Build the flow at ``index``; the last few thousand are remembered. Raises IndexError."""
        flow = self._built.get(index)
        if flow is None:
            where = self._word(index, lay.J_WHERE)
            flow = build_flow(self.digest, where & _LOW32, index, where >> 32)
            if len(self._built) >= _BUILT:
                self._built.clear()
            self._built[index] = flow
        return flow

    def ended(self, index: int) -> int:
        """Return the time of the latest packet of the flow at ``index``, in ns. Raises IndexError."""
        halves, low = self.digest.halves, self.entry(index) * lay.T_STRIDE + lay.T_HALVES
        ends = (halves[at + lay.H_LAST_NS] for at in (low, low + lay.H_STRIDE) if halves[at + lay.H_PACKETS])
        return max(ends)

    def entry(self, index: int) -> int:
        """Return the digest's entry of the flow at ``index``. Raises IndexError."""
        return self._word(index, lay.J_WHERE) & _LOW32

    def stream_of(self, index: int) -> int:
        """Return Wireshark's ``tcp.stream`` of the flow at ``index``. Raises IndexError."""
        return self._word(index, lay.J_WHERE) >> 32

    def index_of(self, stream: int) -> int:
        """Return the position of the flow with Wireshark's ``tcp.stream``. Raises KeyError."""
        low, high = 0, self._count
        while low < high:
            middle = (low + high) // 2
            if self._groups[middle * lay.J_STRIDE + lay.J_WHERE] >> 32 < stream:
                low = middle + 1
            else:
                high = middle
        if low == self._count or self._groups[low * lay.J_STRIDE + lay.J_WHERE] >> 32 != stream:
            raise KeyError(stream)
        return low

    def stream(self, number: int) -> Flow:
        """Build the flow with Wireshark's ``tcp.stream``. Raises KeyError."""
        return self.flow(self.index_of(number))

    def suspects(self) -> list[int]:
        """Return the positions of the flows that may deserve a diagnosis."""
        stride, groups = lay.J_STRIDE, self._groups
        metas = groups[lay.J_META : self._count * stride : stride]
        return [index for index, meta in enumerate(metas) if meta >> lay.J_REASONS]

    def notable(self) -> list[Notable]:
        """Return the suspects that could be incidents at all, each with a key that flows of the same story share."""
        out = array("q", bytes(8 * lay.N_STRIDE * max(1, self._count)))
        digest = self.digest
        text = memoryview(digest.spoken).cast("B")
        likeness(
            self._count, self._groups, digest.halves, digest.cold, digest.kept, digest.pool, digest.entry_words,
            digest.spoken, text, self._end_ns, out,
        )
        text.release()
        stride = lay.N_STRIDE
        keys, frames, times = (out[word : self._count * stride : stride] for word in (lay.N_KEY, lay.N_FRAME, lay.N_NS))
        return [
            Notable(index, key, frame_of(frame), ns)
            for index, (key, frame, ns) in enumerate(zip(keys, frames, times, strict=True))
            if key
        ]

    def reasons(self, index: int) -> Reason:
        """Return why the flow at ``index`` is a suspect. Raises IndexError."""
        return Reason(self._word(index, lay.J_META) >> lay.J_REASONS)

    def verdict(self, index: int) -> str:
        """Return Zeek's code of the flow at ``index``. Raises IndexError."""
        return VERDICTS[self._word(index, lay.J_META) >> lay.J_VERDICT & 15]

    def initiator_from(self, index: int) -> InitiatorFrom:
        """Return how the initiator of the flow at ``index`` was told. Raises IndexError."""
        return _HOW[self._word(index, lay.J_META) >> lay.J_HOW & 3]

    def ends(self, index: int) -> tuple[Endpoint, Endpoint]:
        """Return the initiator and the responder of the flow at ``index``. Raises IndexError."""
        pair = endpoints(self.digest, self._word(index, lay.J_WHERE) & _LOW32)
        return (pair[1], pair[0]) if self._word(index, lay.J_META) & lay.J_SIDE else pair

    def silences(self, index: int) -> tuple[Silence, ...]:
        """Return the silences of the flow at ``index``, longest first, without building it. Raises IndexError."""
        return silences_of(self.digest, self.entry(index), self._word(index, lay.J_META) & lay.J_SIDE)

    def first_syn(self, index: int) -> Segment | None:
        """Return the initiator's first kept SYN of the flow at ``index``, without building it. Raises IndexError."""
        return first_syn(self.digest, self.entry(index), self._word(index, lay.J_META) & lay.J_SIDE)

    def longest_silence(self, index: int) -> int:
        """Return the longest silence of the flow at ``index`` in ns, 0 for none of a second. Raises IndexError."""
        return self._word(index, lay.J_SILENCE)

    def outline(self) -> tuple[array[int], array[int]]:
        """Return ``O_*`` words for each flow, and ``MARK_*`` words for the SYNs, FINs and RSTs of all, in order."""
        digest, count = self.digest, self._count
        rows = array("q", bytes(8 * lay.O_STRIDE * max(1, count)))
        marks = array("q", bytes(64 * (count + 8)))
        while True:
            found = outline(
                count, self._groups, digest.entries, digest.halves, digest.cold, digest.kept, digest.pool, digest.lists,
                digest.extras, rows, marks,
            )
            if found <= len(marks):
                return rows, marks
            marks = array("q", bytes(8 * found))

    def heads(self) -> Generator[tuple[bytes, bytes], None, None]:
        """Yield the first words of the initiator and of the responder, flow by flow, at most 96 bytes each."""
        spoken, starts = self.digest.spoken, self.digest.entry_words
        text = memoryview(spoken).cast("B")
        try:
            for index in range(self._count):
                at = (self._word(index, lay.J_WHERE) & _LOW32) * lay.W_STRIDE
                low, high = starts[at] & _HEAD, starts[at + 1] & _HEAD
                first, second = (high, low) if self._word(index, lay.J_META) & lay.J_SIDE else (low, high)
                yield (
                    text[8 * first : 8 * first + (spoken[first - 1] & 127)].tobytes() if first else b"",
                    text[8 * second : 8 * second + (spoken[second - 1] & 127)].tobytes() if second else b"",
                )
        finally:
            text.release()

    def hosts(self, limit: int) -> list[bytes]:
        """Return the packed addresses of the first flows, each once, at most ``limit``."""
        entries, pairs = self.digest.entries, self.digest.pairs
        found: dict[bytes, None] = {}
        seen: set[int] = set()
        # In slices, so that the thousands of Python numbers that this makes do not live at the same time.
        for start in range(0, self.digest.count * lay.E_STRIDE, 4096 * lay.E_STRIDE):
            stop = min(start + 4096 * lay.E_STRIDE, self.digest.count * lay.E_STRIDE)
            keys = entries[start + lay.E_KEY : stop : lay.E_STRIDE]
            ports = entries[start + lay.E_PORTS : stop : lay.E_STRIDE]
            for key, port in zip(keys, ports, strict=True):
                if port >> lay.EP_V6_SHIFT & 1:
                    pair = bytes(pairs[32 * key : 32 * key + 32])
                    found[pair[:16]] = found[pair[16:]] = None
                elif key not in seen:
                    if len(seen) < _SEEN:
                        seen.add(key)
                    found[((key >> 32) + (1 << 31)).to_bytes(4, "big")] = None
                    found[(key & _LOW32).to_bytes(4, "big")] = None
            if len(found) >= limit:
                break
        return list(found)[:limit]

    @cached_property
    def beginnings(self) -> array[int]:
        """The time of the first packet of each flow, in ns."""
        found = array("q", bytes(8 * max(1, self._count)))
        beginnings(self._count, self._groups, self.digest.halves, found)
        return found[: self._count]

    def began(self, index: int) -> int:
        """Return the time of the first packet of the flow at ``index``, in ns. Raises IndexError."""
        if index < 0:
            raise IndexError(index)
        return self.beginnings[index]

    def attempted(self, index: int) -> bool:
        """Tell whether the initiator of the flow at ``index`` sent a SYN. Raises IndexError."""
        side = self._word(index, lay.J_META) & lay.J_SIDE
        half = self.entry(index) * lay.T_STRIDE + lay.T_HALVES + side * lay.H_STRIDE
        return self.digest.halves[half + lay.H_COUNTS] & lay.COUNT_LIMIT != 0

    def parties(self) -> tuple[Sequence[int], Sequence[int], dict[bytes, int]]:
        """Return ``host << 16 | port`` of each flow's initiator, the same of its responder, and IPv6 hosts' numbers.

        An IPv4 host's number is its address; those of IPv6 follow above 2**32 in the order of their first flow.
        """
        count, pairs = self._count, self.digest.pairs
        initiators, responders = (array("q", bytes(8 * max(1, count))) for _ in range(2))
        numbers: dict[bytes, int] = {}
        if parties(count, self._groups, self.digest.entries, initiators, responders):
            for index in range(count):
                if initiators[index] >= 0:
                    continue
                key = self.digest.entries[self.entry(index) * lay.E_STRIDE + lay.E_KEY]
                low, high = (
                    numbers.setdefault(bytes(pairs[at : at + 16]), (1 << 32) + len(numbers))
                    for at in (32 * key, 32 * key + 16)
                )
                if self._word(index, lay.J_META) & lay.J_SIDE:
                    low, high = high, low
                initiators[index] = low << 16 | -1 - initiators[index]
                responders[index] = high << 16 | -1 - responders[index]
        return initiators[:count], responders[:count], numbers

    def sides(self) -> tuple[bool, bool]:
        """Tell whether any flow shows packets of both its halves, and whether any half carries data."""
        halves, width = self.digest.halves, lay.T_STRIDE
        low, stop = lay.T_HALVES + lay.H_PACKETS, self.digest.count * lay.T_STRIDE
        first, second = halves[low:stop:width], halves[low + lay.H_STRIDE : stop : width]
        both = any(mine and other for mine, other in zip(first, second, strict=True))
        return both, any(word > _LOW32 for word in first) or any(word > _LOW32 for word in second)

    def row(self, index: int) -> FlowRow:
        """Return the flow at ``index`` in short, without building it. Raises IndexError."""
        if not 0 <= index < self._count:
            raise IndexError(index)
        where, meta, silence, unanswered = self._groups[index * lay.J_STRIDE : (index + 1) * lay.J_STRIDE]
        entry, halves = where & _LOW32, self.digest.halves
        at = entry * lay.T_STRIDE + lay.T_HALVES
        first, second = halves[at : at + lay.H_STRIDE], halves[at + lay.H_STRIDE : at + 2 * lay.H_STRIDE]
        initiator, responder = endpoints(self.digest, entry)
        if meta & lay.J_SIDE:
            first, second, initiator, responder = second, first, responder, initiator
        starts = stops = first if first[lay.H_PACKETS] else second
        if first[lay.H_PACKETS] and second[lay.H_PACKETS]:
            starts = first if first[lay.H_FIRST_REF] <= second[lay.H_FIRST_REF] else second
            stops = first if first[lay.H_LAST_REF] >= second[lay.H_LAST_REF] else second
        counts, others = first[lay.H_COUNTS], second[lay.H_COUNTS]
        # In the order of FlowRow's fields: names would cost as much again, and thousands of rows may be asked for.
        return FlowRow(
            index,
            where >> 32,
            initiator,
            responder,
            first[lay.H_PACKETS] & _LOW32,
            second[lay.H_PACKETS] & _LOW32,
            first[lay.H_BYTES],
            second[lay.H_BYTES],
            frame_of(starts[lay.H_FIRST_REF]),
            frame_of(stops[lay.H_LAST_REF]),
            starts[lay.H_FIRST_NS],
            stops[lay.H_LAST_NS],
            second[lay.H_LAST_NS] if second[lay.H_PACKETS] else None,
            counts & lay.COUNT_LIMIT != 0,
            meta & lay.J_ESTABLISHED != 0,
            (counts >> lay.COUNT_ONE_RST) + (others >> lay.COUNT_ONE_RST),
            counts >> lay.COUNT_ONE_FIN & lay.COUNT_LIMIT,
            others >> lay.COUNT_ONE_FIN & lay.COUNT_LIMIT,
            silence,
            unanswered if unanswered >= 0 else None,
        )
