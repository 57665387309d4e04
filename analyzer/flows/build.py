"""From the words of a digest to the values of the model, one flow at a time."""

from __future__ import annotations

from array import array
from itertools import pairwise

from analyzer.decode import columns as col
from analyzer.endpoint import Endpoint
from analyzer.flows import layout as lay
from analyzer.flows.digest import Digest
from analyzer.flows.machine import state, verdict
from analyzer.flows.model import SYN, Flow, Half, InitiatorFrom, Segment, Silence

__all__ = ["build_flow", "endpoints", "first_syn", "frame_of", "silences_of"]

_LOW32 = 0xFFFFFFFF
_LETTERS = "SHADFRW"
_HOP, _SHAPE, _NS, _HIGH = lay.G_HOP, lay.G_SHAPE, lay.G_NS, col.MARK_HIGH_SIDE
_REF = (1 << lay.L_SIDE) - 1


def frame_of(ref: int) -> int:
    """Return the frame number in a ref."""
    return ref & (1 << lay.REF_CAPTURE) - 1


def endpoints(digest: Digest, entry: int) -> tuple[Endpoint, Endpoint]:
    """Return an entry's low and high endpoint."""
    at = entry * lay.E_STRIDE
    key, ports = digest.entries[at + lay.E_KEY], digest.entries[at + lay.E_PORTS]
    if ports >> lay.EP_V6_SHIFT & 1:
        low, high = bytes(digest.pairs[32 * key : 32 * key + 16]), bytes(digest.pairs[32 * key + 16 : 32 * key + 32])
    else:
        low, high = ((key >> 32) + (1 << 31)).to_bytes(4, "big"), (key & _LOW32).to_bytes(4, "big")
    return Endpoint(low, ports >> 16 & 0xFFFF), Endpoint(high, ports & 0xFFFF)


def _segment(seqack: int, hop: int, shape: int, ns: int, frame: int, initiator: int) -> Segment:
    # In the order of Segment's fields: names would cost as much again, and this runs up to 48 times a flow.
    return Segment(
        frame,
        ns,
        (shape & col.MARK_HIGH_SIDE != 0) == initiator,
        shape & 0x1FF,
        seqack & _LOW32,
        (seqack >> 32) + (1 << 31),
        shape >> col.SHAPE_LENGTH,
        hop >> 32 & 0xFFFF,
        hop >> 48 & 0xFF,
        shape >> col.SHAPE_IP_ID & 0xFFFF if shape & col.MARK_IP_ID else None,
        shape & col.MARK_OPTIONS != 0,
        shape & col.MARK_DF != 0,
        shape >> col.SHAPE_LINK & 0xFFFF,
        shape & col.MARK_SACK != 0,
    )


def _places(digest: Digest, entry: int, *, last: bool) -> list[int]:
    """Return where the pool holds the first segments, or the last ones: none where all are among the first."""
    pool, at = digest.pool, entry * lay.S_STRIDE
    count, chunks = digest.kept[at + lay.S_COUNT], digest.kept[at + lay.S_CHUNKS]
    chunk, slot, length = chunks & _LOW32, 0, count if count <= lay.KEEP_ALL else lay.KEEP_FIRST
    if last:
        chunk, slot = chunks >> 32, (count - lay.KEEP_LAST) % lay.G_SEGMENTS
        length = lay.KEEP_LAST if count > lay.KEEP_ALL else 0
        if length and count % lay.G_SEGMENTS == 0:
            chunk = pool[chunk * lay.G_STRIDE] & _LOW32
    found: list[int] = []
    while length > 0:
        word = chunk * lay.G_STRIDE + 1 + slot * lay.G_WORDS
        taken = min(length, lay.G_SEGMENTS - slot)
        found += range(word, word + taken * lay.G_WORDS, lay.G_WORDS)
        length -= taken
        slot = 0
        chunk = pool[chunk * lay.G_STRIDE] & _LOW32
    return found


