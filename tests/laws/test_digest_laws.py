"""digest(a ++ b) == merge(digest(a), digest(b)); associative; an empty digest is its identity."""

from __future__ import annotations

import pickle
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.flows import keys
from analyzer.flows.digest import Digest
from tests.digesting import (
    START_NS,
    Packet,
    Row,
    differences,
    digest_of,
    flows_of,
    parts_of,
    rows_from,
    rows_of,
)
from tests.reference import ReferenceDigest, build_flow

_COMPILED = not str(keys.__file__).endswith(".py")
_FILES = 300 if _COMPILED else 20
_EXAMPLES = 120 if _COMPILED else 24


def joined(parts: list[Digest], choose: random.Random) -> Digest:
    """Merge neighbours in any order until one is left."""
    while len(parts) > 1:
        at = choose.randrange(len(parts) - 1)
        parts[at].merge(parts[at + 1])
        del parts[at + 1]
    return parts[0]


def check(rows: list[Row], cuts: list[int], choose: random.Random, *, ignore: tuple[str, ...] = ()) -> None:
    whole = flows_of(digest_of(rows))
    merged = flows_of(joined(parts_of(rows, cuts), choose))
    assert len(whole) == len(merged)
    for one, other in zip(whole, merged, strict=True):
        found = differences(one, other, capped=True)
        assert [text for text in found if not text.partition(":")[0].endswith(ignore or ("\0",))] == []


def captures(shared: Path) -> list[Path]:
    found = [*sorted((shared / "captures").glob("*/*.pcapng")), *sorted((shared / "corpus" / "captures").iterdir())]
    return [path for path in found if path.stat().st_size < (2_000_000 if _COMPILED else 60_000)]


def test_random_cuts_of_real_captures(shared: Path) -> None:
    choose = random.Random(10057)
    found = captures(shared)
    for path in choose.sample(found, min(_FILES, len(found))):
        try:
            rows = rows_of(path)
        except Exception as error:
            if type(error).__name__ == "CaptureError":
                continue
            raise
        for _ in range(3):
            check(rows, [choose.randrange(len(rows) + 1) for _ in range(choose.choice((1, 1, 2, 3, 8)))], choose)


def test_the_digest_agrees_with_the_slow_one(shared: Path) -> None:
    choose = random.Random(1)
    found = captures(shared)
    for path in choose.sample(found, min(_FILES, len(found))):
        try:
            rows = rows_of(path)
        except Exception as error:
            if type(error).__name__ == "CaptureError":
                continue
            raise
        slow = ReferenceDigest()
        for buffer, row in rows:
            slow.update(buffer, row, 1)
        expected = [build_flow(flow, index) for index, flow in enumerate(f for f in slow.flows if f.segments)]
        flows = flows_of(digest_of(rows))
        assert len(flows) == len(expected)
        for one, other in zip(flows, expected, strict=True):
            # The slow one does not know the stream numbers that a SOCKS tunnel takes.
            assert [text for text in differences(one, other) if not text.startswith("stream:")] == []


_SEQS = (99, 100, 101, 102, 200, 0xFFFFFFFF, 0, 1 << 31)
_GAPS = (0, 1_000_000, 999_999_999, 1_000_000_000, 5_000_000_000, -2_000_000)


@st.composite
def hostile(draw: Any) -> list[Packet]:
    """Segments without any sense, on a few four-tuples."""
    ns, packets = START_NS, []
    for _ in range(draw(st.integers(1, 120))):
        ns += draw(st.sampled_from(_GAPS))
        ends = (draw(st.sampled_from(("10.0.0.1", "10.0.0.9"))), draw(st.sampled_from((1000, 1001))), "10.0.0.5", 80)
        if draw(st.booleans()):
            ends = ends[2], ends[3], ends[0], ends[1]
        packets.append(
            Packet(
                *ends,
                flags=draw(st.sampled_from((2, 18, 16, 16, 16, 24, 17, 20, 4, 1, 0, 6, 3))),
                seq=draw(st.sampled_from(_SEQS)),
                ack=draw(st.sampled_from(_SEQS)),
                payload=draw(st.sampled_from((b"", b"", b"x", b"220 hi", b"\x15\x03\x03\x00\x02", b"y" * 40))),
                ns=ns,
                ttl=draw(st.sampled_from((64, 64, 64, 63, 128, 1, 255))),
                window=draw(st.sampled_from((0, 512))),
            )
        )
    return packets


@st.composite
def plausible(draw: Any) -> list[Packet]:
    """One connection after another as hosts speak: data in order, losses, retransmissions, keepalives, an ending."""
    ns, packets = START_NS, []
    for isn in draw(st.permutations((1, 0xFFFFFFF0, 77_000)))[: draw(st.integers(1, 3))]:
        ends = ("10.0.0.1", 1000), ("10.0.0.5", 80)
        sent, acked = [isn, isn ^ 0x5555], [0, 0]

        def say(side: int, flags: int, size: int = 0, *, back: int = 0, lost: bool = False) -> None:
            nonlocal ns
            ns += draw(st.sampled_from((1_000_000, 40_000_000, 2_000_000_000, 75_000_000_000)))
            packet = Packet(
                *ends[side], *ends[1 - side], flags=flags, seq=sent[side] - back, ack=acked[side],  # noqa: B023
                payload=bytes(65 + n % 26 for n in range(size)), ns=ns,
            )
            taken = size + bool(flags & 2) + bool(flags & 1)
            if taken > back:
                sent[side] = sent[side] - back + taken & 0xFFFFFFFF  # noqa: B023
            if not lost:
                packets.append(packet)
                acked[1 - side] = sent[side]  # noqa: B023

        if packets or draw(st.booleans()):
            say(0, 2)
            say(1, 18)
            say(0, 16)
        kinds = st.sampled_from(("data", "data", "data", "again", "keep", "keep1", "ack", "lost"))
        for what in draw(st.lists(kinds, max_size=70)):
            side = draw(st.integers(0, 1))
            if what == "data":
                say(side, 24, draw(st.integers(2, 30)))
            elif what == "again":
                say(side, 24, 5, back=5)
                say(side, 16)
            elif what == "lost":
                say(side, 24, 9, lost=True)
            elif what == "ack":
                say(side, 16)
            else:
                say(side, 16, len(what) - 4, back=1)
                say(1 - side, 16)
        ending = draw(st.sampled_from(("fin", "rst", "none")))
        if ending == "fin":
            say(0, 17)
            say(1, 17)
            say(0, 16)
        elif ending == "rst":
            say(draw(st.integers(0, 1)), 20)
    return packets


