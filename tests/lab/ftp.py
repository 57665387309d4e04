"""Causes that need FTP's two connections."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

from tests.lab.case import Case, scenario
from tests.lab.evidence import first, pick, resent, together
from tests.lab.idle import Forgetful
from tests.lab.path import ACK, DROP, RST, SYN, Packet, Verdict, build_reset
from tests.lab.programs import Server, Session, read_some


class _Control:
    """An FTP control connection: the server's words are scripted by the scenario."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.server_side: socket.socket | None = None
        ready = threading.Event()

        def manners(_server: Server, conn: socket.socket) -> None:
            self.server_side = conn
            ready.set()
            time.sleep(3600)

        server = case.serve(manners, port=21, protocol="ftp")
        self.session: Session = case.session(protocol="ftp")
        self.session.connect(server.address, 21)
        case.connected(self.session)
        ready.wait(5)
        self.say("220 Microsoft FTP Service")
        self.ask("USER batch", "331 Password required")
        self.ask("PASS secret", "230 User logged in.")
        self.ask("TYPE I", "200 Type set to I.")

    @property
    def server(self) -> socket.socket:
        assert self.server_side is not None
        return self.server_side

    def say(self, line: str) -> None:
        """The server says a line and the client reads it."""
        self.server.sendall(line.encode() + b"\r\n")
        read_some(self.session.sock)

    def ask(self, request: str, answer: str) -> None:
        """One command and its reply."""
        self.session.sock.sendall(request.encode() + b"\r\n")
        read_some(self.server)
        self.say(answer)

    def passive(self) -> socket.socket:
        """PASV: a listening data socket on the server."""
        listener = self.case.net.server.socket()
        listener.bind((self.case.net.server_ip, 0))
        listener.listen(1)
        port = listener.getsockname()[1]
        where = ",".join([*self.case.net.server_ip.split("."), str(port >> 8), str(port & 255)])
        if self.case.rng.random() < 0.3:
            self.ask("EPSV", f"229 Entering Extended Passive Mode (|||{port}|)")
        else:
            self.ask("PASV", f"227 Entering Passive Mode ({where}).")
        return listener


def _transfer(case: Case, lasting: float, begun: Callable[[_Control], None] | None = None) -> _Control:
    """A passive transfer that moves for a while, then ends in good order; the control connection says nothing."""
    control = _Control(case)
    listener = control.passive()
    upload = case.rng.random() < 0.5
    control.session.sock.sendall(b"STOR daily.zip\r\n" if upload else b"RETR daily.zip\r\n")
    data = case.session()
    data.connect(case.net.server_ip, listener.getsockname()[1])
    far, _ = listener.accept()
    case.keep((listener, far))
    read_some(control.server)
    control.say("150 Opening BINARY mode data connection.")
    case.log.say("transfer of daily.zip started", time.time())
    if begun:
        begun(control)
    source, sink = (data.sock, far) if upload else (far, data.sock)
    until = time.monotonic() + lasting
    while time.monotonic() < until:
        source.sendall(bytes(case.rng.randrange(200, 1400)))
        sink.recv(65536)
        time.sleep(case.rng.uniform(0.3, 0.9))
    source.close()
    read_some(sink)
    sink.close()
    case.log.say("transfer done, waiting for 226", time.time())
    return control


@scenario(
    "ftp-control-idle-during-transfer",
    "The data connection moves; meanwhile the idle control connection is forgotten by a firewall (drop) "
    "and dies when the client uses it.",
    protocols=("ftp",),
)
def control_dropped(case: Case) -> None:
    limit = case.rng.choice((30, 40))
    box = Forgetful(limit)
    case.only(lambda packet: None if box.knows(packet) else DROP, port=21)
    control = _transfer(case, limit + case.rng.uniform(8, 20))
    if case.rng.random() < 0.6:
        # the server's 226 is lost at the same box, so the server is the first to retransmit
        with contextlib.suppress(OSError):
            control.server.sendall(b"226 Transfer complete.\r\n")
        time.sleep(2)
    control.session.sock.sendall(b"NOOP\r\n")
    with contextlib.suppress(OSError):
        read_some(control.session.sock, timeout=case.rng.choice((13, 15)))
    case.notes.append(f"(limit {limit} s)")
    case.acceptable.append("firewall-idle-drop")
    case.fail(
        control.session,
        [("recv", 10060), ("send", 10057)],
        culprit="middlebox",
        decisive=resent(client=True, at_least=3),
        idle_gap_s=limit + 8,
        timeout_s=limit,
    )


@scenario(
    "ftp-control-idle-during-transfer",
    "The data connection moves; meanwhile a firewall forgets the idle control connection and resets it "
    "at the next word.",
    protocols=("ftp",),
)
def control_reset(case: Case) -> None:
    limit = case.rng.choice((30, 40))
    box = Forgetful(limit)

    def decide(packet: Packet) -> Verdict:
        if box.knows(packet):
            return None
        if packet.up and not packet.flags & RST:
            case.net.path.send(build_reset(packet, back=True, ttl=case.rng.choice((255, 250))), up=False)
        return DROP

    case.only(decide, port=21)
    control = _transfer(case, limit + case.rng.uniform(8, 15))
    control.session.sock.sendall(b"NOOP\r\n")
    with contextlib.suppress(OSError):
        read_some(control.session.sock, timeout=10)
    case.notes.append(f"(limit {limit} s)")
    case.acceptable.append("firewall-idle-reset")
    case.fail(
        control.session,
        [("recv", 10054), ("send", 10057)],
        culprit="middlebox",
        decisive=first(pick(flags=RST, client=False)),
        idle_gap_s=limit + 8,
        timeout_s=limit,
    )


