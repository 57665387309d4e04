"""Captures from interfaces and pipes: the programs that deliver packets, and how they are asked for them.

Packets come from a program of their own, as a capture on its standard output: dumpcap where it is installed, so that
the right to capture stays there; else `analyzer.capture.sniff`, which uses scapy; or whatever writes to our standard
input. All three are bytes from a pipe.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO, Literal, Protocol

from analyzer.capture.interfaces import Device, find_dumpcap
from analyzer.errors import CaptureError
from analyzer.values import dataclass, replace

__all__ = [
    "DEFAULT_SNAP",
    "Backend",
    "Pipe",
    "Program",
    "Request",
    "Tap",
    "choose_backend",
    "default_filter",
    "open_tap",
    "settle_filter",
]

Backend = Literal["dumpcap", "scapy"]

DEFAULT_SNAP = 512
"""Bytes kept of a packet: every header, the first words of a protocol, a whole small DNS message."""
_TELLING = "tcp or icmp or icmp6 or arp or udp port 53 or udp port 5353 or udp port 67 or udp port 68"
_TELLING_OF_IP = "tcp or icmp or icmp6 or udp port 53"
_PIPE_BYTES = 1 << 20
_F_SETPIPE_SZ = 1031
_STOP_S = 5.0
_CHECK_S = 20.0


@dataclass(frozen=True, slots=True)
class Request:
    """What to capture."""

    device: Device
    backend: Backend
    capture_filter: str
    """In libpcap's language; empty for every packet."""
    snap_length: int = DEFAULT_SNAP
    """Bytes kept of each packet; 0 for all."""
    buffer_mib: int = 32
    """The kernel's buffer."""
    promiscuous: bool = True


class Tap(Protocol):
    """Something that delivers a capture as bytes."""

    def read(self) -> bytes:
        """Wait for bytes; empty at the end."""

    def stop(self) -> None:
        """Ask it to finish; what it still holds can be read."""

    def ended(self) -> str | None:
        """Return in a sentence why it ended, once `read` gave nothing; None where that is in order."""

    def kill(self) -> None:
        """End it at once."""


def default_filter(link: Literal["any", "ip"] | None = None) -> str:
    """Return what is captured unless told otherwise: TCP and what explains it, with and without a VLAN tag."""
    if link == "ip":
        return _TELLING_OF_IP
    if link == "any":
        return _TELLING
    return f"({_TELLING}) or (vlan and ({_TELLING}))"


def choose_backend(wanted: str = "auto") -> Backend:
    """Return who captures. Raises CaptureError for dumpcap where there is none."""
    if wanted == "scapy":
        return "scapy"
    if find_dumpcap() is not None:
        return "dumpcap"
    if wanted == "dumpcap":
        raise CaptureError("dumpcap is not installed; install Wireshark, or leave out --with to capture through scapy")
    return "scapy"


def settle_filter(request: Request, wanted: str | None) -> Request:
    """Complete a request with the filter that was asked for, or with the widest default that its link knows.

    Raises CaptureError for a filter that is wrong, for a device that cannot be opened to check it, and for one that the
    program does not know.
    """
    if request.backend != "dumpcap":
        if request.device.name == "any":
            raise CaptureError("-i any: scapy captures on one interface; name it, or install dumpcap (Wireshark)")
        return replace(request, capture_filter=default_filter() if wanted is None else wanted)
    if wanted is not None:
        tried = replace(request, capture_filter=wanted)
        why = _check(tried) if wanted else None
        if why is not None:
            raise CaptureError(why)
        return tried
    why = None
    for capture_filter in (default_filter(), default_filter("any"), default_filter("ip")):
        tried = replace(request, capture_filter=capture_filter)
        why = _check(tried)
        if why is None:
            return tried
        if "filter" not in why:
            raise CaptureError(why)
    return replace(request, capture_filter="")


