"""The tables of `analyzer.tables` as pandas DataFrames and as Parquet files.

One dtype a kind, so that frames of several captures can be joined and no frame number turns into floating point because
one cell is not known: ``Int64``, ``float64`` (not known is NaN), ``string``, ``boolean``,
``datetime64[ns, UTC]``; frames are tuples of numbers.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from analyzer.errors import OutputError
from analyzer.tables import Kind, Table, flow_table, incident_table, reset_table, silence_table

if TYPE_CHECKING:
    import pandas as pd

    from analyzer.capture.file import Capture
    from analyzer.report.model import Report

__all__ = ["Captures", "flows_frame", "frame", "incidents_frame", "parquet", "resets_frame", "silences_frame"]

Captures: TypeAlias = "str | os.PathLike[str] | Capture | Iterable[str | os.PathLike[str] | Capture]"
"""Files, folders, patterns, captures that were read already, or several of them."""
_DTYPE: dict[Kind, str] = {"int": "Int64", "float": "float64", "text": "string", "flag": "boolean", "frames": "object"}


def flows_frame(captures: Captures) -> pd.DataFrame:
    """Return one row for each TCP connection, columns as in `analyzer.tables.FLOW_COLUMNS`. Raises CaptureError."""
    return frame(flow_table(_read(captures)))


def silences_frame(captures: Captures) -> pd.DataFrame:
    """Return the longest silences of each connection, each at least a second, columns as in `SILENCE_COLUMNS`.

    Raises CaptureError.
    """
    return frame(silence_table(_read(captures)))


def resets_frame(captures: Captures) -> pd.DataFrame:
    """Return one row for each RST and who is likely to have sent it, columns as in `RESET_COLUMNS`.

    Raises CaptureError.
    """
    return frame(reset_table(_read(captures)))


def incidents_frame(report: Report) -> pd.DataFrame:
    """Return one row for each incident of a report, columns as in `INCIDENT_COLUMNS`."""
    return frame(incident_table(report))


def _read(captures: Captures) -> list[Capture]:
    from analyzer.capture.file import Capture
    from analyzer.capture.several import read_captures

    given = [captures] if isinstance(captures, (str, os.PathLike, Capture)) else list(captures)
    found: list[Capture] = []
    for one in given:
        if isinstance(one, Capture):
            found.append(one)
        else:
            read, unread = read_captures([os.fspath(one)])
            found += read
            for file in unread:
                warnings.warn(f"{file.path} was left out: {file.why}", stacklevel=3)
    return found


def frame(table: Table) -> pd.DataFrame:
    """Return a table as a DataFrame, with the dtypes named above."""
    import numpy as np
    import pandas as pd

    columns: dict[str, Any] = {}
    for column in table.columns:
        cells = list(table.values[column.name])
        if column.kind == "time":
            instants = np.array(cells, dtype="int64").view("datetime64[ns]")
            columns[column.name] = pd.Series(instants).dt.tz_localize("UTC")
        else:
            if column.kind == "text":
                # The name of a file may be bytes that are no text; Arrow takes nothing but text.
                cells = [cell and cell.encode("utf-8", "replace").decode() for cell in cells]
            columns[column.name] = pd.Series(cells, dtype=_DTYPE[column.kind])
    return pd.DataFrame(columns)


def parquet(table: Table) -> bytes:
    """Return a table as a Parquet file, Zstandard inside. Raises OutputError where pyarrow is missing."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise OutputError("Parquet needs pyarrow, which is not installed: pip install 'notconn[parquet]'") from None
    types = {
        "int": pa.int64(),
        "float": pa.float64(),
        "text": pa.string(),
        "flag": pa.bool_(),
        "time": pa.timestamp("ns", tz="UTC"),
        "frames": pa.list_(pa.int64()),
    }
    schema = pa.schema([(column.name, types[column.kind]) for column in table.columns])
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame(table), schema=schema, preserve_index=False), out, compression="zstd")
    return out.getvalue()
