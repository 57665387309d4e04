from __future__ import annotations

import shutil
import socket
import subprocess
from functools import cache
from pathlib import Path

import pytest

from analyzer.errors import OutputError, UsageError
from analyzer.pipeline import Examined, Question, examine, report_of
from analyzer.redaction.masks import Masks
from analyzer.report.redact import redact
from analyzer.report.render import render
from analyzer.slices.make import find_incident, make_slice, prepare_masks, redacted_report
from tests.cases import Case, labelled, sample, sample_names

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
    page = b"".join(render(report, name) for name in ("json", "html", "markdown", "text"))
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
