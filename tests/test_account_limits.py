"""What a capture cannot show is said, and only what is so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from analyzer.account.limits import limits_of
from analyzer.capture.model import Health, Interface
from analyzer.pipeline import Question, analyze
from tests.conversations import guilty, ordinary
from tests.reading import capture_of
from tests.wire import write_pcap


def health(snap_length: int = 262144) -> Health:
    return capture_of(ordinary.server_closes_client_closes(), snap_length=snap_length).info.health


def test_a_whole_capture_with_a_log_has_only_the_limit_of_all_captures() -> None:
    (only,) = limits_of(health(), with_log=True)
    assert "never on the wire" in only


def test_a_missing_log_is_a_limit() -> None:
    assert any(sentence.startswith("No log was given") for sentence in limits_of(health(), with_log=False))


def test_cut_packets_lost_packets_and_a_cut_file_are_limits() -> None:
    whole = health()
    dropping = Interface("eth0", "", 1, 262144, 100, 3, "", "")
    cases = {
        "cut by the snap length": health(snap_length=60),
        "lost packets": replace(whole, interfaces=(dropping,)),
        "The file is cut": replace(whole, cut="after packet 7"),
    }
    for words, damaged in cases.items():
        assert any(words in sentence for sentence in limits_of(damaged, with_log=True)), words
        assert len(limits_of(damaged, with_log=True)) == 2


def test_a_capture_without_sequence_numbers_says_what_it_cannot_tell(tmp_path: Path) -> None:
    for conv, said in ((ordinary.numbers_masked(), True), (guilty.path_lost(), False)):
        report = analyze(Question([str(write_pcap(tmp_path / f"{said}.pcap", conv.packets))], hash_files=False))
        assert any(limit.startswith("Sequence numbers are all zero") for limit in report.limits) is said


def test_each_limit_is_one_sentence() -> None:
    for sentence in limits_of(replace(health(60), cut="x"), with_log=False):
        assert sentence.endswith(".")
        assert sentence[0].isupper()
