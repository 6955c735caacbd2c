"""topic -> [session store]: the items of a topic, in batches, into a store of tables/session_windows.

An event is acknowledged once its batch is in the store. An error that a function of the store raises, or a
state that cannot be written, ends the process at once, so that its supervisor restarts it: the agent would be
dead in a worker that looks alive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from app import log
from app.adapters.clock import Clock, now_ms
from app.adapters.consumer import use_consumer
from app.adapters.process import end_process
from tables.session_windows import Item, SessionStore

if TYPE_CHECKING:
    import faust
    from faust.types import AgentT, ChannelT, EventT, StreamT

#: Event time (ms) of an event.
Timestamp = Callable[[Any], int]

_LOG = log.get("session_windows")


def record_timestamp(event: EventT[Any]) -> int:
    """The time of the Kafka message, in ms: Kafka Streams' default, too."""
    return round(event.message.timestamp * 1000)


def register(
    app: faust.App,
    *,
    source: ChannelT[Any],
    store: SessionStore[Any],
    timestamp: Timestamp = record_timestamp,
    max_items: int = 1000,
    on_fatal: Callable[[Exception], None] = end_process,
) -> AgentT[Any]:
    """Add an agent to ``app`` that folds the events of ``source``; what waits is taken at once.

    Keys are those of the messages, as bytes; values are those of the events. An event without key or value is
    passed over, as in Kafka Streams. ``on_fatal`` is called with an error that nothing could handle;
    nothing is folded after it. The app gets the transport of ``app.adapters.consumer``, unless it has one of
    its own: with Faust's, an event that waits while the worker starts may never be read.
    """
    name = store.table.name
    use_consumer(app)

    async def sessionise(stream: StreamT[Any]) -> None:
        """Fold events into the session windows of their keys."""
        waiting: asyncio.Queue[EventT[Any]] = asyncio.Queue(maxsize=max_items)
        reading = cast(Any, stream).noack()
        folding = asyncio.create_task(
            _fold(app, reading, waiting, store=store, timestamp=timestamp, on_fatal=on_fatal)
        )
        try:
            async for event in reading.events():
                await waiting.put(event)
        finally:
            folding.cancel()

    return app.agent(source, name=f"{name}-sessions")(sessionise)


def close_idle(
    app: faust.App, *, topic: str, store: SessionStore[Any], every_s: float, clock: Clock = now_ms
) -> None:
    """Let stream time run on with the clock while nothing arrives, so that the last windows close, too.

    ``topic`` is the name of the source; every ``every_s`` seconds is looked.
    """
    idle = IdleTime()

    async def advance() -> None:
        if app.rebalancing or app.in_recovery:
            return
        consumer = cast(Any, app.consumer)
        waiting = {message.tp for message in consumer.unacked}
        for tp in consumer.assignment():
            if app.should_stop:
                # Its stores are closed before its timers are.
                return
            if tp.topic != topic:
                continue
            is_read = await consumer.position(tp) >= (consumer.highwater(tp) or 0) and tp not in waiting
            now = idle.stream_time(
                tp.partition, store.stream_time(tp.partition), wall_ms=clock(), runs=is_read
            )
            await store.advance(tp.partition, now)

    app.timer(interval=every_s, name=f"{store.table.name}-idle")(advance)


class IdleTime:
    """Stream time that goes on with the clock since it last moved."""

    def __init__(self) -> None:
        self._moved: dict[int, tuple[int, int]] = {}

    def stream_time(self, partition: int, stream_time: int, *, wall_ms: int, runs: bool) -> int:
        """What stream time is by now; as given where it does not run, or has moved since it was asked for."""
        last, since = self._moved.get(partition, (-1, wall_ms))
        passed = wall_ms - since if runs and last == stream_time >= 0 else 0
        self._moved[partition] = stream_time + passed, wall_ms
        return stream_time + passed


async def _fold(
    app: faust.App,
    stream: StreamT[Any],
    waiting: asyncio.Queue[EventT[Any]],
    *,
    store: SessionStore[Any],
    timestamp: Timestamp,
    on_fatal: Callable[[Exception], None],
) -> None:
    try:
        while True:
            batch = [await waiting.get()]
            while not waiting.empty():
                batch.append(waiting.get_nowait())
            # What was read before the last rebalance is read again, by whoever has its partition now.
            generation = app.consumer_generation_id
            current = [event for event in batch if cast(Any, event.message).generation_id == generation]
            await _fold_batch(current, store=store, timestamp=timestamp)
            for event in current:
                await stream.ack(event)
    except Exception as error:
        _LOG.error("session_windows.failed", table=store.table.name, exc_info=True)
        on_fatal(error)


async def _fold_batch(batch: list[EventT[Any]], *, store: SessionStore[Any], timestamp: Timestamp) -> None:
    items: dict[int, list[Item]] = {}
    for event in batch:
        message = event.message
        if message.key and event.value is not None:
            item = Item(message.key, timestamp(event), event.value, message.offset)
            items.setdefault(message.partition, []).append(item)
    for partition, given in items.items():
        await store.add(partition, given)
