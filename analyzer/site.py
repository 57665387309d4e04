"""What the user knows of the network: settings that rules refer to, in a TOML file.

    [limits]
    idle_limit = "350s"       # of the firewall or balancer on the path
    storm_attempts = 30

Every name is listed in `analyzer.ruleset.model.SETTINGS`.
"""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from pathlib import Path

from analyzer.errors import RuleError
from analyzer.factset import FactType, Value
from analyzer.ruleset.model import SETTINGS
from analyzer.units import parse_duration, parse_size

__all__ = ["load_site"]


def load_site(path: Path) -> dict[str, Value]:
    """Read a site file into settings by name. Raises RuleError with every problem found."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RuleError([f"{path}: it is no TOML file ({error})"]) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RuleError([f"{path}: it cannot be read ({reason}); check the name after --site"]) from error
    flat: dict[str, object] = {}
    for name, value in tables.items():
        flat.update(value if isinstance(value, dict) else {name: value})
    problems: list[str] = []
    settings: dict[str, Value] = {}
    for name, value in flat.items():
        setting = SETTINGS.get(name)
        if setting is None:
            near = get_close_matches(name, SETTINGS, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(SETTINGS)}"
            problems.append(f"{path}: there is no setting {name}{hint}")
            continue
        try:
            settings[name] = _value(setting.type, value)
        except (ValueError, TypeError, AttributeError) as error:
            problems.append(f"{path}: {name}: {error}")
    if problems:
        raise RuleError(problems)
    return settings


def _value(kind: FactType, value: object) -> Value:
    if kind is FactType.DURATION:
        return parse_duration(str(value))
    if kind is FactType.SIZE:
        return parse_size(str(value))
    if kind is FactType.INT and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind is FactType.BOOL and isinstance(value, bool):
        return value
    if kind in (FactType.TEXT, FactType.ENUM) and isinstance(value, str):
        return value
    raise ValueError(f"{value!r} is no {kind.value}")
