from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.endpoint import parse_address
from analyzer.redaction.masks import Masks
from analyzer.redaction.words import SERVICE_LABELS

KEY = bytes(range(32))
LABELS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=3, max_size=20).filter(
    lambda label: label not in SERVICE_LABELS
)


def masks() -> Masks:
    return Masks(KEY)


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("at 10.0.0.5:21 and 10.0.0.5", "10.0.0.5"),
        ("[fe80::1]:80", "fe80::1]"),
        ("::ffff:10.0.0.5", "10.0.0.5"),
        ("from 00:1a:2b:3c:4d:5e", "00:1a:2b"),
        ("from 00-1A-2B-3C-4D-5E", "00-1A-2B"),
    ],
)
def test_addresses_in_a_text_go(text: str, gone: str) -> None:
    assert gone not in masks().text(text)


@pytest.mark.parametrize(
    "text",
    ["at 02:03:11.120 UTC", "version 1.2.3.4.5", "300.1.1.1", "127.0.0.1 and ::1 and 0.0.0.0", "RFC 9293 §3.10.7.4",
     "tcp.stream == 17", "frames 1-3, 5"],
)  # fmt: skip
def test_what_is_no_address_stays(text: str) -> None:
    assert masks().text(text) == text


def test_a_text_and_a_packet_get_the_same_address() -> None:
    one = masks()
    packed = parse_address("10.0.0.5")
    assert packed is not None
    assert parse_address(one.text("10.0.0.5")) == one.address(packed)


@given(st.lists(LABELS, min_size=1, max_size=12, unique=True))
def test_labels_are_replaced_one_to_one_by_letters_of_the_same_number(labels: list[str]) -> None:
    one = masks()
    made = [one.label(label) for label in labels]
    assert len(set(made)) == len(made)
    assert all(new.isalpha() and len(new) == len(old) and new != old for old, new in zip(labels, made, strict=True))


def test_names_of_one_domain_stay_of_one_domain() -> None:
    one = masks()
    files, mail = one.name("files.corp.example"), one.name("MAIL.corp.example")
    assert files.partition(".")[2] == mail.partition(".")[2]
    assert files.endswith(".example")
    assert len(files) == len("files.corp.example")
    assert one.name("files") == files.partition(".")[0]
    assert one.name("_ldap._tcp.corp.example").startswith("_ldap._tcp.")


def test_known_names_and_texts_are_found_wherever_they_stand() -> None:
    one = masks()
    one.know({"files.corp.example", "server", "10.0.0.5"}, {"/home/alice/x.pcapng": "capture.pcapng"})
    text = one.text("The server Files.corp.example in /home/alice/x.pcapng")
    assert text == f"The server {one.name('files.corp.example')} in capture.pcapng"
    assert one.known_names == {"files.corp.example"}
    assert one.text("myfiles.corp.example") == "myfiles.corp.example"


def test_hardware_addresses_become_local_ones_and_groups_stay() -> None:
    one = masks()
    card = bytes.fromhex("001a2b3c4d5e")
    assert one.mac(card) != card
    assert one.mac(card)[0] & 3 == 2
    assert one.mac(card) == masks().mac(card)
    for group in ("ffffffffffff", "01005e0000fb", "000000000000"):
        assert one.mac(bytes.fromhex(group)) == bytes.fromhex(group)
    assert one.group_mac(bytes.fromhex("3333ff123456"), bytes(12) + b"\1\2\3\4") == b"\x33\x33\1\2\3\4"
    assert one.replaced_macs == {card: one.mac(card)}


def test_who_names_nobody_stays() -> None:
    one = masks()
    assert [one.stays(packed) for packed in (bytes((127, 0, 0, 1)), bytes((10, 0, 0, 1)))] == [True, False]


def test_without_a_key_each_run_has_its_own() -> None:
    assert Masks().name("files.corp.example") != Masks().name("files.corp.example")
