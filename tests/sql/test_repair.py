"""A block that the engine's end tore -> whole again, equal to a twin that nothing happened to."""

from __future__ import annotations

from functools import partial

import pytest
from msgspec.structs import replace

from app.adapters.clickhouse.catalogue import load
from app.adapters.clickhouse.repair import Block, Look, mend_gold, mend_layers
from tests.sql.holes import Rows, as_sent, contents, delete, event_block, hold_merges, session_block, tear
from tests.sql.store import EVENT_GOLD, RECEIPT_GOLD, SESSION_GOLD, Store, block, event

EVENT_LAYERS = (
    "page_views_bronze",
    "click_events_bronze",
    "interactions_bronze",
    "rejected_events_bronze",
    "page_views_silver",
    "user_behavior_silver",
    "received_silver",
    "block_ledger",
)
SESSION_LAYERS = ("user_sessions_bronze", "sessions_silver")


@pytest.fixture(autouse=True)
def unmerged(store: Store) -> None:
    """No merge hides which part a block made."""
    hold_merges(store)


def mend(store: Store, rows: Rows) -> list[Look]:
    """What the sink does after a block under suspicion was acknowledged."""
    sent = as_sent(rows)
    known = load(store.client, database=store.database)
    looks, fed = mend_layers(store.client, sent, known=known)
    return looks + [mend_gold(store.client, one, sent, known=known) for one in fed]


def filled(looks: list[Look]) -> dict[str, tuple[str, ...]]:
    return {look.table: look.filled for look in looks if look.filled}


def write(rows: Rows, *stores: Store) -> None:
    for store in stores:
        store.insert(rows, token=f"t{rows[0].batch_id}")


def test_a_block_of_events_that_one_table_lacks_is_put_there_and_nowhere_else(
    store: Store, twin: Store
) -> None:
    write(event_block(1, partition=1), store, twin)
    for number, torn in enumerate([*EVENT_LAYERS, *EVENT_GOLD, *RECEIPT_GOLD], start=2):
        rows = event_block(number)
        tear(store, [torn], partial(write, rows, store))
        write(rows, store, twin)
        assert set(filled(mend(store, rows))) == {torn}, torn
        write(rows, store)
    assert contents(store) == contents(twin)


def test_a_block_of_sessions_with_retractions_is_mended_too(store: Store, twin: Store) -> None:
    rows = session_block(1)
    write(rows, store, twin)
    for number, torn in enumerate([*SESSION_LAYERS, *SESSION_GOLD], start=2):
        rows = session_block(number, before=rows)
        tear(store, [torn], partial(write, rows, store))
        write(rows, store, twin)
        assert set(filled(mend(store, rows))) == {torn}, torn
        assert filled(mend(store, rows)) == {}, torn
    assert contents(store) == contents(twin)


def test_the_repeated_insert_alone_does_not_mend(store: Store) -> None:
    """The token is there without the rows, as the engine leaves it."""
    rows = event_block(1)
    tear(store, ["daily_user_metrics"], partial(write, rows, store))
    write(rows, store)
    assert store.one("SELECT count() FROM {db}.daily_user_metrics") == 0


def test_merged_sessions_are_mended(store: Store, twin: Store) -> None:
    last = session_block(2)
    heir = [*last, replace(last[0], sign=0, merged_into=last[1].session_id)]
    write(session_block(1), store, twin)
    tear(store, ["session_merges"], partial(write, heir, store))
    write(heir, store, twin)
    assert set(filled(mend(store, heir))) == {"session_merges"}
    assert contents(store) == contents(twin)


def test_several_tables_at_once(store: Store, twin: Store) -> None:
    last = event_block(2)
    write(event_block(1), store, twin)
    torn = ("user_behavior_silver", "daily_user_metrics", "events_per_hour")
    tear(store, torn, partial(write, last, store))
    write(last, store, twin)
    assert set(filled(mend(store, last))) == set(torn)
    assert contents(store) == contents(twin)


