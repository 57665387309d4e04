"""Rows to digests to flows."""
