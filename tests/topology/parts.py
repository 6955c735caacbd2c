"""Real parts for tests of the worker's inside: a broker, the built graph, and what a topic holds."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import faust
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from app import topology
from app.embedded.broker import EmbeddedBroker
from app.settings import Settings
from tables.visitors import NAME as VISITORS
from tests.factories import plain_enrichment

PATIENCE_S = 60
#: After so long a fetch that finds nothing is under way.
FETCH_S = 0.1


@pytest.fixture(scope="module")
def broker() -> EmbeddedBroker:
    """A broker for a test module."""
    return EmbeddedBroker()


def fail(error: Exception) -> None:
    """What ``on_fatal`` is where nothing may go wrong."""
    raise AssertionError(f"on_fatal({error!r})") from error


def settings_for(broker: EmbeddedBroker, data_dir: Path, **changes: Any) -> Settings:
    """Settings of a worker on the broker; nobody listens at their ClickHouse."""
    given = {
        "app": {"data_dir": data_dir},
        "broker": {"url": broker.url},
        "clickhouse": {"url": "http://127.0.0.1:1"},
    }
    return Settings(**(given | changes))


def built(settings: Settings, **parts: Any) -> topology.Topology:
    """The whole graph by the settings, for a broker that makes topics by itself."""
    given = {"enrich": plain_enrichment, "on_fatal": fail, "declare_topics": False}
    return topology.build(settings, **(given | parts))


@contextlib.asynccontextmanager
async def storing(graph: topology.Topology, broker: EmbeddedBroker) -> AsyncIterator[topology.Topology]:
    """The graph with its state store open and nothing consumed: of its app only the producer runs."""
    table: Any = graph.app.tables[VISITORS]
    broker.create_topics(table.changelog_topic_name)
    await graph.app.producer.start()
    try:
        yield graph
    finally:
        await table.data.stop()
        await graph.app.producer.stop()


@contextlib.asynccontextmanager
async def running(app: faust.App, broker: EmbeddedBroker) -> AsyncIterator[faust.App]:
    """The app at work in this event loop: partitions assigned, state recovered."""
    loose: Any = app
    loose.boot_strategy.enable_web = False
    broker.create_topics(
        loose._leader_assignor._leader_topic_name,
        *(table.changelog_topic_name for table in loose.tables.values()),
    )
    await app.start()
    try:
        await until(lambda: loose.consumer.assignment() and not (loose.rebalancing or loose.in_recovery))
        yield app
    finally:
        await app.stop()


async def until(condition: Callable[[], Any]) -> None:
    """Return once the condition holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def paused_during_a_fetch(app: faust.App, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Every partition is paused within, while a fetch that began before waits for records.

    The broker in this process answers a fetch when its time is over, not when a record comes: it has to be
    short, so that the record is there before Faust gives the fetch up.
    """
    consumer: Any = app.consumer
    fetcher = consumer._thread._consumer._fetcher
    before_s, fetcher._fetch_max_wait_ms = fetcher._fetch_max_wait_ms / 1000, round(FETCH_S * 1000)
    await asyncio.sleep(before_s)
    fetch, begun = consumer._thread.getmany, asyncio.Event()

    async def getmany(*arguments: Any) -> Any:
        waits = asyncio.get_running_loop().call_later(FETCH_S, begun.set)
        try:
            return await fetch(*arguments)
        finally:
            waits.cancel()

    monkeypatch.setattr(consumer._thread, "getmany", getmany)
    await asyncio.wait_for(begun.wait(), PATIENCE_S)
    everything = consumer.assignment()
    consumer.pause_partitions(everything)
    yield
    await asyncio.sleep(5 * FETCH_S)
    consumer.resume_partitions(everything)


async def produce(
    broker: EmbeddedBroker, topic: str, messages: Sequence[tuple[bytes | None, bytes]], *, partition: int
) -> None:
    """Append (key, value) pairs to a partition."""
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers)
    await producer.start()
    try:
        for key, value in messages:
            await producer.send_and_wait(topic, value=value, key=key, partition=partition)
    finally:
        await producer.stop()


async def messages_in(
    broker: EmbeddedBroker, topic: str, *, partition: int
) -> list[tuple[bytes | None, bytes | None]]:
    """Every (key, value) of a partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap_servers, auto_offset_reset="earliest")
    at = TopicPartition(topic, partition)
    found: list[tuple[bytes | None, bytes | None]] = []
    await consumer.start()
    try:
        consumer.assign([at])
        end = (await consumer.end_offsets([at]))[at]
        async with asyncio.timeout(PATIENCE_S):
            while len(found) < end:
                batches = await consumer.getmany(at, timeout_ms=100)
                found += [(record.key, record.value) for record in batches.get(at, [])]
    finally:
        await consumer.stop()
    return found


@pytest_asyncio.fixture
async def graph(
    broker: EmbeddedBroker, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[topology.Topology]:
    """A worker's graph; no partition is given to it yet."""
    app_id = "".join(letter if letter.isalnum() else "_" for letter in request.node.name)
    settings = settings_for(broker, tmp_path, app={"data_dir": tmp_path, "id": app_id})
    async with storing(built(settings), broker) as graph:
        yield graph
        await graph.app.http_client.close()
