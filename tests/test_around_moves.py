"""A host that takes another address is told from another host that happens to come."""

from __future__ import annotations

import pytest
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from analyzer.around.moves import address_taken
from analyzer.units import NS
from tests.reading import Part, index_of, surroundings_of
from tests.wire import Captured, Conversation, arp

START = Conversation().now
GONE = START + 10 * NS
MAC, OTHER = "02:00:00:00:00:05", "02:00:00:00:00:77"


def _lost(client: str = "10.0.0.5:50123", *, ttl: int = 128) -> Conversation:
    """Active, and from 10 s on nothing comes back."""
    conv = Conversation(client=client, client_ttl=ttl)
    conv.handshake()
    conv.exchange()
    conv.now = GONE
    conv.client("anyone?", acked=False, arrives=False)
    return conv


def _new(client: str = "10.0.0.9:40000", *, mac: str = MAC, ttl: int = 128, start: int = GONE + 3 * NS) -> Conversation:
    conv = Conversation(client=client, server="10.9.0.7:80", client_mac=mac, client_ttl=ttl, start=start)
    conv.handshake()
    conv.exchange()
    return conv


def _lease(address: str, mac: str = MAC, at: int = GONE + 2 * NS) -> list[Captured]:
    link = bytes.fromhex(mac.replace(":", ""))
    offer = BOOTP(op=2, yiaddr=address, chaddr=link + bytes(10)) / DHCP(options=[("message-type", "ack"), "end"])
    frame = Ether(src=OTHER, dst=mac) / IP(src="10.0.0.1", dst=address) / UDP(sport=67, dport=68) / offer
    return [(at, bytes(frame))]


def _moved(conv: Conversation, *beside: Part) -> bool:
    around = surroundings_of(conv, *beside)
    return address_taken(around, around.flow(index_of(conv, around)), GONE + 90 * NS) is not None


ASKED = arp("10.0.0.1", asker="10.0.0.5", at=START, times=1)


@pytest.mark.parametrize(
    ("beside", "moved"),
    [
        pytest.param([_new()], True, id="it connects from another address"),
        pytest.param([_new(mac=OTHER)], False, id="another host connects"),
        pytest.param([_new(start=START - 5 * NS), _new()], False, id="an address that it had before"),
        pytest.param([_new(start=GONE + 100 * NS)], False, id="much later"),
        pytest.param([_new(), _new("10.0.0.10:40000")], False, id="its adapter speaks for many addresses"),
        pytest.param([_new("10.0.0.10:40000", start=GONE - 5 * NS), _new()], False, id="it spoke for others before"),
        pytest.param([_new(), _new("10.0.0.5:50999", start=GONE + 9 * NS)], False, id="the old address goes on"),
        pytest.param([ASKED, arp("10.0.0.1", asker="10.0.0.9", at=GONE + NS)], True, id="it asks for its gateway"),
        pytest.param(
            [ASKED, arp("10.0.0.1", asker="10.0.0.9", at=GONE + NS, mac=OTHER)], False, id="another host asks"
        ),
        pytest.param([arp("10.0.0.1", asker="10.0.0.9", at=GONE + NS)], False, id="whose link address is not known"),
        pytest.param([ASKED, _lease("10.0.0.9")], True, id="a lease of another address"),
        pytest.param([ASKED, _lease("10.0.0.5")], False, id="its lease is renewed"),
        pytest.param([ASKED, _lease("10.0.0.9", OTHER)], False, id="another host gets a lease"),
    ],
)
def test_only_the_same_host_can_have_moved(beside: list[Part], moved: bool) -> None:
    assert _moved(_lost(), *beside) is moved


def test_behind_a_router_nobody_is_told_by_an_adapter() -> None:
    assert not _moved(_lost(ttl=125), _new(ttl=125))


def test_an_adapter_that_sends_for_both_ends_is_no_hosts() -> None:
    conv = Conversation(client="10.0.0.5:50123", client_mac="02:00:00:00:00:01")
    conv.handshake()
    conv.exchange()
    conv.now = GONE
    conv.client("anyone?", acked=False, arrives=False)
    assert not _moved(conv, _new("10.7.0.9:40000", mac="02:00:00:00:00:01"))


def test_addresses_of_one_network_belong_to_one_ipv6_host() -> None:
    conv = Conversation(client="[2001:db8:1::5]:50123", server="[2001:db8:9::7]:8080")
    conv.handshake()
    conv.now = GONE
    conv.client("anyone?", acked=False, arrives=False)
    for client, moved in (("[2001:db8:1::99]:40000", False), ("[2001:db8:2::5]:40000", True)):
        new = Conversation(client=client, server="[2001:db8:9::7]:80", start=GONE + 3 * NS)
        new.handshake()
        assert _moved(conv, new) is moved


def test_the_first_sign_is_named() -> None:
    conv = _lost()
    around = surroundings_of(conv, ASKED, _lease("10.0.0.9"), _new())
    found = address_taken(around, around.flow(index_of(conv, around)), GONE + 90 * NS)
    assert found is not None
    assert found[0] == GONE + 2 * NS
