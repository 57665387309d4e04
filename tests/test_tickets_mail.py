from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from analyzer.cli.main import main
from analyzer.report.json import render
from tests import report_samples as samples


class Mailbox(socketserver.ThreadingTCPServer):
    """A mail server as RFC 5321 and 1870 have it."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.messages: list[bytes] = []
        self.size = 10_000_000
        self.refuse = b""


class Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"220 mail.test ESMTP\r\n")
        server: Mailbox = self.server  # type: ignore[assignment]
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.wfile.write(b"250-mail.test\r\n250 SIZE %d\r\n" % server.size)
            elif verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                data = b""
                while (part := self.rfile.readline()) != b".\r\n":
                    data += part
                if server.refuse:
                    self.wfile.write(server.refuse + b"\r\n")
                else:
                    server.messages.append(data)
                    self.wfile.write(b"250 kept\r\n")
            elif verb == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 ok\r\n")


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    with Mailbox() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        monkeypatch.setenv("NOTCONN_MAILTO_URL", f"smtp://127.0.0.1:{server.server_address[1]}")
        monkeypatch.setenv("NOTCONN_MAILTO_FROM", "notconn@corp.example")
        monkeypatch.delenv("NOTCONN_MAILTO_TOKEN", raising=False)
        monkeypatch.setattr("analyzer.tickets.credentials._from_keyring", lambda _: "")
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def report(tmp_path: Path) -> str:
    path = tmp_path / "report.json"
    path.write_text(render(samples.idle_drop()), encoding="utf-8")
    return str(path)


def test_a_message_carries_verdict_and_page(mailbox: Mailbox, report: str) -> None:
    assert main(["attach", report, "--to", "mailto:ops@corp.example,net@corp.example"]) == 0
    (raw,) = mailbox.messages
    message = message_from_bytes(raw, policy=default)
    assert message["To"] == "ops@corp.example, net@corp.example"
    assert "notconn-" in message["Subject"]
    body = message.get_body()
    assert body is not None
    assert "firewall-idle-drop" in body.get_content()
    (page,) = message.iter_attachments()
    assert page.get_content_type() == "text/html"
    assert (page.get_filename() or "").endswith(".html")
    assert main(["attach", report, "--to", "mailto:ops@corp.example"]) == 0
    again = message_from_bytes(mailbox.messages[1], policy=default)
    assert again["Message-ID"] == message["Message-ID"]


def test_a_server_that_takes_little_is_spared_the_page(mailbox: Mailbox, report: str) -> None:
    mailbox.size = 20_000
    assert main(["attach", report, "--to", "mailto:ops@corp.example"]) == 0
    assert list(message_from_bytes(mailbox.messages[0], policy=default).iter_attachments()) == []


def test_a_refusal_is_a_sentence(mailbox: Mailbox, report: str, capsys: pytest.CaptureFixture[str]) -> None:
    mailbox.refuse = b"552 5.3.4 too large"
    assert main(["attach", report, "--to", "mailto:ops@corp.example"]) == 2
    assert "sending the message failed: 552" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value"),
    [("NOTCONN_MAILTO_URL", ""), ("NOTCONN_MAILTO_URL", "http://x"), ("NOTCONN_MAILTO_FROM", "nobody"),
     ("NOTCONN_MAILTO_FROM", "a@b\nBcc: c@d"), ("NOTCONN_MAILTO_URL", "smtp://127.0.0.1:1")],
)  # fmt: skip
def test_what_is_set_wrongly_is_told(
    name: str, value: str, mailbox: Mailbox, report: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert main(["attach", report, "--to", "mailto:ops@corp.example"]) == 2
    assert mailbox.messages == []


def test_a_server_elsewhere_must_offer_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    import smtplib

    from analyzer.tickets.credentials import Credentials
    from analyzer.tickets.mail import Mail
    from analyzer.tickets.post import make_post
    from analyzer.tickets.target import parse_target
    from analyzer.tickets.wire import Refused

    class Plain:
        def __init__(self, *_: object, **__: object) -> None:
            """Answer nothing."""

        def ehlo(self) -> None:
            """Offer nothing."""

        def has_extn(self, _: str) -> bool:
            return False

        def starttls(self, **_: object) -> None:
            raise smtplib.SMTPNotSupportedError("STARTTLS extension not supported by server.")

    monkeypatch.setattr(smtplib, "SMTP", Plain)
    monkeypatch.setenv("NOTCONN_MAILTO_URL", "smtp://mail.corp.example")
    monkeypatch.setenv("NOTCONN_MAILTO_FROM", "a@b.example")
    with pytest.raises(Refused, match="STARTTLS"):
        Mail(parse_target("mailto:x@y.example"), Credentials("", "")).look(make_post(samples.idle_drop()))
