"""Asks a broker through a real client whether it serves."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

#: librdkafka reports every refused connection of a broker that is just starting; nobody needs that on stderr.
_SILENT = logging.getLogger("tests.kafka.client")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


class KafkaFailedError(Exception):
    """The broker was started or named, and does not serve."""


def admin(bootstrap_servers: str) -> AdminClient:
    """An admin client that keeps its connection troubles to itself."""
    return AdminClient(
        {
            "bootstrap.servers": bootstrap_servers,
            "reconnect.backoff.max.ms": 200,
            "topic.metadata.refresh.interval.ms": -1,
        },
        logger=_SILENT,
    )


def wait_until_ready(
    bootstrap_servers: str, *, timeout_s: float, still_alive: Callable[[], bool] = lambda: True
) -> None:
    """Return once a broker answers and each known partition has a leader; else raise KafkaFailedError."""
    deadline = time.monotonic() + timeout_s
    client = admin(bootstrap_servers)
    seen = "no answer"
    while time.monotonic() < deadline:
        if not still_alive():
            raise KafkaFailedError(f"Kafka at {bootstrap_servers} ended while it was starting")
        try:
            metadata = client.list_topics(timeout=1)
        except KafkaException as error:
            seen = str(error)
            continue
        without = [
            f"{topic.topic}-{partition.id}"
            for topic in metadata.topics.values()
            for partition in topic.partitions.values()
            if partition.leader < 0
        ]
        if metadata.brokers and not without:
            return
        seen = f"no leader for {', '.join(without)}" if without else "no brokers"
        time.sleep(0.05)
    raise KafkaFailedError(f"Kafka at {bootstrap_servers} is not ready after {timeout_s:g} s: {seen}")
