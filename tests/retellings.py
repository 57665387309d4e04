"""Samples told again: other link layers and addresses, copies, loss, other vantages, clocks that are off, less said.

``KEEPS`` and ``TAKES`` map what is changed, in words, to a function of a case, its packets and its log.
"""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from tests import rewrite
from tests.cases import Case, sample, samples
from tests.conversations import ORDINARY
from tests.rewrite import Capture, Frame
from tests.wire import dns

HEALTHY = [one.name for one in samples() if one.cause is None]


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A case written anew."""

    capture: Capture
    log: str | None
    """None when it is the log that must not be given."""


Rewrite = Callable[[Case, Capture, str], Rewritten | None]
"""None: the rewrite does not apply to this case."""


def _wire(change: Callable[[Case, Capture], Capture | None]) -> Rewrite:
    """A rewrite of packets alone."""

    def rewritten(case: Case, capture: Capture, log: str) -> Rewritten | None:
        changed = change(case, capture)
        return None if changed is None or not changed.frames else Rewritten(changed, log)

    return rewritten


def _host(endpoint: str | None) -> str | None:
    """The IPv4 address of ``address:port``; None for anything else."""
    found = re.match(r"(\d+\.\d+\.\d+\.\d+)(:|$)", endpoint or "")
    return found[1] if found else None


def _first_frame(capture: Capture, case: Case) -> int | None:
    """Frame number of the guilty connection's first packet."""
    client, server = (re.match(r"(.*):(\d+)$", end or "") for end in (case.client, case.server))
    if not client or not server:
        return None
    ports = struct.pack("!HH", int(client[2]), int(server[2]))
    for number, frame in enumerate(capture.frames, 1):
        if ports in frame.data[34:58] or ports[2:] + ports[:2] in frame.data[34:58]:
            return number
    return None


# -- packets: the evidence stays ---------------------------------------------------------------------------------------


def _ipv6(case: Case, capture: Capture, log: str) -> Rewritten | None:
    """IPv6 everywhere, in the log too. ARP, ICMP and what FTP says of addresses have no like: those are left out."""
    if case.cause in (
        "neighbour-unresolved",
        "destination-unreachable",
        "connection-rejected-by-firewall",
        "ftp-data-connection-blocked",
        "address-race-lost",
        "link-changed",
        "ftp-control-idle-during-transfer",
    ):
        return None

    def six(found: re.Match[str]) -> str:
        a, b, c, d = (int(part) for part in found.groups()[:4])
        text = f"fd00::{a << 8 | b:x}:{c << 8 | d:x}"
        return f"[{text}]{found[5]}" if found[5] else text

    named = re.sub(r"\b(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\b(:\d+)?", six, log)
    return Rewritten(rewrite.as_ipv6(capture), named)


def _nat(case: Case, capture: Capture) -> Capture | None:
    """The client behind a translating box: another source address, the log none the wiser."""
    client = _host(case.client)
    if client is None or client in case.log.read_text(encoding="utf-8"):
        return None
    return rewrite.translated(capture, client, "198.51.100.77")


def _giants(_case: Case, capture: Capture) -> Capture:
    """Segments that follow each other at once become one, as receive and send offload show them."""
    frames: list[Frame] = []
    for frame in capture.frames:
        last = frames[-1] if frames else None
        joined = None if last is None else _joined(last, frame)
        if joined is None:
            frames.append(frame)
        else:
            frames[-1] = joined
    return replace(capture, frames=tuple(frames))


def _joined(first: Frame, second: Frame) -> Frame | None:
    one, two = first.data, second.data
    if len(one) < 54 or len(two) < 54 or one[12:14] != b"\x08\x00" or two[12:14] != b"\x08\x00":
        return None
    if one[23] != 6 or one[26:38] != two[26:38] or second.at_ns - first.at_ns > 1_000_000:
        return None
    sizes, lengths = [], []
    for data in (one, two):
        header = (data[14] & 15) * 4
        whole = struct.unpack_from("!H", data, 16)[0]
        offset = 14 + header + (data[14 + header + 12] >> 4) * 4
        sizes.append(offset)
        lengths.append(14 + whole - offset)
    if (
        min(lengths) <= 0
        or sum(lengths) > 60_000
        or len(one) < sizes[0] + lengths[0]
        or len(two) < sizes[1] + lengths[1]
    ):
        return None
    tcp = 14 + (one[14] & 15) * 4
    seqs = [struct.unpack_from("!I", data, 14 + (data[14] & 15) * 4 + 4)[0] for data in (one, two)]
    if (
        (seqs[0] + lengths[0]) & 0xFFFFFFFF != seqs[1]
        or one[tcp + 13] & 0x07
        or two[14 + (two[14] & 15) * 4 + 13] & 0x07
    ):
        return None
    total = sizes[0] - 14 + sum(lengths)
    data = one[:16] + struct.pack("!H", total) + one[18 : sizes[0]] + one[sizes[0] : sizes[0] + lengths[0]]
    data += two[sizes[1] : sizes[1] + lengths[1]]
    return Frame(first.at_ns, data, len(data))


