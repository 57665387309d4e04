from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from analyzer import _shadow

ROOT = Path(__file__).resolve().parents[1]


def test_the_list_of_hot_modules_is_the_list_of_modules_that_say_so() -> None:
    marked = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sorted((ROOT / "analyzer").rglob("*.py"))
        if path.read_text(encoding="utf-8").startswith("# cython:")
    }
    assert marked == set(_shadow.HOT)


def test_hot_modules_run_where_cython_is_not_installed(tmp_path: Path) -> None:
    if not str(sys.modules.get("analyzer.flows.keys", _shadow).__file__).endswith(".py"):
        pytest.skip("the hot modules are compiled")
    code = (
        "import sys; sys.modules['Cython'] = None; sys.path_importer_cache.clear();"
        "import importlib.abc;"
        "class No(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in ('cython', 'Cython'): raise ImportError(name)\n"
        "sys.meta_path.insert(0, No())\n"
        "from analyzer.capture.file import read_capture\n"
        "import io, struct\n"
        "head = struct.pack('<IHHiIII', 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)\n"
        "print(read_capture('-', stdin=io.BytesIO(head)).info.packets, type(sys.modules['cython']).__name__)\n"
    )
    script = tmp_path / "run.py"
    script.write_text(code.replace("import importlib.abc;class", "import importlib.abc\nclass").replace(";import importlib.abc;", "\nimport importlib.abc\n"))
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)})
    assert ran.stdout.split() == ["0", "_Shadow"], ran.stderr
