"""Labelled cases: a capture, the log of the application, and what must come out.

Two forms are read. ``samples/<name>/expected.json`` is the project's own; ``label.json`` is that of recorded captures
kept elsewhere. ``Case.judge`` holds a report against a label: which incident answers it, and whether that is right.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from analyzer.pipeline import Question, analyze
from analyzer.report.model import IncidentReport, Report
from analyzer.ruleset.load import load_rules
from analyzer.units import NS, parse_instant

__all__ = [
    "LEVELS",
    "SAMPLES",
    "Case",
    "Verdict",
    "answered",
    "ask",
    "labelled",
    "lineage",
    "sample",
    "sample_names",
    "samples",
]

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
LEVELS = {"none": -1, "low": 0, "medium": 1, "high": 2}
_NEAR_NS = 90 * NS


@cache
def lineage(cause: str) -> tuple[str, ...]:
    """A cause and those it refines; what is no cause of the closed list stands for itself."""
    rules = load_rules()
    return rules.lineage(cause) if cause in rules.causes else (cause,)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a report answers a label."""

    incident: IncidentReport | None
    """The incident that answers it; None when it was missed."""
    right: bool
    """The label's cause, one it refines, or one that may be argued."""
    strict: bool
    """The label's very cause."""
    false: tuple[IncidentReport, ...]
    """Incidents on connections that are healthy."""


@dataclass(frozen=True, slots=True)
class Case:
    """One labelled capture. ``cause`` is None when nothing is wrong in it."""

    name: str
    folder: Path
    cause: str | None
    accept: tuple[str, ...]
    """Other causes that may be argued from this vantage."""
    stream: int | None
    error_ns: int | None
    healthy: frozenset[int]
    related: frozenset[int]
    needs_log: bool
    culprit: str | None = None
    client: str | None = None
    server: str | None = None
    frames: tuple[int, ...] = ()
    confidence: str | None = None
    """The least confidence with the log; only samples say it."""
    without_log: str | None = None
    """The least confidence without the log; ``none`` when the packets alone show no incident."""
    raw: dict[str, Any] = field(default_factory=dict)

    @property
    def capture(self) -> Path:
        """The capture file."""
        return self.folder / "capture.pcapng"

    @property
    def log(self) -> Path:
        """The application's log."""
        return self.folder / "app.log"

    def is_right(self, cause: str) -> bool:
        """Tell whether a cause answers the label: itself, a finer one, one it refines, or one that may be argued."""
        wanted = {self.cause, *self.accept}
        return bool(wanted & set(lineage(cause))) or any(cause in lineage(one) for one in wanted if one)

    def judge(self, incidents: Sequence[IncidentReport], *, clock_ns: int = 0) -> Verdict:
        """Hold incidents against the label; ``clock_ns`` was added to the capture's times."""
        ranked = sorted(incidents, key=lambda one: -one.score)
        found = None if self.cause is None else self._answer(ranked, clock_ns)
        false = tuple(
            one
            for one in ranked
            if one is not found and (self.cause is None or (one.stream is not None and one.stream in self.healthy))
        )
        right = found is not None and self.is_right(found.cause)
        return Verdict(found, right, found is not None and found.cause == self.cause, false)

    def _answer(self, ranked: Sequence[IncidentReport], clock_ns: int) -> IncidentReport | None:
        near = [
            one
            for one in ranked
            if self.error_ns is None or abs(one.time_ns - clock_ns - self.error_ns) <= _NEAR_NS or one.stream is None
        ]
        if self.stream is not None:
            same = [one for one in ranked if one.stream == self.stream]
            # Several log lines may speak of one stream: the one nearest to the labelled error answers for it.
            if same:
                return min(same, key=lambda one: abs(one.time_ns - clock_ns - (self.error_ns or 0)))
        named = [one for one in near if one.stream is None]
        return next(iter([*named, *(one for one in near if one.stream in self.related)]), None)


def ask(capture: Path | str, log: Path | str | None = None) -> Report:
    """Analyse one capture, with its log or without."""
    return analyze(Question([str(capture)], [] if log is None else [str(log)], hash_files=False))


@cache
def answered(name: str, *, with_log: bool) -> Report:
    """The report of one sample, made once."""
    one = sample(name)
    return ask(one.capture, one.log if with_log else None)


def _sample(folder: Path) -> Case:
    raw = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    return Case(
        folder.name,
        folder,
        raw["cause"],
        tuple(raw.get("accept", ())),
        raw.get("stream"),
        parse_instant(raw["error"]) if "error" in raw else None,
        frozenset(raw["healthy_streams"]),
        frozenset(raw["related_streams"]),
        raw.get("without_log") == "none",
        raw.get("culprit"),
        raw.get("client"),
        raw.get("server"),
        tuple(raw.get("frames", ())),
        raw.get("confidence"),
        raw.get("without_log"),
        raw,
    )


def sample_names() -> list[str]:
    """The names of the samples, in order."""
    return sorted(path.parent.name for path in SAMPLES.glob("*/expected.json"))


@cache
def sample(name: str) -> Case:
    """One sample by name."""
    return _sample(SAMPLES / name)


def samples() -> list[Case]:
    """Every sample."""
    return [sample(name) for name in sample_names()]


def labelled(folder: Path) -> Iterator[Case]:
    """The cases of a folder of captures with ``label.json``; one case for each labelled incident."""
    for path in sorted(folder.glob("*/label.json")):
        raw = json.loads(path.read_text(encoding="utf-8"))
        incidents: list[dict[str, Any]] = raw["incidents"] or [{}]
        for number, one in enumerate(incidents):
            name = path.parent.name if len(incidents) == 1 else f"{path.parent.name}#{number + 1}"
            streams = {int(other["stream"]) for other in incidents if other.get("stream") is not None}
            others = streams - {one.get("stream")}
            culprit = one.get("culprit")
            yield Case(
                name,
                path.parent,
                one.get("cause"),
                tuple(raw.get("acceptable", ())),
                one.get("stream"),
                parse_instant(one["time_utc"]) if one.get("time_utc") else None,
                frozenset(raw.get("healthy_streams", ())),
                frozenset(raw.get("related_streams", ())) | others,
                bool(raw.get("needs_log")),
                {"app": "application"}.get(culprit or "", culprit),
                one.get("client"),
                one.get("server"),
                tuple(one.get("decisive_frames", ())),
                raw=raw,
            )
