"""Every public capture reads as tshark reads it; the broken ones do not raise."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.capture.file import read_capture
from analyzer.errors import CaptureError
from tests.parity import corpus, measure


def test_public_captures_read_as_tshark_reads_them(shared: Path) -> None:
    tcp = wrong = halves = wrong_halves = 0
    foreign: list[str] = []
    for entry in corpus(shared):
        if entry["tshark_ok"] != "1":
            continue
        if entry["file"].endswith(".zst"):
            pytest.importorskip("zstandard")
        try:
            agreement = measure(shared, entry)
        except CaptureError as error:
            assert "which is not read" in str(error), entry["file"]
            foreign.append(entry["file"])
            continue
        assert agreement.our_frames == agreement.frames, entry["file"]
        assert agreement.cut is None, entry["file"]
        assert len(agreement.wrong_frames) <= 0.001 * agreement.tcp_frames, entry["file"]
        tcp += agreement.tcp_frames
        wrong += len(agreement.wrong_frames)
        halves += agreement.halves
        wrong_halves += len(agreement.wrong_halves)
    assert len(foreign) <= 2, f"link types that are not read: {foreign}"
    assert tcp > 40_000
    assert wrong == 0
    assert halves > 5_000
    assert wrong_halves == 0


def test_broken_captures_are_refused_or_read_up_to_the_damage(shared: Path) -> None:
    refused = damaged = 0
    for entry in corpus(shared):
        if entry["tshark_ok"] == "1":
            continue
        try:
            capture = read_capture(str(shared / "corpus" / "captures" / entry["file"]))
        except CaptureError as error:
            refused += 1
            assert "\n" not in str(error)
            continue
        damaged += capture.info.health.cut is not None
    assert refused > 0
    assert damaged > 0
