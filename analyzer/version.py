"""The program's version, without the cost of reading package metadata."""

from __future__ import annotations

__all__ = ["VERSION", "program_version"]

VERSION = "0.1.0"


def program_version() -> str:
    """Return the version."""
    return VERSION
