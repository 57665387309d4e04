"""What an installed wheel must hold."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def _settings() -> dict[str, object]:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: dict[str, object] = document["tool"]["setuptools"]
    return found


def test_every_package_folder_is_listed() -> None:
    folders = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "analyzer").rglob("__init__.py")}
    listed = set(_settings()["packages"])  # type: ignore[call-overload]
    assert {name for name in listed if "_data" not in name} == folders


def test_data_folders_travel_under_the_package() -> None:
    mapping = _settings()["package-dir"]
    assert mapping["analyzer._data.rules"] == "rules"  # type: ignore[index]
    assert mapping["analyzer._data.samples"] == "samples"  # type: ignore[index]


def test_a_wheel_holds_what_the_program_reads(tmp_path: Path) -> None:
    # One test, since two at the same time would build in the same folder.
    pytest.importorskip("setuptools", minversion="77")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    built = subprocess.run(
        [*build, "-w", str(tmp_path), str(ROOT)],
        env=os.environ | {"NOTCONN_PURE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        held = wheel.namelist()
    for name in ("py.typed", "report/templates", "_data/rules/causes.yaml", "_data/samples/ftp-nightly-job"):
        assert any(f"analyzer/{name}" in entry for entry in held), name
