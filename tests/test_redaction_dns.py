from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dns import DNS, DNSQR, DNSRR, DNSRRMX, DNSRROPT, DNSRRSRV

from analyzer.capture.model import Note, NoteKind
from analyzer.decode.notes import parse_dns
from analyzer.endpoint import parse_address
from analyzer.redaction.dns import clean_dns, dns_names
from analyzer.redaction.masks import Masks

KEY = bytes(range(32))


def read(data: bytes):  # type: ignore[no-untyped-def]
    return parse_dns(Note(NoteKind.DNS, 1, 0, bytes(4), bytes(4), 53, 5000, 64, data))


def answer() -> bytes:
    records = [
        DNSRR(rrname="files.corp.example", type="CNAME", rdata="web7.dmz.corp.example"),
        DNSRR(rrname="web7.dmz.corp.example", type="A", rdata="10.9.0.7"),
        DNSRR(rrname="web7.dmz.corp.example", type="AAAA", rdata="2001:db8::7"),
        DNSRRMX(rrname="corp.example", exchange="mail.corp.example"),
        DNSRRSRV(rrname="_ldap._tcp.corp.example", port=389, target="dc1.corp.example"),
        DNSRR(rrname="corp.example", type="TXT", rdata="contact alice"),
    ]
    return bytes(DNS(id=7, qr=1, rd=1, ra=1, qd=[DNSQR(qname="files.corp.example")], an=records, ar=[DNSRROPT()]))


def test_names_and_addresses_are_masked_and_every_length_stays() -> None:
    masks = Masks(KEY)
    before = answer()
    after = clean_dns(before, masks)
    assert len(after) == len(before)
    message = read(after)
    assert message.name == masks.name("files.corp.example")
    given_addresses = [parse_address("10.9.0.7"), parse_address("2001:db8::7")]
    assert list(message.addresses) == [masks.address(one) for one in given_addresses if one is not None]
    assert dns_names(after) == {masks.name(name) for name in dns_names(before)}
    for gone in (b"files", b"web7", b"dmz", b"mail", b"dc1", b"alice", bytes((10, 9, 0, 7))):
        assert gone not in after


def test_the_names_of_a_message_are_all_found() -> None:
    assert dns_names(answer()) == {
        "files.corp.example", "web7.dmz.corp.example", "corp.example", "mail.corp.example",
        "_ldap._tcp.corp.example", "dc1.corp.example",
    }  # fmt: skip


@given(st.binary(max_size=120))
def test_any_bytes_keep_their_number_and_never_raise(data: bytes) -> None:
    assert len(clean_dns(data, Masks(KEY))) == len(data)
    dns_names(data)


@given(st.integers(0, 200))
def test_a_message_cut_anywhere_leaks_nothing(size: int) -> None:
    after = clean_dns(answer()[:size], Masks(KEY))
    assert b"files" not in after
    assert b"web7" not in after
