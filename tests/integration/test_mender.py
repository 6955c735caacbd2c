"""The sink beside an engine that died: which blocks it looks after, and that it mends them once."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from app.adapters.clickhouse import Sink, mender, open_client
from app.core.blocks import Boundary
from app.embedded.engine import ChdbEngine
from app.embedded.http_front import serve_front
from app.events.rows import EventRow
from app.metrics import WorkerMetrics
from app.settings import ClickHouseSettings
from migrations.runner import migrate
from tests.integration.engines import engine, settings_for
from tests.sql.holes import contents, delete, event_block, hold_merges, session_block
from tests.sql.store import Store

__all__ = ["engine"]
DATABASE = "mended"


@pytest.fixture
def store(engine: ChdbEngine) -> Iterator[Store]:
    """The schema, empty."""
    client = open_client(settings_for(engine.url), readonly=False)
    migrate(client, database=DATABASE)
    found = Store(client, DATABASE)
    hold_merges(found)
    yield found
    client.command(f"DROP DATABASE {DATABASE}")
    client.close()


@pytest.fixture
def settings(engine: ChdbEngine, store: Store) -> ClickHouseSettings:
    return settings_for(engine.url, DATABASE)


@pytest_asyncio.fixture
async def new_sink(settings: ClickHouseSettings) -> AsyncIterator[Callable[..., Sink]]:
    """Makes sinks, each as a new worker has one."""
    sinks: list[Sink] = []

    def make(**changes: object) -> Sink:
        sinks.append(Sink(settings.model_copy(update=changes), metrics=WorkerMetrics()))
        return sinks[-1]

    yield make
    for sink in sinks:
        await sink.close()


def boundary(rows: list[EventRow]) -> Boundary:
    return Boundary(start=rows[0].batch_start, end=rows[0].batch_end, batch_id=rows[0].batch_id)


def lose(store: Store, table: str = "daily_user_metrics") -> None:
    """The table has the tokens of its blocks and none of their rows."""
    delete(store, table, where="1")


def repairs(sink: Sink) -> dict[tuple[str, str], float]:
    """Table and outcome -> how often."""
    metrics = sink._mender._metrics
    assert metrics is not None
    [family] = metrics.repairs.collect()
    return {
        (sample.labels["table"], sample.labels["outcome"]): sample.value
        for sample in family.samples
        if sample.name.endswith("_total")
    }


@pytest.mark.asyncio
async def test_a_block_that_an_earlier_worker_sent_is_looked_after(
    store: Store, new_sink: Callable[..., Sink]
) -> None:
    rows = event_block(1)
    await new_sink().insert_events(rows, token="t")
    whole = contents(store)
    lose(store)
    sink = new_sink()
    sink.expect_again([boundary(rows)])
    with capture_logs() as logs:
        await sink.insert_events(rows, token="t")
    assert contents(store) == whole
    assert repairs(sink) == {("daily_user_metrics", "filled"): 1}
    [line] = [line for line in logs if line["event"] == "repair.filled"]
    assert (line["table"], line["partitions"]) == ("daily_user_metrics", ("2015",))


@pytest.mark.asyncio
async def test_over_http_as_well(store: Store, engine: ChdbEngine, new_sink: Callable[..., Sink]) -> None:
    rows = event_block(1)
    torn = ("user_behavior_silver", "page_performance_metrics")
    async with serve_front(engine) as url:
        await new_sink(url=url).insert_events(rows, token="t")
        whole = contents(store)
        for table in torn:
            lose(store, table)
        sink = new_sink(url=url)
        sink.expect_again([boundary(rows)])
        await sink.insert_events(rows, token="t")
        assert contents(store) == whole
        assert repairs(sink) == {(table, "filled"): 1 for table in torn}


@pytest.mark.asyncio
async def test_a_block_of_sessions_is_looked_after_too(store: Store, new_sink: Callable[..., Sink]) -> None:
    rows = session_block(1)
    await new_sink().insert_sessions(rows, token="s")
    whole = contents(store)
    lose(store, "session_analytics")
    sink = new_sink()
    sink.expect_again([Boundary(start=10, end=19, batch_id=rows[0].batch_id)])
    await sink.insert_sessions(rows, token="s")
    assert contents(store) == whole
    assert repairs(sink) == {("session_analytics", "filled"): 1}


@pytest.mark.asyncio
async def test_what_the_ledger_knows_is_looked_after_if_the_engine_started_later(
    store: Store, new_sink: Callable[..., Sink], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = event_block(1)
    await new_sink().insert_events(rows, token="t")
    whole = contents(store)
    lose(store)
    sink = new_sink()
    assert await sink.blocks_since(epoch=0, partition=0, offset=0) == [boundary(rows)]
    monkeypatch.setattr(mender, "SLACK_S", -math.inf)  # the engine is older than the block
    await sink.insert_events(rows, token="t")
    assert repairs(sink) == {}
    monkeypatch.setattr(mender, "SLACK_S", math.inf)  # the block is older than the engine
    await sink.insert_events(rows, token="t")
    assert repairs(sink) == {("daily_user_metrics", "filled"): 1}
    assert contents(store) == whole


@pytest.mark.asyncio
@pytest.mark.parametrize("changes", [{}, {"replicated": True}], ids=["first sending", "replicated"])
async def test_otherwise_nothing_is_looked_at(
    store: Store, new_sink: Callable[..., Sink], changes: dict[str, bool]
) -> None:
    rows = event_block(1)
    await new_sink().insert_events(rows, token="t")
    lose(store)
    sink = new_sink(**changes)
    if changes:
        sink.expect_again([boundary(rows)])
    with capture_logs() as logs:
        await sink.insert_events(rows, token="t")
    assert not [line for line in logs if line["event"].startswith("repair.")]
    assert store.one("SELECT count() FROM {db}.daily_user_metrics") == 0


@pytest.mark.asyncio
async def test_a_block_sent_again_after_an_outage_is_looked_after(
    store: Store, new_sink: Callable[..., Sink], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker lives on: its insert fails, the engine comes back with the token and without the rows."""
    monkeypatch.setattr(mender, "SLACK_S", math.inf)
    rows = event_block(1)
    await new_sink().insert_events(rows, token="t")
    whole = contents(store)
    lose(store)
    full = "ALTER TABLE {db}.block_ledger"
    store.run(f"{full} MODIFY SETTING min_free_disk_bytes_to_perform_insert = {10**18}")
    sink = new_sink()
    with capture_logs() as logs:
        waiting = asyncio.create_task(sink.insert_events(rows, token="t"))
        while not any(line["event"] == "sink.waiting" for line in logs):
            await asyncio.sleep(0.01)
        store.run(f"{full} RESET SETTING min_free_disk_bytes_to_perform_insert")
        await asyncio.wait_for(waiting, 60)
    assert repairs(sink) == {("daily_user_metrics", "filled"): 1}
    assert contents(store) == whole


