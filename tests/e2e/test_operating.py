"""What operators do with a running deployment: look at a visitor's state, send dead letters back."""

from __future__ import annotations

import json
import signal
import subprocess

import msgspec
import pytest

from tests.e2e.deployment import Deployment, Process
from tests.factories import HOUR, T0, wire

pytestmark = [pytest.mark.kafka, pytest.mark.asyncio]


async def test_what_a_changed_setting_cures_goes_back_and_counts_once(
    deployment: Deployment,
) -> None:
    late = wire(visitor_id="v1", occurred_at=T0 - 2 * HOUR)
    worker = with_grace(deployment, HOUR)
    deployment.wait_until_topics_exist(worker)
    await deployment.produce([late])
    await deployment.produce_raw(
        [(b"shop:v1", b"{"), (b"shop:v9", msgspec.json.encode(wire(visitor_id="v2")))]
    )
    deployment.wait_until_handled(3, process=worker)

    forced = deployment.run(
        "wua", "dead-letters", "replay", "--reason", "late", "--force", "--drain", "--json"
    )
    assert (forced.returncode, json.loads(forced.stdout)["sent"]) == (0, 1), forced.stderr
    listed = letters(deployment, "list", "--reason", "late", "--json")
    again, before = json.loads(listed.stdout)["letters"]
    assert (again["replays"], before["is_superseded"]) == (1, True)
    shown = json.loads(letters(deployment, "show", again["id"], "--json").stdout)
    assert [(one["id"], one["reason"]) for one in shown["history"]] == [(before["id"], "late")]

    assert worker.end(signal.SIGTERM) == 0
    worker = with_grace(deployment, 3 * HOUR)
    for sent in (2, 0):
        done = letters(deployment, "replay", "--drain", "--json")
        assert done.returncode == 1  # the broken one is left
        assert json.loads(done.stdout)["sent"] == sent
        assert json.loads(done.stdout)["unreadable"] == 1
    assert deployment.ask("SELECT visitor_id FROM {db}.page_views_bronze ORDER BY visitor_id") == [
        ("v1",),
        ("v2",),
    ]
    assert deployment.ask("SELECT sum(page_views), sum(rows) FROM {db}.daily_user_metrics") == [(2, 2)]
    ((received, rest),) = deployment.ask(
        "SELECT sum(received), sum(accepted + rejected + duplicates) FROM {db}.block_ledger"
    )
    assert received == rest == 6


def letters(deployment: Deployment, *arguments: str) -> subprocess.CompletedProcess[str]:
    return deployment.run("wua", "dead-letters", *arguments)


def with_grace(deployment: Deployment, grace_ms: int) -> Process:
    """A worker that takes events so late; the commands of the deployment judge by the same."""
    deployment.set(SESSIONS__GRACE_MS=grace_ms)
    return deployment.start_worker()
