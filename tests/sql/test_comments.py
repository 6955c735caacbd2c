"""Every table and column says what it is, and saying it changes nothing else."""

from __future__ import annotations

import pytest

from app.adapters.clickhouse import retention
from app.settings import Settings, SiteSettings
from migrations import comments, runner
from tests.sql.store import EVENT_GOLD, SESSION_GOLD, Store, block, event, rejected, session

TABLES = "engine NOT IN ('View', 'MaterializedView')"


@pytest.fixture
def explained(store: Store) -> Store:
    """The schema, with its comments."""
    assert comments.apply(store.client, database=store.database)
    return store


def test_every_table_column_and_view_is_explained_and_nothing_that_is_gone(explained: Store) -> None:
    tables = dict(
        explained.ask(f"SELECT name, comment FROM system.tables WHERE database = '{{db}}' AND {TABLES}")
    )
    columns = {
        (table, name): comment
        for table, name, comment in explained.ask(
            "SELECT table, name, comment FROM system.columns WHERE database = '{db}'"
        )
        if table in tables
    }
    assert [table for table, comment in tables.items() if not comment] == []
    assert [column for column, comment in columns.items() if not comment] == []
    known = comments.load()
    assert set(known.tables) == set(tables)
    own = {(table, name) for table, of in known.tables.items() for name in of if name != comments.ABOUT}
    assert own - set(columns) == set()
    assert set(known.columns) == {name for table, name in columns if (table, name) not in own}
    views = explained.ask(
        "SELECT name, comment FROM system.tables WHERE database = '{db}' AND engine = 'View'"
    )
    assert dict(views) == {
        name.removesuffix(".sql"): comments.about(text) for name, text in runner.load_views()
    }
    assert [name for name, comment in views if len(comment) < 20] == []


def test_a_sentence_is_plain_text_that_no_reader_of_definitions_takes_for_code() -> None:
    known = comments.load()
    texts = [*known.columns.values(), *(text for of in known.tables.values() for text in of.values())]
    assert [text for text in texts if not text.isascii() or not text.endswith((".", ")"))] == []
    assert [text for text in texts if " TTL " in text or " SETTINGS " in text or " FROM " in text] == []


def test_comments_are_set_once_and_again_only_where_one_differs(explained: Store) -> None:
    assert comments.apply(explained.client, database=explained.database) == []
    explained.run("ALTER TABLE {db}.events_per_day COMMENT COLUMN events 'other'")
    assert comments.apply(explained.client, database=explained.database) == ["events_per_day"]
    assert runner.migrate(explained.client, database=explained.database) == []
    assert comments.apply(explained.client, database=explained.database) == []


def test_a_block_that_comes_again_after_comments_were_set_counts_once(store: Store) -> None:
    """A worker may be at work, or may have died in the middle of a block, while the schema is explained."""
    within = block()
    blocks = {
        "events": [event(within), event(within, offset=1, user_id="ada"), rejected(within, offset=2)],
        "sessions": [session(within)],
    }
    for token, rows in blocks.items():
        store.insert(rows, token=token)
    before = counted(store)
    assert comments.apply(store.client, database=store.database)
    for token, rows in blocks.items():
        store.insert(rows, token=token)
    assert counted(store) == before
    store.insert([event(block(start=10, end=19))], token="another")
    assert counted(store)["events_per_day"] == before["events_per_day"] + 1


def test_a_materialized_view_whose_comment_is_set_takes_a_block_again(store: Store) -> None:
    """Why materialized views have none: as with MODIFY QUERY, what came before is forgotten."""
    rows = [event(block())]
    store.insert(rows, token="one")
    store.run("ALTER TABLE {db}.events_per_day_mv MODIFY COMMENT 'what it fills'")
    store.insert(rows, token="one")
    assert store.one("SELECT sum(rows) FROM {db}.events_per_day") == 2


def test_retention_reads_lifetimes_beside_comments(explained: Store) -> None:
    settings = Settings(
        clickhouse={"database": explained.database}, sites={"shop": SiteSettings(retention_days=30)}
    )
    changed = retention.apply(explained.client, settings)
    assert "user_behavior_silver" in changed.tables
    assert comments.apply(explained.client, database=explained.database) == []
    assert retention.apply(explained.client, settings).tables == []


def counted(store: Store) -> dict[str, int]:
    """Table -> its rows, and for gold the rows behind them."""
    found = {table: store.one(f"SELECT count() FROM {{db}}.{table}") for table in store.tables()}
    gold = {table: store.one(f"SELECT sum(rows) FROM {{db}}.{table}") for table in EVENT_GOLD + SESSION_GOLD}
    return {**found, **gold}
