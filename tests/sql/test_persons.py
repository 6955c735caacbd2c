"""A person is found in every table and removed from it, and every count stays what it was."""

from __future__ import annotations

import re
import uuid
from typing import Any

import msgspec
import pytest

from app.adapters.clickhouse import persons
from app.adapters.clickhouse.layers import EVENT_BRONZE, layer_comparisons
from app.adapters.clickhouse.page_sequences import make_page_sequences
from app.adapters.clickhouse.persons import PersonRows
from app.adapters.clickhouse.reconcile import Reconciler, Scope
from app.core.persons import ERASED, MEASURED, REPLACED, WIPED
from app.errors import QueryError
from app.events.persons import Person
from tests.factories import record
from tests.sql.store import MINUTE, Store, block, event, rejected, retracted, session, some_uuid
from tests.unit.test_pipeline import run

ADA = Person(site_id="shop", visitors=("ada",))
#: Tables that hold something of a person.
HOLDING = {
    *EVENT_BRONZE,
    "page_sequences",
    "page_views_silver",
    "rejected_events_bronze",
    "session_merges",
    "sessions_silver",
    "user_behavior_silver",
    "user_sessions_bronze",
    "visitor_aliases",
}
SECRETS = {
    "payload": '{"visitor_id":"ada","note":"hush"}',
    "query": "q=hush",
    "title": "Inbox of hush",
    "properties": '{"note":"hush"}',
    "element_text": "hush",
    "city": "Hush",
}


def of(visitor: str, number: int, **changes: Any) -> dict[str, Any]:
    held_by = str(uuid.uuid5(uuid.NAMESPACE_OID, visitor))
    known = {"visitor_id": visitor, "session_id": held_by, "event_id": some_uuid()}
    return {**known, "offset": number, **SECRETS, **changes}


@pytest.fixture
def filled(store: Store) -> Store:
    """Ada, known as user 7 for a while, and Bob, in two blocks; both of another site as well."""
    for start in (0, 10):
        within = block(start=start, end=start + 9)
        rows = [
            event(within, **of("ada", start)),
            event(within, **of("ada", start + 1, event_type="click", user_id="7")),
            event(within, **of("ada", start + 2, event_type="scroll", local_date="2015-05-18")),
            event(within, **of("bob", start + 3, user_id="8")),
            event(within, **of("ada", start + 4, site_id="other")),
            rejected(within, visitor_id="ada", offset=start + 5, payload=SECRETS["payload"]),
            rejected(within, visitor_id="bob", offset=start + 6),
            rejected(within, visitor_id="", site_id="", offset=start + 7, payload='{"visitor_id":"ada",'),
        ]
        store.insert(rows)
    within, later = block(), block(start=10, end=19)
    ids = [some_uuid() for _ in range(4)]
    of_ada = session(within, visitor_id="ada", session_id=ids[0], user_id="7", city="Hush")
    of_bob = session(within, visitor_id="bob", session_id=ids[1])
    store.insert([of_ada, of_bob, session(within, visitor_id="ada", site_id="other", session_id=ids[3])])
    longer = {"version": 2, "events": 3, "duration_ms": MINUTE, "visitor_id": "ada", "user_id": "7"}
    merged = session(later, sign=0, visitor_id="ada", session_id=ids[2], merged_into=ids[0])
    store.insert([retracted(of_ada, later), session(later, session_id=ids[0], **longer), merged])
    assert make_page_sequences(store.client, database=store.database, min_sessions=1).made
    return store


def rows_of(store: Store) -> PersonRows:
    return PersonRows(store.client, database=store.database)


def left(store: Store, person: Person) -> dict[str, int]:
    return {one.table: one.rows for one in rows_of(store).held(person) if one.rows}


def differing(store: Store) -> list[str]:
    found = Reconciler(store.client, database=store.database, pause_s=0).compare(Scope())
    return [one.table for one in found]


def counts(store: Store) -> list[Any]:
    """What answers are made of, bronze and silver and gold, recounted from the rows."""
    golds = [
        store.ask(f"SELECT site_id, {day}, {figures} FROM {{db}}.{table} GROUP BY ALL ORDER BY ALL")
        for table, day, figures in (
            ("daily_user_metrics", "local_date", "uniqCombined64Merge(16)(visitors), sum(events)"),
            ("user_behavior_silver", "local_date", "uniq(visitor_id), uniq(user_id), uniq(session_id)"),
            ("page_views_silver", "local_date", "uniq(visitor_id), uniq(event_id), path, count()"),
            ("sessions_silver", "local_date", "uniq(visitor_id), sum(sign), sum(sign * events), channel"),
            ("user_sessions_bronze", "local_date", "uniq(visitor_id), uniq(session_id), count()"),
            ("received_silver", "bucket", "sum(received), sum(rejected)"),
        )
    ]
    joined = store.ask(
        "SELECT uniq(m.session_id) FROM {db}.session_merges AS m JOIN {db}.sessions_silver AS s "
        "ON s.session_id = m.merged_into AND s.visitor_id = m.visitor_id"
    )
    return [*golds, joined]


