"""The words in which a socket error stands in a log.

The error texts are fragments of what FormatMessage answers on Windows of that language, of libc, libuv, OpenJDK,
curl, PuTTY and FTP servers; a fragment is what stays the same between versions. Matching is on lower-cased text
with typographic apostrophes straightened and runs of white space squeezed.
"""

from __future__ import annotations

from analyzer.logs.codes import ErrorCode

__all__ = ["LEGACY_NEEDLES", "MANAGED_GUARDS", "find_phrases", "fold"]

_E = ErrorCode

_TEXTS: dict[ErrorCode, tuple[str, ...]] = {
    _E.WSAENOTCONN: (
        "socket is not connected",
        "err_socket_not_connected",
        "transport endpoint is not connected",
        "was disallowed because the socket",
        "socket nicht verbunden ist",
        "datagrammsocket mit einem sendto-aufruf",
        "le socket n'est pas connect",
        "la socket n'est pas connect",
        "socket no está conectado",
        "socket no esta conectado",
        "il socket non è connesso",
        "soquete não está conectado",
        "socket não está ligado",
        "сокет не подключен",
        "ソケットが接続されていないか",
        "ソケットは接続されていません",
        "由于套接字没有连接",
        "套接字没有连接",
        "套接字未连接",
        "소켓이 연결되어 있지",
        "der transportendpunkt ist nicht verbunden",
        "der socket ist nicht verbunden",
    ),
    _E.WSAECONNREFUSED: (
        "target machine actively refused it",
        "connection refused",
        "zielcomputer die verbindung verweigerte",
        "verbindungsaufbau abgelehnt",
        "l'a expressément refusée",
        "connexion refusée",
        "denegó expresamente dicha conexión",
        "conexión rehusada",
        "対象のコンピューターによって拒否されたため",
        "目标计算机积极拒绝",
    ),
    _E.WSAETIMEDOUT: (
        "connected party did not properly respond after a period of time",
        "connection timed out",
        "operation timed out",
        "connect timed out",
        "i/o timeout",
        "gegenstelle nach einer bestimmten zeitspanne nicht",
        "verbindungszeitüberschreitung",
        "le parti connecté n'a pas répondu convenablement",
        "la parte conectada no respondió adecuadamente",
        "接続済みの呼び出し先が一定の時間を過ぎても",
        "连接方在一段时间后没有正确答复",
    ),
    _E.WSAECONNRESET: (
        "existing connection was forcibly closed by the remote host",
        "connection reset by peer",
        "connection was reset",
        "connection reset",
        "verbindung vom kommunikationspartner zurückgesetzt",
        "vorhandene verbindung wurde vom remotehost geschlossen",
        "connexion existante a dû être fermée par l'hôte distant",
        "forzado la interrupción de una conexión existente por el host remoto",
        "既存の接続はリモート ホストに強制的に切断されました",
        "远程主机强迫关闭了一个现有的连接",
    ),
    _E.WSAECONNABORTED: (
        "aborted by the software in your host machine",
        "software caused connection abort",
        "softwaregesteuert durch den hostcomputer abgebrochen",
        "abandonnée par un logiciel de votre ordinateur hôte",
        "anulado una conexión establecida por el software",
        "確立された接続がホスト コンピューター",
        "主机中的软件中止了一个已建立的连接",
    ),
    _E.WSAEHOSTUNREACH: (
        "attempted to an unreachable host",
        "no route to host",
        "nicht verfügbaren host",
        "keine route zum zielrechner",
        "vers un hôte inaccessible",
        "host no accesible",
        "到達できないホスト",
        "无法连接的主机",
    ),
    _E.WSAENETUNREACH: (
        "attempted to an unreachable network",
        "network is unreachable",
        "network unreachable",
        "nicht verfügbares netzwerk",
        "vers un réseau inaccessible",
        "到達できないネットワーク",
        "无法连接的网络",
    ),
    _E.WSAESHUTDOWN: (
        "had already been shut down in that direction",
        "broken pipe",
        "after socket shutdown",
        "after transport endpoint shutdown",
    ),
    _E.WSAENETRESET: ("keep-alive activity detecting a failure", "dropped connection on reset"),
    _E.WSAENOTSOCK: ("attempted on something that is not a socket", "socket operation on non-socket"),
    _E.WSAEISCONN: ("on an already connected socket", "endpoint is already connected"),
    _E.WSAENOBUFS: ("lacked sufficient buffer space or because a queue was full",),
    _E.WSAEADDRINUSE: ("only one usage of each socket address", "address already in use"),
    _E.WSAEADDRNOTAVAIL: ("requested address is not valid in its context", "cannot assign requested address"),
    _E.WSAEACCES: ("forbidden by its access permissions",),
    _E.WSAEWOULDBLOCK: (
        "non-blocking socket operation could not be completed immediately",
        "resource temporarily unavailable",
    ),
    _E.ERROR_NETNAME_DELETED: ("the specified network name is no longer available",),
    _E.WSAHOST_NOT_FOUND: (
        "no such host is known",
        "no such host",
        "name or service not known",
        "nodename nor servname provided",
        "could not resolve host",
        "unknownhostexception",
        "host ist nicht bekannt",
        "host ist unbekannt",
        "hôte inconnu",
        "host desconocido",
        "そのようなホストは不明です",
        "不知道这样的主机",
    ),
    _E.WSATRY_AGAIN: (
        "temporary failure in name resolution",
        "usually a temporary error during hostname resolution",
        "server misbehaving",
    ),
    _E.WSANO_DATA: ("no data of the requested type was found", "no data record of requested type"),
}

