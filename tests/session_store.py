"""A session store without a broker: real RocksDB, and a list for its changelog, which may break off."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, NamedTuple

import faust
from faust.types import TableT

from app.core.window_fold import Aggregation
from app.core.windows import Reach
from tables.expiring import rocksdb_table
from tables.session_windows import SessionStore, SessionWindow

#: A key's windows as (start, end, value).
Spans = list[tuple[int, int, Any]]


class Crash(BaseException):
    """The process ends here."""


class Changelog:
    """What was sent to the changelog; takes ``room`` more messages, and then the process ends."""

    def __init__(self) -> None:
        self.messages: list[tuple[bytes, bytes | None]] = []
        self.room: int | None = None

    def state(self) -> dict[bytes, bytes]:
        """What compaction leaves."""
        return {key: value for key, value in dict(self.messages).items() if value is not None}

    def _ensure_producer(self) -> Changelog:
        return self

    def create_batch(self) -> _Batch:
        return _Batch()

    async def send_batch(self, batch: _Batch, topic: str, *, partition: int) -> asyncio.Future[Any]:
        room = len(batch.messages) if self.room is None else self.room
        start = len(self.messages)
        self.messages += batch.messages[:room]
        if room < len(batch.messages):
            raise Crash
        if self.room is not None:
            self.room -= len(batch.messages)
        acknowledged: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        acknowledged.set_result(_Acknowledged(offset=start))
        return acknowledged


class _Acknowledged(NamedTuple):
    offset: int


class _Batch:
    def __init__(self) -> None:
        self.messages: list[tuple[bytes, bytes | None]] = []

    def append(self, *, key: bytes, value: bytes | None, timestamp: int, headers: Any = ()) -> object:
        self.messages.append((key, value))
        return self

    def record_count(self) -> int:
        return len(self.messages)

    def size(self) -> int:
        return 0


class Published:
    """What a consumer of the store's happenings has: a table of windows, and the final ones in order."""

    def __init__(self) -> None:
        self.table: dict[tuple[bytes, int, int], Any] = {}
        self.final: list[tuple[bytes, int, int, Any]] = []
        self.late: list[Any] = []
        self.retracted: list[tuple[bytes, int, int]] = []

    def follow(self, store: SessionStore[Any]) -> SessionStore[Any]:
        @store.on_update
        def update(key: bytes, window: SessionWindow[Any]) -> None:
            self.table[key, window.start_at, window.end_at] = window.value

        @store.on_retract
        async def retract(key: bytes, window: SessionWindow[Any]) -> None:
            self.retracted.append((key, window.start_at, window.end_at))
            self.table.pop((key, window.start_at, window.end_at), None)

        @store.on_close
        async def close(key: bytes, window: SessionWindow[Any]) -> None:
            self.final.append((key, window.start_at, window.end_at, window.value))

        store.on_late(self.late.append)
        return store

    def windows(self) -> list[tuple[bytes, int, int, Any]]:
        return sorted((*span, value) for span, value in self.table.items())


def runs_table(directory: Path) -> TableT[bytes, Any]:
    """A table of an app that is never started; opening RocksDB takes long, so make few."""
    app = faust.App("runs", broker="kafka://none", datadir=str(directory), topic_partitions=4)
    return rocksdb_table(app, "runs", partitions=None, about="")


#: Windows that keep the values they hold, sorted: no item may be missing, doubled or misplaced.
VALUES: Aggregation[tuple[int, ...]] = Aggregation(
    initializer=tuple,
    aggregator=lambda _key, value, held: tuple(sorted((*held, value))),
    merger=lambda _key, one, other: tuple(sorted(one + other)),
)


def store_on(table: TableT[bytes, Any], *, gap_ms: int, grace_ms: int) -> SessionStore[tuple[int, ...]]:
    """A store as a new process has it: nothing remembered."""
    reach = Reach(gap_ms=gap_ms, grace_ms=grace_ms)
    return SessionStore(table, reach=reach, aggregation=VALUES, value_type=tuple[int, ...])


def recover(table: Any, changelog: Changelog) -> None:
    """Let the table hold what its changelog says, as in a worker that had no directory, and write there."""
    table.app.producer = changelog
    database = table.data._db_for_partition(0)
    for key in list(database.keys()):
        database.delete(key)
    for key, value in changelog.state().items():
        database.put(key, value)


def spans(store: SessionStore[Any], key: bytes) -> Spans:
    """The open windows of a key of partition 0."""
    return [(window.start_at, window.end_at, window.value) for window in store.windows(0, key)]