def test_an_intact_store_yields_nothing_to_do(store: Store) -> None:
    blocks = [event_block(1), event_block(2), session_block(1)]
    for rows in blocks:
        write(rows, store)
    before = contents(store)
    for rows in blocks:
        looks = mend(store, rows)
        assert looks
        assert not any(look.filled or look.unsettled for look in looks)
    assert contents(store) == before


def test_only_the_partition_that_is_torn_is_filled(store: Store, twin: Store) -> None:
    """A block over two years is two parts of a gold; one may be lost."""
    within = block()
    rows = [
        event(within, offset=number, local_date=day, event_at=at)
        for number, (day, at) in enumerate(
            [("2015-12-31", 1451520000000), ("2016-01-01", 1451692800000), ("2016-01-02", 1451779200000)]
        )
    ]
    write(rows, store, twin)
    delete(store, "daily_user_metrics", where="local_date = '2015-12-31'")
    assert filled(mend(store, rows)) == {"daily_user_metrics": ("2015",)}
    assert contents(store) == contents(twin)


def test_a_gold_that_differs_by_more_than_the_block_is_left_alone_and_told(store: Store) -> None:
    last = event_block(2)
    write(event_block(1), store)
    write(last, store)
    for _ in range(2):
        store.run(
            "INSERT INTO {db}.daily_user_metrics (site_id, local_date, is_bot, rows, events) "
            "VALUES ('shop', '2015-05-17', 0, 1, 1)"
        )
    before = contents(store)
    told = {look.table: look.unsettled for look in mend(store, last) if look.unsettled}
    assert told == {"daily_user_metrics": ("2015",)}
    assert contents(store) == before


def test_nothing_is_left_behind(store: Store) -> None:
    rows = event_block(1)
    write(rows, store)
    before = store.tables()
    store.run(f"CREATE TABLE {{db}}.{_stage(as_sent(rows))} AS {{db}}.daily_user_metrics")
    assert filled(mend(store, rows)) == {}
    assert store.tables() == before


def test_a_block_without_accepted_events_is_missing_where_receipts_are_counted(
    store: Store, twin: Store
) -> None:
    rows = [replace(row, site_id="") for row in event_block(1) if row.outcome == "rejected"]
    torn = {"rejected_events_bronze": ("201505",), "data_quality": ("2015",)}
    tear(store, list(torn), partial(write, rows, store))
    write(rows, twin)
    looks = mend(store, rows)
    assert filled(looks) == torn
    assert {look.table for look in looks} & {*EVENT_GOLD} == set()
    assert contents(store) == contents(twin)


def test_the_catalogue_knows_every_table_and_its_view(store: Store) -> None:
    catalogue = load(store.client, database=store.database)
    assert sorted(catalogue.tables) == store.tables()
    assert {gold.name for gold in catalogue.golds} == {*EVENT_GOLD, *RECEIPT_GOLD, *SESSION_GOLD}
    assert catalogue.landing == {"events_in", "sessions_in"}


def test_a_new_gold_is_mended_without_being_named_anywhere(store: Store) -> None:
    store.run(
        "CREATE TABLE {db}.hosts_daily (site_id String, local_date Date, host String, rows Int64) "
        "ENGINE = SummingMergeTree ORDER BY (site_id, local_date, host) "
        "SETTINGS non_replicated_deduplication_window = 1000"
    )
    store.run(
        "CREATE MATERIALIZED VIEW {db}.hosts_daily_mv TO {db}.hosts_daily AS SELECT e.site_id AS site_id, "
        "e.local_date AS local_date, e.host AS host, count() AS rows FROM {db}.user_behavior_silver AS e "
        "GROUP BY e.site_id, e.local_date, e.host"
    )
    rows = event_block(1)
    tear(store, ["hosts_daily"], partial(write, rows, store))
    assert filled(mend(store, rows)) == {"hosts_daily": ("all",)}
    assert store.one("SELECT sum(rows) FROM {db}.hosts_daily") == 8


def _stage(sent: Block) -> str:
    return f"repair_{sent.batch_id.replace('-', '')}_events_in_daily_user_metrics"
