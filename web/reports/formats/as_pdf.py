"""Tables as a PDF. A character that the font lacks is written as its code: nothing is lost in silence."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace

from app.errors import SettingsError
from web.reports.model import Report, tables

#: Rows of a table and characters of a cell that are shown: the other formats hold everything.
MAX_ROWS = 500
MAX_TEXT = 100
_NOTE = (
    "A character that the font of this file lacks stands as its code, such as \\u4e2d; see reports.pdf_font."
)
_OWN_FONT = "Helvetica"

_Shown = Callable[[Any], str]


def write(report: Report, *, title: str, font: str = "") -> bytes:
    """The file; SettingsError where ``font`` is no TrueType file."""
    pdf = FPDF(orientation="landscape")
    family, shown = _font(pdf, font)
    pdf.set_title(title)
    pdf.add_page()
    pdf.set_font(family, size=16)
    _line(pdf, shown(title))
    about = report.overview
    pdf.set_font(family, size=8)
    _line(pdf, shown(f"{about.since} to before {about.until}, {about.timezone}"))
    _line(pdf, _NOTE)
    for name, rows in tables(report):
        pdf.set_font(family, size=12)
        pdf.ln(4)
        _line(pdf, shown(name))
        pdf.set_font(family, size=7)
        _table(pdf, msgspec.to_builtins(rows), shown)
    return bytes(pdf.output())


def _table(pdf: FPDF, rows: list[dict[str, Any]], shown: _Shown) -> None:
    if not rows:
        _line(pdf, "none")
        return
    with pdf.table(first_row_as_headings=True, headings_style=FontFace(fill_color=(230, 230, 230))) as table:
        table.row([shown(name) for name in rows[0]])
        for row in rows[:MAX_ROWS]:
            table.row([shown(value) for value in row.values()])
    if len(rows) > MAX_ROWS:
        _line(pdf, f"and {len(rows) - MAX_ROWS} more: the other formats have them")


def _line(pdf: FPDF, text: str) -> None:
    pdf.multi_cell(0, text=text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _font(pdf: FPDF, path: str) -> tuple[str, _Shown]:
    """The family to write with, and what makes text of a value that it can show."""
    if not path:
        return _OWN_FONT, lambda value: _text(value).encode("latin-1", "backslashreplace").decode("latin-1")
    try:
        known = TTFont(io.BytesIO(Path(path).read_bytes())).getBestCmap() or {}
        pdf.add_font("chosen", fname=path)
    except Exception as error:  # a broken font fails in many ways
        raise SettingsError(
            f"reports.pdf_font = {path}: no TrueType file that can be read: {error}"
        ) from error
    return "chosen", lambda value: "".join(
        one if ord(one) in known else one.encode("ascii", "backslashreplace").decode() for one in _text(value)
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = f"{value:.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    # Control characters would move what follows.
    text = "".join(" " if unicodedata.category(one) == "Cc" else one for one in text)
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 3]}..."
