"""Causes that look alike are told apart, and resets are laid at the right door.

The pairs come from the rules' own ``look_alikes``: wherever both causes have samples that must match, neither sample
may get the other's verdict. The situations below them are conversations that trip up simpler tools.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from analyzer.around.surroundings import Surroundings
from analyzer.capture.file import read_capture
from analyzer.incidents.diagnose import Examiner
from analyzer.report.model import IncidentReport
from analyzer.ruleset.load import load_rules
from analyzer.signals.reset import Origin
from analyzer.units import MS
from tests.cases import answered, ask, lineage, sample
from tests.conversations import CONVERSATIONS, ORDINARY
from tests.reading import stamp
from tests.wire import Captured, Conversation, write_pcap

RULES = load_rules()
GET = "GET /items/7 HTTP/1.1\r\nHost: app\r\n\r\n"
OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CLIENT_HELLO = bytes.fromhex("16030100300100002c0303") + bytes(42)
_ONLY_WITH_A_LOG = {"client-closed-locally"}
"""A client that closes is ordinary until a log says that it went on."""


def _pairs() -> list[tuple[str, str, str]]:
    """(sample, its cause, the look-alike it must not be taken for), both ways."""
    found: dict[tuple[str, str, str], None] = {}
    for cause in RULES.causes:
        for look_alike in RULES.knowledge(cause).look_alikes:
            for one, other in ((cause, look_alike.cause), (look_alike.cause, cause)):
                if RULES.knowledge(one).match and RULES.knowledge(other).match:
                    found.update(dict.fromkeys((name, one, other) for name in RULES.knowledge(one).match))
    causes = {cause for cause, one in RULES.causes.items() if one.kind == "cause"}
    return [(name, one, other) for name, one, other in found if {one, other} <= causes]


@pytest.mark.parametrize(("name", "cause", "other"), _pairs())
def test_a_look_alike_is_told_apart(name: str, cause: str, other: str) -> None:
    one = sample(name)
    for with_log in (True, False):
        verdict = one.judge(answered(name, with_log=with_log).incidents)
        if verdict.incident is not None and one.cause == cause:
            assert verdict.incident.cause != other or other in one.accept, (
                verdict.incident.cause,
                verdict.incident.score,
            )


def test_all_look_alikes_have_samples_on_both_sides() -> None:
    """Findings stand beside a cause and are taken for none."""
    causes = {cause for cause, one in RULES.causes.items() if one.kind == "cause"}
    pairs = {frozenset((cause, one.cause)) for cause in causes for one in RULES.knowledge(cause).look_alikes}
    assert {pair for pair in pairs if pair <= causes} == {frozenset((one, other)) for _, one, other in _pairs()}


# -- conversations -----------------------------------------------------------------------------------------------------


def verdicts(tmp_path: Path, packets: list[Captured]) -> tuple[IncidentReport, ...]:
    return ask(write_pcap(tmp_path / "talk.pcap", packets)).incidents


def _much_later(conv: Conversation) -> list[Captured]:
    """Another connection two minutes on: a capture that ends with the last packet leaves open what came next."""
    other = Conversation(client="10.0.0.5:50999", server="10.9.0.40:443", start=conv.now + 120 * 10**9)
    other.handshake()
    other.exchange(GET, OK)
    other.close()
    return other.packets


def senders(tmp_path: Path, packets: list[Captured]) -> list[tuple[bool, Origin]]:
    """(claimed by the client, who really sent it) of each reset of the first connection."""
    examiner = Examiner(Surroundings(read_capture(str(write_pcap(tmp_path / "resets.pcap", packets)))), RULES)
    return [(one.segment.from_initiator, one.origin) for one in examiner.reading(0).resets]


@pytest.mark.parametrize(
    ("cause", "make"),
    [(cause, make) for cause, several in CONVERSATIONS.items() for make in several],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_conversation_gets_its_cause(tmp_path: Path, cause: str, make: Callable[[], Conversation]) -> None:
    conv = make()
    found = verdicts(tmp_path, conv.packets + _much_later(conv))
    if cause in _ONLY_WITH_A_LOG:
        assert not found
        return
    assert len(found) == 1
    assert cause in lineage(found[0].cause) or found[0].cause in lineage(cause), (found[0].cause, found[0].score)


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_conversation_is_no_incident(tmp_path: Path, name: str) -> None:
    assert verdicts(tmp_path, ORDINARY[name]().packets) == ()


def _talked(times: int = 4, **options: object) -> Conversation:
    conv = Conversation(**options)  # type: ignore[arg-type]
    conv.handshake()
    for _ in range(times):
        conv.exchange(GET, OK)
        conv.wait("300ms")
    return conv


def test_silence_of_350_seconds_then_a_reset_with_another_ttl(tmp_path: Path) -> None:
    """The balancer's limit: its reset answers the first data after the silence."""
    conv = _talked()
    conv.client(GET, acked=False, arrives=False, after="350s")
    conv.middlebox_rst(ttl=254)
    (found,) = verdicts(tmp_path, conv.packets)
    assert (found.cause, found.culprit, found.confidence) == ("firewall-idle-reset", "middlebox", "high")
    assert senders(tmp_path, conv.packets) == [(False, Origin.MIDDLEBOX)]


def test_the_same_reset_with_the_servers_ttl_is_the_servers(tmp_path: Path) -> None:
    """What differs is the TTL, and that the reset takes a full round trip."""
    conv = _talked()
    conv.client(GET, acked=False, after="350s")
    conv.server_rst(with_ack=False)
    (found,) = verdicts(tmp_path, conv.packets)
    assert found.cause == "server-restarted"
    assert senders(tmp_path, conv.packets) == [(False, Origin.ENDPOINT)]