def _segments(digest: Digest, entry: int, begun: list[int], ended: list[int], initiator: int) -> tuple[Segment, ...]:
    """Return the segments at the first places, the extras, and those at the last places, each in order."""
    pool = digest.pool
    first, last = (
        [
            _segment(
                pool[word + lay.G_SEQACK],
                hop := pool[word + _HOP],
                pool[word + _SHAPE],
                pool[word + _NS],
                hop & _LOW32,
                initiator,
            )
            for word in words
        ]
        for words in (begun, ended)
    )
    number = digest.kept[entry * lay.S_STRIDE + lay.S_EXTRAS]
    extras: dict[int, Segment] = {}
    if number and ended:
        for kind in range(lay.X_SEGMENTS):
            x = (number - 1) * lay.X_STRIDE + kind * lay.X_WORDS
            seqack, hop, shape, ns, ref = digest.extras[x : x + lay.X_WORDS]
            if ref:
                extras[ref] = _segment(seqack, hop, shape, ns, frame_of(ref), initiator)
    return (*first, *(extras[ref] for ref in sorted(extras)), *last)


def _ref(pool: array[int], word: int) -> int:
    """Return the ref of the segment at a place of the pool."""
    base = word - word % lay.G_STRIDE
    slot = (word - base) // lay.G_WORDS
    hop = pool[word + lay.G_HOP]
    return ((pool[base] >> 32 + 8 * slot & 0xFF) << 7 | hop >> 56) << lay.REF_CAPTURE | hop & _LOW32


def _silences(digest: Digest, entry: int, row: list[int], side: int) -> list[Silence]:
    """Return the longest silences: those written down and those between segments that stand in a ``row``."""
    pool = digest.pool
    found: list[tuple[int, int, Silence]] = []
    number = digest.kept[entry * lay.S_STRIDE + lay.S_SILENCES] >> 2
    if number:
        x = (number - 1) * lay.L_STRIDE
        for n in range(digest.lists[x + lay.L_COUNT]):
            w = x + lay.L_FIRST + n * lay.L_WORDS
            before, before_ns, after, after_ns, answer, answer_ns, shape = digest.lists[w : w + lay.L_WORDS]
            found.append(
                (
                    before_ns - after_ns,
                    after & _REF,
                    Silence(
                        before_frame=frame_of(before & _REF),
                        before_ns=before_ns,
                        before_from_initiator=before >> lay.L_SIDE == side,
                        after_frame=frame_of(after & _REF),
                        after_ns=after_ns,
                        after_from_initiator=after >> lay.L_SIDE == side,
                        after_flags=shape & 0x1FF,
                        after_payload_len=shape >> 18,
                        answer_frame=frame_of(answer) if answer else None,
                        answer_ns=answer_ns if answer else None,
                        answer_flags=shape >> 9 & 0x1FF if answer else None,
                    ),
                )
            )
    times = [pool[word + _NS] for word in row]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    # A flow of polls pauses before each of them, and no more than a few are asked for.
    least = max(lay.SECOND, sorted(gaps)[-lay.KEEP_SILENCES] if len(gaps) > lay.KEEP_SILENCES else 0)
    for n, gap in enumerate(gaps, 1):
        if gap < least:
            continue
        before, after = row[n - 1], row[n]
        shape, reply = pool[after + _SHAPE], -1
        for word in row[n + 1 :]:
            if (pool[word + _SHAPE] ^ shape) & _HIGH:
                reply = word
                break
        # In the order of Silence's fields, as above.
        silence = Silence(
            pool[before + _HOP] & _LOW32,
            times[n - 1],
            (pool[before + _SHAPE] & _HIGH != 0) == side,
            pool[after + _HOP] & _LOW32,
            times[n],
            (shape & _HIGH != 0) == side,
            shape & 0x1FF,
            shape >> col.SHAPE_LENGTH,
            None if reply < 0 else pool[reply + _HOP] & _LOW32,
            None if reply < 0 else pool[reply + _NS],
            None if reply < 0 else pool[reply + _SHAPE] & 0x1FF,
        )
        # Only those that were written down have to be told apart by more than their place in the row.
        found.append((-gap, _ref(pool, after) if number else n, silence))
    found.sort(key=lambda item: item[:2])
    return [item[2] for item in found[: lay.KEEP_SILENCES]]


def first_syn(digest: Digest, entry: int, initiator: int) -> Segment | None:
    """Return the initiator's first kept SYN of an entry's flow; ``initiator`` is 1 where it is the high side."""
    pool = digest.pool
    for word in _places(digest, entry, last=False):
        shape = pool[word + _SHAPE]
        if shape & SYN and (shape & _HIGH != 0) == initiator:
            hop = pool[word + _HOP]
            return _segment(pool[word + lay.G_SEQACK], hop, shape, pool[word + _NS], hop & _LOW32, initiator)
    later = _segments(digest, entry, [], _places(digest, entry, last=True), initiator)
    return next((s for s in later if s.from_initiator and s.has(SYN)), None)


