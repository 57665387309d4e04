"""Tables that people take away: named, typed columns over flows, silences, resets and incidents.

A table is columns of plain Python values: instants are integer nanoseconds since 1970 in UTC, durations are seconds
(milliseconds where the name says so), ``frames`` are tuples of Wireshark's frame numbers. None is *not known*, never
zero. The dialects (`analyzer.report.tabular`, `analyzer.frames`) write every table in the same columns.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from analyzer.flows import layout as lay
from analyzer.flows.model import ACK, FIN, PSH, RST, SYN, URG, Flow
from analyzer.signals.protocol import Protocol, read_protocol
from analyzer.units import MS, NS
from analyzer.values import dataclass

if TYPE_CHECKING:
    from analyzer.capture.file import Capture
    from analyzer.report.model import Report

__all__ = [
    "FLOW_COLUMNS",
    "INCIDENT_COLUMNS",
    "RESET_COLUMNS",
    "SILENCE_COLUMNS",
    "Column",
    "Kind",
    "Table",
    "flow_table",
    "incident_table",
    "reset_table",
    "silence_table",
]

Kind = Literal["int", "float", "text", "flag", "time", "frames"]
Row = tuple[Any, ...]
Frames = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name is part of the contract ``notconn/1``, its meaning carries the unit."""

    name: str
    kind: Kind
    meaning: str


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length."""

    columns: tuple[Column, ...]
    values: Mapping[str, Sequence[Any]]
    """By column name."""

    def __len__(self) -> int:
        return len(self.values[self.columns[0].name])

    def rows(self) -> Iterator[Row]:
        """Yield the rows, cells in the order of the columns."""
        return zip(*(self.values[column.name] for column in self.columns), strict=True)


def _columns(text: str) -> tuple[Column, ...]:
    """Read ``name kind meaning`` lines."""
    found = []
    for line in text.strip().splitlines():
        name, kind, meaning = line.split(None, 2)
        found.append(Column(name, kind, meaning))  # type: ignore[arg-type]
    return tuple(found)


FLOW_COLUMNS = _columns("""
stream                      int     Wireshark's tcp.stream in that capture
capture                     text    path of the capture
client                      text    endpoint that opened the connection, as far as known
server                      text    endpoint that accepted it
initiator_from              text    how the client was told: syn, syn-ack, port or first-packet
first_frame                 int     number of the first packet
last_frame                  int     number of the last packet
first                       time    when the first packet was captured
last                        time    when the last packet was captured
duration_s                  float   from the first packet to the last, in seconds
packets                     int     packets of both halves
client_packets              int     packets that the client sent
server_packets              int     packets that the server sent
payload_bytes               int     payload of both halves, retransmissions included
client_payload_bytes        int     payload that the client sent, retransmissions included
server_payload_bytes        int     payload that the server sent, retransmissions included
verdict                     text    Zeek's conn_state: S0, S1, SF, REJ, S2, S3, RSTO, RSTR, RSTOS0, RSTRH, SH, SHR, OTH
history                     text    Zeek's history letters, upper case for the client
handshake_ms                float   from the first SYN to the first SYN-ACK, in milliseconds
longest_silence_s           float   longest time without a packet, in seconds; unknown below 1 s in long connections
longest_silence_frame       int     the packet that ended it
syn_frames                  frames  packets with SYN, as far as kept
fin_frames                  frames  packets with FIN, as far as kept
rst_frames                  frames  packets with RST, as far as kept
fins                        int     packets with FIN, all of them
rsts                        int     packets with RST, all of them
client_retransmitted_bytes  int     payload that the client sent more than once
server_retransmitted_bytes  int     payload that the server sent more than once
client_missing_bytes        int     payload of the client that the capture lacks
server_missing_bytes        int     payload of the server that the capture lacks
keepalives                  int     TCP keepalive probes of both halves
zero_windows                int     segments of both halves that announced a window of zero
protocol                    text    what the first bytes say, such as tls, http or ftp
reused_ports                flag    an earlier connection of the capture had the same addresses and ports
""")

SILENCE_COLUMNS = _columns("""
stream                      int     Wireshark's tcp.stream in that capture
capture                     text    path of the capture
client                      text    endpoint that opened the connection, as far as known
server                      text    endpoint that accepted it
start                       time    when the last packet before the silence was captured
end                         time    when the packet that ended it was captured
duration_s                  float   seconds without a packet in either half
before_frame                int     the last packet before
before_from                 text    who sent it: client or server
after_frame                 int     the packet that ended the silence
after_from                  text    who sent it: client or server
after_flags                 text    its TCP flags
after_payload_bytes         int     its payload
answer_frame                int     the first later packet of the other half; none when it never came
answer_flags                text    the TCP flags of that packet
answer_after_s              float   seconds from the packet that ended the silence to that answer
""")

RESET_COLUMNS = _columns("""
stream                      int     Wireshark's tcp.stream in that capture
capture                     text    path of the capture
client                      text    endpoint that opened the connection, as far as known
server                      text    endpoint that accepted it
frame                       int     number of the RST
time                        time    when it was captured
claimed_by                  text    whose address it carries: client or server
origin                      text    who is likely to have sent it: endpoint, middlebox or undetermined
weight                      float   strength behind origin: positive for a middlebox, negative for the endpoint
reasons                     text    what speaks for that
form                        text    refuses-syn, no-state, abort or other
answers_frame               int     the packet that it answers
delay_ms                    float   from that packet, in milliseconds
exact                       flag    its sequence number is exactly the one expected
ttl                         int     its IPv4 time to live or IPv6 hop limit
ttl_delta                   int     its TTL less the nearest usual TTL of the same host
window                      int     its window, as on the wire
""")

INCIDENT_COLUMNS = _columns("""
id                          text    number of the incident in the report
source                      text    where it was learned of: log, capture or call
time                        time    of the error if known, else of the decisive packet
cause                       text    id of the root cause
confidence                  text    high, medium or low
score                       float   the number behind the confidence, 0 to 1
culprit                     text    client, server, middlebox, path, application or unknown
capture                     text    path of the capture
stream                      int     Wireshark's tcp.stream in that capture
client                      text    endpoint that opened the connection
server                      text    endpoint that accepted it
frames                      frames  packets that prove it
title                       text    the verdict in one sentence
summary                     text    what happened
owner                       text    who has to act
alternatives                text    other causes that were weighed, likeliest first
log_path                    text    the log that records the error
log_line                    int     its line there
log_call                    text    the socket call that failed
log_code                    int     the error's code
group                       text    the group of like incidents that it belongs to
""")

_LETTERS = "SHADFRW"
_FLAGS = ((SYN, "SYN"), (FIN, "FIN"), (RST, "RST"), (PSH, "PSH"), (ACK, "ACK"), (URG, "URG"))


def _table(columns: tuple[Column, ...], rows: Iterable[Row]) -> Table:
    cells = list(zip(*rows, strict=True)) or [()] * len(columns)
    return Table(columns, {column.name: list(values) for column, values in zip(columns, cells, strict=True)})


def flow_table(captures: Iterable[Capture]) -> Table:
    """Return one row for each flow of each capture, in `FLOW_COLUMNS`."""
    found: dict[str, list[Any]] = {column.name: [] for column in FLOW_COLUMNS}
    for capture in captures:
        for name, cells in _flow_cells(capture).items():
            found[name] += cells
    return Table(FLOW_COLUMNS, found)


def _flow_cells(capture: Capture) -> dict[str, Sequence[Any]]:
    """Return whole columns of one capture: of a million flows, objects for the segments would cost the most by far."""
    flows = capture.flows
    rows, marks = flows.outline()
    count = len(flows)

    def words(word: int) -> list[int]:
        return rows[word : count * lay.O_STRIDE : lay.O_STRIDE].tolist()

    def known(word: int) -> list[int | None]:
        return [None if value < 0 else value for value in words(word)]

    def sums(word: int) -> list[int]:
        return [a + b for a, b in zip(words(word), words(word + 1), strict=True)]

    def per(word: int, unit: int) -> list[float | None]:
        return [None if value < 0 else value / unit for value in words(word)]

    ends = [flows.ends(index) for index in range(count)]
    firsts, lasts = words(lay.O_FIRST_NS), words(lay.O_LAST_NS)
    marked = list(_marked(words(lay.O_MARKS), marks))
    protocols = (
        read_protocol(client, server, responder.port)
        for (client, server), (_, responder) in zip(flows.heads(), ends, strict=True)
    )
    stories = words(lay.O_HISTORY)
    histories = {word: _history(word) for word in set(stories)}
    return {
        "stream": words(lay.O_STREAM),
        "capture": [capture.info.path] * count,
        "client": [str(client) for client, _ in ends],
        "server": [str(server) for _, server in ends],
        "initiator_from": [flows.initiator_from(index).value for index in range(count)],
        "first_frame": words(lay.O_FIRST_FRAME),
        "last_frame": words(lay.O_LAST_FRAME),
        "first": firsts,
        "last": lasts,
        "duration_s": [(last - first) / NS for first, last in zip(firsts, lasts, strict=True)],
        "packets": sums(lay.O_PACKETS),
        "client_packets": words(lay.O_PACKETS),
        "server_packets": words(lay.O_OTHER_PACKETS),
        "payload_bytes": sums(lay.O_BYTES),
        "client_payload_bytes": words(lay.O_BYTES),
        "server_payload_bytes": words(lay.O_OTHER_BYTES),
        "verdict": [flows.verdict(index) for index in range(count)],
        "history": [histories[word] for word in stories],
        "handshake_ms": per(lay.O_HANDSHAKE, MS),
        "longest_silence_s": per(lay.O_SILENCE, NS),
        "longest_silence_frame": known(lay.O_SILENCE_FRAME),
        "syn_frames": [syns for syns, _, _ in marked],
        "fin_frames": [fins for _, fins, _ in marked],
        "rst_frames": [rsts for _, _, rsts in marked],
        "fins": words(lay.O_FINS),
        "rsts": words(lay.O_RSTS),
        "client_retransmitted_bytes": known(lay.O_RETRANSMITTED),
        "server_retransmitted_bytes": known(lay.O_OTHER_RETRANSMITTED),
        "client_missing_bytes": known(lay.O_MISSING),
        "server_missing_bytes": known(lay.O_OTHER_MISSING),
        "keepalives": words(lay.O_KEEPALIVES),
        "zero_windows": words(lay.O_ZERO_WINDOWS),
        "protocol": [None if one is Protocol.UNKNOWN else one.value for one in protocols],
        "reused_ports": [bool(word) for word in words(lay.O_REUSED)],
    }


def _marked(counts: Sequence[int], marks: array[int]) -> Iterator[tuple[Frames, Frames, Frames]]:
    """Yield the frames with SYN, FIN and RST of each flow."""
    at = 0
    for count in counts:
        of_flow = marks[at : at + count]
        at += count
        yield (
            tuple([mark >> lay.MARK_SHIFT for mark in of_flow if mark & lay.MARK_SYN]),
            tuple([mark >> lay.MARK_SHIFT for mark in of_flow if mark & lay.MARK_FIN]),
            tuple([mark >> lay.MARK_SHIFT for mark in of_flow if mark & lay.MARK_RST]),
        )


def _history(word: int) -> str:
    """Write Zeek's letters of a history word whose sides were turned, upper case for the initiator."""
    letters = ""
    while word & 15:
        code = (word & 15) - 1
        letters += _LETTERS[code >> 1] if not code & 1 else _LETTERS[code >> 1].lower()
        word >>= 4
    return letters


