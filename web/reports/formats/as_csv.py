"""Tables as CSV, one after the other. Nothing that begins like a formula is left as it is."""

from __future__ import annotations

import csv
import io

import msgspec

from web.reports.model import Report, tables
from web.spreadsheets import cell


def write(report: Report, **_: str) -> bytes:
    """The file: each table with its name, a header and a blank line behind it."""
    text = io.StringIO()
    writer = csv.writer(text)
    for name, rows in tables(report):
        writer.writerow([f"# {name}"])
        for number, row in enumerate(msgspec.to_builtins(rows)):
            if number == 0:
                writer.writerow(row)
            writer.writerow([cell(value) for value in row.values()])
        writer.writerow([])
    return text.getvalue().encode()
