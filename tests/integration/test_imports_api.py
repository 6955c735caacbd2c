"""GET /api/v1/imports...: days as another tool counted them, and which of them."""

from __future__ import annotations

from datetime import date

import httpx
import pytest

from app.adapters.clickhouse.imports import ImportRows
from app.events.imports import DayFigures, DayKey, ImportRecord
from app.events.vocabulary import ImportedDimension, Tool
from tests.answering import Asked, asked, engine, migrated
from tests.asking_api import PERIOD, SHOP, client, get, refused
from tests.sql.store import some_uuid

__all__ = ["asked", "client", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

DAY = date(2026, 3, 10)


def add(asked: Asked, days: dict[DayKey, DayFigures], *, site: str = "shop") -> str:
    """An import of these days; its id."""
    record = ImportRecord(
        site_id=site,
        import_id=some_uuid(),
        tool=Tool.PLAUSIBLE,
        file="export.zip",
        first_date=min(day for _, day, _ in days),
        last_date=max(day for _, day, _ in days),
        taken=len(days),
        bad=0,
        skipped=0,
    )
    rows_of(asked).add(record, days)
    return record.import_id


def rows_of(asked: Asked) -> ImportRows:
    return ImportRows(asked.store.client, database=asked.store.database)


def pages(**visitors: int) -> dict[DayKey, DayFigures]:
    return {
        (ImportedDimension.PAGE, DAY, f"/{page}"): DayFigures(visitors=count, page_views=2 * count)
        for page, count in visitors.items()
    }


@pytest.fixture(autouse=True)
def none_before(asked: Asked) -> None:
    for table in ("imports", "imported_daily"):
        asked.store.run(f"TRUNCATE TABLE {{db}}.{table}")


async def test_days_are_given_by_dimension_and_never_among_our_own(
    asked: Asked, client: httpx.AsyncClient
) -> None:
    name = add(
        asked, pages(a=1, b=5) | {(ImportedDimension.TOTAL, DAY, ""): DayFigures(visitors=6, bounces=2)}
    )
    answer = await get(client, "/api/v1/imports/daily", **SHOP, dimension="page")
    assert (answer["layer"], answer["dimension"], answer["is_cut"]) == ("imported", "page", False)
    assert [(day["value"], day["visitors"], day["page_views"]) for day in answer["days"]] == [
        ("/b", 5, 10),
        ("/a", 1, 2),
    ]
    (total,) = (await get(client, "/api/v1/imports/daily", **SHOP))["days"]
    assert total == {
        "date": "2026-03-10",
        "value": "",
        "import_id": name,
        "visitors": 6,
        "visits": 0,
        "page_views": 0,
        "bounces": 2,
        "visit_duration_s": 0,
        "exits": 0,
        "events": 0,
    }
    assert (await get(client, "/api/v1/sites/shop/overview", **PERIOD))["visitors"] == 0
    assert (await get(client, "/api/v1/imports/daily", **{**SHOP, "site": "utc"}))["days"] == []
    assert (await get(client, "/api/v1/imports/daily", **{**SHOP, "from": "2026-03-11"}))["days"] == []


async def test_of_a_day_that_two_imports_have_the_later_holds_as_a_whole(
    asked: Asked, client: httpx.AsyncClient
) -> None:
    add(asked, pages(a=1, b=5))
    later = add(asked, pages(b=4))
    days = (await get(client, "/api/v1/imports/daily", **SHOP, dimension="page"))["days"]
    assert [(day["value"], day["visitors"], day["import_id"]) for day in days] == [("/b", 4, later)]
    listed = (await get(client, "/api/v1/imports", site="shop"))["imports"]
    assert (listed[0]["import_id"], len(listed)) == (later, 2)
    rows_of(asked).remove(later)
    days = (await get(client, "/api/v1/imports/daily", **SHOP, dimension="page"))["days"]
    assert [day["value"] for day in days] == ["/b", "/a"]


async def test_the_same_days_written_again_are_there_once(asked: Asked, client: httpx.AsyncClient) -> None:
    rows, days = rows_of(asked), pages(a=1)
    name = add(asked, days)
    record = ImportRecord(
        site_id="shop",
        import_id=name,
        tool=Tool.PLAUSIBLE,
        file="export.zip",
        first_date=DAY,
        last_date=DAY,
        taken=1,
        bad=0,
        skipped=0,
    )
    rows.add(record, days)
    assert rows.is_known(name)
    assert len((await get(client, "/api/v1/imports/daily", **SHOP, dimension="page"))["days"]) == 1
    assert len((await get(client, "/api/v1/imports", site="shop"))["imports"]) == 1


async def test_more_rows_than_the_limit_are_cut_and_it_is_said(
    asked: Asked, client: httpx.AsyncClient
) -> None:
    add(asked, pages(a=1, b=5))
    answer = await get(client, "/api/v1/imports/daily", **SHOP, dimension="page", limit="1")
    assert (answer["is_cut"], len(answer["days"])) == (True, 1)


@pytest.mark.parametrize(
    ("asking", "told"),
    [
        ({"dimension": "colour"}, "dimension"),
        ({"limit": "0"}, "limit"),
        ({"bots": "only"}, "unknown parameter"),
    ],
)
async def test_what_cannot_be_asked_is_told(
    client: httpx.AsyncClient, asking: dict[str, str], told: str
) -> None:
    request = client.build_request("GET", "/api/v1/imports/daily", params={**SHOP, **asking})
    assert told in await refused(client, request, 400)
