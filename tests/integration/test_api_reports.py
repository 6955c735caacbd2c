"""Reports of the REST API: their parts in each format, and what a hostile text becomes there."""

from __future__ import annotations

import csv
import io

import httpx
import pytest

from tests.answering import Asked, asked, engine, migrated
from tests.asking_api import SHOP, client, fill, get, post
from tests.integration.test_experiments_api import fill as fill_experiment
from web.reports.model import Format, Template

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


BUYING = {
    "title": "Buying",
    "steps": [{"title": "Cart", "page": "/c*t"}, {"title": "Pay", "event": "$purchase"}],
}


@pytest.mark.parametrize("template", Template)
async def test_every_template_is_written_in_every_format(
    asked: Asked, client: httpx.AsyncClient, template: Template
) -> None:
    """Of a site with all there can be: funnels, goals, vitals, experiments with and without a control."""
    fill(asked)
    fill_experiment(asked, name="buy button")
    fill_experiment(asked, name="colours", variants=("blue", "green"))
    asked.events({"path": "/cart", "event_type": "custom_event", "name": "$web_vitals", "lcp_ms": 1200})
    for path, body in (("funnels", BUYING), ("goals", {"title": "Order", "event": "$purchase"})):
        made = await client.post(f"/api/v1/{path}?site=shop&id={template}", json=body)
        assert made.status_code == 200, made.text
    for format_ in Format:
        asking = {**SHOP, "template": template, "format": format_}
        answer = await client.post("/api/v1/reports/generate", json=asking)
        assert (answer.status_code, answer.headers["content-type"]) == (200, format_.media_type), answer.text
        if format_ in (Format.HTML, Format.CSV):
            assert "None" not in answer.text


async def test_funnels_of_the_settings_and_then_stored_ones_are_in_the_report(
    asked: Asked, client: httpx.AsyncClient
) -> None:
    """By id; not those of another site, nor one that was deleted."""
    fill(asked)
    for site, name in (("shop", "zeta"), ("shop", "alpha"), ("isle", "beyond"), ("shop", "gone")):
        made = await client.post(f"/api/v1/funnels?site={site}&id={name}", json=BUYING)
        assert made.status_code == 200, made.text
    assert (await client.delete("/api/v1/funnels/gone?site=shop")).status_code == 200
    found = await post(client, "/api/v1/reports/generate", **SHOP, template="conversion")
    listed = (await get(client, "/api/v1/funnels", site="shop"))["definitions"]
    order = list(dict.fromkeys(row["funnel"] for row in found["funnels"]))
    assert order == [one["id"] for one in listed]
    assert order == ["checkout", "alpha", "zeta"]
    alone = await get(client, "/api/v1/funnels/alpha/conversion", **SHOP)
    rows = [(row["step"], row["visitors"]) for row in found["funnels"] if row["funnel"] == "alpha"]
    assert rows == [(step["title"], step["visitors"]) for step in alone["steps"]] == [("Cart", 2), ("Pay", 1)]
