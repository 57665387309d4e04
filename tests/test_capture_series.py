"""Rotated captures read as the one capture they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from analyzer.capture.file import iter_frames
from analyzer.capture.series import alike
from analyzer.capture.several import read_captures
from analyzer.errors import CaptureError
from analyzer.pipeline import Question, analyze, examine
from analyzer.report.model import IncidentReport
from analyzer.slices.make import make_slice
from tests.conversations import guilty
from tests.wire import Captured, write_pcap

DUMPCAP = ("trace_00009_20260526020000.pcap", "trace_00010_20260526020130.pcap", "trace_00011_20260526020300.pcap")
TCPDUMP = ("trace.pcap", "trace.pcap1", "trace.pcap2")
STRFTIME = ("trace-02-00.pcap", "trace-02-01.pcap", "trace-02-03.pcap")


def packets() -> list[Captured]:
    return guilty.firewall_idle_drop().packets


def silence(of: Sequence[Captured]) -> int:
    """Return how many packets come before the longest silence."""
    times = [ns for ns, _ in of]
    return max(range(1, len(times)), key=lambda n: times[n] - times[n - 1])


def rotated(folder: Path, names: Sequence[str], cuts: Sequence[int]) -> list[Path]:
    """Write the packets into files of these names, cut before these packets."""
    edges = [0, *cuts, len(packets())]
    return [write_pcap(folder / name, packets()[a:b]) for name, a, b in zip(names, edges, edges[1:], strict=False)]


def told(*paths: Path | str) -> list[IncidentReport]:
    report = analyze(Question([str(path) for path in paths], hash_files=False))
    return list(report.incidents)


@pytest.mark.parametrize("names", [DUMPCAP, TCPDUMP, ("ring-00000001.pcapng", "ring-00000002.pcapng", "ring-00000003.pcapng")])
def test_a_silence_across_the_cut_is_told_as_in_one_file(names: Sequence[str], tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    at = silence(packets())
    rotated(tmp_path / "parts", names, (3, at))
    (whole,) = told(write_pcap(tmp_path / "whole.pcap", packets()))
    (found,) = told(tmp_path / "parts")
    assert whole.cause == "firewall-idle-drop"
    assert (found.cause, found.score, found.stream) == (whole.cause, whole.score, whole.stream)
    assert [one.frames for one in found.evidence] == [one.frames for one in whole.evidence]
    assert found.capture is not None
    assert found.capture.endswith(f"{names[0]} .. {names[2]}")


def test_files_are_taken_in_the_order_of_their_times(tmp_path: Path) -> None:
    first, second, third = rotated(tmp_path, TCPDUMP, (3, 7))
    (capture,), _ = read_captures([str(third), str(first), str(second)])
    assert [Path(one.path).name for one in capture.info.files] == list(TCPDUMP)
    assert [(one.frames_before, one.packets) for one in capture.info.files] == [(0, 3), (3, 4), (7, len(packets()) - 7)]
    assert all(len(one.sha256) == 64 for one in capture.info.files)


@pytest.mark.parametrize(
    ("names", "cut_in_silence", "captures"),
    [
        (STRFTIME, False, 1),  # no number, but the next packet follows at once
        (STRFTIME, True, 2),  # no number, and long before the next packet
        ((DUMPCAP[0], DUMPCAP[2]), False, 1),
        ((DUMPCAP[0], DUMPCAP[2]), True, 2),  # a file between them is missing
        (DUMPCAP[:2], True, 1),
        (("client.pcap", "server.pcap"), False, 2),
    ],
)
def test_what_goes_on_is_joined(names: Sequence[str], cut_in_silence: bool, captures: int, tmp_path: Path) -> None:
    rotated(tmp_path, names[:2], (silence(packets()) if cut_in_silence else 3,))
    assert len(read_captures([str(tmp_path)])[0]) == captures


def test_captures_of_the_same_time_are_not_joined(tmp_path: Path) -> None:
    write_pcap(tmp_path / DUMPCAP[0], packets())
    write_pcap(tmp_path / DUMPCAP[1], packets()[2:])
    assert len(read_captures([str(tmp_path)])[0]) == 2


def test_frames_are_found_again_in_their_files(tmp_path: Path) -> None:
    paths = rotated(tmp_path, TCPDUMP, (3, 7))
    (capture,), _ = read_captures(map(str, paths))
    whole = write_pcap(tmp_path / "whole.pcap", packets())
    for wanted in ({1, 3, 4, 8}, {8}, set(range(100)), set()):
        expected = [(one.frame, one.ts_ns, one.data) for one in iter_frames(str(whole), wanted)]
        assert [(one.frame, one.ts_ns, one.data) for one in iter_frames(capture.info, wanted)] == expected


def test_a_slice_holds_the_packets_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    rotated(tmp_path / "parts", DUMPCAP, (3, silence(packets())))
    examined = examine(Question([str(tmp_path / "parts")]))
    made = make_slice(examined, "1", tmp_path / "slice.pcapng")
    assert made.frames == tuple(range(1, len(packets()) + 1))
    assert made.comparison.same


def test_the_report_lists_the_files(tmp_path: Path) -> None:
    paths = rotated(tmp_path, DUMPCAP, (3, 7))
    report = analyze(Question([str(tmp_path)]))
    (summary,) = report.captures
    assert (summary.packets, summary.sha256) == (len(packets()), "")
    assert summary.remarks[0].startswith("3 files that go on with each other were read as one capture.")
    assert summary.remarks[2].startswith(f"{paths[1]}: frames 4 to 7, SHA-256 ")


def test_an_unreadable_file_ends_the_series(tmp_path: Path) -> None:
    rotated(tmp_path, DUMPCAP, (3, silence(packets())))
    (tmp_path / DUMPCAP[1]).write_text("gone")
    captures, unread = read_captures([str(tmp_path)])
    assert [one.info.packets for one in captures] == [3, len(packets()) - silence(packets())]
    assert [Path(one.path).name for one in unread] == [DUMPCAP[1]]
    with pytest.raises(CaptureError, match="text file"):
        read_captures([str(tmp_path / name) for name in DUMPCAP])


def test_names_that_differ_in_digits_are_alike() -> None:
    paths = ["a/x1.pcap", "b/x1.pcap", "a/y.pcap", "a/x22.pcap", "-"]
    assert alike(paths) == [["a/x1.pcap", "a/x22.pcap"], ["b/x1.pcap"], ["a/y.pcap"], ["-"]]
