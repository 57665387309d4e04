"""Records become events."""

from __future__ import annotations

import pytest

from analyzer.logs.records import MAX_TEXT, Record, events_of, text_record
from analyzer.logs.stamps import find_stamp


def record(text: str) -> Record:
    return text_record(7, text, find_stamp(text))


@pytest.mark.parametrize(
    ("text", "thread", "source", "process", "pid"),
    [
        ("2026-11-22 14:05:01,123 [17] INFO  Contoso.Session - x", "17", "Contoso.Session", None, None),
        ("2026-11-22 14:05:01.1234|INFO|Acme.Net|x", None, "Acme.Net", None, None),
        ("2026-11-22 14:05:01,123 - app.client - INFO - x", None, "app.client", None, None),
        ("Nov 22 14:05:01 WIN-7Q2 svc_sync[988]: x", None, None, "svc_sync", 988),
        ("<1>1 2026-11-22T14:05:01Z host svc 988 - - x", None, None, "svc", 988),
        ("2026-11-22 14:05:01.123 ERROR 988 --- [main] c.e.Client : x", "main", "c.e.Client", None, 988),
        ("2026-11-22T14:05:01.123 INFO  [net] x", None, "net", None, None),
        ("1795356301123 I/net: x", None, "net", None, None),
        ("E1122 14:05:01.123456   988 net.cc:57] x", "988", "net.cc:57", None, None),
        ("11-22 14:05:01.123   988   990 E Net: x", "990", "Net", None, 988),
        ("[14:05:01 ERR] x", None, None, None, None),
    ],
)
def test_headers(text: str, thread: str | None, source: str | None, process: str | None, pid: int | None) -> None:
    found = record(text)
    assert (found.thread, found.source, found.process, found.pid) == (thread, source, process, pid)
    assert found.text[found.body :].strip() == "x"


def test_error_event() -> None:
    [event] = events_of(record("2026-11-22 14:05:01,123 [17] ERROR A - send failed (10.9.0.7:21): 10057"), "a.log")
    assert (event.path, event.line, event.kind, event.code, event.call) == ("a.log", 7, "error", 10057, "send")
    assert (event.endpoint_text, event.port, event.thread, event.action) == ("10.9.0.7:21", 21, "17", None)


def test_prior_event_keeps_the_layer_that_refused() -> None:
    [event] = events_of(record("2026-11-22 14:05:01 TLS handshake failed: connection reset by peer"), "a.log")
    assert (event.kind, event.code, event.action) == ("prior", 10054, "tls")


def test_chain_in_one_record_gives_the_error_last() -> None:
    text = "2026-11-22 14:05:01 WSAENOTCONN (10057) ---> SocketException (10061)"
    assert [event.code for event in events_of(record(text), "a.log")] == [10061, 10057]


def test_would_block_is_no_error_of_its_own() -> None:
    text = "2026-11-22 14:05:01 send WSAEWOULDBLOCK then WSAENOTCONN"
    assert [event.code for event in events_of(record(text), "a.log")] == [10057]


def test_ordinary_record_gives_nothing() -> None:
    assert events_of(record("2026-11-22 14:05:01 worker idle"), "a.log") == []


def test_frames_tell_no_step() -> None:
    text = "2026-11-22 14:05:01 order refused by policy\n" + "   at Acme.Run()\n" * 80 + "   at Socket.Dispose() called"
    assert events_of(record(text), "a.log") == []


def test_long_record_keeps_its_beginning_and_the_error() -> None:
    text = "2026-11-22 14:05:01 ERROR begin " + "x" * 3000 + " send failed: WSAENOTCONN (10.9.0.7:21)"
    [event] = events_of(record(text), "a.log")
    assert len(event.text) <= MAX_TEXT
    assert event.text.startswith("2026-11-22 14:05:01 ERROR begin")
    assert "WSAENOTCONN" in event.text


def test_words_before_the_time_count_too() -> None:
    [event] = events_of(record("socket error 10057 at 2026-11-22 14:05:01"), "a.log")
    assert event.code == 10057


def test_pid_and_process_in_words() -> None:
    [event] = events_of(record("2026-11-22 14:05:01 process: acme.exe pid=988 send failed WSAENOTCONN"), "a.log")
    assert (event.process, event.pid) == ("acme.exe", 988)
