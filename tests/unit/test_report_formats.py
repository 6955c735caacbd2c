"""One report in every format, read back by another library than the one that wrote it."""

from __future__ import annotations

import csv
import io
import json
import re
import zlib
from datetime import date
from html.parser import HTMLParser
from typing import Any

import msgspec
import openpyxl
import pyarrow.parquet as pq
import pytest

from app.errors import SettingsError
from views.answers import Overview, PageRow
from web.reports.formats import as_parquet, write
from web.reports.model import Format, Report, Template, TimingRow, VariantRow, tables

TEXTS = ("/größe", "/中文", "/🚀", "/العربية", "/\x01\x1f", "/" + "x" * 2047, "/a b", "")
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "http://x.test", "12")


def report(*paths: str) -> Report:
    """Pages with these paths, and their timings."""
    overview = Overview(
        site_id="shop",
        since=date(2026, 3, 1),
        until=date(2026, 4, 1),
        timezone="Europe/Berlin",
        layer="gold",
        visitors=2,
        page_views=5,
        sessions=2,
        bounce_rate=0.5,
        session_duration_s=2.5,
        median_session_duration_s=1.25,
        conversion_rate=0.5,
        events=6,
        conversions=1,
        revenue=19.5,
        sources=[],
        devices=[],
    )
    pages = [
        PageRow(path=path, page_views=number, visitors=1, engaged_s_per_view=0.1 + number)
        for number, path in enumerate(paths)
    ]
    none = dict.fromkeys(("ttfb_ms", "fcp_ms", "inp_ms", "load_ms", "cls"))
    timings = [TimingRow(path=path, page_views=7, lcp_ms=1234.5, **none) for path in paths]
    return Report(template=Template.CONTENT, overview=overview, pages=pages, timings=timings)


def written(made: Report, format_: str, **changes: str) -> bytes:
    return write(made, **{"title": "shop: content", "format": Format(format_), **changes})


def rows(made: Report, part: str) -> list[dict[str, Any]]:
    return list(msgspec.to_builtins(dict(tables(made))[part]))


def test_json_is_the_report():
    made = report(*TEXTS)
    assert msgspec.json.decode(written(made, "json"), type=Report) == made
    assert json.loads(written(made, "json"))["overview"]["page_views"] == 5


