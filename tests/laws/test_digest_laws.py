"""The second law of the house: ``digest(a ++ b) == merge(digest(a), digest(b))``, with any cuts, on real packets."""

from __future__ import annotations

from array import array
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.capture import file
from analyzer.decode import columns as col
from analyzer.flows.digest import Digest
from analyzer.flows.model import Flow, Half
from analyzer.flows.table import FlowTable

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
Update = tuple[bytes, "array[int]", int]


def _updates(path: Path) -> tuple[list[Update], int]:
    """Return what reading a capture feeds into its digest, one row at a time, and when the capture ended."""
    found: list[Update] = []

    class Noting(Digest):
        def update(self, buffer: bytes | bytearray, rows: array[int], count: int) -> list[int]:
            copy = bytes(buffer)
            for row in range(count):
                found.append((copy, rows[row * col.ROW_STRIDE : (row + 1) * col.ROW_STRIDE], 1))
            return super().update(buffer, rows, count)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file, "Digest", Noting)
        capture = file.read_capture(str(path), hash_file=False)
    return found, capture.info.last_ns or 0


_CAPTURES = [_updates(path) for path in sorted(SAMPLES.glob("*/capture.pcap*"))[::4]]


def _digest(updates: list[Update], *, first: bool) -> Digest:
    digest = Digest(first=first)
    for buffer, rows, count in updates:
        digest.update(buffer, rows, count)
    return digest


def _same(whole: Any, merged: Any, place: str) -> None:
    """Equal, or unknown on one side: what a bound cut off becomes unknown, never different."""
    if isinstance(whole, Flow | Half):
        for field in fields(whole):
            _same(getattr(whole, field.name), getattr(merged, field.name), f"{place}.{field.name}")
    elif whole is not None and merged is not None:
        assert whole == merged, place


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_digest_of_the_whole_is_the_merge_of_its_parts(data: st.DataObject) -> None:
    updates, end = data.draw(st.sampled_from(_CAPTURES))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(updates)), min_size=1, max_size=3)))
    whole = FlowTable(_digest(updates, first=True), end)
    merged = _digest(updates[: cuts[0]], first=True)
    for start, stop in zip(cuts, [*cuts[1:], len(updates)], strict=True):
        merged.merge(_digest(updates[start:stop], first=False))
    parts = FlowTable(merged, end)
    assert len(parts) == len(whole)
    for index in range(len(whole)):
        _same(whole.flow(index), parts.flow(index), f"flow {index}")
        assert parts.reasons(index) == whole.reasons(index)


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_an_empty_digest_changes_nothing(data: st.DataObject) -> None:
    updates, end = data.draw(st.sampled_from(_CAPTURES))
    whole = FlowTable(_digest(updates, first=True), end)
    left = _digest(updates, first=True)
    left.merge(Digest(first=False))
    right = Digest(first=True)
    right.merge(_digest(updates, first=False))
    for merged in (FlowTable(left, end), FlowTable(right, end)):
        assert [merged.flow(i) for i in range(len(merged))] == [whole.flow(i) for i in range(len(whole))]