def silences_of(digest: Digest, entry: int, initiator: int) -> tuple[Silence, ...]:
    """Return the longest silences of an entry's flow, longest first; ``initiator`` is 1 where it is the high side."""
    row = _places(digest, entry, last=True) or _places(digest, entry, last=False)
    return tuple(_silences(digest, entry, row, initiator))


def _words(digest: Digest, index: int) -> tuple[bytes, int | None]:
    if not index:
        return b"", None
    word = digest.spoken[index - 1]
    size = word & 127
    text = memoryview(digest.spoken).cast("B")
    data = bytes(text[8 * index : 8 * index + size])
    text.release()
    return data, frame_of(word >> 7)


def _half(digest: Digest, entry: int, side: int, endpoint: Endpoint) -> Half:
    at = entry * lay.T_STRIDE + lay.T_HALVES + side * lay.H_STRIDE
    h = digest.halves[at : at + lay.H_STRIDE]
    flags = h[lay.H_FLAGS]
    packets = h[lay.H_PACKETS] & _LOW32
    counts = h[lay.H_COUNTS]
    rsts = counts >> lay.COUNT_ONE_RST & lay.COUNT_LIMIT
    cold = [0] * lay.C_STRIDE
    if flags >> lay.HF_COLD:
        c = ((flags >> lay.HF_COLD) - 1) * lay.C_STRIDE
        cold = digest.cold[c : c + lay.C_STRIDE].tolist()
    started = bool(flags & lay.HF_STARTED)
    known = started and not flags & lay.HF_WILD
    pieces = [(cold[lay.C_PIECE + 2 * n], cold[lay.C_PIECE + 2 * n + 1]) for n in range(cold[lay.C_PIECES])]
    if flags & lay.HF_TOP:
        pieces.append((h[lay.H_TOP], h[lay.H_TOP_END]))
    covered = sum(end - start for start, end in pieces)
    tracked = h[lay.H_BYTES] - cold[lay.C_UNTRACKED]
    counted = known and not flags & lay.HF_OVERFLOW
    ttls: list[tuple[int, int]] = []
    if flags & lay.HF_TTL and not flags & lay.HF_TTL_OVERFLOW:
        others = [(w >> 48, w & 0xFFFFFFFFFFFF) for w in cold[lay.C_TTL : lay.C_TTL + lay.KEEP_TTLS] if w]
        first = packets - rsts - sum(count for _, count in others)
        ttls = sorted([(flags >> lay.HF_TTL_SHIFT & 255, first), *others], key=lambda item: -item[1])
    word = digest.entry_words[entry * lay.W_STRIDE + side]
    head, head_frame = _words(digest, word & 0x7FFFFFFF)
    tail, tail_frame = _words(digest, word >> 32 & 0x3FFFFFFF)
    keep_bytes = cold[lay.C_KEEP_BYTES]
    return Half(
        endpoint=endpoint,
        packets=packets,
        payload_bytes=h[lay.H_BYTES],
        first_frame=frame_of(h[lay.H_FIRST_REF]) if packets else None,
        last_frame=frame_of(h[lay.H_LAST_REF]) if packets else None,
        first_ns=h[lay.H_FIRST_NS] if packets else None,
        last_ns=h[lay.H_LAST_NS] if packets else None,
        isn=h[lay.H_BASE] & _LOW32 if flags & lay.HF_ISN else None,
        syns=counts & lay.COUNT_LIMIT,
        fins=counts >> lay.COUNT_ONE_FIN & lay.COUNT_LIMIT,
        rsts=rsts,
        data_segments=(h[lay.H_PACKETS] >> 32) - keep_bytes,
        zero_windows=cold[lay.C_ZERO],
        keepalives=cold[lay.C_KEEP],
        max_payload=h[lay.H_ACK] >> 32,
        next_seq=h[lay.H_BASE] + h[lay.H_NEXT] & _LOW32 if known else None,
        last_ack=h[lay.H_ACK] & _LOW32 if flags & lay.HF_ACKED and not flags & lay.HF_ACK_WILD else None,
        retransmitted_bytes=max(0, tracked - covered - keep_bytes) if counted else None,
        missing_bytes=max(0, pieces[-1][1] - (h[lay.H_BASE] >> 32) - covered if pieces else 0) if counted else None,
        mss=h[lay.H_MISC] & 0xFFFF if flags & lay.HF_MSS else None,
        window_scale=flags >> lay.HF_SCALE_SHIFT & 255 if flags & lay.HF_SCALE else None,
        ttl_modes=tuple(ttls[:2]),
        truncated=h[lay.H_MISC] >> 32,
        bad_checksums=0,
        head=head,
        head_frame=head_frame,
        tail=tail,
        tail_frame=tail_frame,
    )


