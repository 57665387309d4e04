"""One case: what a scenario may use while it runs, and the label that is written when it is over."""

from __future__ import annotations

import json
import random
import shutil
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path as FilePath

from tests.lab.applog import AppLog, LogStyle
from tests.lab.evidence import Frame, Pick, Trace, drop_other_directions, to_pcapng
from tests.lab.network import Network
from tests.lab.path import DROP, Packet, Rule, Verdict
from tests.lab.programs import Serve, Server, Session
from tests.lab.protocols import PROTOCOLS, Protocol

__all__ = ["Case", "DiscardedError", "Incident", "Scenario", "scenario", "scenarios"]

Claim = Callable[[list[Frame], int], bool]
# a finer cause is labelled as the one it refines, and by its own name beside it
_REFINES = {
    "stale-pooled-connection": "server-idle-timeout",
    "server-reset-unread-data": "server-reset",
    "client-gave-up-waiting": "client-closed-locally",
    "connect-context-not-updated": "no-network-cause",
    "wrong-socket-used": "no-network-cause",
    "udp-socket-unconnected": "no-network-cause",
}
_INTERFACES = ("Local Area Connection", "Ethernet", "Ethernet 2", "eth0", "ens192", "Wi-Fi")


class DiscardedError(Exception):
    """The capture does not show what the label would claim."""