def _check(request: Request) -> str | None:
    """Let dumpcap compile the filter; what it says against it, as a sentence."""
    try:
        done = subprocess.run(  # noqa: S603 - the program was found by name on the search path
            [*_dumpcap(request), "-d"], capture_output=True, timeout=_CHECK_S, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"dumpcap cannot be run ({error}); repair Wireshark's installation, or use --with scapy"
    text = done.stderr.decode("utf-8", "replace")
    return explain(text, request) if _complains(text) or done.returncode else None


def _complains(text: str) -> bool:
    return any(line.startswith("dumpcap: ") for line in text.splitlines())


def _dumpcap(request: Request) -> list[str]:
    command = [find_dumpcap() or "dumpcap", "-q", "-i", request.device.name, "-B", str(request.buffer_mib)]
    if request.snap_length:
        command += ["-s", str(request.snap_length)]
    if request.capture_filter:
        command += ["-f", request.capture_filter]
    if not request.promiscuous:
        command.append("-p")
    return command


def open_tap(request: Request) -> Program:
    """Start the program that captures. Raises CaptureError when it cannot be started at all."""
    if request.backend == "dumpcap":
        return Program([*_dumpcap(request), "-w", "-"], request)
    return Program(
        [
            sys.executable, "-m", "analyzer.capture.sniff", request.device.name, str(request.snap_length),
            str(request.buffer_mib << 20), str(int(request.promiscuous)), request.capture_filter,
        ],
        request,
    )  # fmt: skip


class Program:
    """A running program that captures."""

    def __init__(self, command: Sequence[str], request: Request) -> None:
        self._request = request
        self._said: list[str] = []
        self._stopped = False
        try:
            self._process = subprocess.Popen(  # noqa: S603 - a command of our own making, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                # Ctrl-C is ours to pass on: the capture has to be read to its end.
                start_new_session=os.name != "nt",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except OSError as error:
            raise CaptureError(f"{command[0]} cannot be started ({error.strerror}); check its installation") from error
        assert self._process.stdout is not None
        self._number = self._process.stdout.fileno()
        _widen(self._number)
        self._listener = threading.Thread(target=self._listen, name="capture-messages", daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def read(self) -> bytes:
        """Wait for bytes; empty at the end."""
        return os.read(self._number, _PIPE_BYTES)

    def stop(self) -> None:
        """Ask it to finish; what it still holds can be read."""
        self._stopped = True
        with contextlib.suppress(OSError):
            self._process.send_signal(signal.SIGINT if os.name != "nt" else signal.CTRL_BREAK_EVENT)  # type: ignore[attr-defined, unused-ignore]

    def kill(self) -> None:
        """End it at once."""
        self._stopped = True
        with contextlib.suppress(OSError):
            self._process.kill()

    def ended(self) -> str | None:
        """Return in a sentence why it ended, once `read` gave nothing; None where it was asked to."""
        try:
            code = self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._listener.join(1.0)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        if self._stopped:
            return None
        text = "\n".join(self._said)
        if code < 0:
            return f"{self._request.backend} was ended by signal {-code}"
        return explain(text, self._request)

    def _listen(self) -> None:
        stream: IO[bytes] | None = self._process.stderr
        assert stream is not None
        with contextlib.suppress(OSError, ValueError):
            for line in stream:
                self._said.append(line.decode("utf-8", "replace").rstrip())
                del self._said[:-60]


class Pipe:
    """Standard input, or any other descriptor that someone else feeds."""

    def __init__(self, number: int | None = None) -> None:
        self._number = sys.stdin.fileno() if number is None else number
        self._stopped = threading.Event()
        if os.name == "nt":
            import msvcrt

            msvcrt.setmode(self._number, os.O_BINARY)  # type: ignore[attr-defined, unused-ignore]
        elif os.isatty(self._number):
            raise CaptureError(
                "-: standard input is a terminal; pipe a capture into it, such as: "
                "ssh host tcpdump -U -w - | notconn live -"
            )
        _widen(self._number)

    def read(self) -> bytes:
        """Wait for bytes; empty at the end or after `stop`."""
        if os.name != "nt":
            import select

            while not self._stopped.is_set():
                ready, _, _ = select.select([self._number], [], [], 0.2)
                if ready:
                    return os.read(self._number, _PIPE_BYTES)
            return b""
        return b"" if self._stopped.is_set() else os.read(self._number, _PIPE_BYTES)

    def stop(self) -> None:
        """Read no more."""
        self._stopped.set()

    kill = stop

    def ended(self) -> str | None:
        """Return None: the end of a pipe is always in order."""
        return None


def _widen(number: int) -> None:
    """Give a pipe all the room that Linux lends, so that a pause of ours does not stop the program at once."""
    if sys.platform.startswith("linux"):
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(number, _F_SETPIPE_SZ, _PIPE_BYTES)


_REASONS: tuple[tuple[str, str], ...] = (
    (
        r"invalid capture filter|cannot set filter|failed to compile filter|filter expression",
        "--filter {filter!r} is no capture filter for {name} ({detail}); write one such as 'tcp port 443'",
    ),
    (
        r"permission|not permitted|access is denied",
        "{name}: this user may not capture packets; {rights}",
    ),
    (r"not up|is down|network is down", "{name}: the interface is down; bring it up, such as: ip link set {name} up"),
    (
        r"no device named|no such device|not exist|not found|no longer|went away|disappeared|deviceerror",
        "{name}: there is no such interface any more; `notconn interfaces` lists what there is",
    ),
    (r"no space|disk", "{name}: the capture program found no space on its disk; free some"),
)


def explain(text: str, request: Request) -> str:
    """Turn what a capture program said into one sentence with a remedy."""
    name = request.device.label
    lowered = text.lower()
    for pattern, sentence in _REASONS:
        if re.search(pattern, lowered):
            return sentence.format(
                name=name, filter=request.capture_filter, detail=_detail(text), rights=_rights(request)
            )
    chatter = ("Capturing on", "File:")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith(chatter)]
    said = lines[0].removeprefix("dumpcap: ").rstrip(".") if lines else "it said nothing"
    return f"{name}: {request.backend} ended by itself ({said}); try the other one with --with, or capture to a pipe"


def _detail(text: str) -> str:
    found = re.search(r"\(((?:can't parse|[^()]*syntax|no VLAN|[^()]*expression|unknown|illegal)[^()]*)\)", text)
    return found[1] if found else "it cannot be compiled"


def _rights(request: Request) -> str:
    if os.name == "nt":
        return "install Npcap for all users, or start as administrator"
    if sys.platform == "darwin":
        return "install Wireshark's ChmodBPF, or start with sudo"
    if request.backend == "dumpcap":
        path = find_dumpcap() or "dumpcap"
        return f"join the group wireshark, or: sudo setcap cap_net_raw,cap_net_admin=eip {path}"
    return "start with sudo, or install dumpcap (package wireshark-common), which needs no other rights"
