"""Any order within the grace period, any batches, restarts and crashes: the windows of a sorted recount.

The oracle shares nothing with the product: it sorts, splits where a pause is longer than the gap, collects.
"""

import asyncio
from itertools import groupby, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tables.session_windows import Item
from tests.session_store import Changelog, Crash, Published, recover, runs_table, store_on

GAP = 10
KEYS = (b"a", b"b", b"c")
#: Later than anything: closes every window.
END = 1_000_000

graces = st.sampled_from((0, 1, GAP, 35, 10_000))
#: Key, event time, and how much of the grace period passes until it arrives.
moments = st.tuples(st.sampled_from(KEYS), st.integers(0, 300), st.floats(0, 1))
batches = st.lists(st.integers(1, 40), max_size=6)


def arriving(moments, grace):
    """Items in an order of arrival in which none is later than the grace period."""
    order = sorted(moments, key=lambda moment: moment[1] + int(moment[2] * grace))
    return [Item(key, at, number, offset=number) for number, (key, at, _) in enumerate(order)]


def recount(items):
    found = []
    for key, of_key in groupby(
        sorted(items, key=lambda item: (item.key, item.at)), key=lambda item: item.key
    ):
        window = []
        for item in of_key:
            if window and item.at - window[-1].at > GAP:
                found.append((key, window))
                window = []
            window.append(item)
        found.append((key, window))
    return [
        (key, window[0].at, window[-1].at, tuple(sorted(item.value for item in window)))
        for key, window in found
    ]


def cut(items, cuts):
    """The items in batches that end at ``cuts``."""
    edges = sorted({0, len(items), *[edge % (len(items) + 1) for edge in cuts]})
    return [items[start:end] for start, end in pairwise(edges)]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return runs_table(tmp_path_factory.mktemp("runs"))


@settings(deadline=None)
@given(moments=st.lists(moments, max_size=40), grace=graces, cuts=batches, restart=st.integers(0, 5))
def test_any_arrival_within_the_grace_period_gives_the_windows_of_a_recount(
    table, moments, grace, cuts, restart
):
    items = arriving(moments, grace)
    published = Published()
    recover(table, Changelog())

    async def run():
        store = published.follow(store_on(table, gap_ms=GAP, grace_ms=grace))
        for number, batch in enumerate(cut(items, cuts)):
            outcome = await store.add(0, batch)
            assert (outcome.folded, outcome.late) == (len(batch), 0)
            if number == restart:
                store = published.follow(store_on(table, gap_ms=GAP, grace_ms=grace))
        open_since = store.stream_time(0) - GAP - grace
        assert {key for key in KEYS if store.windows(0, key)} == {
            key for key, _, end, _ in recount(items) if end >= open_since
        }
        await store.advance(0, END)
        assert store.count(0) == 0

    asyncio.run(run())
    assert published.windows() == recount(items)
    # Each final window once.
    assert sorted(published.final) == recount(items)


@settings(deadline=None)
@given(
    moments=st.lists(moments, min_size=1, max_size=30),
    grace=graces,
    cuts=batches,
    later_cuts=batches,
    room=st.integers(0, 60),
    uncommitted=st.integers(0, 3),
)
def test_after_a_crash_anywhere_in_a_write_the_windows_are_those_of_a_recount(
    table, moments, grace, cuts, later_cuts, room, uncommitted
):
    """The changelog ends anywhere; then everything since some commit is read again, cut elsewhere."""
    items = arriving(moments, grace)
    published, changelog = Published(), Changelog()

    async def run(batches):
        """How many batches are in the store when the process ends."""
        recover(table, changelog)
        store = published.follow(store_on(table, gap_ms=GAP, grace_ms=grace))
        done = 0
        try:
            for batch in batches:
                assert (await store.add(0, batch)).late == 0
                done += 1
            await store.advance(0, END)
        except Crash:
            assert changelog.room is not None
        return done

    changelog.room = room
    first = cut(items, cuts)
    done = asyncio.run(run(first))
    changelog.room = None
    committed = sum(len(batch) for batch in first[: max(0, done - uncommitted)])
    asyncio.run(run(cut(items[committed:], later_cuts)))
    assert published.windows() == recount(items)
    assert sorted(set(published.final)) == recount(items)
    # Nothing but the partition's own entry is left.
    assert set(changelog.state()) == {b""}
