from __future__ import annotations

import pytest

from analyzer.flows import layout as lay
from analyzer.flows.model import ACK, Flow
from tests.digesting import START_NS, Packet, digest_of, flows_of, rows_from

HERE, THERE = ("10.0.0.5", 50123, "10.9.0.7", 80), ("10.9.0.7", 80, "10.0.0.5", 50123)


def flow_of(count: int) -> Flow:
    packets = [
        Packet(
            *(HERE if n % 2 == 0 else THERE), flags=ACK, seq=n * 3, ack=n * 5, ttl=n % 256, window=n, payload=b"xyz",
            ns=START_NS + n,
        )
        for n in range(count)
    ]  # fmt: skip
    (flow,) = flows_of(digest_of(rows_from(packets)))
    return flow


@pytest.mark.parametrize("count", [1, 3, 4, 5, 47, 48, 49, 50, 51, 52, 53, 84, 85, 300])
def test_the_first_and_the_last_stay(count: int) -> None:
    flow = flow_of(count)
    kept = [segment.frame - 1 for segment in flow.segments]
    if count <= lay.KEEP_ALL:
        assert kept == list(range(count))
    else:
        assert kept == [*range(lay.KEEP_FIRST), *range(count - lay.KEEP_LAST, count)]
    assert flow.elided == count - len(kept)


def test_what_is_kept_of_a_segment() -> None:
    for segment in flow_of(200).segments:
        n = segment.frame - 1
        assert (segment.seq, segment.ack, segment.ttl, segment.window) == (n * 3, n * 5, n % 256, n)
        assert (segment.payload_len, segment.flags, segment.ts_ns) == (3, ACK, START_NS + n)
        assert segment.from_initiator == (n % 2 == 0)


def test_flows_do_not_disturb_each_other() -> None:
    one = [Packet("10.0.0.1", 1000 + n % 7, "10.0.0.2", 80, seq=n, ns=START_NS + n) for n in range(7 * 60)]
    flows = flows_of(digest_of(rows_from(one)))
    assert [len(flow.segments) for flow in flows] == [lay.KEEP_ALL] * 7
    assert all(segment.frame % 7 == (flow.index + 1) % 7 for flow in flows for segment in flow.segments)