def test_a_person_is_found_in_every_table_that_can_hold_one(filled: Store) -> None:
    assert left(filled, ADA).keys() == HOLDING
    assert {one.table for one in rows_of(filled).held(ADA)} == HOLDING


def test_the_query_of_the_proof_is_sql_as_it_stands(filled: Store) -> None:
    quoted = Person(site_id="shop", visitors=("ada", "o'hara\\"), users=("7",))
    for one in rows_of(filled).held(quoted):
        assert filled.one(one.query) == one.rows


def test_nothing_is_left_and_every_count_is_what_it_was(filled: Store) -> None:
    before = counts(filled)
    rows_of(filled).erase(ADA)
    assert left(filled, ADA) == {}
    assert counts(filled) == before
    assert differing(filled) == []


UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def test_what_described_the_person_is_nowhere_any_more(filled: Store) -> None:
    rows_of(filled).erase(ADA)
    filled.merge()
    # Rows that name a visitor by a hash alone are deleted.
    for table in HOLDING - {"page_sequences"}:
        for row in filled.client.query(f"SELECT * FROM {filled.database}.{table}").named_results():
            if row["visitor_id"] == "bob" or row["site_id"] == "other":
                continue
            assert row["visitor_id"].startswith(ERASED), table
            text = repr(row)
            # Ids at random may have its letters.
            assert "ada" not in re.sub(f"{re.escape(ERASED)}[0-9a-f]{{32}}|{UUID}", "", text)
            assert "hush" not in text.lower()
            assert row.get("user_id", "") == "" or row["user_id"].startswith(ERASED)


def test_what_was_measured_stays_and_nothing_that_was_said_beside_it(filled: Store) -> None:
    said = [
        '{"cls":0,"connection":"4g","plan":"hush"}',
        '{"connection": "3g", "who": "Ada"}',
        '{"cls":null,"connection":5}',
        '{"who":"Ada"}',
        '{"cls":0.1}',
    ]
    vitals = {"event_type": "custom_event", "name": "$web_vitals", "lcp_ms": 900, "visitor_id": "ada"}
    rows = [{**vitals, "properties": text} for text in said]
    rows.append({"event_type": "custom_event", "name": "signup", "visitor_id": "ada", "properties": said[0]})
    within = block(start=50, end=59)
    filled.insert([event(within, offset=50 + number, **row) for number, row in enumerate(rows)])
    measured = (
        "SELECT attribute, value, vital, span, since, sum(samples), sum(good) FROM {db}.vital_distributions "
        "GROUP BY ALL ORDER BY ALL"
    )
    before = filled.ask(measured)
    assert {row[1] for row in before if row[0] == "connection"} == {"4g", "3g", "5", ""}
    assert sum(row[5] for row in before if row[:3] == ("", "", "cls") and row[3] == 1) == 2
    rows_of(filled).erase(rows_of(filled).person("shop", visitor="ada"))
    assert filled.ask(measured) == before
    assert differing(filled) == []
    kept = filled.ask("SELECT DISTINCT properties FROM {db}.user_behavior_silver WHERE name = '$web_vitals'")
    assert sorted(text for (text,) in kept) == sorted(
        [
            '{"cls":0,"connection":"4g"}',
            '{"connection":"3g"}',
            '{"cls":null,"connection":5}',
            "{}",
            '{"cls":0.1}',
        ]
    )
    assert filled.ask("SELECT properties FROM {db}.user_behavior_silver WHERE name = 'signup'") == [("",)]


def test_the_last_deletion_that_the_engine_remembers_names_nobody(filled: Store) -> None:
    """And in a table of people it remembers no more than the last."""
    aliased(filled)
    seven = rows_of(filled).person("shop", user="7")
    holding = left(filled, seven)
    rows_of(filled).erase(seven)
    last = filled.ask(
        "SELECT table, argMax(command, toUInt64(extract(mutation_id, '\\\\d+'))) FROM system.mutations "
        "WHERE database = '{db}' AND table != 'erasures_under_way' GROUP BY table ORDER BY table"
    )
    of_people = [(table, "(DELETE WHERE 0)") for table in sorted(holding)]
    of_spans = ("visitor_spans", "(DELETE WHERE site_id = 'shop')")
    assert last == sorted([*of_people, of_spans])
    kept = filled.ask(
        "SELECT name, extract(create_table_query, 'finished_mutations_to_keep = (\\\\d+)') "
        "FROM system.tables WHERE database = '{db}' AND name IN (SELECT table FROM system.mutations)"
    )
    assert {table: count for table, count in kept if table in holding} == dict.fromkeys(holding, "1")


