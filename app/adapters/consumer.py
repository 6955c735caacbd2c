"""Faust's aiokafka consumer, with what it does wrong mended: the base of ours, and good for a plain app.

Written against faust-streaming 0.15.3.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

#: Pause between two looks when every partition is paused; stock Faust sleeps a second.
IDLE_S = 0.002


class Consumer(driver.Consumer):
    """Reads every record of the partitions it was given, whatever is paused while a fetch is under way."""

    async def _getmany(
        self,
        active_partitions: set[TP] | None,
        timeout: float,  # noqa: ASYNC109 - Faust's signature
    ) -> Any:
        """Fetch what is active now.

        TRICKY: Faust hands the fetch its own set, which it may empty while the fetch is under way; aiokafka
        takes an empty one for all partitions. So the set is a copy.
        """
        active = None if active_partitions is None else frozenset(active_partitions)
        return await super()._getmany(cast(Any, active), timeout)

    async def _wait_next_records(self, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's signature
        """What is fetched next, and the partitions whose records are to be handed on: those we still have.

        TRICKY: stock Faust drops the records of partitions that were paused since the fetch began, and reads
        them again only where an offset was committed: a standby missed its first states.
        """
        if self.flow_active and not self.app.client_only and not self._get_active_partitions():
            self.not_waiting_next_records.set()
            await asyncio.sleep(IDLE_S)
            return {}, set()
        records, _ = await super()._wait_next_records(timeout)
        return records, self.assignment()

    async def _seek(self, partition: TP, offset: int) -> None:
        """Seek in the consumer's own thread.

        TRICKY: stock Faust does it from here. The seek drops what was fetched, and a fetch that is just
        handing that over fails with a KeyError; with it the worker ends.
        """
        await self._thread.call_thread(cast(Any, self._thread.seek), partition, offset)


class Transport(driver.Transport):
    """Faust's aiokafka transport with such a consumer; set as ``app.transport`` before the app starts."""

    Consumer = Consumer


def use_consumer(app: faust.App) -> None:
    """Give ``app`` this transport, unless it was given one of another kind."""
    if type(app.transport) is driver.Transport:
        app.transport = Transport(app.conf.broker_consumer, app)
