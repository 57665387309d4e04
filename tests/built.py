"""What built samples are made of: packets, a log, a story, and what must come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from tests.wire import Captured, Conversation

__all__ = ["NOT_CONNECTED", "Built", "frames_of", "line", "moment", "next_number"]

NOT_CONNECTED = "A request to send or receive data was disallowed because the socket is not connected"


@dataclass(frozen=True, slots=True)
class Built:
    """One built sample."""

    packets: list[Captured]
    log: str
    story: str
    expected: dict[str, object] = field(default_factory=dict)


def line(at_ns: int, text: str) -> str:
    moment = datetime.fromtimestamp(at_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{at_ns % 10**9 // 10**6:03d}Z {text}\n"


def moment(at_ns: int) -> str:
    return line(at_ns, "").strip()


def frames_of(packets: Sequence[Captured], *wanted: Captured) -> list[int]:
    order = sorted(packets, key=lambda packet: packet[0])
    return [order.index(one) + 1 for one in wanted]


def next_number(conv: Conversation, who: Literal["client", "server"]) -> int:
    """The sequence number that the side's next byte will have."""
    index = conv.segment(who, "A")
    frame = conv.packets.pop(index)[1]
    return int.from_bytes(frame[38:42], "big")
