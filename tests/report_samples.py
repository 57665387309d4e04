"""Report objects as the diagnosis would build them, for the tests of every dialect and for looking at pictures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from analyzer.report.model import (
    Alternative,
    CaptureSummary,
    Evidence,
    Finding,
    Fix,
    GroupReport,
    IncidentReport,
    KnownLimit,
    LogLine,
    Report,
    SequenceRow,
    SilenceRow,
    TimelineRow,
    Unknown,
    WinsockAnswer,
)
from analyzer.units import MS, NS

START = 1_779_760_800 * NS
"""2026-05-26T02:00:00Z."""

KEEPALIVE_C = """\
/* First probe after 40 s of silence, then every 5 s: below any limit seen on this path. */
struct tcp_keepalive ka = { .onoff = 1, .keepalivetime = 40000, .keepaliveinterval = 5000 };
DWORD bytes = 0;
if (WSAIoctl(s, SIO_KEEPALIVE_VALS, &ka, sizeof ka, NULL, 0, &bytes, NULL, NULL) == SOCKET_ERROR)
    report_error(WSAGetLastError());
"""
KEEPALIVE_CSHARP = """\
socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 40);
socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 5);
"""
KEEPALIVE_PYTHON = """\
sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
sock.ioctl(socket.SIO_KEEPALIVE_VALS, (1, 40_000, 5_000))
"""
RECONNECT_PYTHON = """\
delay = 0.5
while (sock := try_connect()) is None:
    time.sleep(random.uniform(0, delay))
    delay = min(delay * 2, 60)
"""
RECV_C = """\
int n = recv(s, buffer, sizeof buffer, 0);
if (n == 0) {            /* the peer closed: this socket is finished */
    closesocket(s);
    s = reconnect();
}
"""
RECV_PYTHON = """\
data = sock.recv(65536)
if not data:             # the peer closed: this socket is finished
    sock.close()
    sock = reconnect()
