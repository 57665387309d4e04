"""How much ``notconn live`` can take: the highest rate without loss, ten minutes under load, a million flows.

    python bench/live.py rates              the highest rate without loss, for dumpcap and for scapy
    python bench/live.py hold --minutes 10  sent = seen + dropped, and the memory, under steady load
    python bench/live.py flows              a million flows opened and closed on a cable: no growth
    python bench/live.py soak               the same through a pipe, as fast as it is read, some of them failing

All but the last need Linux and root: they make two network namespaces with a cable between them, and send generated
packets on it. What is measured is the installed or checked-out package; without its compiled modules the numbers say
nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import mmap
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.lab.kernel import Namespace  # noqa: E402

_SOL_PACKET, _TX_RING, _VERSION, _QDISC_BYPASS, _LOSS = 263, 13, 10, 20, 14
_FRAME, _FRAMES = 2048, 4096
_DATA = 32  # TPACKET2_HDRLEN - sizeof(struct sockaddr_ll): where a frame's packet starts
_SEND = 1  # TP_STATUS_SEND_REQUEST
_HEADER = 14 + 20 + 20
_PART = 100_000
"""Connections after each of which a line tells how it goes."""


class Sender:
    """Sends frames out of a ring that the kernel shares, a batch with one call."""

    def __init__(self, interface: str) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(_SOL_PACKET, _VERSION, 1)
        block = 1 << 17
        request = struct.pack("IIII", block, _FRAMES * _FRAME // block, _FRAME, _FRAMES)
        self._socket.setsockopt(_SOL_PACKET, _TX_RING, request)
        self._socket.bind((interface, 0))
        memory = mmap.mmap(self._socket.fileno(), _FRAMES * _FRAME, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        frames = np.frombuffer(memory, dtype=np.uint8).reshape(_FRAMES, _FRAME)
        self.packets = frames[:, _DATA:]
        self._words = frames.view(np.uint32)
        self.at = 0

    def lengths(self, rows: Any, lengths: Any) -> None:
        """Set the lengths of frames."""
        self._words[rows, 1] = lengths

    def wait(self, rows: Any) -> None:
        """Wait until the kernel has sent frames, so that they may be written anew."""
        while (self._words[rows, 0] != 0).any():
            self._socket.send(b"")

    def send(self, count: int) -> None:
        """Send the next ``count`` frames, at most a ring of them."""
        places = (self.at + np.arange(count)) % _FRAMES
        self._words[places, 0] = _SEND
        self._socket.send(b"")
        self.at = int(self.at + count) % _FRAMES


def _fill(sender: Sender) -> None:
    """Ethernet, IPv4 and TCP headers in every frame; what differs is stored later."""
    sender.packets[:, :_HEADER] = _head()


def _head() -> Any:
    head = bytearray(_HEADER)
    head[0:14] = bytes.fromhex("0200000000020200000000010800")
    head[14:34] = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0x4000, 64, 6, 0, b"\x0a\1\0\1", b"\x0a\2\0\1")
    head[34:54] = struct.pack("!HHIIBBHHH", 40000, 443, 1, 1, 0x50, 0x10, 60000, 0, 0)
    return np.frombuffer(bytes(head), dtype=np.uint8)


def _lap(sender: Sender, place: int, flows: int, lap: int, payload: int) -> None:
    """Write the ``lap``-th packet of each connection: a handshake, then data and its acknowledgment in turn."""
    block = sender.packets[place : place + flows]
    everything = slice(None)
    up = lap in (0, 2) or (lap > 2 and lap % 2 == 1)
    flags = {0: 0x02, 1: 0x12}.get(lap, 0x18 if up and lap > 2 else 0x10)
    size = payload if up and lap > 2 else 0
    sent = max(0, (lap - 3 + 1) // 2) * payload
    numbers = np.arange(flows, dtype=np.uint32)
    client = ((10 << 24 | 1 << 16) + 1 + numbers // 20000).astype(np.uint32)
    port = (1024 + numbers % 20000).astype(np.uint32)
    server = np.full(flows, 10 << 24 | 2 << 16 | 1, dtype=np.uint32)
    https = np.uint32(443)
    _store(block, everything, 26, client if up else server)
    _store(block, everything, 30, server if up else client)
    _store(block, everything, 34, port << np.uint32(16) | https if up else https << np.uint32(16) | port)
    clients = numbers * np.uint32(7919) + np.uint32((1 if lap else 0) + sent & 0xFFFFFFFF)
    servers = numbers * np.uint32(104729) + np.uint32(0 if lap == 1 else 1)
    _store(block, everything, 38, clients if up else servers)
    _store(block, everything, 42, (servers if up else clients) * np.uint32(lap > 0))
    block[:, 16], block[:, 17] = (40 + size) >> 8, (40 + size) & 255
    block[:, 47] = flags
    sender.lengths(slice(place, place + flows), _HEADER + size)


def _store(packets: Any, rows: Any, at: int, values: Any) -> None:
    """Write big-endian 32-bit words into a column of frames."""
    packets[rows, at : at + 4] = values.astype(">u4").view(np.uint8).reshape(-1, 4)


def send(interface: str, rate: int, seconds: float, flows: int, payload: int) -> int:
    """Send on ``flows`` connections in turn at a steady rate; how many packets."""
    sender = Sender(interface)
    _fill(sender)
    burst = max(1, min(128, rate // 500))
    started = time.monotonic()
    total = 0
    while (passed := time.monotonic() - started) < seconds:
        if passed * rate - total < burst:
            time.sleep(burst / rate / 2)
            continue
        if total % flows == 0:
            sender.wait(slice(sender.at, sender.at + flows))
            _lap(sender, sender.at, flows, total // flows, payload)
        step = min(burst, flows - total % flows)
        sender.send(step)
        total += step
    return total


def open_and_close(interface: str, rate: int, flows: int, begun: int) -> int:
    """Open and close connections in nine packets each, at ``rate`` packets a second; how many packets.

    ``begun``: how many there were before, so that each has endpoints of its own.
    """
    sender = Sender(interface)
    together = next(size for size in range(_FRAMES // len(_STEPS), 0, -1) if flows % size == 0)
    started = time.monotonic()
    total = 0
    places = np.arange(together * len(_STEPS))
    step, member = places // together, places % together
    table = np.array(_STEPS, dtype=np.int64)[step]
    up, flags, seq, ack, payload = table.T
    _fill(sender)
    for first in range(begun, begun + flows, together):
        numbers = (first + member).astype(np.uint32)
        client = ((10 << 24 | 1 << 16) + 1 + numbers // 30000).astype(np.uint32)
        port = 1024 + numbers % 30000
        server = np.uint32(10 << 24 | 2 << 16 | 1)
        ports = np.where(up == 1, port << 16 | 443, 443 << 16 | port).astype(np.uint32)
        # The ring is gone through without a gap: each group starts behind the one before.
        rows = (sender.at + places) % _FRAMES
        sender.wait(rows)
        sender.lengths(rows, _HEADER + payload)
        _store(sender.packets, rows, 26, np.where(up == 1, client, server).astype(np.uint32))
        _store(sender.packets, rows, 30, np.where(up == 1, server, client).astype(np.uint32))
        _store(sender.packets, rows, 34, ports)
        base = np.where(up == 1, numbers * 7919, numbers * 104729).astype(np.uint32)
        other = np.where(up == 1, numbers * 104729, numbers * 7919).astype(np.uint32)
        _store(sender.packets, rows, 38, base + seq.astype(np.uint32))
        _store(sender.packets, rows, 42, np.where(flags == 2, 0, other + ack.astype(np.uint32)).astype(np.uint32))
        sender.packets[rows, 47] = flags
        sender.packets[rows, 16], sender.packets[rows, 17] = (40 + payload) >> 8, (40 + payload) & 255
        for at in range(0, len(places), 128):
            while total > (time.monotonic() - started) * rate:
                time.sleep(0.0005)
            sender.send(min(128, len(places) - at))
            total += min(128, len(places) - at)
    return total


_CAPTURED = 60
_BLOCK = 28 + _CAPTURED + 4
_STEPS = (
    (True, 0x02, 0, 0, 0), (False, 0x12, 0, 1, 0), (True, 0x10, 1, 1, 0), (True, 0x18, 1, 1, 80),
    (False, 0x18, 1, 81, 200), (True, 0x11, 81, 201, 0), (False, 0x10, 201, 82, 0), (False, 0x11, 201, 82, 0),
    (True, 0x10, 82, 202, 0),
)  # fmt: skip
"""A connection: from the client, flags, sequence number, acknowledgment, payload."""


def blocks_of_flows(first: int, count: int, start_ns: int, per_s: int, odd: int = 1000) -> tuple[bytes, int]:
    """Packet blocks of pcapng for ``count`` connections that open and close, ``per_s`` of them a second.

    Every ``odd``-th one is refused instead, and the one after it is never closed. Returns the packets' number too.
    """
    numbers = np.repeat(np.arange(first, first + count, dtype=np.int64), len(_STEPS))
    steps = np.tile(np.arange(len(_STEPS)), count)
    ts_ns = start_ns + numbers * (1_000_000_000 // per_s) + steps * 2_000_000
    refused, left = numbers % odd == 0, numbers % odd == 1
    chosen = (~refused | (steps < 2)) & (~left | (steps < 5))
    order = np.flatnonzero(chosen)
    order = order[np.argsort(ts_ns[order], kind="stable")]
    numbers, steps, ts_ns, refused = numbers[order], steps[order], ts_ns[order], refused[order]
    up, flags, seq, ack, payload = np.array(_STEPS, dtype=np.int64)[steps].T
    flags = np.where(refused & (steps == 1), 0x14, flags)
    rows = np.zeros((len(order), _BLOCK), dtype=np.uint8)
    words = rows.view("<u4")
    words[:, 0], words[:, 1], words[:, 22] = 6, _BLOCK, _BLOCK
    words[:, 3], words[:, 4] = ts_ns >> 32, ts_ns & 0xFFFFFFFF
    words[:, 5], words[:, 6] = _CAPTURED, np.maximum(_CAPTURED, _HEADER + payload)
    frames = rows[:, 28 : 28 + _CAPTURED]
    frames[:, :_HEADER] = _head()
    client, port = (10 << 24 | 1 << 16) + 1 + numbers // 30000, 1024 + numbers % 30000
    server = np.full(len(order), 10 << 24 | 2 << 16 | 1)
    everything = slice(None)
    _store(frames, everything, 26, np.where(up == 1, client, server))
    _store(frames, everything, 30, np.where(up == 1, server, client))
    _store(frames, everything, 34, np.where(up == 1, port << 16 | 443, 443 << 16 | port))
    ours, theirs = numbers * 7919, np.where(refused, 0, numbers * 104729)
    _store(frames, everything, 38, np.where(up == 1, ours, theirs) + seq & 0xFFFFFFFF)
    _store(frames, everything, 42, np.where(flags == 2, 0, np.where(up == 1, theirs, ours) + ack) & 0xFFFFFFFF)
    frames[:, 47] = flags
    frames[:, 16], frames[:, 17] = (40 + payload) >> 8, (40 + payload) & 255
    return rows.tobytes(), len(order)


def through_a_pipe(folder: Path, count: int, memory: str, per_s: int) -> tuple[list[float], int, dict[str, Any]]:
    """Feed ``count`` connections to ``notconn live -``, telling how it goes.

    Returns the most memory of each part in MiB, the packets sent, and the watch's last word.
    """
    from analyzer.capture.pcapng_writer import interface_block, section_block

    command = [
        sys.executable, "-m", "analyzer.cli.main", "live", "-", "-o", str(folder), "--format", "json",
        "--memory", memory, "--ring-size", "64MiB", "--after", "1s",
    ]  # fmt: skip
    watch = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=False, env={"PYTHONPATH": str(ROOT), **os.environ}
    )
    assert watch.stdin is not None
    assert watch.stdout is not None
    said: list[bytes] = []
    reader = threading.Thread(target=lambda: said.extend(watch.stdout or ()))
    reader.start()
    watch.stdin.write(section_block() + interface_block(1, _CAPTURED, name="soak"))
    began, started, sent = time.time_ns(), time.monotonic(), 0
    most: list[float] = []
    watching = Most(watch.pid)
    step = 500
    for first in range(0, count, step):
        blocks, packets = blocks_of_flows(first, min(step, count - first), began, per_s)
        watch.stdin.write(blocks)
        sent += packets
        done = min(first + step, count)
        if done % _PART == 0 or done == count:
            most.append(watching.take())
            seconds = time.monotonic() - started
            print(f"{done:>10,} flows  memory {most[-1]:6.0f} MiB  {seconds:6.0f} s", flush=True)
    peak = memory_of(watch.pid, "VmHWM")
    watching.stop()
    watch.stdin.close()
    watch.wait(600)
    reader.join()
    watch.stdout.close()
    end = json.loads(said[-1])
    assert end["event"] == "end", end
    return most, sent, {**end, "peak": peak}


class Cable:
    """Two namespaces and what is measured at one end."""

    def __init__(self) -> None:
        self.near, self.far = Namespace(), Namespace()
        self.near.ip(f"link add v0 type veth peer name v1 netns {self.far.path}")
        for namespace, name in ((self.near, "v0"), (self.far, "v1")):
            namespace.sysctl(**{f"ipv6__conf__{name}__disable_ipv6": 1})
            namespace.ip(f"link set {name} up")

    def watch(self, folder: Path, *arguments: str) -> subprocess.Popen[str]:
        """Start ``notconn live`` at the far end, and wait until it captures."""
        command = [sys.executable, "-m", "analyzer.cli.main", "live", "-i", "v1", "-o", str(folder), "--format", "json"]
        environment = {"PYTHONPATH": str(ROOT), **os.environ}
        with self.far.entered():
            watch = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True, env=environment)
        assert watch.stdout is not None
        first = json.loads(watch.stdout.readline())
        assert first["event"] == "start", first
        return watch

    def send(self, *arguments: object) -> int:
        """Run a sender at the near end; packets sent."""
        with self.near.entered():
            done = subprocess.run(
                [sys.executable, __file__, "--sender", "v0", *map(str, arguments)],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
        return int(done.stdout)


def memory_of(pid: int, name: str = "VmRSS") -> float:
    """Resident memory in MiB; ``VmHWM``: the most that it ever was."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    return 0.0


