"""A consumer group -> the offsets that it has committed."""

from __future__ import annotations

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from app.errors import BrokerUnavailableError
from app.settings import BrokerSettings


async def committed(broker: BrokerSettings, *, group: str) -> dict[int, int]:
    """Partition of the events topic -> offset of the next event that the group has to handle.

    A partition of which nothing is committed is left out. Raises BrokerUnavailableError.
    """
    servers = broker.bootstrap_servers
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    try:
        await admin.start()
        found = await admin.list_consumer_group_offsets(group)
    except (KafkaError, OSError) as error:
        raise BrokerUnavailableError(
            f"Kafka at {servers} does not say what the group {group} has committed: {error!r}; "
            "check broker.url"
        ) from error
    finally:
        await admin.close()
    return {
        tp.partition: known.offset
        for tp, known in found.items()
        if tp.topic == broker.events_topic and known.offset >= 0
    }