def test_a_csv_has_every_figure_and_no_formula():
    made = report(*TEXTS, *FORMULAS)
    found = list(csv.reader(io.StringIO(written(made, "csv").decode(), newline="")))
    assert ["page_views", "5"] in found
    begin = found.index(["# pages"]) + 2
    paths = [row[0] for row in found[begin : begin + len(TEXTS) + len(FORMULAS)]]
    assert paths == [*TEXTS, *(f"'{text}" for text in FORMULAS[:6]), *FORMULAS[6:]]
    assert not [cell for row in found for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_a_workbook_has_a_sheet_for_each_part_and_text_as_text():
    made = report(*TEXTS, *FORMULAS)
    book = openpyxl.load_workbook(io.BytesIO(written(made, "xlsx")))
    assert book.sheetnames == ["overview", "pages", "timings"]
    header, *found = book["pages"].iter_rows()
    assert [cell.value for cell in header] == list(rows(made, "pages")[0])
    unescaped = [[_unescaped(cell.value) for cell in row] for row in found]
    assert unescaped == [list(row.values()) for row in rows(made, "pages")]
    assert {cell.data_type for row in found for cell in row[:1]} <= {"s", "inlineStr", "n"}
    assert not [cell for row in found for cell in row if cell.data_type == "f" or cell.hyperlink]
    assert next(book["timings"].iter_rows(min_row=2, values_only=True))[2] is None


def _unescaped(value: Any) -> Any:
    """What openpyxl leaves as ``_x0001_``, and an empty text as none."""
    if isinstance(value, str):
        return re.sub(r"_x([0-9A-F]{4})_", lambda match: chr(int(match[1], 16)), value)
    return "" if value is None else value


def test_parquet_has_the_rows_of_every_part_with_their_types():
    made = report(*TEXTS, *FORMULAS)
    table = pq.read_table(io.BytesIO(written(made, "parquet")))
    found = table.to_pylist()
    for part in ("pages", "timings"):
        names = list(rows(made, part)[0])
        mine = [{name: row[name] for name in names} for row in found if row["part"] == part]
        assert mine == rows(made, part)
    (overview,) = [row for row in found if row["part"] == "overview"]
    assert (overview["page_views"], overview["revenue"], overview["from"]) == (5, 19.5, "2026-03-01")
    kinds = {field.name: str(field.type) for field in table.schema}
    assert (kinds["page_views"], kinds["lcp_ms"], kinds["path"]) == ("int64", "double", "string")


def test_parquet_takes_flags_and_a_name_with_numbers_here_and_text_there():
    variant = VariantRow(
        experiment="new",
        variant="b",
        users=3,
        conversion_rate=0.5,
        low=None,
        high=None,
        lift=None,
        p_value=None,
        verdict="not_compared",
        is_winner=True,
        warnings="",
    )
    made = msgspec.structs.replace(report("/a"), experiments=[variant])
    found = pq.read_table(io.BytesIO(written(made, "parquet"))).to_pylist()
    assert [row["is_winner"] for row in found] == [None, None, None, True]
    assert found[-1]["conversion_rate"] == found[0]["conversion_rate"] == 0.5
    assert as_parquet._column([1, "a", None, True]).to_pylist() == ["1", "a", None, "True"]


class Cells(HTMLParser):
    """The texts of cells, and the names of tags."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "td":
            self.texts.append("")

    def handle_data(self, data: str) -> None:
        if self.texts:
            self.texts[-1] += data


def test_a_page_has_every_figure_and_no_markup_of_others():
    made = report("/größe", "/中文", "/🚀", "/<script>alert(1)</script>", '/"><img src=x>')
    cells = Cells()
    cells.feed(written(made, "html", title="</title><script>x</script>").decode())
    assert cells.tags == {"meta", "title", "link", "h1", "h2", "table", "tr", "th", "td"}
    assert [row["path"] for row in rows(made, "pages")] == [
        text for text in cells.texts if text.startswith("/")
    ][:5]


def shown(pdf: bytes) -> str:
    """The texts of a PDF's own fonts."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    unpacked = b"".join(_unpacked(one) for one in streams)
    parts = re.findall(rb"\((.*?)(?<!\\)\) Tj", unpacked, re.DOTALL)
    return b"\n".join(re.sub(rb"\\(.)", rb"\1", part) for part in parts).decode("latin-1")


def _unpacked(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return b""


def test_a_pdf_shows_what_its_font_has_and_the_code_of_the_rest():
    pdf = written(report("/größe", "/中文", "/🚀"), "pdf", title="größe 中文 🚀")
    assert pdf.startswith(b"%PDF-")
    assert pdf.rstrip().endswith(b"%%EOF")
    text = shown(pdf)
    assert "/größe" in text
    assert "/\\u4e2d\\u6587" in text
    assert "/\\U0001f680" in text
    for figure in ("page_views", "19.5", "1234.5", "2026-03-01"):
        assert figure in text


@pytest.mark.parametrize("font", ["", "own"])
def test_a_pdf_is_written_whatever_the_text(font, tmp_path):
    path = _font(tmp_path) if font else ""
    hostile = [chr(number) * 3 for number in (0, 8, 0x7F, 0xAD, 0x202E, 0x300, 0xFFFF, 0x10FFFF, 0x1F468)]
    pdf = written(report(*TEXTS, *FORMULAS, *hostile, "(\\)", "**b** __i__ --x--"), "pdf", font=path)
    assert pdf.startswith(b"%PDF-")
    assert len(pdf) > 2000


def _font(directory: Any) -> str:
    """A TrueType font with Latin letters and nothing else, made here."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    glyphs = {".notdef": 0, **{f"g{code}": code for code in range(32, 127)}}
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    pen.lineTo((400, 0))
    pen.lineTo((400, 700))
    pen.closePath()
    shape = pen.glyph()
    made = FontBuilder(1000, isTTF=True)
    made.setupGlyphOrder(list(glyphs))
    made.setupCharacterMap({code: name for name, code in glyphs.items() if code})
    made.setupGlyf(dict.fromkeys(glyphs, shape))
    made.setupHorizontalMetrics(dict.fromkeys(glyphs, (500, 0)))
    made.setupHorizontalHeader(ascent=800, descent=-200)
    made.setupNameTable({"familyName": "Own", "styleName": "Regular"})
    made.setupOS2(sTypoAscender=800)
    made.setupPost()
    path = directory / "own.ttf"
    made.save(path)
    return str(path)


@pytest.mark.parametrize("content", [None, b"no font"])
def test_a_font_that_is_none_is_named(content, tmp_path):
    path = tmp_path / "font.ttf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"reports\.pdf_font"):
        written(report("/a"), "pdf", font=str(path))


@pytest.mark.parametrize("format_", Format)
def test_a_report_of_nothing_is_written_too(format_):
    made = report()
    assert len(written(made, format_)) > 100
    assert tables(made)[1:] == [("pages", []), ("timings", [])]


def test_a_long_table_is_cut_in_a_pdf_and_says_so():
    assert "and 100 more: the other formats have them" in shown(
        written(report(*(f"/{number}" for number in range(600))), "pdf")
    )
