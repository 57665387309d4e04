"""Many incidents, few causes: groups with one worked example, and findings that concern no single incident."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from analyzer.around.surroundings import Surroundings
from analyzer.endpoint import format_address
from analyzer.incidents.tie import Incident
from analyzer.report.model import Finding, GroupReport
from analyzer.units import NS, format_duration

__all__ = ["findings", "groups"]

_STORM_ATTEMPTS = 30
_MOST_HOSTS = 20
_PORT_RANGE = 16384

_KEEPALIVE_WOULD_HELP = (
    "firewall-idle-drop",
    "firewall-idle-reset",
    "ftp-control-idle-during-transfer",
    "keepalive-unanswered",
)


def groups(incidents: Sequence[Incident]) -> tuple[list[GroupReport], dict[int, str]]:
    """Group incidents of one cause to one server; return the groups and each member's group by position."""
    members: dict[tuple[str, str], list[int]] = defaultdict(list)
    for position, incident in enumerate(incidents):
        reading = incident.diagnosis.examination.reading
        event = incident.symptom.event
        server = ""
        if reading is not None:
            server = str(reading.flow.responder.endpoint)
        elif event is not None:
            server = event.endpoint_text or event.host_name or ""
        members[incident.diagnosis.cause, server].append(position)
    found: list[GroupReport] = []
    by_position: dict[int, str] = {}
    for (cause, server), positions in members.items():
        if len(positions) < 2:
            continue
        name = f"g{len(found) + 1}"
        times = [incidents[position].time_ns for position in positions]
        example = max(positions, key=lambda position: (incidents[position].diagnosis.score, -position))
        to = f" to {server}" if server else ""
        found.append(
            GroupReport(
                name,
                f"{len(positions):,} incidents of {cause}{to}",
                cause,
                tuple(str(position + 1) for position in positions),
                str(example + 1),
                min(times),
                max(times),
                _common(incidents, positions, times),
            )
        )
        by_position.update(dict.fromkeys(positions, name))
    return found, by_position


