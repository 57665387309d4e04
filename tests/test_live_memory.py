"""Large blocks leave the process when they are freed, also after many of them came and went."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.live.memory import return_large_blocks

_CHURN = """
from array import array
from pathlib import Path
import sys
from analyzer.live.memory import return_large_blocks

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

if sys.argv[1] == "1":
    assert return_large_blocks()
before = resident()
array("q", bytes(24 << 20))
kept = []
for turn in range(8):
    table = array("q", bytes(20 << 20))
    kept.append(array("q", bytes(200 << 10)))
    del table
print(max(0, resident() - before))
"""


def test_where_it_cannot_be_asked_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert return_large_blocks() is False


def test_freed_tables_leave_the_process() -> None:
    if not sys.platform.startswith("linux") or not return_large_blocks():
        pytest.skip("the C library has no limit to set here")
    root = Path(__file__).resolve().parents[1]
    left = [
        int(
            subprocess.run(
                [sys.executable, "-c", _CHURN, asked], capture_output=True, text=True, check=True, cwd=root,
                env={**os.environ, "PYTHONPATH": str(root)},
            ).stdout
        )
        for asked in ("1", "0")
    ]  # fmt: skip
    assert left[0] < 8 << 20
    assert left[1] > left[0]
