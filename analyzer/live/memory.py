"""Makes freed memory go back to the system, so that weeks of growing and shrinking tables stay within their bound."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["return_large_blocks"]

_M_MMAP_THRESHOLD = -3
_LARGE = 4 << 20


def return_large_blocks() -> bool:
    """Ask the C library to map each large block by itself; False where it needs no asking, or cannot be asked.

    glibc raises its limit for such blocks, up to 32 MiB, as soon as one of them was freed, and then keeps them in a
    heap that splits: after three million connections 498 MiB were resident where 322 are with a fixed limit. Windows,
    macOS and musl have a fixed one. See mallopt(3).
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE))
    except (OSError, AttributeError):
        return False
