"""The pages of a site, in any order, page by page; of all sessions, or of what passes a filter."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated

import msgspec

from app.errors import QueryError
from views.catalog import VIEWS
from views.figures import ratio
from views.living import last_day
from views.page_visitors import PageVisitors
from views.params import Scope
from views.reading import Reader, Row, about
from views.remembered import SUMS
from views.stats import filters
from views.stats.cursor import Cursor, read
from views.stats.fields import Source
from views.stats.filters import Places
from views.stats.model import Filter

MAX_PAGES = 1000
DEFAULT_PAGES = 100
GOLD = "gold: page_visitors, page_sessions_daily"


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


_OF_VIEWS = frozenset({PageFigure.PAGE_VIEWS, PageFigure.ENGAGED_S_PER_VIEW, PageFigure.SCROLL_DEPTH})
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
#: A row for each page, of events with their sessions. An entry counts where a page view of it passes.
_OF_SESSIONS = """
SELECT
    path,
    toInt64(countIf(viewed)) AS page_views,
    uniqCombined64If(12)(visitor_id, viewed) AS visitors,
    toInt64(countIf(name = '$page_leave')) AS leaves,
    toInt64(sum(engaged_ms)) AS engaged_ms,
    toInt64(sumIf(scroll_depth, name = '$page_leave')) AS scroll_depth,
    toInt64(uniqExactIf(session_id, viewed AND path = entry_path)) AS entries,
    toInt64(uniqExactIf(session_id, viewed AND path = exit_path)) AS exits,
    toInt64(uniqExactIf(session_id, viewed AND path = entry_path AND is_bounce)) AS bounces
FROM (SELECT *, event_type = 'page_view' AS viewed FROM {events})
WHERE {passing}
GROUP BY path
HAVING page_views > 0
"""
#: What happened on pages, of gold.
_VIEWED = """
SELECT path, {sums}, {place} AS place
FROM {database}.page_visitors
WHERE site_id = {{site:String}} AND (span, since) IN {{spans:Array(Tuple(UInt8, Date))}}
    AND has({{bots:Array(UInt8)}}, is_bot)
GROUP BY path
HAVING page_views > 0 AND {behind}
ORDER BY {order}
LIMIT {most}
"""
#: The sessions that entered and left by them.
_ENTERED = """
SELECT path, {sums}
FROM {database}.page_sessions_daily
WHERE site_id = {{site:String}} AND local_date >= {{since:Date}} AND local_date < {{until:Date}}
    AND has({{bots:Array(UInt8)}}, is_bot) AND {of}
GROUP BY path
"""
#: Both.
_OF_GOLD = """
SELECT path, {sums}
FROM (
    SELECT path, {views}, 0 AS entries, 0 AS exits, 0 AS bounces
    FROM {database}.page_visitors
    WHERE site_id = {{site:String}} AND (span, since) IN {{spans:Array(Tuple(UInt8, Date))}}
        AND has({{bots:Array(UInt8)}}, is_bot)
    UNION ALL
    SELECT path, {no_views}, entries, exits, bounces
    FROM {database}.page_sessions_daily
    WHERE site_id = {{site:String}} AND local_date >= {{since:Date}} AND local_date < {{until:Date}}
        AND has({{bots:Array(UInt8)}}, is_bot)
)
GROUP BY path
HAVING page_views > 0 OR entries > 0 OR exits > 0
"""
_ENDS = ("entries", "exits", "bounces")
#: Visitors decide the order: those of every page are merged.
_VISITORS = """
SELECT path, uniqCombined64Merge(12)(visitors) AS visitors
FROM {database}.page_visitors
WHERE site_id = {{site:String}} AND (span, since) IN {{spans:Array(Tuple(UInt8, Date))}}
    AND has({{bots:Array(UInt8)}}, is_bot)
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


async def page_list(
    reader: Reader, scope: Scope, asked: PagesAsked, *, cap_ms: int, visitors: PageVisitors | None = None
) -> PageList:
    """The pages asked for. ``cap_ms``: how long a session can be, 0 for no bound.

    ``visitors``: what the process remembers of them. Raises QueryError for an unknown field of the filter,
    and for a cursor of another question.
    """
    places = Places({**scope.by_day, **scope.by_span, "reach": last_day(scope.period.until, cap_ms=cap_ms)})
    listing = _Listing(reader, scope, asked, places, visitors or PageVisitors(reader))
    rows = await listing.of_views() if _is_by_views(asked) else None
    if rows is None:
        rows = await listing.of_all()
    following = None
    if len(rows) > asked.limit:
        last = rows[asked.limit - 1]
        following = str(Cursor(asked.question, last["place"], [last["path"]]))
    return PageList(
        **about(scope, layer=GOLD if asked.filter is None else f"silver: {Source.EVENTS}"),
        pages=[_item(row) for row in rows[: asked.limit]],
        next_cursor=following,
    )


