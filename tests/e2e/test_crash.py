"""Nothing is lost and nothing counted twice, whatever is killed: `make crash`."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.e2e import strikes
from tests.e2e.crash import rounds, traffic
from tests.e2e.deployment import Deployment

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.asyncio]

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "2"))
EVENTS_A_ROUND = int(os.environ.get("CRASH_EVENTS", "3000"))
STRIKES = [
    strikes.kill_worker,
    strikes.kill_worker_and_wipe,
    strikes.kill_front,
    strikes.kill_broker,
    strikes.hand_over,
    strikes.three_workers,
    strikes.wake_zombie,
]


@pytest.mark.parametrize("strike", STRIKES, ids=lambda strike: strike.__name__)
async def test_nothing_is_lost_or_counted_twice(
    mortal: Deployment, strike: strikes.Strike, record_property: Callable[[str, object], None]
) -> None:
    events = traffic((ROUNDS + 1) * EVENTS_A_ROUND)
    outcome = await rounds(mortal, count=ROUNDS, strike=strike, events=events)
    record_property("crash", outcome.row(strike.__name__))
    assert outcome.is_exact, f"lost {outcome.lost}, doubled {outcome.doubled}\n{mortal.odd_blocks()}"
    assert outcome.struck >= ROUNDS