@dataclass(slots=True)
class Incident:
    """One labelled incident, before its stream is known."""

    cause: str
    at: float
    client: str
    server: str
    ends: tuple[str, int, str, int] | None
    opened: float
    culprit: str
    chain: list[int]
    decisive: Pick | None
    claims: list[Claim]
    idle_gap_s: float | None = None
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way to make a cause."""

    cause: str
    story: str
    run: Callable[[Case], None]
    protocols: tuple[str, ...]
    background: bool
    ipv6: bool
    two: float


_ALL: list[Scenario] = []
_ANY = ("http", "redis", "pg", "mysql", "tds", "ftp", "smtp", "bin", "soap")


def scenario(
    cause: str,
    story: str,
    *,
    protocols: tuple[str, ...] = _ANY,
    background: bool = True,
    ipv6: bool = False,
    two: float = 0.2,
) -> Callable[[Callable[[Case], None]], Callable[[Case], None]]:
    """Register a function as a way to make ``cause``; ``two`` is how often the server side is captured as well."""

    def keep(run: Callable[[Case], None]) -> Callable[[Case], None]:
        _ALL.append(Scenario(cause, story, run, protocols, background, ipv6, two))
        return run

    return keep


def scenarios() -> list[Scenario]:
    """Every registered scenario, in order of registration."""
    return list(_ALL)


@dataclass(slots=True)
class Case:
    """What a scenario works with."""

    name: str
    scenario: Scenario
    rng: random.Random
    net: Network
    style: LogStyle
    protocol: Protocol
    port: int
    log: AppLog = field(init=False)
    stop: threading.Event = field(init=False, default_factory=threading.Event)
    incidents: list[Incident] = field(init=False, default_factory=list)
    related: list[tuple[tuple[str, int, str, int], float]] = field(init=False, default_factory=list)
    notes: list[str] = field(init=False, default_factory=list)
    played: list[Scenario] = field(init=False, default_factory=list)
    acceptable: list[str] = field(init=False, default_factory=list)
    extra: dict[str, object] = field(init=False, default_factory=dict)
    needs_log: bool = field(init=False, default=False)
    idle_gap_s: float = field(init=False, default=0.0)
    _kept: list[object] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.log = AppLog(self.rng)

    @property
    def winsock(self) -> bool:
        """The application only tells of the 10057, as programs do that swallow the first error."""
        return self.style.fmt in ("serilog", "python", "german") and self.rng.random() < 0.35

    def serve(
        self,
        manners: Serve | None = None,
        *,
        address: str | None = None,
        port: int | None = None,
        protocol: str | None = None,
        backlog: int = 32,
        accepting: bool = True,
        receive_buffer: int = 0,
    ) -> Server:
        """Start the server program of this case."""
        server = Server(
            self.net.server,
            address or self.net.server_ip,
            self.port if port is None else port,
            PROTOCOLS[protocol] if protocol else self.protocol,
            random.Random(self.rng.random()),
            manners,
            backlog=backlog,
            accepting=accepting,
            receive_buffer=receive_buffer,
        )
        self._kept.append(server)
        return server

    def session(self, *, port: int = 0, protocol: str | None = None, family: int = socket.AF_INET) -> Session:
        """An unconnected session of the client program."""
        made = Session(
            self.net.client_socket(port, family),
            PROTOCOLS[protocol] if protocol else self.protocol,
            random.Random(self.rng.random()),
        )
        # the descriptor must outlive the scenario, or the kernel would close the connection in the capture
        self._kept.append(made)
        return made

    def connect(self, server: Server, *, timeout: float = 10.0, port: int = 0) -> Session:
        """A session connected to the server, with its login done and its log line written."""
        made = self.session(port=port, protocol=server.protocol.name)
        made.connect(server.address, server.port, timeout)
        self.connected(made)
        made.login()
        return made

    def connected(self, made: Session) -> None:
        """Log the connection, sometimes with its local port."""
        port = f" from local port {made.port}" if self.rng.random() < 0.35 else ""
        self.log.say(f"connected to {made.endpoint}{port}", time.time())

    def name_endpoint(self) -> None:
        """Without an endpoint in the log nobody could tell this error from any other."""
        self.style = replace(self.style, endpoint=True)

    def keep(self, thing: object) -> None:
        """Hold on to something until the case is over."""
        self._kept.append(thing)

    def pause(self, low: float, high: float) -> None:
        """Sleep for a random while."""
        time.sleep(self.rng.uniform(low, high))

    def relate(self, made: Session) -> None:
        """This connection belongs to the story and is neither guilty nor healthy."""
        self.related.append((made.ends, made.opened))

    def only(self, decide: Callable[[Packet], Verdict], *, port: int | None = None) -> Rule:
        """Add a path rule that sees only packets of one server port."""
        mine = self.port if port is None else port

        def rule(packet: Packet) -> Verdict:
            if packet.protocol != 6 or packet.server_port != mine:
                return None
            return decide(packet)

        return self.net.path.add(rule)

    def black_hole(self, *, port: int | None = None, up: bool = True, down: bool = True) -> Rule:
        """From now on packets of one server port vanish on the path."""
        return self.only(lambda packet: DROP if (up if packet.up else down) else None, port=port)

    def fail(
        self,
        made: Session,
        calls: list[tuple[str, int]],
        *,
        cause: str | None = None,
        culprit: str,
        decisive: Pick | None = None,
        claims: list[Claim] | None = None,
        idle_gap_s: float | None = None,
        timeout_s: float | None = None,
        stream: bool = True,
        gap: float | None = None,
    ) -> None:
        """Log the chain of socket errors that ends in 10057, and note the incident."""
        at = time.time()
        if self.winsock and len(calls) > 1:
            calls = calls[-1:]
        for index, (call, code) in enumerate(calls):
            if index and code == 10057:
                wait = self.rng.choice((0.0, 0.0, 0.001, 0.05, 0.3)) if gap is None else gap
                time.sleep(wait)
                at = time.time()
            self.log.failure(call, code, made.endpoint, at)
        self.incidents.append(
            Incident(
                cause=cause or self.scenario.cause,
                at=at,
                client=made.client,
                server=made.endpoint,
                ends=made.ends if stream else None,
                opened=made.opened,
                culprit=culprit,
                chain=[code for _, code in calls],
                decisive=decisive,
                claims=claims or [],
                idle_gap_s=idle_gap_s,
                timeout_s=timeout_s,
            )
        )

    def fail_without_stream(
        self,
        where: str,
        calls: list[tuple[str, int]],
        *,
        culprit: str,
        cause: str | None = None,
        frames: Callable[[Trace], list[int]] | None = None,
        client: str | None = None,
    ) -> None:
        """An incident that no TCP stream belongs to; ``frames`` finds the packets that show it, and must find some."""
        at = time.time()
        for call, code in calls:
            self.log.failure(call, code, where, at)
        self.incidents.append(
            Incident(
                cause or self.scenario.cause,
                at,
                client or self.net.client_ip,
                where,
                None,
                at,
                culprit,
                [code for _, code in calls],
                None,
                [],
            )
        )
        self.extra["_frames"] = frames

    def incident_later(self, where: str, call: str, at: float) -> None:
        """A 10057 that the log tells of after the capture has ended."""
        self.log.failure(call, 10057, where, at)
        self.incidents.append(
            Incident(self.scenario.cause, at, self.net.client_ip, where, None, at, "unknown", [10057], None, [])
        )

    def finish(self, folder: FilePath, raw: FilePath, raw_server: FilePath | None) -> None:
        """Write the case's files, or raise DiscardedError when the capture does not bear the label out."""
        work = raw.with_suffix(".pcapng")
        name = self.rng.choice(_INTERFACES)
        to_pcapng(raw, work, name)
        only = self.extra.get("_only_source")
        if only:
            drop_other_directions(work, str(only))
        trace = Trace(work)
        label = self._label(trace)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(work, folder / "capture.pcapng")
        if raw_server is not None:
            to_pcapng(raw_server, folder / "server.pcapng", name)
        (folder / "app.log").write_text(self.log.render(self.style), encoding="utf-8")
        (folder / "label.json").write_text(json.dumps(label, indent=1) + "\n", encoding="utf-8")
        story = str(label["how_made"])
        (folder / "README").write_text(
            f"{self.name}: {label['cause']}. {story} Captured in a namespace lab with real kernel TCP.\n",
            encoding="utf-8",
        )

    def _label(self, trace: Trace) -> dict[str, object]:
        guilty: set[int] = set()
        incidents = []
        for each in self.incidents:
            stream, frames = None, []
            if each.ends is not None:
                stream = trace.find(each.ends, each.opened)
                if stream is None:
                    raise DiscardedError(f"{each.cause}: no stream for {each.ends}")
                guilty.add(stream)
                mine = trace.of(stream)
                if each.decisive is not None:
                    frames = each.decisive(mine, each.ends[1])
                    if not frames:
                        raise DiscardedError(f"{each.cause}: decisive frames are missing in stream {stream}")
                for number, claim in enumerate(each.claims):
                    if not claim(mine, each.ends[1]):
                        raise DiscardedError(f"{each.cause}: claim {number} does not hold in stream {stream}")
            elif self.extra.get("_frames"):
                find = self.extra["_frames"]
                assert callable(find)
                frames = find(trace)
                if not frames:
                    raise DiscardedError(f"{each.cause}: nothing to show")
            record: dict[str, object] = {
                "time_utc": datetime.fromtimestamp(each.at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
                "stream": stream,
                "client": each.client,
                "server": each.server,
                "cause": _REFINES.get(each.cause, each.cause),
                "decisive_frames": frames[:6],
                "culprit": each.culprit,
                "wsa_chain": each.chain,
            }
            if each.cause in _REFINES:
                record["refined"] = each.cause
            if each.idle_gap_s is not None:
                record["idle_gap_s"] = each.idle_gap_s
            if each.timeout_s is not None:
                record["timeout_s"] = each.timeout_s
            incidents.append(record)
        found = (trace.find(ends, opened) for ends, opened in self.related)
        related = {stream for stream in found if stream is not None} - guilty
        chain = incidents[-1]["wsa_chain"] if incidents else None
        label: dict[str, object] = {
            "case": self.name,
            "cause": incidents[0]["cause"] if incidents else "healthy",
            "acceptable": sorted(set(self.acceptable)),
            "incidents": incidents,
            "healthy_streams": sorted(trace.streams - guilty - related),
            "related_streams": sorted(related),
            "how_made": " ".join([*(each.story for each in self.played), *self.notes]),
        }
        if chain is not None:
            label["expected_wsa_error_chain"] = chain
        label["needs_log"] = self.needs_log
        label["variants"] = self._variants()
        label.update({key: value for key, value in self.extra.items() if not key.startswith("_")})
        return label

    def _variants(self) -> dict[str, object]:
        variants: dict[str, object] = {"proto": self.protocol.name, "fmt": self.style.fmt}
        if self.style.zone_h:
            variants["tz"] = self.style.zone_h
        if self.style.skew_s:
            variants["skew"] = self.style.skew_s
        if self.style.endpoint:
            variants["endpoint"] = True
        if self.net.traits.offload:
            variants["offload"] = True
        for trait in ("jitter", "loss"):
            if value := getattr(self.net.traits, trait):
                variants[trait] = value
        variants["run"] = "+".join(each.run.__name__ for each in self.played)
        return variants
