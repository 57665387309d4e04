"""Ties the lines of a log to moments of a capture, so that the offset of their clocks can be inferred."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer.around.surroundings import Surroundings
from analyzer.endpoint import Endpoint, parse_address
from analyzer.flows.model import FIN, RST
from analyzer.flows.rows import FlowRow
from analyzer.incidents.clock import Anchor, ClockFit, fit_clock
from analyzer.incidents.diagnose import Examiner
from analyzer.logs.model import LogEvent, LogFile

__all__ = ["align", "peers_of", "rows_of"]

_MOST_EVENTS = 400
_MOST_FLOWS = 200
_MOST_SEARCHED = 2000
"""Errors up to which each is worth a search through the whole log for the connection it may mean."""
_LEEWAY_NS = 600_000_000_000
_REFUSED, _RESET, _ABORTED = 10061, 10054, 10053
_UNREACHABLE = (10065, 10051)
_TELLING = (10061, 10054, 10065, 10051)
"""Errors whose packet is seen at the same moment."""
_FTP_DATA = 20
"""The port from which an FTP server connects to its client (RFC 959 §3.2)."""
_NAME_CODES = (11001, 11002, 11003, 11004)


def align(log: LogFile, examiner: Examiner) -> ClockFit:
    """Infer the offset between a log's clock and the capture's."""
    anchors: list[Anchor] = []
    timed = [event for event in log.events if event.time_ns is not None]
    step = max(1, len(timed) // _MOST_EVENTS)
    for number, event in enumerate(timed[::step]):
        assert event.time_ns is not None
        for wire_ns, weight in _moments(event, log, examiner):
            anchors.append(Anchor(number, event.time_ns, wire_ns, weight, event.time_resolution_ns))
    info = examiner.around.capture.info
    span = (info.first_ns, info.last_ns) if info.first_ns is not None and info.last_ns is not None else None
    errors = [event.time_ns for event in timed if event.kind == "error" and event.time_ns is not None]
    resolution = max((event.time_resolution_ns for event in timed), default=1_000_000)
    fit = fit_clock(anchors, zone_known=log.zone_known, log_times=errors, span=span, resolution_ns=resolution)
    if log.zone_known and span is not None and not fit.anchors and errors and not _any_inside(errors, span):
        # A log may name a zone it does not write in ("Z" after local time). Packets that agree are better witnesses,
        # and errors that all fall into the capture once a whole zone is taken off are no accident either.
        other = fit_clock(anchors, zone_known=False, log_times=errors, span=span, resolution_ns=resolution)
        if other.anchors or _any_inside([time - other.offset_ns for time in errors], span):
            return other
    return fit


def _any_inside(times: list[int], span: tuple[int, int]) -> bool:
    return any(span[0] - _LEEWAY_NS <= time <= span[1] + _LEEWAY_NS for time in times)


def peers_of(event: LogEvent, log: LogFile | None, around: Surroundings) -> tuple[set[Endpoint], tuple[str, ...], bool]:
    """Return the endpoints a log event may speak of, the names it uses, and whether the event itself named them.

    A line that names nothing inherits what the nearest lines before it name.
    """
    found, names = _named(event, around)
    if found or names or event.port is not None or event.local_port is not None:
        return found, names, True
    if log is None:
        return set(), (), False
    for other in reversed(log.context(event)):
        found, names = _named(other, around)
        if other.kind == "prior" and other.call == "connect" and not found and not names:
            # A connect failed just before, and nobody says where to: it is no connection that an older line made.
            return set(), (), False
        if found or names:
            return found, names, False
    made = log.connection(event) if log.errors_seen <= _MOST_SEARCHED else None
    if made is not None:
        found, names = _named(made, around)
    return found, names, False


def _named(event: LogEvent, around: Surroundings) -> tuple[set[Endpoint], tuple[str, ...]]:
    if event.remote is not None:
        return {event.remote}, ()
    if event.host_name is None:
        return set(), ()
    packed = parse_address(event.host_name)
    addresses = {packed} if packed is not None else around.addresses_of(event.host_name)
    if event.port is not None:
        return {Endpoint(address, event.port) for address in addresses}, (event.host_name,)
    ports = {Endpoint(address, row.responder.port) for address in addresses for row in around.to_host(address)}
    return ports, (event.host_name,)


def rows_of(event: LogEvent, peers: set[Endpoint], around: Surroundings) -> list[int]:
    """Indexes of the flows that an event's endpoints, ports and local port allow."""
    rows = [row for peer in peers for row in around.to_responder(peer)]
    if not peers and event.host_name is None and event.port is not None:
        rows = list(around.on_port(event.port))
    if not rows and peers:
        # The program may be the server: its "remote" is then the initiator of the flow.
        rows = [row for peer in peers for row in around.from_host(peer.packed) if row.initiator == peer]
    if not rows and peers:
        rows = _control_connections(peers, around)
    local = event.local_port
    if local is not None:
        narrowed = [row for row in rows if row.initiator.port == local]
        if narrowed or rows:
            rows = narrowed or rows
        elif not peers:
            rows = [row for row in around.rows if local in (row.initiator.port, row.responder.port)]
    return [row.index for row in (*rows, *_data_connections(rows, around))]


