"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of captures and facts that is not part of the project; the test is skipped where it is missing."""
    folder = Path(os.environ.get("NOTCONN_SHARED", _BESIDE))
    if not (folder / "captures").is_dir():
        pytest.skip(f"no captures in {folder}: set NOTCONN_SHARED to the folder that holds them")
    return folder
