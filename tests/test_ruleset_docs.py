"""The generated reference, the generated compiled form, and the check of a rule folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from analyzer.errors import RuleError
from analyzer.facts import VOCABULARY
from analyzer.resources import rules_directory
from analyzer.ruleset.docs import README, check, render_docs, write_generated
from analyzer.ruleset.load import COMPILED, compile_rules, read_rules
from analyzer.ruleset.model import SETTINGS

REMEDY = "run: python -m analyzer.ruleset.docs"


def test_the_reference_is_what_the_sources_give() -> None:
    found = (rules_directory() / README).read_bytes().replace(b"\r\n", b"\n")
    assert found == render_docs().encode(), REMEDY


def test_the_compiled_form_is_what_the_sources_give() -> None:
    assert (rules_directory() / COMPILED).read_text(encoding="utf-8") == compile_rules(), REMEDY


def test_the_check_counts_the_rules() -> None:
    assert check() == len(read_rules().rules)


def test_every_cause_rule_fact_and_setting_has_its_place() -> None:
    text = render_docs()
    rules = read_rules()
    for cause in rules.causes:
        assert f"\n### {cause}\n" in text
    for rule in rules.rules:
        assert f"\nRule `{rule.id}` " in text
    for fact in VOCABULARY:
        assert f"\n| `{fact}` |" in text
    for setting in SETTINGS:
        assert f"\n| `$site.{setting}` |" in text


def test_every_link_within_the_page_leads_somewhere() -> None:
    text = render_docs()
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\(#([^)]+)\)", text)) <= anchors
    assert len({heading.lower() for heading in headings}) == len(headings)


def test_tables_keep_their_columns() -> None:
    rows = 0
    width = 0
    in_code = False
    for line in render_docs().splitlines():
        in_code ^= line.lstrip().startswith("```")
        if in_code or not line.startswith("|"):
            width = 0
            continue
        cells = len(re.findall(r"(?<!\\)\|", line)) - 1
        assert width in (0, cells), line
        width = cells
        rows += 1
    assert rows > len(VOCABULARY)


def test_generated_files_are_written_only_when_they_differ(tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    for path in rules_directory().iterdir():
        if path.suffix in {".yaml", ".csv"}:
            (folder / path.name).write_bytes(path.read_bytes())
    assert [path.name for path in write_generated(folder)] == [README, COMPILED]
    assert write_generated(folder) == []


def test_a_broken_folder_is_told_with_its_places(tmp_path: Path) -> None:
    (tmp_path / "causes.yaml").write_text("groups:\n  - {id: a, title: A, causes: [b]}\n")
    (tmp_path / "b.yaml").write_text("id: b\ntitel: x\n")
    with pytest.raises(RuleError, match=r"b\.yaml:2:1: the key 'titel' is not known here\. Did you mean 'title'"):
        check(tmp_path)
