"""What web processes make beside the questions that it makes faster, for as long as they run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from app import log
from app.adapters.clickhouse.clients import ClientPool
from app.adapters.clickhouse.repair import FILLING
from app.errors import WuaError
from app.settings import ClickHouseSettings

#: Beside questions that somebody waits for.
GENTLY = {**FILLING, "max_threads": 1}
#: Before the first look at what is to be made, and between two.
FIRST_S, EVERY_S = 30.0, 600.0


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What a look came to."""

    made: int
    #: Of which gold and silver do not hold the same now: they are looked at again later.
    unsettled: int


class Keeper:
    """Makes what is missing, by the names of tables, in a web process.

    ``making``: what makes the rows of each table that is made so, and says how many.
    """

    def __init__(
        self,
        settings: ClickHouseSettings,
        making: Mapping[str, Callable[[Client], Made]],
        *,
        first_s: float = FIRST_S,
        every_s: float = EVERY_S,
    ) -> None:
        self._pool = ClientPool(settings, readonly=False)
        self._making = making
        self._first_s, self._every_s = first_s, every_s

    async def run(self) -> None:
        """Look again and again until cancelled. Without it answers take longer, and are as right."""
        await asyncio.sleep(self._first_s)
        while True:
            for table, make in self._making.items():
                await self._make(table, make)
            await asyncio.sleep(self._every_s)

    async def close(self) -> None:
        """Wait for what is under way and close what writes."""
        await self._pool.close()

    async def _make(self, table: str, make: Callable[[Client], Made]) -> None:
        says = log.get(table.replace("_", "-"))
        try:
            found = await self._pool.run(make)
        except (WuaError, ClickHouseError) as error:
            says.warning(f"{table}.waiting", trouble=str(error))
        else:
            if found.made or found.unsettled:
                says.info(f"{table}.made", made=found.made, unsettled=found.unsettled)
