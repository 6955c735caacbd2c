"""Tables as one Parquet file: ``part`` says of which a row is, columns that it lacks are null.

The overview is one row with a column for each figure.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from web.reports.model import Report, tables


def write(report: Report, *, title: str, **_: str) -> bytes:
    """The file."""
    rows = list(_rows(report))
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = [_column([row.get(name) for row in rows]) for name in names]
    file = io.BytesIO()
    pq.write_table(pa.table(columns, names=names, metadata={"title": title}), file)
    return file.getvalue()


def _rows(report: Report) -> Iterator[dict[str, Any]]:
    for part, found in tables(report):
        if part == "overview":
            yield {"part": part, **{row["metric"]: row["value"] for row in msgspec.to_builtins(found)}}
        else:
            yield from ({"part": part, **row} for row in msgspec.to_builtins(found))


def _column(values: Sequence[Any]) -> pa.Array:
    """The values of a column; parts may have other kinds of value under one name: then all are text."""
    kinds = {type(value) for value in values if value is not None}
    for kind, made in _KINDS:
        if kinds <= kind:
            return pa.array(values, type=made)
    return pa.array([None if value is None else str(value) for value in values], type=pa.string())


#: Without any value it may be any of them.
_KINDS: tuple[tuple[set[type], pa.DataType], ...] = (
    (set(), pa.float64()),
    ({bool}, pa.bool_()),
    ({int}, pa.int64()),
    ({int, float}, pa.float64()),
)
