"""`wua reconcile` beside real workers: it compares while they run, and rebuilds once all is committed."""

from __future__ import annotations

import signal

import pytest

from tests.e2e.deployment import Deployment, visit
from tests.factories import T0

pytestmark = [pytest.mark.kafka, pytest.mark.asyncio]


async def test_what_differs_is_told_at_any_time_and_rebuilt_once_all_is_committed(
    deployment: Deployment,
) -> None:
    worker = deployment.start_worker()
    deployment.wait_until_topics_exist(worker)
    await deployment.produce([event for number in range(8) for event in visit(f"v{number}", at=T0, pages=3)])
    deployment.wait_until_drained(worker)
    agreed = deployment.run("wua", "reconcile")
    assert (agreed.returncode, agreed.stdout) == (0, "bronze, silver and every gold agree\n"), agreed.stderr

    deployment.ask("ALTER TABLE {db}.session_analytics DELETE WHERE 1 SETTINGS mutations_sync = 2")
    told = deployment.run("wua", "reconcile")
    assert told.returncode == 1
    assert "session_analytics" in told.stdout, told.stderr

    worker.end(signal.SIGKILL)
    repaired = deployment.run("wua", "reconcile", "--repair")
    assert repaired.returncode == 0, repaired.stderr
    assert "rebuilt session_analytics" in repaired.stdout
    assert deployment.ask("SELECT sum(sessions) FROM {db}.session_analytics") == [(8,)]

    worker = deployment.start_worker("second")
    await deployment.produce(list(visit("late", at=T0, pages=2)))
    deployment.wait_until_drained(worker)
    assert deployment.ask("SELECT sum(sessions) FROM {db}.session_analytics") == [(9,)]


async def test_a_block_that_is_not_committed_is_not_counted_by_a_rebuild(deployment: Deployment) -> None:
    worker = deployment.start_worker()
    deployment.wait_until_topics_exist(worker)
    await deployment.produce(list(visit("v1", at=T0, pages=3)))
    deployment.wait_until_drained(worker)
    worker.end(signal.SIGTERM)
    deployment.set(APP__ID="a-group-that-has-committed-nothing")
    refused = deployment.run("wua", "reconcile", "--repair")
    assert refused.returncode == 1
    assert "not yet committed by a-group-that-has-committed-nothing" in refused.stderr