"""
LIMITS = (
    KnownLimit("pf adaptive.aggressive", 60 * NS, "https://man.openbsd.org/pf.conf.5"),
    KnownLimit("AWS Application Load Balancer", 60 * NS, "https://docs.aws.amazon.com/elasticloadbalancing/"),
    KnownLimit("Azure Load Balancer", 240 * NS, "https://learn.microsoft.com/azure/load-balancer/"),
    KnownLimit("AWS NAT gateway", 350 * NS, "https://docs.aws.amazon.com/vpc/"),
    KnownLimit("GCP VPC connection tracking", 600 * NS, "https://cloud.google.com/vpc/docs/"),
    KnownLimit("Palo Alto PAN-OS TCP", 3600 * NS, "https://knowledgebase.paloaltonetworks.com/"),
    KnownLimit("Linux keepalive default", 7200 * NS, "https://docs.kernel.org/networking/ip-sysctl.html"),
)


def capture(path: str = "captures/web01-ethernet.pcapng", packets: int = 5_412, **changes: object) -> CaptureSummary:
    """A healthy capture of one hour."""
    base = CaptureSummary(
        path=path,
        sha256="9f2c1b7a64e0d35b8c17aa90b1e2f4c6d8093b5a7e1f60429d8c3b2a1f0e9d8c",
        format="pcapng",
        packets=packets,
        first_ns=START,
        last_ns=START + 3600 * NS,
        health={
            "truncated": 0,
            "dropped": 0,
            "clock_steps": 0,
            "damaged_blocks": 0,
            "tcp_packets": packets - 212,
            "undecoded": {"arp": 180, "ethertype-0x88cc": 32},
            "cut": None,
        },
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def _row(at: float, frame: int, from_client: bool, flags: str, length: int = 0, **more: object) -> TimelineRow:
    label = flags.replace(", ", " ") + (f" {length} B" if length else "")
    base = TimelineRow(
        ts_ns=START + round(at * 1_000_000) * 1_000,
        label=label,
        frame=frame,
        from_client=from_client,
        flags=flags,
        length=length,
    )
    return replace(base, **more)  # type: ignore[arg-type]


def _course(rows: Iterable[TimelineRow]) -> tuple[SequenceRow, ...]:
    """Sequence numbers that fit packets which are acknowledged one by one, and repeated where nothing answers."""
    sent = {True: 0, False: 0}
    found: list[SequenceRow] = []
    unanswered = 0
    for row in rows:
        if row.frame is None or row.from_client is None or "SYN" in row.flags:
            continue
        side, length = row.from_client, row.length or 0
        again = bool(length) and row.answered is False and unanswered > 0
        unanswered += row.answered is False
        kind = "rst" if "RST" in row.flags else "fin" if "FIN" in row.flags else "again" if again else "data" if length else "ack"
        start = sent[side] - length if again else sent[side]
        sent[side] = start + length
        acked = sent[not side] if "ACK" in row.flags else None
        found.append(SequenceRow(row.ts_ns, row.frame, side, kind, start, length, acked))  # type: ignore[arg-type]
    return tuple(found)


def idle_drop_incident() -> IncidentReport:
    """A firewall forgets a connection that was silent for 75 s; the next request is never answered."""
    retry = [0.0, 0.214, 0.430, 0.858, 1.722, 3.450, 7.066]
    rows = [
        _row(60.377725, 23, True, "SYN"),
        _row(60.387502, 24, False, "SYN, ACK"),
        _row(60.387531, 25, True, "ACK"),
        _row(60.393511, 26, True, "PSH, ACK", 90),
        _row(60.406681, 28, False, "PSH, ACK", 301),
        _row(60.406690, 29, True, "ACK"),
        _row(60.964129, 33, True, "PSH, ACK", 90),
        _row(60.970057, 34, False, "PSH, ACK", 265, note="The server's last sign of life.", decisive=True),
        _row(60.970073, 35, True, "ACK", note="Everything so far is acknowledged."),
    ]
    rows += [
        _row(
            136.285438 + offset,
            40 + index,
            True,
            "PSH, ACK",
            90,
            answered=False,
            decisive=index in (0, 6),
            note={
                0: "First request after the silence; no answer was ever seen.",
                1: "The same 90 bytes again.",
                6: "Last retry; from here on every call on this socket had to fail.",
            }.get(index, ""),
        )
        for index, offset in enumerate(retry)
    ]
    error_ns = START + 150_264 * MS
    rows.append(TimelineRow(error_ns - MS, "recv() 10060 WSAETIMEDOUT", "log", note="The first error, app.log line 4."))
    rows.append(TimelineRow(error_ns, "send() 10057 WSAENOTCONN", "log", note="The reported error, app.log line 5."))
    return IncidentReport(
        id="1",
        source="log",
        time_ns=error_ns,
        cause="firewall-idle-drop",
        confidence="high",
        score=0.96,
        culprit="middlebox",
        title="A device between client and server forgot the idle connection and dropped what came after it",
        summary="The connection worked until 02:01:00.970, then nothing was sent for 75.3 s. The client's next request "
        "(frame 40) and its six retransmissions (frames 41-46) drew no acknowledgment, no reset and no ICMP message, "
        "while other connections to the same server kept working. The call after the time-out answered 10057.",
        log=LogLine(
            "logs/app.log",
            5,
            "2026-05-26T02:02:30.264 ERROR [net] send(): WSAENOTCONN (10057) A request to "
            "send or receive data was disallowed because the socket is not connected peer=198.51.100.56:1433",
            "send",
            10057,
        ),
        stream=2,
        capture="captures/web01-ethernet.pcapng",
        client="192.0.2.60:61648",
        server="198.51.100.56:1433",
        evidence=(
            Evidence(
                "The connection was silent for 75.3 s, longer than any silence that it survived before (0.4 s).",
                (35, 40),
                "tcp.stream == 2 && frame.number in {35, 40}",
            ),
            Evidence(
                "The first request after the silence was sent seven times in 7.1 s and never acknowledged.",
                tuple(range(40, 47)),
                "tcp.stream == 2 && frame.number in {40..46}",
            ),
            Evidence(
                "The server answered 41 other connections of this client during those 7.1 s.",
                (2231, 2236),
                "ip.addr == 198.51.100.56 && tcp.stream != 2",
            ),
            Evidence(
                "No keepalive was sent on this connection, so nothing refreshed the device's state.",
                (),
                "tcp.stream == 2 && tcp.analysis.keep_alive",
            ),
        ),
        against=(
            Evidence(
                "A server that lost power would look the same on this one connection; the other 41 connections "
                "speak against it.",
                (2231,),
                "",
            ),
        ),
        unknown=(
            Unknown(
                "Whether frames 40-46 reached the server",
                "The capture was taken at the client",
                "A capture at the server, or on the server's side of the firewall, for the same minute",
            ),
            Unknown(
                "Which device dropped them",
                "A silent drop leaves nothing to see",
                "The firewall's session log for 192.0.2.60:61648 at 02:02:16 UTC",
            ),
        ),
        alternatives=(
            Alternative(
                "path-lost",
                "low",
                0.21,
                "Other connections over the same path kept working throughout.",
                "The network path failed",
            ),
            Alternative(
                "server-unresponsive",
                "low",
                0.12,
                "A host whose program hangs still acknowledges data.",
                "The server stopped answering",
            ),
            Alternative(
                "firewall-idle-reset",
                "low",
                0.05,
                "No reset was seen in either direction.",
                "A device reset the idle connection",
            ),
        ),
        disproof="A capture at the server that shows frames 40-46 arriving.",
        winsock=(
            WinsockAnswer(
                "recv (pending)",
                "10060 WSAETIMEDOUT",
                "The retransmissions ran out; this is the first error, one millisecond before the reported one.",
            ),
            WinsockAnswer(
                "send", "10057 WSAENOTCONN", "The program used the socket again after the time-out had ended it."
            ),
            WinsockAnswer("shutdown, getpeername", "10057 WSAENOTCONN", "The socket has no peer any more."),
        ),
        owner="The team that runs the firewall or NAT between 192.0.2.0/24 and 198.51.100.0/24, together with the "
        "owner of the application",
        fix=(
            Fix(
                "Send keepalives below the device's idle limit: first probe after at most 40 s.",
                {"C": KEEPALIVE_C, "C#": KEEPALIVE_CSHARP, "Python": KEEPALIVE_PYTHON},
            ),
            Fix(
                "Treat 10060, 10054 and 10053 as the end of the connection: close the socket and reconnect with "
                "exponential backoff.",
                {"Python": RECONNECT_PYTHON},
            ),
            Fix("Raise the idle limit for TCP port 1433 on the device, or let it send a reset when a session expires."),
        ),
        references=(
            "RFC 1122 §4.2.3.6",
            "RFC 5382 REQ-5",
            "SIO_KEEPALIVE_VALS https://learn.microsoft.com/windows/win32/winsock/sio-keepalive-vals",
        ),
        timeline=tuple(rows),
        sequence=_course(rows),
        silences=(
            SilenceRow(
                START + 60_970_073_000, 75_315_365_000, 35, 40, "client data, never acknowledged", False, LIMITS, True
            ),
        ),
    )


def idle_drop() -> Report:
    """One incident with a log."""
    return Report(
        generated_by="notconn 0.1.0",
        generated_ns=START + 7200 * NS,
        versions={"rules": "2026-05-01", "python": "3.11"},
        captures=(capture(),),
        incidents=(idle_drop_incident(),),
        findings=(
            Finding(
                "no-keepalive",
                "No connection to port 1433 sends keepalives",
                "43 connections to 198.51.100.56:1433 were silent for more than 30 s; none carried a keepalive.",
                (35, 40),
                "captures/web01-ethernet.pcapng",
                "tcp.port == 1433 && tcp.analysis.keep_alive",
            ),
            Finding(
                "idle-limit",
                "The idle limit on the path to 198.51.100.56 lies between 58 s and 75.3 s",
                "12 connections survived silences of up to 58 s; 1 connection died after 75.3 s.",
                (35, 40),
                "captures/web01-ethernet.pcapng",
                "",
                ("1",),
            ),
        ),
        limits=(
            "The capture was taken at the client: what happened behind the first device is inferred.",
            "Loopback traffic was not captured.",
        ),
    )


def server_closed_incident() -> IncidentReport:
    """The server closes after its answer; the client does not notice, sends later and meets a reset."""
    rows = (
        _row(152.287792, 26, True, "SYN"),
        _row(152.327323, 27, False, "SYN, ACK"),
        _row(152.327349, 28, True, "ACK"),
        _row(152.754864, 33, True, "PSH, ACK", 110),
        _row(152.785701, 34, False, "PSH, ACK", 1007),
        _row(153.166148, 36, False, "FIN, ACK", decisive=True, note="The server closes. recv answers 0 from here on."),
        _row(153.211561, 37, True, "ACK", note="The client's system acknowledges; the program does not close."),
        _row(156.152279, 38, True, "PSH, ACK", 111, note="The program sends on the ended connection.", decisive=True),
        _row(156.188601, 39, False, "RST", note="The server's system has no such connection.", decisive=True),
    )
    return IncidentReport(
        id="1",
        source="capture",
        time_ns=START + 156_188_601_000,
        cause="server-closed-then-client-sent",
        confidence="high",
        score=0.97,
        culprit="application",
        title="The server closed the connection and the client program went on using it",
        summary="The server closed in good order with a FIN (frame 36) after its last answer. The client's program did "
        "not take notice, sent 111 bytes 2.94 s later (frame 38) and met a reset (frame 39).",
        stream=2,
        capture="gateway.pcapng",
        client="[2001:db8::27:60]:50618",
        server="[2001:db8:100::81]:8080",
        evidence=(
            Evidence(
                "The server's FIN arrived in order and was acknowledged.",
                (36, 37),
                "tcp.stream == 2 && tcp.flags.fin == 1",
            ),
            Evidence(
                "The client sent data after the FIN without closing its own half.",
                (38,),
                "tcp.stream == 2 && frame.number == 38",
            ),
            Evidence(
                "A bare RST with the sequence number of our acknowledgment answered it: the server had no such "
                "connection any more (RFC 9293 §3.5.2).",
                (39,),
                "tcp.stream == 2 && tcp.flags.reset == 1",
            ),
        ),
        unknown=(
            Unknown(
                "Which call met 10057",
                "The error is not on the wire and no log was given",
                "The application's log of 02:02:36 UTC: run again with --log",
            ),
        ),
        alternatives=(
            Alternative(
                "server-idle-timeout",
                "medium",
                0.44,
                "The FIN came 0.38 s after the last answer; an idle limit that short is unusual.",
                "The server's idle limit expired",
            ),
        ),
        disproof="A log of the client that shows it closed the socket before 02:02:33.166 UTC.",
        winsock=(
            WinsockAnswer("recv", "0 (no error)", "The orderly end, to be read before anything else."),
            WinsockAnswer(
                "send",
                "ok, then 10053 WSAECONNABORTED",
                "The first send after the FIN is accepted and draws the reset.",
            ),
            WinsockAnswer("shutdown, getpeername", "10057 WSAENOTCONN", "Possible from frame 39 on."),
        ),
        owner="The owner of the client application",
        fix=(
            Fix(
                "Read recv's 0 as the end of the connection: close the socket, reconnect before the next request.",
                {"C": RECV_C, "Python": RECV_PYTHON},
            ),
        ),
        references=("RFC 9293 §3.6", "RFC 1122 §4.2.2.13"),
        timeline=rows,
        sequence=_course(rows),
        silences=(
            SilenceRow(
                START + 153_211_561_000, 2_940_718_000, 37, 38, "client data, answered by a reset", False, (), True
            ),
        ),
    )


def server_closed() -> Report:
    """One incident, IPv6, without a log, in a capture that was cut."""
    return Report(
        generated_by="notconn 0.1.0",
        captures=(
            capture(
                "gateway.pcapng",
                39,
                last_ns=START + 160 * NS,
                health={
                    "truncated": 0,
                    "dropped": 214,
                    "clock_steps": 0,
                    "damaged_blocks": 0,
                    "tcp_packets": 37,
                    "undecoded": {},
                    "cut": "the file ends inside frame 40",
                },
                remarks=(
                    "The capture itself lost 214 packets: a packet that is missing here may still have been sent.",
                    "The file ends in the middle of frame 40: everything before it was read.",
                ),
            ),
        ),
        incidents=(server_closed_incident(),),
        limits=("No log was given: the socket call that failed and its time are not known.",),
    )


def three_in_a_group() -> Report:
    """Three connections that died of the same idle limit, one refused connection beside them."""
    first = idle_drop_incident()
    members = [
        replace(
            first,
            id=str(number + 1),
            time_ns=first.time_ns + number * 900 * NS,
            group="A",
            stream=2 + 31 * number,
            client=f"192.0.2.60:{61648 + 7 * number}",
            **({} if number == 0 else {"log": None, "source": "capture"}),  # type: ignore[arg-type]
        )
        for number in range(3)
    ]
    refused = IncidentReport(
        id="4",
        source="capture",
        time_ns=START + 2_400 * NS + 612_345_000,
        cause="connection-refused",
        confidence="medium",
        score=0.81,
        culprit="server",
        title="Nothing listened on the server's port: each SYN was answered by a reset",
        summary="Five SYNs with the same sequence number (frames 3101-3109) were each refused within 9 ms.",
        stream=77,
        capture="captures/web01-ethernet.pcapng",
        client="192.0.2.60:61901",
        server="198.51.100.57:21",
        evidence=(
            Evidence(
                "Each of five SYNs drew RST, ACK that acknowledges exactly the SYN.",
                (3101, 3102, 3109),
                "tcp.stream == 77",
            ),
        ),
        unknown=(
            Unknown(
                "Whether the host or a device before it refused",
                "The answers carry TTL 123 and nothing else came from that host",
                "netstat -ano on the server at that minute",
            ),
        ),
        alternatives=(
            Alternative(
                "connection-rejected-by-firewall",
                "low",
                0.33,
                "The answer took one round trip (9 ms), as long as answers of its neighbour.",
                "",
            ),
        ),
        disproof="The server's own socket list showing a listener on port 21 at 02:40:00 UTC.",
        winsock=(
            WinsockAnswer("connect", "10061 WSAECONNREFUSED", "After the fifth refusal, 2 s after the first SYN."),
            WinsockAnswer("send, recv", "10057 WSAENOTCONN", "When the result of connect is ignored."),
        ),
        owner="The owner of the service on 198.51.100.57:21",
        fix=(Fix("Start the service, or correct the port; check the result of connect before the socket is used."),),
        timeline=(
            _row(2400.612345, 3101, True, "SYN", decisive=True),
            _row(2400.621345, 3102, False, "RST, ACK", decisive=True, note="Refused after 9 ms."),
            _row(2401.117345, 3103, True, "SYN", note="Windows repeats the same SYN after a refusal."),
            _row(2401.126345, 3104, False, "RST, ACK"),
        ),
    )
    base = idle_drop()
    return replace(
        base,
        incidents=(*members, refused),
        groups=(
            GroupReport(
                "A",
                "3 connections to 198.51.100.56:1433 died after silences of 75.3 s",
                "firewall-idle-drop",
                ("1", "2", "3"),
                "1",
                members[0].time_ns,
                members[-1].time_ns,
                "All three were silent for 75.3 s before the first unanswered request; no connection with a "
                "shorter silence died.",
            ),
        ),
    )


HOSTILE = (
    "\x1b[31mred\x1b[0m <script>alert(1)</script> ](javascript:x) @all #1 `code` |cell| \u202egpj.exe end; =1+1\x00"
)


def hostile() -> Report:
    """Every text a stranger may have chosen is an attack."""
    one = idle_drop_incident()
    log = one.log
    assert log is not None
    incident = replace(
        one,
        log=replace(log, text=HOSTILE, path=f"{HOSTILE}/app.log", call=HOSTILE),
        title=HOSTILE,
        summary=HOSTILE,
        client=HOSTILE,
        server=HOSTILE,
        owner=HOSTILE,
        disproof=HOSTILE,
        capture=HOSTILE,
        cause=HOSTILE,
        evidence=(Evidence(HOSTILE, (1, 2), HOSTILE),),
        against=(Evidence(HOSTILE, (1,), HOSTILE),),
        unknown=(Unknown(HOSTILE, HOSTILE, HOSTILE),),
        alternatives=(Alternative(HOSTILE, "low", 0.1, HOSTILE, HOSTILE),),
        winsock=(WinsockAnswer(HOSTILE, HOSTILE, HOSTILE),),
        fix=(Fix(HOSTILE, {HOSTILE: HOSTILE + "\n```\n</pre>"}),),
        references=(HOSTILE, 'x https://example.com/"onclick=x'),
        timeline=tuple(replace(row, label=HOSTILE, note=HOSTILE, flags=HOSTILE) for row in one.timeline),
        silences=tuple(
            replace(silence, ended_by=HOSTILE, limits=(KnownLimit(HOSTILE, 60 * NS, "javascript:alert(1)"),))
            for silence in one.silences
        ),
        group="A",
    )
    twin = replace(incident, id="2")
    return Report(
        generated_by="notconn 0.1.0",
        captures=(capture(HOSTILE, sha256=HOSTILE, format=HOSTILE, health={HOSTILE: HOSTILE}, remarks=(HOSTILE,)),),
        incidents=(incident, twin),
        groups=(GroupReport("A", HOSTILE, HOSTILE, ("1", "2"), "1", one.time_ns, one.time_ns, HOSTILE),),
        findings=(Finding(HOSTILE, HOSTILE, HOSTILE, (1,), HOSTILE, HOSTILE, ("1",)),),
        limits=(HOSTILE,),
        versions={HOSTILE: HOSTILE},
    )


FULL = 200
"""Incidents that the pipeline writes down in full; the rest of a crowd has its verdict, parties and evidence."""


def _brief(one: IncidentReport) -> IncidentReport:
    return replace(
        one, unknown=(), disproof="", winsock=(), fix=(), references=(), timeline=(), silences=(), sequence=()
    )


def many(total: int = 10_000) -> Report:
    """``total`` incidents in four groups."""
    first = idle_drop_incident()
    causes = ("firewall-idle-drop", "server-closed-then-client-sent", "connection-refused", "server-reset")
    brief = _brief(first)
    incidents = tuple(
        replace(
            first if number < FULL else brief,
            id=str(number + 1),
            group="ABCD"[number % 4],
            stream=number,
            cause=causes[number % 4],
            time_ns=START + number * 3600 * NS // total,
            client=f"192.0.2.{number % 250 + 1}:{20000 + number}",
            log=None,
            source="capture",
            title=f"{first.title} ({causes[number % 4]})",
        )
        for number in range(total)
    )
    groups = tuple(
        GroupReport(
            letter,
            f"{len(range(index, total, 4)):,} connections died of {causes[index]}",
            causes[index],
            tuple(one.id for one in incidents[index::4]),
            incidents[index].id,
            incidents[index].time_ns,
            incidents[total - 4 + index].time_ns,
            "All of them after the same silence.",
        )
        for index, letter in enumerate("ABCD")
    )
    return replace(idle_drop(), incidents=incidents, groups=groups)


def apart(report: Report) -> Report:
    """The same incidents, each standing alone."""
    return replace(report, groups=(), incidents=tuple(replace(one, group=None) for one in report.incidents))


def errors(total: int = 10_000) -> Report:
    """``total`` lines of a log, no two alike, each of a connection of its own, over IPv6, from deep folders."""
    folder = "D:/Support/" + "a folder whose name tells a whole story/" * 4
    report = many(total)
    first = idle_drop_incident()
    assert first.log is not None
    log = first.log
    incidents = tuple(
        replace(
            one,
            source="log",
            capture=f"{folder}web01.pcapng",
            client=f"[2001:db8:1234:5678:{number:04x}:abcd:ef01:2345]:{20000 + number}",
            server=f"[2001:db8:8765:4321:fedc:ba98:7654:{number % 10:04x}]:1433",
            evidence=(replace(first.evidence[0], frames=(100_000 + 7 * number, 100_004 + 7 * number)),),
            score=(80 + number % 10) / 100,
            log=replace(
                log,
                path=f"{folder}logs/service.log",
                line=number + 1,
                text=f"2026-05-26T02:02:30.{number % 1000:03} ERROR request {number * 7919:016x} of tenant {number} "
                f"failed: send(): WSAENOTCONN (10057) \u041e\u0448\u0438\u0431\u043a\u0430, attempt {number % 5}",
            ),
        )
        for number, one in enumerate(report.incidents)
    )
    return apart(replace(report, incidents=incidents, captures=(capture(f"{folder}web01.pcapng"),)))


def nothing() -> Report:
    """A capture in which every connection ended as it should."""
    return Report(
        generated_by="notconn 0.1.0",
        captures=(capture(),),
        incidents=(),
        limits=("Loopback traffic was not captured.",),
    )


def unmatched() -> Report:
    """A log line with no connection in the capture."""
    base = idle_drop_incident()
    incident = IncidentReport(
        id="1",
        source="log",
        time_ns=START - 600 * NS,
        cause="insufficient-evidence",
        confidence="low",
        score=0.4,
        culprit="unknown",
        title="The error lies outside the time span of the capture",
        summary="The log's error came 10 min before the first packet.",
        log=base.log,
        unknown=(
            Unknown(
                "Everything about that connection",
                "The capture started 10 min later",
                "A capture that covers 01:50 UTC",
            ),
        ),
    )
    return Report(generated_by="notconn 0.1.0", captures=(capture(),), incidents=(incident,))


SAMPLES = {
    "idle-drop": idle_drop,
    "server-closed": server_closed,
    "group": three_in_a_group,
}
