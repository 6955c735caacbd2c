"""A block -> bronze, silver, ledger: each row where it belongs, typed."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.sql.store import AT, DAY, Store, block, event, session, some_uuid

SILVER = {"user_behavior_silver", "received_silver"}
#: What counts every record, whatever became of it.
COUNTED = {"block_ledger", "received_silver", "data_quality"}


@pytest.mark.parametrize(
    ("changes", "tables"),
    [
        ({"event_type": "page_view"}, {"page_views_bronze", "page_views_silver"}),
        ({"event_type": "click"}, {"click_events_bronze"}),
        ({"event_type": "scroll"}, {"interactions_bronze"}),
        ({"event_type": "form_submit"}, {"interactions_bronze"}),
        ({"event_type": "video_play"}, {"interactions_bronze"}),
        ({"event_type": "custom_event", "name": "$purchase"}, {"interactions_bronze"}),
    ],
)
def test_an_accepted_event_lands_in_its_bronze_and_in_silver(
    store: Store, changes: dict[str, str], tables: set[str]
) -> None:
    store.insert([event(block(), **changes)])
    found = {name for name, parts in store.parts().items() if name.endswith(("bronze", "silver")) and parts}
    assert found == tables | SILVER


def test_a_rejected_event_keeps_payload_and_reason_and_counts_nowhere_else(store: Store) -> None:
    within = block()
    store.insert(
        [
            event(
                within,
                outcome="rejected",
                reason="malformed_json",
                step="decode",
                field="",
                detail="line 1",
                payload="{broken",
                **dict.fromkeys(("event_id", "event_type", "site_id", "visitor_id", "session_id"), ""),
                **dict.fromkeys(("local_date", "path"), ""),
            )
        ]
    )
    assert store.ask("SELECT reason, step, detail, payload, event_id FROM {db}.rejected_events_bronze") == [
        ("malformed_json", "decode", "line 1", "{broken", "")
    ]
    assert {name for name, parts in store.parts().items() if parts} == {"rejected_events_bronze", *COUNTED}


def test_a_duplicate_is_only_counted(store: Store) -> None:
    store.insert([event(block(), outcome="duplicate", session_id="", local_date="")])
    assert {name for name, parts in store.parts().items() if parts} == COUNTED


def test_the_ledger_accounts_for_every_record_of_a_block(store: Store) -> None:
    within = block(start=100, end=105, partition=3, epoch=2)
    outcomes = ["accepted", "accepted", "accepted", "rejected", "rejected", "duplicate"]
    store.insert(
        [
            event(within, outcome=outcome, offset=100 + number, received_at=AT + number)
            for number, outcome in enumerate(outcomes)
        ]
    )
    store.insert([event(block(start=106, end=106, partition=3, epoch=2))])
    found = store.ask(
        "SELECT _epoch, _partition, _batch_start, _batch_end, toString(_batch_id), received, accepted, "
        "rejected, duplicates, toUnixTimestamp64Milli(min_received_at), "
        "toUnixTimestamp64Milli(max_received_at) FROM {db}.block_ledger ORDER BY _batch_start LIMIT 1"
    )
    assert found == [(2, 3, 100, 105, within["batch_id"], 6, 3, 2, 1, AT, AT + 5)]
    assert store.one("SELECT sum(received - accepted - rejected - duplicates) FROM {db}.block_ledger") == 0
    assert store.one("SELECT sum(received) FROM {db}.block_ledger") == 7


def test_silver_is_typed(store: Store) -> None:
    event_id = some_uuid().upper()
    store.insert(
        [
            event(
                block(),
                event_id=event_id,
                event_type="custom_event",
                name="$purchase",
                event_at=AT + 123,
                revenue=19.99,
                currency="EUR",
                is_conversion=1,
                goal="$purchase",
                scroll_depth=100,
                bot_reasons=2048,
                click_x=0.5,
            )
        ]
    )
    assert store.ask(
        "SELECT event_id, session_id, event_at, local_date, revenue, is_conversion, scroll_depth, "
        "bot_reasons, click_x FROM {db}.user_behavior_silver"
    ) == [
        (
            uuid.UUID(event_id),
            uuid.UUID(int=7),
            datetime(2015, 5, 17, 10, 5, 3, 123000, tzinfo=UTC),
            date.fromisoformat(DAY),
            Decimal("19.9900"),
            1,
            100,
            2048,
            0.5,
        )
    ]


@pytest.mark.parametrize(
    "units", [1, 199_900, 290_000, 11_499, 10_000, 123_456_789_012, 10_000_000_000_000, 8_999_999_999_999_999]
)
def test_revenue_is_exact_to_the_last_unit(store: Store, units: int) -> None:
    """1/10,000 of a currency unit, from a cent to sums no shop has."""
    store.insert([event(block(), revenue=units / 10_000)])
    store.insert([session(block(), revenue=units / 10_000)])
    exact = Decimal(units).scaleb(-4)
    assert store.one("SELECT sum(revenue) FROM {db}.daily_user_metrics") == exact
    for table in ("session_analytics", "traffic_sources_daily", "device_breakdown_daily"):
        assert store.one(f"SELECT sum(revenue) FROM {{db}}.{table}") == exact


def test_a_field_without_a_column_fails_and_writes_nothing(store: Store) -> None:
    with pytest.raises(DatabaseError, match="nope"):
        store.insert_lines("events_in", b'{"nope":1}\n')
    assert not any(store.parts().values())


def test_statements_of_every_sign_stay_in_bronze_but_only_sessions_reach_silver(store: Store) -> None:
    first, within = block(), block(start=10, end=19)
    dead, living, grandchild = some_uuid(), some_uuid(), some_uuid()
    stated = session(first, session_id=dead)
    store.insert([stated])
    store.insert(
        [
            session(within, session_id=dead, sign=-1, merged_into=living),
            session(within, session_id=grandchild, sign=0, version=3, merged_into=living),
            session(within, session_id=living, page_views=2),
        ]
    )
    assert store.one("SELECT groupArraySorted(10)(sign) FROM {db}.user_sessions_bronze") == [-1, 0, 1, 1]
    assert store.ask(
        "SELECT toString(session_id) FROM {db}.sessions_silver GROUP BY session_id HAVING sum(sign) > 0"
    ) == [(living,)]
    assert store.ask(
        "SELECT toString(session_id), toString(merged_into) FROM {db}.session_merges ORDER BY session_id"
    ) == sorted([(dead, living), (grandchild, living)])


def test_a_session_that_is_merged_again_resolves_to_the_last_heir(store: Store) -> None:
    dead, heir, last = some_uuid(), some_uuid(), some_uuid()
    store.insert([session(block(start=10), session_id=dead, sign=0, version=2, merged_into=last)])
    store.insert([session(block(start=0), session_id=dead, sign=-1, version=1, merged_into=heir)])
    assert store.one("SELECT toString(argMax(merged_into, version)) FROM {db}.session_merges") == last
    assert store.one("SELECT toString(merged_into) FROM {db}.session_merges FINAL") == last


def test_a_block_of_a_hundred_and_fifty_months_lands(store: Store) -> None:
    """A replay of history may mix months; more than a hundred partitions must not stop it for good."""
    within = block(end=149)
    months = [f"{2010 + number // 12}-{number % 12 + 1:02}-01" for number in range(150)]
    rows = [
        event(
            within,
            offset=number,
            local_date=day,
            event_at=int(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp() * 1000),
        )
        for number, day in enumerate(months)
    ]
    store.insert(rows, token="history")
    store.insert(rows, token="history")
    assert store.one("SELECT count() FROM {db}.user_behavior_silver") == 150
    assert store.one("SELECT sum(rows) FROM {db}.events_per_quarter_hour") == 150
