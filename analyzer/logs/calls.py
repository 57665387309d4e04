"""Name the socket call that failed, from the words of a record or from the frames of its stack trace.

The words a program chose ("shutdown failed") count more than the frames below them, since a shared wrapper may
stand in every trace; among the words those nearest before the error code count most.
"""

from __future__ import annotations

import re

__all__ = ["call_of_name", "find_call"]

_NAMES: dict[str, str] = {
    "connect": "connect",
    "connectex": "connect",
    "wsaconnect": "connect",
    "beginconnect": "connect",
    "endconnect": "connect",
    "connectasync": "connect",
    "connecting": "connect",
    "dial": "connect",
    "send": "send",
    "sending": "send",
    "sendall": "send",
    "sendmsg": "send",
    "sendasync": "send",
    "beginsend": "send",
    "endsend": "send",
    "wsasend": "send",
    "write": "send",
    "writev": "send",
    "write_some": "send",
    "read_some": "recv",
    "writing": "send",
    "writeasync": "send",
    "ssl_write": "send",
    "recv": "recv",
    "recv_into": "recv",
    "recvmsg": "recv",
    "receive": "recv",
    "receiving": "recv",
    "receiveasync": "recv",
    "beginreceive": "recv",
    "endreceive": "recv",
    "wsarecv": "recv",
    "read": "recv",
    "reading": "recv",
    "readasync": "recv",
    "ssl_read": "recv",
    "sendto": "sendto",
    "wsasendto": "sendto",
    "wsasendmsg": "sendto",
    "recvfrom": "recvfrom",
    "wsarecvfrom": "recvfrom",
    "receivefrom": "recvfrom",
    "shutdown": "shutdown",
    "wsashutdown": "shutdown",
    "shutdownoutput": "shutdown",
    "shutdowninput": "shutdown",
    "getpeername": "getpeername",
    "peer_addr": "getpeername",
    "get_remoteendpoint": "getpeername",
    "remoteendpoint": "getpeername",
    "getremotesocketaddress": "getpeername",
    "getsockname": "getsockname",
    "local_addr": "getsockname",
    "get_localendpoint": "getsockname",
    "localendpoint": "getsockname",
    "getaddrinfo": "getaddrinfo",
    "getaddrinfow": "getaddrinfo",
    "getnameinfo": "getaddrinfo",
    "gethostbyname": "getaddrinfo",
    "gethostentry": "getaddrinfo",
    "gethostaddresses": "getaddrinfo",
    "lookup": "getaddrinfo",
    "setsockopt": "setsockopt",
    "setsocketoption": "setsockopt",
    "getsockopt": "getsockopt",
    "getsocketoption": "getsockopt",
    "ioctlsocket": "ioctl",
    "wsaioctl": "ioctl",
    "iocontrol": "ioctl",
    "accept": "accept",
    "acceptex": "accept",
    "acceptasync": "accept",
    "endaccept": "accept",
    "bind": "bind",
    "listen": "listen",
    "disconnect": "disconnect",
    "disconnectex": "disconnect",
    "transmitfile": "transmitfile",
    "transmitpackets": "transmitfile",
    "sendfile": "transmitfile",
    "select": "select",
    "wsapoll": "select",
    "close": "close",
    "closesocket": "close",
}


def call_of_name(name: str) -> str | None:
    """Return the socket call that a function, a .NET method or a Node ``syscall`` amounts to; None when unknown."""
    return _NAMES.get(name.strip().strip("()").rpartition(".")[2].lower())


_FIELD = re.compile(r"\b(?:op|operation|call|syscall|api|func(?:tion)?|method|action)[\"']?\s?[=:]\s?[\"']?([a-z_]+)")
_WORDS: tuple[re.Pattern[str], ...] = (
    # What strace writes: sendto(7, "x", 1, 0, NULL, 0) = -1 ENOTCONN
    re.compile(r"(?<![a-z0-9_])([a-z_]{4,14})\([^\n]{0,300}\) = -1"),
    re.compile(
        r"(?<![a-z0-9_])([a-z_]{4,22})(?:\(\d*\))?\s?"
        r"(?:call\s|operation\s|on socket\s|(?:to|from|on|for) \S+\s|request\s|\S{2,60}:\d{1,5}(?=:))?"
        r"(?::(?=\s|$)|->|=>|=\s?-1|failed\b|failure\b|fails\b|error\b|err\b|returned\b|returns\b|raised\b|threw\b"
        r"|fehlgeschlagen|a échoué|falló|が失敗|失败)"
    ),
    re.compile(r"\b(?:failed|unable|could ?n[o']t|cannot|can't|fails)(?: to)? (?:be )?([a-z_]+)"),
    re.compile(
        r"\b(?:fail(?:ed|ure)|errors?|exception|problem)\W{1,2}(?:occurred )?"
        r"(?:(?:while|during|when|in|on|from|at|by|calling|of) )*(?:the |a )?([a-z_]+)"
    ),
    # Not what the text of 10057 itself says of datagrams.
    re.compile(r"\b(?:while|during|when) (?!sending on a datagram)([a-z_]+)"),
    re.compile(r"\b(?:erreur|fehler|error) (?:en|beim?|lors de l[ae']|al) ([a-z_]+)"),
    re.compile(r"(?<![a-z0-9_])([a-z_]{4,22}) e(?:notconn|conn[a-z]+|timedout|pipe|hostunreach|netunreach)\b"),
    # PowerShell: Exception calling "Send" with "1" argument(s)
    re.compile(r"exception calling \"([a-z_]+)\" with"),
    re.compile(r"\b1[01]0\d\d\)? (?:on|in|from|during|while|at|when|calling) (?:the )?([a-z_]+)"),
    re.compile(r"\b(getaddrinfo|gethostbyname)\b"),
    re.compile(r"not connected: (?:socket |datagram )?([a-z_]+)"),
    re.compile(r"\b(senden|empfangen|lesen|schreiben|verbinden)\W{1,3}(?:fehl|ist fehl|schlug)"),
)
_GERMAN = {"senden": "send", "schreiben": "send", "empfangen": "recv", "lesen": "recv", "verbinden": "connect"}
_AFTER = 300
"""Words further behind the code than this are of another statement."""

