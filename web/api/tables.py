"""The table of an answer -> CSV, or a stream of Arrow record batches, with the same columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
import pyarrow as pa

from web.spreadsheets import cell

#: In the place of an attribute: the answer itself is the row.
ITSELF = "."

_TYPES = {
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    datetime: pa.timestamp("us", tz="UTC"),
    date: pa.date32(),
}


class Column(msgspec.Struct, frozen=True):
    """A column: a field of a field is called ``field.of_field``, a key of a map ``map.key``."""

    name: str
    kind: pa.DataType
    values: list[Any]


def columns(answer: msgspec.Struct, table: str) -> list[Column]:
    """The columns of the answer's table; those of maps are there as far as a row has them."""
    if table == ITSELF:
        return list(_columns(type(answer), [answer], ""))
    (field,) = (one for one in msgspec.structs.fields(type(answer)) if one.name == table)
    return list(_columns(row_of(field.type), getattr(answer, table), ""))


def row_of(hint: Any) -> Any:
    """The type of a list's items."""
    return get_args(hint)[0]


def as_csv(found: Sequence[Column]) -> bytes:
    """A header and a line for each row; nothing in it is a formula to a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([cell(column.name) for column in found])
    told = [[_told(value) for value in column.values] for column in found]
    writer.writerows(zip(*told, strict=True))
    return text.getvalue().encode()


def as_arrow(found: Sequence[Column]) -> bytes:
    """An Arrow IPC stream of one batch."""
    schema = pa.schema([(column.name, column.kind) for column in found])
    arrays = [pa.array(map(_plain, column.values), type=column.kind) for column in found]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as stream:
        stream.write_batch(pa.record_batch(arrays, schema=schema))
    return bytes(sink.getvalue())


def _columns(kind: Any, rows: Sequence[Any], before: str) -> Iterator[Column]:
    for field in msgspec.structs.fields(kind):
        values = [None if row is None else getattr(row, field.name) for row in rows]
        name = f"{before}{field.encode_name}"
        of = _without_none(field.type)
        if isinstance(of, type) and issubclass(of, msgspec.Struct):
            yield from _columns(of, values, f"{name}.")
        elif get_origin(of) is dict:
            yield from _of_maps(name, _without_none(get_args(of)[1]), values)
        elif get_origin(of) is not list:
            yield Column(name, _arrow(of), values)


def _of_maps(name: str, of: Any, maps: Sequence[dict[str, Any] | None]) -> Iterator[Column]:
    for key in dict.fromkeys(key for one in maps if one is not None for key in one):
        yield Column(f"{name}.{key}", _arrow(of), [None if one is None else one.get(key) for one in maps])


def _without_none(hint: Any) -> Any:
    """The type in ``Annotated`` and beside None."""
    if get_origin(hint) is Annotated:
        return _without_none(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (one for one in get_args(hint) if one is not type(None))
    return hint


def _arrow(of: Any) -> pa.DataType:
    """The type of a column; every text, of a closed list too, is a string."""
    return _TYPES.get(of, pa.string())


def _plain(value: Any) -> Any:
    """A member of a closed list is its text."""
    return str(value) if isinstance(value, str) else value


def _told(value: Any) -> Any:
    told = "" if value is None else cell(msgspec.to_builtins(value))
    return str(told).lower() if isinstance(told, bool) else told
