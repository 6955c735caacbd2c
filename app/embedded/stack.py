"""The whole product in one process over one data directory. For trying and testing.

DIR/clickhouse is the chDB engine, DIR/clickhouse.url its HTTP front while the stack runs, DIR/state the
worker's RocksDB, DIR/epoch counts the starts. The broker's topics are gone with the process, so every start
is a new epoch: offsets begin at 0 again, while the visitors' windows and the tables stay.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self, cast

import rocksdict
from aiokafka import AIOKafkaProducer
from faust.types import TP

from app import log, topology
from app.adapters.chunk_consumer import ChunkConsumer
from app.adapters.clickhouse import open_client, retention
from app.adapters.producer import Headers, Message
from app.core.pipeline import Enrich
from app.embedded.broker import MAX_WAITING_BYTES, PARTITIONS, EmbeddedBroker
from app.embedded.engine import ChdbEngine
from app.embedded.http_front import serve_front
from app.embedded.place import published
from app.errors import EmbeddedError
from app.settings import Settings
from app.topics import catalogue
from migrations import comments
from migrations.runner import migrate
from tables.visitors import NAME as VISITORS

READY_S = 60.0
POLL_S = 0.01

_LOG = log.get("embedded")


class EmbeddedStack:
    """``async with EmbeddedStack(...) as stack``: everything is up on entry and safe on disk on exit."""

    def __init__(
        self, settings: Settings, *, data_dir: Path, enrich: Enrich, faust_web: bool = False
    ) -> None:
        self._data_dir = data_dir.resolve()
        self._enrich = enrich
        self._faust_web = faust_web
        self._engine = ChdbEngine.of(settings.clickhouse, self._data_dir)
        self._fatal: Exception | None = None
        self._base = settings
        self._parts: contextlib.AsyncExitStack
        self.broker: EmbeddedBroker
        self.settings: Settings
        self.topology: topology.Topology

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as parts:
            await self._start(parts)
            self._parts = parts.pop_all()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._parts.aclose()

    async def _start(self, parts: contextlib.AsyncExitStack) -> None:
        """Start part after part; ``parts`` stops them in reverse order, also when a later one fails."""
        parts.enter_context(self._engine)
        front_url = await parts.enter_async_context(serve_front(self._engine))
        parts.enter_context(published(front_url, self._data_dir))
        self.broker = EmbeddedBroker()
        self.settings = self._settings()
        topics = catalogue(self.settings.broker)
        self.broker.create_topics(topics.events, topics.dead_letters, topics.sessions)
        await asyncio.to_thread(self._migrate)
        _forget_changelog_offsets(self._data_dir / "state")
        self.topology = topology.build(
            self.settings, enrich=self._enrich, on_fatal=self._on_fatal, declare_topics=False
        )
        parts.push_async_callback(self.topology.sink.close)
        parts.push_async_callback(self.topology.app.stop)
        await self._start_worker()

    def _migrate(self) -> None:
        client = open_client(self.settings.clickhouse, readonly=False)
        try:
            migrate(client, database=self.settings.clickhouse.database)
            comments.apply(client, database=self.settings.clickhouse.database)
            retention.apply(client, self.settings)
        finally:
            client.close()

    def check(self) -> None:
        """Raise EmbeddedError when the worker has failed."""
        if self._fatal is not None:
            raise EmbeddedError(
                f"the embedded worker failed: {self._fatal!r}; the log above says where. What it had "
                f"acknowledged is safe in {self._data_dir}; run the same command again"
            ) from self._fatal

    def handled(self, partition: int) -> int:
        """The offset of ``web_events`` up to which (exclusive) a partition is done with."""
        consumer = cast(ChunkConsumer, self.topology.app.consumer)
        return consumer.handled(TP(self.topology.topics.events, partition))

    def _settings(self) -> Settings:
        """The given settings with the embedded parts in place of the real ones."""
        base = self._base
        return base.model_copy(
            update={
                "app": base.app.model_copy(update={"data_dir": self._data_dir / "state", "worker_url": ""}),
                "broker": base.broker.model_copy(
                    update={
                        "url": self.broker.url,
                        "partitions": PARTITIONS,
                        "replication_factor": 1,
                        "epoch": _next_epoch(self._data_dir / "epoch"),
                    }
                ),
                "clickhouse": base.clickhouse.model_copy(
                    update={"url": self._engine.url, "cluster": "", "replicated": False}
                ),
            }
        )

    async def _start_worker(self) -> None:
        app = self.topology.app
        if not self._faust_web:
            cast(Any, app.boot_strategy).enable_web = False
        # A table makes its changelog topic when Faust first asks for it; the broker makes it on asking.
        changelog = cast(Any, app.tables[VISITORS]).changelog_topic_name
        self.broker.create_topics(changelog, cast(Any, app)._leader_assignor._leader_topic_name)
        await app.start()
        async with asyncio.timeout(READY_S):
            while len(app.consumer.assignment()) == 0 or app.rebalancing or app.in_recovery:
                self.check()
                await asyncio.sleep(POLL_S)

    def _on_fatal(self, error: Exception) -> None:
        self._fatal = error


class Feeder:
    """Produces to the embedded broker no faster than the worker drains it, and knows when all is through."""

    def __init__(self, stack: EmbeddedStack) -> None:
        self._stack = stack
        self._topic = stack.topology.topics.events
        self._producer = AIOKafkaProducer(
            bootstrap_servers=stack.broker.bootstrap_servers, linger_ms=5, max_batch_size=256 * 1024
        )
        #: For each partition: (offset, bytes) of what was produced and is not yet known to be handled.
        self._waiting: dict[int, list[tuple[int, int]]] = {}
        self.produced = 0

    async def start(self) -> None:
        """Connect to the broker."""
        await self._producer.start()

    async def stop(self) -> None:
        """Send what is buffered and disconnect."""
        await self._producer.stop()

    async def send(self, batch: Sequence[Message], *, headers: Sequence[Headers] = ()) -> None:
        """Produce (key, value) pairs, acknowledged; waits while a partition holds too much."""
        while self._waiting_bytes() > MAX_WAITING_BYTES:
            await self._pause()
        futures = [
            await self._producer.send(self._topic, value=value, key=key, headers=list(beside))
            for (key, value), beside in zip(batch, headers or [()] * len(batch), strict=True)
        ]
        for (_, value), acknowledged in zip(batch, await asyncio.gather(*futures), strict=True):
            self._waiting.setdefault(acknowledged.partition, []).append((acknowledged.offset, len(value)))
        self.produced += len(batch)

    async def drain(self) -> None:
        """Return once everything produced is handled: its rows and states are written."""
        while self._waiting_bytes() > 0:
            await self._pause()

    @property
    def handled(self) -> int:
        """How many of the produced events are handled."""
        self._waiting_bytes()
        return self.produced - sum(len(waiting) for waiting in self._waiting.values())

    def _waiting_bytes(self) -> int:
        """Bytes that wait in the fullest partition."""
        for partition, waiting in self._waiting.items():
            upto = self._stack.handled(partition)
            self._waiting[partition] = [entry for entry in waiting if entry[0] >= upto]
        return max((sum(size for _, size in waiting) for waiting in self._waiting.values()), default=0)

    async def _pause(self) -> None:
        self._stack.check()
        await asyncio.sleep(POLL_S)


def _next_epoch(file: Path) -> int:
    epoch = int(file.read_text(encoding="utf-8")) + 1 if file.is_file() else 1
    file.write_text(str(epoch), encoding="utf-8")
    return epoch


def _forget_changelog_offsets(state_dir: Path) -> None:
    """Let Faust start from an empty changelog: the one that the stored offsets are of is gone."""
    for database in state_dir.glob(f"**/tables/{VISITORS}-*.db"):
        options = rocksdict.Options(raw_mode=True)
        store = rocksdict.Rdict(str(database), options=options)
        store.delete(b"__faust\0offset__")
        store.close()
