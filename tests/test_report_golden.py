"""Reports compared byte by byte.

After a wanted change: ``NOTCONN_UPDATE_GOLDEN=1 pytest tests/test_report_golden.py``, then read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from analyzer.report.render import FORMATS, render
from tests.report_samples import SAMPLES

GOLDEN = Path(__file__).parent / "golden" / "report"
DIALECTS = ("text", "json", "markdown", "html")


@pytest.mark.parametrize("name", list(SAMPLES))
@pytest.mark.parametrize("dialect", DIALECTS)
def test_golden(name: str, dialect: str) -> None:
    if dialect == "html":
        pytest.importorskip("jinja2")
    path = GOLDEN / f"{name}{FORMATS[dialect].suffix}"
    made = render(SAMPLES[name](), dialect)
    if os.environ.get("NOTCONN_UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made)
    # A checkout on Windows may have turned the line ends.
    assert made.replace(b"\r\n", b"\n") == path.read_bytes().replace(b"\r\n", b"\n")