def _common(incidents: Sequence[Incident], positions: Sequence[int], times: Sequence[int]) -> str:
    parts: list[str] = []
    silences = [
        value
        for position in positions
        if isinstance(value := incidents[position].diagnosis.fact("silence_before_end"), int) and value >= 5 * NS
    ]
    if len(silences) == len(positions):
        low, high = min(silences), max(silences)
        if high - low <= max(2 * NS, high // 20):
            parts.append(
                f"Each follows a silence of the same length ({format_duration(low)} to {format_duration(high)})."
            )
        else:
            parts.append(f"The silences before them last {format_duration(low)} to {format_duration(high)}.")
    ordered = sorted(times)
    gaps = [later - earlier for earlier, later in pairwise(ordered) if later > earlier]
    if len(gaps) >= 3:
        median = sorted(gaps)[len(gaps) // 2]
        half = len(gaps) // 2
        early, late = sum(gaps[:half]) / half, sum(gaps[-half:]) / half
        trend = "at an even rate"
        if late < early / 2:
            trend = "becoming more frequent"
        elif late > early * 2:
            trend = "becoming rarer"
        parts.append(f"They come every {format_duration(median)} (median), {trend}.")
    return " ".join(parts)


def findings(incidents: Sequence[Incident], around: Surroundings) -> tuple[Finding, ...]:
    """Tell what concerns no single incident: reconnect storms, missing keepalives, inferred idle limits, ports."""
    if not incidents:
        return ()
    found = [*_storms(around), *_keepalives(incidents, around), *_idle_limits(incidents, around), *_ports(around)]
    return tuple(found)


def _field(packed: bytes, which: str) -> str:
    """Return the name of an address field in Wireshark's display filters."""
    return f"ip.{which}" if len(packed) == 4 else f"ipv6.{which}"


def _storms(around: Surroundings) -> Iterable[Finding]:
    for rows in around.index.rushes(_STORM_ATTEMPTS, 60 * NS):
        endpoint = rows[0].responder
        times = around.attempt_times(endpoint)
        start = 0
        most, when = 0, 0
        for end, time in enumerate(times):
            while time - times[start] > 60 * NS:
                start += 1
            if end - start + 1 > most:
                most, when = end - start + 1, start
        if most < _STORM_ATTEMPTS:
            continue
        attempts = sorted((row for row in rows if row.saw_syn), key=lambda row: row.first_ns)
        failed = sum(1 for row in attempts if not row.established or row.rsts)
        if failed >= most // 2:
            yield Finding(
                "reconnect-storm",
                f"Reconnect storm to {endpoint}",
                f"{most:,} connection attempts within a minute, {failed:,} of {len(attempts):,} in all failed or were "
                "reset. Reconnecting without a growing pause keeps a struggling server down; back off exponentially "
                "with jitter.",
                tuple(row.first_frame for row in attempts[when : when + 3]),
                around.capture.info.path,
                f"tcp.flags.syn == 1 && tcp.flags.ack == 0 && {_field(endpoint.packed, 'dst')} == {endpoint.address} "
                f"&& tcp.dstport == {endpoint.port}",
            )


def _keepalives(incidents: Sequence[Incident], around: Surroundings) -> Iterable[Finding]:
    bare: dict[bytes, list[int]] = defaultdict(list)
    slow: dict[bytes, list[tuple[int, int, int]]] = defaultdict(list)
    for position, incident in enumerate(incidents):
        diagnosis = incident.diagnosis
        if diagnosis.cause not in _KEEPALIVE_WOULD_HELP:
            continue
        reading = diagnosis.examination.reading
        if reading is None:
            continue
        host = reading.flow.initiator.endpoint.packed
        silence = diagnosis.fact("silence_before_end")
        interval = diagnosis.fact("keepalive_interval")
        if diagnosis.cause == "keepalive-unanswered" and diagnosis.fact("probes_never_answered") is not True:
            # They were answered before: that they come too rarely is not what ended it.
            continue
        if isinstance(interval, int) and isinstance(silence, int):
            if interval >= silence:
                slow[host].append((position, interval, silence))
        elif diagnosis.fact("keepalive_probes") == 0:
            bare[host].append(position)
    for host, positions in list(bare.items())[:_MOST_HOSTS]:
        name = format_address(host)
        yield Finding(
            "no-keepalive",
            f"{name} sends no keepalives",
            f"{_none_of(len(positions))} sent a TCP keepalive or a heartbeat. The operating system's default of 2 "
            "hours is longer than nearly every limit between two hosts.",
            capture=around.capture.info.path,
            filter=f"tcp.analysis.keep_alive && {_field(host, 'src')} == {name}",
            incidents=tuple(str(position + 1) for position in positions),
        )
    for host, cases in list(slow.items())[:_MOST_HOSTS]:
        interval, silence = min(case[1] for case in cases), min(case[2] for case in cases)
        yield Finding(
            "keepalive-longer-than-idle-limit",
            f"{format_address(host)} sends keepalives too rarely",
            f"Its keepalives come after {format_duration(interval)} of silence; connections died after "
            f"{format_duration(silence)}. Set them well below that.",
            capture=around.capture.info.path,
            incidents=tuple(str(case[0] + 1) for case in cases),
        )


def _idle_limits(incidents: Sequence[Incident], around: Surroundings) -> Iterable[Finding]:
    by_server: dict[str, list[tuple[int, Incident]]] = defaultdict(list)
    for position, incident in enumerate(incidents):
        reading = incident.diagnosis.examination.reading
        if reading is not None and incident.diagnosis.cause in (
            "firewall-idle-drop",
            "firewall-idle-reset",
            "server-idle-timeout",
            "stale-pooled-connection",
        ):
            by_server[str(reading.flow.responder.endpoint)].append((position, incident))
    doubtful: dict[str, str] = {}
    of_doubtful: list[str] = []
    for server, cases in list(by_server.items())[:_MOST_HOSTS]:
        # Not the shortest that any connection to the server died after: others may have died of something else.
        fatal = [v for _, one in cases if isinstance(v := one.diagnosis.fact("silence_before_end"), int)]
        lived = [v for _, one in cases if isinstance(v := one.diagnosis.fact("longest_survived_silence"), int)]
        if not fatal:
            continue
        high, low = min(fatal), max(lived, default=0)
        timed = cases[0][1].diagnosis.cause in ("server-idle-timeout", "stale-pooled-connection")
        flows = f"{len(cases)} connection{'s' if len(cases) > 1 else ''}"
        if low >= high:
            doubtful[server] = (
                f"A silence of {format_duration(low)} was survived and one of {format_duration(high)} was fatal: two "
                "devices, or a limit that depends on something else. No single limit explains both."
            )
            of_doubtful += (str(position + 1) for position, _ in cases)
            continue
        if timed:
            text = f"The server ends what was silent for {format_duration(high)} (measured on {flows})."
        elif low:
            text = (
                f"The limit lies between {format_duration(low)} (survived) and {format_duration(high)} (fatal), from "
                f"{flows} that died. A keepalive every {format_duration(max(low // 2, NS))} would have survived."
            )
        else:
            text = (
                f"The limit is at most {format_duration(high)}: no shorter silence was seen to compare it with "
                f"({flows}). A keepalive every {format_duration(max(high // 3, NS))} is a safe start."
            )
        yield Finding(
            "idle-limit-inferred",
            f"Idle limit on the way to {server}",
            text,
            capture=around.capture.info.path,
            incidents=tuple(str(position + 1) for position, _ in cases),
        )
    if doubtful:
        first, *others = doubtful
        more = f" So it is with {len(others)} more: {', '.join(others[:3])}" if others else ""
        yield Finding(
            "idle-limit-inferred",
            f"Idle limit on the way to {first}" + (f" and {len(others)} more" if others else ""),
            doubtful[first] + (f"{more}{' ...' if len(others) > 3 else '.'}" if others else ""),
            capture=around.capture.info.path,
            incidents=tuple(of_doubtful),
        )


def _ports(around: Surroundings) -> Iterable[Finding]:
    for rows in around.index.busiest_initiators(_PORT_RANGE * 9 // 10):
        used = {row.initiator.port for row in rows if row.saw_syn}
        if len(used) >= _PORT_RANGE * 9 // 10:
            yield Finding(
                "ephemeral-ports-exhausted",
                f"{rows[0].initiator.address} runs out of source ports",
                f"{len(used):,} different source ports were used; Windows has {_PORT_RANGE:,} by default and holds "
                "each for up to four minutes after a close.",
                capture=around.capture.info.path,
            )


def _none_of(connections: int) -> str:
    if connections == 1:
        return "The connection that went idle and died never"
    return f"None of its {connections} connections that went idle and died"
