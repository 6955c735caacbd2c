"""What web processes make beside the questions that it makes faster, for as long as they run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

import msgspec
from clickhouse_connect.driver.client import Client

from app import log
from app.adapters.clickhouse.clients import ClientPool
from app.adapters.clickhouse.repair import FILLING
from app.settings import ClickHouseSettings

#: Beside questions that somebody waits for.
GENTLY = {**FILLING, "max_threads": 1}
#: Before the first look at what is to be made, and between two.
FIRST_S, EVERY_S = 30.0, 600.0


#: Whether to stop between two rows.
Stops = Callable[[], bool]


def never() -> bool:
    """That it does not stop."""
    return False


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What a look came to."""

    made: int
    #: Of which silver holds something, and not what gold does: they are looked at again later.
    unsettled: int


class Making(Protocol):
    """Makes what is missing of a table, and stops early where it is told to."""

    def __call__(self, client: Client, *, stops: Stops) -> Made:
        """What it came to."""


class Keeper:
    """Makes what is missing in a web process, table by table: ``making`` by their names."""

    def __init__(
        self,
        settings: ClickHouseSettings,
        making: Mapping[str, Making],
        *,
        first_s: float = FIRST_S,
        every_s: float = EVERY_S,
    ) -> None:
        self._pool = ClientPool(settings, readonly=False)
        self._making = making
        self._first_s, self._every_s = first_s, every_s
        self._closing = threading.Event()
        self._told: dict[str, Made] = {}

    async def run(self) -> None:
        """Look again and again until cancelled. Without it answers take longer, and are as right."""
        await asyncio.sleep(self._first_s)
        while True:
            for table, making in self._making.items():
                await self._make(table, making)
            await asyncio.sleep(self._every_s)

    async def close(self) -> None:
        """Wait for the row that is being made and close what writes."""
        self._closing.set()
        await self._pool.close()

    async def _make(self, table: str, making: Making) -> None:
        says = log.get(table.replace("_", "-"))
        try:
            found = await self._pool.run(partial(making, stops=self._closing.is_set))
        except Exception as error:  # a loop that ended would make nothing any more
            says.warning(f"{table}.waiting", trouble=str(error) or repr(error))
            return
        # What stays unsettled is told once.
        if found.made or found != self._told.get(table, Made(made=0, unsettled=0)):
            says.info(f"{table}.made", made=found.made, unsettled=found.unsettled)
        self._told[table] = found
