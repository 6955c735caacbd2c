"""Paths and flows of days whose sessions' pages are known in order: those of events, and never old."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from clickhouse_connect.driver.exceptions import OperationalError

from app.adapters.clickhouse.in_background import Made
from app.adapters.clickhouse.page_sequences import make_page_sequences
from app.adapters.clickhouse.persons import PersonRows
from app.adapters.clickhouse.retention import apply
from app.errors import ErasureError, ReconcileError
from app.events.persons import Person
from app.settings import Settings
from tests.answering import Asked, asked, engine, listened, migrated, ms, scope
from tests.sql.store import block, retracted, some_uuid
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
WEEK = scope(site="utc", since="2026-03-05", until="2026-03-12")
OTHER = Visit(visitor="bob", site="utc", hits=(Hit(at=ms("2026-03-06T12:00Z"), path="/a"),))
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


@pytest.mark.parametrize(("site", "seed"), [("utc", 1), ("utc", 2), ("peak", 3), ("isle", 4)])
async def test_paths_of_known_days_are_those_of_events(asked: Asked, site: str, seed: int) -> None:
    march(asked, seed, site=site)
    assert known(asked).unsettled == 0
    days = asked.store.ask("SELECT DISTINCT local_date FROM {db}.sessions_silver WHERE is_bot = 0 ORDER BY 1")
    await same(asked, "both", scope(site=site))
    for (day,) in days[::6]:
        await same(asked, "gold", scope(site=site, since=f"{day}", until=f"{day + DAY}"))


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
    known(asked)
    await same(asked, "gold", WEEK)
    write(asked, [Visit(visitor="late", site="utc", hits=(Hit(at=ms("2026-03-06T10:00Z"), path="/late"),))])
    await same(asked, "both", WEEK)
    assert known(asked, now=NOW + timedelta(minutes=10)) == Made(made=1, unsettled=0)
    await same(asked, "gold", WEEK)
    assert asked.store.one(MADE_OF_THE_SIXTH) == 2
    assert known(asked, now=NOW + DAY) == Made(made=0, unsettled=0)
    await settled(asked)
    assert asked.store.one(MADE_OF_THE_SIXTH) == 2
    known(asked, now=NOW + DAY + timedelta(minutes=10))
    await settled(asked)
    assert asked.store.one(MADE_OF_THE_SIXTH) == 1
    await same(asked, "gold", WEEK)


async def settled(asked: Asked) -> None:
    """Wait for what is let go."""
    asked.store.run("ALTER TABLE {db}.page_sequences DELETE WHERE 0 SETTINGS mutations_sync = 2")


async def test_a_session_that_is_taken_back_is_gone_at_once(asked: Asked) -> None:
    march(asked)
    rows = asked.sessions(
        {"site_id": "utc", "visitor_id": "v", "at": ms("2026-03-06T10:00Z"), "page_views": 0, "events": 1}
    )
    known(asked)
    await same(asked, "gold", WEEK)
    asked.insert([retracted(rows[0], block())])
    await same(asked, "both", WEEK)


async def test_what_was_made_twice_is_told_once(asked: Asked) -> None:
    march(asked)
    known(asked)
    asked.store.run(
        "INSERT INTO {db}.page_sequences SELECT * REPLACE (made_id + 1 AS made_id) FROM {db}.page_sequences"
    )
    await same(asked, "gold", WEEK)
    known(asked, now=NOW + DAY)
    await settled(asked)
    assert asked.store.ask(
        "SELECT max(n) FROM (SELECT uniqExact(made_id) AS n FROM {db}.page_sequences "
        "GROUP BY local_date, is_bot)"
    ) == [(1,)]
    await same(asked, "gold", WEEK)


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
    person = Person(site_id="utc", visitors=(visitor,))
    held = {one.table: one.rows for one in rows.held(person)}
    assert held["page_sequences"] == asked.store.one(theirs)
    assert len(rows.rows(person)["page_sequences"]) == held["page_sequences"]
    rows.erase(person)
    assert {one.table: one.rows for one in rows.held(person)}["page_sequences"] == 0
    assert asked.store.one(theirs) == 0
    assert [plain(await asked.queries.top_paths(scope(site="utc"), QUESTIONS[0]))] == before
    await same(asked, "both")
    assert known(asked, now=NOW + DAY).made
    assert asked.store.one(theirs) == 0
    await same(asked, "gold", WEEK)
    # The engine keeps the text of the last deletion.
    told = asked.store.ask(
        "SELECT argMax(command, toUInt64(extract(mutation_id, '\\\\d+'))) FROM system.mutations "
        "WHERE database = '{db}' AND table = 'page_sequences'"
    )
    assert visitor not in str(told)


async def test_an_erasure_that_was_cut_off_leaves_nobody(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever table it was cut off at, the next finds the same person again."""
    write(
        asked,
        [
            Visit(visitor="ada", user="u7", site="utc", hits=(Hit(at=ms("2026-03-06T10:00Z"), path="/"),)),
            OTHER,
        ],
    )
    known(asked)
    theirs = "SELECT count() FROM {db}.page_sequences WHERE visitor_hash = cityHash64('ada')"
    assert asked.store.one(theirs) == 1
    rows = PersonRows(asked.store.client, database=asked.store.database)
    delete, left = rows._delete, 0

    def cut(*given: Any, **named: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OperationalError("cut off")
        delete(*given, **named)

    monkeypatch.setattr(rows, "_delete", cut)
    for so_many in range(40):
        left = so_many
        try:
            rows.erase(rows.person("utc", user="u7"))
        except ErasureError:
            continue
        break
    assert so_many > 2
    assert asked.store.one(theirs) == 0
    await same(asked, "silver")


async def test_what_was_read_before_an_erasure_and_written_after_it_goes(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    visits = march(asked)
    visitor = next(visit.visitor for visit in visits if not visit.is_bot)
    client = asked.store.client
    command = client.command

    def late(sql: str, **given: Any) -> Any:
        """As if what is made of a day had been read before the visitor's rows became others'."""
        done = command(sql, **given)
        if sql.lstrip().startswith("INSERT"):
            command(
                f"INSERT INTO {asked.store.database}.page_sequences SELECT * REPLACE ("
                f"cityHash64('{visitor}') AS visitor_hash) FROM {asked.store.database}.page_sequences LIMIT 1"
            )
        return done

    PersonRows(client, database=asked.store.database).erase(Person(site_id="utc", visitors=(visitor,)))
    monkeypatch.setattr(client, "command", late)
    found = known(asked)
    monkeypatch.undo()
    await settled(asked)
    assert found.unsettled
    assert (
        asked.store.one(
            f"SELECT count() FROM {{db}}.page_sequences WHERE visitor_hash = cityHash64('{visitor}')"
        )
        == 0
    )
    await same(asked, "silver" if not found.made else "both")


async def test_a_day_that_clickhouse_refuses_does_not_hold_up_the_others(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    march(asked)
    client = asked.store.client
    command, refused = client.command, []

    def refusing(sql: str, **given: Any) -> Any:
        if sql.lstrip().startswith("INSERT") and not refused:
            refused.append(given["parameters"]["day"])
            raise OperationalError("no memory")
        return command(sql, **given)

    monkeypatch.setattr(client, "command", refusing)
    with pytest.raises(ReconcileError, match="no memory"):
        known(asked)
    assert known(asked) == Made(made=1, unsettled=0)


async def test_it_stops_between_two_days(asked: Asked) -> None:
    march(asked)
    told = iter([False, False, True])
    found = make_page_sequences(
        asked.store.client,
        database=asked.store.database,
        now=NOW,
        min_sessions=1,
        stops=lambda: next(told),
    )
    assert found.made == 2
    assert found.unsettled


@pytest.mark.parametrize(
    "changed",
    [
        {"started_at": ms("2026-03-06T23:59Z"), "local_date": "2026-03-06"},
        {"is_bot": 1},
        {"events": 3, "page_views": 2},
    ],
)
async def test_a_session_that_becomes_another_counts_as_that(asked: Asked, changed: dict[str, Any]) -> None:
    """Late: it began earlier, on the day before; it is thought to be a bot's; it has one page more."""
    march(asked)
    session_id = some_uuid()
    of_session = {"site_id": "utc", "visitor_id": "v", "session_id": session_id}
    asked.events(
        {**of_session, "at": ms("2026-03-07T00:10Z"), "path": "/one"},
        {**of_session, "at": ms("2026-03-07T00:11Z"), "path": "/two"},
    )
    first = {**of_session, "at": ms("2026-03-07T00:10Z"), "duration_ms": 60_000, "events": 2, "page_views": 2}
    rows = asked.sessions(first)
    known(asked)
    await same(asked, "gold", WEEK)
    within = block()
    asked.insert([retracted(rows[0], within)])
    asked.sessions({**first, "version": 2, "events": 3, **changed})
    await same(asked, "both", WEEK)
    known(asked, now=NOW + timedelta(minutes=10))
    await same(asked, "gold", WEEK)


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
