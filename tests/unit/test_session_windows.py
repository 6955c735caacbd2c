"""Session windows as a library: each case once. Gap 10, grace 5, keys of one partition."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from faust.types import TP

from app.core.windows import Reach
from app.errors import StateError
from tables.expiry import ExpiryIndex
from tables.session_windows import Item, Outcome, SessionStore, SessionWindows
from tests.session_store import Changelog, Crash, Published, recover, runs_table, spans, store_on

GAP, GRACE = 10, 5


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return runs_table(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def changelog(table: Any) -> Changelog:
    changelog = Changelog()
    recover(table, changelog)
    return changelog


@pytest.fixture
def store(table: Any, changelog: Changelog) -> SessionStore[Any]:
    return store_on(table, gap_ms=GAP, grace_ms=GRACE)


@pytest.fixture
def published(store: SessionStore[Any]) -> Published:
    published = Published()
    published.follow(store)
    return published


def items(*moments: int, key: bytes = b"k") -> list[Item]:
    """Items whose value is their time."""
    return [Item(key, at, at) for at in moments]


CASES = {
    "opens": ([100], [(100, 100, (100,))], []),
    "extends forward, exactly by the gap": ([100, 110], [(100, 110, (100, 110))], [(100, 100)]),
    "opens another beyond the gap": ([100, 111], [(100, 100, (100,)), (111, 111, (111,))], []),
    "extends backward, exactly by the gap": ([110, 100], [(100, 110, (100, 110))], [(110, 110)]),
    "falls within": ([100, 110, 105], [(100, 110, (100, 105, 110))], [(100, 100)]),
    "bridges two, exactly by the gap on both sides": (
        [100, 112, 106],
        [(100, 112, (100, 106, 112))],
        [(100, 100), (112, 112)],
    ),
    "bridges two that were extended": (
        [100, 104, 115, 117, 109],
        [(100, 117, (100, 104, 109, 115, 117))],
        [(100, 100), (115, 115), (100, 104), (115, 117)],
    ),
    "is older than another and stands alone": ([120, 107], [(107, 107, (107,)), (120, 120, (120,))], []),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("at_once", [True, False])
async def test_an_item(store: SessionStore[Any], published: Published, case: str, at_once: bool) -> None:
    moments, windows, retracted = CASES[case]
    for batch in [items(*moments)] if at_once else [items(moment) for moment in moments]:
        await store.add(0, batch)
    assert spans(store, b"k") == windows
    assert published.windows() == [(b"k", *window) for window in windows]
    assert published.retracted == [(b"k", *span) for span in retracted]


@pytest.mark.asyncio
async def test_keys_and_partitions_do_not_touch(store: SessionStore[Any]) -> None:
    await store.add(0, [*items(100), *items(101, key=b"l")])
    await store.add(1, items(102))
    assert spans(store, b"k") == [(100, 100, (100,))]
    assert spans(store, b"l") == [(101, 101, (101,))]
    assert store.windows(1, b"k")[0].value == (102,)
    assert (store.stream_time(0), store.stream_time(1), store.stream_time(2)) == (101, 102, -1)


# Late, by Kafka Streams' rule: the window that would hold it ends before stream time - grace - gap.


@pytest.mark.asyncio
@pytest.mark.parametrize(("at", "late"), [(185, 0), (184, 1)])
async def test_an_item_alone_is_late_beyond_gap_and_grace(
    store: SessionStore[Any], published: Published, at: int, late: int
) -> None:
    await store.add(0, items(200, key=b"other"))
    outcome = await store.add(0, items(at))
    assert outcome == Outcome(folded=1 - late, late=late, replayed=0, closed=0)
    assert published.late == items(at)[:late]
    assert len(spans(store, b"k")) == 1 - late


@pytest.mark.asyncio
async def test_an_item_that_an_open_window_takes_is_not_late(store: SessionStore[Any]) -> None:
    await store.add(0, [*items(190), *items(200, key=b"other")])
    assert (await store.add(0, items(180))).late == 0
    assert spans(store, b"k") == [(180, 190, (180, 190))]


@pytest.mark.asyncio
@pytest.mark.parametrize("at_once", [True, False])
async def test_an_item_does_not_open_a_closed_window_again(
    store: SessionStore[Any], published: Published, at_once: bool
) -> None:
    arriving = [*items(184), *items(200, key=b"other"), *items(190)]
    for batch in [arriving] if at_once else [[item] for item in arriving]:
        await store.add(0, batch)
    assert published.final == [(b"k", 184, 184, (184,))]
    assert spans(store, b"k") == [(190, 190, (190,))]


# Closing


@pytest.mark.asyncio
@pytest.mark.parametrize(("stream_time", "closed"), [(115, 0), (116, 1)])
async def test_a_window_closes_once_stream_time_has_passed_its_end_by_more_than_gap_and_grace(
    store: SessionStore[Any], changelog: Changelog, published: Published, stream_time: int, closed: int
) -> None:
    await store.add(0, items(100))
    outcome = await store.add(0, items(stream_time, key=b"other"))
    assert outcome.closed == closed
    assert published.final == [(b"k", 100, 100, (100,))][:closed]
    assert (changelog.messages[-1] == (b"k", None)) == bool(closed)
    assert store.count(0) == 2 - closed
    # What was published stays: it is the final result.
    assert (b"k", 100, 100, (100,)) in published.windows()


@pytest.mark.asyncio
async def test_a_key_keeps_its_windows_that_are_still_open(
    store: SessionStore[Any], published: Published
) -> None:
    await store.add(0, items(100, 111))
    assert await store.advance(0, 126) == 1
    assert spans(store, b"k") == [(111, 111, (111,))]
    assert await store.advance(0, 126) == 0
    assert await store.advance(0, 127) == 1
    assert [final[1] for final in published.final] == [100, 111]
    assert store.count(0) == 0


@pytest.mark.asyncio
async def test_a_late_item_before_the_first_window_closes_in_its_own_time(
    store: SessionStore[Any], published: Published
) -> None:
    """The index learns that a key falls due earlier than it knew."""
    await store.add(0, items(120))
    assert store.count(0) == 1
    await store.add(0, items(106))
    assert await store.advance(0, 122) == 1
    assert published.final == [(b"k", 106, 106, (106,))]


@pytest.mark.asyncio
async def test_time_that_was_moved_on_makes_items_late_and_never_goes_back(store: SessionStore[Any]) -> None:
    await store.advance(0, 200)
    assert await store.advance(0, 150) == 0
    assert store.stream_time(0) == 200
    assert (await store.add(0, items(184))).late == 1


@pytest.mark.asyncio
async def test_more_windows_than_are_written_at_once_close(
    store: SessionStore[Any], published: Published
) -> None:
    keys = [b"%04d" % number for number in range(2500)]
    await store.add(0, [Item(key, 100, 1) for key in keys])
    assert await store.advance(0, 1000) == 2500
    assert [final[0] for final in published.final] == keys


# Restarts


@pytest.mark.asyncio
async def test_after_a_restart_the_same_is_late_and_the_same_closes(
    table: Any, store: SessionStore[Any], changelog: Changelog
) -> None:
    await store.add(0, [*items(100), *items(112, key=b"other")])
    recover(table, changelog)
    restarted, published = store_on(table, gap_ms=GAP, grace_ms=GRACE), Published()
    published.follow(restarted)
    assert restarted.stream_time(0) == 112
    assert restarted.count(0) == 2
    assert (await restarted.add(0, items(96, 97, key=b"new"))) == Outcome(
        folded=1, late=1, replayed=0, closed=0
    )
    assert await restarted.advance(0, 116) == 2
    assert published.final == [(b"new", 97, 97, (97,)), (b"k", 100, 100, (100,))]


@pytest.mark.asyncio
async def test_stream_time_survives_the_windows_that_it_closed(table: Any, store: SessionStore[Any]) -> None:
    await store.add(0, items(100))
    await store.advance(0, 1000)
    restarted = store_on(table, gap_ms=GAP, grace_ms=GRACE)
    assert (restarted.count(0), restarted.stream_time(0)) == (0, 1000)
    assert (await restarted.add(0, items(101))).late == 1


@pytest.mark.asyncio
async def test_what_is_read_again_by_its_offset_is_not_folded_again(
    table: Any, store: SessionStore[Any], published: Published
) -> None:
    batch = [Item(b"k", 100, 1, offset=7), Item(b"l", 200, 2, offset=8), Item(b"k", 50, 3, offset=9)]
    assert await store.add(0, batch) == Outcome(folded=2, late=1, replayed=0, closed=1)
    restarted = store_on(table, gap_ms=GAP, grace_ms=GRACE)
    again = [*batch, Item(b"l", 201, 4, offset=10)]
    assert await restarted.add(0, again) == Outcome(folded=1, late=0, replayed=3, closed=0)
    assert spans(restarted, b"l") == [(200, 201, (2, 4))]
    assert published.final == [(b"k", 100, 100, (1,))]


@pytest.mark.asyncio
async def test_a_partition_that_was_given_up_is_looked_at_anew(table: Any, store: SessionStore[Any]) -> None:
    await store.add(0, items(100))
    assert store.count(0) == 1
    other = store_on(table, gap_ms=GAP, grace_ms=GRACE)
    await other.advance(0, 1000)
    await table.app.on_partitions_revoked.send({TP("readings", 0)})
    assert (store.count(0), store.stream_time(0)) == (0, 1000)


@pytest.mark.asyncio
@pytest.mark.parametrize("room", [0, 1])
async def test_closing_that_breaks_off_is_done_again_and_nothing_is_opened_anew(
    table: Any, store: SessionStore[Any], changelog: Changelog, room: int
) -> None:
    await store.add(0, items(100))
    changelog.room = room
    with pytest.raises(Crash):
        await store.advance(0, 1000)
    changelog.room = None
    recover(table, changelog)
    restarted, published = store_on(table, gap_ms=GAP, grace_ms=GRACE), Published()
    published.follow(restarted)
    assert restarted.stream_time(0) == (1000 if room else 100)
    assert await restarted.advance(0, 1000) == 1
    assert published.final == [(b"k", 100, 100, (100,))]


# Errors


@pytest.mark.asyncio
async def test_what_a_function_raises_leaves_everything_as_it_was(
    store: SessionStore[Any], changelog: Changelog
) -> None:
    await store.add(0, items(100))
    before = list(changelog.messages)

    @store.on_update
    async def refuse(key: bytes, window: Any) -> None:
        raise OSError("the consumer is away")

    with pytest.raises(OSError, match="away"):
        await store.add(0, items(105))
    assert changelog.messages == before
    assert (spans(store, b"k"), store.stream_time(0)) == ([(100, 100, (100,))], 100)


@pytest.mark.asyncio
async def test_a_window_is_told_of_again_when_the_first_time_failed(
    store: SessionStore[Any], published: Published
) -> None:
    failures = [OSError("the consumer is away")]

    @store.on_close
    def fail_once(key: bytes, window: Any) -> None:
        if failures:
            raise failures.pop()

    await store.add(0, items(100))
    with pytest.raises(OSError, match="away"):
        await store.advance(0, 1000)
    assert await store.advance(0, 1000) == 1
    assert published.final == [(b"k", 100, 100, (100,))] * 2
    assert store.count(0) == 0


@pytest.mark.asyncio
async def test_an_empty_key_is_refused(store: SessionStore[Any], changelog: Changelog) -> None:
    with pytest.raises(StateError, match="empty key; give each item a key"):
        await store.add(0, items(100, key=b""))
    assert changelog.messages == []


@pytest.mark.asyncio
async def test_an_aggregate_of_another_type_is_an_error_that_says_what_to_do(
    table: Any, store: SessionStore[Any]
) -> None:
    await store.add(0, items(100))
    other = SessionStore(
        table, reach=Reach(gap_ms=GAP, grace_ms=GRACE), aggregation=store._aggregation, value_type=str
    )
    with pytest.raises(StateError, match=r"KeyWindows cannot be read.*delete the data directory"):
        await other.add(0, items(101))


@pytest.mark.parametrize(("gap_s", "grace_s"), [(0, 1), (-1, 1), (1, -1), (0.0001, 1)])
def test_a_gap_is_positive_and_a_grace_not_negative(gap_s: float, grace_s: float) -> None:
    with pytest.raises(ValueError, match="gap must be at least a millisecond, grace not negative"):
        SessionWindows.of_inactivity_gap_and_grace(timedelta(seconds=gap_s), timedelta(seconds=grace_s))


# The ways to make a store


class Span(msgspec.Struct, frozen=True):
    low: float
    high: float


@pytest.mark.asyncio
async def test_an_aggregate_may_be_a_struct_and_counting_needs_no_functions(tmp_path: Any) -> None:
    app = runs_table(tmp_path).app
    app.producer = Changelog()
    windows = SessionWindows.of_inactivity_gap_with_no_grace(timedelta(milliseconds=GAP))
    extremes = windows.aggregate(
        app,
        "extremes",
        initializer=lambda: Span(float("inf"), float("-inf")),
        aggregator=lambda _key, value, span: Span(min(span.low, value), max(span.high, value)),
        merger=lambda _key, one, other: Span(min(one.low, other.low), max(one.high, other.high)),
        value_type=Span,
    )
    counts = windows.count(app, "counts", partitions=2)
    for store in (extremes, counts):
        await store.add(1, [Item(b"k", 100, 2.5), Item(b"k", 109, -1.5), Item(b"k", 104, 0.5)])
    assert [window.value for window in extremes.windows(1, b"k")] == [Span(-1.5, 2.5)]
    assert [window.value for window in counts.windows(1, b"k")] == [3]
    assert counts.table.partitions == 2


# What falls due next


def test_a_key_falls_due_at_the_time_it_was_last_given() -> None:
    index = ExpiryIndex()
    for key, due_ms in [(b"later", 5), (b"later", 20), (b"sooner", 20), (b"sooner", 5), (b"gone", 5)]:
        index.put(key, due_ms)
    index.put(b"gone", None)
    assert len(index) == 2
    assert index.due(4, limit=9) == []
    assert index.due(19, limit=9) == [b"sooner"]
    assert index.due(20, limit=9) == [b"sooner", b"later"]
    assert index.due(20, limit=1) == [b"sooner"]
    index.put(b"sooner", None)
    assert index.due(20, limit=9) == [b"later"]


def test_the_heap_does_not_grow_with_the_times_that_a_key_was_given() -> None:
    index = ExpiryIndex()
    for start in range(0, 10_000, 100):
        index.put(b"k", start + 90)
        index.put(b"k", start + 50)
        assert index.due(start + 50, limit=9) == [b"k"]
        index.put(b"k", start + 190)
        assert index.due(start + 90, limit=9) == []
    assert len(index._heap) <= 2
