"""Plans the runs and does one: a network, a scenario, its capture, its label."""

from __future__ import annotations

import importlib
import os
import random
import tempfile
import time
import traceback
from dataclasses import replace
from pathlib import Path as FilePath

from tests.lab.applog import LogStyle
from tests.lab.case import Case, DiscardedError, Scenario, scenarios
from tests.lab.network import Network, Traits
from tests.lab.protocols import PROTOCOLS

__all__ = ["Run", "load", "make", "plan", "plan_mixed", "run"]

Run = tuple[tuple[int, ...], str, str, str]
"""Scenario numbers, case name, seed, folder."""
_FAMILIES = (
    "server_side",
    "opening",
    "racing",
    "refusing",
    "between",
    "idle",
    "client_side",
    "unseen",
    "ftp",
    "healthy",
    "healthy_faults",
    "windows",
)


def load() -> list[Scenario]:
    """Import every family of scenarios; all that are registered, in the order of the families' files."""
    for family in _FAMILIES:
        importlib.import_module(f"tests.lab.{family}")

    def place(each: Scenario) -> tuple[int, int]:
        return _FAMILIES.index(each.run.__module__.rpartition(".")[2]), each.run.__code__.co_firstlineno

    # a scenario's number must not depend on what was imported first
    return sorted(scenarios(), key=place)


def make(numbers: tuple[int, ...], name: str, seed: str, out: str) -> str:
    """Run scenarios one after the other in one network and one capture; what happened, in a line."""
    from tests.lab.background import resolver, run_background

    chosen = [load()[number] for number in numbers]
    rng = random.Random(seed)
    protocol = PROTOCOLS[rng.choice(chosen[0].protocols)]
    traits = Traits.pick(rng)
    if any(each.run.__name__.startswith("win_") for each in chosen):
        traits = replace(traits, client_ttl=128, timestamps=False)
    net = Network(rng, traits, any(each.ipv6 for each in chosen))
    net.build()
    case = Case(name, chosen[0], rng, net, LogStyle.pick(rng), protocol, rng.choice(protocol.ports))
    two = rng.random() < max(each.two for each in chosen)
    began = time.time()
    with tempfile.TemporaryDirectory() as scratch:
        raw, raw_server = FilePath(scratch, "client.pcap"), FilePath(scratch, "server.pcap") if two else None
        net.tap(net.client, raw)
        if raw_server:
            net.tap(net.server, raw_server)
        case.log.say(rng.choice(("worker 3 up", "service started", "job queue opened")), time.time())
        resolver(case)
        if all(each.background for each in chosen):
            run_background(case, 3.0)
        case.pause(0.8, 2.4)
        try:
            _play(case, chosen)
            if case.incidents and rng.random() < 0.3:
                case.log.say(rng.choice(("worker idle", "retry queued", "batch complete")), time.time())
            case.stop.set()
            case.pause(0.2, 0.8)
        finally:
            dropped = net.untap()
        if dropped:
            case.extra["capture_drops"] = dropped
        net.path.stop()
        try:
            case.finish(FilePath(out, name), raw, raw_server)
        except DiscardedError as reason:
            keep = os.environ.get("LAB_KEEP")
            if keep:
                FilePath(keep).mkdir(exist_ok=True)
                FilePath(keep, f"{name}.pcap").write_bytes(raw.read_bytes())
            return f"discarded {name} ({_names(chosen)}): {reason}"
    return f"made {name} ({_names(chosen)}, {protocol.name}) in {time.time() - began:.0f} s"


def _names(chosen: list[Scenario]) -> str:
    return " + ".join(each.run.__name__ for each in chosen)


def _play(case: Case, chosen: list[Scenario]) -> None:
    used: set[int] = set()
    for each in chosen:
        case.scenario = each
        case.played.append(each)
        if used:
            # rules of an earlier part stay on the path and in the routers, each for its own port
            free = [(name, port) for name in each.protocols for port in PROTOCOLS[name].ports if port not in used]
            name, case.port = case.rng.choice(free)
            case.protocol = PROTOCOLS[name]
        used.update((case.port, case.port + 1000))
        each.run(case)
        case.pause(0.8, 2.5)


def run(numbers: tuple[int, ...], name: str, seed: str, out: str) -> str:
    """``make``, with a defect of a scenario told as a line instead of raised."""
    try:
        return make(numbers, name, seed, out)
    except Exception:  # noqa: BLE001 - a scenario that breaks must not end the others
        return f"broke {name}: {traceback.format_exc()}"


def plan(only: list[str], count: int, each: int, seed: str, out: FilePath) -> list[Run]:
    """The runs to do: ``count`` of each cause, its scenarios taking turns, or ``each`` of every scenario.

    ``only`` holds causes and scenario functions. Names go on after those that exist in ``out``.
    """
    by_cause: dict[str, list[int]] = {}
    for number, one in enumerate(load()):
        if not only or one.cause in only or one.run.__name__ in only:
            by_cause.setdefault(one.cause, []).append(number)
    runs: list[Run] = []
    for cause, numbers in by_cause.items():
        taken = [folder.name[len(cause) + 1 :] for folder in out.glob(f"{cause}-*")]
        start = max((int(text) for text in taken if text.isdigit()), default=0)
        for turn in range(each * len(numbers) or count):
            name = f"{cause}-{start + turn + 1}"
            runs.append(((numbers[(start + turn) % len(numbers)],), name, f"{seed}/{name}", str(out)))
    return runs


def plan_mixed(count: int, seed: str, out: FilePath) -> list[Run]:
    """Cases of two or three parts: incidents of different causes, or an incident among awkward healthy traffic."""
    rng = random.Random(f"{seed}/mixed")
    alone = {"link_changed", "race_lost", "one_direction", "wrong_interface", "too_early", "no_name", "neighbour"}
    fit = [
        number
        for number, each in enumerate(load())
        if each.run.__name__ not in alone and each.background and "ftp" not in each.cause and _has_stream(each)
    ]
    guilty = [number for number in fit if load()[number].cause != "healthy"]
    innocent = [number for number in fit if load()[number].cause == "healthy"]
    runs: list[Run] = []
    for turn in range(count):
        parts = rng.sample(guilty, 1 + turn % 2) + rng.sample(innocent, 1)
        rng.shuffle(parts)
        parts.sort(key=lambda number: load()[number].cause == "healthy" and rng.random() < 0.5)
        name = f"mixed-{seed}-{turn + 1}"
        runs.append((tuple(parts), name, f"{seed}/{name}", str(out)))
    return runs


def _has_stream(each: Scenario) -> bool:
    without = {"never-connected", "no-network-cause", "connect-context-not-updated", "udp-socket-unconnected"}
    return each.cause not in without | {"wrong-socket-used", "name-resolution-failed", "insufficient-evidence"}
