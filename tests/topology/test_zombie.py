"""A worker that stands still in the middle of a block, is replaced, and goes on where it stood."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import pytest_asyncio
from faust.types import TP

from agents.ingest import BlockHandler
from app.adapters.chunks import Chunk
from app.core.blocks import known_blocks
from app.embedded.broker import EmbeddedBroker
from app.errors import FencedError
from app.events.dead_letter import DeadLetter
from app.events.rows import EventRow, SessionRow
from app.events.sessions import ClosedSession
from app.metrics import WorkerMetrics
from app.topology import Topology
from tables.owned_state import HEADER, OWNER
from tests.factories import MINUTE, T0, Record, plain_enrichment, record, rules
from tests.topology.parts import broker, built, settings_for, storing, until

__all__ = ["broker"]

pytestmark = pytest.mark.asyncio

AT = TP("web_events", 2)
RECORDS = [record(offset=offset, at=T0 + offset * MINUTE) for offset in range(6)]


class Store:
    """ClickHouse as a set of tokens and the rows that came under them."""

    def __init__(self) -> None:
        self.rows: dict[str, Sequence[EventRow | SessionRow]] = {}

    def bronze(self) -> list[int]:
        """Offsets of the event rows."""
        kept = [row for rows in self.rows.values() for row in rows if isinstance(row, EventRow)]
        return sorted(row.offset for row in kept)

    def sessions(self) -> list[tuple[int, int]]:
        """(events, sum of signs) of each version of a session that is not taken back."""
        signs: dict[int, int] = {}
        for row in (row for rows in self.rows.values() for row in rows if isinstance(row, SessionRow)):
            signs[row.events] = signs.get(row.events, 0) + row.sign
        return [(events, sign) for events, sign in signs.items() if sign]


class Worker:
    """A worker's handler over a store that others use, too; ``stands`` holds it before its next insert."""

    def __init__(self, graph: Topology, store: Store) -> None:
        self.graph = graph
        self.store = store
        self.waits = False
        self.stands = asyncio.Event()
        self.stands.set()
        self.handler = BlockHandler(
            epoch=1,
            rules=rules(),
            enrich=plain_enrichment,
            windows=graph.windows,
            sink=self,
            outlets=self,
            metrics=WorkerMetrics(),
            clock=lambda: T0,
        )

    async def insert_events(self, rows: Sequence[EventRow], *, token: str) -> None:
        self.waits = True
        await self.stands.wait()
        self.store.rows.setdefault(token, rows)

    async def insert_sessions(self, rows: Sequence[SessionRow], *, token: str) -> None:
        self.store.rows.setdefault(token, rows)

    async def send_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        assert not letters

    async def send_sessions(self, sessions: Sequence[ClosedSession]) -> None:
        assert not sessions

    async def handle(self, records: Sequence[Record]) -> None:
        await self.handler.handle(Chunk(AT, records, batch_id=None))

    async def take_over(self, records: Sequence[Record]) -> None:
        """Become the owner and handle what is not committed, along the boundaries that are known."""
        claims = await self.graph.windows.take(AT.partition)
        left = list(records)
        for block in known_blocks([], claims, epoch=1, offset=0):
            inside = [one for one in left if block.start <= one.offset <= block.end]
            left = [one for one in left if one.offset > block.end]
            await self.handler.handle(Chunk(AT, inside, batch_id=block.batch_id))
        for one in left:
            await self.handle([one])


@pytest_asyncio.fixture
async def workers(
    broker: EmbeddedBroker, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[tuple[Worker, Worker]]:
    """One that has the partition and will stand still, and one that will take it over; one store."""
    app_id = "".join(letter if letter.isalnum() else "_" for letter in request.node.name)
    zombie, owner = (
        built(settings_for(broker, tmp_path, app={"data_dir": tmp_path / name, "id": app_id}))
        for name in ("zombie", "owner")
    )
    store = Store()
    async with storing(zombie, broker), storing(owner, broker):
        await zombie.windows.take(AT.partition)
        yield Worker(zombie, store), Worker(owner, store)


async def test_a_zombie_in_the_middle_of_an_insert_changes_nothing(workers: tuple[Worker, Worker]) -> None:
    """It had claimed its block, so that whoever took over has written it under the same name."""
    zombie, owner = workers
    zombie.stands.clear()
    block = asyncio.create_task(zombie.handle(RECORDS[:3]))
    await until(lambda: zombie.waits)
    await owner.take_over(RECORDS)
    zombie.stands.set()
    with pytest.raises(FencedError):
        await block
    assert owner.store.bronze() == [0, 1, 2, 3, 4, 5]
    assert owner.store.sessions() == [(6, 1)]
    (state,) = owner.graph.windows.load(AT.partition, [b"shop:v1"]).values()
    assert (state.last_offset, state.windows[0].events) == (5, 6)


async def test_the_term_that_a_recovery_came_to_holds_for_the_next(workers: tuple[Worker, Worker]) -> None:
    """A partition may be given up between its recovery and its take-over; then a zombie's messages follow."""
    _, owner = workers
    windows = owner.graph.windows
    changelog = windows.table.changelog_topic.get_topic_name()
    key = b"shop:v1"

    def recover(offset: int, *, key: bytes, value: bytes, term: int | None = None) -> None:
        message = SimpleNamespace(
            tp=TP(changelog, AT.partition),
            partition=AT.partition,
            offset=offset,
            key=key,
            value=value,
            headers=[] if term is None else [(HEADER, str(term).encode())],
        )
        windows.table.apply_changelog_batch(cast(Any, [SimpleNamespace(message=message, key=key)]))

    recover(8, key=key, value=b"by the owner", term=5)
    recover(9, key=OWNER, value=b"another")
    windows.forget(AT.partition)
    recover(10, key=key, value=b"by a zombie", term=5)
    assert windows._owned.read(AT.partition, [key]) == {key: b"by the owner"}
    recover(11, key=key, value=b"by the other", term=9)
    assert windows._owned.read(AT.partition, [key]) == {key: b"by the other"}


async def test_a_zombie_that_had_not_begun_writes_nothing(workers: tuple[Worker, Worker]) -> None:
    """Its block would have other bounds and another name: it must not reach the store."""
    zombie, owner = workers
    await owner.take_over(RECORDS)
    with pytest.raises(FencedError):
        await zombie.handle(RECORDS[:3])
    assert not zombie.waits
    assert owner.store.bronze() == [0, 1, 2, 3, 4, 5]
    assert owner.store.sessions() == [(6, 1)]
