"""``notconn interfaces``: what can be watched, by the names that people use."""

from __future__ import annotations

import argparse
import json

from analyzer.cli.output import write_output

__all__ = ["EXAMPLES", "configure", "run"]

EXAMPLES = (
    ("notconn interfaces", "what there is; `notconn live -i` takes any of the names, the number or an address"),
    ("notconn interfaces --format json", "the same for programs"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--format", choices=("text", "json"), default="text", metavar="FORM", help="text or json")


def run(options: argparse.Namespace) -> int:
    """List them."""
    from analyzer.capture.interfaces import list_devices
    from analyzer.report.escape import plain

    devices = list_devices()
    if options.format == "json":
        rows = [
            {
                "number": one.number, "name": one.name, "label": one.label, "description": one.description,
                "addresses": one.addresses, "loopback": one.loopback,
            }
            for one in devices
        ]  # fmt: skip
        text = json.dumps({"schema": "notconn-interfaces/1", "interfaces": rows}, ensure_ascii=False, indent=1)
    else:
        wide = max((len(one.label) for one in devices), default=0)
        lines = []
        for one in devices:
            about = [plain(one.description), ", ".join(one.addresses)]
            about += [plain(one.name)] if one.name != one.label else []
            about += ["loopback"] if one.loopback else []
            words = "; ".join(word for word in about if word)
            lines.append(f"{one.number:>3}  {plain(one.label):<{wide}}  {words}".rstrip())
        text = "\n".join(lines) or "no interface can be captured on; install Wireshark (dumpcap) or start with sudo"
    write_output(text.encode() + b"\n", None, force=False)
    return 0
