"""The numbers, names and aliases under which a socket error stands in a log.

Sources: Winsock numbers and names from Microsoft's "Windows Sockets Error Codes" page; the NTSTATUS mapping from
the assertions of Wine's ``dlls/ws2_32/tests/sock.c`` (run on Windows too); Linux numbers from
``asm-generic/errno.h``, macOS numbers from ``sys/errno.h``, libuv numbers from ``uv/errno.h``.
"""

from __future__ import annotations

from enum import IntEnum

__all__ = [
    "NOT_CONNECTED",
    "ErrorCode",
    "code_from_hresult",
    "code_from_ntstatus",
    "code_from_posix",
    "code_from_symbol",
]


class ErrorCode(IntEnum):
    """A Winsock error, or one of the few Win32 errors that overlapped socket calls answer instead.

    ``symbol`` is the name in Microsoft's headers; the properties give what other systems call the same thing.
    """

    ERROR_NETNAME_DELETED = 64
    ERROR_SEM_TIMEOUT = 121
    ERROR_OPERATION_ABORTED = 995
    ERROR_CONNECTION_REFUSED = 1225
    ERROR_NETWORK_UNREACHABLE = 1231
    ERROR_HOST_UNREACHABLE = 1232
    ERROR_CONNECTION_ABORTED = 1236
    WSAEINTR = 10004
    WSAEBADF = 10009
    WSAEACCES = 10013
    WSAEFAULT = 10014
    WSAEINVAL = 10022
    WSAEMFILE = 10024
    WSAEWOULDBLOCK = 10035
    WSAEINPROGRESS = 10036
    WSAEALREADY = 10037
    WSAENOTSOCK = 10038
    WSAEDESTADDRREQ = 10039
    WSAEMSGSIZE = 10040
    WSAEOPNOTSUPP = 10045
    WSAEAFNOSUPPORT = 10047
    WSAEADDRINUSE = 10048
    WSAEADDRNOTAVAIL = 10049
    WSAENETDOWN = 10050
    WSAENETUNREACH = 10051
    WSAENETRESET = 10052
    WSAECONNABORTED = 10053
    WSAECONNRESET = 10054
    WSAENOBUFS = 10055
    WSAEISCONN = 10056
    WSAENOTCONN = 10057
    WSAESHUTDOWN = 10058
    WSAETOOMANYREFS = 10059
    WSAETIMEDOUT = 10060
    WSAECONNREFUSED = 10061
    WSAEHOSTDOWN = 10064
    WSAEHOSTUNREACH = 10065
    WSASYSNOTREADY = 10091
    WSANOTINITIALISED = 10093
    WSAEDISCON = 10101
    WSAECANCELLED = 10103
    WSAHOST_NOT_FOUND = 11001
    WSATRY_AGAIN = 11002
    WSANO_RECOVERY = 11003
    WSANO_DATA = 11004

    @property
    def symbol(self) -> str:
        """The name in Microsoft's headers, such as ``WSAENOTCONN``."""
        return self.name

    @property
    def posix(self) -> str | None:
        """The POSIX name (``ENOTCONN``), which Node and Java logs use too; None where there is none."""
        if self.name.startswith("WSAE") and self not in _NOT_POSIX:
            return self.name[3:]
        return None

    @property
    def linux(self) -> int | None:
        """``errno`` of the same error on Linux."""
        return _LINUX.get(self)

    @property
    def macos(self) -> int | None:
        """``errno`` of the same error on macOS and the BSDs."""
        return _MACOS.get(self)

    @property
    def libuv(self) -> int | None:
        """The negative number Node reports on Windows."""
        return _LIBUV.get(self)

    @property
    def dotnet(self) -> str | None:
        """The member of .NET's ``SocketError`` enumeration."""
        return _DOTNET.get(self)

    @property
    def rust(self) -> str | None:
        """The variant of Rust's ``std::io::ErrorKind``."""
        return _RUST.get(self)

    @property
    def hresult(self) -> int:
        """The code as an unsigned HRESULT of facility Win32."""
        return 0x80070000 | int(self)


NOT_CONNECTED = ErrorCode.WSAENOTCONN

_E = ErrorCode
_NOT_POSIX = {_E.WSAEDISCON, _E.WSAECANCELLED}

