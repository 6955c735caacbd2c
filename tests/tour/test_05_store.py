"""Hop 5: migrations/*.sql spread the rows over bronze, silver and gold."""

import msgspec

from tests.sql.conftest import client, database, schema, store
from tests.tour.test_04_sessionise import folded

__all__ = ["client", "database", "schema", "store"]


def test_one_insert_of_events_and_one_of_sessions_fill_every_layer(store):
    block = folded()
    store.insert([event_of_a_real_block(row) for row in block.events])
    store.insert([event_of_a_real_block(row) for row in block.sessions])
    assert store.one("SELECT count() FROM {db}.page_views_bronze") == 1
    assert store.one("SELECT path FROM {db}.page_views_silver") == "/products/bell-brass"
    assert store.one("SELECT sum(page_views) FROM {db}.daily_user_metrics") == 1
    assert store.ask("SELECT channel, sum(sessions) FROM {db}.traffic_sources_daily GROUP BY channel") == [
        ("Email", 1)
    ]


def event_of_a_real_block(row):
    """The row with a batch id that is a UUID, as the agent makes them."""
    return msgspec.structs.replace(row, batch_id="00000000-0000-4000-8000-0000000000b1")