_FRAMES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"get_RemoteEndPoint|getRemoteSocketAddress|[Pp]eer_?[Aa]ddr\b|getpeername\("), "getpeername"),
    (re.compile(r"get_LocalEndPoint|\blocal_addr\b|getsockname\("), "getsockname"),
    (
        re.compile(
            r"Socket\.Shutdown\(|shutdown(?:Out|In)put|[._]sock\w*\.shutdown\(|\.shutdown\(|_final\b|ShutdownWrap"
        ),
        "shutdown",
    ),
    (re.compile(r"SetSocketOption|\bsetsockopt\(|setKeepAlive|SetIPv6|set_NoDelay|set_LingerState"), "setsockopt"),
    (re.compile(r"GetSocketOption|\bgetsockopt\("), "getsockopt"),
    (re.compile(r"Socket\.(?:SendTo|BeginSendTo|EndSendTo)|UdpClient\.Send|\.sendto\(|DatagramSocket\.send"), "sendto"),
    (re.compile(r"Socket\.(?:ReceiveFrom|BeginReceiveFrom)|\.recvfrom\(|DatagramSocket\.receive"), "recvfrom"),
    (re.compile(r"Socket\.(?:Begin|End)?Disconnect|DisconnectEx"), "disconnect"),
    (re.compile(r"Socket\.SendFile|TransmitFile|\.sendfile\("), "transmitfile"),
    (
        re.compile(
            r"Socket\.(?:Begin|End)?Send\w*\(|NetworkStream\.(?:Begin|End)?Write|SslStream\.\w*Write|socketWrite0?"
            r"|SocketOutputStream|"
            r"SocketDispatcher\.write|SocketChannelImpl\.write|\.send(?:all|msg)?\(|\bWSASend\(|writeGeneric"
            r"|writevGeneric|WriteWrap|"
            r"TcpStream[^\n]{0,40}write|\bSSL_write\b|(?<![\w.])send\("
        ),
        "send",
    ),
    (
        re.compile(
            r"Socket\.(?:Begin|End)?Receive\w*\(|NetworkStream\.(?:Begin|End)?Read|SslStream\.\w*Read|socketRead0?"
            r"|SocketInputStream|"
            r"SocketDispatcher\.read|SocketChannelImpl\.read|\.recv(?:_into|msg)?\(|\bWSARecv\(|onStreamRead"
            r"|TcpStream[^\n]{0,40}read|"
            r"\bSSL_read\b|(?<![\w.])recv\("
        ),
        "recv",
    ),
    (
        re.compile(
            r"Socket\.(?:Begin|End|Internal|Do)?Connect\w*\(|TcpClient\.\w*Connect|socketConnect"
            r"|SocketChannelImpl\.(?:finishC|c)onnect|"
            r"\.connect(?:_ex)?\(|TCPConnectWrap|create_connection|net\.Dial|\bWSAConnect\("
        ),
        "connect",
    ),
    (re.compile(r"Socket\.(?:Begin|End)?Accept|\.accept\(|ServerSocket\.accept"), "accept"),
    (
        re.compile(r"Dns\.\w*(?:GetHost|Resolve)|getaddrinfo\(|InetAddress\.getAllByName|GetAddrInfoReqWrap"),
        "getaddrinfo",
    ),
)
_PYTHON_FRAME = re.compile(r'(?m)^\s*File "[^"\n]+", line \d+')


def find_call(text: str, code_place: int) -> str | None:
    """Return the call that failed; ``code_place`` is where the error code stands in ``text``. Never raises."""
    lowered = text.lower()
    for match in _FIELD.finditer(lowered):
        if match[1] in _NAMES:
            return _NAMES[match[1]]
    before: tuple[int, str] | None = None
    after: tuple[int, str] | None = None
    for pattern in _WORDS:
        for match in pattern.finditer(lowered, 0, code_place + _AFTER):
            call = _NAMES.get(match[1]) or _NAMES.get(match[1].rpartition("_")[2]) or _GERMAN.get(match[1])
            if call is None:
                continue
            if match.start() <= code_place:
                if before is None or match.start() >= before[0]:
                    before = (match.start(), call)
            elif after is None or match.start() < after[0]:
                after = (match.start(), call)
    if before is not None:
        return before[1]
    return _from_frames(text) or (after[1] if after is not None else None)


def _from_frames(text: str) -> str | None:
    """Return the call of the innermost known frame: first in most traces, last in Python's."""
    found = [(match.start(), call) for pattern, call in _FRAMES for match in pattern.finditer(text)]
    if not found:
        return None
    return max(found)[1] if _PYTHON_FRAME.search(text) else min(found)[1]
