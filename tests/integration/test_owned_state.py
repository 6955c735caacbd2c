"""Two workers on one changelog, of which one does not know that its partition is the other's."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition

from app.adapters.changelog import read_range
from app.embedded.broker import EmbeddedBroker
from app.errors import FencedError
from tables.owned_state import CLAIM, HEADER, OWNER, OwnedState
from tables.visitors import NAME as VISITORS
from tests.topology.parts import broker, built, messages_in, settings_for, storing

__all__ = ["broker"]

pytestmark = pytest.mark.asyncio

P = 1


class Workers:
    """Any number of workers of one app, each with a data directory of its own."""

    def __init__(self, broker: EmbeddedBroker, directory: Path, app_id: str) -> None:
        self._broker = broker
        self._directory = directory
        self._app_id = app_id
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Workers:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def start(self, name: str) -> OwnedState:
        """The state of a worker that has recovered nothing yet."""
        settings = settings_for(
            self._broker, self._directory, app={"data_dir": self._directory / name, "id": self._app_id}
        )
        graph = await self._stack.enter_async_context(storing(built(settings), self._broker))
        return OwnedState(graph.app.tables[VISITORS])

    async def journal(self, state: OwnedState) -> dict[bytes | None, bytes | None]:
        """The last value of each key in the changelog, as compaction leaves it."""
        return dict(await messages_in(self._broker, state.changelog(P).topic, partition=P))


@pytest_asyncio.fixture
async def workers(
    broker: EmbeddedBroker, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Workers]:
    app_id = "".join(letter if letter.isalnum() else "_" for letter in request.node.name)[:200]
    async with Workers(broker, tmp_path, app_id) as workers:
        yield workers


async def claim(state: OwnedState, start: int, end: int, name: str = "b", *, epoch: int = 1) -> None:
    await state.claim(P, epoch=epoch, start=start, end=end, batch_id=name)


async def test_an_owner_claims_one_block_after_the_other(workers: Workers) -> None:
    state = await workers.start("one")
    assert await state.take(P) == []
    await claim(state, 0, 9, "first")
    await claim(state, 10, 19, "second")
    (left,) = await state.take(P)
    assert (left.start, left.end, left.batch_id, left.epoch) == (10, 19, "second", 1)


async def test_who_was_replaced_claims_nothing_more(workers: Workers) -> None:
    old, new = await workers.start("old"), await workers.start("new")
    await old.take(P)
    await claim(old, 0, 9)
    await new.take(P)
    with pytest.raises(FencedError, match=r"partition 1: another worker has taken it over.*Start it again"):
        await claim(old, 10, 19)
    with pytest.raises(FencedError, match=r"lost before its block 20-29"):
        await claim(old, 20, 29)
    await claim(new, 10, 14)


async def test_a_block_that_had_begun_is_finished_after_its_partition_was_given_up(workers: Workers) -> None:
    """A rebalance waits for it: it must neither end the worker nor be written without a term."""
    old, new = await workers.start("old"), await workers.start("new")
    await old.take(P)
    old.release(P)
    assert not old.is_taken(P)
    await claim(old, 0, 9, "begun")
    await old.write(P, {b"visitor": b"7"})
    (left,) = await new.take(P)
    assert (left.batch_id, new.read(P, [b"visitor"])) == ("begun", {b"visitor": b"7"})
    with pytest.raises(FencedError):
        await old.write(P, {b"visitor": b"stale"})


async def test_a_partition_that_was_given_up_is_taken_anew(workers: Workers) -> None:
    one, other = await workers.start("one"), await workers.start("other")
    await one.take(P)
    one.release(P)
    await other.take(P)
    other.release(P)
    await one.take(P)
    assert one.is_taken(P)
    await claim(one, 0, 9)


async def test_a_claim_made_in_time_is_found_by_the_next_owner_whatever_it_had_recovered(
    workers: Workers,
) -> None:
    old, new = await workers.start("old"), await workers.start("new")
    await old.take(P)
    await old.write(P, {b"visitor": b"7"})
    await claim(old, 0, 9, "on its way")
    (left,) = await new.take(P)
    assert (left.start, left.end, left.batch_id) == (0, 9, "on its way")
    assert new.read(P, [b"visitor"]) == {b"visitor": b"7"}


async def test_a_claim_is_kept_until_its_block_is_behind(workers: Workers) -> None:
    old, new = await workers.start("old"), await workers.start("new")
    await old.take(P)
    await claim(old, 0, 9, "left")
    await new.take(P)
    await claim(new, 0, 9, "left")
    third = await workers.start("third")
    assert {left.batch_id for left in await third.take(P)} == {"left"}
    await claim(third, 10, 19, "next")
    assert {left.batch_id for left in await third.take(P)} == {"next"}


async def test_claims_of_another_life_of_the_topic_are_dropped(workers: Workers) -> None:
    state = await workers.start("one")
    await state.take(P)
    await claim(state, 500, 599, "old", epoch=1)
    await state.take(P)
    await claim(state, 0, 9, "new", epoch=2)
    assert [left.batch_id for left in await state.take(P)] == ["new"]


@pytest.mark.parametrize("stale", [b"stale", None])
async def test_what_a_replaced_worker_wrote_is_written_over(workers: Workers, stale: bytes | None) -> None:
    old, new = await workers.start("old"), await workers.start("new")
    await old.take(P)
    await old.write(P, {b"visitor": b"before"})
    await new.take(P)
    await new.write(P, {b"visitor": b"after"})
    with pytest.raises(FencedError):
        await old.write(P, {b"visitor": stale, b"nobody": b"stale"})
    assert (await workers.journal(new))[b"visitor"] == stale
    await new.write(P, {b"another": b"1"})
    journal = await workers.journal(new)
    assert (journal[b"visitor"], journal[b"nobody"], journal[b"another"]) == (b"after", None, b"1")
    assert new.read(P, [b"visitor", b"nobody"]) == {b"visitor": b"after"}
    # And the owner is not taken for replaced.
    await claim(new, 0, 9)


async def test_a_replaced_worker_keeps_nothing_of_what_it_wrote_too_late(workers: Workers) -> None:
    old, new = await workers.start("old"), await workers.start("new")
    await old.take(P)
    await old.write(P, {b"visitor": b"before"})
    await new.take(P)
    with pytest.raises(FencedError):
        await old.write(P, {b"visitor": b"stale"})
    assert old.read(P, [b"visitor"]) == {b"visitor": b"before"}


async def records(state: OwnedState, broker: EmbeddedBroker) -> list[Any]:
    """The changelog as Faust's recovery hands it over."""
    at = state.changelog(P)
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap_servers)
    await consumer.start()
    try:
        topic = TopicPartition(at.topic, P)
        end = (await consumer.end_offsets([topic]))[topic]
    finally:
        await consumer.stop()
    return [
        SimpleNamespace(
            message=SimpleNamespace(
                tp=at, partition=P, key=one.key, value=one.value, offset=one.offset, headers=one.headers
            )
        )
        for one in await read_range(state.table.app, at, 0, end)
    ]


