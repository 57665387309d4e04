"""What is cut out of the ring: the connection whole or from both its ends, and its company near the decisive moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from analyzer.capture.file import read_capture
from analyzer.capture.pcapng_writer import interface_block, packet_block, section_block
from analyzer.capture.ring import RingFile
from analyzer.endpoint import parse_endpoint
from analyzer.live import extract as module
from analyzer.live.extract import Picked, Wanted, extract, slice_bytes, write_atomically
from analyzer.units import NS
from tests.test_live_running import talk
from tests.wire import Captured, dns


def _ring(folder: Path, *files: Iterable[Captured], interface: int = 0) -> list[RingFile]:
    """Files of a ring, each with its packets in order of time."""
    preamble = section_block() + b"".join(interface_block(1, 0, name=f"eth{n}") for n in range(interface + 1))
    found = []
    for number, packets in enumerate(files):
        path = folder / f"ring-{number:08d}.pcapng"
        blocks = (packet_block(interface, ts_ns, data, len(data)) for ts_ns, data in sorted(packets))
        path.write_bytes(preamble + b"".join(blocks))
        found.append(RingFile(path, path.stat().st_size))
    return found


def _wanted(packets: Sequence[Captured], decisive: int, client: str = "10.0.0.5:50123") -> Wanted:
    server = parse_endpoint("[fd00::7]:443" if client.startswith("[") else "10.9.0.7:443")
    return Wanted(parse_endpoint(client), server, packets[0][0], packets[decisive][0], packets[-1][0] + 60 * NS)


def _own(picked: Iterable[Picked]) -> list[Captured]:
    return [(one.ts_ns, one.data) for one in picked if one.guilty]


def test_a_connection_is_found_in_every_file_and_once(tmp_path: Path) -> None:
    whole = talk(50123, rounds=40).packets
    stranger = talk(50123, client="10.0.0.6", server="10.9.0.8", rounds=40).packets
    half = len(whole) // 2
    # a takeover of the capture program leaves some packets in both files
    files = _ring(tmp_path, [*whole[: half + 5], *stranger], whole[half:])
    picked = extract(files, _wanted(whole, -1))
    assert _own(picked) == whole
    assert len(picked) == len(whole)


@pytest.mark.parametrize("client", ["10.0.0.5", "[fd00::5]"])
def test_of_a_long_one_both_ends_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: str) -> None:
    monkeypatch.setattr(module, "_FIRST", 7)
    monkeypatch.setattr(module, "_LAST", 20)
    six = client.startswith("[")
    server = "[fd00::7]" if six else "10.9.0.7"
    whole = talk(50123, client=client, server=server, rounds=150).packets
    noise = talk(1, client=client, server=server.replace("7", "8"), rounds=900).packets
    third = len(whole) // 3
    files = _ring(tmp_path, [*whole[:third], *noise], whole[third : 2 * third], whole[2 * third :])
    picked = extract(files, _wanted(whole, -1, f"{client}:50123"))
    assert _own(picked) == [*whole[:7], *whole[-20:]]


@pytest.mark.parametrize("client", ["10.0.0.5", "[fd00::5]"])
def test_company_is_what_the_server_did_around_the_decisive_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: str
) -> None:
    monkeypatch.setattr(module, "_COMPANY", 30)
    six = client.startswith("[")
    server, other = ("[fd00::7]", "[fd00::8]") if six else ("10.9.0.7", "10.9.0.8")
    whole = talk(50123, client=client, server=server).packets
    friend = talk(7, client="[fd00::6]" if six else "10.0.0.6", server=server, rounds=400).packets
    stranger = talk(8, client="[fd00::6]" if six else "10.0.0.6", server=other, rounds=400).packets
    decisive = friend[len(friend) // 2][0]
    start, end = parse_endpoint(f"{client}:50123"), parse_endpoint(f"{server}:443")
    wanted = Wanted(start, end, whole[0][0], decisive, friend[-1][0])
    picked = extract(_ring(tmp_path, [*whole, *friend, *stranger]), wanted)
    company = [(one.ts_ns, one.data) for one in picked if not one.guilty]
    before = [packet for packet in friend if packet[0] <= decisive]
    assert company == [*before[-30:], *friend[len(before) : len(before) + 30]]
    assert _own(picked) == whole


def test_without_a_connection_what_lies_near_is_taken(tmp_path: Path) -> None:
    early, near = talk(1), talk(2)
    near.now += 200 * NS
    near.exchange(b"a", b"b")
    files = _ring(tmp_path, [*early.packets, *near.packets])
    moment = near.packets[-1][0]
    picked = extract(files, Wanted(None, None, moment, moment, moment + NS))
    assert [(one.ts_ns, one.data) for one in picked] == [one for one in near.packets if one[0] > moment - 30 * NS]


def test_what_explains_the_beginning_and_the_end_is_taken_too(tmp_path: Path) -> None:
    made = talk(50123)
    made.wait("600s")
    made.exchange(b"late", b"answer")
    whole = made.packets
    asked = dns("db.example", at=whole[0][0] - NS)
    between = dns("other.example", at=whole[0][0] + 300 * NS)
    last = dns("again.example", at=whole[-1][0] - NS)
    picked = extract(_ring(tmp_path, [*whole, *asked, *between, *last]), _wanted(whole, -1))
    notes = {(one.ts_ns, one.data) for one in picked} - set(whole)
    assert notes == {*asked, *last}


def test_of_several_interfaces_the_link_type_is_kept_and_not_their_number(tmp_path: Path) -> None:
    whole = talk(50123).packets
    picked = extract(_ring(tmp_path, whole, interface=2), _wanted(whole, -1))
    assert {one.link_type for one in picked} == {1}
    data = slice_bytes(picked, title="t", application="a", interface="eth2", comments={2: ["here"]}, dropped=3)
    path = tmp_path / "slice.pcapng"
    path.write_bytes(data)
    capture = read_capture(str(path))
    assert (capture.info.packets, capture.info.health.comments, capture.info.health.dropped) == (len(whole), 2, 3)


def test_a_file_that_went_away_or_is_damaged_is_passed_over(tmp_path: Path) -> None:
    whole = talk(50123).packets
    files = _ring(tmp_path, whole[:4], whole[4:8], whole[8:])
    files[0].path.unlink()
    files[1].path.write_bytes(b"no capture at all, whatever its name says")
    assert _own(extract(files, _wanted(whole, -1))) == whole[8:]


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.txt"
    write_atomically(path, b"old")

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as stream:
            stream.write(data[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["report.txt"]
