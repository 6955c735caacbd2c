"""Logs of changes in ClickHouse: rows of an id, of which the latest is how it stands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import msgspec

from app.adapters.clickhouse.queries import QueryPool
from app.adapters.clickhouse.records import Records
from app.errors import QueryError, SinkUnavailableError
from app.settings import ClickHouseSettings

_ALL = "SELECT * FROM {database:Identifier}.{table:Identifier} ORDER BY changed_at, id"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A row: how ``id`` stands since ``changed_at``; ``is_gone`` in any row holds for good."""

    id: str
    changed_at: datetime
    is_gone: int = 0


C = TypeVar("C", bound=Change)


class Standing(msgspec.Struct, Generic[C], frozen=True, kw_only=True):
    """An id as its rows say: the latest, when the first was written, whether it is gone."""

    latest: C
    made_at: datetime
    is_gone: bool


class Store(msgspec.Struct, frozen=True):
    """What the logs are read and written with."""

    pool: QueryPool
    records: Records
    database: str


@asynccontextmanager
async def opened(settings: ClickHouseSettings) -> AsyncIterator[Store]:
    """A store of a command's own."""
    store = Store(QueryPool(settings), Records(settings), settings.database)
    try:
        yield store
    finally:
        await asyncio.gather(store.pool.close(), store.records.close())


class ChangeLog(Generic[C]):
    """One of the logs. Raises SinkUnavailableError when ClickHouse is away, SinkError when it refuses."""

    def __init__(self, store: Store, *, table: str, kind: type[C]) -> None:
        self._store = store
        self._table = table
        self._kind = kind

    async def add(self, row: C) -> None:
        """It stands so from now on."""
        await self._store.records.insert(self._table, row)

    async def listed(self) -> list[Standing[C]]:
        """Everything that was ever there, the oldest first."""
        return await self.found(_ALL, {"table": self._table})

    async def found(self, sql: str, parameters: Mapping[str, Any]) -> list[Standing[C]]:
        """What a question finds that gives rows in the order of their times."""
        try:
            bound = {"database": self._store.database, **parameters}
            answer = await self._store.pool.query(sql, bound)
        except QueryError as error:
            # It is not the question of whoever asks that is wrong.
            raise SinkUnavailableError(
                f"who may sign in cannot be read: {error}; run `wua migrate`"
            ) from error
        return standing(self._kind, answer.columns, answer.rows)

    async def forget(self, *, column: str, value: str) -> None:
        """Remove the rows with this value; they are gone on return."""
        await self._store.records.delete(self._table, column=column, values=[value])


def standing(kind: type[C], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[Standing[C]]:
    """Rows in the order of their times -> how each id stands, in the order of their first rows."""
    found: dict[str, Standing[C]] = {}
    for row in rows:
        values = {name: _in_utc(value) for name, value in zip(columns, row, strict=True)}
        latest = msgspec.convert(values, kind)
        before = found.get(latest.id)
        found[latest.id] = Standing(
            latest=latest,
            made_at=before.made_at if before else latest.changed_at,
            is_gone=bool(latest.is_gone) or (before is not None and before.is_gone),
        )
    return list(found.values())


def _in_utc(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
