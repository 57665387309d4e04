"""Socket tables as the programs print them."""

from __future__ import annotations

import pytest

from analyzer.logs.sockets import is_socket_table, parse_sockets

NETSTAT_WINDOWS = """
Active Connections

  Proto  Local Address          Foreign Address        State           PID
  TCP    0.0.0.0:135            0.0.0.0:0              LISTENING       988
 [svchost.exe]
  TCP    10.0.0.5:50123         10.9.0.7:21            CLOSE_WAIT      4312
 [acme-agent.exe]
  TCP    [::1]:50200            [::1]:8080             ESTABLISHED     4312
  TCP    10.0.0.5:50124         10.9.0.7:21            SYN_SENT        4312
  UDP    0.0.0.0:5353           *:*                                    1200
"""
NETSTAT_GERMAN = """
Aktive Verbindungen

  Proto  Lokale Adresse         Remoteadresse          Status           PID
  TCP    0.0.0.0:135            0.0.0.0:0              ABHÖREN         988
  TCP    10.0.0.5:50123         10.9.0.7:21            SCHLIESSEN_WARTEN 4312
  TCP    10.0.0.5:50124         10.9.0.7:21            HERGESTELLT     4312
"""
NETSTAT_LINUX = """Active Internet connections (servers and established)
Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name
tcp        0      0 0.0.0.0:22              0.0.0.0:*               LISTEN      1/sshd
tcp        1      0 10.0.0.5:50123          10.9.0.7:21             CLOSE_WAIT  988/python3
tcp6       0      0 :::80                   :::*                    LISTEN      -
"""
NETSTAT_MAC = """Active Internet connections (including servers)
Proto Recv-Q Send-Q  Local Address          Foreign Address        (state)
tcp4       0      0  10.0.0.5.50123         10.9.0.7.21            ESTABLISHED
tcp46      0      0  *.80                   *.*                    LISTEN
"""
SS = """State      Recv-Q Send-Q Local Address:Port   Peer Address:Port Process
LISTEN     0      128          0.0.0.0:22          0.0.0.0:*     users:(("sshd",pid=1,fd=3))
CLOSE-WAIT 1      0           10.0.0.5:50123      10.9.0.7:21    users:(("python3",pid=988,fd=7))
ESTAB      0      0              [::1]:50200         [::1]:8080
"""
LSOF = """COMMAND  PID USER   FD   TYPE DEVICE SIZE/OFF NODE NAME
python3  988 root    7u  IPv4 123456      0t0  TCP 10.0.0.5:50123->10.9.0.7:21 (CLOSE_WAIT)
sshd       1 root    3u  IPv4 123457      0t0  TCP *:22 (LISTEN)
"""
POWERSHELL = """
LocalAddress  LocalPort RemoteAddress  RemotePort State       AppliedSetting OwningProcess
------------  --------- -------------  ---------- -----       -------------- -------------
10.0.0.5      50123     10.9.0.7       21         CloseWait   Internet       4312
::            135       ::             0          Listen                     988
"""
POWERSHELL_LIST = """
LocalAddress   : 10.0.0.5
LocalPort      : 50123
RemoteAddress  : 10.9.0.7
RemotePort     : 21
State          : CloseWait
OwningProcess  : 4312

LocalAddress   : ::1
LocalPort      : 50200
RemoteAddress  : ::1
RemotePort     : 8080
State          : Established
OwningProcess  : 4312
"""
POWERSHELL_CSV = """"LocalAddress","LocalPort","RemoteAddress","RemotePort","State","OwningProcess"
"10.0.0.5","50123","10.9.0.7","21","CloseWait","4312"
"""
POWERSHELL_JSON = """[{"LocalAddress":"10.0.0.5","LocalPort":50123,"RemoteAddress":"10.9.0.7","RemotePort":21,
"State":8,"OwningProcess":4312}]"""

ALL = {
    "windows": NETSTAT_WINDOWS,
    "german": NETSTAT_GERMAN,
    "linux": NETSTAT_LINUX,
    "mac": NETSTAT_MAC,
    "ss": SS,
    "lsof": LSOF,
    "powershell": POWERSHELL,
    "list": POWERSHELL_LIST,
    "csv": POWERSHELL_CSV,
    "json": POWERSHELL_JSON,
}
CLOSE_WAIT = [name for name in ALL if name != "mac"]


@pytest.mark.parametrize("name", ALL)
def test_the_connection_is_found(name: str) -> None:
    rows = parse_sockets(ALL[name])
    [row] = [row for row in rows if row.local is not None and row.local.port == 50123]
    assert (str(row.local), str(row.remote), row.protocol) == ("10.0.0.5:50123", "10.9.0.7:21", "tcp")
    assert row.state == ("CLOSE_WAIT" if name in CLOSE_WAIT else "ESTABLISHED")
    assert is_socket_table(ALL[name])


@pytest.mark.parametrize(
    ("name", "pid", "process"),
    [
        ("windows", 4312, "acme-agent.exe"),
        ("german", 4312, None),
        ("linux", 988, "python3"),
        ("mac", None, None),
        ("ss", 988, "python3"),
        ("lsof", 988, "python3"),
        ("powershell", 4312, None),
        ("list", 4312, None),
        ("csv", 4312, None),
        ("json", 4312, None),
    ],
)
def test_owners(name: str, pid: int | None, process: str | None) -> None:
    [row] = [row for row in parse_sockets(ALL[name]) if row.local is not None and row.local.port == 50123]
    assert (row.pid, row.process) == (pid, process)


def test_wildcards_are_no_endpoint() -> None:
    rows = {(row.local.port if row.local else 0): row for row in parse_sockets(NETSTAT_WINDOWS)}
    assert rows[135].remote is None
    assert rows[135].state == "LISTEN"
    assert (rows[5353].protocol, rows[5353].remote, rows[5353].state, rows[5353].pid) == ("udp", None, "", 1200)
    assert rows[135].line == 5
    assert [row.state for row in parse_sockets(POWERSHELL)] == ["CLOSE_WAIT", "LISTEN"]
    assert parse_sockets(POWERSHELL)[1].pid == 988


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-22 14:05:01 connected to 10.9.0.7:21",
        "tcp is fine today",
        "State 1 2 3 4",
        "LocalAddress is not LocalPort",
        "[]",
        '{"a": [',
        "TCP",
    ],
)
def test_other_text_is_no_table(text: str) -> None:
    assert parse_sockets(text) == ()
    assert not is_socket_table(text)


def test_a_digit_that_is_no_number_is_no_process() -> None:
    text = "LocalAddress,LocalPort,RemoteAddress,RemotePort,State,OwningProcess\n10.0.0.5,50123,10.9.0.7,21,Established,²\n"
    (row,) = parse_sockets(text)
    assert row.pid is None
