"""What a capture cannot show, whatever is found in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analyzer.capture.model import Health

__all__ = ["limits_of"]


def limits_of(health: Health, *, with_log: bool, unnumbered: bool = False) -> tuple[str, ...]:
    """Say what this capture cannot show, one sentence each."""
    found = [
        (
            "WSAENOTCONN is never on the wire: a capture shows what made the socket unconnected, or that nothing on "
            "the wire did. Each verdict says what the packets are consistent with."
        ),
    ]
    if not with_log:
        found.append(
            "No log was given: a connection that the program itself closed, or never opened, looks ordinary here."
        )
    if unnumbered:
        found.append(
            "Sequence numbers are all zero: a tool made or masked this capture, and what was lost or never "
            "acknowledged cannot be told from it."
        )
    if health.truncated:
        found.append("Packets are cut by the snap length: what was said inside them may be missing.")
    if health.dropped:
        found.append("The capture lost packets: an answer that is not here may have been sent.")
    if health.cut:
        found.append("The file is cut: what came after the cut is unknown.")
    return tuple(found)
