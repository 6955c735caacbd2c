"""The whole product in one process: broker, worker, RocksDB, ClickHouse."""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.adapters.clickhouse import open_client
from app.embedded.place import FRONT_FILE, clickhouse_url
from app.embedded.stack import EmbeddedStack, Feeder
from app.errors import EmbeddedError
from app.settings import Settings
from tests.factories import MINUTE, T0, plain_enrichment, wire

pytestmark = pytest.mark.asyncio


def stack_over(directory: Path) -> EmbeddedStack:
    return EmbeddedStack(Settings(), data_dir=directory, enrich=plain_enrichment)


def message(**fields: Any) -> tuple[bytes | None, bytes]:
    event = wire(origin="replay", **fields)
    return f"{event['site_id']}:{event['visitor_id']}".encode(), msgspec.json.encode(event)


def views(*offsets: int, visitor: str = "v1") -> list[tuple[bytes | None, bytes]]:
    return [message(visitor_id=visitor, at=T0 + offset, event_id=str(uuid.uuid4())) for offset in offsets]


async def fed(stack: EmbeddedStack, *messages: tuple[bytes | None, bytes]) -> None:
    feeder = Feeder(stack)
    await feeder.start()
    try:
        await feeder.send(messages)
        await feeder.drain()
    finally:
        await feeder.stop()
    assert feeder.handled == len(messages)


def ask(stack: EmbeddedStack, sql: str) -> list[tuple[Any, ...]]:
    client = open_client(stack.settings.clickhouse, readonly=True)
    try:
        return [tuple(row) for row in client.query(sql).result_rows]
    finally:
        client.close()


SESSIONS = "SELECT sum(sessions), sum(page_views) FROM wua.session_analytics"
VIEWS = "SELECT sum(page_views), sum(rows) FROM wua.daily_user_metrics"


async def test_sessions_go_on_over_a_restart_and_the_same_events_change_nothing(tmp_path):
    first, later = views(0, MINUTE), views(20 * MINUTE)
    async with stack_over(tmp_path) as stack:
        await fed(stack, *first)
        assert ask(stack, SESSIONS) == [(1, 2)]
    async with stack_over(tmp_path) as stack:
        await fed(stack, *first, *later)
        assert ask(stack, SESSIONS) == [(1, 3)]
        assert ask(stack, VIEWS) == [(3, 3)]
        assert ask(stack, "SELECT sum(received), sum(accepted), sum(duplicates) FROM wua.block_ledger") == [
            (5, 3, 2)
        ]


async def test_a_late_event_bridges_two_sessions_in_every_gold(tmp_path):
    async with stack_over(tmp_path) as stack:
        await fed(stack, *views(0, 60 * MINUTE))
        assert ask(stack, SESSIONS) == [(2, 2)]
        await fed(stack, *views(30 * MINUTE))
        assert ask(stack, SESSIONS) == [(1, 3)]
        for gold in ("traffic_sources_daily", "device_breakdown_daily"):
            assert ask(stack, f"SELECT sum(sessions), sum(page_views) FROM wua.{gold}") == [(1, 3)]
        assert ask(stack, "SELECT count() FROM wua.sessions_silver FINAL") == [(1,)]


GARBAGE = {
    "empty_body": b"",
    "malformed_json": b'{"event_id": "0198',
    "not_an_object": b"[1]",
    "too_large": b'"' + b"x" * 1_000_000 + b'"',
    "invalid_utf8": b'{"title": "\xff"}',
    "nul_character": b'{"title": "\\u0000"}',
    "unknown_event_type": json.dumps(wire(event_type="mouse_wiggle")).encode(),
    "wrong_type": json.dumps(wire(occurred_at="noon")).encode(),
    "in_future": json.dumps(wire(occurred_at=T0 + 120_000)).encode(),
    "too_old": json.dumps(wire(occurred_at=T0 - 8 * 86_400_000)).encode(),
    "too_deep": json.dumps(wire()).encode()[:-1] + b',"properties":' + b'{"a":' * 200 + b"1" + b"}" * 201,
    "missing_field": json.dumps(wire(event_id=...)).encode(),
    "invalid_url": json.dumps(wire(url="javascript:alert(1)")).encode(),
}


async def test_garbage_gets_a_named_reason_and_nothing_behind_it_waits(tmp_path):
    from app.adapters.enricher import Enricher

    async with EmbeddedStack(Settings(), data_dir=tmp_path, enrich=Enricher()) as stack:
        await fed(stack, *[(b"shop:v1", raw) for raw in GARBAGE.values()], *views(0))
        found = ask(stack, "SELECT reason, count() FROM wua.rejected_events_bronze GROUP BY reason")
        assert dict(found) == dict.fromkeys(GARBAGE, 1)
        assert ask(stack, VIEWS) == [(1, 1)]


async def test_other_processes_find_the_engine_while_the_stack_runs(tmp_path):
    async with stack_over(tmp_path):
        url = await asyncio.to_thread(clickhouse_url, tmp_path)
        assert url.startswith("http://127.0.0.1:")
    assert not (tmp_path / FRONT_FILE).exists()
    assert clickhouse_url(tmp_path) == f"chdb://{tmp_path / 'clickhouse'}"


async def test_a_failed_worker_is_told_with_what_to_do(tmp_path):
    async with stack_over(tmp_path) as stack:
        stack.check()
        stack._on_fatal(RuntimeError("boom"))
        with pytest.raises(EmbeddedError, match=r"boom.*run the same command again"):
            stack.check()
