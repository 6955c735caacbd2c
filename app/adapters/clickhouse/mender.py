"""When a block is looked for in every table, and how often: the repair rule, beside the sink.

A block is under suspicion when the engine has started since the block was first sent: by an earlier worker,
as the ledger or a claim says, or by this one, which had to send it again. The usual insert and the usual
start look at nothing.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Protocol, TypeVar

from clickhouse_connect.driver.client import Client

from app import log
from app.adapters.clickhouse import repair
from app.adapters.clickhouse.catalogue import load
from app.adapters.clickhouse.gate import Gate
from app.adapters.clickhouse.repair import Block, Look
from app.errors import ReconcileError, SinkError, SinkUnavailableError
from app.metrics import RepairOutcome, WorkerMetrics
from app.settings import ClickHouseSettings

T = TypeVar("T")

#: The engine counts its life in whole seconds, and not from its first moment on.
SLACK_S = 5.0
#: How often a gold is looked at while its sums fit neither, and the pauses in between: about half a minute.
LOOKS = 40
PAUSE_S = 0.05
MAX_PAUSE_S = 1.0


class Run(Protocol):
    """Does work with a client for as long as its errors are retriable."""

    def __call__(self, work: Callable[[Client], T], *, table: str, token: str) -> Coroutine[Any, Any, T]:
        """The result of ``work``."""


class Mender:
    """Knows which blocks were sent before, and looks after those that the engine's end may have torn."""

    def __init__(
        self, settings: ClickHouseSettings, *, run: Run, gate: Gate, metrics: WorkerMetrics | None
    ) -> None:
        self._settings = settings
        self._run = run
        self._gate = gate
        self._metrics = metrics
        self._first_sent: dict[str, float] = {}
        self._log = log.get("repair")

    def remember(self, batch_id: str, *, age_s: float = math.inf) -> None:
        """The block was first sent ``age_s`` ago, or may have been at any time; what is known stays."""
        self._first_sent.setdefault(batch_id, time.monotonic() - age_s)

    async def look_after(self, block: Block, *, since: float | None) -> None:
        """Make the acknowledged block whole if it is under suspicion.

        ``since`` is when this process first sent it (monotonic seconds), if it had to send it again. What
        cannot be made whole is an alarm, not an error: the block is acknowledged, and events go on.
        """
        first_sent = self._first_sent.get(block.batch_id, since)
        # Keeper takes a token and its part in one step; and replicas do not all have a part at once.
        if first_sent is None or self._settings.replicated:
            return
        elapsed_s = time.monotonic() - first_sent
        try:
            if await self._ask(block, repair.uptime_s) <= elapsed_s + SLACK_S:
                await self._mend(block)
        except SinkUnavailableError:
            raise
        except (SinkError, ReconcileError) as error:
            self._count(block.landing, RepairOutcome.FAILED)
            self._log.error(
                "repair.failed", batch_id=block.batch_id, reason=str(error), to_do="run `wua reconcile`"
            )

    async def _mend(self, block: Block) -> None:
        known = await self._ask(block, partial(load, database=self._settings.database))
        looks, fed = await self._ask(block, partial(repair.mend_layers, block=block, known=known))
        for look in looks:
            self._report(block, look)
        if not fed:
            return
        for one in fed:
            work = partial(repair.mend_gold, fed=one, block=block, known=known)
            self._report(block, await self._settle(block, work))
        self._log.info("repair.looked", batch_id=block.batch_id, landing=block.landing, golds=len(fed))

    async def _settle(self, block: Block, work: Callable[[Client], Look]) -> Look:
        """The last look at a gold: the first after which nothing is open, or the one that gave up."""
        filled: set[str] = set()
        pause_s = PAUSE_S
        for _ in range(LOOKS):
            # Inserts of other partitions would be half-way; those of other workers may be all the same.
            async with self._gate.alone():
                look = await self._ask(block, work)
            filled.update(look.filled)
            if not look.unsettled:
                break
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, MAX_PAUSE_S)
        return Look(table=look.table, filled=tuple(sorted(filled)), unsettled=look.unsettled)

    async def _ask(self, block: Block, work: Callable[[Client], T]) -> T:
        return await self._run(work, table=block.landing, token=block.batch_id)

    def _report(self, block: Block, look: Look) -> None:
        if look.filled:
            self._count(look.table, RepairOutcome.FILLED)
            self._log.warning(
                "repair.filled", table=look.table, batch_id=block.batch_id, partitions=look.filled
            )
        if look.unsettled:
            self._count(look.table, RepairOutcome.UNSETTLED)
            self._log.error(
                "repair.unsettled",
                table=look.table,
                batch_id=block.batch_id,
                partitions=look.unsettled,
                to_do="more than this block differs: run `wua reconcile`, then with --repair",
            )

    def _count(self, table: str, outcome: RepairOutcome) -> None:
        if self._metrics is not None:
            self._metrics.repairs.labels(table, outcome).inc()
