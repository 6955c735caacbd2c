"""Blocks of rows -> events_in, sessions_in, each exactly once; and the ledger of the blocks that arrived.

An insert is one request, one block, one part in each target table. It is repeated with the same bytes and the
same token until ClickHouse acknowledges it, so it does not matter which of the tries got through. Where the
engine may have died over a block, app.adapters.clickhouse.mender makes the block whole before it is taken for
written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TypeVar

import msgspec
import stamina
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.compression import get_compressor
from clickhouse_connect.driver.exceptions import ClickHouseError

from app import log
from app.adapters.clickhouse.clients import ClientPool, insert_compression, is_unreachable, place
from app.adapters.clickhouse.codes import advice, brief, describe, is_retriable
from app.adapters.clickhouse.gate import Gate
from app.adapters.clickhouse.mender import Mender
from app.adapters.clickhouse.repair import Block
from app.core.blocks import Boundary
from app.errors import SinkError, SinkUnavailableError
from app.events.rows import EventRow, SessionRow
from app.metrics import WorkerMetrics
from app.settings import ClickHouseSettings

T = TypeVar("T")
Within = Callable[[], AbstractAsyncContextManager[None]]

#: A bigger block would be cut in two, and a token counts for one block.
MAX_ROWS = 1_000_000
_ONE_BLOCK = 1_048_576
#: A retry begins soon after a hiccup and then backs off to ``clickhouse.retry_max_wait_s``.
FIRST_WAIT_S = 0.1
JITTER_S = 0.25

PINNED = {
    "async_insert": 0,
    "insert_deduplicate": 1,
    # Views of one insert side by side: no CPU less, but sooner done where a core is free.
    "parallel_view_processing": 1,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    # A column that the schema lacks must fail; the engine would drop it without a word.
    "input_format_skip_unknown_fields": 0,
    "max_insert_block_size": _ONE_BLOCK,
    "min_insert_block_size_rows": _ONE_BLOCK,
    "min_insert_block_size_bytes": 0,
}

LEDGER_SQL = """
SELECT _batch_start, _batch_end, toString(_batch_id) AS batch, dateDiff('second', min(inserted_at), now())
FROM {database:Identifier}.block_ledger
WHERE _epoch = {epoch:UInt32} AND _partition = {partition:Int32} AND _batch_end >= {offset:Int64}
GROUP BY _batch_start, _batch_end, batch
ORDER BY _batch_start, _batch_end, batch
"""


class Sink:
    """Writes blocks; safe for any number of concurrent blocks of different partitions."""

    def __init__(self, settings: ClickHouseSettings, *, metrics: WorkerMetrics | None = None) -> None:
        self._settings = settings
        self._gate = Gate()
        self._mender = Mender(settings, run=self._until_done, gate=self._gate, metrics=metrics)
        self._pool = ClientPool(settings, readonly=False)
        self._encoder = msgspec.json.Encoder()
        self._compression = insert_compression(settings)
        self._log = log.get("sink")

    async def insert_events(self, rows: Sequence[EventRow], *, token: str) -> None:
        """Return once the event block is in ``events_in``; raises SinkError when it can never be."""
        await self._insert("events_in", rows, token=token)

    async def insert_sessions(self, rows: Sequence[SessionRow], *, token: str) -> None:
        """Return once the session block is in ``sessions_in``; raises SinkError when it can never be."""
        await self._insert("sessions_in", rows, token=token)

    async def blocks_since(self, *, epoch: int, partition: int, offset: int) -> list[Boundary]:
        """Blocks of the partition whose end is at or after ``offset``, by start."""
        bound = {
            "database": self._settings.database,
            "epoch": epoch,
            "partition": partition,
            "offset": offset,
        }

        def read(client: Client) -> list[Boundary]:
            rows = client.query(LEDGER_SQL, parameters=bound).result_rows
            for *_, batch_id, age_s in rows:
                self._mender.remember(batch_id, age_s=age_s)
            return [Boundary(start=start, end=end, batch_id=batch_id) for start, end, batch_id, _ in rows]

        return await self._until_done(read, table="block_ledger", token="")

    def expect_again(self, blocks: Iterable[Boundary]) -> None:
        """The blocks may have been sent before: look after each if the engine has started since."""
        for block in blocks:
            self._mender.remember(block.batch_id)

    async def close(self) -> None:
        """Wait for inserts under way and close the clients."""
        await self._pool.close()

    async def _insert(self, table: str, rows: Sequence[EventRow | SessionRow], *, token: str) -> None:
        if not rows:
            return
        if len(rows) >= MAX_ROWS:
            raise SinkError(
                f"{table}: a block of {len(rows)} rows (token {token}) would be cut in two; "
                f"keep blocks under {MAX_ROWS} rows: lower ingest.block_max_events"
            )
        lines = self._encoder.encode_lines(rows)
        body = bytes(get_compressor(self._compression).compress_block(lines))
        pinned = {**PINNED, "insert_deduplication_token": token}
        began = time.monotonic()
        tries = 0

        def send(client: Client) -> None:
            nonlocal tries
            tries += 1
            client.raw_insert(
                f"{self._settings.database}.{table}",
                insert_block=body,
                fmt="JSONEachRow",
                settings=pinned,
                compression=self._compression,
            )

        await self._until_done(send, table=table, token=token, within=self._gate.along)
        block = Block(landing=table, batch_id=rows[0].batch_id, lines=lines)
        await self._mender.look_after(block, since=began if tries > 1 else None)
        took_ms = round((time.monotonic() - began) * 1000)
        self._log.debug("sink.flushed", table=table, rows=len(rows), token=token, took_ms=took_ms)

    async def _until_done(
        self, work: Callable[[Client], T], *, table: str, token: str, within: Within = nullcontext
    ) -> T:
        """The result of ``work``, tried for as long as its errors are retriable, each time ``within``."""
        waiting_since: float | None = None
        async for attempt in stamina.retry_context(
            on=SinkUnavailableError,
            attempts=None,
            timeout=None,
            wait_initial=min(FIRST_WAIT_S, self._settings.retry_max_wait_s),
            wait_max=self._settings.retry_max_wait_s,
            wait_jitter=JITTER_S,
        ):
            with attempt:
                try:
                    async with within():
                        result = await self._pool.run(work)
                except ClickHouseError as error:
                    refusal = self._refusal(error, table=table, token=token)
                    if refusal.retriable and waiting_since is None:
                        waiting_since = time.monotonic()
                        self._log.warning("sink.waiting", table=table, token=token, reason=str(refusal))
                    raise refusal from error
        if waiting_since is not None:
            waited_ms = round((time.monotonic() - waiting_since) * 1000)
            self._log.warning("sink.recovered", table=table, token=token, waited_ms=waited_ms)
        return result

    def _refusal(self, error: ClickHouseError, *, table: str, token: str) -> SinkError:
        """The error to raise: a retriable one where waiting can help."""
        at = f"{self._settings.database}.{table} at {place(self._settings)}"
        of = f" (token {token})" if token else ""
        code: int | None = getattr(error, "code", None)
        if is_unreachable(error):
            return SinkUnavailableError(
                f"{at}{of}: no answer from ClickHouse: {brief(str(error))}. "
                "Check clickhouse.url and that the server is up; the block is sent until it is acknowledged."
            )
        if code is None:
            return SinkError(f"{at}{of}: {brief(str(error))}. Check clickhouse.url and the server's version.")
        kind = SinkUnavailableError if is_retriable(code) else SinkError
        return kind(
            f"{at}{of}: ClickHouse error {describe(code)}: {brief(str(error))}. To do: {advice(code)}."
        )
