"""Everything of one page: what happened on it, its timings, and the sessions that entered and left by it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from views.params import Scope
from views.reading import Reader, Row
from views.remembered import SUMS_SQL, Remembered

_NOW = """
SELECT {sums}
FROM {database}.page_visitors
WHERE site_id = {{site:String}} AND (span, since) IN {{spans:Array(Tuple(UInt8, Date))}}
    AND has({{bots:Array(UInt8)}}, is_bot) AND path = {{path:String}}
"""


class PageFigures:
    """Merges what was measured on a page once while its rows sum to the same."""

    def __init__(self, reader: Reader, *, elapsed_s: Callable[[], float] = time.monotonic) -> None:
        self._reader = reader
        self._known = Remembered[Row](elapsed_s=elapsed_s)

    async def of(self, scope: Scope, path: str) -> tuple[Row, Row]:
        """The rows of the views page_metrics and page_sessions."""
        bound = {**scope.by_day, "path": path}
        key = (scope.site_id, scope.bots, scope.period, path)
        ask_sessions = self._reader.one("page_sessions", bound)
        if not self._known.knows(key):
            views, sessions = await asyncio.gather(self._views(key, bound), ask_sessions)
            return views, sessions
        sql = _NOW.format(database=self._reader.database, sums=SUMS_SQL)
        (now,), sessions = await asyncio.gather(
            self._reader.ask(sql, {**scope.by_span, "path": path}), ask_sessions
        )
        return self._known.told(key, now) or await self._views(key, bound), sessions

    async def _views(self, key: tuple[object, ...], bound: dict[str, object]) -> Row:
        views = await self._reader.one("page_metrics", bound)
        if views["page_views"]:
            self._known.tell(key, {**views, "rows": views["events"]}, views)
        return views