def silence_table(captures: Iterable[Capture]) -> Table:
    """Return the longest silences (of at least a second) of each flow, longest first, in `SILENCE_COLUMNS`."""
    flows = ((flow, capture) for capture in captures for flow in capture.flows)
    return _table(SILENCE_COLUMNS, (row for flow, capture in flows for row in _silences(flow, capture)))


def _silences(flow: Flow, capture: Capture) -> Iterator[Row]:
    for silence in flow.silences:
        yield (
            flow.stream,
            capture.info.path,
            str(flow.initiator.endpoint),
            str(flow.responder.endpoint),
            silence.before_ns,
            silence.after_ns,
            silence.duration_ns / NS,
            silence.before_frame,
            _side(silence.before_from_initiator),
            silence.after_frame,
            _side(silence.after_from_initiator),
            _flag_names(silence.after_flags),
            silence.after_payload_len,
            silence.answer_frame,
            None if silence.answer_flags is None else _flag_names(silence.answer_flags),
            None if silence.answer_ns is None else (silence.answer_ns - silence.after_ns) / NS,
        )


def _side(from_initiator: bool) -> str:
    return "client" if from_initiator else "server"


def _flag_names(flags: int) -> str:
    return " ".join(name for bit, name in _FLAGS if flags & bit)


def reset_table(captures: Iterable[Capture]) -> Table:
    """Return every kept RST of each flow, judged by `analyzer.signals.reset`, in `RESET_COLUMNS`."""
    return _table(RESET_COLUMNS, (row for capture in captures for row in _resets(capture)))


