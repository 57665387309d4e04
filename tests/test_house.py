"""The rules of the house that no other tool holds: tests one to one, small modules, names, and words that stay out."""

from __future__ import annotations

import ast
import importlib
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "analyzer"
MODULES = sorted(path.relative_to(ROOT) for path in PACKAGE.rglob("*.py"))

HELD_BY = {
    "__init__": "test_public_api",
    "_shadow": "test_packaging",
    "api": "test_public_api",
    "capture.model": "test_report_health",
    "flows.model": "test_flows_rows",
    "incidents.part": "test_pipeline",
    "live.plan": "test_live_watch",
    "ruleset.condition_reader": "test_ruleset_conditions",
    "ruleset.model": "test_ruleset_conditions",
    "ruleset.schema": "test_ruleset_load",
    "vocabulary.declare": "test_facts",
    **{
        f"tickets.{name}": "test_tickets_deliver"
        for name in ("azure", "github", "gitlab", "jira", "redmine", "rt", "servicenow", "vendors", "zendesk")
    },
}
"""Modules that the test of another one holds: plain data, halves of one thing that only work together, and the ticket
systems, each of which is driven from the command line on to a server of its kind."""
LONGER = {
    "decode.packets": 450,
    "flows.keys": 450,
    "flows.likeness": 650,
}
"""Compiled modules above 400 lines: one pass over a packet or flow, in which a call between modules costs time."""

LONGEST = 400
_FORBIDDEN_NAMES = {"manager", "handler", "helper", "helpers", "utils", "util", "common", "misc"}
_TEXT = {".py", ".pxd", ".md", ".yaml", ".yml", ".toml", ".txt", ".csv", ".css", ".html", ".json", ".log"}
_SCANNED = ("analyzer", "bench", "docs", "rules", "samples", "tests", ".ci", ".github")
_FORBIDDEN_TEXT = {
    "a path of one machine": r"(?<![\w./-])/(?:work|root|mnt)/[a-z]",
    "a package registry": r"\b(?:pypi|pythonhosted|anaconda|npmjs)\.(?:org|com)\b",
    "unfinished work": r"\b(?:TO[D]O|FIX[M]E|XX[X])\b",
}


def name_of(module: Path) -> str:
    """``analyzer/flows/rows.py`` as ``flows.rows``; a package as its ``__init__``'s folder."""
    parts = module.with_suffix("").parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


@cache
def tree_of(module: Path) -> ast.Module:
    return ast.parse((ROOT / module).read_text(encoding="utf-8"))


def defines(module: Path) -> bool:
    """The module does something: it has a function or a class; lists of names and numbers are held by their users."""
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in tree_of(module).body)


@pytest.mark.parametrize("module", [one for one in MODULES if defines(one)], ids=name_of)
def test_every_module_has_a_test_of_its_name(module: Path) -> None:
    name = name_of(module)
    expected = HELD_BY.get(name, "test_" + name.replace(".", "_"))
    assert (ROOT / "tests" / f"{expected}.py").is_file(), f"analyzer.{name} needs tests/{expected}.py"


def test_no_exception_outlives_its_module() -> None:
    names = {name_of(module) for module in MODULES}
    assert set(HELD_BY) | set(LONGER) <= names
    assert not [name for name in HELD_BY if (ROOT / "tests" / f"test_{name.replace('.', '_')}.py").is_file()]


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_modules_are_small(module: Path) -> None:
    lines = (ROOT / module).read_text(encoding="utf-8").count("\n")
    assert lines <= LONGER.get(name_of(module), LONGEST)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_modules_are_named_for_what_they_are(module: Path) -> None:
    assert not set(re.split(r"[._]", name_of(module))) & _FORBIDDEN_NAMES


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_every_module_says_what_it_is_for(module: Path) -> None:
    doc = ast.get_docstring(tree_of(module))
    assert doc, "a module without a docstring"
    assert doc.splitlines()[0].rstrip().endswith((".", ":"))


@pytest.mark.parametrize("module", [one for one in MODULES if defines(one)], ids=str)
def test_what_a_module_offers_is_spelled_out_and_there(module: Path) -> None:
    found = importlib.import_module(".".join(module.with_suffix("").parts).removesuffix(".__init__"))
    public = {
        node.name
        for node in tree_of(module).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    }
    if public:
        assert hasattr(found, "__all__"), f"{module} has no __all__"
        if (found.__file__ or "").endswith(".py"):
            # A compiled module keeps what other compiled modules take from it to itself.
            assert all(hasattr(found, name) for name in found.__all__)
        assert len(set(found.__all__)) == len(found.__all__)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_dataclasses_have_slots(module: Path) -> None:
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.ClassDef):
            for decorator in map(ast.unparse, node.decorator_list):
                assert not decorator.startswith("dataclass") or "slots=True" in decorator, node.name


def _texts() -> list[Path]:
    files = [path for path in ROOT.iterdir() if path.is_file()]
    files += [path for folder in _SCANNED for path in (ROOT / folder).rglob("*") if path.is_file()]
    return [
        path for path in files if path.suffix in _TEXT and "__pycache__" not in path.parts and path.name != "all.txt"
    ]


@pytest.mark.parametrize("what", sorted(_FORBIDDEN_TEXT))
def test_words_that_stay_out(what: str) -> None:
    pattern = re.compile(_FORBIDDEN_TEXT[what])
    found = []
    for path in _texts():
        text = path.read_text(encoding="utf-8", errors="replace")
        if path != Path(__file__):
            found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in pattern.finditer(text)]
    assert not found, f"{what}: {found[:10]}"
