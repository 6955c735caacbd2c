"""What search and AI bring and take, against the same visits in plain Python; Search Console beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from io import StringIO
from typing import Any

import pytest
import pytest_asyncio

from app.adapters.clickhouse.search_console import put_export
from app.core.search_console import read_export
from app.errors import SearchConsoleError
from tests.answering import Asked, engine, migrated, scope
from tests.answering import asked as empty
from tests.page_traffic import Visit, scope_of, visits, write
from tests.sql.store import block, retracted, some_uuid
from views.answers import AiPageRow
from views.params import Bots
from views.seo import SearchFigures, Seo

__all__ = ["empty", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

ORGANIC = {"channel": "Organic Search", "source": "google"}
MARCH = (date(2026, 3, 1), date(2026, 3, 31))
NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)
PAGES = "Top pages,Clicks,Impressions,CTR,Position\n"


@pytest_asyncio.fixture
async def asked(empty: Asked) -> AsyncIterator[Asked]:
    """The database with nothing in it, exports neither."""
    empty.store.run("TRUNCATE TABLE {db}.search_console")
    yield empty


def put(asked: Asked, text: str, *, dated: bool = False, site: str = "shop", now: datetime = NOON) -> None:
    export = read_export(StringIO(text, newline=""), days=None if dated else MARCH)
    assert export.bad == []
    database = asked.store.database
    count = put_export(asked.store.client, export, database=database, site_id=site, now=now)
    assert count == len(export.rows)


async def told(asked: Asked, where: Any = None, *, limit: int = 100) -> Seo:
    return await asked.queries.seo(where or scope(), limit=limit)


def organic(made: list[Visit]) -> list[Visit]:
    return [one for one in made if one.facts["channel"] == "Organic Search" and not one.is_bot]


def by_entry(made: list[Visit]) -> Counter[str]:
    return Counter(one.entry for one in organic(made))


@pytest.mark.parametrize(
    ("zone", "before", "since", "until"),
    [
        ("America/New_York", "2026-03-05", "2026-03-07", "2026-03-09"),
        ("Asia/Kathmandu", "2025-12-30", "2026-01-01", "2026-01-03"),
    ],
)
async def test_landing_pages_and_engines_are_those_of_a_recount(
    asked: Asked, zone: str, before: str, since: str, until: str
) -> None:
    now, then = (
        visits(31, count=60, first=since, days=2, zone=zone),
        visits(32, count=9, first=before, days=2, zone=zone),
    )
    write(asked, [*now, *then], zone=zone)
    found = await told(asked, scope_of(since, until, zone=zone))
    assert (found.before_since.isoformat(), found.before_until.isoformat()) == (before, since)
    entries, earlier = by_entry(now), by_entry(then)
    assert {one.path: one.sessions for one in found.landing_pages} == entries
    assert {one.path: one.sessions_before for one in found.landing_pages if one.sessions_before} == {
        path: count for path, count in earlier.items() if path in entries
    }
    bounced = by_entry([one for one in now if one.is_bounce])
    assert {one.path: round(one.bounce_rate * one.sessions) for one in found.landing_pages} == {
        path: bounced[path] for path in entries
    }
    assert {one.path for one in found.new_pages} == entries.keys() - earlier.keys()
    assert {one.path for one in found.lost_pages} == earlier.keys() - entries.keys()
    people = [one for one in now if not one.is_bot]
    for channel, rows in (("Organic Search", found.engines), ("AI Assistants", found.ai_assistants)):
        wanted = Counter(one.facts["source"] for one in people if one.facts["channel"] == channel)
        assert {row.source: row.sessions for row in rows} == wanted
    assert sum(one.sessions for one in found.engines) == sum(one.sessions for one in found.landing_pages)
    every = await told(asked, scope_of(since, until, zone=zone, bots=Bots.INCLUDE))
    assert sum(one.sessions for one in every.engines) > sum(one.sessions for one in found.engines)


async def test_nothing_there_is_nothing_told(asked: Asked) -> None:
    found = await told(asked)
    lists = [
        value
        for value in (getattr(found, name) for name in found.__struct_fields__)
        if isinstance(value, list)
    ]
    assert len(lists) == 11
    assert not any(lists)
    assert (found.page_export, found.query_export) == (None, None)


async def test_terms_are_told_where_they_are_known(asked: Asked) -> None:
    asked.sessions(
        {"session_id": some_uuid(), **ORGANIC, "term": "bell"},
        {"session_id": some_uuid(), **ORGANIC, "term": "bell"},
        {"session_id": some_uuid(), **ORGANIC},
        {"session_id": some_uuid(), "channel": "Paid Search", "source": "google", "term": "horn"},
    )
    assert [(one.term, one.source, one.sessions) for one in (await told(asked)).terms] == [
        ("bell", "google", 2)
    ]


async def test_pages_that_are_not_there_are_told_by_whom_they_are_still_asked_for(asked: Asked) -> None:
    """Whoever says 404 or 410: an access log's page view, the error page's own event."""
    gone = [some_uuid() for _ in range(7)]
    dead = some_uuid()
    event = {"event_type": "custom_event", "name": "not_found"}
    asked.events(
        {"path": "/gone", "session_id": gone[0], "properties": '{"status":404,"bytes":3}'},
        {"path": "/gone", "session_id": gone[0], **event, "properties": '{"status":404}'},
        {"path": "/gone", "session_id": dead, **event, "properties": '{"status":"410"}'},
        {"path": "/there", "session_id": gone[2], "properties": '{"status":200}'},
        {"path": "/there", "session_id": gone[2], "properties": '{"code":404,"x":"status"}'},
        {"path": "/direct", "session_id": gone[3], **event, "properties": '{"status":404}'},
        {"path": "/later", "session_id": gone[4], **event, "properties": '{"status":404}'},
        {"path": "/bot", "session_id": gone[5], "is_bot": 1, "properties": '{"status":404}'},
        {"path": "", "session_id": some_uuid(), "properties": '{"status":404}'},
        {
            "path": "/crawled",
            "session_id": gone[6],
            "is_bot": 1,
            "bot_kind": "search_crawler",
            "bot_name": "Googlebot",
            "properties": '{"status":404}',
            "at": "2026-03-11T10:00Z",
        },
    )
    asked.sessions(
        {"session_id": gone[0], **ORGANIC, "entry_path": "/gone"},
        {"session_id": gone[1], **ORGANIC, "entry_path": "/gone", "visitor_id": "v2"},
        {"session_id": gone[2], **ORGANIC, "entry_path": "/there"},
        {"session_id": gone[3], "entry_path": "/direct"},
        {"session_id": gone[4], **ORGANIC, "entry_path": "/first"},
        {"session_id": gone[5], **ORGANIC, "entry_path": "/bot", "is_bot": 1},
    )
    early = asked.sessions({"session_id": dead, **ORGANIC, "entry_path": "/gone", "visitor_id": "v2"})
    asked.insert([retracted(row, block(), merged_into=gone[1]) for row in early])
    found = await told(asked)
    assert [(one.path, one.sessions, one.fetches, one.last_at) for one in found.not_found] == [
        ("/gone", 2, 0, "2026-03-10T12:00:00Z"),
        ("/crawled", 0, 1, "2026-03-11T10:00:00Z"),
    ]
    assert [(one.path, one.name, one.fetches, one.not_found) for one in found.crawled_pages] == [
        ("/crawled", "Googlebot", 1, 1)
    ]


async def test_crawlers_stand_beside_what_their_assistants_bring(asked: Asked) -> None:
    bots = (
        ("GPTBot", "ai_crawler", "/a"),
        ("ChatGPT-User", "ai_fetcher", "/a"),
        ("Googlebot", "search_crawler", "/b"),
        ("Pingdom", "monitor", "/b"),
    )
    asked.events(
        *({"path": path, "is_bot": 1, "bot_kind": kind, "bot_name": name} for name, kind, path in bots),
        {"path": "/b", "is_bot": 1, "bot_kind": "search_crawler", "bot_name": "Googlebot"},
        {"path": "/a"},
    )
    asked.sessions({"channel": "AI Assistants", "source": "chatgpt", "entry_path": "/a"})
    found = await told(asked)
    assert [(one.name, one.page_views) for one in found.crawlers] == [
        ("Googlebot", 2),
        ("GPTBot", 1),
        ("ChatGPT-User", 1),
    ]
    assert [(one.path, one.name, one.fetches) for one in found.crawled_pages] == [
        ("/b", "Googlebot", 2),
        ("/a", "GPTBot", 1),
        ("/a", "ChatGPT-User", 1),
    ]
    assert [(one.source, one.sessions) for one in found.ai_assistants] == [("chatgpt", 1)]
    assert found.ai_pages == [AiPageRow(path="/a", crawled=1, fetched=1, referred=1)]


async def test_an_export_stands_beside_the_landing_pages_and_twice_changes_nothing(asked: Asked) -> None:
    asked.sessions({"session_id": some_uuid(), **ORGANIC, "entry_path": "/a"})
    text = (
        PAGES
        + "https://shop.test/a,1,100,1%,2\nhttps://shop.test/a?x=1,3,300,1%,6\nhttps://shop.test/b,9,10,0%,1\n"
    )
    put(asked, text)
    first = await told(asked)
    pages = {one.path: (one.sessions, one.search) for one in first.landing_pages}
    assert pages == {
        "/a": (1, SearchFigures(clicks=4, impressions=400, ctr=0.01, position=5)),
        "/b": (0, SearchFigures(clicks=9, impressions=10, ctr=0.9, position=1)),
    }
    assert [one.path for one in first.landing_pages] == ["/a", "/b"]
    assert first.page_export is not None
    assert (first.page_export.first_day, first.page_export.last_day) == ("2026-03-01", "2026-03-31")
    put(asked, text)
    assert await told(asked) == first
    put(asked, text.replace("/b,9,", "/b,8,"), now=NOON.replace(hour=13))
    put(asked, text, site="saas", now=NOON.replace(hour=14))
    corrected = {one.path: one.search for one in (await told(asked)).landing_pages}
    assert corrected["/b"] == SearchFigures(clicks=8, impressions=10, ctr=0.8, position=1)
    put(asked, text, now=NOON.replace(hour=15))
    assert (await told(asked)).landing_pages == first.landing_pages
    assert asked.store.one("SELECT count() FROM {db}.search_console FINAL WHERE site_id = 'shop'") == 3


async def test_exports_by_different_dimensions_are_never_summed(asked: Asked) -> None:
    put(asked, PAGES + "https://shop.test/a,5,100,0%,2\n")
    put(asked, "Top queries,Clicks,Impressions,CTR,Position\nbell,4,60,0%,3\nhorn,4,70,0%,1\n")
    put(
        asked,
        "date,page,query,clicks,impressions,position\n"
        "2026-03-31,https://shop.test/a,bell,2,40,1\n2026-04-01,https://shop.test/a,bell,9,900,1\n",
        dated=True,
    )
    found = await told(asked)
    assert found.page_export is not None
    assert (found.page_export.export, found.landing_pages[0].search) == (
        "page 2026-03-01 2026-03-31",
        SearchFigures(clicks=5, impressions=100, ctr=0.05, position=2),
    )
    assert [(one.query, one.search.clicks) for one in found.queries] == [("horn", 4), ("bell", 4)]
    week = await told(asked, scope(since="2026-03-30", until="2026-04-02"))
    assert week.page_export is not None
    assert (week.page_export.export, week.page_export.last_day) == ("date,page,query", "2026-04-01")
    assert [(one.query, one.search.clicks) for one in week.queries] == [("bell", 11)]


async def test_every_list_has_at_most_so_many_rows(asked: Asked) -> None:
    asked.sessions(
        *({"session_id": some_uuid(), **ORGANIC, "entry_path": f"/{n}", "term": f"{n}"} for n in range(4))
    )
    put(asked, PAGES + "".join(f"https://shop.test/{n},1,1,0%,1\n" for n in range(4)))
    found = await told(asked, limit=2)
    for rows in (found.landing_pages, found.new_pages, found.terms):
        assert len(rows) == 2


async def test_a_database_without_the_table_is_said_to_need_a_migration(asked: Asked) -> None:
    export = read_export(StringIO(PAGES + "https://shop.test/a,1,1,0%,1\n"), days=MARCH)
    with pytest.raises(SearchConsoleError, match="`wua migrate` makes the table"):
        put_export(asked.store.client, export, database="nowhere", site_id="shop", now=NOON)