def test_others_and_other_sites_keep_what_is_theirs(filled: Store) -> None:
    elsewhere = Person(site_id="other", visitors=("ada",))
    kept = [rows_of(filled).rows(one) for one in (Person(site_id="shop", visitors=("bob",)), elsewhere)]
    rows_of(filled).erase(ADA)
    again = [rows_of(filled).rows(one) for one in (Person(site_id="shop", visitors=("bob",)), elsewhere)]
    # A dead letter that nobody could read, and that names the visitor, may be of any site.
    sorted_ = [
        [sorted(repr(row) for rows in tables.values() for row in rows if row["site_id"]) for tables in both]
        for both in (kept, again)
    ]
    assert sorted_[0] == sorted_[1]
    assert all(sorted_[0])


def test_an_id_becomes_the_same_one_in_every_table_and_another_in_the_next_run(filled: Store) -> None:
    rows_of(filled).erase(ADA)
    tables = sorted(HOLDING - {"page_sequences", "rejected_events_bronze"})
    every = " UNION ALL ".join(
        f"SELECT visitor_id FROM {{db}}.{table} WHERE site_id = 'shop' AND visitor_id != 'bob'"
        for table in tables
    )
    assert filled.one(f"SELECT uniq(visitor_id) FROM ({every})") == 1
    filled.insert([event(block(start=90), visitor_id="ada")])
    rows_of(filled).erase(ADA)
    assert filled.one(f"SELECT uniq(visitor_id) FROM ({every})") == 2


def test_people_who_did_the_same_at_the_same_time_are_both_counted_on(store: Store) -> None:
    within = block()
    store.insert([event(within, visitor_id=visitor) for visitor in ("ada", "bob")])
    store.insert([session(within, visitor_id=visitor, session_id=some_uuid()) for visitor in ("ada", "bob")])
    for visitor in ("ada", "bob"):
        rows_of(store).erase(Person(site_id="shop", visitors=(visitor,)))
    assert differing(store) == []
    assert store.one("SELECT sum(sign) FROM {db}.sessions_silver") == 2


