from __future__ import annotations

import pytest

from analyzer.decode.columns import MARK_HIGH_SIDE, ROW_HOP, ROW_REF
from analyzer.flows import layout as lay
from analyzer.flows.build import frame_of
from analyzer.flows.chunks import chunk_after, ref_of, side_of
from tests.digesting import Packet, digest_of, rows_from


@pytest.mark.parametrize("capture", [0, 1, 127, 128, 300, (1 << 14) - 1])
def test_the_ref_of_a_kept_segment_is_that_of_its_row(capture: int) -> None:
    """The compiled writer and the reader here agree on where the bits of a capture's index go."""
    rows = rows_from([Packet(seq=n) for n in range(60)])
    for n, (_, row) in enumerate(rows):
        row[ROW_REF] = capture << lay.REF_CAPTURE | n + 1
        row[ROW_HOP] = (capture & 0x7F) << 56 | (row[ROW_HOP] & ((1 << 56) - 1))
    digest = digest_of(rows)
    chunk, found = digest.kept[lay.S_CHUNKS] & 0xFFFFFFFF, []
    for _ in range(lay.KEEP_ALL // lay.G_SEGMENTS):
        found += [ref_of(digest.pool, chunk, slot) for slot in range(lay.G_SEGMENTS)]
        chunk = chunk_after(digest.pool, chunk)
    assert {ref >> lay.REF_CAPTURE for ref in found} == {capture}
    kept = [*range(1, lay.KEEP_FIRST + 1), *range(61 - lay.KEEP_LAST, 61)]
    assert sorted(frame_of(ref) for ref in found) == kept
    # The ring is closed: after its last chunk comes its first one.
    first = digest.kept[lay.S_CHUNKS] & 0xFFFFFFFF
    for _ in range(lay.KEEP_FIRST // lay.G_SEGMENTS):
        first = chunk_after(digest.pool, first)
    assert chunk == first


def test_the_side_is_a_mark() -> None:
    assert (side_of(MARK_HIGH_SIDE | 16), side_of(16)) == (1, 0)
