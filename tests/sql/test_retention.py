"""Rows of a site go when its days are over, those of others stay; gold stays; nothing alarms about it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from app.adapters.clickhouse.reconcile import Reconciler, Scope
from app.adapters.clickhouse.retention import apply, comparable_days
from app.errors import ReconcileError
from app.settings import Settings
from tests.sql.store import Store, block, event, rejected, session, some_uuid

ROWS = (
    "page_views_bronze",
    "page_views_silver",
    "rejected_events_bronze",
    "sessions_silver",
    "user_behavior_silver",
    "user_sessions_bronze",
)


def today() -> date:
    """Asked anew each time: a run may last past midnight, and the store goes by the clock."""
    return datetime.now(UTC).date()


def settings(store: Store, **days: int) -> Settings:
    """Sites that keep their rows for so many days; ``default_site`` for the others."""
    others = {"retention_days": days.pop("default_site", None)}
    return Settings(
        clickhouse={"database": store.database},
        sites={site: {"retention_days": count} for site, count in days.items()},
        default_site=others,
    )


def write(store: Store, site: str, *, days_ago: int, day: date | None = None) -> None:
    """A page view, its session and a refused event, written so long ago, of that day."""
    at = int((datetime.now(UTC) - timedelta(days=days_ago)).timestamp() * 1000)
    local_date = (day or today() - timedelta(days=days_ago)).isoformat()
    within: dict[str, Any] = block()
    times = {"received_at": at, "event_at": at, "occurred_at": at, "sent_at": at, "local_date": local_date}
    store.insert([event(within, site_id=site, **times), rejected(within, site_id=site, received_at=at)])
    spell = {"started_at": at, "ended_at": at, "local_date": local_date, "session_id": some_uuid()}
    store.insert([session(within, site_id=site, **spell)])
    for table in ROWS:
        store.run(
            f"ALTER TABLE {{db}}.{table} UPDATE inserted_at = inserted_at - INTERVAL {days_ago} DAY "
            f"WHERE _batch_id = toUUID('{within['batch_id']}') SETTINGS mutations_sync = 2"
        )


def ages(store: Store, table: str) -> set[tuple[str, int]]:
    """Site and age in days of each row that is there."""
    return set(
        store.ask(
            f"SELECT site_id, toInt64(dateDiff('day', inserted_at, now('UTC'))) FROM {{db}}.{table} "
            "ORDER BY ALL"
        )
    )


def old(store: Store) -> None:
    """The database is a year old."""
    store.run("INSERT INTO {db}.schema_migrations SELECT 0, 'before', '', now() - INTERVAL 365 DAY")


def test_old_rows_of_a_site_go_and_young_ones_and_those_of_others_stay(store: Store) -> None:
    for site in ("brief", "medium", "long"):
        for days_ago in (1, 20, 50):
            write(store, site, days_ago=days_ago)
    gold = store.ask("SELECT site_id, sum(events) FROM {db}.daily_user_metrics GROUP BY site_id ORDER BY 1")
    apply(store.client, settings(store, brief=10, medium=30))
    store.merge()
    kept = {("brief", 1), ("medium", 1), ("medium", 20), ("long", 1), ("long", 20), ("long", 50)}
    for table in ROWS:
        assert ages(store, table) == kept, table
    assert gold == store.ask(
        "SELECT site_id, sum(events) FROM {db}.daily_user_metrics GROUP BY site_id ORDER BY 1"
    )


def test_the_default_is_for_every_site_that_is_not_named(store: Store) -> None:
    for site in ("named", "other"):
        for days_ago in (1, 20):
            write(store, site, days_ago=days_ago)
    apply(store.client, settings(store, named=30, default_site=10))
    store.merge()
    assert ages(store, "user_behavior_silver") == {("named", 1), ("named", 20), ("other", 1)}


def said(store: Store, user: str, *, days_ago: int, **changes: Any) -> None:
    """An event of 2015 under that user id, written so long ago."""
    store.insert([event(block(), user_id=user, **changes)])
    back = f"inserted_at = inserted_at - INTERVAL {days_ago} DAY"
    theirs = f"user_id = '{user}' AND inserted_at > now() - INTERVAL 1 HOUR"
    for table in ("page_views_silver", "user_behavior_silver", "visitor_aliases", "user_aliases"):
        store.run(f"ALTER TABLE {{db}}.{table} UPDATE {back} WHERE {theirs} SETTINGS mutations_sync = 2")


def test_who_is_whom_goes_with_the_last_row_that_says_so(store: Store) -> None:
    alias = {"event_type": "custom_event", "name": "$alias"}
    for days_ago in (20, 1):
        said(store, "both", days_ago=days_ago)
    for days_ago, user in ((20, "old"), (1, "young")):
        joined = {"properties": f'{{"previous_id":"lead-{user}"}}', **alias}
        said(store, user, days_ago=days_ago, **joined)
        said(store, user, days_ago=days_ago, site_id="long", **joined)
    apply(store.client, settings(store, shop=10))
    store.merge()

    def users(table: str) -> list[Any]:
        return store.ask(
            f"SELECT site_id, arraySort(groupUniqArray(user_id)) FROM {{db}}.{table} "
            "WHERE user_id != '' GROUP BY site_id ORDER BY site_id"
        )

    kept = [("long", ["old", "young"]), ("shop", ["both", "young"])]
    assert users("user_behavior_silver") == users("visitor_aliases") == kept
    assert users("user_aliases") == [("long", ["old", "young"]), ("shop", ["young"])]


def test_to_apply_it_again_changes_nothing_and_to_take_it_back_restores_the_tables(store: Store) -> None:
    def created() -> list[Any]:
        return store.ask(
            "SELECT name, create_table_query FROM system.tables WHERE database = '{db}' ORDER BY 1"
        )

    before = created()
    assert apply(store.client, settings(store)).tables == []
    first = apply(store.client, settings(store, shop=10, blog=10, default_site=400))
    assert first.sites == {"shop": 10, "blog": 10, "": 400}
    assert set(ROWS) <= set(first.tables)
    assert {"visitor_aliases", "user_aliases"} <= set(first.tables)
    assert "received_silver" not in first.tables
    again = apply(store.client, settings(store, shop=10, blog=10, default_site=400))
    assert (again.tables, again.sites) == ([], {})
    back = apply(store.client, settings(store))
    assert back.sites == {"shop": 0, "blog": 0, "": 0}
    assert created() == before


def test_more_days_than_any_table_keeps_change_nothing(store: Store) -> None:
    asked = apply(store.client, settings(store, shop=1000, blog=400))
    assert asked.sites == {"blog": 400}
    assert "user_behavior_silver" in asked.tables
    assert "page_views_bronze" not in asked.tables


def test_what_may_remove_rows_is_noted_before_it_does_and_what_keeps_them_after(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def noted() -> date:
        found = comparable_days(store.client, database=store.database, today=today(), born=date(2000, 1, 1))
        return found["shop"]

    def refuse(client: Client, sql: str, **how: Any) -> Any:
        if "MODIFY TTL" in sql:
            raise DatabaseError("not enough privileges", code=497)
        return command(client, sql, **how)

    command = type(store.client).command
    for before, days in (({}, 10), ({"shop": 10}, 60)):
        apply(store.client, settings(store, **before))
        with monkeypatch.context() as patched:
            patched.setattr(type(store.client), "command", refuse)
            with pytest.raises(ReconcileError, match=r"TTL.*497 ACCESS_DENIED.*grant"):
                apply(store.client, settings(store, shop=days))
        assert noted() == today() - timedelta(days=8)
    assert apply(store.client, settings(store, shop=60)).sites == {"shop": 60}


def test_a_database_that_cannot_be_read_says_where_and_what_to_do(store: Store) -> None:
    store.run("DROP TABLE {db}.site_retention SYNC")
    with pytest.raises(ReconcileError, match=r"site_retention.*60 UNKNOWN_TABLE.*made again"):
        apply(store.client, settings(store, shop=10))


@pytest.mark.parametrize("afterwards", [{"brief": 10}, {"brief": 60}, {}])
def test_days_that_are_gone_raise_no_alarm_also_when_more_is_kept_again(
    store: Store, afterwards: dict[str, int]
) -> None:
    old(store)
    for site in ("brief", "long"):
        for days_ago in (1, 20):
            write(store, site, days_ago=days_ago)
    apply(store.client, settings(store, brief=10))
    store.merge()
    apply(store.client, settings(store, **afterwards))
    reconciler = Reconciler(store.client, database=store.database, pause_s=0)
    assert reconciler.compare(Scope()) == []
    assert reconciler.rebuild(Scope()) == []
    # What is within the days is held to its source as ever, and so are other sites.
    store.run("ALTER TABLE {db}.user_behavior_silver DELETE WHERE 1 SETTINGS mutations_sync = 2")
    differing = {(one.site_id, one.day) for one in reconciler.compare(Scope())}
    yesterday, before = (today() - timedelta(days=days) for days in (1, 20))
    assert {("brief", yesterday), ("long", yesterday), ("long", before)} <= differing
    assert ("brief", before) not in differing


def test_a_day_that_is_gone_in_part_east_of_utc_raises_no_alarm(store: Store) -> None:
    """In the evening (UTC) of the last day of which rows are gone, Tokyo has tomorrow."""
    old(store)
    day = today() - timedelta(days=9)
    for days_ago in (10, 9):
        write(store, "tokyo", days_ago=days_ago, day=day)
    apply(store.client, settings(store, tokyo=10))
    store.merge()
    assert ages(store, "user_behavior_silver") == {("tokyo", 9)}
    assert Reconciler(store.client, database=store.database, pause_s=0).compare(Scope()) == []


def test_a_database_that_is_younger_than_the_days_has_lost_nothing(store: Store) -> None:
    apply(store.client, settings(store, shop=10))
    found = comparable_days(store.client, database=store.database, today=today(), born=today())
    assert found["shop"].year == 1970


def test_a_site_that_is_named_later_has_lost_what_the_others_lost(store: Store) -> None:
    apply(store.client, settings(store, default_site=10))
    apply(store.client, settings(store, default_site=10, shop=50))
    born = today() - timedelta(days=365)
    found = comparable_days(store.client, database=store.database, today=today(), born=born)
    assert found["shop"] == found[""] == today() - timedelta(days=8)
