"""The distinct visitors of pages: merged from sketches of days and weeks, and remembered by their sums."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from views.params import Bots, Scope
from views.reading import Reader, Row
from views.spans import Span

#: What a page's rows sum to. Any event of the page changes ``rows``, so another estimate has other sums.
SUMS = ("rows", "page_views", "leaves", "engaged_ms", "scroll_depth")
#: How long an estimate is told without another look: what an erasure and a new event change may even out.
HOLDS_S = 600.0
#: How many questions are remembered, and how many pages of each.
MOST_ASKED, MOST_PAGES = 64, 4096

_VISITORS = """
SELECT path, {sums}, uniqCombined64Merge(12)(visitors) AS visitors
FROM {database}.page_visitors
WHERE site_id = {{site:String}} AND (span, since) IN {{spans:Array(Tuple(UInt8, Date))}}
    AND has({{bots:Array(UInt8)}}, is_bot) AND path IN {{pages:Array(String)}}
GROUP BY path
"""


class _Estimate(msgspec.Struct, frozen=True):
    sums: tuple[int, ...]
    visitors: int
    at: float


class PageVisitors:
    """Merges the sketches of a page once while its rows sum to the same."""

    def __init__(self, reader: Reader, *, elapsed_s: Callable[[], float] = time.monotonic) -> None:
        self._reader, self._elapsed_s = reader, elapsed_s
        self._known: dict[tuple[str, Bots, tuple[Span, ...]], dict[str, _Estimate]] = {}

    async def of(self, scope: Scope, pages: Sequence[Row]) -> Mapping[str, int]:
        """Path -> visitors, of rows with ``path`` and SUMS as they are now; none for one without a view."""
        now = self._elapsed_s()
        known = self._remembered(scope)
        viewed = {row["path"]: tuple(row[name] for name in SUMS) for row in pages if row["page_views"]}
        found = {
            path: one.visitors
            for path, sums in viewed.items()
            if (one := known.get(path)) is not None and one.sums == sums and now - one.at <= HOLDS_S
        }
        if missing := [path for path in viewed if path not in found]:
            sums_sql = ", ".join(f"sum({name}) AS {name}" for name in SUMS)
            sql = _VISITORS.format(database=self._reader.database, sums=sums_sql)
            for row in await self._reader.ask(sql, {**scope.by_span, "pages": missing}):
                found[row["path"]] = row["visitors"]
                if len(known) < MOST_PAGES or row["path"] in known:
                    sums = tuple(row[name] for name in SUMS)
                    known[row["path"]] = _Estimate(sums, row["visitors"], now)
        return found

    def _remembered(self, scope: Scope) -> dict[str, _Estimate]:
        """What is known of a question; of the questions the one that was asked longest ago goes first."""
        key = (scope.site_id, scope.bots, tuple(scope.by_span["spans"]))
        known = self._known[key] = self._known.pop(key, {})
        while len(self._known) > MOST_ASKED:
            del self._known[next(iter(self._known))]
        return known
