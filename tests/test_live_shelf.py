"""Folders of incidents stay within their bound, the oldest leave first, and what is not ours is never touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from analyzer.live.shelf import Shelf


def _folder(root: Path, number: int, *, size: int = 1000, age_s: float = 0.0) -> Path:
    folder = root / f"20261122T1651{number:02d}Z-{number:04d}-10.9.0.7-443"
    folder.mkdir(parents=True)
    (folder / "slice.pcapng").write_bytes(bytes(size - 10))
    (folder / "report.json").write_bytes(bytes(10))
    os.utime(folder, (1_000_000 - age_s, 1_000_000 - age_s))
    return folder


def _names(root: Path) -> list[int]:
    return sorted(int(path.name.split("-")[1]) for path in root.glob("2*"))


def test_the_oldest_leave_until_the_size_holds(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, size=3500)
    for number in range(3):
        shelf.put(_folder(tmp_path, number))
        assert shelf.clear() == []
    shelf.put(_folder(tmp_path, 3, size=2500))
    assert shelf.clear() == [1000, 1000]
    assert _names(tmp_path) == [2, 3]
    # written anew, and larger than before
    (tmp_path / "20261122T165103Z-0003-10.9.0.7-443" / "log.txt").write_bytes(bytes(9000))
    shelf.put(tmp_path / "20261122T165103Z-0003-10.9.0.7-443")
    assert shelf.clear() == [1000]
    assert _names(tmp_path) == [3]


def test_what_an_earlier_run_left_counts_and_goes_by_its_age(tmp_path: Path) -> None:
    for number, days in ((7, 1), (8, 20), (9, 5)):
        _folder(tmp_path, number, age_s=days * 86400)
    shelf = Shelf(tmp_path, age_s=3 * 86400, clock=lambda: 1_000_000)
    assert len(shelf.clear()) == 2
    assert _names(tmp_path) == [7]


def test_without_bounds_nothing_leaves(tmp_path: Path) -> None:
    for number in range(3):
        _folder(tmp_path, number, age_s=1e9)
    assert Shelf(tmp_path).clear() == []
    assert len(_names(tmp_path)) == 3


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_is_not_ours_stays(tmp_path: Path, kind: str) -> None:
    mine, newest = _folder(tmp_path, 1), _folder(tmp_path, 3)
    late = _folder(tmp_path, 2)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "report.json").write_bytes(bytes(5000))
    other = tmp_path / "20260101T000000Z-0001"
    if kind == "file":
        (mine / "notes.md").write_text("seen by the network team", encoding="utf-8")
    elif kind == "folder":
        (mine / "report.d").mkdir()
    else:
        other.symlink_to(elsewhere, target_is_directory=True)
        (mine / "log.txt").symlink_to(elsewhere / "report.json")
    shelf = Shelf(tmp_path, size=1)
    shelf.put(newest)
    # put into it after it was counted
    (late / "mail.eml").write_text("see attachment", encoding="utf-8")
    assert shelf.clear() == []
    assert mine.is_dir()
    assert late.is_dir()
    assert (elsewhere / "report.json").stat().st_size == 5000


def test_a_root_that_is_not_there_is_an_empty_shelf(tmp_path: Path) -> None:
    assert Shelf(tmp_path / "none", size=1, age_s=1).clear() == []
