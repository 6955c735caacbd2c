"""Tables as one Parquet file: ``part`` says of which a row is, columns that it lacks are null.

The overview is one row with a column for each figure.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from web.reports.model import Report, tables


def write(report: Report, *, title: str, **_: str) -> bytes:
    """The file."""
    rows = list(_rows(report))
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [row.get(name) for row in rows] for name in names}
    schema = pa.schema([(name, _kind(values)) for name, values in columns.items()], metadata={"title": title})
    file = io.BytesIO()
    pq.write_table(pa.table(columns, schema=schema), file)
    return file.getvalue()


def _rows(report: Report) -> Iterator[dict[str, Any]]:
    for part, found in tables(report):
        if part == "overview":
            yield {"part": part, **{row["metric"]: row["value"] for row in msgspec.to_builtins(found)}}
        else:
            yield from ({"part": part, **row} for row in msgspec.to_builtins(found))


def _kind(values: Iterable[Any]) -> pa.DataType:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int}:
        return pa.int64() if kinds else pa.float64()
    return pa.float64() if kinds <= {int, float} else pa.string()
