"""The small dumpcap over scapy: what it writes is a capture with counters, and it ends when told or when left alone."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from analyzer.capture import sniff as module
from analyzer.capture.file import read_capture
from analyzer.capture.stream import Stream
from analyzer.decode import columns as col

_ROOT = Path(__file__).resolve().parents[1]
_NS = 1_000_000_000
linux_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="capturing without dumpcap is tried by root on Linux"
)


class _Kernel:
    """A socket that holds what a test gave it."""

    def __init__(self, *messages: tuple[bytes, list[tuple[int, int, bytes]], int], arphrd: int = 1) -> None:
        self.messages = list(messages)
        self.arphrd = arphrd
        self.options: list[tuple[int, int]] = []
        self.counters = [(5, 2), (3, 1)]

    def getsockname(self) -> tuple[str, int, int, int, bytes]:
        return "eth0", 3, 0, self.arphrd, b""

    def setsockopt(self, level: int, kind: int, _value: int) -> None:
        self.options.append((level, kind))

    def setblocking(self, _flag: bool) -> None:
        pass

    def recvmsg(self, _size: int, _extra: int) -> tuple[bytes, list[tuple[int, int, bytes]], int, tuple[object, ...]]:
        if not self.messages:
            raise BlockingIOError
        data, extra, direction = self.messages.pop(0)
        return data, extra, 0, ("eth0", 3, direction, self.arphrd, b"")

    def getsockopt(self, _level: int, _kind: int, _size: int) -> bytes:
        return struct.pack("=II", *self.counters.pop(0))


class _Listener:
    def __init__(self, kernel: _Kernel) -> None:
        self.ins = kernel


def _tap(kernel: _Kernel) -> module._Linux:
    return module._Linux(_Listener(kernel), "eth0", 1 << 20)


def test_times_and_vlan_tags_that_the_kernel_keeps_apart_are_put_back() -> None:
    frame = bytes(range(12)) + b"\x08\x00" + b"payload"
    stamp = (getattr(socket, "SOL_SOCKET", 1), 35, struct.pack("=qq", 1_700_000_000, 5))
    tag = (263, 8, struct.pack("=IIIHHHH", 0x10 | 0x40, 0, 0, 0, 0, 0x2064, 0x88A8))
    tap = _tap(_Kernel((frame, [stamp], 0), (frame, [stamp, tag], 0)))
    plain, tagged = list(tap.take())
    assert plain == (1_700_000_000 * _NS + 5, frame, len(frame))
    assert tagged[1] == frame[:12] + b"\x88\xa8\x20\x64" + frame[12:]


def test_the_loopback_is_taken_once() -> None:
    tap = _tap(_Kernel((b"out", [], 4), (b"in", [], 0), arphrd=772))
    assert [data for _, data, _ in tap.take()] == [b"in"]
    assert tap.link_type == 1


@pytest.mark.parametrize(("arphrd", "link"), [(1, 1), (65534, 101), (512, 9), (803, 127), (9999, 1)])
def test_link_types(arphrd: int, link: int) -> None:
    assert _tap(_Kernel(arphrd=arphrd)).link_type == link


def test_counters_that_start_anew_at_each_reading_are_summed() -> None:
    tap = _tap(_Kernel())
    tap.count()
    tap.count()
    assert (tap.received, tap.dropped) == (8, 3)


def _start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "analyzer.capture.sniff", *arguments], cwd=_ROOT, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(_ROOT)},
    )  # fmt: skip


@pytest.fixture
def sniffing() -> Iterator[subprocess.Popen[bytes]]:
    process = _start("lo", "96", str(1 << 20), "1", "udp port 47319")
    yield process
    process.kill()
    process.communicate()


@linux_root
def test_packets_of_the_loopback_come_as_pcapng_with_counters(
    sniffing: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    assert sniffing.stdout is not None
    first = os.read(sniffing.stdout.fileno(), 1 << 16)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(50):
            sender.sendto(b"%03d" % number * 100, ("127.0.0.1", 47319))
            sender.sendto(b"other", ("127.0.0.1", 47320))
    time.sleep(0.3)
    sniffing.send_signal(signal.SIGINT)
    rest, errors = sniffing.communicate(timeout=20)
    assert (sniffing.returncode, errors) == (0, b"")
    path = tmp_path / "sniffed.pcapng"
    path.write_bytes(first + rest)
    capture = read_capture(str(path))
    assert (capture.info.packets, capture.info.health.dropped) == (50, 0)
    assert abs((capture.info.last_ns or 0) - time.time_ns()) < 60 * _NS
    stream = Stream("test")
    sizes = {
        tuple(part.batch.records[n * col.REC_STRIDE + col.REC_CAP : n * col.REC_STRIDE + col.REC_ORIG + 1])
        for part in stream.feed(first + rest)
        if part.batch is not None
        for n in range(part.batch.count)
    }
    assert sizes == {(96, 342)}


@linux_root
def test_nobody_reads_any_more_so_it_ends(sniffing: subprocess.Popen[bytes]) -> None:
    assert sniffing.stdout is not None
    os.read(sniffing.stdout.fileno(), 1 << 16)
    sniffing.stdout.close()
    sniffing.stdout = None
    assert sniffing.wait(15) == 0


@linux_root
@pytest.mark.parametrize("arguments", [("nosuch0", ""), ("lo", "tcp and and")])
def test_what_cannot_begin_is_one_line(arguments: tuple[str, str]) -> None:
    process = _start(arguments[0], "96", str(1 << 20), "1", arguments[1])
    out, errors = process.communicate(timeout=30)
    assert (process.returncode, out) == (1, b"")
    assert b"Traceback" not in errors
    assert errors.strip()
