"""``notconn slice``: which incident, what it says of the verdict, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.cases import sample
from tests.conftest import Ran

Run = Callable[..., Ran]


def test_the_only_incident_needs_no_number(notconn: Run, capture: Path, tmp_path: Path) -> None:
    target = tmp_path / "one.pcapng"
    ran = notconn("slice", capture, "-o", target)
    assert ran.code == 0
    assert not ran.out
    wrote, verdict = ran.err.splitlines()
    assert wrote == f"notconn: wrote {target}: 19 of 19 packets"
    assert "gives the same verdict" in verdict
    assert target.read_bytes().startswith(b"\x0a\x0d\x0d\x0a")
    causes = [
        [row.split(",")[2] for row in notconn("analyze", one, "--format", "csv").out.splitlines()[1:]]
        for one in (capture, target)
    ]
    assert len(causes[0]) == 1
    assert causes[0] == causes[1]


def test_one_of_several_must_be_named(notconn: Run, tmp_path: Path) -> None:
    capture = sample("retry-loop-on-closed-port").capture
    ran = notconn("slice", capture, "-o", tmp_path / "s.pcapng")
    assert ran.code == 2
    assert "say which with --incident N" in ran.sentence
    assert notconn("slice", capture, "--incident", "2", "-o", tmp_path / "s.pcapng").code == 0


def test_a_number_that_there_is_not_and_a_healthy_capture_are_refused(
    notconn: Run, capture: Path, tmp_path: Path
) -> None:
    ran = notconn("slice", capture, "--incident", "9", "-o", tmp_path / "s.pcapng")
    assert (ran.code, "--incident 9: there is no such incident" in ran.sentence) == (2, True)
    healthy = sample("healthy-keepalives").capture
    ran = notconn("slice", healthy, "-o", tmp_path / "s.pcapng")
    assert (ran.code, "there is no incident to cut out" in ran.sentence) == (2, True)
    ran = notconn("slice", healthy, "--incident", "1", "-o", tmp_path / "s.pcapng")
    assert (ran.code, "there is none" in ran.sentence) == (2, True)
    assert not (tmp_path / "s.pcapng").exists()


def test_what_is_there_stays_until_force(notconn: Run, capture: Path, tmp_path: Path) -> None:
    target = tmp_path / "s.pcapng"
    target.write_bytes(b"precious")
    assert "--force" in notconn("slice", capture, "-o", target).sentence
    assert target.read_bytes() == b"precious"
    assert notconn("slice", capture, "-o", target, "--force").code == 0
    assert target.read_bytes() != b"precious"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["capture.pcap", "s.pcapng"]


def test_secrets_are_refused_until_they_are_redacted_or_allowed(notconn: Run, tmp_path: Path) -> None:
    case = sample("ftp-nightly-job")
    asked = ("slice", case.capture, "--log", case.log, "-o", tmp_path / "s.pcapng")
    ran = notconn(*asked)
    assert ran.code == 2
    assert "--allow-secrets" in ran.sentence
    assert not list(tmp_path.iterdir())
    ran = notconn(*asked, "--redact")
    assert ran.code == 0
    assert "gives the same verdict" in ran.err
    assert "the key was random: give --redact-key" in ran.err
    redacted = (tmp_path / "s.pcapng").read_bytes()
    assert notconn(*asked, "--allow-secrets", "--force").code == 0
    assert b"USER " in (tmp_path / "s.pcapng").read_bytes()
    assert b"10.229.140" not in redacted


def test_the_same_key_gives_the_same_slice(notconn: Run, capture: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"0123456789abcdef" * 4)
    made = []
    for name in ("a.pcapng", "b.pcapng"):
        ran = notconn("slice", capture, "--redact", "--redact-key", f"file:{tmp_path / 'key'}", "-o", tmp_path / name)
        assert ran.code == 0, ran.err
        assert "random" not in ran.err
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]


def test_one_known_by_likeness_is_not_cut_out_and_stops_no_bundle(notconn: Run, tmp_path: Path) -> None:
    from tests.test_account_grouping import with_port
    from tests.wire import Conversation, write_pcap

    packets = []
    for number in range(700):
        conv = Conversation(server=f"10.9.{number // 250}.{number % 250 + 1}:8080", rtt_ms=2)
        conv.handshake()
        conv.client("question")
        conv.server_rst(after="1s")
        packets += with_port(conv, 1024 + number, number * 20_000_000)
    capture = write_pcap(tmp_path / "crowd.pcap", packets)
    told = notconn("analyze", capture, "--format", "csv").out.splitlines()[1:]
    assert len(told) == 700
    ran = notconn("slice", capture, "--incident", "700", "-o", tmp_path / "s.pcapng")
    assert ran.code == 2
    assert "known by its likeness" in ran.sentence
    client = told[-1].split(",")[6]
    assert notconn("slice", capture, "--endpoint", client, "-o", tmp_path / "s.pcapng").code == 0
    assert notconn("bundle", capture, "-o", tmp_path / "b.zip").code == 0
