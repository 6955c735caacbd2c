"""Events over time; the visitors of an hour are merged of sketches once while the hour sums to the same."""

from __future__ import annotations

import time
from collections.abc import Callable

from views.answers import Point, Series
from views.catalog import Interval
from views.params import Scope
from views.reading import Reader, Row, about
from views.remembered import Remembered

#: What an hour sums to: any event of it changes them.
SUMS = ("events", "page_views")


class SeriesByTime:
    """Answers by minute, hour or day, and remembers hours, whatever period they are asked in."""

    def __init__(self, reader: Reader, *, elapsed_s: Callable[[], float] = time.monotonic) -> None:
        self._reader = reader
        self._known = Remembered[Row](SUMS, elapsed_s=elapsed_s)

    async def of(self, scope: Scope, interval: Interval) -> Series:
        """A point for each interval that has events."""
        if interval is Interval.HOUR:
            rows = await self._by_hour(scope)
        else:
            bound = scope.by_day if interval is Interval.DAY else scope.by_time
            rows = await self._reader.rows(interval.view, bound)
        return Series(**about(scope, layer="gold"), interval=interval, points=[Point(**row) for row in rows])

    async def _by_hour(self, scope: Scope) -> list[Row]:
        view = "full_hour_series" if scope.period.has_full_hours else Interval.HOUR.view
        asked = (scope.site_id, scope.bots, view, scope.period.zone.key)
        # Without their visitors hours are read without the sketches.
        hours = await self._reader.select(view, scope.by_time, columns=f"at, {', '.join(SUMS)}")
        found = {row["at"]: self._known.told((*asked, row["at"]), row) for row in hours}
        if missing := [at for at, row in found.items() if row is None]:
            bound = {**scope.by_time, "missing": missing}
            rest = "WHERE at IN {missing:Array(String)}" if len(missing) < len(hours) else ""
            for row in await self._reader.select(view, bound, rest=rest):
                self._known.tell((*asked, row["at"]), row, row)
                found[row["at"]] = row
        # An hour may have got its first event between the two.
        return [row for _, row in sorted(found.items()) if row is not None]
