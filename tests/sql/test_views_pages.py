"""One page and the most viewed pages, from event and session rows."""

from __future__ import annotations

import pytest

from app.errors import NotFoundError
from tests.answering import Asked, asked, engine, listened, migrated, ms, scope
from tests.sql.store import block, retracted, some_uuid
from views.answers import Quantiles
from views.params import Bots

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio


async def test_a_page_is_told_by_its_events_and_by_the_sessions_at_it(asked: Asked) -> None:
    leave = {"event_type": "custom_event", "name": "$page_leave", "path": "/cart"}
    asked.events(
        {"path": "/cart", "visitor_id": "v1"},
        {"path": "/cart", "visitor_id": "v1"},
        {"path": "/cart", "visitor_id": "v2"},
        {"path": "/cart", "visitor_id": "v3", "event_type": "click"},
        {"path": "/cart/", "visitor_id": "v4"},
        {**leave, "engaged_ms": 9_000, "scroll_depth": 100},
        {**leave, "engaged_ms": 3_000, "scroll_depth": 50},
    )
    asked.sessions(
        {"session_id": some_uuid(), "entry_path": "/cart", "exit_path": "/cart", "is_bounce": 1},
        {"session_id": some_uuid(), "entry_path": "/cart", "exit_path": "/a", "is_bounce": 0},
        {"session_id": some_uuid(), "entry_path": "/a", "exit_path": "/cart", "is_bounce": 0},
        {"session_id": some_uuid(), "entry_path": "/a", "exit_path": "/a", "is_bounce": 1},
    )
    found = await asked.queries.page_metrics(scope(), page="/cart")
    assert (found.page_views, found.visitors, found.entries, found.exits) == (3, 2, 2, 2)
    assert (found.bounce_rate, found.exit_rate) == (0.5, 2 / 3)
    assert (found.engaged_s_per_view, found.scroll_depth) == (4.0, 75.0)


async def test_timings_are_quantiles_of_what_was_measured(asked: Asked) -> None:
    asked.events(*({"load_ms": load} for load in range(1, 101)), {"load_ms": 0})
    asked.events(*(_vitals(cls) for cls in (0, 1000, 2500)))
    found = await asked.queries.page_metrics(scope(), page="/a")
    assert (found.load_ms.p50, found.load_ms.p75, found.load_ms.p95) == (51, 76, 96)
    assert (found.cls.p50, found.cls.p99) == (0.1, 0.25)
    assert found.lcp_ms == Quantiles(p50=None, p75=None, p90=None, p95=None, p99=None)


async def test_a_page_that_is_asked_again_is_merged_again_when_something_came(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements = listened(asked, monkeypatch)

    def merged() -> int:
        return sum("quantilesTimingMerge" in sql for sql in statements)

    asked.events({"path": "/a", "load_ms": 100})
    first = await asked.queries.page_metrics(scope(), page="/a")
    assert await asked.queries.page_metrics(scope(), page="/a") == first
    assert merged() == 1
    asked.sessions({"session_id": some_uuid(), "entry_path": "/a"})
    entered = await asked.queries.page_metrics(scope(), page="/a")
    assert (entered.entries, entered.load_ms, merged()) == (1, first.load_ms, 1)
    asked.events({"path": "/a", "load_ms": 300, "visitor_id": "another"})
    changed = await asked.queries.page_metrics(scope(), page="/a")
    assert (changed.page_views, changed.visitors, changed.load_ms.p95, merged()) == (2, 2, 300, 2)
    other = await asked.queries.page_metrics(scope("shop", "2026-03-01", "2026-03-31"), page="/a")
    assert (other.page_views, merged()) == (2, 3)


async def test_a_session_that_was_taken_back_is_no_entry(asked: Asked) -> None:
    asked.events({"path": "/a"})
    first = asked.sessions({"entry_path": "/a"})
    asked.sessions({"version": 2, "entry_path": "/b"})
    asked.insert([retracted(row, block()) for row in first])
    found = await asked.queries.page_metrics(scope(), page="/a")
    assert (found.entries, found.exits, found.bounce_rate) == (0, 1, 0.0)


@pytest.mark.parametrize("page", ["/b", "/A", "/a/", "", "' OR 1=1 --", "/a\x00", "{site:String}", "/%61"])
async def test_a_page_without_events_is_not_found_and_named(asked: Asked, page: str) -> None:
    asked.events({"path": "/a"})
    with pytest.raises(NotFoundError, match=r"no event of page .* on site shop from 2026-03-01"):
        await asked.queries.page_metrics(scope(), page=page)


@pytest.mark.parametrize("page", ["/it's", '/"quoted"', "/back\\slash", "/tab\there", "/é", "/{db}", "/%20"])
async def test_a_page_of_any_characters_is_found(asked: Asked, page: str) -> None:
    asked.events({"path": page})
    assert (await asked.queries.page_metrics(scope(), page=page)).page_views == 1


async def test_the_most_viewed_pages_are_ranked_over_the_whole_period(asked: Asked) -> None:
    """On each day another page is first; /steady is never, and yet it leads."""
    for day in (1, 2, 3):
        at = ms(f"2026-03-0{day}T12:00Z")
        asked.events(*[{"path": f"/day{day}", "at": at}] * 3, *[{"path": "/steady", "at": at}] * 2)
        asked.events({"path": "/only-clicks", "event_type": "click", "at": at})
        asked.events(*[{"path": "/bots", "at": at, "is_bot": 1}] * 9)
    found = await asked.queries.top_pages(scope(), limit=2)
    assert [(row.path, row.page_views, row.visitors) for row in found] == [("/steady", 6, 1), ("/day1", 3, 1)]
    pages = [row.path for row in await asked.queries.top_pages(scope(bots=Bots.INCLUDE), limit=10)]
    assert pages == ["/bots", "/steady", "/day1", "/day2", "/day3"]


def _vitals(cls: int) -> dict[str, object]:
    return {"event_type": "custom_event", "name": "$web_vitals", "cls_10000": cls}
