"""The PDF dialect: the HTML page, printed by a Chromium-like browser of this system."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from analyzer.errors import OutputError
from analyzer.report import html
from analyzer.report.model import Report

__all__ = ["find_browser", "render"]

_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
    "microsoft-edge",
    "brave-browser",
)
_PLACES = (
    ("PROGRAMFILES", "Google/Chrome/Application/chrome.exe"),
    ("PROGRAMFILES(X86)", "Microsoft/Edge/Application/msedge.exe"),
    ("PROGRAMFILES", "Microsoft/Edge/Application/msedge.exe"),
    ("LOCALAPPDATA", "Google/Chrome/Application/chrome.exe"),
)
_MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
_SECONDS = 120


def find_browser(environment: Mapping[str, str] | None = None) -> str | None:
    """Return the path of a browser that can print, or None; ``NOTCONN_BROWSER`` names one first."""
    env = os.environ if environment is None else environment
    if named := env.get("NOTCONN_BROWSER"):
        return shutil.which(named, path=env.get("PATH"))
    for name in _NAMES:
        if found := shutil.which(name, path=env.get("PATH", "")):
            return found
    places = [Path(env[variable]) / rest for variable, rest in _PLACES if variable in env]
    return next((str(place) for place in (*places, *map(Path, _MAC)) if place.is_file()), None)


def render(report: Report) -> bytes:
    """Return the report as PDF.

    Raises OutputError when no browser is found, or when the browser prints nothing.
    """
    browser = find_browser()
    if browser is None:
        raise OutputError(
            "a PDF needs Chromium, Chrome or Edge, and none was found: install one, name it in NOTCONN_BROWSER, or use "
            "--format html and print that page"
        )
    with tempfile.TemporaryDirectory(prefix="notconn-", ignore_cleanup_errors=True) as folder:
        page, target = Path(folder, "report.html"), Path(folder, "report.pdf")
        page.write_text(html.render(report), encoding="utf-8")
        command = [
            browser,
            "--headless",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-extensions",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={Path(folder, 'profile')}",
            "--no-pdf-header-footer",
            f"--print-to-pdf={target}",
        ]
        # Chromium refuses its sandbox to root; the page runs one known script and loads nothing.
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.append("--no-sandbox")
        try:
            done = subprocess.run(  # noqa: S603 -- the browser found above, with arguments of our own
                [*command, page.as_uri()], capture_output=True, timeout=_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise OutputError(f"{browser} could not print the report ({error}): use --format html instead") from error
        if not target.is_file():
            last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise OutputError(f"{browser} printed no PDF ({last[0][:200]}): use --format html instead")
        return target.read_bytes()
