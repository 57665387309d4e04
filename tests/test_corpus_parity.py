"""Frames and streams equal Wireshark's: every capture of the public corpus against tshark's own view of it."""

from __future__ import annotations

import csv
import gzip
from array import array
from pathlib import Path

import pytest

from analyzer.capture import file
from analyzer.decode import columns as col
from analyzer.errors import CaptureError
from analyzer.flows.digest import Digest

_FRAME = (1 << 40) - 1
_LEAST = 0.999


def _streams(path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[file.Capture, dict[int, int]]:
    """Read a capture and note the stream that each frame was put into."""
    seen: dict[int, int] = {}

    class Noting(Digest):
        def update(self, buffer: bytes | bytearray, rows: array[int], count: int) -> list[int]:
            marked = super().update(buffer, rows, count)
            for row in range(count):
                entry = self.entry_of(row)
                if entry >= 0:
                    seen[rows[row * col.ROW_STRIDE + col.ROW_REF] & _FRAME] = entry
            return marked

    monkeypatch.setattr(file, "Digest", Noting)
    return file.read_capture(str(path), hash_file=False), seen


def _oracle(path: Path) -> dict[int, int]:
    """Return tshark's stream of each frame, headers that an ICMP error quotes left aside."""
    with gzip.open(path, "rt", encoding="utf-8", errors="replace", newline="") as stream:
        rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {
            int(row["frame.number"]): int(row["tcp.stream"].split(",")[-1])
            for row in rows
            if row["tcp.stream"] and not row["icmp.type"] and not row["icmpv6.type"]
        }


def _manifest(shared: Path) -> list[dict[str, str]]:
    with (shared / "corpus" / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_capture_has_tsharks_frames_and_streams(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0
    for row in _manifest(shared):
        if row["tshark_ok"] != "1":
            continue
        capture, seen = _streams(shared / "corpus" / "captures" / row["file"], monkeypatch)
        assert capture.info.packets == int(row["frames"]), row["file"]
        oracle = shared / "corpus" / "oracle" / f"{row['file']}.tsv.gz"
        expected = _oracle(oracle) if oracle.exists() else {}
        if not expected:
            continue
        same = sum(seen.get(frame) == stream for frame, stream in expected.items())
        assert same / len(expected) >= _LEAST, (row["file"], same, len(expected))
        compared += 1
    assert compared > 100


def test_broken_captures_end_in_a_sentence_or_a_cut(shared: Path) -> None:
    broken = [row["file"] for row in _manifest(shared) if row["tshark_ok"] != "1"]
    assert broken
    for name in broken:
        try:
            capture = file.read_capture(str(shared / "corpus" / "captures" / name), hash_file=False)
        except CaptureError as error:
            assert "\n" not in str(error)
        else:
            assert capture.info.packets >= 0
