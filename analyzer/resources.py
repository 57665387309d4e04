"""Where the rules and samples are: beside the package in a checkout, inside it when installed."""

from __future__ import annotations

from pathlib import Path

from analyzer.errors import InputError

__all__ = ["rules_directory", "samples_directory"]

_PACKAGE = Path(__file__).resolve().parent


def rules_directory() -> Path:
    """Find the folder of the rules that come with the program. Raises InputError when the installation lacks it."""
    return _find("rules", "causes.yaml")


def samples_directory() -> Path:
    """Find the folder of the samples that come with the program. Raises InputError when the installation lacks it."""
    return _find("samples", "")


def _find(name: str, witness: str) -> Path:
    # A checkout wins: there the folder beside the package is the one that is edited.
    for candidate in (_PACKAGE.parent / name, _PACKAGE / "_data" / name):
        if (candidate / witness).exists():
            return candidate
    raise InputError(f"The folder '{name}' is missing from this installation; install notconn again.")
