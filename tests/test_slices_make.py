from __future__ import annotations

import shutil
import socket
import subprocess
from functools import cache
from pathlib import Path

import pytest

from analyzer.capture.file import iter_frames
from analyzer.capture.pcapng_writer import PcapngWriter
from analyzer.errors import OutputError, UsageError
from analyzer.pipeline import Examined, Question, examine, report_of
from analyzer.redaction.masks import Masks
from analyzer.report.redact import redact
from analyzer.report.render import FORMATS, render
from analyzer.slices.make import find_incident, make_slice, prepare_masks, redacted_report
from tests.cases import Case, labelled, sample, sample_names
from tests.wire import Conversation

KEY = bytes(range(32))


def examined(case: Case) -> Examined:
    return _examined(case.capture, case.log)


@cache
def _examined(capture: Path, log: Path) -> Examined:
    return examine(Question([str(capture)], [str(log)] if log.exists() else []))


def address_text(packed: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def originals(masks: Masks) -> list[bytes]:
    """Every address, hardware address and name that was replaced, in each form in which a file may hold it."""
    found: list[bytes] = []
    for packed in masks.replaced_addresses:
        found += [packed, address_text(packed).encode()]
    for link in masks.replaced_macs:
        found += [link, link.hex(":").encode()]
    for name in masks.known_names:
        if len(name) > 3:
            found += [name.encode(), b"".join(bytes([len(one)]) + one.encode() for one in name.split("."))]
    return found


def check(case: Case, tmp_path: Path) -> None:
    """Slice and redact the first incident of a case: the verdict stays, and nothing of the site is left."""
    found = examined(case)
    masks = prepare_masks(found, KEY)
    target = tmp_path / f"{case.name}.pcapng"
    made = make_slice(found, "1", target, masks=masks)
    assert made.comparison.same, made.comparison.sentence
    data = target.read_bytes()
    report = redact(report_of(found), masks)
    page = b"".join(render(report, name) for name in FORMATS if name != "pdf")
    for old in originals(masks):
        assert old not in data
        if len(old) > 6:
            assert old not in page


@pytest.mark.parametrize("name", sample_names())
def test_the_verdict_on_a_redacted_slice_is_that_on_the_whole(name: str, tmp_path: Path) -> None:
    case = sample(name)
    if case.cause is None:
        pytest.skip("nothing is wrong in it: there is no incident to cut out")
    check(case, tmp_path)


def test_so_it_is_on_every_recorded_capture(shared: Path, tmp_path: Path) -> None:
    cases = {case.folder: case for case in labelled(shared / "captures") if case.cause is not None}
    assert cases
    for case in cases.values():
        if any(part.incidents for part in examined(case).parts):
            check(case, tmp_path)


def test_a_slice_is_small_and_keeps_lengths_times_and_numbers(tmp_path: Path) -> None:
    case = sample("database-idle-behind-firewall")
    plain, safe = tmp_path / "plain.pcapng", tmp_path / "safe.pcapng"
    made = make_slice(examined(case), "1", plain)
    make_slice(examined(case), "1", safe, masks=prepare_masks(examined(case), None))
    assert len(made.frames) < made.packets
    fields = ["frame.time_epoch", "frame.len", "ip.ttl", "ip.id", "tcp.seq_raw", "tcp.ack_raw", "tcp.flags", "tcp.len"]
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    assert tshark(plain, fields) == tshark(safe, fields)
    assert tshark(plain, ["ip.src"]) != tshark(safe, ["ip.src"])


def tshark(path: Path, fields: list[str], *more: str) -> str:
    chosen = [word for field in fields for word in ("-e", field)]
    command = ["tshark", "-n", "-r", str(path), *more, "-T", "fields", *chosen]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_wireshark_shows_the_comments_and_finds_no_checksum_changed(tmp_path: Path) -> None:
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    case = sample("ftp-nightly-job")
    target = tmp_path / "safe.pcapng"
    make_slice(examined(case), "1", target, masks=prepare_masks(examined(case), KEY))
    comments = [line for line in tshark(target, ["frame.comment"]).splitlines() if line]
    assert any(f"frame {case.frames[0]}," in line and "tcp.stream" in line for line in comments)
    checks = ("-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE")
    plain = tmp_path / "plain.pcapng"
    make_slice(examined(case), "1", plain, allow_secrets=True)
    status = ["tcp.checksum.status", "ip.checksum.status", "udp.checksum.status"]
    assert tshark(target, status, *checks) == tshark(plain, status, *checks)
    info = subprocess.run(["capinfos", "-k", str(target)], capture_output=True, text=True, check=True).stdout
    assert "server-idle-timeout" in info
    assert "gives the same verdict" in info


def merged(folder: Path) -> Path:
    """A connection that a server ended, seen on two interfaces of one file, with comments that a colleague wrote."""
    talk = Conversation()
    talk.handshake()
    talk.exchange()
    talk.wait("60s")
    talk.fin("server")
    talk.client(b"late", acked=False, after="5s")
    talk.server_rst(with_ack=False)
    target = folder / "merged.pcapng"
    with target.open("wb") as stream:
        writer = PcapngWriter(stream)
        uplink = writer.interface(1, 65_535, name="uplink", description="to the firewall", capture_filter="tcp")
        server = writer.interface(1, 96, name="server side")
        for number, (ns, data) in enumerate(talk.packets):
            side = server if number % 2 else uplink
            writer.packet(side, ns + 7, data, len(data), [f"look at number {number + 1}", "twice"] if number == 6 else ())
        writer.statistics(uplink, talk.now, received=90, dropped=3)
        writer.statistics(server, talk.now, received=80, dropped=None)
    return target


def test_comments_and_interfaces_of_the_source_travel_with_it(tmp_path: Path) -> None:
    source, target = merged(tmp_path), tmp_path / "plain.pcapng"
    found = examine(Question([str(source)]))
    make_slice(found, "1", target)
    again = examine(Question([str(target)])).captures[0].info.health
    told = [(one.name, one.description, one.filter, one.snap_length, one.dropped) for one in again.interfaces]
    assert told == [("uplink", "to the firewall", "tcp", 65_535, 3), ("server side", "", "", 96, None)]
    frames = {raw.frame: raw for raw in iter_frames(str(target), range(1, 100))}
    originals = list(iter_frames(str(source), range(1, 100)))
    assert [raw.ts_ns for raw in frames.values()] == [raw.ts_ns for raw in originals]
    assert [raw.interface for raw in frames.values()] == [raw.interface for raw in originals]
    assert frames[7].comments[:2] == ("look at number 7", "twice")
    assert sum("look at" in one for raw in frames.values() for one in raw.comments) == 1
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    shown = tshark(target, ["frame.interface_name", "frame.comment"]).splitlines()
    assert shown[6].startswith("uplink\tlook at number 7,twice")
    assert sum("notconn: frame" in line for line in shown) >= 4


def test_a_redacted_slice_has_neither_comments_of_others_nor_names_of_interfaces(tmp_path: Path) -> None:
    target = tmp_path / "safe.pcapng"
    found = examine(Question([str(merged(tmp_path))]))
    make_slice(found, "1", target, masks=prepare_masks(found, KEY))
    data = target.read_bytes()
    assert not [word for word in (b"look at", b"uplink", b"server side", b"to the firewall") if word in data]
    health = examine(Question([str(target)])).captures[0].info.health
    assert health.dropped == 3


def test_a_password_in_the_clear_is_not_written_unless_allowed(tmp_path: Path) -> None:
    case = sample("ftp-nightly-job")
    target = tmp_path / "plain.pcapng"
    with pytest.raises(OutputError, match=r"PASS.*frame.*--redact.*--allow-secrets"):
        make_slice(examined(case), "1", target)
    assert list(tmp_path.iterdir()) == []
    made = make_slice(examined(case), "1", target, allow_secrets=True)
    assert made.secrets
    assert b"PASS " in target.read_bytes()


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    target = tmp_path / "x.pcapng"
    target.write_bytes(b"precious")
    with pytest.raises(OutputError, match="such a file already"):
        make_slice(examined(sample("server-aborts")), "1", target)
    assert target.read_bytes() == b"precious"


def test_an_unknown_incident_is_a_sentence() -> None:
    for name in ("0", "99", "x", "-1", ""):
        with pytest.raises(UsageError, match="no such incident"):
            find_incident(examined(sample("server-aborts")), name)


def test_a_report_with_the_same_key_speaks_of_the_hosts_of_the_slice(tmp_path: Path) -> None:
    case = sample("server-aborts")
    found = examined(case)
    report = redacted_report(found, report_of(found), KEY)
    target = tmp_path / "safe.pcapng"
    make_slice(found, "1", target, masks=prepare_masks(found, KEY))
    again = report_of(examine(Question([str(target)], hash_files=False)))
    assert report.incidents[0].client == again.incidents[0].client
    assert report.incidents[0].server == again.incidents[0].server
