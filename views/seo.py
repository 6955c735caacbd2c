"""What search engines and AI assistants bring to a site, what their crawlers take, and what is not there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial
from typing import Any

import msgspec

from app.events.vocabulary import BotKind, Channel
from views.answers import AiPageRow, BotRow
from views.figures import ratio
from views.freshness import Freshness
from views.params import LAST_DAY, Scope
from views.reading import Reader, about
from views.stats.answer import before_of, stats
from views.stats.model import And, Asked, Compare, Filter, Is, IsNot, Metric, StatsRow

LAYER = "gold: traffic_sources_daily, bot_traffic_daily; silver: sessions_silver; search_console"
MAX_ROWS = 1000
DEFAULT_ROWS = 100
_KINDS = (BotKind.SEARCH_CRAWLER, BotKind.AI_CRAWLER, BotKind.AI_FETCHER)
_ORGANIC = Is(field="channel", value=Channel.ORGANIC_SEARCH)
_ASSISTANTS = Is(field="channel", value=Channel.AI_ASSISTANTS)
#: Positions are weighed by impressions.
_FIGURES = (
    "toInt64(sum(c.clicks)) AS clicks, toInt64(sum(c.impressions)) AS impressions, "
    "sum(c.position * c.impressions) AS places"
)
# TRICKY: no FULL JOIN of the two: the engine's optimizer gives up on it (error 572).
_PAGES = """
SELECT path, sum(b.sessions) AS sessions, sum(b.sessions_before) AS sessions_before,
    sum(b.bounces) AS bounces, sum(b.converted_sessions) AS converted_sessions, sum(b.revenue) AS revenue,
    sum(b.clicks) AS clicks, sum(b.impressions) AS impressions, sum(b.places) AS places,
    max(b.is_told) AS is_told
FROM (
    SELECT path, sessions, sessions_before, bounces, converted_sessions, revenue,
        toInt64(0) AS clicks, toInt64(0) AS impressions, toFloat64(0) AS places, 0 AS is_told
    FROM {landing} WHERE sessions > 0
    UNION ALL
    SELECT path, toInt64(0), toInt64(0), toInt64(0), toInt64(0), toFloat64(0), clicks, impressions, places, 1
    FROM (SELECT path, {figures} FROM {console} AS c WHERE export = {{export:String}} GROUP BY path)
) AS b
GROUP BY path ORDER BY sessions DESC, clicks DESC, impressions DESC, path LIMIT {{limit:UInt32}}
"""
_QUERIES = """
SELECT search_query, {figures} FROM {console} AS c WHERE export = {{export:String}}
GROUP BY search_query ORDER BY clicks DESC, impressions DESC, search_query LIMIT {{limit:UInt32}}
"""
_EXPORT = """
SELECT export, toString(min(first_day)) AS first_day, toString(max(last_day)) AS last_day,
    formatDateTime(max(imported_at), '%Y-%m-%dT%H:%i:%SZ', 'UTC') AS imported_at
FROM {console} WHERE has(by, {{dimension:String}})
GROUP BY export ORDER BY sum(impressions) DESC, export LIMIT 1
"""


class SearchFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What Search Console says. ``ctr``: clicks / impressions; ``position``: their mean, by impressions."""

    clicks: int
    impressions: int
    ctr: float
    position: float


class LandingPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page that organic search leads to; ``search`` where an export tells of it."""

    path: str
    sessions: int
    sessions_before: int
    bounce_rate: float
    conversion_rate: float
    revenue: float
    search: SearchFigures | None


class MovedPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page that organic search leads to in one of two periods alone."""

    path: str
    sessions: int
    sessions_before: int


class SearchSource(msgspec.Struct, frozen=True, kw_only=True):
    """A search engine or an AI assistant, and what it brings."""

    source: str
    sessions: int
    page_views: int
    bounce_rate: float
    conversion_rate: float
    revenue: float


class SearchTerm(msgspec.Struct, frozen=True, kw_only=True):
    """What was searched for, where the address of the entry said so (``utm_term``)."""

    term: str
    source: str
    sessions: int


class SearchQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What was searched for, as Search Console tells it."""

    query: str
    search: SearchFigures


class CrawledPage(msgspec.Struct, frozen=True, kw_only=True):
    """What one program fetched of a page; ``not_found``: answered with 404 or 410, as far as events say."""

    path: str
    kind: str
    name: str
    fetches: int
    not_found: int
    last_at: str


class MissingPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page that is not there: sessions of organic search that entered by it, fetches of search crawlers."""

    path: str
    sessions: int
    fetches: int
    last_at: str


class SearchExport(msgspec.Struct, frozen=True, kw_only=True):
    """Which imported export figures are of; both days are in it."""

    export: str
    first_day: str
    last_day: str
    imported_at: str


class Seo(msgspec.Struct, frozen=True, kw_only=True):
    """What search and AI bring and take. Sessions count where they began; ``before`` is as many days before.

    ``engines`` and ``ai_assistants`` have every session, landing pages those with a page view.
    ``page_export`` and ``query_export``: where the figures of Search Console come from; none where nothing
    is imported.
    """

    site_id: str
    since: date
    until: date
    timezone: str
    layer: str
    before_since: date
    before_until: date
    landing_pages: list[LandingPage]
    new_pages: list[MovedPage]
    lost_pages: list[MovedPage]
    engines: list[SearchSource]
    terms: list[SearchTerm]
    queries: list[SearchQuery]
    crawlers: list[BotRow]
    crawled_pages: list[CrawledPage]
    ai_assistants: list[SearchSource]
    ai_pages: list[AiPageRow]
    not_found: list[MissingPage]
    page_export: SearchExport | None
    query_export: SearchExport | None