def _checksums(case: Case, capture: Capture) -> Capture:
    return rewrite.bad_checksums(capture, _host(case.client))


def _company(case: Case, capture: Capture) -> Capture:
    """The healthy samples' packets in the same capture."""
    others = [rewrite.read(sample(name).capture) for name in HEALTHY[:4] if name != case.name]
    return rewrite.merged(capture, *others)


@cache
def _crowd() -> Capture:
    """A hundred healthy connections from other hosts over a minute and a half."""
    frames: list[Frame] = []
    makers = [ORDINARY[name] for name in ("server_closes_client_closes", "loss_recovered", "client_ends_with_reset")]
    templates = [make().packets for make in makers]
    rng = random.Random(7)
    for number in range(100):
        packets = templates[number % len(templates)]
        move = rng.randrange(0, 90 * 10**9) - packets[0][0]
        hosts = struct.pack("!BBBB", 172, 20, 1, number + 1)
        for at, data in packets:
            moved = data[:26] + data[26:34].replace(b"\x0a\x00\x00\x05", hosts) + data[34:]
            frames.append(Frame(at + move, moved, len(data)))
    return Capture(rewrite.ETHERNET, tuple(sorted(frames, key=lambda frame: frame.at_ns)))


def _crowded(_case: Case, capture: Capture) -> Capture:
    move = capture.frames[0].at_ns
    crowd = replace(_crowd(), frames=tuple(replace(one, at_ns=one.at_ns + move) for one in _crowd().frames))
    return rewrite.merged(capture, crowd, align=False)


# -- packets: evidence is taken away -----------------------------------------------------------------------------------


def _one_way(capture: Capture, end: str | None) -> Capture | None:
    address = _host(end)
    return None if address is None else rewrite.one_direction(capture, address)


def _late(case: Case, capture: Capture) -> Capture | None:
    """The capture begins right behind the first packet of the guilty connection."""
    first = _first_frame(capture, case)
    return None if first is None else rewrite.started_late(capture, frames=first)


