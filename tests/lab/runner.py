"""Plans the runs and does one: a network, a scenario, its capture, its label."""

from __future__ import annotations

import importlib
import os
import random
import tempfile
import time
import traceback
from pathlib import Path as FilePath

from tests.lab.applog import LogStyle
from tests.lab.case import Case, Discard, Scenario, scenarios
from tests.lab.network import Network, Traits
from tests.lab.protocols import PROTOCOLS

__all__ = ["load", "make", "plan", "run"]

_FAMILIES = ("server_side", "opening", "refusing", "between", "client_side", "ftp", "local", "healthy", "windows")


def load() -> list[Scenario]:
    """Import every family of scenarios; all that are registered."""
    if scenarios():
        return scenarios()
    for family in _FAMILIES:
        if FilePath(__file__).with_name(f"{family}.py").exists():
            importlib.import_module(f"tests.lab.{family}")
    return scenarios()


def make(number: int, name: str, seed: str, out: str) -> str:
    """Run scenario ``number`` in this process; what happened, in a line."""
    from tests.lab.background import resolver, run_background

    chosen = load()[number]
    rng = random.Random(seed)
    protocol = PROTOCOLS[rng.choice(chosen.protocols)]
    net = Network(rng, Traits.pick(rng), chosen.ipv6)
    net.build()
    case = Case(name, chosen, rng, net, LogStyle.pick(rng), protocol, rng.choice(protocol.ports))
    two = rng.random() < chosen.two
    began = time.time()
    with tempfile.TemporaryDirectory() as scratch:
        raw, raw_server = FilePath(scratch, "client.pcap"), FilePath(scratch, "server.pcap") if two else None
        net.tap(net.client, raw)
        if raw_server:
            net.tap(net.server, raw_server)
        case.log.info(rng.choice(("worker 3 up", "service started", "job queue opened")), time.time())
        resolver(case)
        if chosen.background:
            run_background(case, 3.0)
        case.pause(0.8, 2.4)
        try:
            chosen.run(case)
            case.pause(0.8, 2.5)
            if case.incidents and rng.random() < 0.3:
                case.log.info(rng.choice(("worker idle", "retry queued", "batch complete")), time.time())
            case.stop.set()
            case.pause(0.2, 0.8)
        finally:
            net.untap()
        net.path.stop()
        try:
            case.finish(FilePath(out, name), raw, raw_server)
        except Discard as reason:
            keep = os.environ.get("LAB_KEEP")
            if keep:
                FilePath(keep).mkdir(exist_ok=True)
                FilePath(keep, f"{name}.pcap").write_bytes(raw.read_bytes())
            return f"discarded {name} ({chosen.run.__name__}): {reason}"
    return f"made {name} ({chosen.run.__name__}, {protocol.name}) in {time.time() - began:.0f} s"


def run(number: int, name: str, seed: str, out: str) -> str:
    """``make``, with a defect of a scenario told as a line instead of raised."""
    try:
        return make(number, name, seed, out)
    except Exception:  # a scenario that breaks must not end the others
        return f"broke {name}: {traceback.format_exc()}"


def plan(only: list[str], count: int, each: int, seed: str, out: FilePath) -> list[tuple[int, str, str, str]]:
    """The runs to do: ``count`` of each cause, its scenarios taking turns, or ``each`` of every scenario.

    ``only`` holds causes and scenario functions. Names go on after those that exist in ``out``.
    """
    by_cause: dict[str, list[int]] = {}
    for number, one in enumerate(load()):
        if not only or one.cause in only or one.run.__name__ in only:
            by_cause.setdefault(one.cause, []).append(number)
    runs = []
    for cause, numbers in by_cause.items():
        taken = [folder.name[len(cause) + 1 :] for folder in out.glob(f"{cause}-*")]
        start = max((int(text) for text in taken if text.isdigit()), default=0)
        for turn in range(each * len(numbers) or count):
            name = f"{cause}-{start + turn + 1}"
            runs.append((numbers[(start + turn) % len(numbers)], name, f"{seed}/{name}", str(out)))
    return runs
