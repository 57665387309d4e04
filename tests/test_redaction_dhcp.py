from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dhcp import BOOTP, DHCP

from analyzer.redaction.dhcp import clean_dhcp
from analyzer.redaction.masks import Masks

KEY = bytes(range(32))


def request() -> bytes:
    head = BOOTP(chaddr=bytes.fromhex("001a2b3c4d5e"), ciaddr="10.0.0.5", yiaddr="10.0.0.6", sname=b"dhcp.corp")
    options = [("message-type", "ack"), ("router", "10.0.0.1"), ("hostname", b"laptop-alice"), ("lease_time", 60)]
    return bytes(head / DHCP(options=[*options, "end"]))


def test_addresses_are_masked_and_names_are_gone() -> None:
    before, masks = request(), Masks(KEY)
    after = clean_dhcp(before, masks)
    assert len(after) == len(before)
    assert after[12:16] == masks.address(bytes((10, 0, 0, 5)))
    for gone in (b"alice", b"dhcp.corp", bytes.fromhex("001a2b3c4d5e"), bytes((10, 0, 0, 1))):
        assert gone not in after
    assert b"\x35\x01\x05" in after
    assert b"\x33\x04\0\0\0\x3c" in after


@given(st.binary(max_size=300))
def test_any_bytes_keep_their_number(data: bytes) -> None:
    assert len(clean_dhcp(data, Masks(KEY))) == len(data)
