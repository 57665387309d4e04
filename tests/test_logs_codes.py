"""Numbers and names of one error on many systems."""

from __future__ import annotations

import errno
import sys

import pytest

from analyzer.logs.codes import (
    NOT_CONNECTED,
    ErrorCode,
    code_from_hresult,
    code_from_ntstatus,
    code_from_posix,
    code_from_symbol,
)


def test_not_connected_everywhere() -> None:
    code = NOT_CONNECTED
    assert (int(code), code.symbol, code.posix) == (10057, "WSAENOTCONN", "ENOTCONN")
    assert (code.linux, code.macos, code.libuv) == (107, 57, -4053)
    assert (code.dotnet, code.rust, code.hresult) == ("NotConnected", "NotConnected", 0x80072749)


@pytest.mark.parametrize("value", [0x80072749, -2147014839])
def test_hresult(value: int) -> None:
    assert code_from_hresult(value) is NOT_CONNECTED


def test_other_hresults_are_no_socket_error() -> None:
    assert code_from_hresult(0x80004005) is None
    assert code_from_hresult(0x80070005) is None


def test_ntstatus() -> None:
    assert code_from_ntstatus(0xC0000140) is NOT_CONNECTED
    assert code_from_ntstatus(0xC0000140 - (1 << 32)) is NOT_CONNECTED
    assert code_from_ntstatus(0xC000020D) is ErrorCode.WSAECONNRESET
    assert code_from_ntstatus(0) is None


@pytest.mark.parametrize(
    ("number", "code", "certain"),
    [
        (107, ErrorCode.WSAENOTCONN, True),
        (-107, ErrorCode.WSAENOTCONN, True),
        (57, ErrorCode.WSAENOTCONN, False),
        (-4053, ErrorCode.WSAENOTCONN, True),
        (10057, ErrorCode.WSAENOTCONN, True),
        (104, ErrorCode.WSAECONNRESET, True),
        (61, ErrorCode.WSAECONNREFUSED, False),
        (1, None, False),
        (99999, None, True),
    ],
)
def test_posix(number: int, code: ErrorCode | None, *, certain: bool) -> None:
    assert code_from_posix(number) == (code, certain)


def test_symbols() -> None:
    assert code_from_symbol("WSAETIMEDOUT") is ErrorCode.WSAETIMEDOUT
    assert code_from_symbol("ECONNRESET") is ErrorCode.WSAECONNRESET
    assert code_from_symbol("EPIPE") is ErrorCode.WSAESHUTDOWN
    assert code_from_symbol("TimedOut") is ErrorCode.WSAETIMEDOUT
    assert code_from_symbol("ENOENT") is None


@pytest.mark.skipif(sys.platform != "linux", reason="compares with this system's errno")
def test_linux_numbers_are_this_systems() -> None:
    for code in ErrorCode:
        if code.linux is not None and code.posix is not None and hasattr(errno, code.posix):
            assert getattr(errno, code.posix) == code.linux, code
