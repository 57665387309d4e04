from __future__ import annotations

import contextlib
import ssl
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from analyzer.redaction.masks import Masks
from analyzer.redaction.tls import clean_tls, is_tls

KEY = bytes(range(32))


@cache
def client_hello(name: str = "files.corp.example") -> bytes:
    """A ClientHello as OpenSSL writes it."""
    outgoing = ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    engine = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        engine.do_handshake()
    return outgoing.read()


def test_a_client_hello_keeps_its_offers_and_loses_name_and_random() -> None:
    before, masks = client_hello(), Masks(KEY)
    after = clean_tls(before, masks)
    assert is_tls(before)
    assert len(after) == len(before)
    assert after[:11] == before[:11]
    assert after[11:43] == bytes(32)
    assert b"files.corp" not in after
    assert masks.name("files.corp.example").encode() in after
    assert b"http/1.1" in after


def test_a_plain_alert_stays_and_an_encrypted_one_goes() -> None:
    plain = b"\x15\x03\x03\x00\x02\x02\x46"
    assert clean_tls(plain, Masks(KEY)) == plain
    hidden = b"\x15\x03\x03\x00\x1a" + b"\xaa" * 26
    assert clean_tls(hidden, Masks(KEY)) == hidden[:5] + bytes(26)


def test_application_data_is_gone_and_following_records_are_found() -> None:
    data = b"\x17\x03\x03\x00\x04abcd" + b"\x15\x03\x03\x00\x02\x01\x00"
    assert clean_tls(data, Masks(KEY)) == b"\x17\x03\x03\x00\x04\0\0\0\0\x15\x03\x03\x00\x02\x01\x00"


@given(st.binary(max_size=80), st.integers(0, 600))
def test_any_bytes_and_any_cut_keep_their_number(data: bytes, size: int) -> None:
    masks = Masks(KEY)
    for one in (data, b"\x16\x03\x01" + data, client_hello()[:size]):
        after = clean_tls(one, masks)
        assert len(after) == len(one)
        assert b"files" not in after
