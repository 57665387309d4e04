from __future__ import annotations

from dataclasses import replace

from analyzer.capture.model import CaptureInfo, Health, Interface
from analyzer.report.health import capture_lines, capture_summary, counter_rows
from tests import report_samples as samples

HEALTHY = Health(
    truncated=0,
    undecoded={"arp": 3, "ethertype-0x88cc": 9},
    clock_steps=0,
    largest_clock_step_ns=0,
    cut=None,
    damaged_blocks=0,
    notes_dropped=0,
    tcp_packets=88,
    interfaces=(Interface("eth0", "", 1, 262_144, 100, 0, "", ""),),
    comments=0,
)


def info(**changes: object) -> CaptureInfo:
    return CaptureInfo(
        path="a.pcapng",
        checksum="00",
        format="pcapng",
        packets=100,
        first_ns=samples.START,
        last_ns=samples.START + 1,
        health=replace(HEALTHY, **changes),  # type: ignore[arg-type]
    )


def test_a_healthy_capture_has_no_remark() -> None:
    summary = capture_summary(info())
    assert summary.remarks == ()
    assert summary.health["undecoded"] == {"ethertype-0x88cc": 9, "arp": 3}
    assert capture_lines(summary)[-1] == "No packet is known to be lost, cut or damaged."


def test_each_flaw_is_said_with_its_number() -> None:
    summary = capture_summary(
        info(
            truncated=40,
            clock_steps=1,
            largest_clock_step_ns=2_500_000_000,
            cut="the file ends inside frame 101",
            damaged_blocks=2,
            interfaces=(Interface("eth0", "", 1, 96, 300, 200, "port 21", ""),),
        ),
        ("The caller's own.",),
    )
    text = "\n".join(summary.remarks)
    for words in ("frame 101", "2 damaged blocks", "200 packets", "40 packets of 100", "2.50 s", "'port 21'"):
        assert words in text
    assert summary.remarks[-1] == "The caller's own."


def test_unknown_drops_are_not_called_zero() -> None:
    summary = capture_summary(info(interfaces=(Interface("", "", 1, 0, None, None, "", ""),)))
    assert ("packets lost by the capture itself", "not known") in counter_rows(summary)


def test_a_capture_without_tcp_says_so() -> None:
    assert "no TCP packet" in capture_summary(info(tcp_packets=0)).remarks[0]
