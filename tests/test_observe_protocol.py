"""Facts of what the bytes say, and of FTP's two connections."""

from __future__ import annotations

import pytest

from analyzer.factset import Known
from analyzer.symptom import Symptom
from analyzer.units import MS, NS
from tests.conversations import guilty
from tests.reading import facts_of, known, unknown
from tests.wire import Conversation

START = Conversation().now
HELLO = bytes.fromhex("16030100300100002c0303") + bytes(42)
CLIENT_HELLO = bytes.fromhex("16030100300100002c0303") + bytes(42)
SERVER_HELLO = bytes.fromhex("160303002c020000280303") + bytes(38)


def _ftp(start: int = START) -> Conversation:
    conv = Conversation(client="10.0.0.5:50001", server="10.9.0.7:21", start=start)
    conv.handshake()
    conv.server("220 FTP ready\r\n")
    conv.client("PASV\r\n")
    conv.server("227 Entering Passive Mode (10,9,0,7,195,80)\r\n")
    conv.client("RETR big\r\n")
    conv.server("150 Opening\r\n")
    return conv


def _data(start: int, server: str = "10.9.0.7:50000") -> Conversation:
    return Conversation(client="10.0.0.5:50002", server=server, start=start)


def test_a_conversation_without_payload_names_no_protocol() -> None:
    conv = Conversation()
    conv.handshake()
    facts = facts_of(conv)
    assert unknown(facts, "protocol") == "the capture holds no payload"
    assert known(facts, "tls_stage") == "none"


@pytest.mark.parametrize(
    ("said", "stage", "failed"),
    [
        ([HELLO], "client-hello", True),
        ([HELLO, SERVER_HELLO], "server-hello", True),
        ([HELLO, SERVER_HELLO, b"\x14\x03\x03\x00\x01\x01"], "finished", False),
    ],
)
def test_a_tls_handshake_that_did_not_finish_failed(said: list[bytes], stage: str, failed: bool) -> None:
    conv = Conversation(server="10.9.0.7:443")
    conv.handshake()
    for number, data in enumerate(said):
        conv.server(data) if number % 2 else conv.client(data)
    going_on = facts_of(conv)
    assert known(going_on, "tls_stage") == stage
    assert known(going_on, "tls_failed") is False
    conv.fin("server")
    assert known(facts_of(conv), "tls_failed") is failed


def test_a_tls_alert_names_its_sender_and_frame() -> None:
    fact = facts_of(guilty.tls_alert())["tls_alert"]
    assert isinstance(fact, Known)
    assert fact.value == "fatal"
    assert len(fact.frames) == 1
    assert fact.statement.startswith("The server sent the TLS alert ")
    assert known(facts_of(guilty.tls_alert()), "tls_alert_by") == "responder"


@pytest.mark.parametrize(("server_first", "by"), [(False, "initiator"), (True, "none")])
def test_what_a_client_says_to_a_closed_server_is_no_reason_for_the_close(server_first: bool, by: str) -> None:
    conv = Conversation(server="10.9.0.7:443")
    conv.handshake()
    conv.client(bytes.fromhex("16030100300100002c0303") + bytes(42))
    if server_first:
        conv.fin("server")
    else:
        conv.server(bytes.fromhex("160303003a0200003603") + bytes(52))
    conv.client(bytes.fromhex("15030300020232"))
    facts = facts_of(conv)
    assert known(facts, "tls_alert") == "fatal"
    assert known(facts, "tls_alert_by") == by


def test_a_refusal_counts_when_the_close_follows_it() -> None:
    conv = Conversation(server="10.9.0.7:25")
    conv.handshake()
    conv.server("554 5.7.1 client host blocked\r\n")
    spoken = facts_of(conv)
    assert known(spoken, "refusal_text") == "554 5.7.1 client host blocked"
    assert known(spoken, "refused_in_protocol") is False
    conv.fin("server")
    assert known(facts_of(conv), "refused_in_protocol") is True


def test_a_refusal_long_before_the_close_did_not_cause_it() -> None:
    conv = Conversation(server="10.9.0.7:25")
    conv.handshake()
    conv.server("450 try later\r\n")
    conv.fin("server", after="60s")
    assert known(facts_of(conv), "refused_in_protocol") is False


@pytest.mark.parametrize(("pause", "refused"), [("5s", False), ("10ms", True)])
def test_what_a_server_says_unasked_after_a_pause_is_no_refusal(pause: str, refused: bool) -> None:
    conv = Conversation(server="10.9.0.7:5432")
    conv.handshake()
    conv.exchange(b"Q\x00\x00\x00\x0dselect 1\x00", b"D\x00\x00\x00\x09\x00\x01row")
    # Cut by a snap length: the reason in words is not there any more.
    conv.server(b"E\x00\x00\x00\x73SFATAL\x00VFATAL\x00C57P", after=pause)
    conv.fin("server")
    assert known(facts_of(conv), "refused_in_protocol") is refused


def test_a_notice_of_idleness_is_no_refusal() -> None:
    conv = Conversation(server="10.9.0.7:21")
    conv.handshake()
    conv.server("220 FTP ready\r\n")
    conv.server("421 Timeout.\r\n", after="60s")
    conv.fin("server")
    facts = facts_of(conv)
    assert known(facts, "idle_notice") is True
    assert known(facts, "refused_in_protocol") is False


