"""The pages of a site, in any order, page by page; of all sessions, or of what passes a filter."""

from __future__ import annotations

import hashlib
from datetime import date
from enum import StrEnum
from typing import Annotated

import msgspec

from app.errors import QueryError
from views.catalog import VIEWS
from views.living import last_day
from views.params import Scope
from views.reading import Reader, about
from views.stats import filters
from views.stats.cursor import Cursor, read
from views.stats.fields import Source
from views.stats.filters import Places
from views.stats.model import Filter

MAX_PAGES = 1000
DEFAULT_PAGES = 100
GOLD = "gold: page_performance_metrics, page_sessions_daily, page_visitors"


class PageFigure(StrEnum):
    """What pages can be ordered by."""

    PATH = "path"
    PAGE_VIEWS = "page_views"
    VISITORS = "visitors"
    ENTRIES = "entries"
    EXITS = "exits"
    BOUNCE_RATE = "bounce_rate"
    EXIT_RATE = "exit_rate"
    ENGAGED_S_PER_VIEW = "engaged_s_per_view"
    SCROLL_DEPTH = "scroll_depth"


#: Each figure, from the sums of a page.
_FIGURES = {
    PageFigure.PATH: "path",
    PageFigure.PAGE_VIEWS: "page_views",
    PageFigure.VISITORS: "toInt64(least(visitors, page_views))",
    PageFigure.ENTRIES: "entries",
    PageFigure.EXITS: "exits",
    PageFigure.BOUNCE_RATE: "if(entries = 0, 0, bounces / entries)",
    PageFigure.EXIT_RATE: "if(page_views = 0, 0, exits / page_views)",
    PageFigure.ENGAGED_S_PER_VIEW: "if(page_views = 0, 0, engaged_ms / page_views / 1000)",
    PageFigure.SCROLL_DEPTH: "if(leaves = 0, 0, scroll_depth / leaves)",
}
#: A row for each page, from one for each session and page. An entry counts where a page view of it passes.
_OF_SESSIONS = """
SELECT
    path,
    toInt64(sum(views)) AS page_views,
    uniqCombined64If(12)(visitor, views > 0) AS visitors,
    toInt64(sum(left)) AS leaves,
    toInt64(sum(engaged)) AS engaged_ms,
    toInt64(sum(depth)) AS scroll_depth,
    toInt64(countIf(views > 0 AND path = entry)) AS entries,
    toInt64(countIf(views > 0 AND path = leaving)) AS exits,
    toInt64(countIf(views > 0 AND path = entry AND bounced)) AS bounces
FROM (
    SELECT
        path,
        session_id,
        any(visitor_id) AS visitor,
        any(entry_path) AS entry,
        any(exit_path) AS leaving,
        any(is_bounce) AS bounced,
        countIf(event_type = 'page_view') AS views,
        countIf(name = '$page_leave') AS left,
        sum(engaged_ms) AS engaged,
        sumIf(scroll_depth, name = '$page_leave') AS depth
    FROM {events}
    WHERE {passing}
    GROUP BY path, session_id
)
GROUP BY path
HAVING page_views > 0
"""
_VISITORS = """
SELECT path, uniqCombined64Merge(12)(visitors) AS visitors
FROM {database}.page_visitors
WHERE site_id = {{site:String}} AND (span, since) IN {{spans:Array(Tuple(UInt8, Date))}}
    AND has({{bots:Array(UInt8)}}, is_bot) AND path IN (SELECT path FROM ({pages}))
GROUP BY path
"""


class PagesAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Which pages, in which order; equal ones by their path. ``cursor``: of an earlier answer."""

    order: PageFigure = PageFigure.PAGE_VIEWS
    is_descending: bool = True
    filter: Filter | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGES)] = DEFAULT_PAGES
    cursor: str | None = None

    @property
    def question(self) -> str:
        """A digest of the question apart from its page of rows."""
        plain = msgspec.structs.replace(self, cursor=None, limit=1)
        return hashlib.blake2b(msgspec.json.encode(plain), digest_size=8).hexdigest()


class PageItem(msgspec.Struct, frozen=True, kw_only=True):
    """One page. Visitors are estimated (about 1.2 %), and are at most its page views.

    ``bounce_rate`` is of its entries, ``exit_rate`` exits / page views, ``scroll_depth`` the mean of what
    leaving it reported, in %.
    """

    path: str
    page_views: int
    visitors: int
    entries: int
    exits: int
    bounce_rate: float
    exit_rate: float
    engaged_s_per_view: float
    scroll_depth: float


class PageList(msgspec.Struct, frozen=True, kw_only=True):
    """Pages with a page view, an entry or an exit, in order.

    Without a filter page views count on the day they happened. With one they count with their session, in the
    period in which it began, as everything of a session does.
    """

    site_id: str
    since: date
    until: date
    timezone: str
    layer: str
    pages: list[PageItem]
    next_cursor: str | None = None


async def page_list(reader: Reader, scope: Scope, asked: PagesAsked, *, cap_ms: int) -> PageList:
    """The pages asked for. ``cap_ms``: how long a session can be, 0 for no bound.

    Raises QueryError for an unknown field of the filter, and for a cursor of another question.
    """
    places = Places({**scope.by_day, **scope.by_span, "reach": last_day(scope.period.until, cap_ms=cap_ms)})
    sql = _statement(asked, places, database=reader.database)
    rows = await reader.ask(sql, places.bound)
    following = None
    if len(rows) > asked.limit:
        last = rows[asked.limit - 1]
        following = str(Cursor(asked.question, last["place"], [last["path"]]))
    layer = GOLD if asked.filter is None else f"silver: {Source.EVENTS}"
    pages = [PageItem(**{name: row[f"f_{name}"] for name in PageFigure}) for row in rows[: asked.limit]]
    return PageList(**about(scope, layer=layer), pages=pages, next_cursor=following)


def _statement(asked: PagesAsked, places: Places, *, database: str) -> str:
    figures = ", ".join(f"{sql} AS f_{name}" for name, sql in _FIGURES.items())
    if asked.filter is not None:
        events = VIEWS["session_events"].inlined(database)
        filters.parts(asked.filter)
        passing = filters.condition(asked.filter, places, database=database)
        ranked = _ranked(_OF_SESSIONS.format(events=events, passing=passing), asked, places)
    else:
        sums = f"SELECT * FROM {VIEWS['page_sums'].inlined(database)}"  # noqa: S608
        # Visitors are merged from sketches: of the pages that are shown alone, unless they decide which.
        if asked.order is PageFigure.VISITORS:
            ranked = _ranked(_with_visitors(sums, database), asked, places)
        else:
            ranked = _with_visitors(_ranked(sums, asked, places), database)
    return f"SELECT {figures}, path, place FROM ({ranked}) ORDER BY {_order(asked)}"  # noqa: S608


def _with_visitors(pages: str, database: str) -> str:
    visitors = _VISITORS.format(database=database, pages=pages)
    return f"SELECT p.*, v.visitors AS visitors FROM ({pages}) AS p LEFT JOIN ({visitors}) AS v USING (path)"  # noqa: S608


def _ranked(pages: str, asked: PagesAsked, places: Places) -> str:
    """The rows of ``pages`` behind the cursor, one more than asked for; ``place``: the figure in order."""
    is_text = asked.order is PageFigure.PATH
    figure = _FIGURES[asked.order]
    behind = ""
    if asked.cursor is not None:
        cursor = read(asked.cursor, question=asked.question, keys=1)
        if isinstance(cursor.place, str) is not is_text:
            raise QueryError(f"cursor = {asked.cursor[:64]!r}: it is of another question; leave it out")
        here = places.put(cursor.place, "String" if is_text else "Float64")
        path = places.put(cursor.keys[0], "String")
        sign = "<" if asked.is_descending else ">"
        behind = f"WHERE place {sign} {here} OR (place = {here} AND path > {path})"
    most = places.put(asked.limit + 1, "UInt32")
    place = figure if is_text else f"toFloat64({figure})"
    return (
        f"SELECT * FROM (SELECT *, {place} AS place FROM ({pages})) {behind} "  # noqa: S608
        f"ORDER BY {_order(asked)} LIMIT {most}"
    )


def _order(asked: PagesAsked) -> str:
    return f"place {'DESC' if asked.is_descending else 'ASC'}, path"
