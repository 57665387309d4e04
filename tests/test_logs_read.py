"""Every shape, language and encoding in which the error is really written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from log_shapes import Shape, load_shapes

from analyzer.logs.model import LogEvent, LogFile
from analyzer.logs.read import read_log

SHAPES = load_shapes()
BY_NAME = {shape.name: shape for shape in SHAPES}


def write(folder: Path, data: bytes | str, name: str = "app.log") -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def ns(text: str) -> int:
    whole, _, fraction = text.partition(".")
    return int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp()) * 10**9 + int(fraction.ljust(9, "0") or 0)


def check(shape: Shape, log: LogFile) -> None:
    wanted = dict(shape.expected)
    errors = log.errors
    assert len(errors) == int(wanted.pop("error") or 0), [event.text for event in errors]
    assert log.errors_seen == sum(1 + event.duplicates for event in errors)
    if not errors:
        assert any("no record of 10057" in problem for problem in log.problems)
        return
    event = errors[0]
    prior = wanted.pop("prior", None)
    if prior:
        assert [one.code for one in log.context(event) if one.code] == [int(code) for code in prior.split(",")]
    got = described(event)
    for key, value in wanted.items():
        if key == "time" and value is not None:
            assert event.time_ns == ns(value), (event.time_ns, ns(value))
        else:
            assert got[key] == value, (key, event)


def described(event: LogEvent) -> dict[str, str | None]:
    values = {
        "code": event.code,
        "call": event.call,
        "endpoint": event.endpoint_text,
        "host": event.host_name,
        "port": event.port,
        "local_port": event.local_port,
        "time": event.time_ns,
        "res": event.time_resolution_ns,
        "zone": "yes" if event.zone_known else "no",
        "symbol": event.symbol,
        "pid": event.pid,
        "process": event.process,
        "thread": event.thread,
        "source": event.source,
    }
    return {key: None if value is None else str(value) for key, value in values.items()}


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_shape_is_read(shape: Shape, tmp_path: Path) -> None:
    check(shape, read_log(write(tmp_path, shape.text), year_hint=2026))
