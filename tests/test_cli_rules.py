"""``notconn rules``: what comes along is sound, and a folder of one's own is checked together with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.conftest import Ran

Run = Callable[..., Ran]
ROOT = Path(__file__).resolve().parents[1]


def test_the_rules_that_come_along_are_sound(notconn: Run) -> None:
    ran = notconn("rules", "check")
    assert ran.code == 0
    assert "rules are sound" in ran.sentence


def test_docs(notconn: Run) -> None:
    ran = notconn("rules", "docs")
    assert ran.code == 0
    assert ran.out.startswith("# ")
    assert "firewall-idle-drop" in ran.out


def test_a_folder_that_adds_to_them(notconn: Run, tmp_path: Path) -> None:
    text = (ROOT / "rules" / "connection-refused.yaml").read_text(encoding="utf-8")
    (tmp_path / "connection-refused.yaml").write_text(text, encoding="utf-8")
    assert notconn("rules", "check", tmp_path).code == 0
    (tmp_path / "connection-refused.yaml").write_text(text.replace("{opening: reset}", "{openning: reset}"), "utf-8")
    ran = notconn("rules", "check", tmp_path)
    assert ran.code == 2
    assert "Did you mean 'opening'?" in ran.err
    assert "connection-refused.yaml:" in ran.err
