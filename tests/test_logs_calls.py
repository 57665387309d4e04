"""The call that failed, from words and from frames."""

from __future__ import annotations

import pytest

from analyzer.logs.calls import call_of_name, find_call

_DISALLOWED = (
    "A request to send or receive data was disallowed because the socket is not connected and (when sending on a "
    "datagram socket using a sendto call) no address was supplied."
)


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("send failed: 10057", "send"),
        ("recv(): WSAENOTCONN (10057)", "recv"),
        ("shutdown error: WSAGetLastError()=10057", "shutdown"),
        ("getpeername -> SOCKET_ERROR 10057", "getpeername"),
        ("send to 10.9.0.7:21 failed 10057", "send"),
        ("connectex: No connection 10061", "connect"),
        ("write tcp a->b: wsasend: 10057", "send"),
        ("read tcp a->b: wsarecv: 10057", "recv"),
        ("Unable to write data to the transport connection: 10057", "send"),
        ("Error sending to peer 10057", "send"),
        ("error while calling setsockopt 10057", "setsockopt"),
        ("error on recv 10057", "recv"),
        ("write ENOTCONN", "send"),
        ("shutdown ENOTCONN", "shutdown"),
        ("Send failure: Socket is not connected 10057", "send"),
        ("Socket is not connected: socket write error", "send"),
        ("Error 10057 on send", "send"),
        ("syscall: 'shutdown' 10057", "shutdown"),
        ("op=getpeername send failed 10057", "getpeername"),
        ("Fehler beim Senden: Senden fehlgeschlagen 10057", "send"),
        ("nothing said 10057", None),
        ("A request to send or receive data was disallowed 10057", None),
        ("resend failed 10057", None),
        (f"(10057) {_DISALLOWED}", None),
        (f"shutdown for 10.9.0.7:21 failed with 10057 - {_DISALLOWED}", "shutdown"),
        (f"getpeername 10.9.0.7:21: {_DISALLOWED} 10057", "getpeername"),
        (f'Exception calling "Shutdown" with "1" argument(s): "{_DISALLOWED}" 10057', "shutdown"),
    ],
)
def test_words(text: str, call: str | None) -> None:
    place = next((text.find(mark) for mark in ("10057", "ENOTCONN", "not connected", "10061") if mark in text), 0)
    assert find_call(text, place) == call


@pytest.mark.parametrize(
    ("frames", "call"),
    [
        ("   at System.Net.Sockets.Socket.Send(Byte[] b)\n   at Acme.Receive()", "send"),
        ("   at System.Net.Sockets.Socket.Receive(Byte[] b)", "recv"),
        ("   at System.Net.Sockets.Socket.get_RemoteEndPoint()", "getpeername"),
        ("   at System.Net.Sockets.Socket.Shutdown(SocketShutdown how)", "shutdown"),
        ("   at System.Net.Sockets.NetworkStream.Write(Byte[] b)", "send"),
        ("   at System.Net.Sockets.Socket.SetSocketOption(x)", "setsockopt"),
        ("   at System.Net.Sockets.Socket.Disconnect(Boolean reuseSocket)", "disconnect"),
        ("\tat java.net.SocketOutputStream.socketWrite0(Native Method)", "send"),
        ("\tat sun.nio.ch.SocketChannelImpl.read(SocketChannelImpl.java:1)", "recv"),
        ('  File "a.py", line 3, in send\n    self.go()\n  File "b.py", line 4, in go\n    self._sock.recv(1)', "recv"),
        ("    at Socket._writeGeneric (node:net:962:11)", "send"),
        ("   at Acme.Client.Run()", None),
    ],
)
def test_frames(frames: str, call: str | None) -> None:
    assert find_call(f"lost: 10057\n{frames}", 6) == call


def test_words_count_more_than_frames() -> None:
    assert find_call("connect failed 10061\n   at System.Net.Sockets.Socket.Send(x)", 15) == "connect"


def test_the_words_nearest_before_the_code_count() -> None:
    text = "connect failed: 10060; send failed: 10057"
    assert find_call(text, text.index("10057")) == "send"
    assert find_call(text, text.index("10060")) == "connect"


def test_names() -> None:
    assert call_of_name("WSASend()") == "send"
    assert call_of_name("Socket.BeginReceive") == "recv"
    assert call_of_name("frobnicate") is None
