"""The fixtures `kafka` and `mortal_kafka`; tests/conftest.py makes them known to every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kafka.broker import Choice, Kafka, choose, choose_own, start
from tests.kafka.jars import KafkaAbsentError


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """A real Kafka for the whole run. Skips, with the reason, where there is none."""
    yield from _serve(choose())


@pytest.fixture(scope="session")
def mortal_kafka(kafka: Kafka) -> Iterator[Kafka]:
    """A real Kafka that may be killed and restarted: ``kafka``, or one of our own beside a given one."""
    if kafka.node is not None:
        yield kafka
    else:
        yield from _serve(choose_own())


def _serve(choice: Choice) -> Iterator[Kafka]:
    try:
        broker = start(choice)
    except KafkaAbsentError as error:
        pytest.skip(str(error))
    try:
        yield broker
    finally:
        broker.close()
