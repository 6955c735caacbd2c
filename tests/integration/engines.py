"""A real engine for the ClickHouse tests, reached directly and through the HTTP front, and a small schema.

One process can run one chDB engine at a time: ``engine`` lives as long as its test module.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
import pytest_asyncio

from app.adapters.clickhouse import open_client
from app.embedded.engine import ChdbEngine
from app.embedded.http_front import serve_front
from app.events.rows import EventRow, SessionRow
from app.events.vocabulary import Outcome
from app.settings import ClickHouseSettings

WINDOW = "SETTINGS non_replicated_deduplication_window = 1000"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChdbEngine]:
    """A started engine on a new directory."""
    with ChdbEngine(tmp_path_factory.mktemp("chdb") / "data") as engine:
        yield engine


@pytest_asyncio.fixture(params=["chdb", "front"])
async def clickhouse(request: pytest.FixtureRequest, engine: ChdbEngine) -> AsyncIterator[ClickHouseSettings]:
    """Settings of a new database, by the engine's own path and by its HTTP front."""
    database = f"test_{uuid.uuid4().hex[:12]}"
    create_schema(engine, database)
    if request.param == "chdb":
        yield settings_for(engine.url, database)
        return
    async with serve_front(engine) as url:
        yield settings_for(url, database)


def settings_for(url: str, database: str = "default", **changes: Any) -> ClickHouseSettings:
    """Settings that wait briefly, for tests."""
    return ClickHouseSettings(url=url, database=database, **{"retry_max_wait_s": 0.2, **changes})


def create_schema(engine: ChdbEngine, database: str) -> None:
    """Null tables with the columns of the rows, two views of events, one of sessions, and the ledger."""
    for statement in (
        f"CREATE DATABASE {database}",
        f"CREATE TABLE {database}.events_in ({columns(EventRow)}) ENGINE = Null",
        f"CREATE TABLE {database}.sessions_in ({columns(SessionRow)}) ENGINE = Null",
        f"CREATE TABLE {database}.events ({columns(EventRow)}) ENGINE = MergeTree ORDER BY _offset {WINDOW}",
        f"CREATE TABLE {database}.sessions ({columns(SessionRow)}) ENGINE = MergeTree"
        f" ORDER BY version {WINDOW}",
        f"CREATE TABLE {database}.per_site (site_id String, rows Int64) ENGINE = SummingMergeTree"
        f" ORDER BY site_id {WINDOW}",
        f"CREATE TABLE {database}.block_ledger (_epoch UInt32, _partition Int32, _batch_start Int64,"
        f" _batch_end Int64, _batch_id UUID, received Int64, inserted_at DateTime DEFAULT now())"
        f" ENGINE = MergeTree ORDER BY _batch_start {WINDOW}",
        f"CREATE MATERIALIZED VIEW {database}.to_events TO {database}.events"
        f" AS SELECT * FROM {database}.events_in",
        f"CREATE MATERIALIZED VIEW {database}.to_sessions TO {database}.sessions"
        f" AS SELECT * FROM {database}.sessions_in",
        f"CREATE MATERIALIZED VIEW {database}.to_site TO {database}.per_site"
        f" AS SELECT site_id, count() AS rows FROM {database}.events GROUP BY site_id",
        f"CREATE MATERIALIZED VIEW {database}.to_ledger TO {database}.block_ledger"
        " AS SELECT _epoch, _partition, _batch_start, _batch_end, toUUID(e._batch_id) AS _batch_id,"
        " count() AS received"
        f" FROM {database}.events_in AS e GROUP BY ALL",
    ):
        ask(engine, statement)


def columns(row: type[msgspec.Struct]) -> str:
    """Column definitions of a row, by its encoded names."""
    hints = get_type_hints(row)
    return ", ".join(
        f"`{field.encode_name}` {_column_type(hints[field.name])}" for field in msgspec.structs.fields(row)
    )


def ask(engine: ChdbEngine, sql: str) -> str:
    """The tab-separated answer, straight from the engine."""
    client = open_client(settings_for(engine.url), readonly=False)
    try:
        return client.raw_query(sql).decode().rstrip("\n")
    finally:
        client.close()


def batch_id(number: int) -> str:
    """A readable UUID."""
    return str(uuid.UUID(int=number))


def event_row(offset: int = 0, **changes: Any) -> EventRow:
    """A rejected event of block 0..99 of partition 0, unless told otherwise."""
    given = {
        "outcome": Outcome.REJECTED,
        "epoch": 0,
        "partition": 0,
        "offset": offset,
        "batch_start": 0,
        "batch_end": 99,
        "batch_id": batch_id(0),
        "received_at": 1_700_000_000_000,
        "site_id": "shop",
    }
    return EventRow(**(given | changes))


def session_row(version: int = 1, **changes: Any) -> SessionRow:
    """The first statement about a session."""
    given = {
        "sign": 1,
        "version": version,
        "epoch": 0,
        "partition": 0,
        "batch_start": 0,
        "batch_end": 99,
        "batch_id": batch_id(0),
        "session_id": "s1",
        "site_id": "shop",
        "visitor_id": "v1",
    }
    return SessionRow(**(given | changes))


def _column_type(hint: Any) -> str:
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if float in kinds:
        return "Float64"
    return "String" if any(issubclass(kind, str) for kind in kinds) else "Int64"
