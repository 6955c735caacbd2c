"""Topics -> how long Kafka goes on keeping what they hold."""

from __future__ import annotations

from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from app.events.persons import KeptTopic
from app.settings import BrokerSettings

#: (topic, what it holds of a person)
Holds = tuple[str, str]
#: Of an entry of a configuration: its name and its value.
_NAME, _VALUE = 0, 1


async def kept_topics(broker: BrokerSettings, topics: Sequence[Holds]) -> list[KeptTopic]:
    """For each topic its clean-up policy and retention; without them where Kafka does not say."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name, _ in topics]
    known: dict[str, dict[str, str]] = {}
    try:
        await admin.start()
        for answer in await admin.describe_configs(asked):
            for _, _, _, name, entries in answer.resources:
                known[name] = {entry[_NAME]: entry[_VALUE] for entry in entries}
    except (KafkaError, OSError):
        known = {}
    finally:
        await admin.close()
    return [_kept(name, holds, known.get(name, {})) for name, holds in topics]


def _kept(name: str, holds: str, config: dict[str, str]) -> KeptTopic:
    retention = config.get("retention.ms")
    return KeptTopic(
        topic=name,
        holds=holds,
        cleanup=config.get("cleanup.policy", ""),
        retention_ms=None if retention is None else int(retention),
    )
