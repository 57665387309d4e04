"""Prefix-preserving replacement of addresses: two hosts of one network stay hosts of one network.

The permutation is Crypto-PAn (Xu, Fan, Ammar, Moon: "Prefix-Preserving IP Address Anonymization", ICNP 2002) from the
package yacryptopan, four rounds of it. On top of it, networks with a meaning stay themselves: a private address stays
private, a public one public, a link-local one link-local (RFC 1918, 3927, 4193, 4291, 6598), because a reader judges by
that. Loopback, multicast and unspecified addresses name nobody and stay whole.
"""

from __future__ import annotations

import hashlib
from ipaddress import IPv4Network, IPv6Network, ip_network

from analyzer.errors import UsageError

__all__ = ["AddressMap"]

_ROUNDS = 4
_WHOLE = ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "::/127", "ff00::/8")
_INSIDE = (
    "10.0.0.0/8",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "2000::/3",
    "fc00::/8",
    "fd00::/8",
    "fe80::/64",
)
_EMBEDDED = (bytes(10) + b"\xff\xff", bytes.fromhex("0064ff9b") + bytes(8))
"""IPv6 prefixes that are followed by an IPv4 address: mapped (RFC 4291 §2.5.5.2) and NAT64 (RFC 6052 §2.1)."""
_SOLICITED = bytes.fromhex("ff0200000000000000000001ff")
"""Solicited-node multicast: the last 24 bits are those of a unicast address (RFC 4291 §2.7.1)."""


def _networks(texts: tuple[str, ...], version: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for text in texts:
        network: IPv4Network | IPv6Network = ip_network(text)
        if network.version == version:
            found.append((int(network.network_address), network.prefixlen))
    return found


class AddressMap:
    """One-to-one replacement of packed addresses under a key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        try:
            from yacryptopan import CryptoPAn
        except ImportError:
            raise UsageError("--redact needs yacryptopan, which is not installed: pip install yacryptopan") from None
        # In one round the flips of neighbouring bits hang together: the cipher sees the same block as long as the
        # address agrees with the padding, and one host in some hundreds would keep most of its address. Rounds under
        # keys of their own, one after the other, keep prefixes just as well and break that up.
        self._rounds = [CryptoPAn(hashlib.sha256(bytes((number,)) + key).digest()) for number in range(_ROUNDS)]
        self._known: dict[bytes, bytes] = {}
        self._tails: dict[bytes, bytes] = {}
        """Last three bytes of IPv6 addresses, as solicited-node groups name them, to their replacements'."""
        self._whole = {version: _networks(_WHOLE, version) for version in (4, 6)}
        self._inside = {version: _networks(_INSIDE + _WHOLE, version) for version in (4, 6)}

    @property
    def replaced(self) -> dict[bytes, bytes]:
        """Every address replaced so far with its replacement; those that stay are left out."""
        return {old: new for old, new in self._known.items() if old != new}

    def __call__(self, packed: bytes) -> bytes:
        """Return the replacement of a packed IPv4 or IPv6 address."""
        found = self._known.get(packed)
        if found is None:
            found = self._known[packed] = self._map(packed)
            if len(packed) == 16 and packed[:13] != _SOLICITED:
                self._tails[packed[13:]] = found[13:]
        return found

    def stays(self, packed: bytes) -> bool:
        """Tell whether an address is one of those that name nobody."""
        if packed[:13] == _SOLICITED:
            return False
        version, width = (4, 32) if len(packed) == 4 else (6, 128)
        number = int.from_bytes(packed, "big")
        whole = self._whole[version]
        return any(number >> (width - length) == network >> (width - length) for network, length in whole)

    def _map(self, packed: bytes) -> bytes:
        if len(packed) == 16:
            if packed[:13] == _SOLICITED:
                tail = self._tails.get(packed[13:]) or self._bits(b"\xfe\x80" + bytes(11) + packed[13:])[13:]
                return packed[:13] + tail
            for prefix in _EMBEDDED:
                if packed[:12] == prefix:
                    return prefix + self(packed[12:])
        return self._bits(packed)

    def _bits(self, packed: bytes) -> bytes:
        version, width = (4, 32) if len(packed) == 4 else (6, 128)
        number = int.from_bytes(packed, "big")
        if self.stays(packed):
            return packed
        # The permutation flips each bit by what stands before it. Leaving the bits alone that lead to a network with a
        # meaning keeps it a permutation, and keeps that network's addresses inside it.
        kept = 0
        for network, length in self._inside[version]:
            common = width - (number ^ network).bit_length()
            kept = max(kept, min(common + 1, length))
        made = number
        for one in self._rounds:
            made ^= (made ^ one.anonymize_bin(made, version)) & ((1 << (width - kept)) - 1)
        return made.to_bytes(width // 8, "big")
