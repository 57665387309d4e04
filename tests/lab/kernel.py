"""Network namespaces without names, and the few kernel switches the lab turns.

A namespace lives as long as a file descriptor of this process points to it, so a killed lab leaves nothing behind.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["CommandError", "Namespace", "open_tun"]

_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_SIOCETHTOOL = 0x8946
# linux/ethtool.h: ETHTOOL_STXCSUM, STSO, SGSO, SGRO, SRXCSUM
_OFFLOADS = (0x00000017, 0x0000001F, 0x00000024, 0x0000002C, 0x00000015)
_libc = ctypes.CDLL(None, use_errno=True)


class CommandError(RuntimeError):
    """An ``ip`` or ``nft`` command failed."""


def _check(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


class Namespace:
    """One network namespace. Sockets made inside it stay in it whoever uses them later."""

    def __init__(self) -> None:
        holder: list[int] = []

        def make() -> None:
            _check(_libc.unshare(_CLONE_NEWNET), "unshare")
            holder.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY))

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        if not holder:
            raise PermissionError("a network namespace cannot be made here: run as root")
        self.fd = holder[0]
        self.run("ip", "link", "set", "lo", "up")

    @property
    def path(self) -> str:
        """How ``ip link ... netns`` can name it."""
        return f"/proc/{os.getpid()}/fd/{self.fd}"

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Everything this thread opens or starts in here belongs to the namespace."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            _check(_libc.setns(self.fd, _CLONE_NEWNET), "setns")
            try:
                yield
            finally:
                _check(_libc.setns(before, _CLONE_NEWNET), "setns")
        finally:
            os.close(before)

    def run(self, *argv: str, text: str | None = None) -> str:
        """Run a command in the namespace; its standard output. Raises CommandError."""
        with self.entered():
            done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CommandError(f"{' '.join(argv)}: {done.stderr.strip()}")
        return done.stdout

    def ip(self, command: str) -> str:
        """``ip COMMAND``."""
        return self.run("ip", *command.split())

    def nft(self, ruleset: str) -> None:
        """Feed a ruleset to ``nft``, which wants a line end between two closing braces."""
        self.run("nft", "-f", "-", text=ruleset.replace("} }", "}\n}").replace("} chain", "}\nchain"))

    def popen(self, *argv: str) -> subprocess.Popen[str]:
        """Start a program in the namespace."""
        with self.entered():
            return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def sysctl(self, **values: object) -> None:
        """Set ``net.*`` values; a double underscore stands for a dot: ``ipv4__ip_forward=1``."""
        with self.entered():
            for key, value in values.items():
                Path("/proc/sys/net", *key.split("__")).write_text(str(value), encoding="ascii")

    def socket(self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM, protocol: int = 0) -> socket.socket:
        """A socket that lives in the namespace."""
        with self.entered():
            return socket.socket(family, kind, protocol)

    def no_offload(self, interface: str) -> None:
        """Make the interface carry segments and checksums as they would be on a cable."""
        with self.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            for command in _OFFLOADS:
                value = ctypes.create_string_buffer(struct.pack("II", command, 0))
                request = struct.pack("16sP", interface.encode(), ctypes.addressof(value))
                try:
                    fcntl.ioctl(control, _SIOCETHTOOL, request + bytes(16))
                except OSError:
                    continue


def open_tun(namespace: Namespace, name: str) -> int:
    """A TUN device in the namespace; the descriptor reads and writes IP packets."""
    with namespace.entered():
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    return fd