class Most:
    """The most resident memory of a process since it was last asked, looked at ten times a second."""

    def __init__(self, pid: int) -> None:
        self._pid, self._most, self._over = pid, 0.0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._over.wait(0.1):
            with contextlib.suppress(OSError):
                self._most = max(self._most, memory_of(self._pid))

    def take(self) -> float:
        """Return it in MiB, and begin anew."""
        most, self._most = self._most, 0.0
        return most

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()


def finish(watch: subprocess.Popen[str]) -> dict[str, Any]:
    """End the watch in order; its last word."""
    watch.terminate()
    assert watch.stdout is not None
    last: dict[str, Any] = {}
    for line in watch.stdout:
        last = json.loads(line)
    watch.wait(60)
    return last


def one(cable: Cable, backend: str, rate: int, seconds: float) -> tuple[int, int, int]:
    """Packets sent, seen and reported dropped at a rate."""
    with tempfile.TemporaryDirectory(prefix="notconn-bench-") as folder:
        watch = cable.watch(Path(folder), "--with", backend)
        sent = cable.send("data", rate, seconds, 1024, 400)
        time.sleep(2)
        end = finish(watch)
    return sent, int(end["packets"]), int(end["dropped"] or 0)


def rates(seconds: float) -> None:
    """Raise the rate until packets are lost."""
    cable = Cable()
    for backend in ("dumpcap", "scapy"):
        best = 0
        if backend == "dumpcap" and shutil.which("dumpcap") is None:
            continue
        for rate in (5_000, 10_000, 20_000, 40_000, 60_000, 80_000, 120_000, 160_000, 240_000, 320_000, 480_000):
            sent, seen, dropped = one(cable, backend, rate, seconds)
            reached = sent / seconds
            exact = "exact" if sent == seen + dropped else f"OFF BY {sent - seen - dropped}"
            counts = f"sent {sent:>9,}  seen {seen:>9,}  dropped {dropped:>8,}"
            print(f"{backend:8} {reached:>9,.0f}/s  {counts}  {exact}", flush=True)
            if dropped or reached < 0.9 * rate:
                break
            best = max(best, round(reached))
        print(f"{backend:8} highest rate without loss: {best:,} packets a second", flush=True)


