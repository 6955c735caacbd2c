"""The whole product in one process: broker, worker, RocksDB, ClickHouse.

A process has one engine at a time: tests that start a stack of their own come before those that share one.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from app.adapters.clickhouse import open_client
from app.adapters.enricher import Enricher
from app.core.rules import SiteRules
from app.embedded.engine import ChdbEngine
from app.embedded.place import FRONT_FILE, clickhouse_url
from app.embedded.stack import EmbeddedStack, Feeder
from app.errors import EmbeddedError
from app.events.enriched import Enrichment
from app.events.rejects import Reject
from app.events.wire import WebEvent
from app.settings import Settings
from tests.factories import MINUTE, T0, plain_enrichment, wire

pytestmark = pytest.mark.asyncio(loop_scope="module")


def stack_over(directory: Path) -> EmbeddedStack:
    return EmbeddedStack(Settings(), data_dir=directory, enrich=plain_enrichment)


def message(**fields: Any) -> tuple[bytes | None, bytes]:
    event = wire(origin="replay", **fields)
    return f"{event['site_id']}:{event['visitor_id']}".encode(), msgspec.json.encode(event)


def views(*offsets: int, visitor: str = "v1", site: str = "shop") -> list[tuple[bytes | None, bytes]]:
    return [
        message(site_id=site, visitor_id=visitor, at=T0 + offset, event_id=str(uuid.uuid4()))
        for offset in offsets
    ]


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


def sessions_in(gold: str, *, site: str) -> str:
    return f"SELECT sum(sessions), sum(page_views) FROM wua.{gold} WHERE site_id = '{site}'"


def views_of(site: str) -> str:
    return f"SELECT sum(page_views), sum(rows) FROM wua.daily_user_metrics WHERE site_id = '{site}'"


async def test_sessions_go_on_over_a_restart_and_the_same_events_change_nothing(tmp_path):
    first, later = views(0, MINUTE), views(20 * MINUTE)
    sessions = sessions_in("session_analytics", site="shop")
    async with stack_over(tmp_path) as stack:
        await fed(stack, *first)
        assert ask(stack, sessions) == [(1, 2)]
    assert not (tmp_path / FRONT_FILE).exists()
    async with stack_over(tmp_path) as stack:
        await fed(stack, *first, *later)
        assert ask(stack, sessions) == [(1, 3)]
        assert ask(stack, views_of("shop")) == [(3, 3)]
        assert ask(stack, "SELECT sum(received), sum(accepted), sum(duplicates) FROM wua.block_ledger") == [
            (5, 3, 2)
        ]


async def test_a_start_beside_another_engine_leaves_nothing_behind(tmp_path):
    with ChdbEngine(tmp_path / "other"):
        with pytest.raises(EmbeddedError, match="a process can have one only"):
            await stack_over(tmp_path / "data").__aenter__()
        assert not (tmp_path / "data" / FRONT_FILE).exists()
        assert not (tmp_path / "data" / "epoch").exists()


async def test_a_start_that_fails_midway_leaves_nothing_running(tmp_path):
    (tmp_path / "epoch").write_text("the first one")
    stack = stack_over(tmp_path)
    before = asyncio.all_tasks()
    with pytest.raises(ValueError, match="the first one"):
        await stack.__aenter__()
    assert not (tmp_path / FRONT_FILE).exists()
    assert asyncio.all_tasks() == before
    # The engine's directory is free, and with it this process's one engine.
    for directory in ("clickhouse", "another"):
        with ChdbEngine(tmp_path / directory) as engine:
            assert engine.data_dir.is_dir()


@pytest.mark.parametrize("left_over", [None, "http://127.0.0.1:1", "", "no url", "http://[::1"])
async def test_where_nobody_answers_the_engine_is_the_directory_itself(tmp_path, left_over):
    """What a killed stack leaves, or one that is about to write it."""
    if left_over is not None:
        (tmp_path / FRONT_FILE).write_text(left_over)
    assert await asyncio.to_thread(clickhouse_url, tmp_path) == f"chdb://{tmp_path / 'clickhouse'}"


async def test_where_something_else_answers_the_engine_is_the_directory_itself(tmp_path):
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        (tmp_path / FRONT_FILE).write_text(f"http://127.0.0.1:{port}")
        assert await asyncio.to_thread(clickhouse_url, tmp_path) == f"chdb://{tmp_path / 'clickhouse'}"


# One stack for the rest


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedStack]:
    """A running stack whose worker fails for one visitor."""
    enricher = Enricher()

    def enrich(event: WebEvent, *, site: SiteRules) -> Enrichment | Reject:
        if event.visitor_id == "poison":
            raise RuntimeError("boom")
        return enricher(event, site=site)

    directory = tmp_path_factory.mktemp("stack")
    async with EmbeddedStack(Settings(), data_dir=directory, enrich=enrich) as stack:
        yield stack


async def test_other_processes_find_the_engine_while_the_stack_runs(stack):
    directory = stack.settings.app.data_dir.parent
    url = await asyncio.to_thread(clickhouse_url, directory)
    assert url == (directory / FRONT_FILE).read_text()
    assert url.startswith("http://127.0.0.1:")


async def test_a_late_event_bridges_two_sessions_in_every_gold(stack):
    await fed(stack, *views(0, 60 * MINUTE, site="bridge"))
    assert ask(stack, sessions_in("session_analytics", site="bridge")) == [(2, 2)]
    await fed(stack, *views(30 * MINUTE, site="bridge"))
    for gold in ("session_analytics", "traffic_sources_daily", "device_breakdown_daily"):
        assert ask(stack, sessions_in(gold, site="bridge")) == [(1, 3)]
    silver = "SELECT count() FROM wua.sessions_silver FINAL WHERE site_id = 'bridge'"
    assert ask(stack, silver) == [(1,)]


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


async def test_garbage_gets_a_named_reason_and_nothing_behind_it_waits(stack):
    await fed(stack, *[(b"shop:v1", raw) for raw in GARBAGE.values()], *views(0))
    found = ask(stack, "SELECT reason, count() FROM wua.rejected_events_bronze GROUP BY reason")
    assert dict(found) == dict.fromkeys(GARBAGE, 1)
    assert ask(stack, views_of("shop")) == [(1, 1)]


async def test_a_failed_worker_is_told_with_what_to_do_and_its_block_has_no_effect(stack):
    """The last one: the worker goes no further."""
    await fed(stack, *views(0, site="fatal"))
    stack.check()
    with pytest.raises(EmbeddedError, match=r"boom.*run the same command again"):
        await fed(stack, *views(0, MINUTE, visitor="poison", site="fatal"))
    with pytest.raises(EmbeddedError, match="boom"):
        stack.check()
    assert ask(stack, views_of("fatal")) == [(1, 1)]