@pytest.mark.parametrize("stale", [b"stale", None])
async def test_recovery_passes_over_what_a_replaced_worker_wrote(
    workers: Workers, broker: EmbeddedBroker, stale: bytes | None
) -> None:
    old, new = await workers.start("old"), await workers.start("new")
    await old.take(P)
    await old.write(P, {b"one": b"1", b"visitor": b"before"})
    await new.take(P)
    await new.write(P, {b"visitor": b"after"})
    with pytest.raises(FencedError):
        await old.write(P, {b"visitor": stale})
    third = await workers.start("third")
    log = await records(third, broker)
    for event in log:
        third.table.apply_changelog_batch([event])
    assert dict(third.items(P)) == {b"one": b"1", b"visitor": b"after"}


async def test_recovery_needs_no_owner_record_that_compaction_took_away(
    workers: Workers, broker: EmbeddedBroker
) -> None:
    states = [await workers.start(name) for name in ("a", "b", "c")]
    for number, state in enumerate(states):
        await state.take(P)
        await state.write(P, {b"of %d" % number: b"1"})
    fresh = await workers.start("fresh")
    log = await records(fresh, broker)
    owners = [event for event in log if event.message.key == OWNER]
    assert len(owners) == 3
    fresh.table.apply_changelog_batch([event for event in log if event not in owners[:2]])
    assert dict(fresh.items(P)) == {b"of 0": b"1", b"of 1": b"1", b"of 2": b"1"}


async def test_what_is_about_the_partition_is_no_visitor(workers: Workers, broker: EmbeddedBroker) -> None:
    state = await workers.start("one")
    await state.take(P)
    await claim(state, 0, 9)
    assert list(state.items(P)) == []
    log = await records(state, broker)
    assert [event.message.key[: len(CLAIM)] for event in log] == [OWNER, CLAIM]
    assert dict(log[1].message.headers) == {HEADER: b"0"}
