"""web_events -> [visitors] -> events_in, sessions_in | web_events.dead_letter, web_sessions.

Order of a block: claim it, fold in memory, write events, write sessions, write dead letters, publish closed
sessions, write states, allow the commit. Each write is repeated until acknowledged, and may be repeated after
a crash without effect.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, cast

from app import log
from app.adapters.chunks import Chunk, join
from app.adapters.clock import Clock
from app.core.pipeline import Enrich, Examined, Folded, Refused, examine, fold
from app.core.rows import Accepted, BlockId, payload_text
from app.core.rules import Rules
from app.events.dead_letter import DeadLetter
from app.events.rows import EventRow, SessionRow
from app.events.sessions import ClosedSession
from app.events.vocabulary import Origin
from app.metrics import WorkerMetrics
from tables.visitors import VisitorStates

if TYPE_CHECKING:
    import faust
    from faust.types import AgentT, ChannelT, StreamT

#: Records examined between two turns of the event loop, so that heartbeats and web requests get through.
EXAMINE_AT_ONCE = 500

_LOG = log.get("ingest")


class BlockSink(Protocol):
    """Takes the rows of a block; returns once they are acknowledged."""

    async def insert_events(self, rows: Sequence[EventRow], *, token: str) -> None:
        """Write the event rows of a block."""

    async def insert_sessions(self, rows: Sequence[SessionRow], *, token: str) -> None:
        """Write the session rows of a block."""


class Outlets(Protocol):
    """Produces to the topics that the sub-topology writes; returns once the broker has the messages."""

    async def send_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Say what was refused."""

    async def send_sessions(self, sessions: Sequence[ClosedSession]) -> None:
        """Publish the sessions that no event can reach any more."""


class BlockHandler:
    """Takes one chunk through every step of the sub-topology."""

    def __init__(
        self,
        *,
        epoch: int,
        rules: Rules,
        enrich: Enrich,
        windows: VisitorStates,
        sink: BlockSink,
        outlets: Outlets,
        metrics: WorkerMetrics,
        clock: Clock,
    ) -> None:
        self._epoch = epoch
        self._rules = rules
        self._enrich = enrich
        self._windows = windows
        self._sink = sink
        self._outlets = outlets
        self._metrics = metrics
        self._clock = clock

    async def handle(self, chunk: Chunk) -> None:
        """Give the chunk its effects, each once, and allow its commit; nothing for a superseded chunk."""
        if not chunk.begin():
            return
        timer = _StageTimer(self._metrics)
        block = self._block(chunk)
        examined, _ = await asyncio.gather(self._examine_all(chunk), self._claim(block))
        timer.lap("examine")
        async with self._windows.exclusive(block.partition):
            folded = await self._apply(block, examined, timer)
        chunk.done()
        self._report(folded, examined, took_ms=timer.total_ms())

    async def _apply(self, block: BlockId, examined: Sequence[Examined], timer: _StageTimer) -> Folded:
        keys = {item.key for item in examined if isinstance(item, Accepted)}
        states = self._windows.load(block.partition, keys)
        folded = fold(examined, block=block, states=states, rules=self._rules)
        timer.lap("fold")
        await self._sink.insert_events(folded.events, token=block.token("events"))
        await self._sink.insert_sessions(folded.sessions, token=block.token("sessions"))
        timer.lap("sink")
        await self._outlets.send_dead_letters([_letter(refused, block=block) for refused in folded.refused])
        await self._outlets.send_sessions(folded.closed)
        await self._windows.store(block.partition, folded.states)
        timer.lap("state")
        return folded

    def _block(self, chunk: Chunk) -> BlockId:
        return BlockId(
            topic=chunk.tp.topic,
            epoch=self._epoch,
            partition=chunk.tp.partition,
            start=chunk.start,
            end=chunk.end,
            batch_id=chunk.batch_id or str(uuid.uuid4()),
        )

    async def _claim(self, block: BlockId) -> None:
        await self._windows.claim(
            block.partition, epoch=block.epoch, start=block.start, end=block.end, batch_id=block.batch_id
        )

    async def examine(self, chunk: Chunk) -> list[Examined]:
        """Take each record through the steps that need no state; goes on where an earlier call was cancelled.

        The answer is kept with the chunk.
        """
        examined: list[Examined] = chunk.prepared
        while left := chunk.records[len(examined) : len(examined) + EXAMINE_AT_ONCE]:
            examined += [examine(record, rules=self._rules, enrich=self._enrich) for record in left]
            await asyncio.sleep(0)
        return examined

    async def _examine_all(self, chunk: Chunk) -> list[Examined]:
        return [item for part in chunk.parts for item in await self.examine(part)]

    def _report(self, folded: Folded, examined: Sequence[Examined], *, took_ms: int) -> None:
        metrics, block = self._metrics, folded.block
        assert folded.received == len(examined), "received = accepted + rejected + duplicates + erasures"
        now_ms = self._clock()
        live = [
            now_ms - item.event.received_at
            for item in examined
            if isinstance(item, Accepted) and item.event.origin is not Origin.REPLAY and not item.returned_at
        ]
        metrics.count_block(
            partition=block.partition,
            accepted=folded.accepted,
            duplicates=folded.duplicates,
            rejected=folded.rejected_by_reason,
            bots=folded.bots,
            signs=[row.sign for row in folded.sessions],
            latencies_ms=live,
            now_s=now_ms / 1000,
        )
        metrics.erasures.inc(folded.erased)
        _LOG.info(
            "block.handled",
            partition=block.partition,
            start=block.start,
            end=block.end,
            batch_id=block.batch_id,
            received=folded.received,
            accepted=folded.accepted,
            duplicates=folded.duplicates,
            rejected=len(folded.refused),
            erased=folded.erased,
            session_rows=len(folded.sessions),
            took_ms=took_ms,
        )


