"""Encodings are told by marks, NULs, validity and then by what the words say."""

from __future__ import annotations

import pytest

from analyzer.logs.encodings import Decoder, looks_binary, sniff_wide

GERMAN = "Fehler: der Socket nicht verbunden ist und (beim Senden über einen Datagrammsocket) für Übertragung"
JAPANESE = "エラー: ソケットが接続されていないか、sendto 呼び出しを使って"
CHINESE = "错误: 由于套接字没有连接并且(当使用一个 sendto 调用"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"\xef\xbb\xbfabc", ("utf-8-sig", 3)),
        ("\ufeffabc".encode("utf-16-le"), ("utf-16-le", 2)),
        ("\ufeffabc".encode("utf-16-be"), ("utf-16-be", 2)),
        ("\ufeffabc".encode("utf-32-le"), ("utf-32-le", 4)),
        ("plain text here".encode("utf-16-le"), ("utf-16-le", 0)),
        ("plain text here".encode("utf-16-be"), ("utf-16-be", 0)),
        (JAPANESE.encode("utf-16-le"), ("utf-16-le", 0)),
        (CHINESE.encode("utf-16-be"), ("utf-16-be", 0)),
        (b"plain text here", (None, 0)),
        (JAPANESE.encode(), (None, 0)),
        (b"", (None, 0)),
        (bytes(range(256)), (None, 0)),
    ],
)
def test_wide_encodings(data: bytes, found: tuple[str | None, int]) -> None:
    assert sniff_wide(data) == found


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "cp1252"),
        (GERMAN, "cp850"),
        ("Müller für Straße", "cp1252"),
        ("Müller für Straße", "cp850"),
        ("car le socket n'est pas connecté à l'hôte", "cp1252"),
        ("porque el socket no está conectado según", "cp850"),
        (JAPANESE, "cp932"),
        (CHINESE, "cp936"),
        ("ошибка: сокет не подключен", "cp1251"),
        ("오류: 소켓이 연결되어 있지 않거나", "cp949"),
    ],
)
def test_code_pages(text: str, encoding: str) -> None:
    decoder = Decoder()
    assert decoder.decode(text.encode(encoding)) == text
    assert decoder.name == encoding


def test_utf8_lines_among_others_stay_utf8() -> None:
    decoder = Decoder()
    assert decoder.decode("über".encode()) == "über"
    assert decoder.decode(GERMAN.encode("cp1252")) == GERMAN
    assert decoder.decode("über".encode()) == "über"
    assert decoder.name == "cp1252"


def test_a_cut_last_character_is_no_other_encoding() -> None:
    decoder = Decoder()
    assert decoder.decode("überü".encode()[:-1]).startswith("über")
    assert not decoder.any_legacy


def test_ascii_is_named() -> None:
    decoder = Decoder()
    assert decoder.decode(b"abc") == "abc"
    assert decoder.name == "ascii"


@pytest.mark.parametrize(
    ("data", "binary"),
    [
        (b"", False),
        (b"text\r\n\tmore", False),
        (GERMAN.encode("cp850"), False),
        (b"\0" * 50, True),
        (bytes(range(256)), True),
    ],
)
def test_binary(data: bytes, *, binary: bool) -> None:
    assert looks_binary(data) is binary