_LINUX: dict[ErrorCode, int] = {
    _E.WSAEINTR: 4,
    _E.WSAEBADF: 9,
    _E.WSAEACCES: 13,
    _E.WSAEINVAL: 22,
    _E.WSAEMFILE: 24,
    _E.WSAENOTSOCK: 88,
    _E.WSAEDESTADDRREQ: 89,
    _E.WSAEADDRINUSE: 98,
    _E.WSAEADDRNOTAVAIL: 99,
    _E.WSAENETDOWN: 100,
    _E.WSAENETUNREACH: 101,
    _E.WSAENETRESET: 102,
    _E.WSAECONNABORTED: 103,
    _E.WSAECONNRESET: 104,
    _E.WSAENOBUFS: 105,
    _E.WSAEISCONN: 106,
    _E.WSAENOTCONN: 107,
    _E.WSAESHUTDOWN: 108,
    _E.WSAETIMEDOUT: 110,
    _E.WSAECONNREFUSED: 111,
    _E.WSAEHOSTDOWN: 112,
    _E.WSAEHOSTUNREACH: 113,
    _E.WSAEALREADY: 114,
    _E.WSAEINPROGRESS: 115,
    _E.WSAECANCELLED: 125,
}
_MACOS: dict[ErrorCode, int] = {
    _E.WSAEADDRINUSE: 48,
    _E.WSAEADDRNOTAVAIL: 49,
    _E.WSAENETDOWN: 50,
    _E.WSAENETUNREACH: 51,
    _E.WSAENETRESET: 52,
    _E.WSAECONNABORTED: 53,
    _E.WSAECONNRESET: 54,
    _E.WSAENOBUFS: 55,
    _E.WSAEISCONN: 56,
    _E.WSAENOTCONN: 57,
    _E.WSAESHUTDOWN: 58,
    _E.WSAETIMEDOUT: 60,
    _E.WSAECONNREFUSED: 61,
    _E.WSAEHOSTDOWN: 64,
    _E.WSAEHOSTUNREACH: 65,
}
_LIBUV: dict[ErrorCode, int] = {
    _E.WSAENOTCONN: -4053,
    _E.WSAECONNRESET: -4077,
    _E.WSAECONNREFUSED: -4078,
    _E.WSAECONNABORTED: -4079,
    _E.WSAETIMEDOUT: -4039,
    _E.WSAENETUNREACH: -4062,
    _E.WSAEADDRINUSE: -4091,
    _E.WSAEADDRNOTAVAIL: -4090,
    _E.WSAHOST_NOT_FOUND: -3008,
    _E.WSATRY_AGAIN: -3001,
}
_DOTNET: dict[ErrorCode, str] = {
    _E.WSAEINTR: "Interrupted",
    _E.WSAEACCES: "AccessDenied",
    _E.WSAEINVAL: "InvalidArgument",
    _E.WSAEWOULDBLOCK: "WouldBlock",
    _E.WSAEINPROGRESS: "InProgress",
    _E.WSAEALREADY: "AlreadyInProgress",
    _E.WSAENOTSOCK: "NotSocket",
    _E.WSAEADDRINUSE: "AddressAlreadyInUse",
    _E.WSAEADDRNOTAVAIL: "AddressNotAvailable",
    _E.WSAENETDOWN: "NetworkDown",
    _E.WSAENETUNREACH: "NetworkUnreachable",
    _E.WSAENETRESET: "NetworkReset",
    _E.WSAECONNABORTED: "ConnectionAborted",
    _E.WSAECONNRESET: "ConnectionReset",
    _E.WSAENOBUFS: "NoBufferSpaceAvailable",
    _E.WSAEISCONN: "IsConnected",
    _E.WSAENOTCONN: "NotConnected",
    _E.WSAESHUTDOWN: "Shutdown",
    _E.WSAETIMEDOUT: "TimedOut",
    _E.WSAECONNREFUSED: "ConnectionRefused",
    _E.WSAEHOSTDOWN: "HostDown",
    _E.WSAEHOSTUNREACH: "HostUnreachable",
    _E.WSAHOST_NOT_FOUND: "HostNotFound",
    _E.WSATRY_AGAIN: "TryAgain",
    _E.WSANO_RECOVERY: "NoRecovery",
    _E.WSANO_DATA: "NoData",
    _E.ERROR_OPERATION_ABORTED: "OperationAborted",
}
_RUST: dict[ErrorCode, str] = {
    _E.WSAENOTCONN: "NotConnected",
    _E.WSAECONNREFUSED: "ConnectionRefused",
    _E.WSAECONNRESET: "ConnectionReset",
    _E.WSAECONNABORTED: "ConnectionAborted",
    _E.WSAETIMEDOUT: "TimedOut",
    _E.WSAEHOSTUNREACH: "HostUnreachable",
    _E.WSAENETUNREACH: "NetworkUnreachable",
    _E.WSAENETDOWN: "NetworkDown",
    _E.WSAEADDRINUSE: "AddrInUse",
    _E.WSAEADDRNOTAVAIL: "AddrNotAvailable",
    _E.WSAESHUTDOWN: "BrokenPipe",
}
_NTSTATUS: dict[int, ErrorCode] = {
    0xC0000140: _E.WSAENOTCONN,  # STATUS_INVALID_CONNECTION
    0xC00000B0: _E.WSAESHUTDOWN,  # STATUS_PIPE_DISCONNECTED
    0xC00000B5: _E.WSAETIMEDOUT,  # STATUS_IO_TIMEOUT
    0xC000013B: _E.WSAECONNABORTED,  # STATUS_LOCAL_DISCONNECT
    0xC000013C: _E.WSAECONNRESET,  # STATUS_REMOTE_DISCONNECT
    0xC000013E: _E.WSAECONNRESET,  # STATUS_LINK_FAILED
    0xC000013F: _E.WSAETIMEDOUT,  # STATUS_LINK_TIMEOUT
    0xC000020C: _E.WSAECONNRESET,  # STATUS_CONNECTION_DISCONNECTED
    0xC000020D: _E.WSAECONNRESET,  # STATUS_CONNECTION_RESET
    0xC0000236: _E.WSAECONNREFUSED,  # STATUS_CONNECTION_REFUSED
    0xC000023C: _E.WSAENETUNREACH,  # STATUS_NETWORK_UNREACHABLE
    0xC000023D: _E.WSAEHOSTUNREACH,  # STATUS_HOST_UNREACHABLE
    0xC0000241: _E.WSAECONNABORTED,  # STATUS_CONNECTION_ABORTED
}

