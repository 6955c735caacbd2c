"""Feeding a real Kafka, and knowing when a worker is through."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from app.embedded.broker import EmbeddedBroker
from app.errors import BrokerUnavailableError
from app.settings import BrokerSettings
from app.traffic.kafka import KafkaFeeder

pytestmark = pytest.mark.asyncio

GROUP = "web-user-analytics"


@pytest.fixture
def settings():
    broker = EmbeddedBroker()
    broker.create_topics("web_events")
    yield BrokerSettings(url=broker.url)
    del broker


def feeder_of(settings, **changes):
    return KafkaFeeder(settings, group=GROUP, poll_s=0.01, **changes)


async def commit_all(settings, *, less=0):
    """What a worker does: commit the end of every partition."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap_servers, group_id=GROUP, enable_auto_commit=False
    )
    await consumer.start()
    try:
        partitions = [TopicPartition("web_events", number) for number in range(4)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        await consumer.commit({tp: max(0, end - less) for tp, end in ends.items()})
    finally:
        await consumer.stop()


async def test_drained_when_the_group_has_committed_what_was_sent(settings):
    async with feeder_of(settings) as feeder:
        await feeder.send([(b"k%d" % (number % 5), b"x") for number in range(100)])
        await feeder.send([(None, b"no key")])
        draining = asyncio.create_task(feeder.drain())
        await asyncio.sleep(0.05)
        assert not draining.done()
        await commit_all(settings)
        await draining
        assert draining.exception() is None


async def test_nothing_sent_is_drained_at_once(settings):
    async with feeder_of(settings) as feeder:
        await feeder.send([])
        assert await asyncio.wait_for(feeder.drain(), 1) is None


async def test_a_silent_group_is_named_with_what_to_do(settings):
    async with feeder_of(settings, silence_s=0.1) as feeder:
        await feeder.send([(b"k", b"1"), (b"k", b"2")])
        with pytest.raises(BrokerUnavailableError, match=r"2 messages wait in web_events. Start a worker"):
            await feeder.drain()


async def test_a_group_that_stops_short_is_not_taken_for_done(settings):
    async with feeder_of(settings, silence_s=0.1) as feeder:
        await feeder.send([(b"k", b"1"), (b"k", b"2")])
        await commit_all(settings, less=1)
        with pytest.raises(BrokerUnavailableError, match="1 messages wait"):
            await feeder.drain()


async def test_a_broker_that_is_away_is_an_error_that_says_so():
    async with feeder_of(BrokerSettings(url="kafka://127.0.0.1:1")) as feeder:
        with pytest.raises(BrokerUnavailableError, match="cannot be reached"):
            await feeder.send([(b"k", b"v")])
