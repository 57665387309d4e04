from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from analyzer.flows import layout as lay
from tests.digesting import Packet, digest_of, flows_of, rows_from

HERE = ("10.0.0.5", 50123, "10.9.0.7", 80)


def data(start: int, end: int) -> Packet:
    return Packet(*HERE, seq=1000 + start, ack=1, payload=bytes(end - start))


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(2, 12)), min_size=1, max_size=40))
def test_the_union_of_pieces_in_any_order(pieces: list[tuple[int, int]]) -> None:
    (flow,) = flows_of(digest_of(rows_from([data(0, 2), *(data(2 + at, 2 + at + size) for at, size in pieces)])))
    seen = {n for at, size in [(-2, 2), *pieces] for n in range(2 + at, 2 + at + size)}
    half = flow.initiator
    assert half.retransmitted_bytes in (None, 2 + sum(size for _, size in pieces) - len(seen))
    assert half.missing_bytes in (None, max(seen) + 1 - len(seen))
    assert half.missing_bytes is not None or len(pieces) > lay.KEEP_RANGES


def test_too_many_holes_are_unknown() -> None:
    for count, known in ((lay.KEEP_RANGES + 1, True), (lay.KEEP_RANGES + 2, False)):
        (flow,) = flows_of(digest_of(rows_from([data(10 * n, 10 * n + 5) for n in range(count)])))
        assert (flow.initiator.missing_bytes is not None) == known
        assert flow.initiator.next_seq == 1000 + 10 * (count - 1) + 5