@pytest.mark.asyncio
async def test_blocks_of_other_partitions_that_flow_meanwhile_disturb_nothing(
    store: Store, new_sink: Callable[..., Sink]
) -> None:
    """They share every day and page with the block that is looked after."""
    rows = event_block(1)
    await new_sink().insert_events(rows, token="t")
    lose(store)
    sink = new_sink()
    sink.expect_again([boundary(rows)])

    async def flow(partition: int) -> None:
        for number in range(4):
            mine = event_block(number, partition=partition)
            await sink.insert_events(mine, token=f"{partition}:{number}")

    await asyncio.gather(sink.insert_events(rows, token="t"), *map(flow, (1, 2)))
    assert repairs(sink) == {("daily_user_metrics", "filled"): 1}
    rows_of = partial("SELECT sum(rows) FROM {{db}}.{}".format)
    assert store.one(rows_of("daily_user_metrics")) == store.one(rows_of("events_per_hour")) == 9 * 8


@pytest.mark.asyncio
async def test_what_cannot_be_settled_is_an_alarm_and_events_go_on(
    store: Store, new_sink: Callable[..., Sink], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mender, "LOOKS", 2)
    rows = event_block(1)
    await new_sink().insert_events(rows, token="t")
    store.run(
        "INSERT INTO {db}.events_per_day (site_id, bucket, is_bot, event_type, rows, events) "
        "VALUES ('shop', '2015-05-17 00:00:00', 0, 'click', 1, 1)"
    )
    sink = new_sink()
    sink.expect_again([boundary(rows)])
    with capture_logs() as logs:
        await sink.insert_events(rows, token="t")
    assert repairs(sink) == {("events_per_day", "unsettled"): 1}
    [line] = [line for line in logs if line["log_level"] == "error"]
    assert line["event"] == "repair.unsettled"
    assert "wua reconcile" in line["to_do"]


@pytest.mark.asyncio
async def test_a_schema_that_cannot_be_compared_is_an_alarm_and_events_go_on(
    store: Store, new_sink: Callable[..., Sink]
) -> None:
    store.run("CREATE TABLE {db}.bad (site_id String, local_date Date) ENGINE = MergeTree ORDER BY site_id")
    store.run(
        "CREATE MATERIALIZED VIEW {db}.bad_mv TO {db}.bad AS SELECT e.site_id AS site_id, e.local_date AS "
        "local_date FROM {db}.user_behavior_silver AS e"
    )
    rows = event_block(1)
    sink = new_sink()
    sink.expect_again([boundary(rows)])
    with capture_logs() as logs:
        await sink.insert_events(rows, token="t")
    [line] = [line for line in logs if line["log_level"] == "error"]
    assert line["event"] == "repair.failed"
    assert "mended.bad lacks rows" in line["reason"]
    assert store.one("SELECT count() FROM {db}.block_ledger") == 1
