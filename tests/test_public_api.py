"""The public names, and that importing them costs nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import analyzer

ROOT = Path(__file__).resolve().parents[1]
NAMES = {
    "Capture",
    "CaptureError",
    "Endpoint",
    "Flow",
    "IncidentReport",
    "InputError",
    "LogError",
    "NotconnError",
    "OutputError",
    "Report",
    "RuleError",
    "UsageError",
    "__version__",
    "analyze",
    "flows_frame",
    "incidents_frame",
    "read",
    "render",
    "resets_frame",
    "silences_frame",
}


def test_the_public_names_are_these() -> None:
    assert set(analyzer.__all__) == NAMES
    assert dir(analyzer) == sorted(NAMES)


@pytest.mark.parametrize("name", sorted(NAMES - {"__version__"}))
def test_each_name_is_what_its_home_holds(name: str) -> None:
    found = getattr(analyzer, name)
    assert found is getattr(import_module(found.__module__), name)
    assert found.__doc__


def test_the_version() -> None:
    assert analyzer.__version__ == import_module("analyzer.version").VERSION


def test_no_other_name() -> None:
    with pytest.raises(AttributeError, match="module 'analyzer' has no attribute 'frobnicate'"):
        analyzer.frobnicate  # noqa: B018


def loaded_after(code: str) -> set[str]:
    script = f"import sys, json\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, timeout=60)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_package_loads_nothing_of_it_but_the_version() -> None:
    loaded = loaded_after("import analyzer")
    assert {name for name in loaded if name.startswith("analyzer")} == {"analyzer", "analyzer.version"}
    assert not loaded & {"pandas", "numpy", "scapy", "pyshark", "yaml", "rich", "asyncio", "dataclasses"}


def test_only_frames_load_pandas(capture: Path) -> None:
    heavy = {"pandas", "numpy", "pyarrow", "scapy", "pyshark", "rich", "asyncio"}
    assert not heavy & loaded_after(f"import analyzer; analyzer.read({str(capture)!r})")
    report = f"report = analyzer.analyze({str(capture)!r}); analyzer.render(report, 'json')"
    assert not heavy & loaded_after(f"import analyzer; {report}")
    assert not heavy & loaded_after("import analyzer; analyzer.flows_frame")
    assert "pandas" in loaded_after(f"import analyzer; analyzer.flows_frame({str(capture)!r})")


def test_a_capture_shows_itself_in_few_words(capture: Path) -> None:
    text = repr(analyzer.read(capture))
    assert "<FlowTable of 2 flows>" in text
    assert len(text) < 1000


def test_every_name_is_in_the_documentation() -> None:
    text = (ROOT / "docs" / "python-api.md").read_text(encoding="utf-8")
    for name in NAMES - {"__version__"}:
        assert f"`{name}" in text or f"analyzer.{name}" in text, name


def test_the_examples_of_the_documentation_run(capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "capture.pcapng").write_bytes(capture.read_bytes())
    (tmp_path / "captures").mkdir()
    (tmp_path / "captures" / "one.pcap").write_bytes(capture.read_bytes())
    (tmp_path / "app.log").write_text("2026-02-25T06:14:40Z send to 10.9.0.7:21 failed: 10057\n")
    text = (ROOT / "docs" / "python-api.md").read_text(encoding="utf-8")
    blocks = [part.partition("```")[0] for part in text.split("```python\n")[1:]]
    assert blocks
    space: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "docs/python-api.md", "exec"), space)
