"""A Kafka broker inside this process: librdkafka's own mock cluster. For trying and testing.

Its topics live in memory, have PARTITIONS partitions and come into being when first asked for. A partition
keeps about 5 MB, so it must be fed no faster than it is drained.
"""

from __future__ import annotations

from confluent_kafka import KafkaException, Producer

from app.errors import EmbeddedError

PARTITIONS = 4
#: What may wait in a partition without being dropped; under the mock's limit of about 5 MB.
MAX_WAITING_BYTES = 3_000_000


class EmbeddedBroker:
    """A running broker; it ends with this object."""

    def __init__(self) -> None:
        # The cluster belongs to a client object, which therefore must live as long as the broker.
        self._owner = Producer(
            {"bootstrap.servers": "", "test.mock.num.brokers": 1, "log_level": 0, "log.queue": False}
        )
        try:
            metadata = self._owner.list_topics(timeout=10)
        except KafkaException as error:
            raise EmbeddedError(f"the in-process broker does not answer: {error}; try again") from error
        broker = next(iter(metadata.brokers.values()))
        self.bootstrap_servers = f"{broker.host}:{broker.port}"

    @property
    def url(self) -> str:
        """The broker as ``broker.url`` takes it."""
        return f"kafka://{self.bootstrap_servers}"

    def create_topics(self, *names: str) -> None:
        """Bring topics into being by asking for them."""
        for name in names:
            self._owner.list_topics(name, timeout=10)
