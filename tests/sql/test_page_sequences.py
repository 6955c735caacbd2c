"""Paths and flows of days whose sessions' pages are known in order: those of events, and never old."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from app.adapters.clickhouse.in_background import Made
from app.adapters.clickhouse.page_sequences import make_page_sequences
from app.adapters.clickhouse.persons import PersonRows
from app.adapters.clickhouse.retention import apply
from app.errors import ReconcileError
from app.events.persons import Person
from app.settings import Settings
from tests.answering import Asked, asked, engine, listened, migrated, ms, scope
from tests.sql.store import block, retracted
from tests.timelines import Hit, Visit, some_visits, write
from views.journeys.model import Direction, Flow, Journeys, TopPaths
from views.params import Bots, Scope
from views.stats.model import IsNot

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

FIRST = ms("2026-03-02T23:30Z")
#: All of March is over for two days.
NOW = datetime(2026, 4, 2, tzinfo=UTC)
GOLD, SILVER = "gold: page_sequences", "silver: session_events"
EVERY = {"gold": GOLD, "both": f"{GOLD}, {SILVER}", "silver": SILVER}
#: Everything passes it, and it is not asked of what is known.
EVERYTHING = IsNot(field="entry_path", value="no such page")
MADE_OF_THE_SIXTH = (
    "SELECT uniqExact(made_id) FROM {db}.page_sequences WHERE local_date = '2026-03-06' AND is_bot = 0"
)
QUESTIONS = (
    Journeys(limit=1000),
    Journeys(limit=3, depth=2, direction=Direction.BEFORE),
    Journeys(limit=4, depth=10),
)
#: Rows are taken as old as they say; what has been made is older than what was not yet let go.
DAY = timedelta(days=1)


def known(asked: Asked, *, now: datetime = NOW, min_sessions: int = 1) -> Made:
    return make_page_sequences(
        asked.store.client, database=asked.store.database, now=now, min_sessions=min_sessions
    )


def plain(found: TopPaths | Flow) -> Any:
    return {name: getattr(found, name) for name in found.__struct_fields__ if name != "layer"}


async def same(asked: Asked, layer: str, within: Scope | None = None) -> None:
    """Asked as it is asked, from that layer, and with a filter that is asked of events."""
    within = within or scope(site="utc")
    for question in QUESTIONS:
        counted = msgspec.structs.replace(question, filter=EVERYTHING)
        for ask in (asked.queries.top_paths, asked.queries.flow):
            found, expected = await ask(within, question), await ask(within, counted)
            assert (found.layer, expected.layer) == (EVERY[layer], SILVER)
            assert plain(found) == plain(expected)
            assert found.sessions


def march(asked: Asked, seed: int = 1, *, site: str = "utc") -> Sequence[Visit]:
    """Some of them go on after midnight."""
    visits = some_visits(seed, first=FIRST, days=20, site=site)
    assert any(visit.day != Visit(visitor="", site=site, hits=visit.hits[-1:]).day for visit in visits)
    write(asked, visits)
    return visits


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_paths_of_known_days_are_those_of_events(asked: Asked, seed: int) -> None:
    march(asked, seed)
    assert known(asked).unsettled == 0
    of_visits = scope(site="utc", since="2026-03-02", until="2026-03-23")
    days = asked.store.ask("SELECT DISTINCT local_date FROM {db}.sessions_silver WHERE NOT is_bot")
    await same(asked, "gold" if len(days) == 21 else "both", of_visits)
    await same(asked, "gold", scope(site="utc", since="2026-03-05", until="2026-03-08"))


@pytest.mark.parametrize("after", range(5, 23, 4))
async def test_what_is_not_known_yet_is_read_of_events(asked: Asked, after: int) -> None:
    march(asked)
    known(asked, now=datetime(2026, 3, after, tzinfo=UTC))
    await same(asked, "both")


@pytest.mark.parametrize("seed", range(4))
async def test_any_days_may_be_known(asked: Asked, seed: int) -> None:
    march(asked)
    known(asked)
    dice = random.Random(seed)
    days = [f"2026-03-{day:02}" for day in range(2, 24) if dice.random() < 0.4]
    named = ", ".join(f"'{day}'" for day in days)
    asked.store.run(
        f"ALTER TABLE {{db}}.page_sequences DELETE WHERE local_date IN ({named}) SETTINGS mutations_sync = 2"
    )
    await same(asked, "both")


async def test_bots_have_their_own_and_both_together_are_read_of_events(asked: Asked) -> None:
    march(asked)
    known(asked)
    await same(asked, "both", scope(site="utc", bots=Bots.ONLY))
    await same(asked, "silver", scope(site="utc", bots=Bots.INCLUDE))


async def test_nothing_is_read_of_events_where_all_is_known(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    march(asked)
    known(asked)
    statements = listened(asked, monkeypatch)
    found = await asked.queries.top_paths(
        scope(site="utc", since="2026-03-05", until="2026-03-08"), QUESTIONS[0]
    )
    assert found.layer == GOLD
    assert not [sql for sql in statements if "user_behavior_silver" in sql or "sessions_silver" in sql]


async def test_a_late_session_counts_in_the_next_answer(asked: Asked) -> None:
    march(asked)
    week = scope(site="utc", since="2026-03-05", until="2026-03-12")
    known(asked)
    await same(asked, "gold", week)
    write(asked, [Visit(visitor="late", site="utc", hits=(Hit(at=ms("2026-03-06T10:00Z"), path="/late"),))])
    await same(asked, "both", week)
    assert known(asked, now=NOW + timedelta(minutes=10)) == Made(made=1, unsettled=0)
    await same(asked, "gold", week)
    assert asked.store.one(MADE_OF_THE_SIXTH) == 2
    assert known(asked, now=NOW + DAY) == Made(made=0, unsettled=0)
    await settled(asked)
    assert asked.store.one(MADE_OF_THE_SIXTH) == 1
    await same(asked, "gold", week)


async def settled(asked: Asked) -> None:
    """Wait for what is let go."""
    asked.store.run("ALTER TABLE {db}.page_sequences DELETE WHERE 0 SETTINGS mutations_sync = 2")


async def test_a_session_that_is_taken_back_is_gone_at_once(asked: Asked) -> None:
    march(asked)
    rows = asked.sessions(
        {"site_id": "utc", "visitor_id": "v", "at": ms("2026-03-06T10:00Z"), "page_views": 0, "events": 1}
    )
    known(asked)
    week = scope(site="utc", since="2026-03-05", until="2026-03-12")
    await same(asked, "gold", week)
    asked.insert([retracted(rows[0], block())])
    await same(asked, "both", week)


async def test_what_was_made_twice_is_told_once(asked: Asked) -> None:
    march(asked)
    known(asked)
    asked.store.run(
        "INSERT INTO {db}.page_sequences SELECT * REPLACE (made_id + 1 AS made_id) FROM {db}.page_sequences"
    )
    week = scope(site="utc", since="2026-03-05", until="2026-03-12")
    await same(asked, "gold", week)
    known(asked, now=NOW + DAY)
    await settled(asked)
    assert asked.store.ask(
        "SELECT max(n) FROM (SELECT uniqExact(made_id) AS n FROM {db}.page_sequences "
        "GROUP BY local_date, is_bot)"
    ) == [(1,)]
    await same(asked, "gold", week)


async def test_what_was_cut_off_is_not_told_and_is_made_again_a_day_later(asked: Asked) -> None:
    march(asked)
    known(asked)
    ((day, one),) = asked.store.ask(
        "SELECT local_date, max(visitor_hash) FROM {db}.page_sequences WHERE is_bot = 0 "
        "GROUP BY local_date HAVING max(visitor_hash) > min(visitor_hash) ORDER BY local_date LIMIT 1"
    )
    asked.store.run(
        f"ALTER TABLE {{db}}.page_sequences DELETE WHERE local_date = '{day}' AND visitor_hash = {one} "
        "SETTINGS mutations_sync = 2"
    )
    within = scope(site="utc", since=f"{day}", until=f"{day + DAY}")
    await same(asked, "silver", within)
    assert known(asked, now=NOW + DAY / 2) == Made(made=0, unsettled=0)
    assert known(asked, now=NOW + DAY) == Made(made=1, unsettled=0)
    await same(asked, "gold", within)


async def test_days_that_gold_lacks_are_read_of_events(asked: Asked) -> None:
    march(asked)
    known(asked)
    asked.store.run("TRUNCATE TABLE {db}.session_attributes_daily")
    await same(asked, "silver")
    assert known(asked, now=NOW + DAY) == Made(made=0, unsettled=0)


async def test_a_day_of_which_silver_lacks_a_session_is_not_made(asked: Asked) -> None:
    march(asked)
    asked.store.run(
        "ALTER TABLE {db}.sessions_silver DELETE WHERE local_date = '2026-03-06' AND NOT is_bot "
        "SETTINGS mutations_sync = 2"
    )
    found = known(asked)
    assert found.made
    assert (
        asked.store.one(
            "SELECT count() FROM {db}.page_sequences WHERE local_date = '2026-03-06' AND NOT is_bot"
        )
        == 0
    )


async def test_an_erasure_takes_the_rows_of_its_person_and_the_answers_stay(asked: Asked) -> None:
    visits = march(asked)
    known(asked)
    visitor = next(visit.visitor for visit in visits if not visit.is_bot)
    theirs = f"SELECT count() FROM {{db}}.page_sequences WHERE visitor_hash = cityHash64('{visitor}')"
    assert asked.store.one(theirs)
    before = [plain(await asked.queries.top_paths(scope(site="utc"), QUESTIONS[0]))]
    rows = PersonRows(asked.store.client, database=asked.store.database)
    rows.erase(Person(site_id="utc", visitors=(visitor,)))
    assert asked.store.one(theirs) == 0
    assert [plain(await asked.queries.top_paths(scope(site="utc"), QUESTIONS[0]))] == before
    await same(asked, "both")
    known(asked, now=NOW + DAY)
    assert asked.store.one(theirs) == 0
    await same(asked, "both")
    # The engine keeps the text of the last deletion.
    told = asked.store.ask(
        "SELECT argMax(command, toUInt64(extract(mutation_id, '\\\\d+'))) FROM system.mutations "
        "WHERE database = '{db}' AND table = 'page_sequences'"
    )
    assert visitor not in str(told)


async def test_while_somebody_is_erased_nothing_is_made(asked: Asked) -> None:
    march(asked)
    asked.store.run("INSERT INTO {db}.erasures_under_way SELECT 'someone', 'salt', now()")
    found = known(asked)
    assert (found.made, asked.store.one("SELECT count() FROM {db}.page_sequences")) == (0, 0)
    assert found.unsettled
    asked.store.run("TRUNCATE TABLE {db}.erasures_under_way")
    assert known(asked) == Made(made=found.unsettled, unsettled=0)


async def test_rows_are_kept_as_long_as_the_sites_rows_of_people(asked: Asked) -> None:
    march(asked)
    for table in ("sessions_silver", "user_behavior_silver"):
        asked.store.run(
            f"ALTER TABLE {{db}}.{table} UPDATE inserted_at = local_date + 1 WHERE 1 "
            "SETTINGS mutations_sync = 2"
        )
    known(asked)
    kept_from = asked.store.ask(
        "SELECT DISTINCT local_date + 1 = toDate(inserted_at) FROM {db}.page_sequences"
    )
    assert kept_from == [(1,)]
    days = (datetime.now(UTC).date() - datetime(2026, 3, 10, tzinfo=UTC).date()).days
    database = asked.store.database
    settings = Settings(clickhouse={"database": database}, sites={"utc": {"retention_days": days}})
    assert "page_sequences" in apply(asked.store.client, settings).tables
    try:
        asked.store.run("OPTIMIZE TABLE {db}.page_sequences FINAL")
        left = asked.store.ask("SELECT toString(min(local_date)) FROM {db}.page_sequences")
        assert left[0][0] in {"2026-03-09", "2026-03-10"}
        await same(asked, "both")
    finally:
        apply(asked.store.client, Settings(clickhouse={"database": database}))


async def test_few_sessions_are_read_of_events(asked: Asked) -> None:
    march(asked)
    assert known(asked, min_sessions=1000) == Made(made=0, unsettled=0)
    await same(asked, "silver")


async def test_what_clickhouse_refuses_is_told(asked: Asked) -> None:
    with pytest.raises(ReconcileError, match="no_such"):
        make_page_sequences(asked.store.client, database="no_such")
