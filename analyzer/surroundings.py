"""What else the capture shows around one flow: its hosts' other flows, name lookups, ICMP errors, neighbours.

Everything is built at first use: a healthy capture never pays for it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from analyzer.capture.model import Note, NoteKind
from analyzer.decode import notes as decode
from analyzer.endpoint import Endpoint
from analyzer.flows.model import Flow
from analyzer.signals.wire import WireView
from analyzer.units import NS

if TYPE_CHECKING:
    from analyzer.capture.file import Capture
    from analyzer.flows.table import FlowRow

__all__ = ["IcmpHit", "Lookup", "Surroundings"]

_LOOKUP_PATIENCE_NS = 15 * NS
"""A resolver gives a question up within this time (Windows asks for about 12 s over its servers)."""
_TTL_SAMPLES = 12


@dataclass(frozen=True, slots=True)
class Lookup:
    """One DNS question (a name and type, repeats joined) and its outcome."""

    name: str
    query_type: int
    client: bytes
    asked_ns: int
    frames: tuple[int, ...]
    """Of the questions and answers."""
    answered_ns: int | None
    response_code: int | None
    addresses: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class IcmpHit:
    """An ICMP error that quotes a packet of a flow."""

    note: Note
    error: decode.IcmpError

    @property
    def kind(self) -> str:
        """The word that the vocabulary uses (RFC 792, RFC 1812 §5.2.7.1, RFC 4443 §3.1)."""
        code = self.error.code
        if self.error.version == 6:
            if self.error.type == 2:
                return "fragmentation-needed"
            if self.error.type == 3:
                return "time-exceeded"
            names = {0: "net-unreachable", 1: "admin-prohibited", 3: "host-unreachable", 4: "port-unreachable"}
            names |= {2: "net-unreachable", 5: "admin-prohibited", 6: "admin-prohibited"}
            return names.get(code, "other") if self.error.type == 1 else "other"
        if self.error.type == 11:
            return "time-exceeded"
        if self.error.type != 3:
            return "other"
        names = {2: "protocol-unreachable", 3: "port-unreachable", 4: "fragmentation-needed"}
        if code in names:
            return names[code]
        if code in (9, 10, 13):
            return "admin-prohibited"
        return "net-unreachable" if code in (0, 5, 6, 11) else "host-unreachable"


class Surroundings:
    """Questions about a capture that no single flow answers."""

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self._flows: dict[int, Flow] = {}
        self._views: dict[int, WireView] = {}
        self._ttls: dict[bytes, tuple[int, ...]] = {}

    def flow(self, index: int) -> Flow:
        """The flow at ``index`` of the capture's table, built once."""
        flow = self._flows.get(index)
        if flow is None:
            if len(self._flows) > 4096:
                self._flows.clear()
                self._views.clear()
            flow = self._flows[index] = self.capture.flows.flow(index)
        return flow

    def view(self, index: int) -> WireView:
        """The flow without the capture's own copies of packets, built once."""
        view = self._views.get(index)
        if view is None:
            view = self._views[index] = WireView.of(self.flow(index))
        return view

    @cached_property
    def rows(self) -> Sequence[FlowRow]:
        """One light row a flow."""
        return self.capture.flows.rows()

    @cached_property
    def _by_responder(self) -> dict[Endpoint, list[FlowRow]]:
        found: dict[Endpoint, list[FlowRow]] = defaultdict(list)
        for row in self.rows:
            found[row.responder].append(row)
        return found

    @cached_property
    def _by_responder_host(self) -> dict[bytes, list[FlowRow]]:
        found: dict[bytes, list[FlowRow]] = defaultdict(list)
        for row in self.rows:
            found[row.responder.packed].append(row)
        return found

    @cached_property
    def _by_initiator_host(self) -> dict[bytes, list[FlowRow]]:
        found: dict[bytes, list[FlowRow]] = defaultdict(list)
        for row in self.rows:
            found[row.initiator.packed].append(row)
        return found

    def to_responder(self, endpoint: Endpoint) -> Sequence[FlowRow]:
        """Flows that lead to ``endpoint``, in capture order."""
        return self._by_responder.get(endpoint, ())

    def to_host(self, packed: bytes) -> Sequence[FlowRow]:
        """Flows that lead to any port of a host."""
        return self._by_responder_host.get(packed, ())

    def from_host(self, packed: bytes) -> Sequence[FlowRow]:
        """Flows that a host opened."""
        return self._by_initiator_host.get(packed, ())

    def on_port(self, port: int) -> list[FlowRow]:
        """Flows to any host on a port."""
        return [row for endpoint, rows in self._by_responder.items() if endpoint.port == port for row in rows]

    def usual_ttls(self, packed: bytes, *, without: int) -> tuple[int, ...]:
        """TTLs of a host's packets in other flows than ``without``, RSTs aside."""
        known = self._ttls.get(packed)
        if known is not None:
            return known
        seen: dict[int, int] = defaultdict(int)
        sampled = 0
        for row in self.to_host(packed):
            if row.index != without and row.responder_packets:
                for ttl, count in self.flow(row.index).responder.ttl_modes:
                    seen[ttl] += count
                sampled += 1
                if sampled >= _TTL_SAMPLES:
                    break
        for row in self.from_host(packed):
            if sampled >= 2 * _TTL_SAMPLES:
                break
            if row.index != without and row.initiator_packets:
                for ttl, count in self.flow(row.index).initiator.ttl_modes:
                    seen[ttl] += count
                sampled += 1
        ranked = sorted(seen, key=lambda ttl: -seen[ttl])[:3]
        self._ttls[packed] = tuple(ranked)
        return self._ttls[packed]

    def _notes(self, *kinds: NoteKind) -> Iterable[Note]:
        return (note for note in self.capture.notes if note.kind in kinds)

    @cached_property
    def _icmp(self) -> dict[frozenset[Endpoint], list[IcmpHit]]:
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
    def icmp_streams(self) -> set[frozenset[Endpoint]]:
        """Pairs of endpoints that some ICMP error quotes."""
        return set(self._icmp)

    @cached_property
    def lookups(self) -> Sequence[Lookup]:
        """Every DNS question, in the order asked."""
        open_: dict[tuple[bytes, str, int], list[object]] = {}
        done: list[list[object]] = []
        for note in self._notes(NoteKind.DNS):
            message = decode.parse_dns(note)
            if message is None or not message.name:
                continue
            client = note.destination if message.is_response else note.source
            key = (client, message.name, message.query_type)
            entry = open_.get(key)
            if not message.is_response:
                if entry is not None and entry[5] is None and note.ts_ns - int(entry[8]) < _LOOKUP_PATIENCE_NS:  # type: ignore[call-overload]
                    entry[4].append(note.frame)  # type: ignore[attr-defined]
                    entry[8] = note.ts_ns
                    continue
                entry = [message.name, message.query_type, client, note.ts_ns, [note.frame], None, None, (), note.ts_ns]
                open_[key] = entry
                done.append(entry)
            else:
                if entry is None:
                    entry = [message.name, message.query_type, client, note.ts_ns, [], None, None, (), note.ts_ns]
                    done.append(entry)
                    open_[key] = entry
                entry[4].append(note.frame)  # type: ignore[attr-defined]
                if entry[5] is None or entry[6]:
                    entry[5], entry[6], entry[7] = note.ts_ns, message.response_code, message.addresses
        return [
            Lookup(e[0], e[1], e[2], e[3], tuple(e[4]), e[5], e[6], e[7])  # type: ignore[arg-type]
            for e in done
        ]

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
        return [one for one in self.lookups if one.name == wanted or ("." not in wanted and one.name.split(".")[0] == wanted)]

    @cached_property
    def _solicited(self) -> tuple[dict[bytes, list[Note]], dict[bytes, list[int]]]:
        """Neighbour questions by target, and the times at which each address answered or spoke."""
        asked: dict[bytes, list[Note]] = defaultdict(list)
        heard: dict[bytes, list[int]] = defaultdict(list)
        for note in self._notes(NoteKind.ARP):
            arp = decode.parse_arp(note)
            if arp is None:
                continue
            if arp.is_request:
                asked[arp.target_address].append(note)
            heard[arp.sender_address].append(note.ts_ns)
        for note in self._notes(NoteKind.NEIGHBOUR):
            message = decode.parse_neighbour(note)
            if message is None:
                continue
            if message.is_solicitation:
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
        found: dict[Endpoint, list[Note]] = defaultdict(list)
        for note in self._notes(NoteKind.FTP):
            endpoint = decode.parse_ftp_endpoint(note)
            if endpoint is not None:
                found[endpoint].append(note)
        return found

    @cached_property
    def attempt_times(self) -> dict[Endpoint, list[int]]:
        """Times of connection attempts by responder endpoint, sorted."""
        found: dict[Endpoint, list[int]] = defaultdict(list)
        for row in self.rows:
            if row.saw_syn:
                found[row.responder].append(row.first_ns)
        return {endpoint: sorted(times) for endpoint, times in found.items()}

    def attempts_near(self, endpoint: Endpoint, around_ns: int, within_ns: int) -> int:
        """How many connection attempts an endpoint got near a time."""
        times = self.attempt_times.get(endpoint, [])
        return bisect_right(times, around_ns + within_ns) - bisect_left(times, around_ns - within_ns)