@settings(max_examples=_EXAMPLES, deadline=None)
@given(hostile(), st.lists(st.integers(0, 120), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_random_cuts_of_nonsense(packets: list[Packet], cuts: list[int], choose: random.Random) -> None:
    # Where a part begins two or more numbers behind what came before it, keepalives right after the seam are not told.
    check(rows_from(packets), cuts, choose, ignore=("keepalives", "data_segments", "retransmitted_bytes"))


@settings(max_examples=_EXAMPLES, deadline=None)
@given(plausible(), st.lists(st.integers(0, 200), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_random_cuts_of_conversations(packets: list[Packet], cuts: list[int], choose: random.Random) -> None:
    check(rows_from(packets), cuts, choose)


def _exact(rows: list[Row], cuts: list[int]) -> None:
    """Join parts from the left, as the parts of a file are; without a doubt nothing may differ, unknowns included."""
    whole = flows_of(digest_of(rows))
    first, *others = parts_of(rows, cuts)
    for part in others:
        first.merge(part)
    if not first.doubts:
        assert flows_of(first) == whole


@settings(max_examples=_EXAMPLES, deadline=None)
@given(st.one_of(hostile(), plausible()), st.lists(st.integers(1, 120), min_size=1, max_size=3))
def test_without_a_doubt_nothing_differs(packets: list[Packet], cuts: list[int]) -> None:
    _exact(rows_from(packets), cuts)


def test_conversations_are_joined_without_a_doubt(shared: Path) -> None:
    choose = random.Random(5)
    doubts = 0
    found = captures(shared)
    for path in choose.sample(found, min(_FILES // 2, len(found))):
        try:
            rows = rows_of(path)
        except Exception as error:
            if type(error).__name__ == "CaptureError":
                continue
            raise
        cut = choose.randrange(len(rows) + 1)
        _exact(rows, [cut])
        first, second = parts_of(rows, [cut])
        first.merge(second)
        doubts += first.doubts > 0
    assert doubts <= _FILES // 20


@settings(max_examples=_EXAMPLES // 2, deadline=None)
@given(st.one_of(hostile(), plausible()))
def test_nonsense_reads_as_the_slow_digest_reads_it(packets: list[Packet]) -> None:
    rows = rows_from(packets)
    slow = ReferenceDigest()
    for buffer, row in rows:
        slow.update(buffer, row, 1)
    expected = [build_flow(flow, index) for index, flow in enumerate(f for f in slow.flows if f.segments)]
    flows = flows_of(digest_of(rows))
    assert [flow.stream for flow in flows] == [flow.stream for flow in expected]
    for one, other in zip(flows, expected, strict=True):
        assert differences(one, other) == []


@settings(max_examples=_EXAMPLES // 4, deadline=None)
@given(plausible())
def test_an_empty_digest_changes_nothing(packets: list[Packet]) -> None:
    rows = rows_from(packets)
    whole = flows_of(digest_of(rows))
    left = Digest()
    left.merge(digest_of(rows, first=False))
    right = digest_of(rows)
    right.merge(Digest(first=False))
    assert flows_of(left) == flows_of(right) == whole


@settings(max_examples=_EXAMPLES // 4, deadline=None)
@given(plausible(), st.integers(0, 100))
def test_a_digest_survives_pickling(packets: list[Packet], cut: int) -> None:
    rows = rows_from(packets)
    left, right = (pickle.loads(pickle.dumps(part)) for part in parts_of(rows, [cut]))
    left.merge(right)
    whole = flows_of(digest_of(rows))
    for one, other in zip(flows_of(left), whole, strict=True):
        assert differences(one, other, capped=True) == []


@pytest.mark.parametrize("count", [1, 11, 12, 13, 47, 48, 49, 60, 200])
def test_a_digest_of_any_length_joins_at_every_cut(count: int) -> None:
    choose = random.Random(count)
    packets = [
        Packet(
            *(("10.0.0.1", 1000, "10.0.0.5", 80) if n % 3 else ("10.0.0.5", 80, "10.0.0.1", 1000)),
            flags=choose.choice((16, 24, 24, 17, 20, 2)), seq=n * 7, ack=n, payload=b"abc" * (n % 2),
            ns=START_NS + n * choose.choice((10**8, 10**9, 3 * 10**9)),
        )
        for n in range(count)
    ]  # fmt: skip
    rows = rows_from(packets)
    for cut in range(0, count + 1, 1 if count < 60 else 7):
        check(rows, [cut], choose)


def test_memory_grows_with_flows_not_packets() -> None:
    packets = [Packet(flags=24, seq=n * 10, ack=1, payload=b"0123456789", ns=START_NS + n * 10**6) for n in range(4000)]
    short, long = digest_of(rows_from(packets[:400])), digest_of(rows_from(packets))
    size = len(pickle.dumps(short))
    assert len(pickle.dumps(long)) < 1.2 * size
