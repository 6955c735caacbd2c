"""The table of an answer as CSV and as Arrow."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, get_args, get_origin

import msgspec
import pyarrow as pa
import pytest

from web.api import ENDPOINTS
from web.api.tables import ITSELF, as_arrow, as_csv, columns, row_of


class Kind(StrEnum):
    GOOD = "good"


class Inner(msgspec.Struct):
    p50: float | None


class Row(msgspec.Struct):
    name: str
    at: datetime
    day: date
    count: Annotated[int, msgspec.Meta(ge=0)]
    share: float
    is_first: bool
    kind: Kind
    timing: Inner
    figures: dict[str, float]
    before: dict[str, float | None] | None
    parts: list[str]
    until: date | None = msgspec.field(default=None, name="to")


class Answer(msgspec.Struct):
    rows: list[Row]


AT = datetime(2026, 3, 10, 12, tzinfo=UTC)


def row(name: str = "a", **changes: object) -> Row:
    given = {
        "at": AT,
        "day": date(2026, 3, 10),
        "count": 3,
        "share": -0.5,
        "is_first": True,
        "kind": Kind.GOOD,
        "timing": Inner(1.5),
        "figures": {"visitors": 2, "revenue": 1.5},
        "before": None,
        "parts": ["x"],
    }
    return Row(name=name, **{**given, **changes})


def read_csv(body: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body.decode(), newline="")))


def read_arrow(body: bytes) -> pa.Table:
    with pa.ipc.open_stream(body) as stream:
        return stream.read_all()


TWO = Answer([row(), row("b", before={"visitors": None}, timing=Inner(None), figures={"visitors": 1})])
NAMES = [
    *("name", "at", "day", "count", "share", "is_first", "kind", "timing.p50"),
    *("figures.visitors", "figures.revenue", "before.visitors", "to"),
]


def test_csv_has_a_header_and_a_line_for_each_row():
    header, first, second = read_csv(as_csv(columns(TWO, "rows")))
    assert header == NAMES
    told = ["a", "2026-03-10T12:00:00Z", "2026-03-10", "3", "-0.5", "true", "good", "1.5", "2", "1.5", "", ""]
    assert first == told
    assert second[7:] == ["", "1", "", "", ""]


def test_arrow_has_the_same_columns_with_types():
    table = read_arrow(as_arrow(columns(TWO, "rows")))
    assert table.column_names == NAMES
    assert table.schema.types == [
        *(pa.string(), pa.timestamp("us", tz="UTC"), pa.date32(), pa.int64(), pa.float64(), pa.bool_()),
        *(pa.string(), pa.float64(), pa.float64(), pa.float64(), pa.float64(), pa.date32()),
    ]
    assert table.column("at").to_pylist() == [AT, AT]
    assert table.column("kind").to_pylist() == ["good", "good"]
    assert table.column("timing.p50").to_pylist() == [1.5, None]
    assert table.column("figures.revenue").to_pylist() == [1.5, None]


def test_a_table_without_rows_has_the_columns_that_no_row_makes():
    found = columns(Answer([]), "rows")
    assert read_csv(as_csv(found)) == [[name for name in NAMES if not name.startswith(("figures", "before"))]]
    assert read_arrow(as_arrow(found)).num_rows == 0


def test_an_answer_can_be_its_own_row():
    assert read_csv(as_csv(columns(row(), ITSELF)))[1][0] == "a"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula_to_a_spreadsheet_and_arrow_has_it_as_it_is(start: str):
    hostile = f'{start}HYPERLINK("http://x","y")'
    found = columns(Answer([row(hostile, figures={})]), "rows")
    assert read_csv(as_csv(found))[1][0] == f"'{hostile}"
    assert read_arrow(as_arrow(found)).column("name").to_pylist() == [hostile]


@pytest.mark.parametrize("one", [one for one in ENDPOINTS if one.table], ids=lambda one: one.path)
def test_every_table_that_is_declared_is_one(one):
    if one.table != ITSELF:
        (field,) = (of for of in msgspec.structs.fields(one.answer) if of.name == one.table)
        assert get_origin(field.type) is list
        assert get_args(field.type)
        assert issubclass(row_of(field.type), msgspec.Struct)


def test_the_answers_with_a_table_are_those_of_the_docs():
    tables = {one.table for one in ENDPOINTS if one.table}
    page = (Path(__file__).parents[2] / "docs" / "API_MANNERS.md").read_text("utf-8")
    assert {name for name in tables - {ITSELF} if f"`{name}`" not in page} == set()
    assert {"rows", "points", "sessions", "sources", ITSELF} <= tables