def _control_connections(peers: set[Endpoint], around: Surroundings) -> list[FlowRow]:
    """FTP control connections to hosts of which a line names the data port only: no data connection reached them."""
    announced = around.ftp_announcements
    spoken = {frozenset((note.source, note.destination)) for notes in announced.values() for note in notes}
    return [
        row
        for peer in peers
        if peer.port == _FTP_DATA or peer in announced
        for row in around.to_host(peer.packed)
        if row.responder.port != peer.port and frozenset((row.initiator.packed, row.responder.packed)) in spoken
    ]


def _data_connections(rows: Sequence[FlowRow], around: Surroundings) -> list[FlowRow]:
    """Flows that an FTP control connection among ``rows`` announced: a line that names the one may mean the other."""
    if not around.ftp_announcements:
        return []
    known = {row.index for row in rows}
    spoken = {frozenset((row.initiator.packed, row.responder.packed)) for row in rows}
    return [
        data
        for endpoint, notes in around.ftp_announcements.items()
        if any(frozenset((note.source, note.destination)) in spoken for note in notes)
        for data in around.to_responder(endpoint)
        if data.index not in known
    ]


def _moments(event: LogEvent, log: LogFile, examiner: Examiner) -> Iterator[tuple[int, float]]:
    around = examiner.around
    if event.action == "resolving" or event.code in _NAME_CODES:
        yield from _lookup_moments(event, around)
        return
    peers, _, own = peers_of(event, log, around)
    if not peers and event.local_port is None and event.port is None:
        if event.code in _TELLING:
            for index in around.capture.flows.suspects()[:_MOST_FLOWS]:
                for wire_ns, weight in _flow_moments(event, index, examiner):
                    yield wire_ns, weight * 0.4
        return
    trust = 1.0 if own else 0.6
    rows = rows_of(event, peers, around)
    for index in rows[:: max(1, len(rows) // _MOST_FLOWS)]:
        for wire_ns, weight in _flow_moments(event, index, examiner):
            yield wire_ns, weight * trust


def _lookup_moments(event: LogEvent, around: Surroundings) -> Iterator[tuple[int, float]]:
    name = event.host_name
    lookups = around.lookups_of(name) if name is not None and parse_address(name) is None else around.lookups
    for lookup in lookups:
        if event.action == "resolving":
            yield lookup.asked_ns, 0.9 if name is not None else 0.5
        elif not lookup.addresses:
            yield lookup.answered_ns or lookup.asked_ns, 0.9 if name is not None else 0.6


def _flow_moments(event: LogEvent, index: int, examiner: Examiner) -> Iterator[tuple[int, float]]:
    reading = examiner.reading(index)
    opening, view = reading.opening, reading.view
    if event.action == "connecting" and opening.syns:
        # At the server the first SYN to arrive may be a later one than was sent first.
        yield opening.syns[0].ts_ns, 0.25 if view.captured_near_responder else 0.9
    elif event.action == "connected" or (event.action == "tls" and event.kind == "lifecycle"):
        if opening.syn_acks:
            yield (opening.final_ack or opening.syn_acks[0]).ts_ns, 1.0
    elif event.action == "closing":
        for segment in view.initiator:
            if segment.has(FIN | RST):
                yield segment.ts_ns, 0.8
                break
    elif event.action in ("closed-by-peer", "eof"):
        for segment in view.responder:
            if segment.has(FIN | RST):
                yield segment.ts_ns, 0.6
                break
    elif event.code == _REFUSED:
        if opening.reset is not None:
            yield opening.reset.ts_ns, 0.9
    elif event.code in (_RESET, _ABORTED):
        for reset in reading.resets[:2]:
            if not reset.segment.from_initiator:
                yield reset.segment.ts_ns, 0.8 if event.code == _RESET else 0.5
    elif event.code in _UNREACHABLE:
        for hit in examiner.around.icmp_errors(reading.flow)[:1]:
            yield hit.note.ts_ns, 0.8
    elif event.kind == "error" and reading.established and reading.ending.decisive is not None:
        yield reading.ending.decisive.ts_ns, 0.25
