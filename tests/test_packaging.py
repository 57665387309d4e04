"""What an installed wheel must hold."""

from __future__ import annotations

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


@pytest.mark.parametrize(
    "name", ["py.typed", "report/templates", "_data/rules/causes.yaml", "_data/samples/ftp-nightly-job"]
)
def test_wheel_holds_what_the_program_reads(name: str, wheel: zipfile.ZipFile) -> None:
    assert any(f"analyzer/{name}" in entry for entry in wheel.namelist())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel built without the compiled modules, from the installed build tools where they are there."""
    import os
    import subprocess
    import sys

    pytest.importorskip("setuptools", minversion="77")
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    built = subprocess.run(
        [*build, "-w", str(out), str(ROOT)],
        env=os.environ | {"NOTCONN_PURE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return zipfile.ZipFile(next(out.glob("*.whl")))
