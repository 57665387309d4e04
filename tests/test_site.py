"""What the user knows of the network: read whole, refused whole, every problem at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.errors import RuleError
from analyzer.ruleset.model import SETTINGS
from analyzer.site import load_site
from analyzer.units import NS


def site(folder: Path, text: str | bytes) -> Path:
    path = folder / "site.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_settings_are_read_with_their_units(tmp_path: Path) -> None:
    path = site(tmp_path, '[limits]\nidle_limit = "350s"\nstorm_attempts = 12\n')
    assert load_site(path) == {"idle_limit": 350 * NS, "storm_attempts": 12}


def test_settings_may_stand_outside_a_table(tmp_path: Path) -> None:
    assert load_site(site(tmp_path, 'idle_limit = "5min"\n')) == {"idle_limit": 300 * NS}


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    assert load_site(site(tmp_path, "")) == {}


def test_every_setting_that_there_is_can_be_set(tmp_path: Path) -> None:
    values = {name: {"duration": '"7s"', "int": "7"}[setting.type.value] for name, setting in SETTINGS.items()}
    loaded = load_site(site(tmp_path, "".join(f"{name} = {value}\n" for name, value in values.items())))
    assert set(loaded) == set(SETTINGS)


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    path = site(tmp_path, 'idle_limt = "350s"\nidle_silence = "soon"\nstorm_attempts = true\nport_range = "many"\n')
    with pytest.raises(RuleError) as caught:
        load_site(path)
    problems = caught.value.problems
    assert len(problems) == 4
    assert all(problem.startswith(f"{path}: ") for problem in problems)
    assert "there is no setting idle_limt; did you mean idle_limit?" in problems[0]
    assert "idle_silence" in problems[1]
    assert "write a number" in problems[1]


def test_a_name_near_to_none_gets_the_list(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="there are idle_limit, "):
        load_site(site(tmp_path, "zzz = 1\n"))


@pytest.mark.parametrize("text", ["idle_limit = ", b"\xff\xfe\x00", "[limits\n"])
def test_what_is_no_toml_is_refused_by_name(tmp_path: Path, text: str | bytes) -> None:
    path = site(tmp_path, text)
    with pytest.raises(RuleError, match="it is no TOML file") as caught:
        load_site(path)
    assert str(caught.value).startswith(str(path))


def test_a_missing_file_is_refused_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="check the name after --site"):
        load_site(tmp_path / "gone.toml")
