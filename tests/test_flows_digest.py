"""The laws are in ``tests/laws/test_digest_laws.py``; here, room and bookkeeping."""

from __future__ import annotations

import pickle
from array import array

from analyzer.decode import columns as col
from analyzer.flows.digest import Digest
from analyzer.flows.model import SYN
from tests.digesting import Packet, digest_of, flows_of, parts_of, rows_from


def test_it_starts_empty() -> None:
    digest = Digest()
    assert (digest.count, digest.first, digest.doubts) == (0, True, 0)
    assert digest.update(b"", array("q"), 0) == []
    assert flows_of(digest) == []
    assert not Digest(first=False).first


def test_rows_tell_their_entries() -> None:
    packets = [Packet(sport=port) for port in (1, 2, 1, 3)]
    rows = rows_from(packets)
    words = array("q")
    for _, row in rows:
        words.extend(row)
    digest = Digest()
    digest.update(rows[0][0], words, 4)
    assert [digest.entry_of(n) for n in range(4)] == [0, 1, 0, 2]


def test_room_grows_with_what_comes() -> None:
    """Far more flows, addresses and words than there was room for, in batches of every size."""
    packets = [
        Packet(f"2001:db8::{n:x}", 1000, "2001:db8::", 80, payload=bytes(90 + n % 9)) for n in range(1, 3 * col.BATCH)
    ]
    rows = rows_from(packets)
    digest = digest_of(rows)
    assert digest.count == len(packets)
    flows = flows_of(digest)
    assert [flow.first_frame for flow in flows] == list(range(1, len(packets) + 1))
    assert {flow.packets for flow in flows} == {1}
    assert len({flow.initiator.endpoint for flow in flows} | {flow.responder.endpoint for flow in flows}) == len(packets) + 1


def test_a_pickle_holds_what_is_used_and_goes_on() -> None:
    packets = [Packet(sport=port, seq=n, payload=b"word") for n in range(60) for port in (1, 2)]
    rows = rows_from(packets)
    whole = digest_of(rows)
    first, second = (pickle.loads(pickle.dumps(part)) for part in parts_of(rows, [50]))
    assert len(first.pool) < len(whole.pool)
    first.merge(second)
    assert flows_of(first) == flows_of(whole)


def test_a_merge_tells_where_entries_went() -> None:
    rows = rows_from([Packet(sport=port) for port in (1, 2, 3, 2, 4, 1)])
    left, right = parts_of(rows, [3])
    assert list(left.merge(right)) == [1 << 1 | 1, 3 << 1, 0 << 1 | 1]
    assert left.count == 4


def test_a_soft_beginning_is_decided_by_what_came_before() -> None:
    """A SYN in mid-capture starts a connection anew only if it has another number than the one before."""
    packets = [Packet(flags=SYN, seq=5), Packet(seq=6), Packet(flags=SYN, seq=5), Packet(flags=SYN, seq=900)]
    rows = rows_from(packets)
    for cut in range(5):
        left, right = parts_of(rows, [cut])
        left.merge(right)
        assert [flow.packets for flow in flows_of(left)] == [3, 1]
