"""A view that is replaced knows the blocks that came before; one whose query is modified does not."""

from __future__ import annotations

import pytest

from migrations import runner
from tests.sql.store import Store, block, event

VIEW = "events_per_day_mv"
TOKEN = "block-1"


def test_a_replaced_view_takes_no_block_twice(store: Store) -> None:
    rows = [event(block())]
    store.insert(rows, token=TOKEN)
    store.run(_replacing(store))
    store.insert(rows, token=TOKEN)
    assert _counted(store) == 1
    store.insert([event(block(start=10, end=19))])
    assert _counted(store) == 2


def test_a_view_that_threw_and_was_replaced_takes_each_block_once(store: Store) -> None:
    first, second = [event(block())], [event(block(start=10, end=19))]
    store.insert(first, token=TOKEN)
    sound = _replacing(store)
    store.run(sound.replace("count() AS rows", "throwIf(count() > 0) + count() AS rows"))
    for rows, token in ((first, TOKEN), (second, "block-2")):
        with pytest.raises(Exception, match="FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"):
            store.insert(rows, token=token)
    store.run(sound)
    for rows, token in ((first, TOKEN), (second, "block-2"), (second, "block-2")):
        store.insert(rows, token=token)
    assert _counted(store) == 2


def test_a_modified_view_takes_a_block_again(store: Store) -> None:
    """Why migrations must not: the same query, modified to itself, forgets what came before."""
    rows = [event(block())]
    store.insert(rows, token=TOKEN)
    query = store.one(f"SELECT as_select FROM system.tables WHERE database = '{{db}}' AND name = '{VIEW}'")
    store.run(f"ALTER TABLE {{db}}.{VIEW} MODIFY QUERY {query}")
    store.insert(rows, token=TOKEN)
    assert _counted(store) == 2


def test_no_migration_modifies_or_drops_a_view() -> None:
    for migration in runner.load():
        assert "MODIFY QUERY" not in migration.sql, migration.name
        assert "DROP " not in migration.sql, migration.name


def _counted(store: Store) -> int:
    return int(store.one("SELECT sum(rows) FROM {db}.events_per_day"))


def _replacing(store: Store) -> str:
    """The statement that puts the view in its own place."""
    return str(
        store.one(
            "SELECT replaceOne(create_table_query, 'CREATE', 'CREATE OR REPLACE') FROM system.tables "
            f"WHERE database = '{{db}}' AND name = '{VIEW}'"
        )
    )
