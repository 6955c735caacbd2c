"""(key, value) pairs -> web_events on a real Kafka, and the wait until a worker has handled them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Self

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from app.adapters.producer import EventProducer, Headers, Message
from app.errors import BrokerUnavailableError
from app.settings import BrokerSettings

#: No commit for so long means that nobody is at work; a block with its retries may take a while.
SILENCE_S = 120.0
POLL_S = 0.5


class KafkaFeeder:
    """``async with KafkaFeeder(settings, group=...) as feeder``: produces, and knows when all is through.

    ``group`` is the worker's consumer group: the Faust app id.
    """

    def __init__(
        self, broker: BrokerSettings, *, group: str, silence_s: float = SILENCE_S, poll_s: float = POLL_S
    ) -> None:
        self._broker = broker
        self._group = group
        self._silence_s = silence_s
        self._poll_s = poll_s
        self._producer = EventProducer(broker)
        #: For each partition: the offset after the last message produced.
        self._ends: dict[TopicPartition, int] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._producer.close()

    async def send(self, batch: Sequence[Message], *, headers: Sequence[Headers] = ()) -> None:
        """Produce the messages, acknowledged; those of one key stay in their order."""
        for partition, end in (await self._producer.send_batch(batch, headers=headers)).items():
            self._ends[TopicPartition(self._broker.events_topic, partition)] = end

    async def drain(self) -> None:
        """Return once the group has committed everything that was sent.

        Raises BrokerUnavailableError when it commits nothing for a long while.
        """
        if not self._ends:
            return
        servers = self._broker.bootstrap_servers
        admin = AIOKafkaAdminClient(bootstrap_servers=servers)
        try:
            await admin.start()
            await self._wait(admin)
        except (KafkaError, OSError) as error:
            raise BrokerUnavailableError(
                f"Kafka at {servers} does not say what {self._group} has committed: {error!r}; everything is "
                "sent, and the worker goes on without us"
            ) from error
        finally:
            await admin.close()

    async def _wait(self, admin: Any) -> None:
        left: int | None = None
        try:
            async with asyncio.timeout(self._silence_s) as patience:
                while left != 0:
                    now_left = await self._left(admin)
                    if left is None or now_left < left:
                        left = now_left
                        patience.reschedule(asyncio.get_running_loop().time() + self._silence_s)
                    await asyncio.sleep(self._poll_s if left else 0)
        except TimeoutError as error:
            raise BrokerUnavailableError(
                f"the consumer group {self._group} has committed nothing for {self._silence_s:g} s; {left} "
                f"messages wait in {self._broker.events_topic}. Start a worker of this app.id, or see its log"
            ) from error

    async def _left(self, admin: Any) -> int:
        """How many of the messages up to our last are not yet committed."""
        committed = await admin.list_consumer_group_offsets(self._group, partitions=list(self._ends))
        return sum(
            max(0, end - max(0, committed[tp].offset if tp in committed else 0))
            for tp, end in self._ends.items()
        )
