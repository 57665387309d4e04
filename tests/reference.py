"""A slow digest that is easy to believe: the compiled one is tested against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from analyzer.decode import columns as col
from analyzer.endpoint import Endpoint
from analyzer.flows.model import ACK, FIN, RST, SYN, Flow, Half, InitiatorFrom, Segment, Silence
from analyzer.seqnum import distance

FIRST, LAST, SILENCES, TTLS, RANGES, HEAD = 12, 36, 6, 4, 13, 96
SECOND = 1_000_000_000
WILD = 1 << 30
LETTERS = "SHADFRW"


@dataclass
class RefHalf:
    packets: int = 0
    payload_bytes: int = 0
    first: Segment | None = None
    last: Segment | None = None
    isn: int | None = None
    syns: int = 0
    fins: int = 0
    rsts: int = 0
    data_segments: int = 0
    zero_windows: int = 0
    keepalives: int = 0
    keepalive_bytes: int = 0
    max_payload: int = 0
    base: int | None = None  # unwrapped space starts at the first sequence number
    next: int | None = None
    ranges: list[tuple[int, int]] = field(default_factory=list)
    covered_from: int | None = None
    tracked_bytes: int = 0
    wild: bool = False
    untracked: int = 0
    overflow: bool = False
    last_ack: int | None = None
    ack_wild: bool = False
    mss: int | None = None
    wscale: int | None = None
    ttls: dict[int, int] = field(default_factory=dict)
    ttl_overflow: bool = False
    truncated: int = 0
    head: bytes = b""
    head_frame: int | None = None
    tail: bytes = b""
    tail_frame: int | None = None

    def unwrap(self, seq: int, near: int) -> int:
        return near + distance(near & 0xFFFFFFFF, seq)


@dataclass
class RefFlow:
    stream: int
    low: Endpoint
    high: Endpoint
    previous: RefFlow | None
    base: list[int | None] = field(default_factory=lambda: [None, None])
    halves: tuple[RefHalf, RefHalf] = field(default_factory=lambda: (RefHalf(), RefHalf()))
    segments: list[Segment] = field(default_factory=list)
    silences: list[list[Any]] = field(default_factory=list)
    history: list[tuple[str, int]] = field(default_factory=list)
    clock_steps: int = 0
    tunnel: bool = False

    def add(self, segment: Segment, side: int, options: int, cut: bool, payload: bytes, length: int) -> None:
        half = self.halves[side]
        last = self.segments[-1] if self.segments else None
        if last is not None:
            if segment.ts_ns < last.ts_ns:
                self.clock_steps += 1
            for silence in self.silences:
                if silence[2] is None and silence[1].from_initiator != segment.from_initiator:
                    silence[2] = segment
            if segment.ts_ns - last.ts_ns >= SECOND:
                self.silences.append([last, segment, None])
        self.segments.append(segment)
        half.packets += 1
        half.payload_bytes += length
        half.first = half.first or segment
        half.last = segment
        flags = segment.flags
        half.syns += bool(flags & SYN)
        half.fins += bool(flags & FIN)
        half.rsts += bool(flags & RST)
        half.data_segments += length > 0
        half.zero_windows += segment.window == 0 and not flags & (SYN | RST)
        half.max_payload = max(half.max_payload, length)
        half.truncated += cut
        if not flags & RST:
            if segment.ttl in half.ttls or len(half.ttls) < TTLS:
                half.ttls[segment.ttl] = half.ttls.get(segment.ttl, 0) + 1
            else:
                half.ttl_overflow = True
            self._track(half, segment, length, options)
        # One byte may be a keepalive's filling, which must not hide the last real words.
        if length > 1:
            if half.head_frame is None:
                half.head, half.head_frame = payload[:HEAD], segment.frame
            half.tail, half.tail_frame = payload[:HEAD], segment.frame
        letters = ""
        if flags & SYN:
            letters += "H" if flags & ACK else "S"
        if length > 0:
            letters += "D"
        if flags & FIN:
            letters += "F"
        if flags & RST:
            letters += "R"
        if segment.window == 0 and not flags & (SYN | RST):
            letters += "W"
        if not flags & (SYN | FIN | RST) and flags & ACK and length == 0:
            letters += "A"
        for letter in LETTERS:
            if letter in letters and (letter, side) not in self.history:
                self.history.append((letter, side))

    def _track(self, half: RefHalf, segment: Segment, length: int, options: int) -> None:
        flags, seq = segment.flags, segment.seq
        if flags & SYN:
            if half.isn != seq:
                half.isn = seq
                half.base = half.next = None
                half.ranges, half.covered_from, half.tracked_bytes = [], None, 0
                half.wild = half.overflow = half.ack_wild = False
                half.last_ack = None
            if options & col.OPT_MSS:
                half.mss = options & 0xFFFF
            if options & col.OPT_WSCALE:
                half.wscale = options >> 16 & 0xFF
        start = seq + (1 if flags & SYN else 0)
        if half.next is None:
            half.base = seq
            near = seq
            half.covered_from = start
        else:
            near = half.next
            if (
                length <= 1
                and not flags & (SYN | FIN)
                and distance(seq, half.next & 0xFFFFFFFF) == 1
            ):
                half.keepalives += 1
                half.keepalive_bytes += length
        at = half.unwrap(start & 0xFFFFFFFF, near)
        if half.next is not None and abs(at - near) >= WILD:
            half.wild = True
        else:
            end = at + length + bool(flags & FIN)
            half.next = end if half.next is None else max(half.next, end)
            if length:
                half.tracked_bytes += length
                half.ranges = _union([*half.ranges, (at, at + length)])
                half.overflow |= len(half.ranges) > RANGES
            if half.covered_from is not None:
                half.covered_from = min(half.covered_from, at)
        if flags & ACK:
            if half.last_ack is None:
                half.last_ack = segment.ack
            else:
                ack = half.unwrap(segment.ack, half.last_ack)
                if abs(ack - half.last_ack) >= WILD:
                    half.ack_wild = True
                half.last_ack = max(half.last_ack, ack) if abs(ack - half.last_ack) < WILD else half.last_ack


def _union(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


class ReferenceDigest:
    """Flows of one capture, one Python object a packet."""

    def __init__(self) -> None:
        self.streams = 0
        self.flows: list[RefFlow] = []
        self._current: dict[tuple[Endpoint, Endpoint], RefFlow] = {}
        self.frame_streams: list[tuple[int, int]] = []

    def update(self, buffer: bytes | bytearray, rows: Sequence[int], count: int) -> None:
        self.rows_flow: dict[int, RefFlow] = {}
        for index in range(count):
            self._index = index
            self._add(buffer, rows[index * col.ROW_STRIDE : (index + 1) * col.ROW_STRIDE])

    def _add(self, buffer: bytes | bytearray, row: Sequence[int]) -> None:
        bits, shape, hop = row[col.ROW_BITS], row[col.ROW_SHAPE], row[col.ROW_HOP]
        side = bits & col.BIT_SIDE
        if bits & col.BIT_V6:
            at = row[col.ROW_KEY]
            pair = [bytes(buffer[at : at + 16]), bytes(buffer[at + 16 : at + 32])]
            if side:
                pair.reverse()
        else:
            pair = [
                ((row[col.ROW_KEY] >> 32) + (1 << 31)).to_bytes(4, "big"),
                (row[col.ROW_KEY] & 0xFFFFFFFF).to_bytes(4, "big"),
            ]
        low = Endpoint(pair[0], row[col.ROW_PORTS] >> 16)
        high = Endpoint(pair[1], row[col.ROW_PORTS] & 0xFFFF)
        flags = shape & 0x1FF
        length = row[col.ROW_LENGTH]
        seq, ack = row[col.ROW_SEQACK] & 0xFFFFFFFF, (row[col.ROW_SEQACK] >> 32) + (1 << 31)
        flow = self._current.get((low, high))
        if flow is None:
            flow = self._start(low, high, None)
        base = flow.base[side]
        if flags & (SYN | ACK) == SYN and base is not None and base != seq:
            flow = self._start(low, high, flow)
        elif flags & (SYN | ACK) == SYN | ACK and base is not None:
            flow.base[side] = seq
        if bits & col.BIT_QUOTED:
            return
        if not bits & col.BIT_SHORT:
            if flow.base[side] is None:
                flow.base[side] = seq if flags & SYN else (seq - 1) & 0xFFFFFFFF
            if flow.base[1 - side] is None and flags & ACK:
                flow.base[1 - side] = (ack - 1) & 0xFFFFFFFF
        if bits & col.BIT_BOGUS:
            return
        self.rows_flow[self._index] = flow
        frame = row[col.ROW_REF] & ((1 << 40) - 1)
        self.frame_streams.append((frame, flow.stream))
        segment = Segment(
            frame=frame,
            ts_ns=row[col.ROW_TS],
            from_initiator=bool(side),
            flags=flags,
            seq=seq,
            ack=ack,
            payload_len=shape >> col.SHAPE_LENGTH,
            window=hop >> 32 & 0xFFFF,
            ttl=hop >> 48 & 0xFF,
            ip_id=shape >> col.SHAPE_IP_ID & 0xFFFF if shape & col.MARK_IP_ID else None,
            has_options=bool(shape & col.MARK_OPTIONS),
            dont_fragment=bool(shape & col.MARK_DF),
            link_source=shape >> col.SHAPE_LINK & 0xFFFF,
            sack=bool(shape & col.MARK_SACK),
        )
        where, size = row[col.ROW_PAYLOAD] >> 32, row[col.ROW_PAYLOAD] & 0xFFFFFFFF
        payload = bytes(buffer[where : where + min(size, HEAD)])
        flow.add(segment, side, row[col.ROW_OPTIONS], bool(bits & col.BIT_CUT), payload, length)
        flow.tunnel |= bool(bits & col.BIT_TUNNEL)

    def _start(self, low: Endpoint, high: Endpoint, previous: RefFlow | None) -> RefFlow:
        flow = RefFlow(self.streams, low, high, previous)
        self.streams += 1
        self.flows.append(flow)
        self._current[(low, high)] = flow
        return flow


def initiator_side(flow: RefFlow) -> tuple[int, InitiatorFrom]:
    """Tell which side opened the connection, and how we know."""
    for letter, side in flow.history:
        if letter == "S":
            return side, InitiatorFrom.SYN
    for letter, side in flow.history:
        if letter == "H":
            return 1 - side, InitiatorFrom.SYN_ACK
    if flow.low.port != flow.high.port:
        return (1 if flow.low.port < flow.high.port else 0), InitiatorFrom.PORT
    return int(flow.segments[0].from_initiator), InitiatorFrom.FIRST_PACKET


def kept_segments(flow: RefFlow) -> list[int]:
    """Positions of the segments that a digest keeps."""
    count = len(flow.segments)
    if count <= FIRST + LAST:
        return list(range(count))
    gone = range(FIRST, count - LAST)
    kept = set(range(FIRST)) | set(range(count - LAST, count))
    for side in (0, 1):
        mine = [i for i in gone if flow.segments[i].from_initiator == bool(side)]
        for flag in (SYN, FIN, RST):
            marked = [i for i in mine if flow.segments[i].flags & flag]
            kept.update(marked[:1])
            if flag == RST:
                kept.update(marked[-1:])
    return sorted(kept)


def build_half(endpoint: Endpoint, half: RefHalf) -> Half:
    """Turn one direction into the model's type."""
    known = not half.wild
    counted = known and not half.overflow and half.next is not None
    covered = sum(end - start for start, end in half.ranges)
    span = (half.ranges[-1][1] - half.covered_from) if half.ranges and half.covered_from is not None else 0
    return Half(
        endpoint=endpoint,
        packets=half.packets,
        payload_bytes=half.payload_bytes,
        first_frame=half.first.frame if half.first else None,
        last_frame=half.last.frame if half.last else None,
        first_ns=half.first.ts_ns if half.first else None,
        last_ns=half.last.ts_ns if half.last else None,
        isn=half.isn,
        syns=half.syns,
        fins=half.fins,
        rsts=half.rsts,
        data_segments=half.data_segments - half.keepalive_bytes,
        zero_windows=half.zero_windows,
        keepalives=half.keepalives,
        max_payload=half.max_payload,
        next_seq=half.next & 0xFFFFFFFF if known and half.next is not None else None,
        last_ack=half.last_ack & 0xFFFFFFFF if not half.ack_wild and half.last_ack is not None else None,
        retransmitted_bytes=max(0, half.tracked_bytes - covered - half.keepalive_bytes) if counted else None,
        missing_bytes=max(0, span - covered) if counted else None,
        mss=half.mss,
        window_scale=half.wscale,
        ttl_modes=()
        if half.ttl_overflow
        else tuple(sorted(half.ttls.items(), key=lambda item: -item[1])[:2]),
        truncated=half.truncated,
        bad_checksums=0,
        head=half.head,
        head_frame=half.head_frame,
        tail=half.tail,
        tail_frame=half.tail_frame,
    )