def _initiator(digest: Digest, entry: int, codes: list[int], ports: tuple[int, int]) -> tuple[int, InitiatorFrom]:
    for code in codes:
        if code >> 1 == 0:
            return code & 1, InitiatorFrom.SYN
    for code in codes:
        if code >> 1 == 1:
            return 1 - (code & 1), InitiatorFrom.SYN_ACK
    if ports[0] != ports[1]:
        return (1 if ports[0] < ports[1] else 0), InitiatorFrom.PORT
    return _first_side(digest, entry), InitiatorFrom.FIRST_PACKET


def _first_side(digest: Digest, entry: int) -> int:
    low = entry * lay.T_STRIDE + lay.T_HALVES
    high = low + lay.H_STRIDE
    if not digest.halves[low + lay.H_PACKETS]:
        return 1
    if not digest.halves[high + lay.H_PACKETS]:
        return 0
    return int(digest.halves[high + lay.H_FIRST_REF] < digest.halves[low + lay.H_FIRST_REF])


def build_flow(digest: Digest, entry: int, index: int, stream: int) -> Flow:
    """Build the flow of an entry that has packets."""
    ends = endpoints(digest, entry)
    at = entry * lay.T_STRIDE
    bits, story = digest.halves[at + lay.T_BITS], digest.halves[at + lay.T_HISTORY]
    codes = [(story >> shift & 15) - 1 for shift in range(0, 56, 4) if story >> shift & 15]
    side, how = _initiator(digest, entry, codes, (ends[0].port, ends[1].port))
    begun, ended = _places(digest, entry, last=False), _places(digest, entry, last=True)
    segments = _segments(digest, entry, begun, ended, side)
    first, second = _half(digest, entry, side, ends[side]), _half(digest, entry, 1 - side, ends[1 - side])
    starts = at + lay.T_HALVES + _first_side(digest, entry) * lay.H_STRIDE
    stops = at + lay.T_HALVES + (lay.H_STRIDE if bits & lay.TB_LAST_HIGH else 0)
    previous = digest.entries[entry * lay.E_STRIDE + lay.E_PREVIOUS]
    reused = False
    while previous and not reused:
        reused = bool(digest.entries[(previous - 1) * lay.E_STRIDE + lay.E_BITS] & lay.EB_PACKETS)
        previous = digest.entries[(previous - 1) * lay.E_STRIDE + lay.E_PREVIOUS]
    return Flow(
        index=index,
        stream=stream,
        initiator=first,
        responder=second,
        initiator_from=how,
        first_frame=frame_of(digest.halves[starts + lay.H_FIRST_REF]),
        last_frame=frame_of(digest.halves[stops + lay.H_LAST_REF]),
        first_ns=digest.halves[starts + lay.H_FIRST_NS],
        last_ns=digest.halves[stops + lay.H_LAST_NS],
        segments=segments,
        elided=first.packets + second.packets - len(segments),
        silences=tuple(_silences(digest, entry, ended or begun, side)),
        verdict=verdict(
            state(first.packets, first.syns, first.fins, first.rsts),
            state(second.packets, second.syns, second.fins, second.rsts),
            initiator_syn=first.syns > 0,
            responder_syn=second.syns > 0,
        ),
        history="".join(_LETTERS[code >> 1] if code & 1 == side else _LETTERS[code >> 1].lower() for code in codes),
        reused_ports=reused,
        clock_steps=bits >> lay.TB_STEPS,
        vlan_or_tunnel=bool(digest.entries[entry * lay.E_STRIDE + lay.E_BITS] & lay.EB_TUNNEL),
    )