MANAGED_GUARDS: tuple[tuple[str, str], ...] = (
    ("not allowed on non-connected sockets", "InvalidOperationException"),
    ("notyetconnectedexception", "NotYetConnectedException"),
    ("eidnotconnected", "EIdNotConnected"),
    ("wrong protocol or connection state for the requested", "sckBadState"),
    ("was not called in qabstractsocket::connectedstate", "QAbstractSocket::ConnectedState"),
    ("qiodevice::write (qtcpsocket): device not open", "QIODevice"),
    ("qiodevice::write (qsslsocket): device not open", "QIODevice"),
    ("cannot determine peer address", "IO::Socket"),
)
"""Runtimes that refuse before the system is asked: text and the exception's name. No code stands in such a record."""

_WORDS: list[tuple[str, ErrorCode]] = [(text, code) for code, texts in _TEXTS.items() for text in texts]
_WORDS.sort(key=lambda pair: -len(pair[0]))

LEGACY_NEEDLES: tuple[bytes, ...] = tuple(
    sorted(
        {
            text.encode(encoding)
            for text, encodings in (
                ("ソケットが接続されていないか", ("utf-8", "cp932", "euc-jp")),
                ("接続されていません", ("utf-8", "cp932", "euc-jp")),
                ("套接字没有连接", ("utf-8", "cp936")),
                ("套接字未连接", ("utf-8", "cp936")),
                ("сокет не подключен", ("utf-8", "cp1251", "cp866")),
                ("소켓이 연결되어", ("utf-8", "cp949")),
            )
            for encoding in encodings
        }
    )
)
"""Byte strings that only a text without any ASCII word of the error holds."""


def fold(text: str) -> str:
    """Return ``text`` as the fragments expect it; its length is kept so that places stay valid."""
    lowered = text.translate(_STRAIGHT).lower()
    return lowered if len(lowered) == len(text) else text.translate(_STRAIGHT)


_STRAIGHT = {0x2019: "'", 0x2018: "'", 0x00A0: " ", 0x202F: " ", 0x3000: " ", 0x0A: " ", 0x0D: " ", 0x09: " "}


def find_phrases(folded: str) -> list[tuple[int, ErrorCode]]:
    """Return the place and code of each known error text in text that went through `fold`."""
    # A search for each fragment is several times faster here than one pattern of them all.
    return [(folded.index(text), code) for text, code in _WORDS if text in folded]
