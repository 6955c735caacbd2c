"""What operators do with a running deployment: look at a visitor's state, send dead letters back."""

from __future__ import annotations

import json
import signal
import subprocess

import msgspec
import pytest

from app.adapters.worker_state import ask
from app.errors import WorkerUnavailableError
from tests.e2e.deployment import Deployment, Process, visit
from tests.factories import HOUR, MINUTE, T0, wire
from web.inspect.visitor_state import VisitorView

pytestmark = [pytest.mark.kafka, pytest.mark.asyncio]

VISITORS = [f"v{number}" for number in range(12)]


async def test_any_worker_tells_of_a_visitor_whichever_has_the_state(deployment: Deployment) -> None:
    first = deployment.start_worker("first")
    deployment.wait_until_topics_exist(first)
    await deployment.produce([event for visitor in VISITORS for event in visit(visitor, at=T0, pages=3)])
    deployment.wait_until_handled(36, process=first)
    second = deployment.start_worker("second")
    urls = [deployment.web_url(name) for name in ("first", "second")]
    deployment.wait_for(lambda: owners(urls[0]) == set(urls), what="both have some", process=second)
    deployment.wait_for(lambda: owners(urls[1]) == set(urls), what="both know it", process=second)

    for visitor in VISITORS:
        found = told(urls[0], visitor)
        assert found == told(urls[1], visitor)
        assert (found.visitor_id, found.remembered_ids, found.epoch) == (visitor, 3, 0)
        (window,) = found.windows
        assert (window.page_views, window.entry_path, window.exit_path) == (3, "/p0", "/p2")
        assert (window.start_at.timestamp() * 1000, window.end_at.timestamp() * 1000) == (T0, T0 + 2 * MINUTE)
        written = f"FROM {{db}}.page_views_bronze WHERE visitor_id = '{visitor}'"
        place = deployment.ask(f"SELECT max(_offset), max(_partition) {written}")
        assert place == [(found.last_offset, found.partition)]

    shown = state(deployment, "--visitor", "v0", "--worker", urls[0])
    assert shown.returncode == 0, shown.stderr
    assert "1 open windows" in shown.stdout
    asked = state(deployment, "--visitor", "v0", "--worker", urls[1], "--json")
    assert msgspec.json.decode(asked.stdout, type=VisitorView) == told(urls[0], "v0")
    unknown = state(deployment, "--visitor", "nobody/at all", "--worker", urls[0])
    assert unknown.returncode == 1
    assert "no state of visitor 'nobody/at all'" in unknown.stderr
    second.end(signal.SIGTERM)
    first.end(signal.SIGTERM)
    gone = state(deployment, "--visitor", "v0", "--worker", urls[0])
    assert gone.returncode == 1
    assert f"no worker answers at {urls[0]}" in gone.stderr


def state(deployment: Deployment, *arguments: str) -> subprocess.CompletedProcess[str]:
    return deployment.run("wua", "state", "--site", "shop", *arguments)


def told(worker: str, visitor: str) -> VisitorView:
    return msgspec.json.decode(ask(worker, site="shop", visitor=visitor), type=VisitorView)


def owners(worker: str) -> set[str]:
    """The workers that have the visitors' state, by what one of them says; none while it cannot tell."""
    try:
        return {told(worker, visitor).worker for visitor in VISITORS}
    except WorkerUnavailableError:
        return set()


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
