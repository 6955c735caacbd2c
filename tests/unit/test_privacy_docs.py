"""The inventory of personal data is held to the schema, and every column is decided about."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.core.persons import REPLACED, WIPED
from app.settings import Settings
from app.topics import catalogue

ROOT = Path(__file__).parents[2]
PRIVACY = (ROOT / "docs" / "PRIVACY.md").read_text(encoding="utf-8")
SCHEMA = (ROOT / "migrations" / "schema.sql").read_text(encoding="utf-8")

#: Columns of dead letters that hold text about the event.
TOLD = frozenset({"detail", "history"})
#: What the engine makes of an id that is replaced, and so replaces with it.
MADE = frozenset({"visitor_hash", "session_hash"})
#: Columns that tell of a page, a count, a time or a block. A new one belongs here or in app/core/persons.py.
FACTS = frozenset(
    re.findall(
        r"\w+",
        """
        _epoch _partition _offset _batch_start _batch_end _batch_id sign version
        site_id event_type name origin outcome reason field step replays inserted_at
        received_at event_at event_order occurred_at sent_at started_at ended_at local_date
        host path path_hash viewed_hash
        entry_host entry_path exit_path referrer_host channel source medium campaign country
        device_class browser os is_bot bot_reasons bot_name bot_kind
        rules_version geo_version networks_version
        is_conversion goal revenue currency engaged_ms scroll_depth duration_ms is_bounce
        ttfb_ms fcp_ms lcp_ms inp_ms cls_10000 load_ms
        events page_views interactions conversions
        bucket rows first_at last_at span since pages checksum made_id made_at
        """,
    )
)


def tables() -> dict[str, list[str]]:
    """Table -> its columns."""
    found = {}
    for match in re.finditer(r"CREATE TABLE \{db\}\.(\w+)\n\((.*?)\n\)", SCHEMA, re.DOTALL):
        found[match[1]] = re.findall(r"^    `(\w+)` (?!AggregateFunction)", match[2], re.MULTILINE)
    return found


PEOPLES = {
    name: columns
    for name, columns in tables().items()
    if {"visitor_id", "visitor_hash", "user_id", "payload"} & set(columns)
}


def rows() -> dict[str, str]:
    """Table -> its row of the inventory."""
    found = {}
    for line in PRIVACY.splitlines():
        if line.startswith("| `"):
            head, _, rest = line[2:].partition(" | ")
            found |= dict.fromkeys(re.findall(r"`(\w+)`", head), rest)
    return found


def test_there_is_something_to_hold_it_to():
    assert len(tables()) > 20
    assert {"user_behavior_silver", "events_in", "rejected_events_bronze"} <= PEOPLES.keys()


@pytest.mark.parametrize("table", PEOPLES)
def test_every_column_that_can_tell_a_person_stands_in_the_inventory(table):
    known = re.findall(r"`(\w+)`", rows()[table])
    telling = {column for column in PEOPLES[table] if column in REPLACED | WIPED | TOLD | MADE}
    assert telling - set(known) == set()


@pytest.mark.parametrize("table", PEOPLES)
def test_every_column_of_a_table_about_people_is_decided_about(table):
    assert set(PEOPLES[table]) - REPLACED - WIPED - TOLD - MADE - FACTS == set()


def test_no_column_is_both_kept_and_emptied():
    assert not FACTS & (REPLACED | WIPED)
    assert not REPLACED & WIPED


def test_no_other_table_has_an_id_in_it():
    """Ids in other columns would be seen by nobody who erases."""
    for table, columns in tables().items():
        if table not in PEOPLES:
            held = set(columns) & (REPLACED | WIPED)
            assert not held or table == "session_merges", table


def test_every_topic_stands_in_the_inventory():
    topics = catalogue(Settings().broker)
    for topic in (topics.events, topics.dead_letters, topics.sessions):
        assert f"topic `{topic}`" in PRIVACY
