"""Layers that agree yield nothing; layers that do not are found, and rebuilt without a gap for readers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from clickhouse_connect.driver.client import Client

from app.adapters.clickhouse.reconcile import Reconciler, Scope
from app.errors import ReconcileError
from tests.sql.holes import Rows, contents, delete, event_block, hold_merges, session_block
from tests.sql.store import EVENT_GOLD, RECEIPT_GOLD, SESSION_GOLD, Store

FIRST, SECOND = date(2015, 5, 17), date(2015, 5, 18)


@pytest.fixture
def blocks(store: Store, twin: Store) -> list[Rows]:
    """Some blocks of events and sessions of two sites, in the store and in its twin."""
    hold_merges(store)
    sessions = session_block(1)
    made = [
        event_block(1),
        event_block(2, partition=1),
        event_block(3, site="other"),
        sessions,
        session_block(2, before=sessions),
    ]
    for rows in made:
        write(rows, store, twin)
    return made


def write(rows: Rows, *stores: Store) -> None:
    for store in stores:
        store.insert(rows, token=f"t{rows[0].batch_id}")


def reconciler(store: Store, *, today: date | None = None) -> Reconciler:
    return Reconciler(store.client, database=store.database, pause_s=0, today=today)


def differing(store: Store, **scope: object) -> list[tuple[str, str, date]]:
    return [one.at for one in reconciler(store).compare(Scope(**scope))]


def repeat(store: Store, table: str, *, where: str = "1") -> None:
    """Rows once more, past the deduplication, and past the views."""
    store.run(f"CREATE TABLE {{db}}.again AS {{db}}.{table}")
    store.run(f"INSERT INTO {{db}}.again SELECT * FROM {{db}}.{table} WHERE {where}")
    for (partition,) in store.ask("SELECT DISTINCT _partition_id FROM {db}.again"):
        store.run(f"ALTER TABLE {{db}}.{table} ATTACH PARTITION ID '{partition}' FROM {{db}}.again")
    store.run("DROP TABLE {db}.again SYNC")


def test_layers_that_agree_yield_nothing(store: Store, blocks: list[Rows]) -> None:
    before = contents(store)
    assert reconciler(store).compare(Scope()) == []
    assert reconciler(store).rebuild(Scope()) == []
    assert contents(store) == before


def test_layers_agree_after_merges_too(store: Store, twin: Store, blocks: list[Rows]) -> None:
    twin.merge()
    assert differing(twin) == []


def test_every_gold_is_compared_and_rebuilt(store: Store, twin: Store, blocks: list[Rows]) -> None:
    for table in (*EVENT_GOLD, *RECEIPT_GOLD, *SESSION_GOLD):
        delete(store, table, where="site_id = 'shop'")
    found = reconciler(store).compare(Scope())
    assert {one.table for one in found} == {*EVENT_GOLD, *RECEIPT_GOLD, *SESSION_GOLD}
    assert {one.site_id for one in found} == {"shop"}
    [daily] = [one for one in found if one.table == "daily_user_metrics" and one.day == FIRST]
    assert daily.source == "user_behavior_silver"
    assert (daily.figures["rows"].wanted, daily.figures["rows"].found) == (14, 0)
    rebuilt = reconciler(store).rebuild(Scope())
    assert sorted(one.table for one in rebuilt) == sorted((*EVENT_GOLD, *RECEIPT_GOLD, *SESSION_GOLD))
    assert contents(store) == contents(twin)
    assert reconciler(store).rebuild(Scope()) == []


@pytest.mark.parametrize("table", ["daily_user_metrics", "session_analytics"])
def test_what_was_counted_twice_is_found_and_rebuilt(
    store: Store, twin: Store, blocks: list[Rows], table: str
) -> None:
    repeat(store, table)
    assert {name for name, *_ in differing(store)} == {table}
    reconciler(store).rebuild(Scope())
    assert contents(store) == contents(twin)


def test_a_gold_that_holds_what_silver_has_not_at_all_loses_it(store: Store, twin: Store) -> None:
    store.run(
        "INSERT INTO {db}.events_per_day (site_id, bucket, is_bot, event_type, rows, events) "
        "VALUES ('ghost', '2015-05-17 00:00:00', 0, 'click', 1, 1)"
    )
    assert differing(store) == [("events_per_day", "ghost", FIRST)]
    reconciler(store).rebuild(Scope())
    assert contents(store) == contents(twin)


@pytest.mark.parametrize("table", ["page_views_silver", "sessions_silver"])
@pytest.mark.parametrize("change", [lambda *at: delete(*at, where="1"), repeat], ids=["lost", "twice"])
def test_silver_that_another_table_holds_is_rebuilt_and_no_view_fires(
    store: Store, twin: Store, blocks: list[Rows], table: str, change: Callable[..., None]
) -> None:
    change(store, table)
    assert table in {name for name, *_ in differing(store)}
    assert {one.table for one in reconciler(store).rebuild(Scope())} == {table}
    assert contents(store) == contents(twin)


def test_silver_that_nothing_holds_is_told_and_gold_is_not_rebuilt_from_it(
    store: Store, twin: Store, blocks: list[Rows]
) -> None:
    delete(store, "user_behavior_silver", where=f"_batch_id = '{blocks[0][0].batch_id}'")
    assert ("user_behavior_silver", "shop", FIRST) in differing(store)
    assert reconciler(store).rebuild(Scope()) == []
    golds = {gold: rows for gold, rows in contents(store).items() if gold in EVENT_GOLD}
    assert golds == {gold: rows for gold, rows in contents(twin).items() if gold in EVENT_GOLD}
    others = {site for name, site, _ in differing(store)}
    assert others == {"shop"}


def test_bronze_that_lacks_a_block_is_no_reason_to_take_it_from_silver(
    store: Store, twin: Store, blocks: list[Rows]
) -> None:
    delete(store, "user_sessions_bronze", where=f"_batch_id = '{blocks[4][0].batch_id}'")
    assert {name for name, *_ in differing(store)} == {"sessions_silver"}
    assert reconciler(store).rebuild(Scope()) == []
    assert contents(store)["sessions_silver"] == contents(twin)["sessions_silver"]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({}, {("shop", FIRST), ("shop", SECOND), ("other", FIRST), ("other", SECOND)}),
        ({"site_id": "other"}, {("other", FIRST), ("other", SECOND)}),
        ({"first": SECOND}, {("shop", SECOND), ("other", SECOND)}),
        ({"last": FIRST, "site_id": "shop"}, {("shop", FIRST)}),
        ({"first": SECOND + timedelta(days=1)}, set()),
    ],
)
def test_only_the_site_and_the_days_asked_for_are_compared(
    store: Store, blocks: list[Rows], scope: dict[str, object], expected: set[tuple[str, date]]
) -> None:
    for table in ("daily_user_metrics", "events_per_minute"):
        delete(store, table, where="1")
    for table in ("daily_user_metrics", "events_per_minute"):
        assert {(site, day) for name, site, day in differing(store, **scope) if name == table} == expected


def test_a_rebuild_of_one_day_leaves_the_others_of_its_partition(
    store: Store, twin: Store, blocks: list[Rows]
) -> None:
    delete(store, "daily_user_metrics", where="1")
    reconciler(store).rebuild(Scope(site_id="shop", first=SECOND, last=SECOND))
    assert store.ask("SELECT DISTINCT site_id, local_date FROM {db}.daily_user_metrics") == [("shop", SECOND)]
    reconciler(store).rebuild(Scope())
    assert contents(store) == contents(twin)


def test_days_that_a_ttl_may_have_taken_are_not_compared(store: Store, blocks: list[Rows]) -> None:
    """Silver is kept for two years and bronze for 90 days, gold by days for good: no loss to be made good."""
    born = date.today()
    delete(store, "daily_user_metrics", where="1")
    assert differing(store)
    assert [one.at for one in reconciler(store, today=born + timedelta(days=800)).compare(Scope())] == []


def test_readers_see_the_old_or_the_new_and_never_less(
    store: Store, twin: Store, blocks: list[Rows], client: Client
) -> None:
    repeat(store, "page_performance_metrics")
    total = "SELECT sum(rows) FROM {db}.page_performance_metrics"
    whole, doubled = twin.one(total), store.one(total)
    assert doubled == 2 * whole
    seen, over = [], threading.Event()
    reader = Store(_another(client), store.database)

    def read() -> None:
        while not over.is_set():
            seen.append(reader.one(total))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        reconciler(store).rebuild(Scope())
    finally:
        over.set()
        thread.join()
        reader.client.close()
    assert store.one(total) == whole
    assert len(seen) > 10
    assert set(seen) <= {whole, doubled}
    assert seen == sorted(seen, reverse=True)


def test_blocks_that_arrive_during_a_rebuild_are_there_once_in_the_end(
    store: Store, twin: Store, blocks: list[Rows], client: Client
) -> None:
    for table in EVENT_GOLD:
        delete(store, table, where="1")
    writer = Store(_another(client), store.database)
    arriving = [event_block(number, partition=2) for number in range(10, 16)]

    def arrive() -> None:
        for rows in arriving:
            write(rows, writer)

    thread = threading.Thread(target=arrive)
    thread.start()
    reconciler(store).rebuild(Scope())
    thread.join()
    writer.client.close()
    reconciler(store).rebuild(Scope())
    for rows in arriving:
        write(rows, twin)
    assert contents(store) == contents(twin)


def test_nothing_is_left_behind(store: Store, blocks: list[Rows]) -> None:
    tables = store.tables()
    delete(store, "events_per_hour", where="1")
    assert reconciler(store).rebuild(Scope())
    assert store.tables() == tables


def test_a_new_gold_is_compared_without_being_named_anywhere(store: Store) -> None:
    assert differing(store) == []
    write(event_block(1), store)
    _add(store, "hosts_daily", source="user_behavior_silver", columns="count() AS rows")
    assert {name for name, *_ in differing(store)} == {"hosts_daily"}
    reconciler(store).rebuild(Scope())
    assert store.one("SELECT sum(rows) FROM {db}.hosts_daily") == 8


def test_a_gold_without_rows_cannot_be_compared(store: Store) -> None:
    _add(store, "hosts_daily", source="user_behavior_silver", columns="count() AS n")
    with pytest.raises(ReconcileError, match="hosts_daily lacks rows"):
        reconciler(store)


def test_a_new_silver_that_nothing_compares_is_an_error(store: Store) -> None:
    _add(store, "clicks_silver", source="events_in", columns="count() AS rows")
    with pytest.raises(ReconcileError, match="nothing compares clicks_silver"):
        reconciler(store)


def test_a_database_without_schema_says_what_to_do(client: Client) -> None:
    with pytest.raises(ReconcileError, match="run `wua migrate`"):
        Reconciler(client, database="nobody")


def _add(store: Store, name: str, *, source: str, columns: str) -> None:
    figure = columns.rsplit(maxsplit=1)[-1]
    store.run(
        f"CREATE TABLE {{db}}.{name} (site_id String, local_date Date, {figure} UInt64) "
        "ENGINE = SummingMergeTree ORDER BY (site_id, local_date)"
    )
    store.run(
        f"CREATE MATERIALIZED VIEW {{db}}.{name}_mv TO {{db}}.{name} AS SELECT e.site_id AS site_id, "
        f"toDate(e.local_date) AS local_date, {columns} FROM {{db}}.{source} AS e GROUP BY ALL"
    )


def _another(client: Client) -> Client:
    """A client of its own for a thread, on the same engine."""
    import clickhouse_connect

    path = client.query("SELECT path FROM system.disks WHERE name = 'default'").result_rows[0][0]
    return clickhouse_connect.get_client(interface="chdb", path=path.rstrip("/"), tz_mode="aware")
