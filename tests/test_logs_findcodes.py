"""What is an error code and what only looks like one."""

from __future__ import annotations

import pytest

from analyzer.logs.findcodes import find_codes


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("send(): WSAENOTCONN (10057) A request to send", [10057]),
        ("send failed: 10057 (10.9.0.7:21)", [10057]),
        ("shutdown failed with error 10057", [10057]),
        ("WSASend failed, error code: 10057", [10057]),
        ("WSAGetLastError()=10057", [10057]),
        ("NativeErrorCode=10057", [10057]),
        ("SocketErrorCode=NotConnected", [10057]),
        ("Os { code: 10057, kind: NotConnected }", [10057]),
        ("(os error 10057)", [10057]),
        ("[WinError 10057]", [10057]),
        ("recv -> SOCKET_ERROR 10057", [10057]),
        ("Socket Error # 10057 Socket is not connected.", [10057]),
        ("Winsock Error 10057", [10057]),
        ("Socket-Fehler 10057", [10057]),
        ("Fehlercode 10057", [10057]),
        ("code d'erreur 10057", [10057]),
        ("código de error: 10057", [10057]),
        ("エラー コード 10057", [10057]),
        ("错误代码: 10057", [10057]),
        ("errno=10057", [10057]),
        ("errno: -4053", [10057]),
        ("errno 107", [10057]),
        ("send failed, errno 57", [10057]),
        ("0x80072749", [10057]),
        ("(-2147014839)", [10057]),
        ("2147952457", [10057]),
        ("Status=0xC0000140", [10057]),
        ("status: 3221225792", [10057]),
        ("error 0x2749", [10057]),
        ("recv 0x00002749", [10057]),
        ("CHIP Error 0x02000039", [10057]),
        ("SocketException (0x80004005): the text of nothing", []),
        ("SocketException (10060): x", [10060]),
        ("WSAETIMEDOUT (10060) then WSAENOTCONN (10057)", [10060, 10057]),
        ("getaddrinfo error: WSAGetLastError()=11001 WSAHOST_NOT_FOUND", [11001]),
        ("getaddrinfo ENOTFOUND ftp.example.com", [11001]),
        ("getaddrinfo EAI_AGAIN ftp.example.com", [11002]),
        ("connect ECONNREFUSED 10.9.0.7:21", [10061]),
        ("[Errno 104] Connection reset by peer", [10054]),
        ("[Errno 61] Connection refused", [10061]),
        ("write: broken pipe", [10058]),
        ("[WinError 64] The specified network name is no longer available", [64]),
        ("dial tcp 10.9.0.7:21: i/o timeout", [10060]),
        ("socket_write(): unable to write to socket [10057]", [10057]),
        ("connect() success, send(): -1 (10057)", [10057]),
        ("tcp_send -> ret 10057", [10057]),
        ("gen_tcp:send failed: {error,enotconn}", [10057]),
        ("net::ERR_SOCKET_NOT_CONNECTED", [10057]),
        ("io error: NotConnected", [10057]),
        ("socket.error: (10057, 'Socket is not connected')", [10057]),
        ("Run-time error '10057': Socket is not connected", [10057]),
        ("send: The socket is not connected [system:10057]", [10057]),
        ("send failed (10.9.0.7:21): 10057", [10057]),
    ],
)
def test_errors(text: str, codes: list[int]) -> None:
    assert [hit.code for hit in find_codes(text)] == codes


@pytest.mark.parametrize(
    "text",
    [
        " ERROR 10057 --- [main] x",
        " [10057] ERROR x",
        " ERROR [10057] socket x",
        "listening on port 10057",
        "10.9.0.7:10057 connect error",
        "svc[10057]: error",
        "row 10057 failed",
        "order 10057: error",
        "error: 10057 rows rejected",
        "socket error after 10057 ms",
        "recv returned 10057 bytes",
        "error, 10057.50 EUR",
        "error 10057% of",
        "id=10057 socket error",
        "device state NotConnected",
        "user is not connected",
        "errno 57 in parser",
        "file C:\\10057\\error",
        "error-10057-4c00",
        "0x2749",
        "E/NetClient(10057): send failed",
        "read from socket 10057 failed",
        "socket [10057] closed",
        "ENOTCONNECTED",
        "PRINTER_ENOTCONNX",
    ],
)
def test_no_errors(text: str) -> None:
    assert find_codes(text) == []


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("The operation is not allowed on non-connected sockets.", "InvalidOperationException"),
        ("java.nio.channels.NotYetConnectedException", "NotYetConnectedException"),
        ("ftp> Not connected.", "Not connected"),
    ],
)
def test_refusals_without_a_code(text: str, symbol: str) -> None:
    [hit] = find_codes(text)
    assert (hit.code, hit.symbol, hit.is_not_connected) == (None, symbol, True)


@pytest.mark.parametrize(
    "text",
    [
        "A request to send or receive data was disallo\nwed because the socket is not conn\nected",
        "was disallowed because th e socket is not con nected and",
        "Transport endpo\nint is not connected",
    ],
)
def test_console_wraps(text: str) -> None:
    assert [hit.code for hit in find_codes(text)] == [10057]