_SYMBOLS: dict[str, ErrorCode] = {code.name: code for code in ErrorCode}
_SYMBOLS |= {code.posix: code for code in ErrorCode if code.posix}
_SYMBOLS |= {
    "EPIPE": _E.WSAESHUTDOWN,
    "EAGAIN": _E.WSAEWOULDBLOCK,
    "ENOTFOUND": _E.WSAHOST_NOT_FOUND,
    "EAI_NONAME": _E.WSAHOST_NOT_FOUND,
    "EAI_AGAIN": _E.WSATRY_AGAIN,
    "EAI_FAIL": _E.WSANO_RECOVERY,
    "EAI_NODATA": _E.WSANO_DATA,
}
_KINDS: dict[str, ErrorCode] = {name: code for code, name in _RUST.items()} | {
    name: code for code, name in _DOTNET.items()
}
_BY_LINUX = {number: code for code, number in _LINUX.items()}
_BY_MACOS = {number: code for code, number in _MACOS.items()}
_BY_LIBUV = {number: code for code, number in _LIBUV.items()}


def code_from_symbol(name: str) -> ErrorCode | None:
    """Return the code of a C symbol, a Node code or a member name of .NET or Rust; None when unknown."""
    return _SYMBOLS.get(name) or _KINDS.get(name)


def code_from_hresult(value: int) -> ErrorCode | None:
    """Return the code inside an HRESULT of facility Win32, signed or unsigned; None for any other number."""
    value &= 0xFFFFFFFF
    if value >> 16 != 0x8007:
        return None
    return _known(value & 0xFFFF)


def code_from_ntstatus(value: int) -> ErrorCode | None:
    """Return the code to which Winsock maps an NTSTATUS, signed or unsigned; None when it is no socket status."""
    return _NTSTATUS.get(value & 0xFFFFFFFF)


def code_from_posix(number: int) -> tuple[ErrorCode | None, bool]:
    """Return the code of an ``errno`` and whether the number means it on any system.

    A negative number is libuv's, or a negated errno. The second value is False for the small numbers of macOS,
    which mean something else on Linux.
    """
    if number in _BY_LIBUV:
        return _BY_LIBUV[number], True
    number = abs(number)
    if number >= 10000:
        return _known(number), True
    if number in _BY_LINUX and number >= 98:
        return _BY_LINUX[number], True
    return _BY_MACOS.get(number), False


def _known(number: int) -> ErrorCode | None:
    try:
        return ErrorCode(number)
    except ValueError:
        return None
