"""An answer -> a response: JSON, CSV or HTML."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from web.accepting import JSON

_ENCODER = msgspec.json.Encoder()
#: What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Answered(Response):
    """An answer as JSON, which can be told as a table too."""

    def __init__(self, answer: Any, *, status: int) -> None:
        super().__init__(_ENCODER.encode(answer), status_code=status, media_type=JSON)
        self.answer = answer


def json_response(answer: Any, *, status: int = 200) -> Answered:
    """The answer as JSON."""
    return Answered(answer, status=status)


def csv_response(tables: Iterable[tuple[str, Sequence[msgspec.Struct]]]) -> Response:
    """Tables one after the other, each with its name, a header and a blank line behind it."""
    text = io.StringIO()
    writer = csv.writer(text)
    for name, rows in tables:
        writer.writerow([f"# {name}"])
        for number, row in enumerate(msgspec.to_builtins(rows)):
            if number == 0:
                writer.writerow(row)
            writer.writerow([cell(value) for value in row.values()])
        writer.writerow([])
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8")


def html_response(title: str, tables: Iterable[tuple[str, Sequence[msgspec.Struct]]]) -> Response:
    """A page of tables."""
    parts = [f"<!doctype html><meta charset=utf-8><title>{html.escape(title)}</title>"]
    parts.append(f"<link rel=stylesheet href=/static/docs.css><h1>{html.escape(title)}</h1>")
    for name, rows in tables:
        parts.append(f"<h2>{html.escape(name)}</h2><table>")
        for number, row in enumerate(msgspec.to_builtins(rows)):
            if number == 0:
                parts.append("<tr>" + "".join(f"<th>{html.escape(key)}</th>" for key in row) + "</tr>")
            cells = "".join(f"<td>{html.escape(str(value))}</td>" for value in row.values())
            parts.append(f"<tr>{cells}</tr>")
        parts.append("</table>")
    return Response("".join(parts), media_type="text/html; charset=utf-8")


def cell(value: Any) -> Any:
    """Text that a spreadsheet would run is quoted."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
