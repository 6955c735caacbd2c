"""Events flow, something is struck, everything is recounted; again and again."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import msgspec

from app.adapters.clock import now_ms
from app.events.wire import WebEvent
from app.traffic.simulator import simulate
from tests.e2e.crew import Crew
from tests.e2e.deployment import Deployment, Message
from tests.e2e.recount import compare
from tests.e2e.strikes import Strike

#: Sent at once while a strike goes on: a part of what is left, so that the flow outlasts any strike.
PORTION = 40
PORTION_S = 0.3


@dataclass(kw_only=True)
class Outcome:
    """What was found after some rounds; ``lost`` and ``doubled`` by table, at their worst.

    Inserts that were ``looked_after``, and tables that were ``mended``, because the engine had ended.
    """

    rounds: int = 0
    struck: int = 0
    events: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    doubled: dict[str, int] = field(default_factory=dict)
    looked_after: int = 0
    mended: int = 0
    took_s: float = 0.0

    @property
    def is_exact(self) -> bool:
        """Whether every table was as recounted, each time."""
        return not self.lost and not self.doubled

    def row(self, what: str) -> str:
        """A line of the table; of the tables of the database, the one that is furthest off counts."""
        lost, doubled = (max(by_table.values(), default=0) for by_table in (self.lost, self.doubled))
        mended = (self.looked_after, self.mended)
        cells = (what, self.rounds, self.struck, self.events, lost, doubled, *mended, round(self.took_s))
        return "| " + " | ".join(map(str, cells)) + " |"


def traffic(count: int) -> list[WebEvent]:
    """Realistic events of the last day, some of them twice; of no other time, for idle state is dropped."""
    return list(simulate(seed=11, end_ms=now_ms(), events=count, days=1))


async def rounds(
    deployment: Deployment, *, count: int, strike: Strike, events: Sequence[WebEvent], seed: int = 1
) -> Outcome:
    """Let a share of the events flow, ``strike`` meanwhile, wait, recount; ``count`` times.

    Each visit is spread over all shares, so that every round needs the state of the rounds before. The last
    share is for a worker that begins with an empty directory when all others have gone.
    """
    began, rng, crew, outcome = time.monotonic(), random.Random(seed), Crew(deployment), Outcome()
    deployment.wait_until_topics_exist(crew.start())
    shares = [events[number :: count + 1] for number in range(count + 1)]
    sent: list[WebEvent] = []
    for share in shares[:-1]:
        await flow(deployment, share, strike=partial(strike, crew, rng))
        outcome.rounds += 1
        sent += share
        verify(crew, sent, outcome)
    crew.replace()
    await deployment.produce_raw(encoded(shares[-1]))
    verify(crew, [*sent, *shares[-1]], outcome)
    crew.replace()
    told = deployment.worker_logs()
    outcome.looked_after, outcome.mended = told.count('"repair.looked"'), told.count('"repair.filled"')
    outcome.took_s = time.monotonic() - began
    return outcome


async def flow(deployment: Deployment, events: Sequence[WebEvent], *, strike: Callable[[], None]) -> None:
    """Send the events portion by portion until the strike is over, then the rest at once."""
    left = encoded(events)
    async with deployment.producing() as send:
        striking = asyncio.ensure_future(asyncio.to_thread(strike))
        while left and not striking.done():
            size = math.ceil(len(left) / PORTION)
            await send(left[:size])
            left = left[size:]
            await asyncio.wait([striking], timeout=PORTION_S)
        await striking
        await send(left)


def encoded(events: Sequence[WebEvent]) -> list[Message]:
    """Messages of the events."""
    encoder = msgspec.json.Encoder()
    return [(event.key, encoder.encode(event)) for event in events]


def verify(crew: Crew, events: Sequence[WebEvent], outcome: Outcome) -> None:
    """Wait until the events are handled; keep the worst of what is missing or too much in each table."""
    crew.deployment.wait_until_drained(crew.first)
    crew.check()
    outcome.events = len(events)
    outcome.struck = crew.struck
    differences = compare(crew.deployment, events)
    for kept, now in ((outcome.lost, differences.lost), (outcome.doubled, differences.doubled)):
        kept.update({table: max(count, kept.get(table, 0)) for table, count in now.items()})
