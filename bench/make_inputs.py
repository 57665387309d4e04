"""Makes the captures that the benchmark reads: ``python bench/make_inputs.py FOLDER [mix small tiny]``.

mix    1.59 M packets, 706 bytes on average, 20,000 interleaved flows over 30 minutes, 1 % retransmitted
small  3.19 M packets of 64 to 96 bytes, 200,000 flows
tiny   1,975 packets, 60 flows

Flows end by FIN, by RST of the server, or not at all, a third each. The same seed gives the same bytes.
"""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ETHERNET, IP, TCP = 14, 20, 20
HEADERS = ETHERNET + IP + TCP
RECORD = 16
CHUNK = 200_000
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


@dataclass(frozen=True)
class Shape:
    """What one input looks like."""

    packets: int
    flows: int
    seconds: int
    sizes: tuple[tuple[float, int, int], ...]
    """(share, shortest frame, longest frame)"""


SHAPES = {
    "mix": Shape(1_590_000, 20_000, 1800, ((0.40, 60, 100), (0.20, 576, 576), (0.40, 1514, 1514))),
    "small": Shape(3_190_000, 200_000, 1800, ((1.0, 64, 96),)),
    "tiny": Shape(1_975, 60, 60, ((0.40, 60, 100), (0.20, 576, 576), (0.40, 1514, 1514))),
}


def make(shape: Shape, path: Path, seed: int = 1) -> None:
    """Write one capture."""
    random = np.random.default_rng(seed)
    counts = _packets_per_flow(shape, random)
    total = int(counts.sum())
    flow = np.repeat(np.arange(shape.flows), counts)
    first = np.concatenate(([0], np.cumsum(counts)[:-1]))
    place = np.arange(total) - first[flow]
    left = counts[flow] - place
    ending = random.integers(0, 3, shape.flows)[flow]  # 0 FIN, 1 RST, 2 nothing

    from_server = random.random(total) < 0.5
    flags = np.full(total, PSH | ACK, np.uint8)
    length = _frame_lengths(shape, total, random) - HEADERS
    for position, (server, flag) in enumerate(((False, SYN), (True, SYN | ACK), (False, ACK))):
        at = place == position
        from_server[at], flags[at], length[at] = server, flag, 0
    for back, (server, flag) in enumerate(((False, ACK), (True, FIN | ACK), (False, FIN | ACK)), start=1):
        at = (ending == 0) & (left == back) & (place > 2)
        from_server[at], flags[at], length[at] = server, flag, 0
    at = (ending == 1) & (left == 1) & (place > 2)
    from_server[at], flags[at], length[at] = True, RST | ACK, 0

    again = (random.random(total) < 0.01) & (place > 4) & (left > 4)
    again[1:] &= ~again[:-1]
    repeated = np.flatnonzero(again)
    from_server[repeated] = from_server[repeated - 1]
    flags[repeated], length[repeated] = flags[repeated - 1], length[repeated - 1]

    takes = length + ((flags & (SYN | FIN)) != 0)
    takes[repeated] = 0
    seq = np.zeros((2, total), np.int64)
    for side in (0, 1):
        running = np.cumsum(np.where(from_server == bool(side), takes, 0))
        base = np.where(first > 0, running[first - 1], 0)
        before = running - np.where(from_server == bool(side), takes, 0) - base[flow]
        seq[side] = before + random.integers(1, 2**32, shape.flows)[flow]
    own = np.where(from_server, seq[1], seq[0])
    own[repeated] = own[repeated] - np.where(length[repeated] > 0, length[repeated], 0)
    other = np.where(from_server, seq[0], seq[1])

    start = random.random(shape.flows) * shape.seconds * 0.8
    lasts = random.random(shape.flows) * shape.seconds * 0.2 + 0.01
    round_trip = random.random(shape.flows) * 0.06 + 0.002
    talk = np.maximum(place - 3, 0) / np.maximum(counts[flow] - 4, 1)
    times = start[flow] + round_trip[flow] * np.minimum(place, 3) + lasts[flow] * talk**1.2
    order = np.argsort(times, kind="stable")
    host = random.integers(0, 2**16, shape.flows)
    server = random.integers(0, 400, shape.flows)
    port = random.integers(1024, 65535, shape.flows)
    service = random.choice(np.array([80, 443, 1433, 5432, 6379, 8080, 21]), shape.flows)
    with path.open("wb") as stream:
        stream.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for begin in range(0, total, CHUNK):
            part = order[begin : begin + CHUNK]
            one = flow[part]
            stream.write(
                _records(
                    times[part] + 1_700_000_000,
                    length[part],
                    from_server[part],
                    flags[part],
                    own[part],
                    other[part],
                    host[one],
                    server[one],
                    port[one],
                    service[one],
                    np.arange(begin, begin + len(part)),
                )
            )


