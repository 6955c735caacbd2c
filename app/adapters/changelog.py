"""A range of one partition of a topic, read at once: for the few records that another writer left there."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, AppT

from app.errors import BrokerUnavailableError

#: How long the range may take to be read.
TIMEOUT_S = 30.0


async def read_range(app: AppT, tp: TP, start: int, end: int) -> list[Any]:
    """The records of ``tp`` with offsets from ``start`` up to, not including, ``end``; fewer where compacted.

    Raises BrokerUnavailableError when they cannot be read in time.
    """
    if start >= end:
        return []
    conf = app.conf
    transport = cast(Any, app.transport)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=driver.server_list(transport.url, transport.default_port),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        **driver.credentials_to_aiokafka_auth(conf.broker_credentials, conf.ssl_context),
    )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await consumer.start()
            return await _read(consumer, TopicPartition(tp.topic, tp.partition), start, end)
    except TimeoutError as error:
        raise BrokerUnavailableError(
            f"{tp.topic} partition {tp.partition}: offsets {start} to {end - 1} could not be read within "
            f"{TIMEOUT_S:g} s; check that the partition has a leader"
        ) from error
    finally:
        await consumer.stop()


async def _read(consumer: Any, tp: TopicPartition, start: int, end: int) -> list[Any]:
    consumer.assign([tp])
    consumer.seek(tp, start)
    found: list[Any] = []
    while await consumer.position(tp) < end:
        for records in (await consumer.getmany(tp, timeout_ms=100)).values():
            found += [record for record in records if record.offset < end]
    return found
