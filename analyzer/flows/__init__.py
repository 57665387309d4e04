"""Rows to digests to flows."""

import analyzer.decode  # noqa: F401 - makes the hot modules importable where they are not compiled
