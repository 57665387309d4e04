"""Asks the processor for memory that will be needed a few rows later; ``ahead.pxd`` holds the compiled form.

Flows lie scattered over hundreds of megabytes, so nearly every row waits for main memory. Telling it eight rows ahead
made the passes over many flows two to three times faster.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["fetch", "fetch_slot"]


def fetch(words: Sequence[int], index: int) -> None:
    """Do nothing: the interpreter has no use for it."""


def fetch_slot(slots: Sequence[int], index: int) -> None:
    """Do nothing, for the hash table."""
