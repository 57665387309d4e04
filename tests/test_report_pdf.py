from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("jinja2")

from analyzer.errors import OutputError
from analyzer.report import pdf
from tests import report_samples as samples


def test_the_page_is_printed() -> None:
    if pdf.find_browser() is None:
        pytest.skip("no Chromium, Chrome or Edge on this system")
    made = pdf.render(samples.idle_drop())
    assert made.startswith(b"%PDF-")
    assert len(made) > 20_000


def test_a_missing_browser_is_a_sentence_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "find_browser", lambda: None)
    with pytest.raises(OutputError, match="none was found: install one"):
        pdf.render(samples.idle_drop())


def test_a_browser_that_prints_nothing_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    silent = tmp_path / "browser"
    silent.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    silent.chmod(0o755)
    monkeypatch.setattr(pdf, "find_browser", lambda: str(silent))
    with pytest.raises(OutputError, match="--format html"):
        pdf.render(samples.idle_drop())


def test_a_named_browser_comes_first(tmp_path: Path) -> None:
    assert pdf.find_browser({"NOTCONN_BROWSER": "no-such-browser", "PATH": str(tmp_path)}) is None
    assert pdf.find_browser({"PATH": str(tmp_path)}) is None
