"""Builds the modules that run once a packet; everything else is in ``pyproject.toml``.

They are ordinary Python and also run interpreted, a hundred times slower: where no C compiler is at hand the
installation goes on without them. ``NOTCONN_PURE=1`` leaves them out on purpose.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

from setuptools import Extension, setup

HOT: tuple[str, ...] = runpy.run_path(str(Path(__file__).with_name("analyzer") / "_shadow.py"))["HOT"]


def extensions() -> list[Extension]:
    """Return what is to be compiled."""
    if os.environ.get("NOTCONN_PURE"):
        return []
    from Cython.Build import cythonize

    flags = ["/O2"] if sys.platform == "win32" else ["-O3", "-g0"]
    found = [Extension(name, [name.replace(".", "/") + ".py"], extra_compile_args=flags, optional=True) for name in HOT]
    modules: list[Extension] = cythonize(
        found,
        build_dir="build/c",
        language_level=3,
        show_all_warnings=False,
        compiler_directives={"embedsignature": True},
    )
    for module in modules:
        # cythonize makes new extensions and forgets this: without a compiler the installation goes on.
        module.optional = True
    return modules


setup(ext_modules=extensions(), options={"build_ext": {"parallel": os.cpu_count() or 1}})
