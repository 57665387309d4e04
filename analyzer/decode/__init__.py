"""Bytes to rows; never raises for what the wire did."""

from analyzer import _shadow

_shadow.install()
