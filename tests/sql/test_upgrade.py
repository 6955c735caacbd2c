"""A database of an earlier version, with rows in it, brought up to date."""

from __future__ import annotations

import time

import msgspec
import pytest
from clickhouse_connect.driver.client import Client

from app.adapters.clickhouse.reconcile import Reconciler, Scope
from app.events.enriched import BotVerdict
from app.events.vocabulary import BotReason
from migrations import runner
from migrations.runner import migrate
from migrations.statements import Target, statements
from tests.sql.store import Store, block, event, rejected

#: How long the engine may take to change rows in the background.
PATIENCE_S = 30.0
SITE = "site = 'shop'"


def test_rows_refused_before_there_was_a_history_have_none(
    client: Client, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = schema_before(7, client, database, monkeypatch)
    within = block()
    store.insert_lines("events_in", msgspec.json.Encoder().encode_lines([rejected(within)]))
    migrate(client, database=database)
    store.insert([rejected(within, offset=1, replays=2, history="[]")])
    kept = store.ask("SELECT _offset, replays, history FROM {db}.rejected_events_bronze ORDER BY _offset")
    assert kept == [(0, 0, ""), (1, 2, "[]")]


@pytest.mark.parametrize("table", ["page_views_silver", "user_behavior_silver"])
def test_programs_seen_before_there_were_kinds_get_theirs_from_the_reasons(
    client: Client, database: str, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    store = schema_before(8, client, database, monkeypatch)
    within = block(end=len(BotReason))
    reasons = [BotReason.NONE, *BotReason, BotReason.SEARCH_CRAWLER | BotReason.USER_AGENT]
    verdicts = [BotVerdict(reasons=reason) for reason in reasons]
    rows = [
        event(within, offset=offset, bot_reasons=int(verdict.reasons), is_bot=int(verdict.is_bot))
        for offset, verdict in enumerate(verdicts)
    ]
    store.insert(rows)
    migrate(client, database=database)
    wait_for_changes(store)
    kinds = [kind for (kind,) in store.ask(f"SELECT bot_kind FROM {{db}}.{table} ORDER BY _offset")]
    assert kinds == [verdict.kind or "" for verdict in verdicts]


def test_who_was_known_before_there_were_aliases_is_found_by_user_id_and_all_of_it_after_a_repair(
    client: Client, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = schema_before(9, client, database, monkeypatch)
    within = block()
    store.insert([event(within), event(within, offset=1, user_id="ada"), event(within, offset=2)])
    migrate(client, database=database)
    assert events_of(store, "ada") == 1
    Reconciler(client, database=database, pause_s=0).rebuild(Scope())
    assert events_of(store, "ada") == events_of(store, "v1") == 3


def test_who_is_whom_of_before_it_had_a_time_counts_from_the_upgrade_on(
    client: Client, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = schema_before(12, client, database, monkeypatch)
    alias = {"event_type": "custom_event", "name": "$alias", "properties": '{"previous_id":"lead"}'}
    store.insert([event(block(), user_id="ada", **alias)])
    migrate(client, database=database)
    store.insert([event(block(), user_id="bob", **alias)])
    store.merge()
    for table in ("visitor_aliases", "user_aliases"):
        found = store.ask(
            f"SELECT user_id, dateDiff('hour', inserted_at, now()) < 1 FROM {{db}}.{table} ORDER BY user_id"
        )
        assert found == [("ada", 1), ("bob", 1)], table
    reconciler = Reconciler(client, database=database, pause_s=0)
    assert {one.table for one in reconciler.compare(Scope())} == {"page_visitors"}, "gold that came since"
    reconciler.rebuild(Scope())
    assert reconciler.compare(Scope()) == []


def test_what_decided_before_there_were_versions_is_unknown_as_of_a_worker_that_does_not_tell(
    client: Client, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = schema_before(11, client, database, monkeypatch)
    within = block()
    store.insert([event(within)])
    migrate(client, database=database)
    told = {"rules_version": "0123456789ab", "networks_version": "ba9876543210"}
    store.insert([event(within, offset=1), event(within, offset=2, **told)])
    by = "SELECT rules_version, geo_version, networks_version FROM {db}.user_behavior_silver ORDER BY _offset"
    unknown = ("unknown",) * 3
    assert store.ask(by) == [unknown, unknown, ("0123456789ab", "", "ba9876543210")]
    store.merge()
    assert store.ask(by) == [unknown, unknown, ("0123456789ab", "", "ba9876543210")]


def events_of(store: Store, person: str) -> int:
    """How many events a person has."""
    found = store.ask(f"SELECT user_id FROM {{db}}.person_users({SITE}, person = '{person}')")
    users = [user for (user,) in found]
    visitors = store.ask(f"SELECT visitor_id, spans FROM {{db}}.person_visitors({SITE}, users = {users})")
    ids, spans = [visitor for visitor, _ in visitors], [one for _, one in visitors]
    events: int = store.one(
        f"SELECT events FROM {{db}}.person_totals({SITE}, since = '2015-05-01', until = '2015-06-01', "
        f"bots = [0], users = {users}, visitors = {ids}, spans = {spans})"
    )
    return events


def schema_before(version: int, client: Client, database: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A database as it was before a migration."""
    known = runner.load()
    with monkeypatch.context() as before:
        before.setattr(runner, "load", lambda: [one for one in known if one.version < version])
        before.setattr(runner, "load_views", list)
        migrate(client, database=database)
    return Store(client, database)


def wait_for_changes(store: Store) -> None:
    until = time.monotonic() + PATIENCE_S
    while store.one("SELECT count() FROM system.mutations WHERE database = '{db}' AND NOT is_done"):
        assert time.monotonic() < until, "the engine has not changed its rows in time"
        time.sleep(0.05)


def test_a_migration_that_failed_midway_can_be_run_again(store: Store) -> None:
    target = Target(database=store.database)
    for migration in runner.load():
        for statement in statements(migration.sql, target=target, file=migration.name):
            store.client.command(statement)
    store.insert([rejected(block(), replays=1, history="[]")])
    assert store.ask("SELECT replays, history FROM {db}.rejected_events_bronze") == [(1, "[]")]
