"""The distinct visitors of pages: merged from sketches of days and weeks, and remembered by their sums."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping, Sequence

from views.params import Scope
from views.reading import Reader, Row
from views.remembered import SUMS_SQL, Remembered, keep

#: Of how many questions it is remembered which pages they showed.
MOST_SHOWN = 256

_VISITORS = """
SELECT path, {sums}, uniqCombined64Merge(12)(visitors) AS visitors
FROM {database}.page_visitors
WHERE site_id = {{site:String}} AND (span, since) IN {{spans:Array(Tuple(UInt8, Date))}}
    AND has({{bots:Array(UInt8)}}, is_bot) AND path IN {{pages:Array(String)}}
GROUP BY path
"""


class PageVisitors:
    """Merges the sketches of a page once while its rows sum to the same."""

    def __init__(self, reader: Reader, *, elapsed_s: Callable[[], float] = time.monotonic) -> None:
        self._reader = reader
        self._known = Remembered[int](elapsed_s=elapsed_s)
        self._shown: dict[Hashable, Sequence[str]] = {}

    def shown_last(self, question: Hashable) -> Sequence[str]:
        """The paths that a question showed when it was asked last; none where that is not known."""
        return self._shown.get(question, ())

    def show(self, question: Hashable, paths: Sequence[str]) -> None:
        """Remember which paths a question shows."""
        keep(self._shown, question, paths, most=MOST_SHOWN)

    async def of(self, scope: Scope, pages: Sequence[Row]) -> Mapping[str, int]:
        """Path -> visitors, of rows with ``path`` and SUMS as they are now; none for one without a view."""
        asked = (scope.site_id, scope.bots, scope.period)
        found: dict[str, int] = {}
        missing: list[str] = []
        for row in pages:
            visitors = self._known.told((*asked, row["path"]), row)
            if visitors is not None:
                found[row["path"]] = visitors
            elif row["page_views"]:
                missing.append(row["path"])
        if missing:
            sql = _VISITORS.format(database=self._reader.database, sums=SUMS_SQL)
            for row in await self._reader.ask(sql, {**scope.by_span, "pages": missing}):
                found[row["path"]] = row["visitors"]
                self._known.tell((*asked, row["path"]), row, row["visitors"])
        return found
