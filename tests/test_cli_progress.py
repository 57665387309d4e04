"""The progress bar: only where a person watches, only after a moment, and whatever a file is called."""

from __future__ import annotations

import io
import sys

import pytest

from analyzer.cli import progress
from analyzer.cli.progress import progress_bar


class Terminal(io.StringIO):
    """Standard error as a terminal has it."""

    def isatty(self) -> bool:
        return True


def test_nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress_bar() as update:
        assert update is None


def test_nothing_is_shown_for_what_is_done_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bar() as update:
        assert update is not None
        update("a.pcap", 1, 10)
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("name", ["a.pcap", "folder/[bold]b[/nothing].pcap", "-"])
def test_a_long_read_is_shown_and_cleaned_up(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "_PATIENCE_S", 0)
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar() as update:
        assert update is not None
        update("first.pcap", 5_000_000, 10_000_000)
        update(name, 1, None)
        update(name, 10, 10)
    assert name.rpartition("/")[2] in terminal.getvalue()
