"""Makes ``import cython`` work where Cython is not installed, so that the hot modules also run interpreted.

The modules that run once a packet are ordinary ``.py`` files with Cython's annotations. Compiled, these vanish.
Interpreted, they need names to stand for C types and decorators that do nothing: Cython's own stand-in when it is
installed, this one when it is not.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

__all__ = ["HOT", "install"]

HOT = (
    "analyzer.decode.records",
    "analyzer.decode.wireless",
    "analyzer.decode.layers",
    "analyzer.decode.links",
    "analyzer.decode.tunnels",
    "analyzer.decode.packets",
    "analyzer.decode.segments",
    "analyzer.flows.keys",
    "analyzer.flows.socks",
    "analyzer.flows.tally",
    "analyzer.flows.sequence",
    "analyzer.flows.coverage",
    "analyzer.flows.tally_merge",
    "analyzer.flows.overlap",
    "analyzer.flows.space_merge",
    "analyzer.flows.segments",
    "analyzer.flows.leaving",
    "analyzer.flows.segments_merge",
    "analyzer.flows.words",
    "analyzer.flows.renumber",
    "analyzer.flows.roles",
    "analyzer.flows.judge",
    "analyzer.flows.refusals",
    "analyzer.flows.likeness",
    "analyzer.flows.outline",
)
"""The modules that are compiled where a compiler was at hand; ``setup.py`` builds this list."""

_SHARED = (
    "analyzer.decode.columns",
    "analyzer.decode.ahead",
    "analyzer.decode.octets",
    "analyzer.flows.distance",
    "analyzer.flows.layout",
    "analyzer.flows.chunks",
    "analyzer.decode.wireless",
    "analyzer.decode.layers",
    "analyzer.decode.links",
    "analyzer.decode.tunnels",
    "analyzer.flows.coverage",
    "analyzer.flows.sequence",
    "analyzer.flows.leaving",
    "analyzer.flows.segments",
    "analyzer.flows.socks",
    "analyzer.flows.overlap",
    "analyzer.flows.space_merge",
)
"""What hot modules share, each after what it shares itself."""


class _CType:
    """Stands for a C type: a conversion when called, itself when subscripted."""

    def __call__(self, value: Any = 0) -> Any:
        return value

    def __getitem__(self, _item: object) -> _CType:
        return self


class _NoGil:
    """Stands for ``nogil``, a decorator and a context."""

    def __call__(self, function: Any) -> Any:
        return function

    def __enter__(self) -> None: ...

    def __exit__(self, *_error: object) -> None: ...


def _identity(function: Any) -> Any:
    return function


def _directive(*_args: object, **_kwargs: object) -> Any:
    return _identity


class _Shadow(ModuleType):
    compiled = False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "nogil":
            return _NoGil()
        if name in ("cfunc", "ccall", "inline", "final"):
            return _identity
        if name in ("boundscheck", "wraparound", "cdivision", "exceptval", "locals", "returns"):
            return _directive
        if name == "cast":
            return lambda _type, value: value
        return _CType()


def install() -> None:
    """Make ``cython`` and what the hot modules take from ``cython.cimports`` importable, unless they are compiled."""
    specs = [importlib.util.find_spec(name) for name in HOT]
    if not any(spec is not None and str(spec.origin).endswith(".py") for spec in specs):
        return
    try:
        importlib.import_module("cython")
    except ImportError:
        sys.modules["cython"] = _Shadow("cython")
        sys.modules["cython.cimports"] = ModuleType("cython.cimports")
    for name in ("analyzer", "analyzer.decode", "analyzer.flows", *_SHARED):
        alias = f"cython.cimports.{name}"
        if alias not in sys.modules:
            sys.modules[alias] = importlib.import_module(name)
