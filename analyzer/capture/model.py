"""What a capture is beside its flows: identity, health, and the few packets that are no TCP segment but explain one."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from analyzer.values import dataclass, field

__all__ = ["CaptureInfo", "Checksum", "FileSpan", "Health", "Interface", "Note", "NoteKind"]


class NoteKind(Enum):
    """Packets kept whole (to a bound) because they explain a flow."""

    ICMP = "icmp"
    """ICMP or ICMPv6 error; ``payload`` starts at its type byte and holds the header it quotes."""
    DNS = "dns"
    """UDP port 53 or 5353; ``payload`` is the DNS message."""
    ARP = "arp"
    """``payload`` is the ARP packet."""
    NEIGHBOUR = "neighbour"
    """ICMPv6 neighbour solicitation or advertisement; ``payload`` starts at its type byte."""
    DHCP = "dhcp"
    """UDP ports 67 and 68; ``payload`` is the BOOTP message."""
    FTP = "ftp"
    """A line on an FTP control connection that names a data endpoint or refuses; ``payload`` is the segment's text."""


@dataclass(frozen=True, slots=True)
class Note:
    """One packet kept beside the flows."""

    kind: NoteKind
    frame: int
    ts_ns: int
    source: bytes
    """Packed IP address; for ARP the sender protocol address."""
    destination: bytes
    source_port: int
    destination_port: int
    ttl: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Interface:
    """One capture interface (pcapng) or the only one (pcap)."""

    name: str
    description: str
    link_type: int
    snap_length: int
    received: int | None
    """Packets the interface saw, where statistics were written."""
    dropped: int | None
    """Packets lost by the kernel or the interface, where statistics were written."""
    filter: str
    os: str


@dataclass(frozen=True, slots=True)
class Health:
    """What may have been lost or damaged; every counter is in packets unless named otherwise."""

    truncated: int
    """Cut by the snap length."""
    undecoded: dict[str, int]
    """Why decoding stopped, with a count: a stable name such as ``arp``, ``ethertype-0x88cc``, ``ipv4-header-cut``."""
    clock_steps: int
    """Packets older than their predecessor."""
    largest_clock_step_ns: int
    cut: str | None
    """Where and why reading ended before the end of the file; None when the end was clean."""
    damaged_blocks: int
    notes_dropped: int
    """Notes above the bound that were not kept."""
    tcp_packets: int
    interfaces: tuple[Interface, ...]
    comments: int

    @property
    def dropped(self) -> int | None:
        """Packets that the capture itself lost; None when no interface reported."""
        known = [interface.dropped for interface in self.interfaces if interface.dropped is not None]
        return sum(known) if known else None


class Checksum(Protocol):
    """A SHA-256 that may still be in the making."""

    def finish(self) -> str:
        """Wait for it where need be; return it in hexadecimal."""


def _finished(checksum: str | Checksum) -> str:
    return checksum if isinstance(checksum, str) else checksum.finish()


@dataclass(frozen=True, slots=True)
class FileSpan:
    """One file of a rotated capture, and what of the capture stands before it."""

    path: str
    checksum: str | Checksum = field(repr=False)
    packets: int
    frames_before: int
    interfaces_before: int

    @property
    def sha256(self) -> str:
        """Of the file's bytes; empty when it was not hashed."""
        return _finished(self.checksum)


@dataclass(frozen=True, slots=True)
class CaptureInfo:
    """One capture: a file, the files of a rotated capture, or a device."""

    path: str
    """Of a rotated capture: that of the first file, two dots, and the name of the last."""
    checksum: str | Checksum = field(repr=False)
    format: str
    """``pcap``, ``pcapng``, with ``+gzip`` or ``+zstd`` where compressed."""
    packets: int
    first_ns: int | None
    last_ns: int | None
    health: Health
    hosts: tuple[bytes, ...] = field(default=(), repr=False)
    """Packed addresses that sent or received TCP, DNS or ICMP, capped at 4096."""
    files: tuple[FileSpan, ...] = ()
    """Of a rotated capture, in their order; empty where ``path`` is the only one."""

    @property
    def spans(self) -> tuple[FileSpan, ...]:
        """The files to look into for its frames."""
        return self.files or (FileSpan(self.path, self.checksum, self.packets, 0, 0),)

    @property
    def sha256(self) -> str:
        """Of the file's bytes as given (still compressed); empty for a device or a pipe that was not hashed."""
        return _finished(self.checksum)
