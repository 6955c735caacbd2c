"""The sink against a real engine: what it writes, once, whatever happens on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from app.adapters.clickhouse import Sink
from app.core.blocks import Boundary
from app.embedded.engine import ChdbEngine
from app.embedded.http_front import serve_front
from app.errors import SinkError
from app.events.rows import EventRow
from app.settings import ClickHouseSettings
from tests.integration.engines import (
    ask,
    batch_id,
    clickhouse,
    create_schema,
    engine,
    event_row,
    session_row,
    settings_for,
)

__all__ = ["clickhouse", "engine"]
AWKWARD = "NUL \x00 tab\t newline\n quote' \" back\\slash ; -- é 漢字 🦊 \u2028 {x:String} \x7f"


@pytest_asyncio.fixture
async def sink(clickhouse: ClickHouseSettings) -> AsyncIterator[Sink]:
    sink = Sink(clickhouse)
    yield sink
    await sink.close()


@pytest.mark.asyncio
async def test_rows_arrive_in_the_columns_of_their_names(
    engine: ChdbEngine, clickhouse: ClickHouseSettings, sink: Sink
) -> None:
    row = event_row(7, epoch=3, detail=AWKWARD, revenue=1.25, batch_id=batch_id(7))
    await sink.insert_events([row], token="t")
    arrived = ask(engine, f"SELECT * FROM {clickhouse.database}.events FORMAT JSONEachRow")
    names = (field.encode_name for field in msgspec.structs.fields(EventRow))
    assert msgspec.json.decode(arrived) == dict(zip(names, msgspec.structs.astuple(row), strict=True))


@pytest.mark.asyncio
async def test_sessions_arrive_too(engine: ChdbEngine, clickhouse: ClickHouseSettings, sink: Sink) -> None:
    await sink.insert_sessions([session_row(1), session_row(2, sign=-1)], token="t")
    arrived = ask(engine, f"SELECT sign, version, visitor_id FROM {clickhouse.database}.sessions ORDER BY 2")
    assert arrived == "1\t1\tv1\n-1\t2\tv1"


@pytest.mark.asyncio
async def test_the_same_token_changes_nothing_in_any_view(
    engine: ChdbEngine, clickhouse: ClickHouseSettings, sink: Sink
) -> None:
    rows = [event_row(offset) for offset in range(100)]
    for _ in range(3):
        await sink.insert_events(rows, token="web_events:0:0-99:b0:events")
    assert counts(engine, clickhouse) == (100, 100, 1)


@pytest.mark.asyncio
async def test_another_token_writes_the_same_rows_again(
    engine: ChdbEngine, clickhouse: ClickHouseSettings, sink: Sink
) -> None:
    rows = [event_row(offset) for offset in range(100)]
    await sink.insert_events(rows, token="one")
    await sink.insert_events(rows, token="two")
    assert counts(engine, clickhouse) == (200, 200, 2)


@pytest.mark.asyncio
async def test_a_big_block_lands_in_one_part_of_each_table(
    engine: ChdbEngine, clickhouse: ClickHouseSettings, sink: Sink
) -> None:
    rows = [event_row(offset, payload="é" * 250) for offset in range(50_000)]
    await sink.insert_events(rows, token="big")
    await sink.insert_events(rows, token="big")
    parts = ask(
        engine,
        "SELECT table, count(), sum(rows) FROM system.parts WHERE active AND table IN ('events', 'per_site')"
        f" AND database = '{clickhouse.database}' GROUP BY table ORDER BY table",
    )
    assert parts == "events\t1\t50000\nper_site\t1\t1"


@pytest.mark.asyncio
async def test_concurrent_blocks_all_arrive(
    engine: ChdbEngine, clickhouse: ClickHouseSettings, sink: Sink
) -> None:
    blocks = [[event_row(offset, partition=partition) for offset in range(500)] for partition in range(12)]
    await asyncio.gather(
        *(sink.insert_events(rows, token=f"p{partition}") for partition, rows in enumerate(blocks))
    )
    assert counts(engine, clickhouse)[:2] == (6000, 6000)


@pytest.mark.asyncio
async def test_an_empty_block_is_not_sent(engine: ChdbEngine, clickhouse: ClickHouseSettings) -> None:
    nowhere = Sink(settings_for("http://127.0.0.1:1"))
    await nowhere.insert_events([], token="t")
    await nowhere.insert_sessions([], token="t")
    await nowhere.close()
    assert counts(engine, clickhouse) == (0, 0, 0)


@pytest.mark.asyncio
async def test_a_block_that_would_be_cut_in_two_is_refused(sink: Sink) -> None:
    with pytest.raises(SinkError, match=r"1000000 rows \(token t\).*lower ingest\.block_max_events"):
        await sink.insert_events([event_row()] * 1_000_000, token="t")


@pytest.mark.asyncio
async def test_a_column_that_the_schema_lacks_is_an_error_and_writes_nothing(
    engine: ChdbEngine, clickhouse: ClickHouseSettings, sink: Sink
) -> None:
    ask(engine, f"DROP VIEW {clickhouse.database}.to_events")
    ask(engine, f"ALTER TABLE {clickhouse.database}.events_in DROP COLUMN goal")
    expected = rf"{clickhouse.database}\.events_in at .*\(token t\).*117 INCORRECT_DATA.*goal.*wua migrate"
    with pytest.raises(SinkError, match=expected) as caught:
        await sink.insert_events([event_row(1), event_row(2, goal="signup")], token="t")
    assert not caught.value.retriable
    assert ask(engine, f"SELECT count() FROM {clickhouse.database}.block_ledger") == "0"


@pytest.mark.asyncio
async def test_a_missing_schema_is_an_error_that_says_how_to_make_it(
    engine: ChdbEngine, clickhouse: ClickHouseSettings
) -> None:
    sink = Sink(clickhouse.model_copy(update={"database": "nobody"}))
    with pytest.raises(SinkError, match=r"nobody\.events_in .*81 UNKNOWN_DATABASE.*wua migrate"):
        await sink.insert_events([event_row()], token="t")
    with pytest.raises(SinkError, match=r"nobody\.block_ledger"):
        await sink.blocks_since(epoch=0, partition=0, offset=0)
    await sink.close()


@pytest.mark.asyncio
async def test_the_ledger_gives_blocks_from_an_offset_by_start(sink: Sink) -> None:
    for start, end in ((200, 299), (0, 99), (100, 199)):
        block = [
            event_row(at, batch_start=start, batch_end=end, batch_id=batch_id(start)) for at in (start, end)
        ]
        await sink.insert_events(block, token=f"{start}-{end}")
    await sink.insert_events([event_row(500, partition=1, batch_start=500, batch_end=599)], token="p1")
    await sink.insert_events([event_row(600, epoch=1, batch_start=600, batch_end=699)], token="e1")
    blocks = [Boundary(start=at, end=at + 99, batch_id=batch_id(at)) for at in (0, 100, 200)]
    assert await sink.blocks_since(epoch=0, partition=0, offset=0) == blocks
    assert await sink.blocks_since(epoch=0, partition=0, offset=199) == blocks[1:]
    assert await sink.blocks_since(epoch=0, partition=0, offset=200) == blocks[2:]
    assert await sink.blocks_since(epoch=0, partition=0, offset=300) == []


@pytest.mark.asyncio
async def test_a_block_waits_for_an_absent_server_and_is_written_once(engine: ChdbEngine) -> None:
    create_schema(engine, "waiting")
    async with serve_front(engine) as url:
        port = int(url.rpartition(":")[2])
        sink = Sink(settings_for(url, "waiting"))
        await sink.insert_events([event_row(1)], token="first")
    with capture_logs() as logs:
        waiting = asyncio.create_task(sink.insert_events([event_row(2)], token="second"))
        await asyncio.sleep(0.7)
        assert not waiting.done()
        async with serve_front(engine, port=port):
            await asyncio.wait_for(waiting, 10)
            await sink.insert_events([event_row(2)], token="second")
    await sink.close()
    assert ask(engine, "SELECT arraySort(groupArray(_offset)) FROM waiting.events") == "[1,2]"
    ours = [line for line in logs if line["event"].startswith("sink.")]
    assert [line["event"] for line in ours if line["log_level"] == "warning"] == [
        "sink.waiting",
        "sink.recovered",
    ]
    assert "waiting.events_in at http://127.0.0.1" in ours[0]["reason"]
    assert "Check clickhouse.url and that the server is up" in ours[0]["reason"]


@pytest.mark.asyncio
async def test_a_block_that_stopped_half_way_on_a_full_disk_is_completed_when_there_is_space(
    engine: ChdbEngine, clickhouse: ClickHouseSettings, sink: Sink
) -> None:
    full = f"ALTER TABLE {clickhouse.database}.block_ledger"
    ask(engine, f"{full} MODIFY SETTING min_free_disk_bytes_to_perform_insert = {10**18}")
    with capture_logs() as logs:
        waiting = asyncio.create_task(sink.insert_events([event_row(1), event_row(2)], token="t"))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        ask(engine, f"{full} RESET SETTING min_free_disk_bytes_to_perform_insert")
        await asyncio.wait_for(waiting, 10)
    [reason] = [line["reason"] for line in logs if line["event"] == "sink.waiting"]
    assert "ClickHouse error 243 NOT_ENOUGH_SPACE" in reason
    assert "To do: free space on ClickHouse's disk" in reason
    assert counts(engine, clickhouse) == (2, 2, 1)


@pytest.mark.asyncio
async def test_a_waiting_block_can_be_abandoned() -> None:
    sink = Sink(settings_for("http://127.0.0.1:1"))
    waiting = asyncio.create_task(sink.insert_events([event_row()], token="t"))
    await asyncio.sleep(0.3)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(waiting, 5)
    await asyncio.wait_for(sink.close(), 5)


def counts(engine: ChdbEngine, clickhouse: ClickHouseSettings) -> tuple[int, ...]:
    """Events, the same as counted by a chained view, and ledger lines."""
    answer = ask(
        engine,
        f"SELECT (SELECT count() FROM {clickhouse.database}.events),"
        f" (SELECT sum(rows) FROM {clickhouse.database}.per_site),"
        f" (SELECT count() FROM {clickhouse.database}.block_ledger)",
    )
    return tuple(int(value) for value in answer.split("\t"))
