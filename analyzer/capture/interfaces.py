"""The interfaces of this machine, by the names that people use for them."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from analyzer.errors import CaptureError
from analyzer.values import dataclass

__all__ = ["Device", "find_device", "find_dumpcap", "find_tshark", "list_devices"]

_LIST_S = 20.0
_SPECIAL = ("bluetooth-monitor", "nflog", "nfqueue", "dbus-system", "dbus-session", "usbmon")
"""Devices of libpcap that carry no network packets."""


@dataclass(frozen=True, slots=True)
class Device:
    """One interface."""

    number: int
    """Position in the list, from 1; ``-i 2`` takes it."""
    name: str
    """What the capture library calls it: ``eth0``, ``\\Device\\NPF_{...}``."""
    label: str
    """What a person calls it: ``Ethernet 2``, ``Wi-Fi``; the name where there is nothing else."""
    description: str
    """The adapter: ``Intel(R) Ethernet Connection``; may be empty."""
    addresses: tuple[str, ...]
    loopback: bool


def find_dumpcap() -> str | None:
    """Return the path of dumpcap, also where Wireshark's installers put it beside the search path; else None."""
    return _find("dumpcap")


def find_tshark() -> str | None:
    """Return the path of tshark, in the same places; else None."""
    return _find("tshark")


def _find(program: str) -> str | None:
    found = shutil.which(program)
    if found is not None:
        return found
    folders = [Path(os.environ.get(name, "")) / "Wireshark" for name in ("ProgramFiles", "ProgramW6432")]
    places = [folder / f"{program}.exe" for folder in folders]
    places.append(Path("/Applications/Wireshark.app/Contents/MacOS") / program)
    return next((str(place) for place in places if place.is_absolute() and place.is_file()), None)


def list_devices() -> Sequence[Device]:
    """Return every interface that packets can be captured on, as dumpcap knows them, else scapy, else the system."""
    dumpcap = find_dumpcap()
    found = _from_dumpcap(dumpcap) if dumpcap is not None else []
    if not found:
        found = _from_scapy()
    if not found:
        found = [(name, "", "", (), name == "lo") for _, name in socket.if_nameindex()]
    return [
        Device(number, name, label or name, description, addresses, loopback)
        for number, (name, label, description, addresses, loopback) in enumerate(found, 1)
    ]


_Row = tuple[str, str, str, tuple[str, ...], bool]


def _from_dumpcap(path: str) -> list[_Row]:
    """``dumpcap -D -M``: number and name, then vendor, friendly name, type, addresses and kind between tabs."""
    try:
        done = subprocess.run(  # noqa: S603 - the program was found by name on the search path
            [path, "-D", "-M"], capture_output=True, timeout=_LIST_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    rows: list[_Row] = []
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        fields = line.split("\t")
        name = fields[0].partition(". ")[2]
        if not name or len(fields) < 6 or name.startswith(_SPECIAL):
            continue
        addresses = tuple(one for one in fields[4].split(",") if one)
        loopback = fields[5].strip() == "loopback"
        rows.append((name, fields[2] if name != "lo" else "", fields[1], addresses, loopback))
    return rows


def _from_scapy() -> list[_Row]:
    try:
        import scapy.arch  # noqa: F401 - fills the list of interfaces
        from scapy.config import conf
    except Exception:  # noqa: BLE001 - scapy probes the system while it is imported and may fail in any way
        return []
    rows: list[_Row] = []
    for device in conf.ifaces.values():
        addresses = tuple(one for family in (4, 6) for one in device.ips.get(family, []))
        loopback = "LOOPBACK" in str(device.flags) or "127.0.0.1" in addresses
        name = str(getattr(device, "network_name", device.name))
        description = device.description if device.description != device.name else ""
        rows.append((name, device.name, description, addresses, loopback))
    return rows


def find_device(text: str) -> Device:
    """Return the interface that ``text`` means: a name, a label, an address, or a number of the list.

    Raises CaptureError when there is none, naming what there is.
    """
    devices = list_devices()
    lowered = text.strip().lower()
    for device in devices:
        if text == device.name:
            return device
    with contextlib.suppress(ValueError):
        wanted = str(ipaddress.ip_address(lowered.partition("%")[0]))
        for device in devices:
            if wanted in device.addresses:
                return device
    for device in devices:
        if lowered in (device.name.lower(), device.label.lower(), device.description.lower()):
            return device
    if text.isdigit() and 0 < int(text) <= len(devices):
        return devices[int(text) - 1]
    names = [device.label for device in devices]
    near = get_close_matches(text, [*names, *(device.name for device in devices)], 1)
    known = f"did you mean {near[0]}?" if near else f"there are {', '.join(names) or 'none that this user may see'}"
    raise CaptureError(f"-i {text}: there is no such interface; {known} (`notconn interfaces` lists them)")
