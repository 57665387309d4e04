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

__all__ = ["install"]

_SHARED = (
    "analyzer.decode.columns",
    "analyzer.decode.ahead",
    "analyzer.decode.octets",
    "analyzer.flows.layout",
    "analyzer.decode.links",
    "analyzer.flows.tally",
    "analyzer.flows.segments",
)


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
    spec = importlib.util.find_spec("analyzer.decode.records")
    if spec is not None and spec.origin is not None and not spec.origin.endswith(".py"):
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
