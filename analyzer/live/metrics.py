"""Counters for Prometheus, in its text format, from the standard library alone.

The client library would add a dependency to write thirty lines of text; what it does beyond that (many threads, many
registries) has no use here. Format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

from analyzer.errors import UsageError
from analyzer.values import dataclass

__all__ = ["Exporter", "Metric", "parse_address", "render"]

DEFAULT = ("127.0.0.1", 9657)


@dataclass(frozen=True, slots=True)
class Metric:
    """One family of samples."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    samples: Mapping[tuple[tuple[str, str], ...], float]
    """Value by labels; the empty tuple where there are none."""


def render(metrics: list[Metric]) -> str:
    """Return the text format."""
    lines: list[str] = []
    for metric in metrics:
        lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.kind}"]
        for labels, value in metric.samples.items():
            inner = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels)
            number = str(int(value)) if value == int(value) else repr(value)
            lines.append(f"{metric.name}{{{inner}}} {number}" if inner else f"{metric.name} {number}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def parse_address(text: str) -> tuple[str, int]:
    """Read ``PORT``, ``HOST:PORT`` or ``[IPv6]:PORT``; without a host it is the loopback's. Raises UsageError."""
    host, _, port = text.rpartition(":")
    host = host.strip("[]") or DEFAULT[0]
    if not port.isdigit() or not 0 <= int(port) < 65536:
        raise UsageError(f"--metrics {text}: write PORT or ADDRESS:PORT, such as 9657 or 0.0.0.0:9657")
    return host, int(port)


class Exporter:
    """Serves ``/metrics``. Raises UsageError when the port cannot be had."""

    def __init__(self, host: str, port: int) -> None:
        self._text = b""
        exporter = self

        class _Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                known = self.path.split("?")[0] in ("/metrics", "/")
                body = exporter._text if known else b"see /metrics\n"
                self.send_response(200 if known else 404)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                """Say nothing: the terminal is the watch's."""

        class _Server(ThreadingHTTPServer):
            daemon_threads = True
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

        try:
            self._server = _Server((host, port), _Answer)
        except OSError as error:
            raise UsageError(
                f"--metrics {host}:{port}: it cannot be served there ({error.strerror}); choose another port"
            ) from None
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def update(self, metrics: list[Metric]) -> None:
        """Replace what is served."""
        self._text = render(metrics).encode()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
