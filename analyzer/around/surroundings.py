"""What else the capture shows around one flow: its hosts' other flows, name lookups, ICMP errors, neighbours.

Everything is built at first use: a healthy capture never pays for it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from analyzer.capture.model import Note, NoteKind
from analyzer.endpoint import Endpoint
from analyzer.flows.rows import RowIndex, RowList
from analyzer.units import NS
from analyzer.values import dataclass

if TYPE_CHECKING:
    from analyzer.around.lookups import Lookup
    from analyzer.capture.file import Capture
    from analyzer.decode.notes import IcmpError
    from analyzer.flows.model import Flow, Silence
    from analyzer.logs.model import SocketRow
    from analyzer.signals.reset import Baseline
    from analyzer.signals.wire import WireView

__all__ = ["IcmpHit", "Surroundings"]

_SAMPLES = 16


_UNREACHABLE = {
    0: "net-unreachable",
    2: "protocol-unreachable",
    3: "port-unreachable",
    4: "fragmentation-needed",
    5: "net-unreachable",
    6: "net-unreachable",
    9: "admin-prohibited",
    10: "admin-prohibited",
    11: "net-unreachable",
    13: "admin-prohibited",
}
"""Codes of ICMP type 3 (RFC 792, RFC 1812 §5.2.7.1); those left out concern the host."""
_ICMPV6_TYPES = {2: "fragmentation-needed", 3: "time-exceeded"}
_ICMPV6_KINDS = {
    (1, 0): "net-unreachable",
    (1, 1): "admin-prohibited",
    (1, 2): "net-unreachable",
    (1, 3): "host-unreachable",
    (1, 4): "port-unreachable",
    (1, 5): "admin-prohibited",
    (1, 6): "admin-prohibited",
}
"""Types and codes of ICMPv6 (RFC 4443 §3.1)."""


@dataclass(frozen=True, slots=True)
class IcmpHit:
    """An ICMP error that quotes a packet of a flow."""

    note: Note
    error: IcmpError

    @property
    def kind(self) -> str:
        """The word that the vocabulary uses."""
        if self.error.version == 6:
            return _ICMPV6_KINDS.get((self.error.type, self.error.code)) or _ICMPV6_TYPES.get(self.error.type, "other")
        if self.error.type == 3:
            return _UNREACHABLE.get(self.error.code, "host-unreachable")
        return "time-exceeded" if self.error.type == 11 else "other"


class Surroundings:
    """Questions about a capture that no single flow answers."""

    def __init__(self, capture: Capture, sockets: Sequence[SocketRow] = ()) -> None:
        self.capture = capture
        self.others: tuple[Surroundings, ...] = ()
        """Of the other captures of one run, which may hold the same connections."""
        self._sockets = {(row.local, row.remote): row for row in sockets if row.local and row.remote}
        self._flows: dict[int, Flow] = {}
        self._views: dict[int, WireView] = {}
        self._baselines: dict[tuple[bytes, int], Baseline] = {}
        self._silences: dict[Endpoint, dict[int, tuple[Silence, ...]]] = {}

    def flow(self, index: int) -> Flow:
        """Return the flow at ``index`` of the capture's table, built once."""
        flow = self._flows.get(index)
        if flow is None:
            if len(self._flows) > 4096:
                self._flows.clear()
                self._views.clear()
            flow = self._flows[index] = self.capture.flows.flow(index)
        return flow

    def view(self, index: int) -> WireView:
        """Return the flow without the capture's own copies of packets, built once."""
        view = self._views.get(index)
        if view is None:
            from analyzer.signals.wire import WireView

            view = self._views[index] = WireView.of(self.flow(index))
        return view

    def socket_of(self, flow: Flow) -> SocketRow | None:
        """Return the row of a socket table for either end of a flow."""
        ends = flow.initiator.endpoint, flow.responder.endpoint
        return self._sockets.get(ends) or self._sockets.get(ends[::-1])

    @cached_property
    def index(self) -> RowIndex:
        """The capture's flows by host, port and endpoint."""
        return RowIndex(self.capture.flows)

    @property
    def rows(self) -> RowList:
        """One light row a flow."""
        return self.index.every

    @cached_property
    def by_isn(self) -> dict[int, list[int]]:
        """Indexes of flows by the initiator's initial sequence number."""
        flows, found = self.capture.flows, defaultdict(list)
        for index in range(len(flows)):
            syn = flows.first_syn(index)
            if syn is not None:
                found[syn.seq].append(index)
        return dict(found)

    def to_responder(self, endpoint: Endpoint) -> RowList:
        """Flows that lead to ``endpoint``, in capture order."""
        return self.index.to_responder(endpoint.packed, endpoint.port)

    def to_host(self, packed: bytes) -> RowList:
        """Flows that lead to any port of a host."""
        return self.index.to_host(packed)

    def from_host(self, packed: bytes) -> RowList:
        """Flows that a host opened."""
        return self.index.from_host(packed)

    def on_port(self, port: int) -> RowList:
        """Flows to any host on a port."""
        return self.index.on_port(port)

    def silences_to(self, endpoint: Endpoint) -> dict[int, tuple[Silence, ...]]:
        """Return the silences of the first flows to an endpoint that had any, by the flow's index."""
        known = self._silences.get(endpoint)
        if known is None:
            flows = self.capture.flows
            quiet = islice(filter(flows.longest_silence, self.to_responder(endpoint).indexes), _SAMPLES)
            known = {index: flows.silences(index) for index in quiet}
            self._silences[endpoint] = known
        return known

    def baseline(self, packed: bytes, *, without: int) -> Baseline:
        """Tell what a host's packets look like in other flows than ``without``."""
        key = packed, without if len(self.to_host(packed)) + len(self.from_host(packed)) <= _SAMPLES else -1
        known = self._baselines.get(key)
        if known is None:
            known = self._baselines[key] = self._measure(packed, without)
        return known

    def _measure(self, packed: bytes, without: int) -> Baseline:
        from analyzer.signals.reset import Baseline

        ttls: dict[int, int] = defaultdict(int)
        round_trips: list[int] = []
        for row in islice(self.to_host(packed), _SAMPLES):
            if row.index != without and row.responder_packets:
                for ttl, count in self.flow(row.index).responder.ttl_modes:
                    ttls[ttl] += count
                took = self.view(row.index).round_trip_ns
                if took is not None:
                    round_trips.append(took)
        for row in islice(self.from_host(packed), _SAMPLES):
            if row.index != without and row.initiator_packets:
                for ttl, count in self.flow(row.index).initiator.ttl_modes:
                    ttls[ttl] += count
        neighbours: set[int] = set()
        if not ttls:
            for row in islice(self.index.to_network(packed), _SAMPLES):
                if row.responder.packed != packed and row.responder_packets:
                    neighbours |= {ttl for ttl, _ in self.flow(row.index).responder.ttl_modes}
                    took = self.view(row.index).round_trip_ns
                    if took is not None:
                        round_trips.append(took)
        ranked = sorted(ttls, key=lambda ttl: -ttls[ttl])[:3]
        return Baseline(tuple(ranked), min(round_trips, default=None), tuple(sorted(neighbours)))

    def _notes(self, *kinds: NoteKind) -> Iterable[Note]:
        return (note for note in self.capture.notes if note.kind in kinds)

    @cached_property
    def _icmp(self) -> dict[frozenset[Endpoint], list[IcmpHit]]:
        from analyzer.decode import notes as decode

        found: dict[frozenset[Endpoint], list[IcmpHit]] = defaultdict(list)
        for note in self._notes(NoteKind.ICMP):
            error = decode.parse_icmp(note)
            if error is not None and error.protocol == 6:
                found[frozenset((error.source, error.destination))].append(IcmpHit(note, error))
        return found

    def icmp_errors(self, flow: Flow) -> Sequence[IcmpHit]:
        """ICMP errors that quote a packet of this flow while it lasted, or within 10 s after."""
        hits = self._icmp.get(frozenset((flow.initiator.endpoint, flow.responder.endpoint)), ())
        return [hit for hit in hits if flow.first_ns - NS <= hit.note.ts_ns <= flow.last_ns + 10 * NS]

    @cached_property
    def lookups(self) -> Sequence[Lookup]:
        """Every DNS question, in the order asked."""
        from analyzer.around.lookups import read_lookups

        return read_lookups(self._notes(NoteKind.DNS))

    @cached_property
    def _addresses(self) -> dict[str, set[bytes]]:
        found: dict[str, set[bytes]] = defaultdict(set)
        for lookup in self.lookups:
            found[lookup.name].update(lookup.addresses)
        return found

    def addresses_of(self, host_name: str) -> set[bytes]:
        """Addresses that DNS gave for a name; a bare host name matches its first label."""
        wanted = host_name.lower().rstrip(".")
        exact = self._addresses.get(wanted)
        if exact:
            return exact
        if "." in wanted:
            return set()
        return {address for name, all_ in self._addresses.items() if name.split(".")[0] == wanted for address in all_}

    def lookups_of(self, host_name: str) -> list[Lookup]:
        """Questions for a name; a bare host name matches its first label."""
        wanted = host_name.lower().rstrip(".")
        return [
            one
            for one in self.lookups
            if one.name == wanted or ("." not in wanted and one.name.split(".")[0] == wanted)
        ]

    @cached_property
    def _solicited(self) -> tuple[dict[bytes, list[Note]], dict[bytes, list[int]]]:
        """Neighbour questions by target, and the times at which each address answered or spoke."""
        from analyzer.decode import notes as decode

        asked: dict[bytes, list[Note]] = defaultdict(list)
        heard: dict[bytes, list[int]] = defaultdict(list)
        for note in self._notes(NoteKind.ARP):
            arp = decode.parse_arp(note)
            if arp is None:
                continue
            if arp.operation == 1:
                asked[arp.target].append(note)
            heard[arp.sender].append(note.ts_ns)
        for note in self._notes(NoteKind.NEIGHBOUR):
            message = decode.parse_neighbour(note)
            if message is None:
                continue
            if not message.is_advertisement:
                asked[message.target].append(note)
            else:
                heard[message.target].append(note.ts_ns)
        return asked, heard

    def neighbour_questions(self, packed: bytes, around_ns: int, within_ns: int) -> tuple[list[Note], bool]:
        """ARP requests or solicitations for an address near a time, and whether any was answered."""
        asked, heard = self._solicited
        near = [note for note in asked.get(packed, ()) if abs(note.ts_ns - around_ns) <= within_ns]
        if not near:
            return [], False
        times = heard.get(packed, [])
        answered = bisect_right(times, near[-1].ts_ns + 2 * NS) > bisect_left(times, near[0].ts_ns)
        return near, answered

    def unanswered_neighbours(self, around_ns: int, within_ns: int) -> dict[bytes, list[Note]]:
        """Addresses asked for near a time that never answered, with the questions."""
        asked, _ = self._solicited
        found: dict[bytes, list[Note]] = {}
        for target in asked:
            near, answered = self.neighbour_questions(target, around_ns, within_ns)
            if len(near) >= 2 and not answered:
                found[target] = near
        return found

    @cached_property
    def ftp_announcements(self) -> dict[Endpoint, list[Note]]:
        """Data endpoints that FTP control connections announced, with the announcing line."""
        from analyzer.decode import notes as decode

        found: dict[Endpoint, list[Note]] = defaultdict(list)
        for note in self._notes(NoteKind.FTP):
            endpoint = decode.parse_ftp_endpoint(note)
            if endpoint is not None:
                found[endpoint].append(note)
        return found

    @cached_property
    def ftp_cut_announcements(self) -> tuple[Note, ...]:
        """Replies 227 and 229 whose endpoint the capture's snap length cut off."""
        return tuple(
            note
            for note in self._notes(NoteKind.FTP)
            if note.payload[:3] in (b"227", b"229") and b")" not in note.payload and b"\n" not in note.payload
        )

    def ftp_refusals(self, flow: Flow) -> tuple[Note, ...]:
        """Return the replies of an FTP server that it can open no data connection (425, RFC 959 §5.4)."""
        server, client = flow.responder.endpoint.packed, flow.initiator.endpoint.packed
        return tuple(
            note
            for note in self._notes(NoteKind.FTP)
            if note.payload[:3] == b"425"
            and (note.source, note.destination) == (server, client)
            and flow.first_ns <= note.ts_ns <= flow.last_ns
        )

    def attempt_times(self, endpoint: Endpoint) -> list[int]:
        """Return the times of connection attempts to an endpoint, sorted."""
        flows = self.capture.flows
        return sorted(flows.began(index) for index in self.to_responder(endpoint).indexes if flows.attempted(index))

    @cached_property
    def unnumbered(self) -> bool:
        """Any of the first flows that may deserve a diagnosis bears no sequence numbers."""
        return any(self.view(index).unnumbered for index in self.capture.flows.suspects()[:_SAMPLES])

    @cached_property
    def one_sided(self) -> bool:
        """No flow shows both of its halves though some carry data: the capture saw one direction only."""
        both, talking = self.capture.flows.sides()
        return talking and not both

    @cached_property
    def near_responders(self) -> bool:
        """Every flow whose round trips tell was captured near its responder: this is a server's view."""
        told = (self.view(row.index).captured_near_responder for row in islice(self.rows, 2 * _SAMPLES))
        known = [near for near in told if near is not None]
        return bool(known) and all(known)

    @cached_property
    def _claims(self) -> tuple[dict[bytes, set[bytes]], dict[bytes, list[tuple[int, int, bytes]]]]:
        """By IPv4 address who claimed it by ARP or was given it by DHCP, and by that link-layer address all it had."""
        from analyzer.decode import notes as decode

        links: dict[bytes, set[bytes]] = defaultdict(set)
        claims: dict[bytes, list[tuple[int, int, bytes]]] = defaultdict(list)
        for note in self._notes(NoteKind.ARP, NoteKind.DHCP):
            message = decode.parse_arp(note)
            if message is not None:
                link, address = message.sender_link, message.sender
            elif note.kind is NoteKind.DHCP and len(note.payload) >= 34 and note.payload[0] == 2:
                # An offer is no lease yet, but comes to the same host a moment before it.
                link, address = note.payload[28:34], note.payload[16:20]
            else:
                continue
            if any(address):
                links[address].add(link)
                claims[link].append((note.ts_ns, note.frame, address))
        return links, claims

    def links_of(self, packed: bytes) -> set[bytes]:
        """Link-layer addresses that claimed an IPv4 address."""
        return self._claims[0].get(packed, set())

    def claims_of(self, link: bytes) -> Sequence[tuple[int, int, bytes]]:
        """Return times, frames and IPv4 addresses that a link-layer address claimed or was given, in capture order."""
        return self._claims[1].get(link, ())

    def attempts_near(self, endpoint: Endpoint, around_ns: int, within_ns: int) -> int:
        """How many connection attempts an endpoint got near a time."""
        near = self.to_responder(endpoint).near(around_ns, within_ns)
        return sum(1 for index in near.indexes if self.capture.flows.attempted(index))

    @cached_property
    def icmp_hosts(self) -> set[bytes]:
        """Addresses that some ICMP error names as the destination it could not reach."""
        return {endpoint.packed for pair in self._icmp for endpoint in pair}

    @cached_property
    def asks_neighbours(self) -> bool:
        """Any ARP or neighbour discovery was captured."""
        return any(True for _ in self._notes(NoteKind.ARP, NoteKind.NEIGHBOUR))

    def between(self, hosts: set[bytes]) -> RowList:
        """Flows between two hosts, either of which opened them."""
        return self.index.between(hosts)