def verdict(first: RefHalf, second: RefHalf, opened: tuple[bool, bool], answered: bool) -> str:
    """Zeek's conn_state of an initiator's and a responder's half."""
    if second.rsts:
        if opened[0] and not answered:
            return "REJ"
        return "RSTR" if opened[0] else "RSTRH"
    if first.rsts:
        return "RSTO" if opened[1] else "RSTOS0"
    if first.fins and second.fins:
        return "SF"
    if first.fins:
        return "S2" if opened[1] else "SH"
    if second.fins:
        return "S3" if opened[0] else "SHR"
    if opened[0] and not second.packets:
        return "S0"
    return "S1" if opened[0] and opened[1] else "OTH"


def build_flow(flow: RefFlow, index: int) -> Flow:
    """Turn a reference flow into the model's type."""
    side, how = initiator_side(flow)
    ends = (flow.low, flow.high)
    first, second = flow.halves[side], flow.halves[1 - side]

    def turned(segment: Segment) -> Segment:
        return segment._replace(from_initiator=int(segment.from_initiator) == side)

    kept = [turned(flow.segments[i]) for i in kept_segments(flow)]
    silences = sorted(flow.silences, key=lambda item: (item[0].ts_ns - item[1].ts_ns, item[1].frame))[:SILENCES]
    return Flow(
        index=index,
        stream=flow.stream,
        initiator=build_half(ends[side], first),
        responder=build_half(ends[1 - side], second),
        initiator_from=how,
        first_frame=flow.segments[0].frame,
        last_frame=flow.segments[-1].frame,
        first_ns=flow.segments[0].ts_ns,
        last_ns=flow.segments[-1].ts_ns,
        segments=tuple(kept),
        elided=len(flow.segments) - len(kept),
        silences=tuple(
            Silence(
                before_frame=before.frame,
                before_ns=before.ts_ns,
                before_from_initiator=int(before.from_initiator) == side,
                after_frame=after.frame,
                after_ns=after.ts_ns,
                after_from_initiator=int(after.from_initiator) == side,
                after_flags=after.flags,
                after_payload_len=after.payload_len,
                answer_frame=answer.frame if answer else None,
                answer_ns=answer.ts_ns if answer else None,
                answer_flags=answer.flags if answer else None,
            )
            for before, after, answer in silences
        ),
        verdict=verdict(
            first,
            second,
            (bool(first.syns), bool(second.syns)),
            bool(second.syns),
        ),
        history="".join(letter if who == side else letter.lower() for letter, who in flow.history),
        reused_ports=flow.previous is not None and bool(flow.previous.segments),
        clock_steps=flow.clock_steps,
        vlan_or_tunnel=flow.tunnel,
    )
