"""Tables as a workbook, a sheet each. Text stays text: no formula, link or number is made of it."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import xlsxwriter

from web.reports.model import Report, tables

#: As much as a cell holds.
MAX_TEXT = 32_767
_AS_TEXT = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}


def write(report: Report, *, title: str, **_: str) -> bytes:
    """The file."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {**_AS_TEXT, "strings_to_numbers": False}) as book:
        book.set_properties({"title": title})
        bold = book.add_format({"bold": True})
        for name, rows in tables(report):
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            for number, row in enumerate(msgspec.to_builtins(rows)):
                if number == 0:
                    sheet.write_row(0, 0, row, bold)
                for column, value in enumerate(row.values()):
                    _write(sheet, number + 1, column, value)
            sheet.autofit()
    return file.getvalue()


def _write(sheet: Any, row: int, column: int, value: Any) -> None:
    if isinstance(value, str):
        sheet.write_string(row, column, value[:MAX_TEXT])
    elif value is not None:
        sheet.write_number(row, column, value)