def _resets(capture: Capture) -> Iterator[Row]:
    from analyzer.around.surroundings import Surroundings
    from analyzer.signals.reset import read_resets

    around = Surroundings(capture)
    for flow in capture.flows:
        if not (flow.initiator.rsts or flow.responder.rsts):
            continue
        baselines = {by: around.baseline(flow.half(by).endpoint.packed, without=flow.index) for by in (True, False)}
        for reset in read_resets(around.view(flow.index), baselines):
            yield (
                flow.stream,
                capture.info.path,
                str(flow.initiator.endpoint),
                str(flow.responder.endpoint),
                reset.segment.frame,
                reset.segment.ts_ns,
                _side(reset.segment.from_initiator),
                reset.origin.value,
                reset.weight,
                "; ".join(reset.reasons),
                reset.form.value,
                None if reset.answers is None else reset.answers.frame,
                None if reset.delay_ns is None else reset.delay_ns / MS,
                reset.exact,
                reset.segment.ttl,
                reset.ttl_delta,
                reset.segment.window,
            )


def incident_table(report: Report) -> Table:
    """Return one row for each incident of a report, in report order, in `INCIDENT_COLUMNS`."""
    return _table(
        INCIDENT_COLUMNS,
        (
            (
                one.id,
                one.source,
                one.time_ns,
                one.cause,
                one.confidence,
                one.score,
                one.culprit,
                one.capture,
                one.stream,
                one.client,
                one.server,
                tuple(sorted({frame for evidence in one.evidence for frame in evidence.frames})),
                one.title,
                one.summary,
                one.owner,
                ", ".join(other.cause for other in one.alternatives),
                None if one.log is None else one.log.path,
                None if one.log is None else one.log.line,
                None if one.log is None else one.log.call,
                None if one.log is None else one.log.code,
                one.group,
            )
            for one in report.incidents
        ),
    )
