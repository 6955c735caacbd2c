"""Nothing is lost and nothing counted twice, whatever is killed: `make crash`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.crash import hand_over, kill_broker, kill_front, kill_worker, rounds, table, traffic
from tests.e2e.deployment import Deployment, deployed
from tests.kafka.broker import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.asyncio]

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "2"))
EVENTS_A_ROUND = int(os.environ.get("CRASH_EVENTS", "3000"))


@pytest.fixture
def mortal(mortal_kafka: Kafka, tmp_path: Path) -> Iterator[Deployment]:
    """A deployment on a broker that may be killed, too."""
    with deployed(mortal_kafka, tmp_path) as deployment:
        yield deployment


@pytest.mark.parametrize(
    "strike", [kill_worker, kill_front, kill_broker, hand_over], ids=lambda strike: strike.__name__
)
async def test_nothing_is_lost_or_counted_twice(mortal: Deployment, strike) -> None:
    events = traffic(ROUNDS * EVENTS_A_ROUND)
    outcome = await rounds(mortal, count=ROUNDS, strike=strike, events=events)
    sys.stdout.write(f"\n{table({strike.__name__: outcome})}\n")
    assert (outcome.lost, outcome.doubled) == (0, 0)
    assert outcome.kills == ROUNDS