def hold(minutes: float, rate: int, backend: str, memory: str) -> None:
    """Keep a rate up and look at the memory."""
    cable = Cable()
    with tempfile.TemporaryDirectory(prefix="notconn-bench-") as folder:
        watch = cable.watch(Path(folder), "--with", backend, "--memory", memory, "--ring-size", "256MiB")
        began = time.monotonic()
        sent, most = 0, 0.0
        while time.monotonic() - began < minutes * 60:
            sent += cable.send("data", rate, min(30.0, minutes * 60), 2048, 400)
            most = max(most, memory_of(watch.pid))
            passed, now = time.monotonic() - began, memory_of(watch.pid)
            print(f"{passed:6.0f} s  sent {sent:>12,}  memory {now:6.0f} MiB", flush=True)
        time.sleep(2)
        end = finish(watch)
    seen, dropped = int(end["packets"]), int(end["dropped"] or 0)
    exact = "exact" if sent == seen + dropped else f"OFF BY {sent - seen - dropped}"
    print(f"{backend}: sent {sent:,} = seen {seen:,} + dropped {dropped:,}: {exact}; memory at most {most:.0f} MiB")


def flows(count: int, rate: int, backend: str, memory: str) -> None:
    """Open and close connections; the memory must stop growing."""
    cable = Cable()
    with tempfile.TemporaryDirectory(prefix="notconn-bench-") as folder:
        watch = cable.watch(Path(folder), "--with", backend, "--memory", memory, "--ring-size", "256MiB")
        sent, most, started = 0, [], time.monotonic()
        watching = Most(watch.pid)
        for begun in range(0, count, _PART):
            sent += cable.send("flows", rate, min(_PART, count - begun), begun)
            most.append(watching.take())
            seconds = time.monotonic() - started
            print(f"{begun + _PART:>10,} flows  memory {most[-1]:6.0f} MiB  {seconds:6.0f} s", flush=True)
        time.sleep(2)
        peak = memory_of(watch.pid, "VmHWM")
        watching.stop()
        end = finish(watch)
    print(
        f"{backend}: sent {sent:,}, seen {end['packets']:,}, dropped {end['dropped']}, incidents {end['incidents']}, "
        f"given up {end['given_up']}"
    )
    print(growth(most, peak, memory))