def _packets_per_flow(shape: Shape, random: np.random.Generator) -> np.ndarray:
    mean = shape.packets / shape.flows
    counts = np.maximum(8, random.geometric(1 / (mean - 8), shape.flows) + 7)
    counts[-1] = max(8, counts[-1] + shape.packets - counts.sum())
    return counts


def _frame_lengths(shape: Shape, total: int, random: np.random.Generator) -> np.ndarray:
    kind = random.choice(len(shape.sizes), total, p=[share for share, _, _ in shape.sizes])
    low = np.array([low for _, low, _ in shape.sizes])[kind]
    high = np.array([high for _, _, high in shape.sizes])[kind]
    return low + (random.random(total) * (high - low + 1)).astype(np.int64)


def _records(times, length, from_server, flags, seq, ack, host, server, port, service, number) -> bytes:  # type: ignore[no-untyped-def]
    count = len(times)
    frame = np.maximum(length + HEADERS, 60)
    offsets = np.concatenate(([0], np.cumsum(frame + RECORD)))
    out = np.full(int(offsets[-1]), 0x61, np.uint8)
    head = np.zeros((count, RECORD + HEADERS), np.uint8)
    seconds = times.astype(np.int64)
    head[:, 0:4] = seconds.astype("<u4").view(np.uint8).reshape(-1, 4)
    head[:, 4:8] = ((times - seconds) * 1e6).astype("<u4").view(np.uint8).reshape(-1, 4)
    head[:, 8:12] = head[:, 12:16] = frame.astype("<u4").view(np.uint8).reshape(-1, 4)
    ethernet = head[:, 16:30]
    ethernet[:, 0], ethernet[:, 6], ethernet[:, 5], ethernet[:, 11] = 2, 2, from_server, ~from_server & 1
    ethernet[:, 12], ethernet[:, 13] = 8, 0
    ip = head[:, 30:50]
    ip[:, 0], ip[:, 8], ip[:, 9], ip[:, 6] = 0x45, np.where(from_server, 61, 128), 6, 0x40
    ip[:, 2:4] = (length + IP + TCP).astype(">u2").view(np.uint8).reshape(-1, 2)
    ip[:, 4:6] = (number & 0xFFFF).astype(">u2").view(np.uint8).reshape(-1, 2)
    client = np.stack((np.full(count, 10), np.full(count, 1), host >> 8, host & 255), 1)
    service_host = np.stack((np.full(count, 192), np.full(count, 168), server >> 8, server & 255), 1)
    back = from_server[:, None]
    ip[:, 12:16], ip[:, 16:20] = np.where(back, service_host, client), np.where(back, client, service_host)
    tcp = head[:, 50:70]
    ports = port.astype(">u2").view(np.uint8).reshape(-1, 2), service.astype(">u2").view(np.uint8).reshape(-1, 2)
    tcp[:, 0:2], tcp[:, 2:4] = np.where(back, ports[1], ports[0]), np.where(back, ports[0], ports[1])
    tcp[:, 4:8] = (seq & 0xFFFFFFFF).astype(">u4").view(np.uint8).reshape(-1, 4)
    tcp[:, 8:12] = np.where(flags == SYN, 0, ack & 0xFFFFFFFF).astype(">u4").view(np.uint8).reshape(-1, 4)
    tcp[:, 12], tcp[:, 13], tcp[:, 14] = 0x50, flags, 0xFA
    out[offsets[:-1, None] + np.arange(RECORD + HEADERS)] = head
    return out.tobytes()


def main() -> int:
    """Make the named inputs, all by default."""
    if len(sys.argv) < 2:
        print(__doc__)
        return 2
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or SHAPES:
        path = folder / f"{name}.pcap"
        make(SHAPES[name], path)
        print(f"{path}: {path.stat().st_size / 1e6:,.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
