"""Deployments of real processes; whatever a test leaves running is ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.deployment import Deployment, deployed
from tests.kafka.broker import Kafka


@pytest.fixture
def deployment(kafka: Kafka, tmp_path: Path) -> Iterator[Deployment]:
    """A front with the schema, and no worker yet."""
    with deployed(kafka, tmp_path) as deployment:
        yield deployment


@pytest.fixture
def mortal(mortal_kafka: Kafka, tmp_path: Path) -> Iterator[Deployment]:
    """The same, on a broker that may be killed."""
    with deployed(mortal_kafka, tmp_path) as deployment:
        yield deployment
