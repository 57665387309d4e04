"""Where rules and samples are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer import resources
from analyzer.errors import InputError


def test_a_checkout_has_rules() -> None:
    assert (resources.rules_directory() / "causes.yaml").is_file()


def test_an_installed_package_carries_them_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "analyzer"
    inside = package / "_data" / "rules"
    inside.mkdir(parents=True)
    (inside / "causes.yaml").write_text("groups: []\n")
    (package / "_data" / "samples").mkdir()
    # Another distribution's folder of the same name, beside the package, is not ours.
    (tmp_path / "site" / "rules").mkdir()
    monkeypatch.setattr(resources, "_PACKAGE", package)
    assert resources.rules_directory() == inside
    assert resources.samples_directory() == package / "_data" / "samples"


def test_an_installation_without_rules_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path)
    with pytest.raises(InputError, match="install notconn again"):
        resources.rules_directory()
