"""Whatever a user or a capture does wrong gets one sentence with the place and the remedy, and never a traceback."""

from __future__ import annotations

import gzip
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyzer.cli.main import COMMANDS, main
from tests.conftest import Ran

Run = Callable[..., Ran]
ROOT = Path(__file__).resolve().parents[1]
READERS = ("analyze", "flows")


@pytest.fixture(params=READERS)
def reader(request: pytest.FixtureRequest) -> str:
    """Every command that reads captures."""
    return str(request.param)


def cut_of(ran: Ran) -> str:
    """The remark on the cut in a JSON answer."""
    assert ran.code == 0
    assert "Traceback" not in ran.err
    capture = json.loads(ran.out)["captures"][0]
    assert any(str(capture["health"]["cut"]) in remark for remark in capture["remarks"])
    return str(capture["health"]["cut"])


# -- captures that are none ----------------------------------------------------------------------------------------


def test_no_such_file(notconn: Run, reader: str, tmp_path: Path) -> None:
    ran = notconn(reader, tmp_path / "gone.pcapng")
    assert ran.code == 2
    assert "gone.pcapng: no such file; check the name" in ran.sentence
    assert not ran.out


def test_a_folder_without_captures(notconn: Run, reader: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing here")
    ran = notconn(reader, tmp_path)
    assert ran.code == 2
    assert str(tmp_path) in ran.sentence
    assert "holds no .pcap or .pcapng file" in ran.sentence


def test_a_pattern_that_matches_nothing(notconn: Run, reader: str, tmp_path: Path) -> None:
    ran = notconn(reader, tmp_path / "*.pcapng")
    assert ran.code == 2
    assert "no file matches this pattern" in ran.sentence


def test_an_empty_file(notconn: Run, reader: str, tmp_path: Path) -> None:
    (tmp_path / "empty.pcap").touch()
    ran = notconn(reader, tmp_path / "empty.pcap")
    assert ran.code == 2
    assert "empty.pcap: the file is empty; record or copy the capture again" in ran.sentence


def test_a_text_file(notconn: Run, reader: str, tmp_path: Path) -> None:
    (tmp_path / "app.log").write_text("2026-11-22 10:00:00 send failed: 10057\n")
    ran = notconn(reader, tmp_path / "app.log")
    assert ran.code == 2
    assert "this is a text file, no capture" in ran.sentence
    assert "--log" in ran.sentence


def test_an_event_trace_names_the_exact_command(notconn: Run, reader: str, tmp_path: Path) -> None:
    (tmp_path / "trace.etl").write_bytes(bytes(range(256)) * 16)
    ran = notconn(reader, tmp_path / "trace.etl")
    assert ran.code == 2
    assert "etl2pcapng trace.etl out.pcapng" in ran.sentence
    assert "pktmon etl2pcap trace.etl -o out.pcapng" in ran.sentence


@pytest.mark.parametrize("suffix", [".xz", ".bz2", ".zip", ".7z"])
def test_what_has_to_be_unpacked_first(notconn: Run, tmp_path: Path, suffix: str) -> None:
    magic = {".xz": b"\xfd7zXZ\0", ".bz2": b"BZh9", ".zip": b"PK\x03\x04", ".7z": b"7z\xbc\xaf\x27\x1c"}[suffix]
    path = tmp_path / f"capture.pcap{suffix}"
    path.write_bytes(magic + bytes(100))
    ran = notconn("flows", path)
    assert ran.code == 2
    assert "unpack it first" in ran.sentence


def test_a_file_that_may_not_be_read(notconn: Run, reader: str, capture: Path) -> None:
    capture.chmod(0)
    if os.access(capture, os.R_OK):
        pytest.skip("this user may read everything")
    ran = notconn(reader, capture)
    assert ran.code == 2
    assert "may not be read by this user" in ran.sentence


def test_an_empty_standard_input(reader: str) -> None:
    done = program(reader, "-", stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert done.stderr.decode().startswith("notconn: -: the file is empty")


# -- captures that are damaged -------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [4, 10, 23])
def test_a_capture_cut_inside_its_file_header(notconn: Run, reader: str, capture: Path, length: int) -> None:
    capture.write_bytes(capture.read_bytes()[:length])
    ran = notconn(reader, capture)
    assert ran.code == 2
    assert f"ends after {length} bytes, inside its file header" in ran.sentence


def test_a_capture_cut_in_the_middle_of_a_packet(notconn: Run, reader: str, capture: Path) -> None:
    whole = json.loads(notconn(reader, capture, "--format", "json").out)["captures"][0]["packets"]
    capture.write_bytes(capture.read_bytes()[:-7])
    ran = notconn(reader, capture, "--format", "json")
    assert f"after frame {whole - 1}" in cut_of(ran)
    assert json.loads(ran.out)["captures"][0]["packets"] == whole - 1


@pytest.mark.parametrize("form", ["text", "csv", "parquet"])
def test_flows_tell_of_a_cut_in_every_form(notconn: Run, capture: Path, tmp_path: Path, form: str) -> None:
    capture.write_bytes(capture.read_bytes()[:-7])
    ran = notconn("flows", capture, "--format", form, "-o", tmp_path / "out")
    assert ran.code == 0
    told = (tmp_path / "out").read_text() if form == "text" else ran.err
    assert "the last record is cut" in told


def test_analyze_tells_of_a_cut_in_its_text(notconn: Run, capture: Path) -> None:
    capture.write_bytes(capture.read_bytes()[:-7])
    ran = notconn("analyze", capture)
    assert ran.code == 0
    assert "Not all of it could be read: reading ended after frame" in " ".join(ran.out.split())


def test_a_record_that_claims_four_gigabytes(notconn: Run, reader: str, capture: Path) -> None:
    data = bytearray(capture.read_bytes())
    second = 24 + 16 + struct.unpack_from("<I", data, 24 + 8)[0]
    struct.pack_into("<II", data, second + 8, 0xFFFFFFF0, 0xFFFFFFF0)
    capture.write_bytes(data)
    ran = notconn(reader, capture, "--format", "json")
    assert "4294967280" in cut_of(ran).replace(",", "")
    assert json.loads(ran.out)["captures"][0]["packets"] == 1


def section(*blocks: bytes) -> bytes:
    head = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    interface = struct.pack("<IIHHII", 1, 20, 1, 0, 65535, 20)
    return head + interface + b"".join(blocks)


def packet_block(length: int | None = None, trailer: int | None = None) -> bytes:
    data = bytes(60)
    total = 32 + len(data) if length is None else length
    head = struct.pack("<IIIIIII", 6, total, 0, 0, 0, len(data), len(data))
    return head + data + struct.pack("<I", total if trailer is None else trailer)


@pytest.mark.parametrize(
    "damage",
    [packet_block(length=8), packet_block(trailer=17), packet_block(length=0xFFFFFFF0), packet_block()[:40]],
    ids=["too-short", "lengths-differ", "four-gigabytes", "cut"],
)
def test_a_pcapng_with_a_wrong_block_length(notconn: Run, reader: str, tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "wrong.pcapng"
    path.write_bytes(section(packet_block(), damage))
    ran = notconn(reader, path, "--format", "json")
    assert cut_of(ran)
    assert json.loads(ran.out)["captures"][0]["packets"] == 1


def test_a_pcapng_section_without_byte_order_mark(notconn: Run, reader: str, tmp_path: Path) -> None:
    path = tmp_path / "mark.pcapng"
    path.write_bytes(b"\x0a\x0d\x0d\x0a" + bytes(60))
    ran = notconn(reader, path)
    assert ran.code == 2
    assert "no byte-order mark" in ran.sentence


def test_a_gzip_cut_short(notconn: Run, reader: str, capture: Path, tmp_path: Path) -> None:
    packed = gzip.compress(capture.read_bytes() + os.urandom(4096))
    path = tmp_path / "capture.pcap.gz"
    path.write_bytes(packed[: len(packed) // 2])
    ran = notconn(reader, path, "--format", "json")
    assert "gzip" in cut_of(ran)


def test_a_gzip_that_ends_in_its_own_header(notconn: Run, reader: str, tmp_path: Path) -> None:
    path = tmp_path / "capture.pcap.gz"
    path.write_bytes(b"\x1f\x8b\x08")
    ran = notconn(reader, path)
    assert ran.code == 2
    assert "gzip" in ran.sentence


def test_a_zstd_cut_short(notconn: Run, reader: str, capture: Path, tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    packed = zstandard.ZstdCompressor().compress(capture.read_bytes() + os.urandom(400_000))
    path = tmp_path / "capture.pcap.zst"
    path.write_bytes(packed[: len(packed) // 2])
    ran = notconn(reader, path, "--format", "json")
    assert cut_of(ran)


# -- logs ----------------------------------------------------------------------------------------------------------

LINES = "2026-02-25 06:14:36.500Z connect to 10.9.0.7:21 ok\n2026-02-25 06:14:37.000Z send failed: error 10057\n"


def test_a_log_in_utf_16_works(notconn: Run, capture: Path, tmp_path: Path) -> None:
    (tmp_path / "app.log").write_text(LINES, encoding="utf-16")
    ran = notconn("analyze", capture, "--log", tmp_path / "app.log", "--format", "json")
    assert ran.code == 0
    incident = json.loads(ran.out)["incidents"][0]
    assert incident["source"] == "log"
    assert incident["log"]["line"] == 2
    assert incident["log"]["code"] == 10057


def test_a_log_without_one_readable_time_is_told(notconn: Run, capture: Path, tmp_path: Path) -> None:
    (tmp_path / "app.log").write_text("send failed: error 10057\n")
    ran = notconn("analyze", capture, "--log", tmp_path / "app.log", "--format", "json")
    assert ran.code == 0
    told = json.loads(ran.out)["captures"][0]["remarks"]
    assert any("app.log: No line has a readable time" in remark for remark in told)


def test_an_empty_log(notconn: Run, capture: Path, tmp_path: Path) -> None:
    (tmp_path / "app.log").touch()
    ran = notconn("analyze", capture, "--log", tmp_path / "app.log")
    assert ran.code == 2
    assert "app.log is empty; give the log that covers the time of the error" in ran.sentence


def test_a_missing_log(notconn: Run, capture: Path, tmp_path: Path) -> None:
    ran = notconn("analyze", capture, "--log", tmp_path / "app.log")
    assert ran.code == 2
    assert "app.log does not exist" in ran.sentence


def test_a_capture_given_as_log(notconn: Run, capture: Path) -> None:
    ran = notconn("analyze", capture, "--log", capture)
    assert ran.code == 2
    assert "is a packet capture; give it as CAPTURE" in ran.sentence


def test_a_log_without_any_error_is_told(notconn: Run, capture: Path, tmp_path: Path) -> None:
    (tmp_path / "app.log").write_text("2026-02-25 06:14:36Z all is well\n")
    ran = notconn("analyze", capture, "--log", tmp_path / "app.log")
    assert ran.code == 0
    assert "no record of 10057" in " ".join(ran.out.split())


def test_no_socket_table(notconn: Run, capture: Path, tmp_path: Path) -> None:
    (tmp_path / "netstat.txt").write_text("hello\n")
    ran = notconn("analyze", capture, "--netstat", tmp_path / "netstat.txt")
    assert ran.code == 2
    assert "netstat.txt holds no row of netstat -ano" in ran.sentence


def test_no_event_log(notconn: Run, capture: Path, tmp_path: Path) -> None:
    (tmp_path / "app.evtx").write_bytes(b"ElfFile\0" + bytes(100))
    ran = notconn("analyze", capture, "--evtx", tmp_path / "app.evtx")
    assert ran.code == 2
    assert "app.evtx" in ran.sentence


# -- rules and site ------------------------------------------------------------------------------------------------


def test_a_rule_with_an_unknown_fact(notconn: Run, capture: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    text = (ROOT / "rules" / "connection-refused.yaml").read_text(encoding="utf-8")
    (folder / "connection-refused.yaml").write_text(text.replace("{opening: reset}", "{openning: reset}", 1), "utf-8")
    ran = notconn("analyze", capture, "--rules", folder)
    assert ran.code == 2
    assert "Traceback" not in ran.err
    assert "connection-refused.yaml" in ran.err
    assert "openning" in ran.err
    assert "opening" in ran.err.replace("openning", "")
    assert not ran.out


def test_a_folder_of_rules_without_rules(notconn: Run, capture: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for arguments in (("analyze", capture, "--rules", tmp_path / "mine"), ("rules", "check", tmp_path / "mine")):
        ran = notconn(*arguments)
        assert ran.code == 2
        assert "mine: this folder holds no .yaml file" in ran.sentence


def test_a_folder_of_rules_that_is_not_there(notconn: Run, capture: Path, tmp_path: Path) -> None:
    for arguments in (("analyze", capture, "--rules", tmp_path / "gone"), ("rules", "check", tmp_path / "gone")):
        ran = notconn(*arguments)
        assert ran.code == 2
        assert "gone" in ran.sentence


@pytest.mark.parametrize("text", ["idle_limit = ", "idle_limt = '350s'", "idle_limit = 'soon'", "\udcff"])
def test_a_site_file_that_is_wrong(notconn: Run, capture: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "site.toml").write_text(text, encoding="utf-8", errors="surrogateescape")
    ran = notconn("analyze", capture, "--site", tmp_path / "site.toml")
    assert ran.code == 2
    assert "site.toml" in ran.sentence


def test_a_site_file_that_is_not_there(notconn: Run, capture: Path, tmp_path: Path) -> None:
    ran = notconn("analyze", capture, "--site", tmp_path / "site.toml")
    assert ran.code == 2
    assert "site.toml" in ran.sentence


# -- outputs -------------------------------------------------------------------------------------------------------


def test_an_output_file_that_exists_is_kept(notconn: Run, reader: str, capture: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    out.write_text("precious")
    ran = notconn(reader, capture, "-o", out)
    assert ran.code == 2
    assert "out.json: there is such a file already; add --force to write over it" in ran.sentence
    assert out.read_text() == "precious"
    assert notconn(reader, capture, "-o", out, "--force").code == 0
    assert json.loads(out.read_text())["schema"] == "notconn/1"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["capture.pcap", "out.json"]


def test_an_output_is_refused_before_the_work(notconn: Run, reader: str, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    out.touch()
    ran = notconn(reader, tmp_path / "gone.pcap", "-o", out)
    assert ran.code == 2
    assert "there is such a file already" in ran.sentence


def test_outputs_that_cannot_be_written(notconn: Run, reader: str, capture: Path, tmp_path: Path) -> None:
    names = (tmp_path, tmp_path / "gone" / "out.json", capture / "out.json", f"{tmp_path}/a\0b", tmp_path / ("a" * 300))
    for out in names:
        ran = notconn(reader, capture, "-o", out, "--format", "json")
        assert ran.code == 2
        assert "-o" in ran.sentence


def test_a_full_disk(reader: str, capture: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    done = program(reader, str(capture), "-o", "/dev/full")
    assert done.returncode == 2
    assert b"cannot be written (No space left on device); choose another place with -o" in done.stderr
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = program(reader, str(capture), stdout=full)
    assert done.returncode == 2
    assert b"standard output cannot be written (No space left on device)" in done.stderr
    assert b"Traceback" not in done.stderr


# -- the call itself -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["anlyze", "x.pcap"], "there is no command 'anlyze'; did you mean `notconn analyze`?"),
        (["frobnicate"], "there is no command 'frobnicate'; there are analyze"),
        (["a" * 5000], "there is no command"),
        (["capture.pcapng"], "capture.pcapng: a command comes first; try: notconn analyze capture.pcapng"),
        (["analyze"], "required: CAPTURE; `notconn analyze --help`"),
        (["flows", "x.pcap", "--frob"], "unrecognized arguments: --frob"),
        (["flows", "x.pcap", "--format", "xlsx"], "invalid choice: 'xlsx'"),
        (["analyze", "x.pcap", "--format", "docx"], "invalid choice: 'docx'"),
        (["analyze", "x.pcap", "--fail-on", "panic"], "invalid choice: 'panic'"),
        (["analyze", "x.pcap", "--at", "yesterday"], "--at: 'yesterday' is no time"),
        (["analyze", "x.pcap", "--at", "inf"], "--at: 'inf' is no time"),
        (["analyze", "x.pcap", "--at", "nan"], "--at: 'nan' is no time"),
        (["analyze", "x.pcap", "--endpoint", "10.9.0.256"], "--endpoint: '10.9.0.256' is no endpoint"),
        (["analyze", "x.pcap", "--endpoint", "10.9.0.7:²"], "is no endpoint"),
        (["analyze", "x.pcap", "--endpoint", "10.9.0.7:65536"], "is no endpoint"),
        (["analyze", "x.pcap", "--zone", "+99:00"], "--zone: '+99:00' is no zone"),
        (["analyze", "x.pcap", "--zone", "Atlantis/Poseidonis"], "is no zone"),
        (["analyze", "x.pcap", "--zone", "../../etc/passwd"], "is no zone"),
        (["explain", "frobnication"], "There is nothing to explain under 'frobnication'"),
        (["explain", ""], "There is nothing to explain"),
        (["rules", "chekc"], "invalid choice: 'chekc'"),
        (["flows", "a\0b"], "check the name"),
        (["flows", "a" * 5000], "check the name"),
        (["flows", "\udcff\udcfe.pcap"], "no such file"),
        (["analyze", "x.pcap", "--log", "a\0b"], "check the path"),
        (["analyze", "x.pcap", "--site", "a\0b"], "--site"),
        (["flows", ""], ""),
    ],
)
def test_wrong_calls(notconn: Run, arguments: list[str], words: str) -> None:
    ran = notconn(*arguments)
    assert ran.code == 2
    assert words in ran.sentence
    assert not ran.out


def test_no_command_at_all_shows_the_help(notconn: Run) -> None:
    ran = notconn()
    assert ran.code == 2
    assert not ran.out
    assert "usage: notconn" in ran.err


def test_names_cannot_move_a_terminals_cursor(notconn: Run, tmp_path: Path) -> None:
    ran = notconn("flows", tmp_path / "\x1b[2Jgone\r.pcap")
    assert "\\x1b[2Jgone" in ran.sentence
    assert "\x1b" not in ran.err


# -- commands that write files of their own ------------------------------------------------------------------------


@pytest.fixture(params=["slice", "bundle"])
def writer(request: pytest.FixtureRequest) -> str:
    """Every command that makes a file out of captures."""
    return str(request.param)


def test_writers_refuse_what_readers_refuse(notconn: Run, writer: str, capture: Path, tmp_path: Path) -> None:
    (tmp_path / "app.log").write_text("no capture\n")
    (tmp_path / "old").write_text("precious")
    for arguments, words in (
        ((tmp_path / "gone.pcap", "-o", tmp_path / "new"), "no such file"),
        ((tmp_path / "app.log", "-o", tmp_path / "new"), "this is a text file, no capture"),
        ((capture, "-o", tmp_path / "old"), "there is such a file already; add --force"),
        ((capture, "-o", tmp_path / "gone" / "new"), "choose another with -o"),
        ((capture,), "required: -o/--output"),
        ((capture, "-o", tmp_path / "new", "--incident", "99"), "--incident 99: there is no such incident"),
        ((capture, "-o", tmp_path / "new", "--redact", "--redact-key", "env:NOTCONN_NONE"), "--redact-key"),
    ):
        ran = notconn(writer, *arguments)
        assert ran.code == 2
        assert words in ran.sentence
    assert (tmp_path / "old").read_text() == "precious"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("text", ["", "hello", "[1]", '{"schema": "notconn/1"}', '{"schema": "notconn/2"}', "\0\1"])
def test_what_is_no_report_of_ours(
    notconn: Run, capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("NOTCONN_JIRA_URL", "https://jira.corp.example")
    (tmp_path / "report.json").write_text(text)
    ran = notconn("attach", tmp_path / "report.json", "--to", "jira:PROJ-12", "--dry-run")
    assert ran.code == 2
    assert "report.json: this is no JSON report of notconn" in ran.sentence
    ran = notconn("diff", tmp_path / "report.json", capture)
    assert ran.code == 2
    assert "report.json" in ran.sentence


def test_no_such_report_and_no_such_ticket(notconn: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTCONN_JIRA_URL", "https://jira.corp.example")
    ran = notconn("attach", tmp_path / "gone.json", "--to", "jira:PROJ-12", "--dry-run")
    assert ran.code == 2
    assert "gone.json: it cannot be read" in ran.sentence
    for ticket in ("frob", "jira:", "jira", "github:12"):
        ran = notconn("attach", tmp_path / "gone.json", "--to", ticket, "--dry-run")
        assert ran.code == 2
        assert ticket in ran.sentence


# -- signals and pipes ---------------------------------------------------------------------------------------------


def program(*arguments: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "analyzer.cli.main", *arguments]
    more = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    return subprocess.run(command, cwd=ROOT, timeout=60, check=False, **more)


@pytest.mark.skipif(os.name == "nt", reason="a process cannot be sent Ctrl-C alone on Windows")
def test_ctrl_c_is_one_sentence_and_130(reader: str, capture: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    command = [sys.executable, "-m", "analyzer.cli.main", reader, "-", "-o", str(out)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        # More than a pipe holds: once it is written, the program is known to be reading.
        data = capture.read_bytes()
        process.stdin.write(data + data[24:] * (300_000 // len(data)))
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            # Python may look for signals just before it waits for data: a person presses the keys again.
            process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr.read() == b"notconn: interrupted; nothing was written.\n"
    assert not out.exists()


def test_a_reader_that_goes_away_is_no_failure(reader: str, capture: Path) -> None:
    for form in ("text", "json"):
        command = [sys.executable, "-m", "analyzer.cli.main", reader, str(capture), "--format", form]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert process.wait(20) == 0
            assert process.stderr.read() == b""


# -- anything at all -----------------------------------------------------------------------------------------------

HEADS = [
    b"",
    b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00" + bytes(8) + b"\xff\xff\0\0\x01\0\0\0",
    b"\xa1\xb2\x3c\x4d\x00\x02\x00\x04" + bytes(8) + b"\0\0\xff\xff\0\0\0\x71",
    b"\x34\xcd\xb2\xa1\x02\x00\x04\x00" + bytes(8) + b"\xff\xff\0\0\x01\0\0\0",
    section(),
    section(packet_block()),
    b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
    b"\x28\xb5\x2f\xfd",
    b"ElfFile\0",
]


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(HEADS), st.binary(max_size=400), st.sampled_from(["capture", "log", "evtx", "netstat"]))
def test_any_bytes_are_answered_with_a_sentence(
    capfdbinary: pytest.CaptureFixture[bytes], capture: Path, head: bytes, body: bytes, role: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "given")
        path.write_bytes(head + body)
        if role == "capture":
            calls = [["flows", str(path)], ["analyze", str(path), "--format", "json"]]
        else:
            calls = [["analyze", str(capture), f"--{role}", str(path)]]
        for call in calls:
            capfdbinary.readouterr()
            code = main(call)
            err = capfdbinary.readouterr().err
            assert code in (0, 2)
            assert b"Traceback" not in err
            assert (code == 2) == err.startswith(b"notconn: ")


SAFE = [command for command in COMMANDS if command != "live"]  # which would not end by itself
WORDS = st.sampled_from([*SAFE, "--log", "--format", "json", "-o", "-h", "--at", "10057", "--", "", "\0"])


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arguments=st.lists(WORDS | st.text(max_size=12), max_size=6))
def test_any_call_is_answered_with_an_exit_code(
    capfdbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([word for word in arguments if word != "-"]) in (0, 1, 2)
    assert b"Traceback" not in capfdbinary.readouterr().err
