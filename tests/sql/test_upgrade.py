"""A database of an earlier version, with rows in it, brought up to date."""

from __future__ import annotations

import msgspec
import pytest
from clickhouse_connect.driver.client import Client

from migrations import runner
from migrations.runner import migrate
from migrations.statements import Target, statements
from tests.sql.store import Store, block, rejected


def test_rows_refused_before_there_was_a_history_have_none(
    client: Client, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = runner.load()
    with monkeypatch.context() as before:
        before.setattr(runner, "load", lambda: [one for one in known if one.version < 7])
        before.setattr(runner, "load_views", list)
        migrate(client, database=database)
    store = Store(client, database)
    within = block()
    store.insert_lines("events_in", msgspec.json.Encoder().encode_lines([rejected(within)]))

    assert [one.version for one in migrate(client, database=database)] == [
        one.version for one in known if one.version >= 7
    ]
    store.insert([rejected(within, offset=1, replays=2, history="[]")])
    kept = store.ask("SELECT _offset, replays, history FROM {db}.rejected_events_bronze ORDER BY _offset")
    assert kept == [(0, 0, ""), (1, 2, "[]")]


def test_a_migration_that_failed_midway_can_be_run_again(store: Store) -> None:
    target = Target(database=store.database)
    for migration in runner.load():
        for statement in statements(migration.sql, target=target, file=migration.name):
            store.client.command(statement)
    store.insert([rejected(block(), replays=1, history="[]")])
    assert store.ask("SELECT replays, history FROM {db}.rejected_events_bronze") == [(1, "[]")]
