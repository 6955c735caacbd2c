"""Kills of real processes while events flow, and a recount of what must have come of it."""

from __future__ import annotations

import random
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import msgspec

from app.adapters.clock import now_ms
from app.events.wire import WebEvent
from app.traffic.simulator import simulate
from tests.e2e.deployment import Deployment, Process
from tests.factories import MINUTE

EVENTS = 20_000
GAP_MS = 30 * MINUTE


@dataclass(frozen=True, kw_only=True)
class Recount:
    """What a list of events comes to, by sorting and counting; shares no code with the product."""

    accepted: int
    duplicates: int
    page_views: int
    sessions: int


@dataclass(kw_only=True)
class Outcome:
    """What was found after some rounds."""

    rounds: int = 0
    kills: int = 0
    events: int = 0
    lost: int = 0
    doubled: int = 0

    def row(self, what: str) -> str:
        """A line of the table."""
        cells = (what, self.rounds, self.kills, self.events, self.lost, self.doubled)
        return "| " + " | ".join(map(str, cells)) + " |"


def traffic(count: int = EVENTS) -> list[WebEvent]:
    """Realistic events of the last day, some of them twice; of no other time, for idle state is dropped."""
    return list(simulate(seed=11, end_ms=now_ms(), events=count, days=1))


def recount(events: Sequence[WebEvent]) -> Recount:
    """Distinct ids, page views, and visits by a pause of more than half an hour."""
    by_id = {event.event_id: event for event in events}
    times: dict[tuple[str, str], list[int]] = defaultdict(list)
    for event in by_id.values():
        times[event.site_id, event.visitor_id].append(event.occurred_at)
    sessions = 0
    for visits in times.values():
        visits.sort()
        sessions += 1 + sum(later - earlier > GAP_MS for earlier, later in pairwise(visits))
    return Recount(
        accepted=len(by_id),
        duplicates=len(events) - len(by_id),
        page_views=sum(event.event_type == "page_view" for event in by_id.values()),
        sessions=sessions,
    )


def found(deployment: Deployment) -> Recount:
    """The same from the database: bronze by distinct ids, gold by its sums."""
    ((bronze, distinct),) = deployment.ask(
        "SELECT count(), uniqExact(event_id) FROM (SELECT event_id FROM {db}.page_views_bronze "
        "UNION ALL SELECT event_id FROM {db}.click_events_bronze "
        "UNION ALL SELECT event_id FROM {db}.interactions_bronze)"
    )
    assert bronze == distinct, f"bronze holds {bronze} rows of {distinct} events"
    ((duplicates,),) = deployment.ask("SELECT sum(duplicates) FROM {db}.block_ledger")
    ((page_views,),) = deployment.ask("SELECT sum(page_views) FROM {db}.daily_user_metrics")
    ((sessions,),) = deployment.ask("SELECT sum(sessions) FROM {db}.session_analytics")
    return Recount(accepted=distinct, duplicates=duplicates, page_views=page_views, sessions=sessions)


def gold_rows(deployment: Deployment) -> dict[str, int]:
    """How many rows each gold says it was made of."""
    tables = {
        "events": ("daily_user_metrics", "page_performance_metrics", "events_per_minute"),
        "more events": ("events_per_quarter_hour", "events_per_hour", "events_per_day"),
        "sessions": ("session_analytics", "traffic_sources_daily", "device_breakdown_daily"),
    }
    return {
        table: int(deployment.ask(f"SELECT sum(rows) FROM {{db}}.{table}")[0][0])
        for group in tables.values()
        for table in group
    }


async def rounds(
    deployment: Deployment,
    *,
    count: int,
    strike: Callable[[Deployment, Process, random.Random], Process],
    events: Sequence[WebEvent],
    seed: int = 1,
) -> Outcome:
    """Feed a share of the events, ``strike`` in the middle, wait, recount; ``count`` times."""
    rng = random.Random(seed)
    outcome = Outcome()
    worker = deployment.start_worker()
    deployment.wait_until_topics_exist(worker)
    encoder = msgspec.json.Encoder()
    share = len(events) // count
    for number in range(count):
        fed = events[number * share : (number + 1) * share]
        await deployment.produce_raw([(event.key, encoder.encode(event)) for event in fed])
        worker = strike(deployment, worker, rng)
        outcome.kills += 1
        outcome.rounds += 1
        outcome.events += len(fed)
        deployment.wait_until_handled(outcome.events, process=worker)
        verify(deployment, events[: outcome.events], outcome)
    worker.end(signal.SIGTERM)
    return outcome


def verify(deployment: Deployment, events: Sequence[WebEvent], outcome: Outcome) -> None:
    """Add what is missing or too much, in bronze and in each gold."""
    wanted, got = recount(events), found(deployment)
    rows = gold_rows(deployment)
    differences = [
        got.accepted - wanted.accepted,
        got.duplicates - wanted.duplicates,
        got.page_views - wanted.page_views,
        got.sessions - wanted.sessions,
        *(rows[table] - (wanted.sessions if table in SESSION_GOLD else wanted.accepted) for table in rows),
    ]
    outcome.lost += -min(0, *differences)
    outcome.doubled += max(0, *differences)


SESSION_GOLD = frozenset({"session_analytics", "traffic_sources_daily", "device_breakdown_daily"})


def kill_worker(deployment: Deployment, worker: Process, rng: random.Random) -> Process:
    """SIGKILL the worker at a random moment and start it again, every other time with an empty directory."""
    pause(deployment, rng)
    worker.end(signal.SIGKILL)
    return deployment.start_worker(f"worker-{rng.randrange(10**6)}" if rng.random() < 0.5 else "worker")


def kill_front(deployment: Deployment, worker: Process, rng: random.Random) -> Process:
    """SIGKILL ClickHouse's front at a random moment and start it again; the worker lives on."""
    pause(deployment, rng)
    deployment.front.end(signal.SIGKILL)
    deployment.start_front()
    return worker


def kill_broker(deployment: Deployment, worker: Process, rng: random.Random) -> Process:
    """SIGKILL the broker at a random moment and start it again."""
    pause(deployment, rng)
    deployment.kafka.kill()
    deployment.kafka.restart()
    return worker


def hand_over(deployment: Deployment, worker: Process, rng: random.Random) -> Process:
    """A second worker joins at a random moment; then the first leaves, or is killed."""
    pause(deployment, rng)
    other = deployment.start_worker(f"worker-{rng.randrange(10**6)}")
    time.sleep(rng.uniform(2, 6))
    worker.end(rng.choice([signal.SIGTERM, signal.SIGKILL]))
    return other


def pause(deployment: Deployment, rng: random.Random) -> None:
    """Until the worker is at it, and then for a random moment more."""

    before = deployment.received()
    deadline = time.monotonic() + 20
    while deployment.received() == before and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(rng.uniform(0, 1.5))


def table(outcomes: dict[str, Any]) -> str:
    """The outcomes as a table."""
    head = ["| killed | rounds | kills | events | lost | doubled |", "|---|---|---|---|---|---|"]
    return "\n".join([*head, *(outcome.row(what) for what, outcome in outcomes.items())])
