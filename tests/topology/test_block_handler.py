"""A block and its effects: their order, what is counted, and what a failure leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from faust.types import TP

from agents import ingest
from agents.ingest import BlockHandler
from app.adapters.chunks import Chunk, join
from app.core.dead_letters import Sending, sending
from app.core.erasures import HEADERS, erase_message
from app.core.pipeline import examine
from app.embedded.broker import EmbeddedBroker
from app.errors import SinkError
from app.events.dead_letter import DeadLetter
from app.events.rows import EventRow, SessionRow
from app.events.sessions import ClosedSession
from app.events.state import VisitorState
from app.metrics import WorkerMetrics
from tables.visitors import NAME as VISITORS
from tables.visitors import VisitorStates
from tests.factories import DAY, MINUTE, T0, Record, event_id, plain_enrichment, record, rules
from tests.letters import letter
from tests.topology.parts import broker, built, messages_in, settings_for, storing

__all__ = ["broker"]

pytestmark = pytest.mark.asyncio

AT = TP("web_events", 2)
BATCH = "00000000-0000-4000-8000-000000000001"


class Effects:
    """A sink and a topic of dead letters that remember what was done, in order; ``fails`` is one that does.

    ``before`` is called first: to look at what was done by then.
    """

    def __init__(self) -> None:
        self.done: list[str] = []
        self.tokens: list[str] = []
        self.events: list[EventRow] = []
        self.sessions: list[SessionRow] = []
        self.letters: list[DeadLetter] = []
        self.closed: list[ClosedSession] = []
        self.fails = ""
        self.before: Callable[[], None] = lambda: None

    async def insert_events(self, rows: Sequence[EventRow], *, token: str) -> None:
        self._note("events", token)
        self.events += rows

    async def insert_sessions(self, rows: Sequence[SessionRow], *, token: str) -> None:
        self._note("sessions", token)
        self.sessions += rows

    async def send_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        self._note("dead letters", "")
        self.letters += letters

    async def send_sessions(self, sessions: Sequence[ClosedSession]) -> None:
        self._note("closed sessions", "")
        self.closed += sessions

    def _note(self, effect: str, token: str) -> None:
        self.before()
        if effect == self.fails:
            raise SinkError(f"{effect} cannot be written")
        self.done.append(effect)
        self.tokens += [token] if token else []


class NotingWindows(VisitorStates):
    """The real store; that it was written to is noted with the other effects."""

    effects: Effects

    async def store(self, partition: int, states: Mapping[bytes, VisitorState]) -> None:
        self.effects._note("states", "")
        await super().store(partition, states)


@pytest.fixture
def effects() -> Effects:
    return Effects()


@pytest_asyncio.fixture
async def windows(
    broker: EmbeddedBroker, tmp_path: Path, effects: Effects, request: pytest.FixtureRequest
) -> AsyncIterator[NotingWindows]:
    """An empty state store with a changelog of its own."""
    app_id = "".join(letter if letter.isalnum() else "_" for letter in request.node.name)
    settings = settings_for(broker, tmp_path, app={"data_dir": tmp_path, "id": app_id})
    async with storing(built(settings), broker) as graph:
        windows = NotingWindows(graph.app.tables[VISITORS], keep_ms=DAY)
        windows.effects = effects
        await windows.take(AT.partition)
        yield windows


@pytest.fixture
def metrics() -> WorkerMetrics:
    return WorkerMetrics()


@pytest.fixture
def handler(effects: Effects, windows: NotingWindows, metrics: WorkerMetrics) -> BlockHandler:
    return BlockHandler(
        epoch=3,
        rules=rules(),
        enrich=plain_enrichment,
        windows=windows,
        sink=effects,
        outlets=effects,
        metrics=metrics,
        clock=lambda: T0 + 2_000,
    )


def block(*records: Record, name: str | None = None) -> Chunk:
    return Chunk(AT, records, batch_id=name)


def mixed() -> list[Record]:
    """Two of one visitor, the second of them twice, one of another, and two that are refused."""
    twice = event_id()
    return [
        record(offset=10),
        record(offset=11, at=T0 + MINUTE, event_id=twice),
        record(b"{", offset=12),
        record(offset=13, at=T0 + MINUTE, event_id=twice),
        record(offset=14, visitor_id="v2"),
        record(b"", offset=17),
    ]


def counted(metrics: WorkerMetrics, **labels: str) -> Callable[[str], float | None]:
    return lambda name: metrics.registry.get_sample_value(name, labels)


async def test_the_offset_is_allowed_after_the_states_which_follow_the_rows_and_letters(
    handler: BlockHandler, effects: Effects, windows: NotingWindows
) -> None:
    chunk = block(*mixed(), name=BATCH)
    seen: list[tuple[bool, int]] = []
    effects.before = lambda: seen.append((chunk.is_done, len(windows.load(2, [b"shop:v1", b"shop:v2"]))))
    await handler.handle(chunk)
    assert effects.done == ["events", "sessions", "dead letters", "closed sessions", "states"]
    assert seen == [(False, 0)] * 5
    assert chunk.is_done
    assert set(windows.load(2, [b"shop:v1", b"shop:v2"])) == {b"shop:v1", b"shop:v2"}


async def test_what_was_examined_ahead_is_not_examined_again(
    handler: BlockHandler, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def noting(record: Record, **given: Any) -> Any:
        seen.append(record.offset)
        return examine(record, **given)

    monkeypatch.setattr(ingest, "EXAMINE_AT_ONCE", 2)
    monkeypatch.setattr(ingest, "examine", noting)
    first, second = block(*mixed()[:4]), block(*mixed()[4:])
    ahead = asyncio.create_task(handler.examine(first))
    await asyncio.sleep(0)
    ahead.cancel()
    await handler.handle(join([first, second]))
    assert seen == [10, 11, 12, 13, 14, 17]
    assert sorted(row.offset for row in effects.events) == seen
    assert first.prepared == second.prepared == []


async def test_rows_states_and_letters_say_which_block_they_are_of(
    handler: BlockHandler, effects: Effects, windows: NotingWindows
) -> None:
    await handler.handle(block(*mixed(), name=BATCH))
    assert effects.tokens == [f"web_events:3:2:10-17:{BATCH}:{kind}" for kind in ("events", "sessions")]
    assert {
        (row.epoch, row.partition, row.batch_start, row.batch_end, row.batch_id)
        for row in (*effects.events, *effects.sessions)
    } == {(3, 2, 10, 17, BATCH)}
    assert sorted(row.offset for row in effects.events) == [10, 11, 12, 13, 14, 17]
    assert [(letter.offset, letter.reason, letter.payload) for letter in effects.letters] == [
        (12, "malformed_json", "{"),
        (17, "empty_body", ""),
    ]
    state = windows.load(2, [b"shop:v1"])[b"shop:v1"]
    assert (state.epoch, state.last_offset, state.windows[0].events) == (3, 13, 2)


async def test_what_was_sent_back_tells_of_the_refusals_before_and_is_not_taken_for_slow(
    handler: BlockHandler, effects: Effects, metrics: WorkerMetrics
) -> None:
    sent = sending(letter(reason="wrong_key"), rules=rules())
    assert isinstance(sent, Sending)
    back = msgspec.structs.replace(record(sent.value, key=b"shop:v1", offset=1), headers=sent.headers)
    again = msgspec.structs.replace(record(b"{", offset=2), headers=sent.headers)
    await handler.handle(block(record(offset=0), back, again))
    (refused,) = effects.letters
    assert (refused.offset, refused.replays) == (2, 1)
    assert [(one.id, one.reason) for one in refused.history] == [("0-3-17", "wrong_key")]
    (row,) = [row for row in effects.events if row.outcome == "rejected"]
    assert (row.replays, "0-3-17" in row.history) == (1, True)
    value = counted(metrics)
    assert (value("wua_events_accepted_total"), value("wua_event_latency_seconds_count")) == (2, 1)


async def test_received_is_accepted_and_rejected_and_duplicates(
    handler: BlockHandler, metrics: WorkerMetrics
) -> None:
    await handler.handle(block(*mixed()))
    await handler.handle(block(record(offset=18, visitor_id="v3"), record(b"[]", offset=19)))
    value = counted(metrics)
    received, accepted = value("wua_events_received_total"), value("wua_events_accepted_total")
    duplicates = value("wua_events_duplicate_total")
    refused = {
        reason: counted(metrics, reason=reason, step="decode")("wua_events_rejected_total")
        for reason in ("malformed_json", "empty_body", "not_an_object")
    }
    assert refused == {"malformed_json": 1, "empty_body": 1, "not_an_object": 1}
    assert (received, accepted, duplicates) == (8, 4, 1)
    assert counted(metrics, partition="2")("wua_blocks_total") == 2
    assert counted(metrics, sign="1")("wua_session_rows_total") == 3
    assert value("wua_event_latency_seconds_count") == 4 + 1  # a duplicate has one as well


async def test_a_new_block_gets_a_name_of_its_own(handler: BlockHandler, effects: Effects) -> None:
    for offset in (0, 1):
        await handler.handle(block(record(offset=offset)))
    names = [row.batch_id for row in effects.events]
    assert len(set(names)) == 2
    assert effects.tokens[0] == f"web_events:3:2:0-0:{names[0]}:events"


async def test_a_superseded_block_has_no_effect(
    handler: BlockHandler, effects: Effects, metrics: WorkerMetrics
) -> None:
    chunk = block(*mixed())
    chunk.superseded = True
    await handler.handle(chunk)
    assert effects.done == []
    assert not chunk.is_done
    assert counted(metrics)("wua_events_received_total") == 0


@pytest.mark.parametrize(
    ("fails", "done"),
    [
        ("events", []),
        ("sessions", ["events"]),
        ("dead letters", ["events", "sessions"]),
        ("closed sessions", ["events", "sessions", "dead letters"]),
        ("states", ["events", "sessions", "dead letters", "closed sessions"]),
    ],
)
async def test_after_a_failure_nothing_that_follows_is_done_and_a_second_try_is_the_same(
    handler: BlockHandler,
    effects: Effects,
    windows: NotingWindows,
    metrics: WorkerMetrics,
    fails: str,
    done: list[str],
) -> None:
    records = mixed()
    effects.fails = fails
    failed = block(*records, name=BATCH)
    with pytest.raises(SinkError, match=fails):
        await handler.handle(failed)
    assert effects.done == done
    assert not failed.is_done
    assert windows.load(2, [b"shop:v1", b"shop:v2"]) == {}
    assert counted(metrics)("wua_events_received_total") == 0
    tried = (effects.tokens.copy(), effects.events.copy(), effects.sessions.copy())

    again, effects.fails = block(*records, name=BATCH), ""
    for written in (effects.done, effects.tokens, effects.events, effects.sessions):
        written.clear()
    await handler.handle(again)
    assert effects.done == ["events", "sessions", "dead letters", "closed sessions", "states"]
    assert again.is_done
    for first, second in zip(tried, (effects.tokens, effects.events, effects.sessions), strict=True):
        assert second[: len(first)] == first


async def test_the_same_named_block_again_has_the_same_tokens_and_event_rows_and_no_new_session(
    handler: BlockHandler, effects: Effects, windows: NotingWindows
) -> None:
    """As after a kill between the states and the commit: the states are a fence."""
    records = mixed()
    await handler.handle(block(*records, name=BATCH))
    states = windows.load(2, [b"shop:v1", b"shop:v2"])
    tokens, count = effects.tokens.copy(), len(effects.events)
    stated = len(effects.sessions)
    await handler.handle(block(*records, name=BATCH))
    assert effects.tokens == tokens * 2
    ids = [(row.offset, row.event_id, row.session_id) for row in effects.events if row.outcome == "accepted"]
    again = [one for one in ids if ids.count(one) == 2]
    assert len(effects.events) == 2 * count
    assert {offset for offset, _, _ in again} == {10, 11, 14}
    assert len(effects.sessions) == stated
    assert windows.load(2, [b"shop:v1", b"shop:v2"]) == states


async def test_blocks_of_one_partition_do_not_fold_at_once(
    handler: BlockHandler, effects: Effects, windows: NotingWindows
) -> None:
    """The state that a block reads is the one that the block before it has written."""
    first, second = block(record(offset=0)), block(record(offset=1, at=T0 + MINUTE))
    async with windows.exclusive(2):
        handling = [asyncio.create_task(handler.handle(chunk)) for chunk in (first, second)]
        for _ in range(20):
            await asyncio.sleep(0)
        assert effects.done == []
    await asyncio.gather(*handling)
    assert effects.done == ["events", "sessions", "dead letters", "closed sessions", "states"] * 2
    assert [row.sign for row in effects.sessions] == [1, -1, 1]
    assert windows.load(2, [b"shop:v1"])[b"shop:v1"].windows[0].events == 2


async def test_more_records_than_are_examined_at_once_are_one_block(
    handler: BlockHandler, effects: Effects
) -> None:
    records: list[Any] = [record(offset=offset, at=T0 + offset) for offset in range(1201)]
    await handler.handle(block(*records))
    assert len(effects.events) == 1201
    assert len({row.batch_id for row in effects.events}) == 1
    assert [(row.sign, row.page_views) for row in effects.sessions] == [(1, 1201)]


async def test_an_erased_visitor_is_deleted_from_the_store_and_its_changelog_also_by_a_replay(
    handler: BlockHandler, windows: NotingWindows, broker: EmbeddedBroker, metrics: WorkerMetrics
) -> None:
    key, value = erase_message("shop", "v1")
    erase = Record(key=key, value=value, offset=12, headers=HEADERS)
    records = [record(offset=11, at=T0 + MINUTE), erase, record(offset=13, visitor_id="v2")]
    await handler.handle(block(record(offset=10)))
    for _ in range(2):
        await handler.handle(block(*records, name=BATCH))
        assert windows.load(2, [b"shop:v1", b"shop:v2"]).keys() == {b"shop:v2"}
    assert windows.count(2) == 1
    changelog = windows.table.changelog_topic.get_topic_name()
    written = [state for key, state in await messages_in(broker, changelog, partition=2) if key == b"shop:v1"]
    assert [state is None for state in written] == [False, True, True]
    assert counted(metrics)("wua_erasures_total") == 2
