"""Many incidents, few causes; and what concerns no single incident."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from analyzer.account.grouping import findings, groups
from analyzer.around.surroundings import Surroundings
from analyzer.incidents.tie import Incident, from_capture
from analyzer.report.model import Finding
from analyzer.units import MS, NS
from tests.conversations import guilty, ordinary
from tests.reading import Part, examiner_of
from tests.wire import Captured, Conversation, write_pcap

START = Conversation().now


def incidents_of(*parts: Part) -> tuple[list[Incident], Surroundings]:
    examiner = examiner_of(*parts)
    found, _, _ = from_capture(examiner)
    return found, examiner.around


def findings_of(*parts: Part) -> dict[str, Finding]:
    return {one.id: one for one in findings(*incidents_of(*parts))}


def with_port(conv: Conversation, port: int, later_ns: int = 0) -> list[Captured]:
    """The same packets from another source port: bytes are changed, so that thousands cost little."""
    return [(at + later_ns, _ported(frame, port)) for at, frame in conv.packets]


def _ported(frame: bytes, port: int) -> bytes:
    if frame[26:30] == b"\x0a\x00\x00\x05":
        return frame[:34] + port.to_bytes(2, "big") + frame[36:]
    return frame[:36] + port.to_bytes(2, "big") + frame[38:]


def _refused(server: str = "10.9.0.7:8080") -> Conversation:
    conv = Conversation(server=server, rtt_ms=2)
    conv.syn(arrives=False)
    conv.refuse()
    return conv


def _idle_drop(port: int, start: int, seconds: float = 300, server: str = "10.9.0.7:8080") -> Conversation:
    conv = Conversation(client=f"10.0.0.5:{port}", server=server, start=start)
    conv.handshake()
    conv.exchange()
    conv.client("anyone?", acked=False, arrives=False, after=seconds)
    conv.unanswered(5)
    return conv


# -- groups ------------------------------------------------------------------------------------------------------


def test_four_hundred_equal_incidents_are_one_group() -> None:
    base = _refused()
    packets = [packet for number in range(400) for packet in with_port(base, 20_000 + number, number * 2 * NS)]
    found, _ = incidents_of(packets)
    grouped, membership = groups(found)
    assert len(found) == 400
    (group,) = grouped
    assert group.title == "400 incidents of connection-refused to 10.9.0.7:8080"
    assert len(group.incidents) == len(set(group.incidents)) == 400
    assert group.example in group.incidents
    assert set(membership) == set(range(400))
    assert set(membership.values()) == {group.id}
    assert (group.first_ns, group.last_ns) == (min(i.time_ns for i in found), max(i.time_ns for i in found))
    assert "every 2.00 s (median), at an even rate" in group.text


def test_other_causes_and_other_servers_are_other_groups() -> None:
    refused = [with_port(_refused(), port) for port in (20_001, 20_002)]
    elsewhere = [with_port(_refused("10.9.0.8:8080"), port) for port in (20_003, 20_004)]
    dropped = [_idle_drop(50_300, START), _idle_drop(50_301, START)]
    grouped, _ = groups(incidents_of(*refused, *elsewhere, *dropped)[0])
    assert len(grouped) == 3
    assert len({group.id for group in grouped}) == 3
    assert {group.cause for group in grouped} == {"connection-refused", "firewall-idle-drop"}


def test_a_single_incident_is_no_group() -> None:
    assert groups(incidents_of(guilty.server_reset())[0]) == ([], {})
    assert groups([]) == ([], {})


def test_a_group_shows_its_surest_member() -> None:
    found, _ = incidents_of(
        _idle_drop(50_300, START), _idle_drop(50_301, START + NS), _idle_drop(50_302, START + 2 * NS)
    )
    ((group,), _) = groups(found)
    scores = [incident.diagnosis.score for incident in found]
    assert scores[int(group.example) - 1] == max(scores)


def test_equal_silences_are_told_from_unequal_ones() -> None:
    same = [_idle_drop(50_300 + n, START + n * 10 * NS, 300) for n in range(3)]
    ((group,), _) = groups(incidents_of(*same)[0])
    assert "a silence of the same length (5 min to 5 min)" in group.text
    unequal = [_idle_drop(50_300 + n, START + n * 10 * NS, 300 + 200 * n) for n in range(3)]
    ((group,), _) = groups(incidents_of(*unequal)[0])
    assert "The silences before them last 5 min to 11 min 40 s." in group.text


@pytest.mark.parametrize(("power", "trend"), [(2, "becoming rarer"), (0.5, "becoming more frequent")])
def test_a_trend_is_told(power: float, trend: str) -> None:
    packets = []
    for number in range(16):
        later = round((number / 16) ** power * 600 * NS)
        packets += with_port(_refused(), 20_000 + number, later)
    ((group,), _) = groups(incidents_of(packets)[0])
    assert group.text.endswith(f"{trend}.")


# -- findings ----------------------------------------------------------------------------------------------------


def test_a_healthy_capture_has_no_findings() -> None:
    assert findings([], incidents_of(ordinary.long_idle_survives())[1]) == ()


def _storm(*, spacing_ns: int, server: str = "10.9.0.7:8080") -> list[Captured]:
    return [
        packet for number in range(60) for packet in with_port(_refused(server), 20_000 + number, number * spacing_ns)
    ]


def test_many_failed_attempts_within_a_minute_are_a_storm() -> None:
    finding = findings_of(_storm(spacing_ns=500 * MS))["reconnect-storm"]
    assert "60 connection attempts within a minute, 60 of 60" in finding.text
    assert len(finding.frames) == 3
    assert "reconnect-storm" not in findings_of(_storm(spacing_ns=10 * NS))


def test_a_storm_points_at_its_own_attempts() -> None:
    before = [packet for number in range(5) for packet in with_port(_refused(), 10_000 + number, number * 120 * NS)]
    moved = [(at + 3600 * NS, frame) for at, frame in _storm(spacing_ns=500 * MS)]
    finding = findings_of(before, moved)["reconnect-storm"]
    assert min(finding.frames) > 10


def test_many_connections_that_work_are_no_storm() -> None:
    conv = Conversation(rtt_ms=2)
    conv.handshake()
    conv.exchange()
    conv.close()
    packets = [packet for number in range(60) for packet in with_port(conv, 20_000 + number, number * 500 * MS)]
    assert "reconnect-storm" not in findings_of(packets, guilty.server_reset())


def test_connections_that_died_idle_without_keepalives_are_pointed_out() -> None:
    finding = findings_of(_idle_drop(50_300, START), _idle_drop(50_301, START + NS))["no-keepalive"]
    assert finding.title == "10.0.0.5 sends no keepalives"
    assert "None of its 2 connections" in finding.text
    assert finding.incidents == ("1", "2")


def test_keepalives_that_come_too_late_are_told_from_none() -> None:
    conv = Conversation()
    conv.handshake()
    conv.exchange()
    conv.keepalive(after="600s")
    conv.client("anyone?", acked=False, arrives=False, after="599s")
    conv.unanswered(5)
    found = findings_of(conv)
    assert "no-keepalive" not in found
    assert "Its keepalives come after 10 min of silence" in found["keepalive-longer-than-idle-limit"].text


def test_keepalives_that_stopped_were_not_too_rare() -> None:
    conv = Conversation()
    conv.handshake()
    conv.exchange()
    for _ in range(3):
        conv.keepalive(after="30s")
    conv.client("anyone?", acked=False, arrives=False, after="600s")
    conv.unanswered(5)
    assert "keepalive-longer-than-idle-limit" not in findings_of(conv)


def test_the_limit_lies_between_what_lived_and_what_died() -> None:
    lived = Conversation(client="10.0.0.5:50400", start=START)
    lived.handshake()
    lived.exchange()
    lived.client("again", after="200s")
    lived.close()
    found = findings_of(_idle_drop(50_300, START, 300), _idle_drop(50_301, START + NS, 320), lived)
    text = found["idle-limit-inferred"].text
    assert text.startswith("The limit lies between 3 min 20 s (survived) and 5 min (fatal), from 2 connections")
    alone = findings_of(_idle_drop(50_300, START, 300))["idle-limit-inferred"].text
    assert alone.startswith("The limit is at most 5 min: no shorter silence was seen")


def test_what_died_of_something_else_tells_no_limit() -> None:
    other = Conversation(client="10.0.0.5:50400", start=START)
    other.handshake()
    other.exchange()
    other.fin("server")
    other.client("late", acked=False, after="2s")
    other.server_rst(with_ack=False)
    text = findings_of(_idle_drop(50_300, START, 300), other)["idle-limit-inferred"].text
    assert text.startswith("The limit is at most 5 min:")


def test_a_contradiction_is_said() -> None:
    lived = Conversation(client="10.0.0.5:50400", start=START)
    lived.handshake()
    lived.exchange()
    lived.client("again", after="900s")
    lived.close()
    text = findings_of(_idle_drop(50_300, START, 300), lived)["idle-limit-inferred"].text
    assert text.startswith("A silence of 15 min was survived and one of 5 min was fatal")
    assert text.endswith("No single limit explains both.")


def test_contradictions_to_many_servers_are_one_finding() -> None:
    convs = []
    for number in range(3):
        server, start = f"10.9.0.{7 + number}:8080", START + number * 2000 * NS
        lived = Conversation(client=f"10.0.0.5:{50400 + number}", server=server, start=start)
        lived.handshake()
        lived.exchange()
        lived.client("again", after="900s")
        lived.close()
        died = Conversation(client=f"10.0.0.5:{50300 + number}", server=server, start=start)
        died.handshake()
        died.exchange()
        died.wait("300s")
        died.client("anyone?", acked=False, arrives=False)
        died.unanswered(5)
        convs += [lived, died]
    found = findings_of(*convs)["idle-limit-inferred"]
    assert found.title.endswith("and 2 more")
    assert found.text.count("was survived") == 1
    assert found.text.endswith(" So it is with 2 more: 10.9.0.8:8080, 10.9.0.9:8080.")


def test_a_servers_own_timer_is_measured() -> None:
    convs = []
    for number in range(2):
        conv = Conversation(client=f"10.0.0.5:{50_300 + number}", start=START + number * NS)
        conv.handshake()
        conv.exchange()
        conv.wait("60s")
        conv.fin("server", after=0)
        conv.client("late", acked=False, after="5s")
        conv.server_rst(with_ack=False)
        convs.append(conv)
    text = findings_of(*convs)["idle-limit-inferred"].text
    assert text.startswith("The server ends what was silent for 60 s (measured on 2 connections)")


def test_source_ports_run_out() -> None:
    base = _refused()
    base.packets = base.packets[:1]
    many = [packet for number in range(14_800) for packet in with_port(base, 1024 + number, number * MS)]
    found, around = incidents_of(guilty.server_reset(), many)
    kinds = {one.id: one for one in findings(found, around)}
    assert "14,80" in kinds["ephemeral-ports-exhausted"].text
    assert kinds["ephemeral-ports-exhausted"].title == "10.0.0.5 runs out of source ports"


def test_wireshark_understands_the_filters_of_findings(tmp_path: Path) -> None:
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed: filters are not held against Wireshark's own grammar")
    six = Conversation(client="[2001:db8::5]:50001", server="[2001:db8::7]:443")
    six.handshake()
    six.exchange()
    six.client("anyone?", acked=False, arrives=False, after="300s")
    six.unanswered(5)
    filters = {
        one.filter
        for parts in ([_idle_drop(50_300, START)], [six], [_storm(spacing_ns=500 * MS)])
        for one in findings_of(*parts).values()
        if one.filter
    }
    assert len(filters) == 3
    path = write_pcap(tmp_path / "one.pcap", six.packets)
    expression = " || ".join(f"({one})" for one in sorted(filters))
    ran = subprocess.run([tshark, "-r", str(path), "-Y", expression], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_connections_that_are_reset_at_once_are_a_storm_too() -> None:
    conv = Conversation(rtt_ms=2)
    conv.handshake()
    conv.server_rst()
    packets = [packet for number in range(60) for packet in with_port(conv, 20_000 + number, number * 500 * MS)]
    assert "60 of 60 in all failed or were reset" in findings_of(packets)["reconnect-storm"].text
