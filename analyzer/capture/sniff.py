"""A small dumpcap over scapy's socket, run as a program of its own: packets go to standard output as pcapng.

``python -m analyzer.capture.sniff INTERFACE SNAP BUFFER PROMISCUOUS FILTER`` needs the right to capture; the program
that reads its output does not. Once a second it writes what the kernel received and dropped.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from analyzer.capture.pcapng_writer import interface_block, packet_block, section_block, statistics_block

__all__ = ["main"]

_SOL_PACKET, _PACKET_STATISTICS, _PACKET_AUXDATA, _PACKET_IGNORE_OUTGOING = 263, 6, 8, 23
_SO_TIMESTAMPNS, _SO_RCVBUFFORCE = 35, 33
_VLAN_VALID, _TPID_VALID = 0x10, 0x40
_OUTGOING = 4
_FLUSH_S = 0.1
_HOLD = 1 << 18

_LINK_TYPES = {1: 1, 772: 1, 65534: 101, 512: 9, 778: 101, 768: 101, 776: 101, 769: 101, 801: 105, 803: 127}
"""ARPHRD_* of Linux to LINKTYPE_*; what carries bare IP is 101."""

_Taken = tuple[int, bytes, int]
"""Time, bytes, length on the wire."""


class _Linux:
    """scapy's listening socket, read without its packet classes."""

    def __init__(self, listener: Any, name: str, buffer_bytes: int) -> None:
        self.socket: socket.socket = listener.ins
        self.link_type = _LINK_TYPES.get(self.socket.getsockname()[3], 1)
        self.received = self.dropped = 0
        self._loopback = self.socket.getsockname()[3] == 772
        del name
        if self._loopback:
            # Each packet of the loopback passes twice; counters are right only when the kernel leaves one out.
            with contextlib.suppress(OSError):
                self.socket.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, buffer_bytes)
        except OSError:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        self.socket.setblocking(False)

    def take(self) -> Iterator[_Taken]:
        """Yield what is there now."""
        receive, loopback = self.socket.recvmsg, self._loopback
        for _ in range(2048):
            try:
                data, extra, _, address = receive(65535, 256)
            except BlockingIOError:
                return
            if loopback and address[2] == _OUTGOING:
                continue
            ts_ns = 0
            for level, kind, value in extra:
                if kind == _SO_TIMESTAMPNS and level == socket.SOL_SOCKET:
                    seconds, fraction = struct.unpack("=qq" if len(value) == 16 else "=ii", value)
                    ts_ns = seconds * 1_000_000_000 + fraction
                elif kind == _PACKET_AUXDATA and level == _SOL_PACKET and len(value) >= 20:
                    status, _, _, _, _, tci, tpid = struct.unpack_from("=IIIHHHH", value)
                    if tci or status & _VLAN_VALID:
                        tag = struct.pack("!HH", tpid if status & _TPID_VALID else 0x8100, tci)
                        data = data[:12] + tag + data[12:]
            yield ts_ns or time.time_ns(), data, len(data)

    def count(self) -> None:
        """Read the kernel's counters, which start anew at each reading."""
        packets, drops = struct.unpack("=II", self.socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
        self.received += packets
        self.dropped += drops

    def wait(self, seconds: float) -> None:
        """Sleep until a packet comes."""
        select.select([self.socket], [], [], seconds)


class _Elsewhere:
    """scapy's socket over libpcap or Npcap."""

    def __init__(self, listener: Any, name: str, buffer_bytes: int) -> None:
        del name, buffer_bytes
        self.socket = listener
        self.link_type = int(getattr(getattr(listener, "pcap_fd", None), "datalink", lambda: 1)())
        self.received: int | None = None
        self.dropped: int | None = None
        with contextlib.suppress(Exception):
            listener.nonblock(True)

    def take(self) -> Iterator[_Taken]:
        """Yield what is there now."""
        for _ in range(2048):
            _, data, ts = self.socket.recv_raw()
            if data is None:
                return
            yield round(ts * 1e9) if ts is not None else time.time_ns(), bytes(data), len(data)

    def count(self) -> None:
        """Ask libpcap, where scapy lends it."""
        try:
            from ctypes import byref

            from scapy.libs.winpcapy import pcap_stat, pcap_stats

            found = pcap_stat()
            if pcap_stats(self.socket.pcap_fd.pcap, byref(found)) == 0:
                self.received, self.dropped = int(found.ps_recv), int(found.ps_drop) + int(found.ps_ifdrop)
        except Exception:  # noqa: BLE001 - counters are worth having, not worth ending for
            self.received = self.dropped = None

    def wait(self, seconds: float) -> None:
        """Sleep; libpcap's buffer holds what comes meanwhile."""
        time.sleep(min(seconds, 0.02))


def _open(name: str, promiscuous: bool, capture_filter: str) -> tuple[Any, bool]:
    logging.getLogger("scapy").setLevel(logging.ERROR)
    import scapy.arch  # noqa: F401 - chooses the kind of socket
    from scapy.config import conf

    conf.sniff_promisc = promiscuous
    linux = sys.platform.startswith("linux") and not conf.use_pcap
    if not linux:
        conf.use_pcap = True
    return conf.L2listen(iface=name, filter=capture_filter or None), linux


def main(arguments: list[str]) -> int:
    """Capture until told to stop or until nobody reads; failures are one line on standard error and exit code 1."""
    name, snap, buffer_bytes, promiscuous, capture_filter = (*arguments, "")[:5]
    try:
        listener, linux = _open(name, promiscuous == "1", capture_filter)
    except Exception as error:  # noqa: BLE001 - scapy raises whatever the platform gave it
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    tap: _Linux | _Elsewhere = (_Linux if linux else _Elsewhere)(listener, name, int(buffer_bytes))
    stopped: list[bool] = []

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.append(True)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    if hasattr(signal, "SIGBREAK"):
        signal.signal(signal.SIGBREAK, stop)
    try:
        _run(tap, name, int(snap) or 262_144, capture_filter, stopped)
    except BrokenPipeError:
        return 0
    except OSError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 0 if error.errno == errno.EPIPE else 1
    return 0


def _run(tap: _Linux | _Elsewhere, name: str, snap: int, capture_filter: str, stopped: list[bool]) -> None:
    started, parent = time.time_ns(), os.getppid()
    write: Callable[[bytes], None] = _writer()
    write(
        section_block(application="notconn (scapy)", system=sys.platform)
        + interface_block(tap.link_type, snap, name=name, capture_filter=capture_filter)
    )
    held: list[bytes] = []
    size = written = 0
    flushed = counted = time.monotonic()
    ending = False
    while not ending:
        # What the kernel holds when the end is asked for still belongs to the capture.
        ending = bool(stopped)
        for ts_ns, data, length in tap.take():
            block = packet_block(0, ts_ns, data[:snap], length)
            held.append(block)
            size += len(block)
            written += 1
        now = time.monotonic()
        if now - counted >= 1.0 or ending:
            counted = now
            tap.count()
            # Received is what was passed on, as dumpcap counts it.
            moment, drops = time.time_ns(), tap.dropped
            held.append(statistics_block(0, moment, received=written, dropped_by_interface=drops, start_ns=started))
            ending = ending or os.getppid() != parent
        if held and (size >= _HOLD or now - flushed >= _FLUSH_S or ending):
            write(b"".join(held))
            held.clear()
            size, flushed = 0, now
        if not ending:
            tap.wait(_FLUSH_S)


def _writer() -> Callable[[bytes], None]:
    sys.stdout.flush()
    number = sys.stdout.fileno()
    if os.name == "nt":
        import msvcrt

        msvcrt.setmode(number, os.O_BINARY)  # type: ignore[attr-defined, unused-ignore]

    def write(data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(number, view) :]

    return write


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