def _later(case: Case, capture: Capture) -> Capture | None:
    """The capture begins in the middle of the guilty connection's packets."""
    first = _first_frame(capture, case)
    if first is None or not case.frames or case.frames[0] - first < 4:
        return None
    return rewrite.started_late(capture, frames=(first + case.frames[0]) // 2)


def _ended_before_the_end(case: Case, capture: Capture) -> Capture | None:
    """The capture ends in front of the packet that decides."""
    return rewrite.ended_before(capture, case.frames[0]) if case.frames and case.frames[0] > 2 else None


def _ended_behind_the_first(case: Case, capture: Capture) -> Capture | None:
    return rewrite.ended_before(capture, case.frames[0] + 1) if case.frames else None


def _without_a_decisive_frame(case: Case, capture: Capture) -> Capture | None:
    """One of the packets that decide was not captured."""
    if not case.frames:
        return None
    return replace(capture, frames=tuple(f for n, f in enumerate(capture.frames, 1) if n != case.frames[-1]))


# -- clocks and logs ---------------------------------------------------------------------------------------------------

_ENDPOINT = re.compile(r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}:\d+\b|\[[0-9a-fA-F:]+\]:\d+")
_ZONED = re.compile(r"\d\d:\d\d:\d\d[.,]?\d*(Z|[+-]\d\d:?\d\d)\b|^\d{10}", re.MULTILINE)


def _clock(seconds: float) -> Rewrite:
    """The log's clock is off: here the capture's is moved the other way, which is the same."""

    def rewritten(_case: Case, capture: Capture, log: str) -> Rewritten | None:
        return Rewritten(rewrite.shifted(capture, -seconds), log)

    return rewritten


def _zone(hours: float) -> Rewrite:
    """A log in local time that does not say so."""

    def rewritten(_case: Case, capture: Capture, log: str) -> Rewritten | None:
        return None if _ZONED.search(log) else Rewritten(rewrite.shifted(capture, -3600 * hours), log)

    return rewritten


def _no_endpoint(_case: Case, capture: Capture, log: str) -> Rewritten | None:
    """The log never names the server."""
    changed = re.sub(r"from local port \d+", "", _ENDPOINT.sub("", log))
    return None if changed == log else Rewritten(capture, changed)


def _named_host(case: Case, capture: Capture, log: str) -> Rewritten | None:
    """The log names the server by its name, which the capture resolves."""
    server = _host(case.server)
    if server is None or server not in log:
        return None
    client = _host(case.client) or "10.0.0.5"
    lookup = dns("orders.corp.example", client=client, answer=server, at=capture.frames[0].at_ns - 50_000_000)
    frames = tuple(Frame(at, data, len(data)) for at, data in lookup) + capture.frames
    return Rewritten(replace(capture, frames=frames), log.replace(server, "orders.corp.example"))


def _only_the_error(_case: Case, capture: Capture, log: str) -> Rewritten | None:
    """The log starts at the line that tells of the error."""
    found = re.search(r"^.*(10057|not connected).*$", log, re.MULTILINE | re.IGNORECASE)
    if found is None or "Traceback" in log or "\n   at " in log or "\n\tat " in log:
        return None
    return Rewritten(capture, log[found.start() :])


def _no_log(_case: Case, capture: Capture, _log: str) -> Rewritten | None:
    return Rewritten(capture, None)


KEEPS: dict[str, Rewrite] = {
    "as it is": _wire(lambda _case, capture: capture),
    "IPv6": _ipv6,
    "in a VLAN": _wire(lambda _case, capture: rewrite.tagged(capture, 100)),
    "in two VLANs": _wire(lambda _case, capture: rewrite.tagged(capture, 20, 300)),
    "on any (SLL)": _wire(lambda _case, capture: rewrite.as_any(capture)),
    "on any (SLL2)": _wire(lambda _case, capture: rewrite.as_any(capture, version=2)),
    "on a router": _wire(lambda _case, capture: rewrite.routed(capture)),
    "behind NAT": _wire(_nat),
    "every frame twice": _wire(lambda _case, capture: rewrite.duplicated(capture)),
    "every third frame twice": _wire(lambda _case, capture: rewrite.duplicated(capture, every=3, delay_ns=200_000)),
    "neighbours swapped": _wire(lambda _case, capture: rewrite.reordered(capture, within_ns=200_000)),
    "offload giants": _wire(_giants),
    "checksums of offload": _wire(_checksums),
    "with company": _wire(_company),
    "in a crowd": _wire(_crowded),
}
"""The evidence stays: the cause must stay, too."""

TAKES: dict[str, Rewrite] = {
    "96 bytes a packet": _wire(lambda _case, capture: rewrite.cut_short(capture, 96)),
    "only the client's packets": _wire(lambda case, capture: _one_way(capture, case.client)),
    "only the server's packets": _wire(lambda case, capture: _one_way(capture, case.server)),
    "begun behind the first packet": _wire(_late),
    "begun in the middle": _wire(_later),
    "ended before it happened": _wire(_ended_before_the_end),
    "ended as it happened": _wire(_ended_behind_the_first),
    "the last decisive packet missing": _wire(_without_a_decisive_frame),
    "2 % of the packets missing": _wire(lambda _case, capture: rewrite.lossy(capture, 0.02, seed=3)),
    "10 % of the packets missing": _wire(lambda _case, capture: rewrite.lossy(capture, 0.10, seed=11)),
    "log clock 3 min ahead": _clock(180),
    "log clock 100 s behind": _clock(-100),
    "log 2 h east": _zone(2),
    "log 5 h west": _zone(-5),
    "log without endpoint": _no_endpoint,
    "log with a name": _named_host,
    "log of one line": _only_the_error,
    "no log": _no_log,
}
"""Evidence is taken away: doubt is right, another cause called high is wrong."""


TELLS_MORE = {"log with a name", "no log"}
"""Rewrites that bring evidence of their own: a lookup, or nothing that speaks against the packets."""


def original(name: str) -> tuple[Capture, str]:
    one = sample(name)
    return rewrite.read(one.capture), one.log.read_text(encoding="utf-8")
