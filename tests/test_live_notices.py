"""A storm of one cause is one message that counts; what fails is said and does not stop the watch."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from analyzer.errors import UsageError
from analyzer.live.notices import Gate, Messenger


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_first_goes_out_and_the_rest_is_counted() -> None:
    clock = _Clock()
    gate = Gate(900.0, monotonic=clock)
    sent = [gate.admit("refused at db", f"number {n}") for n in range(500)]
    assert sent == [True] + [False] * 499
    assert gate.due() == []
    clock.now = 901
    assert gate.due() == [("refused at db", 499, "number 499")]
    assert gate.due() == []
    clock.now = 1900
    assert gate.due() == []
    assert gate.admit("refused at db", "again")


def test_kinds_do_not_hold_each_other_back_but_all_together_are_bounded() -> None:
    clock = _Clock()
    gate = Gate(900.0, most_per_hour=5, monotonic=clock)
    assert [gate.admit(f"cause {n}", "x") for n in range(8)] == [True] * 5 + [False] * 3
    clock.now = 3700
    assert len(gate.due()) == 3


def test_apprise_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)
    with pytest.raises(UsageError, match="pip install"):
        Messenger(["json://localhost"])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_unknown_address_is_refused_without_its_secrets() -> None:
    pytest.importorskip("apprise")
    with pytest.raises(UsageError, match="no such kind") as caught:
        Messenger(["nonsense://user:secret@host"])
    assert "secret" not in str(caught.value)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_messages_arrive_and_failures_are_said() -> None:
    pytest.importorskip("apprise")
    got: list[bytes] = []

    class _Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), _Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    messenger = Messenger([f"json://127.0.0.1:{server.server_port}/hook"])
    messenger.send("notconn: server-reset at db", "what happened")
    deadline = time.monotonic() + 10
    while not got and time.monotonic() < deadline:
        time.sleep(0.02)
    assert b"what happened" in got[0]
    server.shutdown()
    server.server_close()
    messenger.send("title", "nobody hears this")
    messenger.finish(20)
    assert messenger.failures == 1
    assert messenger.trouble is not None
