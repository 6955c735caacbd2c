"""(key, value) pairs -> one Kafka topic, acknowledged by every replica in sync, or BrokerUnavailableError."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from app.errors import BrokerUnavailableError
from app.settings import BrokerSettings

#: How long a message may wait for company; short beside a browser's round trip.
LINGER_MS = 5
MAX_BATCH_BYTES = 256 * 1024
PING_TIMEOUT_S = 2.0
GRACE_S = 1.0

Message = tuple[bytes | None, bytes]
Headers = Sequence[tuple[str, bytes]]


class EventProducer:
    """Writes to ``settings.events_topic``.

    Connects when first used, and anew after a failure: the broker may be away when the process starts, and
    come back under other addresses. ``idempotent`` keeps the client's own retries from writing twice.
    """

    def __init__(self, settings: BrokerSettings, *, idempotent: bool = True) -> None:
        self._settings = settings
        self._idempotent = idempotent
        self._connecting = asyncio.Lock()
        self._producer: Any = None
        self._retired: set[asyncio.Task[None]] = set()

    async def send_batch(
        self, batch: Sequence[Message], *, headers: Sequence[Headers] = ()
    ) -> dict[int, int]:
        """Produce the messages in their order; for each partition used, the offset after the last of them.

        ``headers``, where given, are one for each message.

        Raises BrokerUnavailableError when not all are acknowledged within ``produce_timeout_s``; some may be
        written then, or be written later.
        """
        if not batch:
            return {}
        producer: Any = None
        futures: list[asyncio.Future[Any]] = []
        try:
            async with asyncio.timeout(self._settings.produce_timeout_s):
                producer = await self._connected()
                topic = self._settings.events_topic
                for (key, value), beside in zip(batch, headers or [()] * len(batch), strict=True):
                    futures.append(await producer.send(topic, value=value, key=key, headers=list(beside)))
                written = await asyncio.gather(*futures)
        except (KafkaError, OSError, TimeoutError) as error:
            unavailable = self._unavailable(error, producer)
            self._retire(producer)
            raise unavailable from error
        finally:
            _forget(futures)
        ends: dict[int, int] = {}
        for metadata in written:
            ends[metadata.partition] = max(ends.get(metadata.partition, 0), metadata.offset + 1)
        return ends

    async def ping(self) -> bool:
        """Whether the broker answers and has the topic now."""
        producer: Any = None
        answered = False
        topic = self._settings.events_topic
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(PING_TIMEOUT_S):
                producer = await self._connected()
                producer.client.add_topic(topic)
                answered = await producer.client.force_metadata_update()
        if not answered:
            self._retire(producer)
            return False
        return topic in producer.client.cluster.topics()

    async def close(self) -> None:
        """Give what is buffered a moment to be sent, and disconnect."""
        self._retire(self._producer)
        if self._retired:
            await asyncio.wait(self._retired)

    async def _connected(self) -> Any:
        async with self._connecting:
            if self._producer is None:
                self._producer = await self._connect()
            return self._producer

    async def _connect(self) -> Any:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.bootstrap_servers,
            acks="all",
            enable_idempotence=self._idempotent,
            linger_ms=LINGER_MS,
            max_batch_size=MAX_BATCH_BYTES,
            request_timeout_ms=int(self._settings.produce_timeout_s * 1000),
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer

    def _retire(self, producer: Any) -> None:
        """Let a producer go: the next use connects anew. Batches of others that it still holds may finish."""
        if producer is None or producer is not self._producer:
            return
        self._producer = None
        task = asyncio.create_task(_stop(producer), name="retired-producer")
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)

    def _unavailable(self, error: Exception, producer: Any) -> BrokerUnavailableError:
        servers, topic = self._settings.bootstrap_servers, self._settings.events_topic
        if producer is None:
            return BrokerUnavailableError(
                f"Kafka at {servers} cannot be reached: {error!r}; start it, or set broker.url"
            )
        if topic not in producer.client.cluster.topics():
            return BrokerUnavailableError(
                f"Kafka at {servers} has no topic {topic}; start the worker, which makes the topics, or set "
                "broker.events_topic"
            )
        return BrokerUnavailableError(
            f"Kafka at {servers} did not acknowledge within broker.produce_timeout_s = "
            f"{self._settings.produce_timeout_s:g} s: {error!r}; check that the leaders of {topic} are up"
        )


async def _stop(producer: Any) -> None:
    """Disconnect; what is buffered has GRACE_S to be sent, and is given up then."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GRACE_S):
            await producer.flush()
    # TRICKY: not producer.stop(): an idempotent aiokafka producer retries for ever, and stop() waits for it.
    producer._closed = True
    with contextlib.suppress(KafkaError, OSError):
        await producer._sender.close()
    await producer.client.close()


def _forget(futures: Sequence[asyncio.Future[Any]]) -> None:
    """Nobody waits for these any more: no warning of an exception that was not looked at."""
    for future in futures:
        if not future.cancel() and not future.cancelled():
            future.exception()
