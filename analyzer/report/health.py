"""What a capture's counters mean to a reader: from `analyzer.capture.model.CaptureInfo` to the report's summary."""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.capture.model import CaptureInfo
from analyzer.report.escape import plain
from analyzer.report.model import UNREADABLE, CaptureSummary, HealthValue
from analyzer.report.phrases import count, instant
from analyzer.units import format_duration

__all__ = ["capture_lines", "capture_summary", "counter_rows", "unread_summary"]

_MOST_FILES = 40
"""Files of a rotated capture that are listed."""

_WORDS: Mapping[str, str] = {
    "truncated": "packets cut by the snap length",
    "dropped": "packets lost by the capture itself",
    "received": "packets the interface saw",
    "clock_steps": "packets older than the one before",
    "largest_clock_step_s": "largest step back of the clock, in seconds",
    "damaged_blocks": "damaged blocks",
    "notes_dropped": "ICMP, DNS, ARP and DHCP packets beyond the bound",
    "tcp_packets": "TCP packets",
    "undecoded": "packets that are no TCP, or could not be decoded",
    "cut": "where reading ended early",
    "comments": "comments in the file",
    "interfaces": "interfaces",
}


def capture_summary(info: CaptureInfo, remarks: tuple[str, ...] = ()) -> CaptureSummary:
    """Return the summary of a capture that was read; ``remarks`` of the caller follow those that the counters give."""
    health = info.health
    values: dict[str, HealthValue] = {
        "tcp_packets": health.tcp_packets,
        "truncated": health.truncated,
        "dropped": health.dropped,
        "clock_steps": health.clock_steps,
        "largest_clock_step_s": health.largest_clock_step_ns / 1e9,
        "damaged_blocks": health.damaged_blocks,
        "notes_dropped": health.notes_dropped,
        "undecoded": dict(sorted(health.undecoded.items(), key=lambda item: (-item[1], item[0]))),
        "cut": health.cut,
        "interfaces": len(health.interfaces),
        "comments": health.comments,
    }
    return CaptureSummary(
        path=info.path,
        sha256=info.sha256,
        format=info.format,
        packets=info.packets,
        first_ns=info.first_ns,
        last_ns=info.last_ns,
        health=values,
        remarks=(*_remarks(info), *remarks),
    )


def unread_summary(path: str, why: str) -> CaptureSummary:
    """Return the place of a file that could not be read among the captures of a report."""
    return CaptureSummary(path, "", UNREADABLE, 0, None, None, {}, (f"It was left out: {why}.",))


def _remarks(info: CaptureInfo) -> tuple[str, ...]:
    health = info.health
    result = _files(info)
    if info.packets == 0:
        result.append("The capture holds no packet.")
    elif health.tcp_packets == 0:
        result.append("The capture holds no TCP packet.")
    if health.cut is not None:
        result.append(f"Not all of it could be read: {health.cut}. Everything before that was read.")
    if health.damaged_blocks:
        result.append(f"{count(health.damaged_blocks, 'damaged block')} could not be read.")
    if health.dropped:
        result.append(
            f"The capture itself lost {count(health.dropped, 'packet')} (its own statistics): a packet that is missing "
            "here may still have been sent."
        )
    if health.truncated:
        result.append(
            f"{count(health.truncated, 'packet')} of {info.packets:,} are cut by the snap length: lengths are known, "
            "payload and sometimes options are not."
        )
    if health.clock_steps:
        step = format_duration(health.largest_clock_step_ns)
        result.append(
            f"The clock stepped back {count(health.clock_steps, 'time')}, by at most {step}: durations across a step "
            "are not exact."
        )
    result.extend(
        f"The capture was taken with the filter {text!r}: what it left out cannot be seen."
        for text in sorted({interface.filter for interface in health.interfaces if interface.filter})
    )
    return tuple(result)


def _files(info: CaptureInfo) -> list[str]:
    if not info.files:
        return []
    told = [
        (
            f"{len(info.files)} files that go on with each other were read as one capture. Frames are numbered as in "
            "the file that mergecap -a -w makes of them in this order:"
        )
    ]
    for one in info.files[:_MOST_FILES]:
        frames = f"frames {one.frames_before + 1:,} to {one.frames_before + one.packets:,}" if one.packets else "empty"
        told.append(f"{one.path}: {frames}" + (f", SHA-256 {one.sha256}" if one.sha256 else "") + ".")
    if len(info.files) > _MOST_FILES:
        told.append(f"... and {len(info.files) - _MOST_FILES:,} more files.")
    return told


def counter_rows(capture: CaptureSummary) -> list[tuple[str, str]]:
    """Return the health counters as pairs of words and value, in the order given."""
    rows = []
    for name, value in capture.health.items():
        if isinstance(value, Mapping):
            parts = [f"{plain(str(key))} {number:,}" for key, number in value.items()]
            shown = ", ".join(parts[:12]) + (f" and {len(parts) - 12} kinds more" if len(parts) > 12 else "")
            text = shown or "none"
        elif value is None:
            text = "none" if name == "cut" else "not known"
        elif isinstance(value, bool):
            text = "yes" if value else "no"
        elif isinstance(value, int):
            text = f"{value:,}"
        else:
            text = plain(f"{value:g}" if isinstance(value, float) else value)
        rows.append((plain(_WORDS.get(name, name.replace("_", " "))), text))
    return rows


def capture_lines(capture: CaptureSummary) -> list[str]:
    """Return one line that identifies the capture, then its remarks."""
    if capture.format == UNREADABLE:
        return [f"{plain(capture.path)}: could not be read", *map(plain, capture.remarks)]
    parts = [f"{plain(capture.path)}: {plain(capture.format)}, {count(capture.packets, 'packet')}"]
    if capture.first_ns is not None and capture.last_ns is not None:
        length = format_duration(capture.last_ns - capture.first_ns)
        parts.append(f"{instant(capture.first_ns)} to {instant(capture.last_ns)} ({length})")
    hashes = [f"SHA-256 {plain(capture.sha256)}"] if capture.sha256 else []
    remarks = [plain(remark) for remark in capture.remarks]
    return [", ".join(parts), *hashes, *(remarks or ["No packet is known to be lost, cut or damaged."])]
