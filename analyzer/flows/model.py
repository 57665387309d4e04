"""What one TCP connection looked like: plain values, no judgement.

A *flow* is one incarnation of a four-tuple, both halves; a *half* is one direction. Frames are Wireshark's
numbers, from 1. Times are nanoseconds since 1970 of the capturing host's clock. Sequence numbers are raw,
modulo 2**32. What could not be known is None, never zero.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from analyzer.endpoint import Endpoint
from analyzer.values import dataclass

__all__ = [
    "ACK",
    "FIN",
    "PSH",
    "RST",
    "SYN",
    "URG",
    "Flow",
    "Half",
    "InitiatorFrom",
    "Segment",
    "Silence",
]

FIN, SYN, RST, PSH, ACK, URG = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20


class Segment(NamedTuple):
    """One TCP segment that the digest kept. A tuple, since a capture of a million flows makes millions of them."""

    frame: int
    ts_ns: int
    from_initiator: bool
    flags: int
    """The low nine bits of the flags field (RFC 9293 §3.1); see FIN, SYN, RST, PSH, ACK, URG."""
    seq: int
    ack: int
    """The acknowledgment field as it stands; meaningful only with ACK set."""
    payload_len: int
    """From the IP length, so it holds for captures cut by a snap length too."""
    window: int
    """As on the wire, not scaled."""
    ttl: int
    """IPv4 time to live or IPv6 hop limit."""
    ip_id: int | None
    """IPv4 identification; None for IPv6."""
    has_options: bool
    dont_fragment: bool
    link_source: int
    """A 16-bit hash of the link-layer source address; 0 where the link type has none."""
    sack: bool = False
    """The segment carries SACK blocks (RFC 2018)."""

    @property
    def end_seq(self) -> int:
        """The sequence number after this segment; SYN and FIN take one each."""
        # FIN is the lowest bit of the flags, SYN the next.
        return (self.seq + self.payload_len + (self.flags & FIN) + (self.flags >> 1 & 1)) & 0xFFFFFFFF

    def has(self, flag: int) -> bool:
        """Tell whether any bit of ``flag`` is set."""
        return bool(self.flags & flag)


class Silence(NamedTuple):
    """A stretch of at least one second without a packet in either half."""

    before_frame: int
    before_ns: int
    before_from_initiator: bool
    after_frame: int
    after_ns: int
    after_from_initiator: bool
    after_flags: int
    after_payload_len: int
    answer_frame: int | None
    """First later packet of the half that did not break the silence; None when none came."""
    answer_ns: int | None
    answer_flags: int | None

    @property
    def duration_ns(self) -> int:
        """How long nothing was seen."""
        return self.after_ns - self.before_ns


@dataclass(frozen=True, slots=True)
class Half:
    """One direction of a flow. Counters cover every packet, not only the kept segments."""

    endpoint: Endpoint
    packets: int
    payload_bytes: int
    """Sum of payload lengths, retransmissions included."""
    first_frame: int | None
    last_frame: int | None
    first_ns: int | None
    last_ns: int | None
    isn: int | None
    """Sequence number of this half's SYN; None when none was seen."""
    syns: int
    fins: int
    rsts: int
    data_segments: int
    zero_windows: int
    """Segments (not SYN, not RST) that announced a window of zero."""
    keepalives: int
    """Probes this half sent: at most one byte, one before its next sequence number (RFC 1122 §4.2.3.6)."""
    max_payload: int
    """Largest payload of one segment."""
    next_seq: int | None
    """The highest sequence number after any segment of this half."""
    last_ack: int | None
    """The highest acknowledgment this half sent."""
    retransmitted_bytes: int | None
    missing_bytes: int | None
    """Payload bytes below next_seq that were never seen; None when the coverage list overflowed."""
    mss: int | None
    window_scale: int | None
    ttl_modes: tuple[tuple[int, int], ...]
    """The two most frequent TTLs without RSTs, each with its count."""
    truncated: int
    """Packets whose TCP header or payload was cut by the snap length."""
    bad_checksums: int
    head: bytes
    """The first bytes of this half's first data segment, at most 96."""
    head_frame: int | None
    tail: bytes
    """The first bytes of this half's last data segment, at most 96."""
    tail_frame: int | None


class InitiatorFrom(Enum):
    """How the initiator was told from the responder."""

    SYN = "syn"
    SYN_ACK = "syn-ack"
    PORT = "port"
    FIRST_PACKET = "first-packet"


@dataclass(frozen=True, slots=True)
class Flow:
    """One incarnation of a connection."""

    index: int
    """Position in the capture's flow table."""
    stream: int
    """Wireshark's tcp.stream in that capture."""
    initiator: Half
    responder: Half
    initiator_from: InitiatorFrom
    first_frame: int
    last_frame: int
    first_ns: int
    last_ns: int
    segments: tuple[Segment, ...]
    """Kept segments in capture order: the first, the last, and each half's SYN, FIN and RST outliers."""
    elided: int
    """Packets of the flow that are not among ``segments``; they lie between its first and last part."""
    silences: tuple[Silence, ...]
    """The longest, longest first."""
    verdict: str
    """Zeek's conn_state code: S0, S1, SF, REJ, S2, S3, RSTO, RSTR, RSTOS0, RSTRH, SH, SHR, OTH."""
    history: str
    """Zeek's history letters, upper case for the initiator."""
    reused_ports: bool
    """An earlier flow in this capture had the same four-tuple."""
    clock_steps: int
    """How often a packet's time was before its predecessor's in this flow."""
    vlan_or_tunnel: bool

    @property
    def packets(self) -> int:
        """Packets of both halves."""
        return self.initiator.packets + self.responder.packets

    def half(self, from_initiator: bool) -> Half:
        """The half that sent segments with this ``from_initiator``."""
        return self.initiator if from_initiator else self.responder