class _Listing(msgspec.Struct, frozen=True):
    """Finds the rows of a list, one more than asked for where there are more."""

    reader: Reader
    scope: Scope
    asked: PagesAsked
    places: Places
    visitors: PageVisitors

    async def of_all(self) -> list[Row]:
        """The rows in any order."""
        rows = await self._ask(_statement(self.asked, self.places, database=self.reader.database))
        if _tells_visitors(self.asked):
            return rows
        return _with(rows, await self.visitors.of(self.scope, rows[: self.asked.limit]))

    async def of_views(self) -> list[Row] | None:
        """The rows, most of a figure of views first; None where pages without a view are among them.

        Pages are put in order by their views alone, and the rest is asked for those that are shown.
        """
        question = (self.scope.site_id, self.scope.bots, self.scope.period, self.asked)
        # Most likely the pages are those of last time: what is asked of them need not wait for the order.
        likely = self.visitors.shown_last(question)
        rows, entered = await asyncio.gather(
            self._ask(self._of(_VIEWED, SUMS, **_ranks(self.asked, self.places))), self._entered(likely)
        )
        is_full = len(rows) > self.asked.limit
        if self.asked.cursor is not None and not is_full:
            return None
        if is_full and not rows[-1]["place"]:
            return None
        shown = rows[: self.asked.limit]
        paths = [row["path"] for row in shown]
        # Where there are fewer pages than asked for, those that sessions entered or left by come behind them.
        missing = sorted({*paths} - {*likely}) if is_full else None
        counted, others = await asyncio.gather(self.visitors.of(self.scope, shown), self._entered(missing))
        entered = [*entered, *others] if is_full else others
        self.visitors.show(question, paths if is_full else [])
        ends = {row["path"]: row for row in entered}
        nothing = dict.fromkeys(_ENDS, 0)
        rows = [{**row, **ends.pop(row["path"], nothing)} for row in rows]
        if not is_full:
            unseen = {"place": 0.0, **dict.fromkeys(SUMS, 0)}
            behind = [{**unseen, **row} for row in ends.values() if row["entries"] > 0 or row["exits"] > 0]
            rows = sorted((*rows, *behind), key=lambda row: (-row["place"], row["path"]))
        return _with(rows[: self.asked.limit + 1], counted)

    async def _entered(self, paths: Sequence[str] | None) -> list[Row]:
        """The sessions that entered and left by these pages, or by any."""
        if paths is not None and not paths:
            return []
        of = "1" if paths is None else f"path IN {self.places.put([*paths], 'Array(String)')}"
        return await self._ask(self._of(_ENTERED, _ENDS, of=of))

    def _of(self, sql: str, names: Sequence[str], **parts: str) -> str:
        sums = ", ".join(f"sum({name}) AS {name}" for name in names)
        return sql.format(database=self.reader.database, sums=sums, **parts)

    async def _ask(self, sql: str) -> list[Row]:
        return await self.reader.ask(sql, self.places.bound)


def _with(rows: list[Row], visitors: Mapping[str, int]) -> list[Row]:
    return [{**row, "visitors": visitors.get(row["path"], 0)} for row in rows]


def _is_by_views(asked: PagesAsked) -> bool:
    """Whether the order is most first, of what page views tell."""
    return asked.filter is None and asked.is_descending and asked.order in _OF_VIEWS


def _item(row: Row) -> PageItem:
    views, entries = row["page_views"], row["entries"]
    return PageItem(
        path=row["path"],
        page_views=views,
        visitors=min(row["visitors"], views),
        entries=entries,
        exits=row["exits"],
        bounce_rate=ratio(row["bounces"], entries),
        exit_rate=ratio(row["exits"], views),
        engaged_s_per_view=ratio(row["engaged_ms"], views) / 1000,
        scroll_depth=ratio(row["scroll_depth"], row["leaves"]),
    )


def _tells_visitors(asked: PagesAsked) -> bool:
    """Whether the statement counts visitors; else they are put in, of the pages that are shown alone."""
    return asked.filter is not None or asked.order is PageFigure.VISITORS


def _statement(asked: PagesAsked, places: Places, *, database: str) -> str:
    """SQL: ``path``, the sums of figures, ``place``; and ``visitors`` where it tells them."""
    if asked.filter is not None:
        events = VIEWS["session_events"].inlined(database)
        filters.parts(asked.filter)
        passing = filters.condition(asked.filter, places, database=database)
        return _ranked(_OF_SESSIONS.format(events=events, passing=passing), asked, places)
    pages = _OF_GOLD.format(
        database=database,
        sums=", ".join(f"toInt64(sum({name})) AS {name}" for name in (*SUMS, *_ENDS)),
        views=", ".join(f"toInt64({name}) AS {name}" for name in SUMS),
        no_views=", ".join(f"0 AS {name}" for name in SUMS),
    )
    if asked.order is PageFigure.VISITORS:
        counted = _VISITORS.format(database=database)
        pages = f"SELECT * FROM ({pages}) AS p LEFT JOIN ({counted}) AS v USING (path)"  # noqa: S608
    return _ranked(pages, asked, places)


def _ranked(pages: str, asked: PagesAsked, places: Places) -> str:
    """SQL: the rows of ``pages`` behind the cursor, in order; ``place``: the figure that decides it."""
    part = _ranks(asked, places)
    return (
        f"SELECT * FROM (SELECT *, {part['place']} AS place FROM ({pages})) WHERE {part['behind']} "  # noqa: S608
        f"ORDER BY {part['order']} LIMIT {part['most']}"
    )


def _ranks(asked: PagesAsked, places: Places) -> dict[str, str]:
    """SQL: ``place``, whether a row is ``behind`` the cursor, the ``order``, and how many at ``most``."""
    is_text = asked.order is PageFigure.PATH
    figure = _FIGURES[asked.order]
    behind = "1"
    if asked.cursor is not None:
        cursor = read(asked.cursor, question=asked.question, keys=1)
        if isinstance(cursor.place, str) is not is_text:
            raise QueryError(f"cursor = {asked.cursor[:64]!r}: it is of another question; leave it out")
        here = places.put(cursor.place, "String" if is_text else "Float64")
        path = places.put(cursor.keys[0], "String")
        sign = "<" if asked.is_descending else ">"
        behind = f"(place {sign} {here} OR (place = {here} AND path > {path}))"
    return {
        "place": figure if is_text else f"toFloat64({figure})",
        "behind": behind,
        "order": f"place {'DESC' if asked.is_descending else 'ASC'}, path",
        "most": places.put(asked.limit + 1, "UInt32"),
    }
