"""The collector against a broker: accepted means that the broker has it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from app.adapters.producer import EventProducer
from app.core.decode import decode_web_event
from app.embedded.broker import PARTITIONS, EmbeddedBroker
from app.errors import BrokerUnavailableError
from app.settings import BrokerSettings
from tests.collecting import collecting, posted
from web.problems import ProblemKind

pytestmark = pytest.mark.asyncio

#: Nobody listens on port 1.
NOWHERE = "kafka://127.0.0.1:1"


def settings_of(broker: EmbeddedBroker, **changes) -> BrokerSettings:
    return BrokerSettings(url=broker.url, **changes)


@pytest.fixture
def broker():
    broker = EmbeddedBroker()
    broker.create_topics("web_events")
    return broker


@asynccontextmanager
async def producing(settings: BrokerSettings) -> AsyncIterator[EventProducer]:
    producer = EventProducer(settings)
    try:
        yield producer
    finally:
        await producer.close()


async def everything_in(broker: EmbeddedBroker) -> list:
    """What every partition of ``web_events`` holds, in order within a partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = [TopicPartition("web_events", number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        records = []
        for tp, end in ends.items():
            while await consumer.position(tp) < end:
                records.extend((await consumer.getmany(tp, timeout_ms=1000)).get(tp, ()))
        return records
    finally:
        await consumer.stop()


async def test_202_means_that_the_broker_has_every_event(broker):
    async with producing(settings_of(broker)) as producer, collecting(producer=producer) as site:
        events = [posted(visitor_id=f"v{number % 7}") for number in range(100)]
        answer = await site.post(events)
        assert (answer.status_code, answer.json()) == (202, {"accepted": 100})
        records = await everything_in(broker)
        assert {decode_web_event(record.value).event_id for record in records} == ids(events)
        by_key = {record.key: [] for record in records}
        for record in records:
            by_key[record.key].append(decode_web_event(record.value).event_id)
        for number in range(7):
            assert by_key[f"shop:v{number}".encode()] == [event["event_id"] for event in events[number::7]]


async def test_requests_at_once_share_one_connection_and_all_are_kept(broker):
    async with producing(settings_of(broker)) as producer, collecting(producer=producer) as site:
        batches = [[posted() for _ in range(5)] for _ in range(20)]
        answers = await asyncio.gather(*(site.post(batch) for batch in batches))
        assert [answer.status_code for answer in answers] == [202] * 20
        records = await everything_in(broker)
        assert len(records) == 100


async def test_the_server_comes_up_without_a_broker_and_says_503():
    async with producing(BrokerSettings(url=NOWHERE)) as producer, collecting(producer=producer) as site:
        assert await producer.ping() is False
        for _ in range(2):
            answer = await site.post([posted()])
            assert answer.status_code == 503
            assert answer.json()["type"] == ProblemKind.BROKER_UNAVAILABLE.urn
            assert int(answer.headers["retry-after"]) > 0


async def test_503_when_the_broker_goes_away_and_202_when_one_is_back():
    broker = EmbeddedBroker()
    broker.create_topics("web_events")
    settings = settings_of(broker, produce_timeout_s=0.5)
    async with producing(settings) as producer, collecting(producer=producer) as site:
        assert (await site.post([posted()])).status_code == 202
        assert await producer.ping() is True
        del broker
        gc.collect()
        assert (await site.post([posted()])).status_code == 503
        assert await producer.ping() is False
        assert (await site.post([posted()])).status_code == 503
        # Another broker is at another address, as one that moved is.
        moved = EmbeddedBroker()
        moved.create_topics("web_events")
        producer._settings = settings_of(moved)
        event = posted()
        assert (await site.post([event])).status_code == 202
        assert await producer.ping() is True
        assert {decode_web_event(record.value).event_id for record in await everything_in(moved)} == ids(
            [event]
        )


async def test_a_producer_says_where_each_partition_ends(broker):
    async with producing(settings_of(broker)) as producer:
        assert await producer.send_batch([]) == {}
        (partition, end), *others = (await producer.send_batch([(b"k", b"1"), (b"k", b"2")])).items()
        assert (end, others) == (2, [])
        assert await producer.send_batch([(b"k", b"3")]) == {partition: 3}
        spread = await producer.send_batch([(None, b"x") for _ in range(50)])
        assert sum(spread.values()) == 53


@pytest.mark.parametrize("idempotent", [True, False])
async def test_both_kinds_of_producer_are_acknowledged(broker, idempotent):
    producer = EventProducer(settings_of(broker), idempotent=idempotent)
    assert sum((await producer.send_batch([(b"k", b"1")])).values()) == 1
    await producer.close()
    assert [record.value for record in await everything_in(broker)] == [b"1"]


async def test_a_broker_that_cannot_be_reached_is_named_with_what_to_do():
    async with producing(BrokerSettings(url=NOWHERE)) as producer:
        with pytest.raises(BrokerUnavailableError, match=r"127.0.0.1:1 cannot be reached.*set broker.url"):
            await producer.send_batch([(b"k", b"v")])


def ids(events: Iterable[dict]) -> set[str]:
    return {event["event_id"] for event in events}