def test_many_blocks_are_moved_a_few_at_a_time(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    before = counts(filled)
    monkeypatch.setattr(persons, "BLOCKS_AT_ONCE", 1)
    rows_of(filled).erase(ADA)
    assert left(filled, ADA) == {}
    assert counts(filled) == before


def test_a_table_that_a_killed_run_left_behind_loses_its_rows(filled: Store) -> None:
    filled.run("CREATE TABLE {db}.reconcile_left AS {db}.user_behavior_silver")
    filled.run("INSERT INTO {db}.reconcile_left SELECT * FROM {db}.user_behavior_silver")
    assert left(filled, ADA)["reconcile_left"] == 6
    rows_of(filled).erase(ADA)
    kept = filled.ask("SELECT DISTINCT visitor_id FROM {db}.reconcile_left WHERE site_id = 'shop'")
    assert kept == [("bob",)]


def test_a_user_is_every_visitor_that_was_the_user(filled: Store) -> None:
    filled.insert([event(block(start=90), visitor_id="phone", user_id="7")])
    filled.insert([event(block(start=91), visitor_id="phone")])
    found = rows_of(filled).person("shop", user="7")
    assert found == Person(site_id="shop", visitors=("ada", "phone"), users=("7",))
    assert rows_of(filled).person("other", user="7").visitors == ()
    rows_of(filled).erase(found)
    assert rows_of(filled).person("shop", user="7").visitors == ()
    assert left(filled, found) == {}


def aliased(store: Store) -> None:
    """User 7 was lead-3 once, on another device."""
    alias = {"name": "$alias", "user_id": "7", "properties": '{"previous_id":"lead-3"}'}
    store.insert([event(block(start=92), visitor_id="ada", event_type="custom_event", **alias)])
    store.insert([event(block(start=93), visitor_id="tablet", user_id="lead-3")])


def test_a_user_is_also_who_an_alias_joins_to_it_and_nobody_is_whom_any_more(filled: Store) -> None:
    aliased(filled)
    found = rows_of(filled).person("shop", user="lead-3")
    assert found == Person(site_id="shop", visitors=("ada", "tablet"), users=("7", "lead-3"))
    assert left(filled, found).keys() == HOLDING | {"user_aliases"}
    rows_of(filled).erase(rows_of(filled).erasable(found))
    assert left(filled, found) == {}
    assert differing(filled) == []


def test_a_visitor_who_joined_user_ids_is_erased_by_the_user_alone(filled: Store) -> None:
    aliased(filled)
    with pytest.raises(QueryError, match=r"ada of shop has joined user ids .* 7: ask for that user"):
        rows_of(filled).erasable(ADA)
    assert rows_of(filled).erasable(Person(site_id="shop", visitors=("tablet",))).visitors == ("tablet",)


def test_a_visitor_id_is_no_user(filled: Store) -> None:
    """Though a question about it would be answered about the user."""
    assert rows_of(filled).person("shop", user="ada") == Person(site_id="shop", visitors=(), users=("ada",))


def test_a_dead_letter_that_names_the_user_alone_is_the_users(filled: Store) -> None:
    filled.insert([rejected(block(start=90), visitor_id="", payload='{"user_id":"7"}')])
    seven = Person(site_id="shop", visitors=("nobody",), users=("7",))
    assert left(filled, seven)["rejected_events_bronze"] == 1


def test_a_dead_letter_in_which_an_id_is_another_word_is_nobodys(filled: Store) -> None:
    filled.insert(
        [rejected(block(start=90), visitor_id="bob", payload='{"visitor_id": "bob","quantity":"7"}')]
    )
    filled.insert([rejected(block(start=91), visitor_id="", payload='{"title":"ada","user_id" : "70"}')])
    assert left(filled, ADA)["rejected_events_bronze"] == 4
    seven = Person(site_id="shop", visitors=("nobody",), users=("7",))
    assert "rejected_events_bronze" not in left(filled, seven)


@pytest.mark.parametrize(
    ("visitor", "key", "is_theirs"),
    [
        ("ad", "shop:ad", True),
        ("ad", "shop:adam", False),
        ("ad", "myshop:ad", False),
        ("zoë", "shop:zoë", True),
        ("o'hara\\", "shop:o'hara\\", True),
        ("v" * 300, "shop:" + "v" * 300, True),
    ],
)
def test_a_dead_letter_under_the_key_of_a_visitor_is_that_visitors(
    store: Store, visitor: str, key: str, is_theirs: bool
) -> None:
    (row,) = run(record(key=key.encode(), visitor_id="other")).events
    assert row.reason == "wrong_key"
    store.insert([msgspec.structs.replace(row, batch_id=some_uuid())])
    person = Person(site_id="shop", visitors=(visitor,))
    assert ("rejected_events_bronze" in left(store, person)) is is_theirs


def test_a_dead_letter_that_names_no_site_is_not_handed_out_and_is_deleted(filled: Store) -> None:
    found = rows_of(filled).rows(ADA)["rejected_events_bronze"]
    assert {row["site_id"] for row in found} == {"shop"}
    assert len(found) == 2 < left(filled, ADA)["rejected_events_bronze"]


def test_an_export_has_every_row_as_it_stands(filled: Store) -> None:
    found = rows_of(filled).rows(ADA)
    held = {table: len(rows) for table, rows in found.items()}
    without_site = 2  # dead letters
    assert held | {"rejected_events_bronze": held["rejected_events_bronze"] + without_site} == left(
        filled, ADA
    )
    assert {row["payload"] for row in found["page_views_bronze"]} == {SECRETS["payload"]}


def test_somebody_unknown_is_nowhere(filled: Store) -> None:
    nobody = rows_of(filled).person("shop", user="nobody")
    assert nobody.visitors == ()
    assert left(filled, nobody) == {}
    before = counts(filled)
    rows_of(filled).erase(Person(site_id="shop", visitors=("nobody",)))
    assert counts(filled) == before


def test_what_is_emptied_is_in_no_gold_and_in_no_comparison(store: Store) -> None:
    known = rows_of(store)._catalogue
    golds = [
        gold for gold in known.golds if gold.name != "user_aliases"
    ]  # made of ids, and moved as they are
    assert len(golds) == len(known.golds) - 1
    of_gold = {name for gold in golds for name in gold.keys}
    assert not of_gold & WIPED
    for gold in golds:
        columns = known.tables[gold.source].columns
        read = {name for name in columns if f".{name}" in gold.select}
        measured = re.findall(r"JSON\w+\(e\.properties, '(\w+)'\)", gold.select)
        assert read & WIPED <= {"properties"}, gold.name
        assert set(measured) <= set(MEASURED), gold.name
        assert len(measured) == gold.select.count("properties"), gold.name
        # Ids are counted, never compared one by one.
        assert read & REPLACED <= {"visitor_id", "user_id"}, gold.name
    for one in layer_comparisons(known):
        assert not set(one.keys) & (WIPED | REPLACED)
