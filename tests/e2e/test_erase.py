"""A person is erased from a running deployment, and no crash, replay or repair brings the person back."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from typing import Any

import pytest

from app.adapters.worker_state import ask
from app.errors import NotFoundError, WorkerUnavailableError
from tests.e2e.deployment import Deployment, Process, visit
from tests.factories import HOUR, MINUTE, T0, wire

pytestmark = [pytest.mark.kafka, pytest.mark.asyncio]

NUMBERS = (
    "SELECT uniqExact(visitor_id), uniqExact(session_id), count() FROM {db}.page_views_silver",
    "SELECT sum(page_views), uniqCombined64Merge(16)(visitors) FROM {db}.daily_user_metrics",
    "SELECT sum(sessions), sum(page_views), sum(duration_ms) FROM {db}.session_analytics",
)


async def test_nothing_brings_an_erased_person_back(deployment: Deployment) -> None:
    worker = deployment.start_worker()
    deployment.wait_until_topics_exist(worker)
    late = wire(visitor_id="ada", occurred_at=T0 - 30 * HOUR)
    signed_in = wire(visitor_id="phone", user_id="7", at=T0 + MINUTE)
    ada = [*visit("ada", at=T0, pages=3), wire(visitor_id="ada", user_id="7", at=T0 + 4 * MINUTE), late]
    await deployment.produce([*ada, signed_in, *visit("bob", at=T0, pages=3)])
    deployment.wait_until_handled(9, process=worker)
    before = [deployment.ask(sql) for sql in NUMBERS]

    # The worker dies with blocks that may not be committed; the erasure waits for the next one.
    worker.end(signal.SIGKILL)
    erasing = asyncio.create_task(asyncio.to_thread(erase, deployment, "--user", "7"))
    await asyncio.sleep(1)
    assert not erasing.done()
    worker = deployment.start_worker()
    done = await erasing
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["visitor_ids"], report["is_complete"]) == (["ada", "phone"], True)
    assert {one["left"] for one in report["tables"]} == {0}
    topics = {topic["topic"]: topic for topic in report["topics"]}
    # The broker of the tests keeps everything.
    assert topics[deployment.topic]["retention_ms"] == -1
    assert [topic["cleanup"] for topic in report["topics"]][-1].startswith("compact")

    # Killed once more, with its directory lost: the changelog has the deletion.
    for name in ("worker", "another"):
        worker.end(signal.SIGKILL)
        worker = deployment.start_worker(name)
        wait_for_bob(deployment, name, worker)
        assert not has_state(deployment, name, "ada")
        assert not has_state(deployment, name, "phone")
    assert [deployment.ask(sql) for sql in NUMBERS] == before
    assert left(deployment) == {"ada": 0, "phone": 0}
    replayed = deployment.run("wua", "dead-letters", "replay", "--force", "--json")
    assert json.loads(replayed.stdout)["sent"] == 0

    stop(worker, deployment)
    repaired = deployment.run("wua", "reconcile", "--repair", "--json")
    assert repaired.returncode == 0, repaired.stderr
    assert json.loads(repaired.stdout) == {"rebuilt": [], "differences": []}
    assert [deployment.ask(sql) for sql in NUMBERS] == before
    assert left(deployment) == {"ada": 0, "phone": 0}


def erase(deployment: Deployment, *who: str) -> subprocess.CompletedProcess[str]:
    worker = deployment.web_url("worker")
    return deployment.run("wua", "erase", "--site", "shop", *who, "--worker", worker, "--yes", "--json")


def has_state(deployment: Deployment, worker: str, visitor: str) -> Any:
    """Whether the worker keeps something of the visitor; None while it cannot tell."""
    try:
        return ask(deployment.web_url(worker), site="shop", visitor=visitor)
    except NotFoundError:
        return False
    except WorkerUnavailableError:
        return None


def left(deployment: Deployment) -> dict[str, int]:
    """Rows of both sessions and events that name a visitor."""
    tables = ("page_views_bronze", "rejected_events_bronze", "user_behavior_silver", "sessions_silver")
    every = " UNION ALL ".join(f"SELECT visitor_id FROM {{db}}.{table}" for table in tables)
    asked = ", ".join(f"countIf(visitor_id = '{visitor}')" for visitor in ("ada", "phone"))
    ((ada, phone),) = deployment.ask(f"SELECT {asked} FROM ({every})")
    return {"ada": ada, "phone": phone}


def wait_for_bob(deployment: Deployment, name: str, worker: Process) -> None:
    """Return once the worker has read its state back."""
    deployment.wait_for(lambda: has_state(deployment, name, "bob"), what="it has bob's state", process=worker)


def stop(worker: Process, deployment: Deployment) -> None:
    deployment.wait_until_drained(worker)
    assert worker.end(signal.SIGTERM) == 0
