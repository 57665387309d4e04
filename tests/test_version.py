"""The version is told once and everywhere the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import analyzer
from analyzer.version import VERSION, program_version


def test_the_version_is_a_version() -> None:
    # PEP 440, as far as this project uses it.
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc|\.dev)\d+)?", VERSION)
    assert program_version() == analyzer.__version__ == VERSION


def test_the_package_metadata_asks_for_it_here() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "analyzer.version.VERSION"}