class Lanes:
    """Blocks of one partition one after the other, of different partitions side by side.

    What arrives while a lane is busy becomes one block, up to ``max_records``: under load blocks grow by
    themselves, and with them what one insert carries. ``prepare`` is called with each chunk that waits while
    the block before it is handled, and cancelled when that is done.
    """

    def __init__(
        self,
        handle: Callable[[Chunk], Awaitable[None]],
        *,
        prepare: Callable[[Chunk], Awaitable[Any]],
        max_records: int,
        on_fatal: Callable[[Exception], None],
    ) -> None:
        self._handle = handle
        self._prepare = prepare
        self._max_records = max_records
        self._on_fatal = on_fatal
        self._waiting: dict[int, deque[Chunk]] = defaultdict(deque)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._failed: set[int] = set()
        self._moved = asyncio.Condition()

    async def put(self, chunk: Chunk) -> None:
        """Queue the chunk in its lane; waits while a whole block is waiting there already.

        A lane that has failed takes nothing: a later block must not overtake the one that is not done.
        """
        partition = chunk.tp.partition
        async with self._moved:
            await self._moved.wait_for(lambda: self._records_waiting(partition) < self._max_records)
            if partition in self._failed:
                return
            self._waiting[partition].append(chunk)
            if partition not in self._tasks:
                self._tasks[partition] = asyncio.create_task(self._run(partition), name=f"lane-{partition}")
            self._moved.notify_all()

    async def drain(self) -> None:
        """Wait until every block that has begun is finished; what has not begun is left to the next owner."""
        self._waiting.clear()
        await asyncio.gather(*self._tasks.values())

    async def _run(self, partition: int) -> None:
        # A dead agent in a live worker is the worst failure: whatever is not foreseen ends the process,
        # and the block is handled again by the next one.
        try:
            # TRICKY: nothing may be awaited between the last look for work and the end of the task.
            while waiting := self._waiting[partition]:
                chunk = self._take(waiting)
                async with self._moved:
                    self._moved.notify_all()
                ahead = asyncio.create_task(self._look_ahead(partition), name=f"lane-{partition}-ahead")
                try:
                    await self._handle(chunk)
                finally:
                    ahead.cancel()
        except Exception as error:
            _LOG.error("ingest.failed", partition=partition, exc_info=True)
            self._on_fatal(error)
            self._failed.add(partition)
            self._waiting.pop(partition, None)
            async with self._moved:
                self._moved.notify_all()
        finally:
            del self._tasks[partition]

    async def _look_ahead(self, partition: int) -> None:
        """Prepare what waits, in order, until cancelled."""
        waiting = self._waiting[partition]
        seen: set[Chunk] = set()

        def unseen() -> Chunk | None:
            return next((chunk for chunk in waiting if chunk not in seen and not chunk.superseded), None)

        # What is raised here is raised again when the chunk has its turn, and is fatal then.
        with suppress(Exception):
            while True:
                async with self._moved:
                    chunk = cast(Chunk, await self._moved.wait_for(unseen))
                seen.add(chunk)
                await self._prepare(chunk)

    def _take(self, waiting: deque[Chunk]) -> Chunk:
        taken: list[Chunk] = []
        while waiting and _may_join(taken, waiting[0], max_records=self._max_records):
            taken.append(waiting.popleft())
        return join(taken)

    def _records_waiting(self, partition: int) -> int:
        return sum(len(chunk.records) for chunk in self._waiting[partition])


def _may_join(taken: Sequence[Chunk], chunk: Chunk, *, max_records: int) -> bool:
    """Whether the chunk belongs into one block with those taken: never one that had a name before."""
    if not taken:
        return True
    if chunk.batch_id is not None or taken[0].batch_id is not None or chunk.superseded != taken[0].superseded:
        return False
    return sum(len(one.records) for one in taken) + len(chunk.records) <= max_records


def register(
    app: faust.App,
    *,
    source: ChannelT[Any],
    handler: BlockHandler,
    max_block_records: int,
    on_fatal: Callable[[Exception], None],
) -> AgentT[Any]:
    """Add the ingest agent to ``app``; ``on_fatal`` is called with an error that nothing could handle."""

    async def ingest(stream: StreamT[Any]) -> None:
        """Turn web events into bronze and silver rows and session windows, block by block."""
        lanes = Lanes(
            handler.handle, prepare=handler.examine, max_records=max_block_records, on_fatal=on_fatal
        )
        try:
            async for chunk in stream:
                await lanes.put(chunk)
        finally:
            await lanes.drain()

    return app.agent(source, name="ingest")(ingest)


class _StageTimer:
    def __init__(self, metrics: WorkerMetrics) -> None:
        self._stages = metrics.stages
        self._began = self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self._stages[stage].inc(now - self._last)
        self._last = now

    def total_ms(self) -> int:
        return round((time.perf_counter() - self._began) * 1000)


def _letter(refused: Refused, *, block: BlockId) -> DeadLetter:
    reject, returned = refused.reject, refused.returned
    return DeadLetter(
        topic=block.topic,
        partition=block.partition,
        offset=refused.offset,
        received_at=refused.received_at,
        reason=reject.reason,
        step=reject.step,
        field=reject.field,
        detail=reject.detail,
        payload=payload_text(refused.raw),
        replays=returned.replays if returned else 0,
        history=returned.refusals if returned else (),
    )
