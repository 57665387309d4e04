"""One map for everything that is replaced: addresses, hardware addresses, host names, and texts that quote them.

The same key gives the same replacements, so a report and a slice of one run speak of the same hosts, and so do those
of other runs that use the key again.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping

from analyzer.endpoint import format_address, parse_address
from analyzer.redaction.addresses import AddressMap
from analyzer.redaction.key import random_key
from analyzer.redaction.words import ORDINARY, SERVICE_LABELS, TOP_LABELS

__all__ = ["Masks"]

_V4 = re.compile(r"(?<![\w.§])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)")
_V6 = re.compile(r"(?<![0-9A-Za-z:.])(?=[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:)[0-9A-Fa-f:.]{2,45}(?:%\w+)?(?![0-9A-Za-z:])")
_MAC = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f])")
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"
_MULTICAST6 = b"\x33\x33"
_TRIES = 64


class Masks:
    """Replacements under one key; equal input gives equal output."""

    def __init__(self, key: bytes | None = None) -> None:
        """Without a key one is made at random. Raises UsageError where yacryptopan is missing."""
        self._key = random_key() if key is None else key
        self._addresses = AddressMap(self._derive(b"addresses"))
        self._label_key = self._derive(b"labels")
        self._mac_key = self._derive(b"hardware")
        self._labels: dict[str, str] = {}
        self._taken: set[str] = set()
        self._macs: dict[bytes, bytes] = {}
        self._names: set[str] = set()
        self._literals: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None

    def _derive(self, use: bytes) -> bytes:
        return hmac.new(self._key, b"notconn " + use, hashlib.sha256).digest()

    # -- what is replaced ----------------------------------------------------------------------------------------

    def address(self, packed: bytes) -> bytes:
        """Return the replacement of a packed IPv4 or IPv6 address, prefixes kept."""
        return self._addresses(packed)

    def stays(self, packed: bytes) -> bool:
        """Tell whether an address names nobody and so is not replaced."""
        return self._addresses.stays(packed)

    def mac(self, link: bytes) -> bytes:
        """Return the replacement of a hardware address of six bytes: locally administered, group addresses kept."""
        if not any(link) or link[0] & 1:
            return link
        found = self._macs.get(link)
        if found is None:
            noise = hmac.new(self._mac_key, link, hashlib.sha256).digest()
            found = self._macs[link] = bytes((noise[0] & 0xFC | 2, *noise[1:6]))
        return found

    def group_mac(self, link: bytes, destination: bytes) -> bytes:
        """Return the hardware address of a frame to ``destination``: IPv6 groups have it in it (RFC 2464 §7)."""
        if link[:2] == _MULTICAST6 and len(destination) == 16:
            return _MULTICAST6 + destination[12:]
        return self.mac(link)

    def label(self, label: str) -> str:
        """Return the replacement of one label of a host name: as long, letters only, and readable."""
        low = label.lower()
        if low in SERVICE_LABELS:
            return low
        found = self._labels.get(low)
        if found is None:
            for turn in range(_TRIES):
                found = self._spell(low, turn)
                if found not in self._taken and found != low:
                    break
            assert found is not None
            self._labels[low] = found
            self._taken.add(found)
        return found

    def _spell(self, label: str, turn: int) -> str:
        text = f"{turn} {label}".encode("utf-8", "surrogatepass")
        noise = hashlib.shake_256(self._label_key + text).digest(max(1, len(label)))
        return "".join(
            (_VOWELS if place % 2 else _CONSONANTS)[byte % (len(_VOWELS) if place % 2 else len(_CONSONANTS))]
            for place, byte in enumerate(noise[: len(label)])
        )

    def name(self, name: str) -> str:
        """Return the replacement of a host name, as long as it; a common last label such as ``com`` stays."""
        packed = parse_address(name)
        if packed is not None:
            return format_address(self.address(packed))
        labels = name.lower().split(".")
        last = labels[-1] if len(labels) > 1 and labels[-1] in TOP_LABELS else None
        masked = [self.label(one) if one else one for one in (labels[:-1] if last is not None else labels)]
        return ".".join([*masked, last] if last is not None else masked)

    # -- what is known -------------------------------------------------------------------------------------------

    def know(self, names: Iterable[str] = (), literals: Mapping[str, str] | None = None) -> None:
        """Take in host names to replace wherever a text has them, and texts with what is to stand for each.

        A bare name that is an ordinary word of a report (``server``) is not looked for in texts.
        """
        self._names |= {
            one.lower().rstrip(".") for one in names if len(one) > 1 and parse_address(one) is None and one.strip(".")
        } - ORDINARY
        self._literals |= {old: new for old, new in (literals or {}).items() if old.strip() and old != new}
        self._pattern = None

    @property
    def known_names(self) -> frozenset[str]:
        """The host names that texts are searched for."""
        return frozenset(self._names)

    @property
    def replaced_addresses(self) -> dict[bytes, bytes]:
        """Every address replaced so far, packed, with its replacement."""
        return self._addresses.replaced

    @property
    def replaced_macs(self) -> dict[bytes, bytes]:
        """Every hardware address replaced so far, with its replacement."""
        return dict(self._macs)

    # -- texts ---------------------------------------------------------------------------------------------------

    def text(self, text: str) -> str:
        """Return ``text`` with each known text, known name, address and hardware address in it replaced."""
        if self._pattern is None:
            self._pattern = self._compile()
        text = self._pattern.sub(self._swap, text)
        text = _MAC.sub(self._swap_mac, text)
        return _V4.sub(self._swap_address, _V6.sub(self._swap_address, text))

    def _compile(self) -> re.Pattern[str]:
        literals = [re.escape(one) for one in sorted(self._literals, key=len, reverse=True)]
        names = [re.escape(one) for one in sorted(self._names, key=len, reverse=True)]
        parts = literals + ([rf"(?<![\w.-])(?i:{'|'.join(names)})(?![\w-])"] if names else [])
        return re.compile("|".join(parts) if parts else r"(?!)")

    def _swap(self, match: re.Match[str]) -> str:
        found = self._literals.get(match.group())
        return self.name(match.group()) if found is None else found

    def _swap_mac(self, match: re.Match[str]) -> str:
        text = match.group()
        return self.mac(bytes.fromhex(text.replace(":", "").replace("-", ""))).hex(text[2])

    def _swap_address(self, match: re.Match[str]) -> str:
        packed = parse_address(match.group())
        return match.group() if packed is None else format_address(self.address(packed))
