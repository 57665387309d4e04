from __future__ import annotations

import random

from analyzer.decode import columns as col
from analyzer.flows import layout as lay
from analyzer.flows.model import ACK, FIN, RST, SYN
from tests.digesting import START_NS, Packet, Row, digest_of, flows_of, rows_from

HERE, THERE = ("10.0.0.5", 50123, "10.9.0.7", 80), ("10.9.0.7", 80, "10.0.0.5", 50123)


def moved(rows: list[Row], frames: int) -> list[Row]:
    found = []
    for buffer, row in rows:
        other = row[:]
        other[col.ROW_REF] += frames
        other[col.ROW_HOP] += frames
        found.append((buffer, other))
    return found


def test_every_frame_number_moves_and_nothing_else() -> None:
    choose = random.Random(3)
    packets = [
        Packet(
            *(HERE if choose.random() < 0.6 else THERE), seq=n * 30, ack=n,
            flags=choose.choice((ACK, ACK, ACK, ACK | FIN, ACK | RST)) if n else SYN, payload=bytes(choose.choice((0, 5, 60))),
            ns=START_NS + (n * 3 + choose.choice((0, 1))) * 10**9,
        )
        for n in range(3 * lay.KEEP_ALL)
    ]  # fmt: skip
    rows = rows_from([*packets, Packet("10.0.0.9", 9, "10.0.0.7", 7, ns=START_NS)])
    digest = digest_of(rows)
    before = flows_of(digest)
    digest.renumber(1_000_000)
    assert flows_of(digest) == flows_of(digest_of(moved(rows, 1_000_000)))
    digest.renumber(-1_000_000)
    assert flows_of(digest) == before
    assert any(silence.answer_frame for silence in before[0].silences)
    assert before[0].elided
