"""What kind of file a capture is, and the parts of it that hold no packet.

pcap: libpcap's ``savefile(5)``. pcapng: draft-ietf-opsawg-pcapng §4. What is neither is refused with its name and the
command that converts it.
"""

from __future__ import annotations

import struct
from array import array

from analyzer.capture.model import Interface
from analyzer.decode import columns as col
from analyzer.errors import CaptureError
from analyzer.values import dataclass, field

__all__ = ["MAX_PACKET", "Layout", "comments_of", "foreign_links", "read_block", "recognise"]

MAX_PACKET = 262_144
"""Largest captured length that is believed, in bytes; libpcap and Wireshark use the same bound."""

_PCAP = {
    b"\xd4\xc3\xb2\xa1": (False, 1000, 16, 24),
    b"\xa1\xb2\xc3\xd4": (True, 1000, 16, 24),
    b"\x4d\x3c\xb2\xa1": (False, 1, 16, 24),
    b"\xa1\xb2\x3c\x4d": (True, 1, 16, 24),
    b"\x34\xcd\xb2\xa1": (False, 1000, 24, 24),
    b"\xa1\xb2\xcd\x34": (True, 1000, 24, 24),
    # Ixia's hardware and software captures hold the file's length behind the header.
    b"\xac\x01\x00\x1c": (False, 1, 16, 28),
    b"\x1c\x00\x01\xac": (True, 1, 16, 28),
    b"\xab\x01\x00\x1c": (False, 1000, 16, 28),
    b"\x1c\x00\x01\xab": (True, 1000, 16, 28),
}
"""By magic: whether the byte order is big-endian, the time unit in ns, the bytes of a record's and of the file's header."""
_PCAPNG = b"\x0a\x0d\x0d\x0a"