def test_an_ignored_fin(tmp_path: Path) -> None:
    """The server's FIN is acknowledged by the kernel and ignored by the program, which sends on."""
    conv = _talked()
    conv.fin("server")
    conv.client(GET, acked=False, after="4s")
    conv.server_rst(with_ack=False)
    (found,) = verdicts(tmp_path, conv.packets)
    assert (found.cause, found.confidence) == ("server-closed-then-client-sent", "high")
    assert senders(tmp_path, conv.packets) == [(False, Origin.ENDPOINT)]


def test_a_reset_that_only_the_client_met(tmp_path: Path) -> None:
    """Captured at the server: a box reset both ends, and the client's log tells of the RST that is not in the capture."""
    conv = Conversation(client_ttl=121, server_ttl=64, rtt_ms=0.1)
    conv.handshake()
    conv.exchange(GET, OK)
    conv.client(GET)
    conv.client_rst(after="1s")
    lines = (conv.now, "WARN recv from 10.9.0.7:8080 failed: 10054"), (conv.now + 5 * MS, "ERROR send failed: 10057")
    log = tmp_path / "app.log"
    log.write_text("".join(f"{stamp(at)} {text} (10.9.0.7:8080)\n" for at, text in lines), encoding="utf-8")
    (found,) = ask(write_pcap(tmp_path / "server.pcap", conv.packets), log).incidents
    assert (found.cause, found.culprit, found.confidence) == ("middlebox-reset", "middlebox", "medium")


def test_an_hour_of_silence_then_unanswered_retransmissions(tmp_path: Path) -> None:
    conv = _talked()
    conv.client(GET, acked=False, arrives=False, after="3600s")
    conv.unanswered(5)
    (found,) = verdicts(tmp_path, conv.packets)
    assert (found.cause, found.culprit, found.confidence) == ("firewall-idle-drop", "middlebox", "high")


def test_a_syn_alone(tmp_path: Path) -> None:
    conv = Conversation()
    conv.syn(arrives=False)
    conv.unanswered(2, first="3s")
    conv.wait("12s")
    other = Conversation(client="10.0.0.5:50777", server="10.9.0.9:443", start=conv.now)
    other.handshake()
    (found,) = verdicts(tmp_path, conv.packets + other.packets)
    assert (found.cause, found.stream) == ("connection-timed-out", 0)


def test_a_refused_syn(tmp_path: Path) -> None:
    """The refusal comes from the server itself: its other port shows its TTL."""
    conv = Conversation()
    conv.syn()
    conv.refuse()
    other = Conversation(client="10.0.0.5:50777", server="10.9.0.7:443")
    other.handshake()
    other.exchange(GET, OK)
    (found,) = verdicts(tmp_path, conv.packets + other.packets)
    assert (found.cause, found.culprit, found.confidence) == ("connection-refused", "server", "high")


def test_a_syn_refused_in_the_servers_name(tmp_path: Path) -> None:
    """The same, with the TTL and the haste of a box on the way."""
    conv = Conversation()
    conv.syn()
    conv.segment("server", "RA", seq=0, window=0, ttl=254, ip_id=0, after="1ms")
    other = Conversation(client="10.0.0.5:50777", server="10.9.0.7:443")
    other.handshake()
    other.exchange(GET, OK)
    (found,) = verdicts(tmp_path, conv.packets + other.packets)
    assert (found.cause, found.culprit, found.confidence) == ("connection-rejected-by-firewall", "middlebox", "high")


def test_two_healthy_connections_on_the_same_ports(tmp_path: Path) -> None:
    first = _talked()
    first.close("client")
    second = _talked(start=first.now + 90 * 10**9, client_isn=0x12345678, server_isn=0x87654321)
    second.close("server")
    assert verdicts(tmp_path, first.packets + second.packets) == ()


def test_a_half_close_in_use(tmp_path: Path) -> None:
    conv = _talked(1)
    conv.fin("client")
    for _ in range(20):
        conv.server(b"d" * 1400, after="2s")
    conv.fin("server")
    assert verdicts(tmp_path, conv.packets) == ()


def test_a_reset_forged_in_a_tls_handshake(tmp_path: Path) -> None:
    """The box saw the server's name in the ClientHello; the server's own answer arrives behind the reset."""
    conv = Conversation(server="10.9.0.7:443")
    conv.handshake()
    conv.client(CLIENT_HELLO, acked=False)
    conv.middlebox_rst(ttl=61, ip_id=0x4000)
    conv.wait("18ms")
    conv.segment("server", "A")
    conv.segment("server", "PA", bytes.fromhex("160303004a020000460303") + bytes(68), after="1ms")
    conv.client_rst(with_ack=False)
    (found,) = verdicts(tmp_path, conv.packets)
    assert (found.cause, found.culprit, found.confidence) == ("middlebox-reset", "middlebox", "high")
    assert senders(tmp_path, conv.packets)[0] == (False, Origin.MIDDLEBOX)


def test_a_reset_of_the_server_in_a_tls_handshake(tmp_path: Path) -> None:
    """The same place, but everything about the reset is the server's."""
    conv = Conversation(server="10.9.0.7:443")
    conv.handshake()
    conv.client(CLIENT_HELLO)
    conv.server_rst()
    (found,) = verdicts(tmp_path, conv.packets)
    assert (found.cause, found.culprit) == ("tls-handshake-failed", "server")
    assert senders(tmp_path, conv.packets) == [(False, Origin.ENDPOINT)]
