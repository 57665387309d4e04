"""What a chunk of kept segments says; ``chunks.pxd`` holds the compiled form."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.decode.columns import MARK_HIGH_SIDE
from analyzer.flows.layout import G_HOP, G_STRIDE, G_WORDS, REF_CAPTURE

__all__ = ["chunk_after", "ref_of", "side_of"]


def ref_of(pool: Sequence[int], chunk: int, slot: int) -> int:
    """Return the ref of the segment in a chunk's slot."""
    word = pool[chunk * G_STRIDE + 1 + slot * G_WORDS + G_HOP]
    capture = (pool[chunk * G_STRIDE] >> 32 + 8 * slot & 0xFF) << 7 | word >> 56
    return capture << REF_CAPTURE | word & 0xFFFFFFFF


def chunk_after(pool: Sequence[int], chunk: int) -> int:
    """Return the chunk that follows."""
    return pool[chunk * G_STRIDE] & 0xFFFFFFFF


def side_of(shape: int) -> int:
    """Return which side sent a segment."""
    return int(bool(shape & MARK_HIGH_SIDE))
