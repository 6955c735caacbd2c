"""The worker as operators run it: a process by Faust's command line, on a real Kafka."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import uuid

import pytest

from tests.e2e.deployment import BIN, PATIENCE_S, ROOT, Deployment, visit
from tests.factories import MINUTE, T0, wire

pytestmark = pytest.mark.kafka


@pytest.mark.asyncio
async def test_events_become_rows_and_sessions_and_state_comes_back_from_the_changelog(
    deployment: Deployment,
) -> None:
    worker = deployment.start_worker()
    deployment.wait_until_topics_exist(worker)
    visitors = [f"v{number}" for number in range(50)]
    await deployment.produce([event for visitor in visitors for event in visit(visitor, at=T0, pages=3)])
    deployment.wait_until_handled(150, process=worker)
    assert sessions(deployment) == [(50, 150)]
    before = session_ids(deployment)

    assert worker.end(signal.SIGTERM) == 0
    shutil.rmtree(deployment.directory / "worker")
    worker = deployment.start_worker()
    later = T0 + 20 * MINUTE
    await deployment.produce([event for visitor in visitors for event in visit(visitor, at=later, pages=2)])
    deployment.wait_until_handled(250, process=worker)

    # One session a visitor: the windows of the first worker were known to the second.
    assert sessions(deployment) == [(50, 250)]
    assert session_ids(deployment) == before
    assert deployment.ask("SELECT sum(page_views) FROM {db}.daily_user_metrics") == [(250,)]
    assert worker.end(signal.SIGTERM) == 0


@pytest.mark.asyncio
async def test_a_killed_worker_loses_and_doubles_nothing(deployment: Deployment) -> None:
    worker = deployment.start_worker()
    deployment.wait_until_topics_exist(worker)
    events = [event for number in range(400) for event in visit(f"v{number}", at=T0, pages=5)]
    await deployment.produce(events[:1000])
    deployment.wait_for(lambda: deployment.received() > 0, what="it has begun", process=worker)
    assert worker.end(signal.SIGKILL) == -signal.SIGKILL
    await deployment.produce(events[1000:])
    worker = deployment.start_worker()
    deployment.wait_until_handled(2000, process=worker)
    assert deployment.ask(
        "SELECT count(), uniqExact(event_id), sum(_offset >= 0) FROM {db}.page_views_bronze"
    ) == [(2000, 2000, 2000)]
    assert deployment.ask("SELECT sum(page_views), sum(rows) FROM {db}.daily_user_metrics") == [(2000, 2000)]
    assert sessions(deployment) == [(400, 2000)]


@pytest.mark.asyncio
async def test_garbage_is_named_and_nothing_behind_it_waits(deployment: Deployment) -> None:
    worker = deployment.start_worker()
    deployment.wait_until_topics_exist(worker)
    garbage: list[tuple[bytes | None, bytes]] = [
        (b"shop:v1", b""),
        (b"shop:v1", b'{"event_id": "'),
        (b"shop:v1", b"\xff\xfe"),
        (b"shop:v1", b'"' + b"x" * 900_000 + b'"'),
        (b"shop:v1", b'{"a":' * 200 + b"1" + b"}" * 200),
        (None, b"\x00"),
        (b"shop:v1", b"[]"),
    ]
    await deployment.produce_raw(garbage)
    await deployment.produce([wire(origin="replay", event_id=str(uuid.uuid4()))])
    deployment.wait_until_handled(8, process=worker)
    reasons = deployment.ask("SELECT reason, count() FROM {db}.rejected_events_bronze GROUP BY 1 ORDER BY 1")
    assert reasons == [
        ("empty_body", 1),
        ("invalid_utf8", 1),
        ("malformed_json", 1),
        ("missing_field", 1),
        ("not_an_object", 1),
        ("nul_character", 1),
        ("too_large", 1),
    ]
    assert deployment.ask("SELECT count() FROM {db}.page_views_bronze") == [(1,)]


@pytest.mark.parametrize(
    ("command", "says"), [("agents", "ingest"), ("tables", "visitors"), ("topics", "web_events.dead_letter")]
)
def test_fausts_command_line_lists_what_the_app_has(command: str, says: str) -> None:
    done = subprocess.run(
        [str(BIN / "faust"), "-A", "app.worker:worker", command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    assert says in done.stdout


def sessions(deployment: Deployment) -> list[tuple[int, int]]:
    """Sessions and their page views, by gold."""
    return deployment.ask("SELECT sum(sessions), sum(page_views) FROM {db}.session_analytics")


def session_ids(deployment: Deployment) -> list[tuple[str]]:
    return deployment.ask(
        "SELECT toString(session_id) AS id FROM {db}.sessions_silver "
        "GROUP BY id HAVING sum(sign) > 0 ORDER BY id"
    )


def test_a_file_is_fed_to_a_running_deployment_and_waited_for(deployment: Deployment) -> None:
    worker = deployment.start_worker()
    deployment.wait_until_topics_exist(worker)
    file = deployment.directory / "events.jsonl"
    lines = [json.dumps(event) for event in visit("v1", at=T0, pages=30)]
    file.write_text("\n".join([*lines, "{broken"]) + "\n")
    done = deployment.run("wua", "replay", str(file), "--format", "jsonl", "--site", "shop", "--drain")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["produced"] == 31
    assert deployment.ask("SELECT sum(received), sum(rejected) FROM {db}.block_ledger") == [(31, 1)]
    assert sessions(deployment) == [(1, 30)]


def test_the_doctor_finds_a_running_deployment_well_and_a_stopped_one_ill(deployment: Deployment) -> None:
    worker = deployment.start_worker()
    deployment.wait_until_topics_exist(worker)
    well = deployment.run("wua", "doctor")
    assert well.returncode == 0, well.stdout
    deployment.front.end(signal.SIGTERM)
    ill = deployment.run("wua", "doctor")
    assert ill.returncode == 1
    assert "start ClickHouse" in ill.stdout
