"""Tables as CSV, one after the other. Nothing that begins like a formula is left as it is."""

from __future__ import annotations

import csv
import io
from typing import Any

import msgspec

from web.reports.model import Report, tables

#: What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write(report: Report, **_: str) -> bytes:
    """The file: each table with its name, a header and a blank line behind it."""
    text = io.StringIO()
    writer = csv.writer(text)
    for name, rows in tables(report):
        writer.writerow([f"# {name}"])
        for number, row in enumerate(msgspec.to_builtins(rows)):
            if number == 0:
                writer.writerow(row)
            writer.writerow([_cell(value) for value in row.values()])
        writer.writerow([])
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    """Text that a spreadsheet would run is quoted."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
