from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from analyzer.tickets.credentials import Credentials
from analyzer.tickets.target import Target
from analyzer.tickets.wire import Api, Refused, Uncertain

pytest.importorskip("httpx")
trustme = pytest.importorskip("trustme")

SCRIPT: list[tuple[int, dict[str, str], bytes]] = []
SEEN: list[str] = []


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        SEEN.append(self.command)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, headers, body = SCRIPT.pop(0) if SCRIPT else (200, {}, b"{}")
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def authority() -> object:
    return trustme.CA()


@pytest.fixture(scope="module")
def base(authority: object) -> Iterator[str]:
    """A server with a certificate of an authority that this system does not know."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)  # type: ignore[attr-defined]
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.socket = context.wrap_socket(http.socket, server_side=True)
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{http.server_address[1]}"
        http.shutdown()
        thread.join()


def make(base: str, waited: list[float] | None = None) -> Api:
    target = Target("jira", {"key": "PROJ-12"}, base)
    return Api(target, Credentials("s3cret"), {}, sleep=(waited if waited is not None else []).append)


@pytest.fixture
def api(
    base: str, authority: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Api, list[float]]]:
    """A client that trusts the authority, as a company's system does."""
    place = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(place))  # type: ignore[attr-defined]
    monkeypatch.setenv("SSL_CERT_FILE", str(place))
    SCRIPT.clear()
    SEEN.clear()
    waited: list[float] = []
    made = make(base, waited)
    yield made, waited
    made.close()


def test_an_unknown_authority_is_refused_at_once(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    SEEN.clear()
    waited: list[float] = []
    api = make(base, waited)
    with pytest.raises(Refused, match=r"cannot be verified.*SSL_CERT_FILE"):
        api.get("asking", "/")
    api.close()
    assert (SEEN, waited) == ([], [])


def test_a_known_authority_is_spoken_to(api: tuple[Api, list[float]]) -> None:
    assert api[0].get("asking", "/") == {}


def test_what_may_be_repeated_is_repeated_with_growing_pauses(api: tuple[Api, list[float]]) -> None:
    SCRIPT.extend([(500, {}, b""), (502, {}, b""), (503, {}, b""), (504, {}, b"")])
    api[0].send("asking", "GET", "/", again=True)
    assert len(api[1]) == 4
    assert all(0.5 * 2**n <= pause <= 2**n for n, pause in enumerate(api[1]))


def test_it_gives_up_and_says_which_step(api: tuple[Api, list[float]]) -> None:
    SCRIPT.extend([(500, {}, b"")] * 9)
    with pytest.raises(Refused, match=r"Jira: asking failed: 500, the server is out of order"):
        api[0].send("asking", "GET", "/", again=True)
    assert len(SEEN) == 5


def test_what_may_not_be_repeated_is_uncertain_after_a_500_and_not_after_a_429(api: tuple[Api, list[float]]) -> None:
    SCRIPT.append((500, {}, b""))
    with pytest.raises(Uncertain):
        api[0].send("writing", "POST", "/")
    assert SEEN == ["POST"]
    SCRIPT.extend([(429, {"Retry-After": "3"}, b""), (503, {"Retry-After": formatdate(0)}, b"")])
    api[0].send("writing", "POST", "/")
    assert api[1][-2:] == [3.0, 0.0]


@pytest.mark.parametrize(
    ("status", "headers", "body", "words"),
    [
        (302, {"Location": "https://other.example/"}, b"", "has moved to https://other.example/"),
        (400, {}, b'{"errorMessages": ["no \\u001b[31m"], "errors": {"a": "b"}}', r"it says: no \\x1b\[31m; b"),
        (401, {}, b'{"message": "bad token s3cret"}', r"NOTCONN_JIRA_TOKEN.*bad token \[token\]"),
        (403, {}, b"", "may not do that"),
        (404, {}, b"<html>", "no such ticket"),
        (413, {}, b"", "larger than the server takes"),
        (418, {}, b"[]", "the server refused"),
        (422, {}, b'{"errors": [{"message": "too long"}]}', "too long"),
    ],
)
def test_a_refusal_is_one_sentence_with_its_meaning(
    api: tuple[Api, list[float]], status: int, headers: dict[str, str], body: bytes, words: str
) -> None:
    SCRIPT.append((status, headers, body))
    with pytest.raises(Refused, match=words) as caught:
        api[0].send("asking", "GET", "/", again=True)
    assert caught.value.status == status
    assert "s3cret" not in str(caught.value)
    assert len(SEEN) == 1


def test_a_login_page_is_no_answer(api: tuple[Api, list[float]]) -> None:
    SCRIPT.append((200, {"Content-Type": "text/html; charset=utf-8"}, b"<html>"))
    with pytest.raises(Refused, match="text/html and not JSON; check the address"):
        api[0].get("asking", "/")
    SCRIPT.append((203, {"Content-Type": "text/html"}, b"<html>"))
    with pytest.raises(Refused, match="token was not accepted"):
        api[0].get("asking", "/")


def test_a_server_that_is_not_there_is_a_sentence() -> None:
    waited: list[float] = []
    api = make("http://127.0.0.1:9", waited)
    with pytest.raises(Refused, match="cannot be reached"):
        api.send("writing", "POST", "/")
    api.close()
    assert len(waited) == 4