_EDITCAP = "convert it with: editcap -F pcapng {name} out.pcapng"
_FOREIGN: tuple[tuple[bytes, str, str], ...] = (
    (b"snoop\0\0\0", "a snoop capture", _EDITCAP),
    (b"GMBU", "a Microsoft Network Monitor capture", _EDITCAP),
    (b"RTSS", "a Microsoft Network Monitor 1 capture", _EDITCAP),
    (b"XCP\0", "a NetXray or Windows Sniffer capture", _EDITCAP),
    (b"TRSNIFF data    \x1a", "a DOS Sniffer capture", _EDITCAP),
    (b"iptrace ", "an AIX iptrace capture", _EDITCAP),
    (b"\x05VNF", "a Visual Networks capture", _EDITCAP),
    (b"ElfFile\0", "a Windows event log", "give it with --evtx"),
    (b"PK\x03\x04", "a zip archive", "unpack it first"),
    (b"\xfd7zXZ\0", "compressed with xz", "unpack it first: xz -dk {name}"),
    (b"BZh", "compressed with bzip2", "unpack it first: bzip2 -dk {name}"),
    (b"\x04\x22\x4d\x18", "compressed with LZ4", "unpack it first: lz4 -d {name}"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it first"),
    (b"Rar!", "a RAR archive", "unpack it first"),
    (b"\x7fELF", "a program", "give a capture file"),
    (b"MZ", "a Windows program", "give a capture file"),
)

_LINKS = {
    187: "Bluetooth HCI", 189: "USB", 195: "IEEE 802.15.4", 201: "Bluetooth HCI",
    220: "USB", 227: "CAN", 230: "IEEE 802.15.4", 249: "USB", 251: "Bluetooth LE", 253: "netlink", 254: "Bluetooth monitor",
    256: "Bluetooth LE", 271: "VSOCK", 281: "a Broadcom switch tag",
}  # fmt: skip

_NUMBERED = frozenset({9, 0x204, 0x216, 0x221, 0xBAD, 0x4000_0BAD})
"""Blocks that take a frame number in Wireshark 4.0 and hold no packet: systemd journal, Sysdig events, custom blocks."""


@dataclass(slots=True)
class Layout:
    """How the bytes of one capture are to be read; grows while pcapng blocks go by."""

    name: str
    walk: array[int]
    """``WALK_*`` words."""
    table: array[int] = field(default_factory=lambda: array("q", bytes(8 * col.IF_STRIDE)))
    """``IF_*`` groups of the current section."""
    header: int = 0
    """Bytes before the first record."""
    interfaces: list[Interface] = field(default_factory=list)
    """Of all sections."""
    section: int = 0
    """Index in ``interfaces`` of the current section's first."""
    os: str = ""

    def same(self) -> Layout:
        """Return a layout of what is known so far for a reader that begins with a record further on."""
        walk = array("q", bytes(8 * col.WALK_SIZE))
        for word in (
            col.WALK_SWAPPED, col.WALK_UNIT, col.WALK_LINK, col.WALK_HEADER, col.WALK_LIMIT, col.WALK_INTERFACES
        ):
            walk[word] = self.walk[word]
        return Layout(
            self.name, walk, self.table[:], interfaces=self.interfaces[:], section=self.section, os=self.os
        )

    def agrees(self, other: Layout) -> bool:
        """Tell whether both read what comes next alike."""
        words = (col.WALK_SWAPPED, col.WALK_INTERFACES)
        return (
            self.table == other.table
            and self.interfaces == other.interfaces
            and self.section == other.section
            and all(self.walk[word] == other.walk[word] for word in words)
        )


def recognise(head: bytes, path: str) -> Layout:
    """Tell the layout of the capture that starts with ``head`` (up to 64 bytes).

    Raises CaptureError, naming what the file seems to be and how to convert it.
    """
    magic = head[:4]
    walk = array("q", bytes(8 * col.WALK_SIZE))
    walk[col.WALK_LIMIT] = MAX_PACKET
    if magic in _PCAP:
        big, unit, record, header = _PCAP[magic]
        if len(head) < 24:
            raise CaptureError(
                f"{path}: the capture ends after {len(head)} bytes, inside its file header; copy or record it again"
            )
        _, _, _, _, snap, link = struct.unpack(">HHiIII" if big else "<HHiIII", head[4:24])
        # The upper half of the field may tell of a frame check sequence.
        link &= 0xFFFF
        walk[col.WALK_SWAPPED] = big
        walk[col.WALK_UNIT] = unit
        walk[col.WALK_HEADER] = record
        walk[col.WALK_LINK] = link
        layout = Layout("pcap", walk, header=header)
        layout.interfaces.append(Interface("", "", link, snap, None, None, "", ""))
        return layout
    if magic == _PCAPNG:
        if len(head) < 28:
            raise CaptureError(
                f"{path}: the capture ends after {len(head)} bytes, inside its section header; copy or record it again"
            )
        if head[8:12] not in (b"\x4d\x3c\x2b\x1a", b"\x1a\x2b\x3c\x4d"):
            raise CaptureError(
                f"{path}: the section header has no byte-order mark; "
                "if the file went through a text-mode transfer, copy it again in binary mode"
            )
        return Layout("pcapng", walk)
    raise CaptureError(f"{path}: {_what(head, path)}")


def foreign_links(layout: Layout) -> str:
    """Say that no packet is of a link type that is read, which ones they are, and what to do."""
    types = sorted({interface.link_type for interface in layout.interfaces})
    named = ", ".join(f"{number} ({_LINKS[number]})" if number in _LINKS else str(number) for number in types)
    return (
        f"its packets have link type {named}, which is not read; capture on an Ethernet, Wi-Fi, loopback or tunnel "
        "interface instead"
    )


def _what(head: bytes, path: str) -> str:
    name = path.replace("\\", "/").rpartition("/")[2]
    if not head:
        return "the file is empty; record or copy the capture again"
    if name.lower().endswith(".etl"):
        return (
            f"this is a Windows event trace, no capture; convert it with: etl2pcapng {name} out.pcapng "
            f"(or: pktmon etl2pcap {name} -o out.pcapng)"
        )
    for magic, what, remedy in _FOREIGN:
        if head.startswith(magic):
            return f"this is {what}; {remedy.format(name=name)}"
    if head[:3] in (b"\n\n\n", b"\n\r\n") or head[:4] == b"\r\n\r\r":
        return "this was a pcapng file before a text-mode transfer changed its line ends; copy it again in binary mode"
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or all(32 <= byte < 127 or byte in (9, 10, 13) for byte in head):
        return "this is a text file, no capture; give a pcap or pcapng file (a log goes with --log)"
    if name.lower().endswith((".cap", ".erf", ".pkt", ".trc", ".enc", ".fdc", ".syc", ".wpz", ".trace")):
        return f"this is neither pcap nor pcapng; if Wireshark can open it, {_EDITCAP.format(name=name)}"
    return (
        f"this is neither pcap nor pcapng (it starts with {head[:4].hex(' ')}); "
        f"if Wireshark can open it, {_EDITCAP.format(name=name)}"
    )


def _options(body: bytes, order: str) -> dict[int, bytes]:
    """First value of each option in ``body``; ends quietly where the list is damaged."""
    found: dict[int, bytes] = {}
    offset = 0
    while offset + 4 <= len(body):
        code, length = struct.unpack_from(f"{order}HH", body, offset)
        if code == 0:
            break
        found.setdefault(code, body[offset + 4 : offset + 4 + length])
        offset += 4 + (length + 3 & ~3)
    return found


def comments_of(layout: Layout, buffer: bytearray, start: int, captured: int) -> tuple[str, ...]:
    """Return the comments of the packet whose bytes begin at ``start`` of ``buffer``, with its whole block around it."""
    if layout.name != "pcapng":
        return ()
    order = ">" if layout.walk[col.WALK_SWAPPED] else "<"
    kind, total = struct.unpack_from(f"{order}II", buffer, start - 28) if start >= 28 else (0, 0)
    if kind not in (2, 6) or struct.unpack_from(f"{order}I", buffer, start - 8)[0] != captured:
        return ()  # a simple packet block has no options
    end = start - 28 + total - 4
    found: list[str] = []
    at = start + (captured + 3 & ~3)
    while at + 4 <= end:
        code, length = struct.unpack_from(f"{order}HH", buffer, at)
        if code == 0:
            break
        if code == 1:
            found.append(_text(bytes(buffer[at + 4 : min(at + 4 + length, end)])))
        at += 4 + (length + 3 & ~3)
    return tuple(found)


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode("utf-8", "replace")


def read_block(layout: Layout, block: memoryview) -> int | str:
    """Read the pcapng block at the start of ``block``, which is no packet block.

    Returns the bytes it takes (more than ``len(block)`` when it is not all there yet; only its length is needed then),
    or a sentence when what stands there is no block.
    """
    walk = layout.walk
    is_section = bytes(block[:4]) == _PCAPNG
    if is_section:
        mark = bytes(block[8:12])
        if mark == b"\x1a\x2b\x3c\x4d":
            walk[col.WALK_SWAPPED] = 1
        elif mark == b"\x4d\x3c\x2b\x1a":
            walk[col.WALK_SWAPPED] = 0
        else:
            return "a section header has no byte-order mark"
    order = ">" if walk[col.WALK_SWAPPED] else "<"
    kind, total = struct.unpack_from(f"{order}II", block)
    total = total + 3 & ~3
    if total < (28 if is_section else 12):
        return f"a block of type {kind:#x} claims a length of {total} bytes"
    known = is_section or kind in (1, 5)
    if known and total > MAX_PACKET:
        return f"a block of type {kind:#x} claims a length of {total} bytes"
    if total > len(block):
        return int(total)
    if struct.unpack_from(f"{order}I", block, total - 4)[0] + 3 & ~3 != total:
        return f"the two lengths of a block of type {kind:#x} differ"
    body = bytes(block[8 : total - 4]) if known else b""
    if is_section:
        major, minor = struct.unpack_from(f"{order}HH", body, 4)
        if major != 1:
            return f"the section has version {major}.{minor}, and only 1 is known"
        options = _options(body[16:], order)
        layout.os = _text(options.get(3, b""))
        layout.section = len(layout.interfaces)
        walk[col.WALK_INTERFACES] = 0
        layout.table = array("q", bytes(8 * col.IF_STRIDE))
        walk[col.WALK_COMMENTS] += 1 in options
    elif kind == 1:
        if len(body) < 8:
            return "an interface block is too short"
        _add_interface(layout, body, order)
    elif kind == 5:
        _add_statistics(layout, body, order)
    elif kind in _NUMBERED:
        walk[col.WALK_FRAME] += 1
        walk[col.WALK_FOREIGN] += 1
    return int(total)


def _add_interface(layout: Layout, body: bytes, order: str) -> None:
    link, _, snap = struct.unpack_from(f"{order}HHI", body)
    options = _options(body[8:], order)
    resolution = options.get(9, b"\x06")[:1] or b"\x06"
    offset = struct.unpack(f"{order}q", options[14])[0] if len(options.get(14, b"")) == 8 else 0
    power = resolution[0] & 0x7F
    if resolution[0] & 0x80:
        kind, value = 2, min(power, 62)
    elif power <= 9:
        kind, value = 0, int(10 ** (9 - power))
    else:
        kind, value = 1, int(10 ** min(power - 9, 18))
    group = array("q", bytes(8 * col.IF_STRIDE))
    group[col.IF_LINK] = link
    group[col.IF_KIND] = kind
    group[col.IF_VALUE] = value
    group[col.IF_OFFSET] = max(-(1 << 33), min(1 << 33, offset)) * 1_000_000_000 if abs(offset) < 1 << 32 else 0
    group[col.IF_SNAP] = snap
    if layout.walk[col.WALK_INTERFACES]:
        layout.table.extend(group)
    else:
        layout.table = group
    layout.walk[col.WALK_INTERFACES] += 1
    layout.walk[col.WALK_COMMENTS] += 1 in options
    capture_filter = options.get(11, b"")
    layout.interfaces.append(
        Interface(
            name=_text(options.get(2, b"")),
            description=_text(options.get(3, b"")),
            link_type=link,
            snap_length=snap,
            received=None,
            dropped=None,
            filter=_text(capture_filter[1:]) if capture_filter[:1] == b"\0" else "",
            os=_text(options.get(12, b"")) or layout.os,
        )
    )


def _add_statistics(layout: Layout, body: bytes, order: str) -> None:
    if len(body) < 12:
        return
    index = layout.section + int(struct.unpack_from(f"{order}I", body)[0])
    if index >= len(layout.interfaces):
        return
    options = _options(body[12:], order)
    counts = {
        code: int(struct.unpack(f"{order}Q", value)[0])
        for code, value in options.items()
        if code in (4, 5, 7) and len(value) == 8
    }
    drops = [counts[code] for code in (5, 7) if code in counts]
    old = layout.interfaces[index]
    layout.interfaces[index] = Interface(
        name=old.name,
        description=old.description,
        link_type=old.link_type,
        snap_length=old.snap_length,
        received=counts.get(4, old.received),
        dropped=sum(drops) if drops else old.dropped,
        filter=old.filter,
        os=old.os,
    )
