"""When the latest event of a period was written, as answers say it: looked up by one for those beside it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from views.params import Scope
from views.reading import Reader
from views.remembered import keep

#: How long a look holds. An answer that comes later is as fresh as it says, or fresher.
HOLDS_S = 1.0
#: Looks that are remembered.
MOST = 1024


class Freshness:
    """Looks it up once for the questions that a dashboard asks at a time."""

    def __init__(self, reader: Reader, *, elapsed_s: Callable[[], float] = time.monotonic) -> None:
        self._reader, self._elapsed_s = reader, elapsed_s
        #: For each site and period: when the look began, and the look.
        self._looks: dict[tuple[object, ...], tuple[float, asyncio.Task[str | None]]] = {}

    async def as_of(self, scope: Scope) -> str | None:
        """When the latest event of the period was written, as of a second ago; None where there is none.

        That there is none, and that there was no answer, is not remembered.
        """
        key, now = (scope.site_id, *scope.period.bounds), self._elapsed_s()
        began, look = self._looks.get(key, (0.0, None))
        if look is None or now - began > HOLDS_S or (look.done() and not _has_found(look)):
            look = asyncio.create_task(self._look(scope))
            keep(self._looks, key, (now, look), most=MOST)
        # Whoever asked first may go away before the others have their answer.
        return await asyncio.shield(look)

    async def _look(self, scope: Scope) -> str | None:
        (row,) = await self._reader.rows("freshness", scope.by_time)
        return row["as_of"] or None


def _has_found(look: asyncio.Task[str | None]) -> bool:
    return not look.cancelled() and look.exception() is None and look.result() is not None