def soak(count: int, memory: str) -> None:
    """Feed connections through a pipe: every packet arrives, the memory stops growing."""
    with tempfile.TemporaryDirectory(prefix="notconn-bench-") as folder:
        began = time.monotonic()
        most, sent, end = through_a_pipe(Path(folder), count, memory, 2000)
        passed = time.monotonic() - began
    exact = "exact" if sent == end["packets"] else f"OFF BY {sent - end['packets']}"
    print(
        f"sent {sent:,}, seen {end['packets']:,}: {exact}; {sent / passed:,.0f} packets a second; "
        f"incidents {end['incidents']:,} of {-(-count // 1000):,} refused; given up {end['given_up']}"
    )
    print(growth(most, end["peak"], memory))


def growth(most: list[float], peak: float, memory: str) -> str:
    """Hold the most memory of the second half against that of the first, as a sentence."""
    half = len(most) // 2
    grown = f"{max(most[half:]) - max(most[:half]):+.1f}" if half else "?"
    return f"memory at most {peak:.0f} MiB of {memory}, in the second half {grown} MiB against the first"


def main() -> int:
    """Run what is asked for."""
    if sys.argv[1:2] == ["--sender"]:
        interface, kind, rate = sys.argv[2], sys.argv[3], int(sys.argv[4])
        if kind == "data":
            print(send(interface, rate, float(sys.argv[5]), int(sys.argv[6]), int(sys.argv[7])))
        else:
            print(open_and_close(interface, rate, int(sys.argv[5]), int(sys.argv[6])))
        return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("rates", "hold", "flows", "soak"))
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--with", dest="backend", default="dumpcap")
    parser.add_argument("--memory", default="512MiB")
    options = parser.parse_args()
    from analyzer.decode import packets

    if packets.__file__.endswith(".py"):
        print("the modules are not compiled: everything takes some thirty times as long", flush=True)
    if options.what == "rates":
        rates(options.seconds)
    elif options.what == "hold":
        hold(options.minutes, options.rate, options.backend, options.memory)
    elif options.what == "flows":
        flows(options.count, options.rate, options.backend, options.memory)
    else:
        soak(options.count, options.memory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
