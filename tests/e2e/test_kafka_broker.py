"""The real broker of the tests, seen through the client that the product uses."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.kafka.broker import Kafka

pytestmark = pytest.mark.kafka


@pytest.mark.asyncio
async def test_what_was_produced_is_consumed_in_order(kafka: Kafka) -> None:
    topic = kafka.create_topic("round-trip", partitions=2)
    sent = [f"event {number}".encode() for number in range(200)]
    await produce(kafka, topic, sent, partition=1)
    assert await consume(kafka, topic, partition=1, count=200) == sent


@pytest.mark.asyncio
async def test_a_group_resumes_at_its_committed_offset(kafka: Kafka) -> None:
    topic, group = kafka.create_topic("resume"), kafka.unique("group")
    await produce(kafka, topic, [b"0", b"1", b"2", b"3"])
    async with AIOKafkaConsumer(
        topic,
        bootstrap_servers=kafka.bootstrap_servers,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    ) as first:
        await first.getone()
        await first.commit({TopicPartition(topic, 0): 2})
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=kafka.bootstrap_servers, group_id=group, auto_offset_reset="earliest"
    ) as second:
        record = await asyncio.wait_for(second.getone(), 20)
    assert (record.offset, record.value) == (2, b"2")


@pytest.mark.asyncio
async def test_acknowledged_messages_and_the_port_outlive_a_kill(mortal_kafka: Kafka) -> None:
    topic = mortal_kafka.create_topic("outlives")
    before = [f"before {number}".encode() for number in range(500)]
    await produce(mortal_kafka, topic, before)
    mortal_kafka.kill()
    mortal_kafka.restart()
    await produce(mortal_kafka, topic, [b"after"])
    assert await consume(mortal_kafka, topic, partition=0, count=501) == [*before, b"after"]


@pytest.mark.asyncio
async def test_a_producer_that_lives_through_a_kill_loses_nothing(mortal_kafka: Kafka) -> None:
    topic = mortal_kafka.create_topic("lives-through")
    async with AIOKafkaProducer(
        bootstrap_servers=mortal_kafka.bootstrap_servers, enable_idempotence=True, request_timeout_ms=60_000
    ) as producer:
        await producer.send_and_wait(topic, b"before", partition=0)
        mortal_kafka.kill()
        waiting = asyncio.ensure_future(producer.send_and_wait(topic, b"while down", partition=0))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        await asyncio.to_thread(mortal_kafka.restart)
        await asyncio.wait_for(waiting, 60)
    assert await consume(mortal_kafka, topic, partition=0, count=2) == [b"before", b"while down"]


def test_unknown_topics_do_not_appear_by_themselves(kafka: Kafka) -> None:
    from confluent_kafka import KafkaError

    from tests.kafka.ready import admin

    topic = admin(kafka.bootstrap_servers).list_topics(kafka.unique("never-made"), timeout=10)
    errors = [metadata.error and metadata.error.code() for metadata in topic.topics.values()]
    assert errors == [KafkaError.UNKNOWN_TOPIC_OR_PART]


async def produce(kafka: Kafka, topic: str, values: list[bytes], *, partition: int = 0) -> None:
    """Return once every value is acknowledged."""
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, acks="all") as producer:
        waiting = [await producer.send(topic, value, partition=partition) for value in values]
        await asyncio.gather(*waiting)


async def consume(kafka: Kafka, topic: str, *, partition: int, count: int) -> list[bytes | None]:
    """The first ``count`` values of a partition."""
    async with AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="earliest"
    ) as consumer:
        consumer.assign([TopicPartition(topic, partition)])
        await consumer.seek_to_beginning()
        async with asyncio.timeout(30):
            return [(await consumer.getone()).value for _ in range(count)]
