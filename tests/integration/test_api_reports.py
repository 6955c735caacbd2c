"""Reports of the REST API: their parts in each format, and what a hostile text becomes there."""

from __future__ import annotations

import csv
import io

import httpx
import pytest

from tests.answering import Asked, asked, engine, migrated
from tests.asking_api import SHOP, client, fill, post

__all__ = ["asked", "client", "engine", "migrated"]

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize(
    ("template", "parts"),
    [
        ("overview", {"overview", "series"}),
        ("acquisition", {"overview", "channels", "sources", "devices"}),
        ("content", {"overview", "pages"}),
        ("experiment", {"overview", "experiments"}),
    ],
)
async def test_a_report_has_the_parts_of_its_template_in_each_format(
    asked: Asked, client: httpx.AsyncClient, template: str, parts: set[str]
) -> None:
    fill(asked)
    asking = {**SHOP, "template": template}
    found = await post(client, "/api/v1/reports/generate", **asking)
    assert {name for name, part in found.items() if part is not None} == {"template", *parts}
    as_csv = await client.post("/api/v1/reports/generate", json={**asking, "format": "csv"})
    assert as_csv.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(as_csv.text)))
    assert {row[0][2:] for row in rows if row and row[0].startswith("# ")} == parts
    layer = ["layer", "gold: session_attributes_daily, silver: sessions_silver"]
    for expected in (["site_id", "shop"], ["from", "2026-03-01"], layer, ["page_views", "5"]):
        assert expected in rows
    as_html = await client.post("/api/v1/reports/generate", json={**asking, "format": "html"})
    assert as_html.headers["content-type"] == "text/html; charset=utf-8"
    assert all(f"<h2>{name}</h2>" in as_html.text for name in parts)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
async def test_no_cell_of_a_csv_is_a_formula_to_a_spreadsheet(
    asked: Asked, client: httpx.AsyncClient, start: str
) -> None:
    hostile = f'{start}HYPERLINK("http://x","y")'
    asked.events({"path": hostile})
    asked.sessions({"source": hostile, "browser": hostile})
    for template in ("acquisition", "content"):
        answer = await client.post(
            "/api/v1/reports/generate", json={**SHOP, "template": template, "format": "csv"}
        )
        cells = [cell for row in csv.reader(io.StringIO(answer.text, newline="")) for cell in row]
        assert f"'{hostile}" in cells
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


async def test_no_text_of_a_page_is_markup_in_a_report(asked: Asked, client: httpx.AsyncClient) -> None:
    asked.events({"path": "/<script>alert(1)</script>"})
    asking = {**SHOP, "template": "content", "format": "html"}
    text = (await client.post("/api/v1/reports/generate", json=asking)).text
    assert "<script" not in text
    assert "/&lt;script&gt;" in text
