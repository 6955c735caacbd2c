"""The schema holds to the rules that exactly-once gold rests on."""

from __future__ import annotations

import re

import msgspec
import pytest
from clickhouse_connect.driver.client import Client

from app.events.rows import EventRow, SessionRow
from migrations import snapshot
from migrations.runner import migrate
from tests.sql.store import EVENT_GOLD, RECEIPT_GOLD, RECORDS, SESSION_GOLD, Store


@pytest.fixture(scope="module")
def store(client: Client) -> Store:
    """The schema as migrations make it; nothing is written into it."""
    migrate(client, database="whole")
    return Store(client, "whole")


def columns(store: Store, table: str) -> list[str]:
    """Those that are written; the engine makes the others of them."""
    return [
        name
        for (name,) in store.ask(
            "SELECT name FROM system.columns "
            f"WHERE database = '{{db}}' AND table = '{table}' AND default_kind != 'MATERIALIZED' "
            "ORDER BY position"
        )
    ]


@pytest.mark.parametrize(("table", "row"), [("events_in", EventRow), ("sessions_in", SessionRow)])
def test_a_landing_table_has_exactly_the_fields_of_its_row(
    store: Store, table: str, row: type[msgspec.Struct]
) -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(row)}
    assert set(columns(store, table)) == fields


def test_what_a_row_leaves_out_is_what_the_landing_table_fills_in(store: Store) -> None:
    """Defaults are left out of the JSON, so each must be its column's zero."""
    for row in (EventRow, SessionRow):
        for field in msgspec.structs.fields(row):
            if not field.required:
                assert not field.default, f"{row.__name__}.{field.name}"
    assert store.ask(
        "SELECT table, name FROM system.columns WHERE database = '{db}' AND default_kind != '' ORDER BY ALL"
    ) == [
        ("schema_migrations", "applied_at"),
        # The engine makes hashes of ids and of the path, and what puts events in order.
        ("sessions_silver", "session_hash"),
        ("sessions_silver", "visitor_hash"),
        ("user_behavior_silver", "event_order"),
        # What rows from before have there; the view fills in every new one.
        ("user_behavior_silver", "geo_version"),
        ("user_behavior_silver", "networks_version"),
        ("user_behavior_silver", "path_hash"),
        ("user_behavior_silver", "rules_version"),
        ("user_behavior_silver", "session_hash"),
        ("user_behavior_silver", "viewed_hash"),
        ("user_behavior_silver", "visitor_hash"),
    ]


@pytest.mark.parametrize(
    "setting", ["non_replicated_deduplication_window", "replicated_deduplication_window"]
)
def test_every_table_that_keeps_rows_remembers_a_thousand_tokens(store: Store, setting: str) -> None:
    found = store.ask(
        "SELECT name, create_table_query FROM system.tables "
        "WHERE database = '{db}' AND engine LIKE '%MergeTree'"
    )
    assert len(found) == len(store.tables()) + len(RECORDS) == 44
    for name, query in found:
        window = re.search(rf"\b{setting} = (\d+)", query)
        assert window is not None, name
        assert int(window[1]) >= 1000, name


def test_no_partition_depends_on_when_a_row_was_written(store: Store) -> None:
    """Tokens count within a partition: a retry after midnight must not land in another one."""
    keys = store.ask("SELECT name, partition_key FROM system.tables WHERE database = '{db}'")
    assert not [name for name, key in keys if "inserted_at" in key]


def test_every_materialized_view_fills_every_column_of_its_target(store: Store) -> None:
    views = [
        name
        for (name,) in store.ask(
            "SELECT name FROM system.tables WHERE database = '{db}' AND engine = 'MaterializedView'"
        )
    ]
    assert len(views) == len(store.tables()) == 28
    for view in views:
        assert sorted(columns(store, view)) == sorted(columns(store, view.removesuffix("_mv"))), view


def test_each_table_is_filled_by_one_view(store: Store) -> None:
    """Two views into one target would count everything twice."""
    views = store.ask(
        "SELECT extract(create_table_query, ' TO \\\\S+?\\\\.(\\\\w+)') FROM system.tables "
        "WHERE database = '{db}' AND engine = 'MaterializedView'"
    )
    assert sorted(target for (target,) in views) == store.tables()


@pytest.mark.parametrize(
    ("gold", "silver"),
    [(name, "user_behavior_silver") for name in EVENT_GOLD]
    + [(name, "received_silver") for name in RECEIPT_GOLD]
    + [(name, "sessions_silver") for name in SESSION_GOLD],
)
def test_gold_reads_silver_itself_and_counts_its_rows(store: Store, gold: str, silver: str) -> None:
    query = store.one(f"SELECT as_select FROM system.tables WHERE database = '{{db}}' AND name = '{gold}_mv'")
    assert re.findall(r"FROM \w+\.(\w+)", query) == [silver]
    assert "rows" in columns(store, gold)


@pytest.mark.parametrize("silver", ["page_views_silver", "user_behavior_silver"])
def test_silver_names_the_record_and_the_block_of_each_event(store: Store, silver: str) -> None:
    assert {"_epoch", "_partition", "_offset", "_batch_id"} <= set(columns(store, silver))


def test_user_behavior_silver_keeps_every_field_but_the_ways_of_a_refusal(store: Store) -> None:
    kept = set(columns(store, "user_behavior_silver"))
    left_out = {"outcome", "reason", "field", "step", "detail", "payload", "replays", "history"}
    of_block = {"_batch_start", "_batch_end"}
    assert set(columns(store, "events_in")) - kept == left_out | of_block


def test_the_snapshot_is_the_schema(store: Store) -> None:
    """Regenerate it with `python -m migrations.snapshot`."""
    assert snapshot.snapshot(store.client, database=store.database) == snapshot.FILE.read_text("utf-8")
