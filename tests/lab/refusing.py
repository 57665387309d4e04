"""Causes where a connection stands and the other program will not have it: proxies, protocols, TLS, instant resets."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import tempfile
import time

from tests.lab.case import Case, scenario
from tests.lab.evidence import Frame, Pick, first, pick, together
from tests.lab.opening import refusal, syn_ack
from tests.lab.path import FIN, RST, SYN
from tests.lab.programs import Serve, Server, abort, read_some


@scenario("proxy-refused", "The HTTP proxy takes the connection and refuses to open the tunnel.", protocols=("http",))
def proxy_http(case: Case) -> None:
    status = case.rng.choice(
        (
            "403 Forbidden",
            "407 Proxy Authentication Required",
            "502 Bad Gateway",
            "503 Service Unavailable",
            "504 Gateway Timeout",
        )
    )

    def manners(_server: Server, conn: socket.socket) -> None:
        conn.recv(4096)
        time.sleep(case.rng.choice((0.02, 0.4)))
        conn.sendall(
            f"HTTP/1.1 {status}\r\nProxy-Agent: squid\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )
        conn.close()

    server = case.serve(manners, port=case.rng.choice((3128, 8080, 8118)))
    made = case.connect(server)
    made.sock.sendall(b"CONNECT api.partner.example:443 HTTP/1.1\r\nHost: api.partner.example:443\r\n\r\n")
    read_some(made.sock)
    if case.rng.random() < 0.5:
        made.sock.close()
    time.sleep(0.1)
    case.notes.append(f"({status})")
    case.acceptable.append("protocol-rejected")
    case.fail(
        made,
        [(case.rng.choice(("send", "getpeername")), 10057)],
        culprit="middlebox",
        decisive=first(pick(client=False, data=True)),
    )


@scenario("proxy-refused", "The SOCKS proxy answers the request with a refusal and closes.", protocols=("bin",))
def proxy_socks(case: Case) -> None:
    code = case.rng.choice((1, 2, 3, 4, 5))

    def manners(_server: Server, conn: socket.socket) -> None:
        conn.recv(100)
        conn.sendall(b"\x05\x00")
        conn.recv(300)
        conn.sendall(bytes([5, code, 0, 1]) + bytes(6))
        conn.close()

    server = case.serve(manners, port=1080)
    made = case.connect(server)
    made.sock.sendall(b"\x05\x01\x00")
    read_some(made.sock, 2)
    name = b"api.partner.example"
    made.sock.sendall(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + b"\x01\xbb")
    read_some(made.sock, 10)
    if case.rng.random() < 0.7:
        made.sock.close()
    time.sleep(0.1)
    case.notes.append(f"(reply {code})")
    case.acceptable.append("protocol-rejected")
    case.fail(made, [("send", 10057)], culprit="middlebox", decisive=first(pick(client=False, data=True), 2))


@scenario(
    "accepted-then-reset",
    "The server's program takes the connection and aborts it at once, before a byte was said.",
    protocols=("http", "bin", "redis", "pg", "tds"),
)
def accepted_reset(case: Case) -> None:
    def manners(_server: Server, conn: socket.socket) -> None:
        time.sleep(case.rng.choice((0.0, 0.005, 0.05)))
        abort(conn)

    tries = case.rng.choice((1, 1, 2, 3))
    server = case.serve(manners)
    for number in range(tries):
        made = case.session()
        with contextlib.suppress(OSError):
            made.connect(server.address, server.port)
            case.connected(made)
            made.sock.settimeout(2)
            made.sock.recv(10)
        if number < tries - 1:
            case.relate(made)
            time.sleep(0.6)
    case.acceptable.append("server-reset")
    case.fail(made, [("send", 10054), ("send", 10057)], culprit="server", decisive=together(syn_ack, refusal))


@scenario(
    "accepted-then-reset",
    "The server's queue overflows and its kernel resets connections whose handshake is done (tcp_abort_on_overflow).",
    protocols=("http", "bin", "redis"),
)
def overflow_reset(case: Case) -> None:
    case.net.server.sysctl(ipv4__tcp_abort_on_overflow=1)
    case.serve(accepting=False, backlog=1)
    victim = case.session()
    mine = victim.sock.getsockname()[1]
    held = 0.6 + 4 * case.net.traits.delay
    # the victim's ACK arrives when two others have filled the queue that had room for its SYN
    case.only(lambda packet: held if packet.up and packet.client_port == mine and not packet.flags & SYN else None)
    victim.connect(case.net.server_ip, case.port)
    case.connected(victim)
    for _ in range(2):
        other = case.session()
        other.connect(case.net.server_ip, case.port)
        case.relate(other)
    with contextlib.suppress(OSError):
        victim.sock.settimeout(3)
        victim.sock.recv(1)
    case.acceptable += ["server-reset", "accept-queue-full"]
    case.fail(victim, [("send", 10054), ("send", 10057)], culprit="server", decisive=together(syn_ack, refusal))


@scenario(
    "protocol-rejected",
    "The server refuses in its own protocol, closes, and the program goes on as if it were in.",
    protocols=("ftp", "smtp", "http", "mysql", "pg", "redis"),
)
def rejected_by_protocol(case: Case) -> None:
    refusals = {
        "ftp": (b"421 Too many connections, sorry.\r\n", b"530 Login incorrect.\r\n"),
        "smtp": (b"554 5.7.1 Service unavailable; client host blocked\r\n", b"421 4.3.2 Service not available\r\n"),
        "http": (
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        ),
        "mysql": (b"\x46\0\0\0\xff\x6a\x04Host '10.1.2.3' is not allowed to connect to this MySQL server now..",),
        "pg": (b"E\0\0\0\x4eSFATAL\0C28000\0Mno pg_hba.conf entry for host, user app, database app, off\0\0",),
        "redis": (b"-ERR max number of clients reached\r\n", b"-NOAUTH Authentication required.\r\n"),
    }
    text = case.rng.choice(refusals[case.protocol.name])
    greets = case.protocol.name in ("ftp", "smtp", "mysql")
    at_once = text[:3] in (b"421", b"554") or case.protocol.name == "mysql"

    def manners(server: Server, conn: socket.socket) -> None:
        if not at_once:
            if greets:
                server.greet(conn)
                conn.recv(1000)
                conn.sendall(b"331 Password required\r\n")
            conn.recv(4000)
        conn.sendall(text)
        conn.close()

    made = case.session()
    made.connect(case.serve(manners).address, case.port)
    case.connected(made)
    if greets:
        read_some(made.sock)
        if not at_once:
            made.sock.sendall(b"USER batch\r\n")
            read_some(made.sock)
            made.sock.sendall(b"PASS wrong\r\n")
            read_some(made.sock)
    else:
        made.ask()
    time.sleep(0.1 + 2 * case.net.traits.delay)
    calls = [("send", 10057)]
    if case.rng.random() < 0.6:
        for _ in range(2):
            with contextlib.suppress(OSError):
                made.sock.sendall(made.protocol.request(made.rng))
            time.sleep(0.1 + 2 * case.net.traits.delay)
        calls = [("send", 10053), ("send", 10057)]
    case.acceptable.append("server-closed-then-client-sent")
    case.fail(
        made,
        calls,
        culprit="server",
        decisive=together(first(pick(client=False, data=True)), first(pick(flags=FIN, client=False))),
    )


@scenario("tls-handshake-failed", "The server answers the ClientHello with a fatal alert.", protocols=("bin",))
def tls_alert(case: Case) -> None:
    level, name = case.rng.choice(
        ((70, "protocol version"), (40, "handshake failure"), (112, "unrecognized name"), (48, "unknown ca"))
    )

    def manners(_server: Server, conn: socket.socket) -> None:
        conn.recv(4096)
        time.sleep(0.005)
        conn.sendall(bytes([21, 3, 3, 0, 2, 2, level]))
        conn.close()

    _tls(case, manners, f"(alert {name})", first(pick(client=False, data=True)))


@scenario("tls-handshake-failed", "The server reads the ClientHello and closes with FIN.", protocols=("bin",))
def tls_fin(case: Case) -> None:
    def manners(_server: Server, conn: socket.socket) -> None:
        conn.recv(4096)
        time.sleep(case.rng.choice((0.0, 0.1)))
        conn.close()

    _tls(case, manners, "", first(pick(flags=FIN, client=False)))


@scenario("tls-handshake-failed", "The server reads the ClientHello and resets.", protocols=("bin",))
def tls_rst(case: Case) -> None:
    def manners(_server: Server, conn: socket.socket) -> None:
        conn.recv(4096)
        time.sleep(case.rng.choice((0.0, 0.1)))
        abort(conn)

    case.acceptable += ["server-reset", "accepted-then-reset"]
    _tls(case, manners, "", first(pick(flags=RST, client=False)))


def _tls(case: Case, manners: Serve, note: str, decisive: Pick) -> None:
    server = case.serve(manners, port=case.rng.choice((443, 8443, 993, 636, 5061)))
    made = case.session()
    made.connect(server.address, server.port)
    case.log.say(f"connected to {made.endpoint}, starting TLS", time.time())
    context = ssl.create_default_context()
    if case.rng.random() < 0.5:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    text = "SSLError"
    try:
        wrapped = context.wrap_socket(made.sock, server_hostname="app.corp.example")
        case.keep(wrapped)
    except OSError as error:
        text = f"{type(error).__name__}: {str(error).split(' (_ssl')[0]}"
    case.log.say(f"TLS handshake failed: {text}", time.time(), "WARN")
    time.sleep(case.rng.choice((0.0, 0.3)))
    case.notes.append(note)
    case.fail(
        made, [("send", 10057)], culprit="server", decisive=together(first(pick(client=True, data=True)), decisive)
    )


@scenario(
    "tls-handshake-failed",
    "The client does not trust the server's certificate and sends the alert itself.",
    protocols=("bin",),
)
def tls_untrusted(case: Case) -> None:
    scratch = tempfile.mkdtemp()
    key, cert = f"{scratch}/key.pem", f"{scratch}/cert.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            key,
            "-out",
            cert,
            "-days",
            "30",
            "-subj",
            "/CN=old.corp.example",
        ],
        check=True,
        capture_output=True,
    )
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(cert, key)
    own.maximum_version = ssl.TLSVersion.TLSv1_2

    def manners(_server: Server, conn: socket.socket) -> None:
        with contextlib.suppress(OSError):
            case.keep(own.wrap_socket(conn, server_side=True))

    def alert(frames: list[Frame], port: int) -> list[int]:
        mine = pick(client=True, data=True)(frames, port)
        return mine[-1:] if len(mine) > 1 else []

    _tls(case, manners, "", alert)
    case.incidents[-1].culprit = "client"