async def seo(reader: Reader, scope: Scope, *, limit: int, cap_ms: int) -> Seo:
    """Every list with at most ``limit`` rows. ``cap_ms``: how long a session can be, 0 for no bound."""
    before = before_of(scope.period, Compare.PREVIOUS_PERIOD)
    reach = min(LAST_DAY, scope.period.until + timedelta(days=1))
    bound = {**scope.by_day, "before": before.since, "reach": reach, "limit": limit}
    console = reader.call("search_console_rows")
    landing = reader.call("seo_landing_pages")
    page_export, query_export = await asyncio.gather(
        _export(reader, console, bound, dimension="page"),
        _export(reader, console, bound, dimension="query"),
    )
    of_pages = {**bound, "export": page_export.export if page_export else ""}
    of_queries = {**bound, "export": query_export.export if query_export else ""}
    term = And(filters=[_ORGANIC, IsNot(field="term", value="")])
    terms = Asked(metrics=[Metric.SESSIONS], dimensions=["term", "source"], filter=term, limit=limit)
    asking = partial(stats, reader, scope, cap_ms=cap_ms, freshness=Freshness(reader))
    rows = await asyncio.gather(
        reader.ask(_PAGES.format(landing=landing, console=console, figures=_FIGURES), of_pages),
        reader.ask(_QUERIES.format(console=console, figures=_FIGURES), of_queries),
        reader.rows("bot_traffic", bound),
        reader.rows("crawled_pages", bound),
        reader.rows("not_found_pages", bound),
        reader.rows("ai_pages", bound),
    )
    pages, queries, crawlers, crawled, missing, ai_pages = rows
    new, lost = await asyncio.gather(
        _moved(reader, bound, side="sessions", other="sessions_before"),
        _moved(reader, bound, side="sessions_before", other="sessions"),
    )
    engines, assistants, searched = await asyncio.gather(
        asking(_by_source(_ORGANIC, limit=limit)),
        asking(_by_source(_ASSISTANTS, limit=limit)),
        asking(terms),
    )
    return Seo(
        **about(scope, layer=LAYER),
        before_since=before.since,
        before_until=before.until,
        landing_pages=[_landing(row) for row in pages],
        new_pages=new,
        lost_pages=lost,
        engines=[_source(row) for row in engines.rows],
        terms=[
            SearchTerm(**row.dimensions, sessions=int(row.metrics[Metric.SESSIONS])) for row in searched.rows
        ],
        queries=[SearchQuery(query=row["search_query"], search=_search(row)) for row in queries],
        crawlers=[BotRow(**row) for row in crawlers if row["kind"] in _KINDS],
        crawled_pages=[CrawledPage(**row) for row in crawled],
        ai_assistants=[_source(row) for row in assistants.rows],
        ai_pages=[AiPageRow(**row) for row in ai_pages],
        not_found=[MissingPage(**row) for row in missing],
        page_export=page_export,
        query_export=query_export,
    )


async def _export(
    reader: Reader, console: str, bound: Mapping[str, Any], *, dimension: str
) -> SearchExport | None:
    """Of the exports by a dimension that with most impressions: of those by more, Google leaves rows out."""
    rows = await reader.ask(_EXPORT.format(console=console), {**bound, "dimension": dimension})
    return SearchExport(**rows[0]) if rows else None


async def _moved(reader: Reader, bound: Mapping[str, Any], *, side: str, other: str) -> list[MovedPage]:
    """Pages with sessions on one side alone, most first; both names are ours."""
    rows = await reader.select(
        "seo_landing_pages",
        bound,
        columns="path, sessions, sessions_before",
        rest=f"WHERE {side} > 0 AND {other} = 0 ORDER BY {side} DESC, path LIMIT {{limit:UInt32}}",
    )
    return [MovedPage(**row) for row in rows]


def _by_source(channel: Filter, *, limit: int) -> Asked:
    metrics = [
        Metric.SESSIONS,
        Metric.PAGE_VIEWS,
        Metric.BOUNCE_RATE,
        Metric.CONVERSION_RATE,
        Metric.REVENUE,
    ]
    return Asked(metrics=metrics, dimensions=["source"], filter=channel, limit=limit)


def _source(row: StatsRow) -> SearchSource:
    return SearchSource(
        source=row.dimensions["source"],
        sessions=int(row.metrics[Metric.SESSIONS]),
        page_views=int(row.metrics[Metric.PAGE_VIEWS]),
        bounce_rate=row.metrics[Metric.BOUNCE_RATE],
        conversion_rate=row.metrics[Metric.CONVERSION_RATE],
        revenue=row.metrics[Metric.REVENUE],
    )


def _landing(row: Mapping[str, Any]) -> LandingPage:
    return LandingPage(
        path=row["path"],
        sessions=row["sessions"],
        sessions_before=row["sessions_before"],
        bounce_rate=ratio(row["bounces"], row["sessions"]),
        conversion_rate=ratio(row["converted_sessions"], row["sessions"]),
        revenue=row["revenue"],
        search=_search(row) if row["is_told"] else None,
    )


def _search(row: Mapping[str, Any]) -> SearchFigures:
    return SearchFigures(
        clicks=row["clicks"],
        impressions=row["impressions"],
        ctr=ratio(row["clicks"], row["impressions"]),
        position=ratio(row["places"], row["impressions"]),
    )
