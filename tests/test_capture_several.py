"""Folders and patterns, and what in them is no capture."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from analyzer.capture.several import expand, read_captures
from analyzer.errors import CaptureError
from tests.conftest import Ran
from tests.conversations import ordinary
from tests.wire import write_pcap

Run = Callable[..., Ran]


@pytest.fixture
def folder(capture: Path) -> Path:
    """A folder with one capture, one empty file and one text, all called captures."""
    (capture.parent / "empty.pcap").touch()
    (capture.parent / "notes.pcapng").write_text("remember the milk\n")
    return capture.parent


def test_paths_are_expanded(tmp_path: Path) -> None:
    names = ("b.pcap", "a.pcapng", "notes.txt", "c.pcap.gz", "ring.pcap12", "pcap.log", "D.CAP")
    for name in names:
        (tmp_path / name).write_bytes(b"")
    inside = [str(tmp_path / name) for name in ("D.CAP", "a.pcapng", "b.pcap", "c.pcap.gz", "ring.pcap12")]
    assert expand([str(tmp_path)]) == dict.fromkeys(inside, False)
    asked = expand([str(tmp_path / "*.pcap"), "-", "missing.pcap"])
    assert asked == {inside[2]: False, "-": True, "missing.pcap": True}
    assert expand([str(tmp_path / "*.pcap"), inside[2]]) == {inside[2]: True}
    (tmp_path / "empty").mkdir()
    with pytest.raises(CaptureError, match="holds no"):
        expand([str(tmp_path / "empty")])
    with pytest.raises(CaptureError, match="matches"):
        expand([str(tmp_path / "*.nothing")])


def test_a_file_with_a_star_in_its_name_is_that_file(tmp_path: Path) -> None:
    if os.name == "nt":
        pytest.skip("Windows has no such names")
    (tmp_path / "a*.pcap").touch()
    (tmp_path / "ab.pcap").touch()
    assert expand([str(tmp_path / "a*.pcap")]) == {str(tmp_path / "a*.pcap"): True}


def test_a_folder_that_may_not_be_read_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(CaptureError, match="Permission denied"):
        expand([str(tmp_path)])


def test_what_is_no_capture_is_left_out_of_a_folder(folder: Path, capture: Path) -> None:
    for asked in (str(folder), str(folder / "*.pcap*")):
        captures, unread = read_captures([asked])
        assert [one.info.path for one in captures] == [str(capture)]
        assert [Path(one.path).name for one in unread] == ["empty.pcap", "notes.pcapng"]
        assert unread[0].why.startswith("the file is empty")


def test_what_was_named_itself_must_be_read(folder: Path, capture: Path) -> None:
    for named in ("notes.pcapng", "gone.pcap"):
        with pytest.raises(CaptureError, match=named):
            read_captures([str(folder), str(folder / named)])
        with pytest.raises(CaptureError, match=named):
            read_captures([str(capture), str(folder / named)])


def test_a_folder_without_a_readable_capture_is_refused(folder: Path, capture: Path) -> None:
    capture.unlink()
    with pytest.raises(CaptureError, match=r"none of 2 files can be read; the first is .*empty\.pcap"):
        read_captures([str(folder)])
    (folder / "empty.pcap").unlink()
    with pytest.raises(CaptureError, match=r"notes\.pcapng: this is a text file"):
        read_captures([str(folder)])


@pytest.mark.parametrize("form", ["text", "json"])
def test_flows_name_what_was_left_out(notconn: Run, folder: Path, form: str) -> None:
    ran = notconn("flows", folder, "--format", form)
    assert ran.code == 0
    assert "notes.pcapng" in ran.out
    assert "notes.pcapng was left out: this is a text file" in ran.err


def test_the_exit_code_is_that_of_the_rest(notconn: Run, folder: Path, capture: Path) -> None:
    ran = notconn("analyze", folder, "--fail-on", "low")
    assert ran.code == notconn("analyze", capture, "--fail-on", "low").code == 1
    assert "notes.pcapng:couldnotberead" in "".join(ran.out.split())
    assert ran.err.count("was left out") == 2


def test_redaction_hides_the_name_of_what_was_left_out(notconn: Run, folder: Path) -> None:
    (folder / "notes.pcapng").rename(folder / "prod-db-frankfurt.pcapng")
    ran = notconn("analyze", folder, "--redact")
    assert ran.code == 0
    assert "could not be read" in ran.out
    assert "frankfurt" not in ran.out


def test_nothing_is_cured_while_a_file_cannot_be_read(notconn: Run, tmp_path: Path) -> None:
    after = tmp_path / "after"
    after.mkdir()
    write_pcap(after / "well.pcap", ordinary.long_idle_survives().packets)
    assert notconn("diff", after, after).code == 0
    (after / "broken.pcap").write_text("no capture")
    ran = notconn("diff", after, after)
    assert ran.code == 1
    assert ran.out.startswith("Not shown to be cured: ")
    assert "broken.pcap" in ran.out


def test_a_frame_of_a_folder_warns_of_what_it_lacks(folder: Path) -> None:
    from analyzer import flows_frame

    with pytest.warns(UserWarning, match="left out") as told:
        assert len(flows_frame(folder)) == 2
    assert len(told) == 2
    assert told[0].filename == __file__