@scenario(
    "ftp-control-idle-during-transfer",
    "The transfer is long; the server's own idle timer closes the control connection with 421 meanwhile.",
    protocols=("ftp",),
)
def control_closed(case: Case) -> None:
    limit = case.rng.choice((20, 30))

    def tire(control: _Control) -> None:
        with contextlib.suppress(OSError):
            control.server.sendall(b"421 Timeout (no commands).\r\n")
            control.server.close()

    control = _transfer(case, limit + 10, lambda made: threading.Timer(limit, tire, (made,)).start())
    for _ in range(2):
        with contextlib.suppress(OSError):
            control.session.sock.sendall(b"NOOP\r\n")
        time.sleep(0.3)
    case.notes.append(f"(after {limit} s)")
    case.acceptable += ["server-idle-timeout", "server-closed-then-client-sent"]
    case.fail(
        control.session,
        [("send", 10053), ("send", 10057)],
        culprit="server",
        decisive=first(pick(flags=RST, client=False)),
        idle_gap_s=limit,
        timeout_s=limit,
    )


@scenario(
    "ftp-data-connection-blocked",
    "FTP passive: the SYN of the data connection is dropped in the middle.",
    protocols=("ftp",),
)
def passive_dropped(case: Case) -> None:
    _passive_blocked(case, "drop")


@scenario(
    "ftp-data-connection-blocked",
    "FTP passive: the data connection is refused or rejected in the middle.",
    protocols=("ftp",),
)
def passive_rejected(case: Case) -> None:
    _passive_blocked(case, case.rng.choice(("rst", "icmp")))


def _passive_blocked(case: Case, how: str) -> None:
    control = _Control(case)
    listener = control.passive()
    case.keep(listener)
    port = listener.getsockname()[1]
    if how == "drop":
        case.black_hole(port=port)
    else:
        verdict = "tcp reset" if how == "rst" else "icmp type admin-prohibited"
        case.net.router1.nft(
            "table ip f { chain c { type filter hook forward priority 0; "
            f"tcp dport {port} reject with {verdict}; }} }}"
        )
    data = case.session()
    data.ends = (case.net.client_ip, data.sock.getsockname()[1], case.net.server_ip, port)
    with contextlib.suppress(OSError):
        data.connect(case.net.server_ip, port, 7)
    case.relate(control.session)
    case.notes.append(f"({how})")
    code = {"drop": 10060, "rst": 10061, "icmp": 10065}[how]
    case.acceptable.append(
        {
            "drop": "connection-timed-out",
            "rst": "connection-rejected-by-firewall",
            "icmp": "connection-rejected-by-firewall",
        }[how]
    )
    decisive = resent(client=True) if how == "drop" else first(pick(flags=SYN, client=True))
    case.fail(data, [("connect", code), ("send", 10057)], culprit="middlebox", decisive=decisive)
    control.ask("STOR f", "425 Can't open data connection.")
    case.log.say("425 Can't open data connection.", time.time())


@scenario(
    "ftp-data-connection-blocked",
    "FTP passive through a NAT: the server names an address that cannot be reached from here.",
    protocols=("ftp",),
)
def passive_wrong_address(case: Case) -> None:
    control = _Control(case)
    inner, port = "10.255.255.7", case.rng.randrange(50000, 60000)
    case.net.router1.ip(f"route add blackhole {inner}/32")
    control.ask("PASV", f"227 Entering Passive Mode (10,255,255,7,{port >> 8},{port & 255}).")
    data = case.session()
    data.ends = (case.net.client_ip, data.sock.getsockname()[1], inner, port)
    with contextlib.suppress(OSError):
        data.connect(inner, port, 7)
    case.relate(control.session)
    case.acceptable += ["connection-timed-out", "destination-unreachable"]
    case.fail(data, [("connect", 10060), ("send", 10057)], culprit="server", decisive=resent(client=True, at_least=0))
    control.ask("RETR f", "425 Can't open data connection.")


@scenario(
    "ftp-data-connection-blocked",
    "FTP active: the server's SYN to the client's data port meets the client's own filter.",
    protocols=("ftp",),
)
def active_blocked(case: Case) -> None:
    control = _Control(case)
    listener = case.net.client.socket()
    listener.bind((case.net.client_ip, 0))
    listener.listen(1)
    case.keep(listener)
    port = listener.getsockname()[1]
    reject = case.rng.random() < 0.3
    what = "reject with tcp reset" if reject else "drop"
    case.net.client.nft(f"table ip f {{ chain i {{ type filter hook input priority 0; tcp dport {port} {what}; }} }}")
    where = ",".join([*case.net.client_ip.split("."), str(port >> 8), str(port & 255)])
    control.ask(f"PORT {where}", "200 PORT command successful.")
    control.session.sock.sendall(b"RETR daily.zip\r\n")
    read_some(control.server)
    far = case.net.server.socket()
    far.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    far.bind((case.net.server_ip, 20))
    far.settimeout(8)
    opened = time.time()
    with contextlib.suppress(OSError):
        far.connect((case.net.client_ip, port))
    case.keep(far)
    control.say("425 Can't open data connection.")
    case.log.say("425 Can't open data connection.", time.time(), "WARN")
    case.relate(control.session)
    made = case.session()
    made.ends, made.opened = (case.net.server_ip, 20, case.net.client_ip, port), opened
    case.acceptable += ["connection-timed-out", "connection-refused", "connection-rejected-by-firewall"]
    decisive = first(pick(flags=SYN, without=ACK, client=True), 4) if reject else resent(client=True, at_least=1)
    case.fail(made, [("recv", 10060), ("recv", 10057)], culprit="client", decisive=together(decisive))