@pytest.mark.parametrize(("status", "reply"), [("200 OK", "granted"), ("503 Service Unavailable", "refused")])
def test_a_proxys_answer_is_told(status: str, reply: str) -> None:
    conv = Conversation(server="10.9.0.7:3128")
    conv.handshake()
    conv.client("CONNECT db.example:5432 HTTP/1.1\r\n\r\n")
    conv.server(f"HTTP/1.1 {status}\r\n\r\n")
    assert known(facts_of(conv), "proxy_reply") == reply


def test_an_ordinary_web_server_is_no_proxy() -> None:
    conv = Conversation()
    conv.handshake()
    conv.exchange(b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
    assert known(facts_of(conv), "proxy_reply") == "none"


# -- FTP ---------------------------------------------------------------------------------------------------------


def test_a_data_connection_is_known_by_its_announcement() -> None:
    control = _ftp()
    data = _data(control.now)
    data.syn(arrives=False)
    facts = facts_of(data, control)
    assert known(facts, "ftp_announced") is True
    assert known(facts, "protocol") == "ftp-data"
    fact = facts["ftp_announced"]
    assert isinstance(fact, Known)
    assert len(fact.frames) == 1
    assert known(facts, "ftp_data_mode") == "passive"


def test_whose_address_was_announced_is_told() -> None:
    elsewhere = Conversation(server="10.9.0.7:21")
    elsewhere.handshake()
    elsewhere.client("PASV\r\n")
    elsewhere.server("227 Entering Passive Mode (192,168,3,4,195,80).\r\n")
    data = _data(elsewhere.now, "192.168.3.4:50000")
    data.syn(arrives=False)
    assert known(facts_of(data, elsewhere), "ftp_data_mode") == "passive-elsewhere"
    active = Conversation(client="10.0.0.5:49152", server="10.9.0.7:21")
    active.handshake()
    active.client("PORT 10,0,0,5,195,80\r\n")
    data = Conversation(client="10.9.0.7:20", server="10.0.0.5:50000", start=active.now)
    data.syn(arrives=False)
    assert known(facts_of(data, active), "ftp_data_mode") == "active"


def test_an_announcement_of_another_port_or_host_announces_nothing() -> None:
    control = _ftp()
    for server in ("10.9.0.7:50001", "10.9.0.8:50000"):
        data = _data(control.now, server)
        data.syn(arrives=False)
        assert known(facts_of(data, control), "ftp_announced") is False


def test_an_announcement_long_ago_announces_nothing() -> None:
    control = _ftp()
    data = _data(control.now + 300 * NS)
    data.syn(arrives=False)
    assert known(facts_of(data, control), "ftp_announced") is False


@pytest.mark.parametrize("outcome", ["complete", "unanswered", "reset"])
def test_the_control_connection_knows_how_its_data_connection_went(outcome: str) -> None:
    control = _ftp()
    data = _data(control.now)
    match outcome:
        case "complete":
            data.handshake()
            data.server("x" * 1000)
        case "unanswered":
            data.syn(arrives=False)
            data.unanswered(2)
        case "reset":
            data.syn(arrives=False)
            data.refuse()
    assert known(facts_of(control, data), "ftp_data_opening") == outcome
    assert known(facts_of(control), "ftp_data_opening") == "none"


def test_a_transfer_fills_the_control_connections_silence() -> None:
    control = _ftp()
    data = _data(control.now)
    data.handshake()
    for _ in range(8):
        data.server("x" * 1000, after="10s")
    data.fin("server")
    control.wait("85s")
    control.client("QUIT\r\n", acked=False, arrives=False)
    control.unanswered(4)
    facts = facts_of(control, data)
    transfer = facts["ftp_transfer_time"]
    assert isinstance(transfer, Known)
    assert isinstance(transfer.value, int)
    assert 79 * NS <= transfer.value <= 85 * NS
    assert len(transfer.frames) == 2
    assert known(facts_of(control), "ftp_transfer_time") == 0


@pytest.mark.parametrize(("reply", "awaited"), [(False, 20 * NS), (True, 0)])
def test_a_reply_to_the_transfer_that_never_came_was_awaited(reply: bool, awaited: int) -> None:
    control = _ftp()
    data = _data(control.now)
    data.handshake()
    for _ in range(8):
        data.server("x" * 1000, after="10s")
    data.close("server")
    if reply:
        control.wait("82s")
        control.server("226 Transfer complete\r\n")
    error = Symptom("log", data.now + 20 * NS, MS, flow_index=0, candidates=1)
    facts = facts_of(control, data, symptom=error)
    waited = known(facts, "ftp_reply_awaited")
    assert isinstance(waited, int)
    assert abs(waited - awaited) <= NS // 10


def test_other_protocols_have_no_data_connection() -> None:
    facts = facts_of(guilty.server_reset())
    assert known(facts, "ftp_data_opening") == "none"
    assert known(facts, "ftp_announced") is False


def test_what_the_server_says_to_a_client_that_has_closed_takes_no_handshake_further() -> None:
    conv = Conversation(server="10.9.0.7:443")
    conv.handshake()
    conv.client(CLIENT_HELLO)
    conv.fin("client", acked=False)
    conv.server(SERVER_HELLO)
    assert known(facts_of(conv), "tls_stage") == "client-hello"


@pytest.mark.parametrize(("after", "mode"), [(NS // 10, "passive"), (5 * NS, "none")])
def test_an_announcement_cut_by_the_snap_length_is_known_by_what_follows_it(after: int, mode: str) -> None:
    control = _ftp()
    cut = [(at, packet[:90]) for at, packet in control.packets]
    answered = next(at for at, packet in control.packets if b"227 " in packet)
    data = _data(answered + after)
    data.syn(arrives=False)
    assert known(facts_of(data, cut), "ftp_data_mode") == mode
