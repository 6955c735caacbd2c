"""Visitors of days that are known already: the same as those counted of sessions, and never out of date."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import OperationalError
from structlog.testing import capture_logs

from app.adapters.clickhouse.in_background import Keeper, Made, Stops
from app.adapters.clickhouse.persons import PersonRows
from app.adapters.clickhouse.visitor_spans import make_visitor_spans
from app.core.visitor_spans import ATTRIBUTES
from app.errors import QueryError, ReconcileError
from app.events.persons import Person
from tests.answering import Asked, asked, engine, listened, migrated, ms, scope
from tests.sql.store import block, retracted, some_uuid
from views import known_spans
from views.answers import Overview
from views.params import Bots, Scope
from views.stats.model import Asked as Question
from views.stats.model import Metric, Order, Stats, Step

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

#: All of March is over, and recent.
NOW = datetime(2026, 4, 5, tzinfo=UTC)
KNOWN = "gold: visitor_spans"
CHANNELS = ("Direct", "Email", "Paid Search")


def visit(at: str, visitor: str, *, channel: str = "Direct", **facts: Any) -> dict[str, Any]:
    return {
        "session_id": some_uuid(),
        "visitor_id": visitor,
        "at": ms(at),
        "channel": channel,
        "page_views": 1,
        "events": 1,
        **facts,
    }


def march(asked: Asked, *, seed: int = 3, count: int = 300) -> None:
    dice = random.Random(seed)
    asked.sessions(
        *(
            visit(
                f"2026-03-{dice.randrange(1, 32):02}T{dice.randrange(1, 20):02}:{dice.randrange(60):02}Z",
                f"v{dice.randrange(80)}",
                channel=dice.choice(CHANNELS),
                device_class=dice.choice(["desktop", "mobile"]),
                country=dice.choice(["DE", "", "FR"]),
                is_bot=int(dice.random() < 0.1),
            )
            for _ in range(count)
        )
    )


def known(asked: Asked, *, now: datetime = NOW, min_sessions: int = 150, of_day: int = 1000) -> Made:
    """Make what is worth knowing, of as many sessions as four weeks of March have, and of no day alone."""
    return make_visitor_spans(
        asked.store.client,
        database=asked.store.database,
        now=now,
        min_sessions=min_sessions,
        min_sessions_of_day=of_day,
    )


async def by(asked: Asked, attribute: str, within: Scope | None = None) -> Stats:
    question = Question(
        metrics=[Metric.VISITORS, Metric.SESSIONS], dimensions=[attribute] if attribute else []
    )
    return await asked.queries.stats(within or scope(), question)


async def counted(asked: Asked, attribute: str, within: Scope | None = None) -> Stats:
    """The same of session rows: a filter that everything passes is not asked of gold."""
    everything = {"op": "is_not", "field": "entry_path", "value": "no such page"}
    question = msgspec.convert(
        {
            "metrics": ["visitors", "sessions"],
            "dimensions": [attribute] if attribute else [],
            "filter": everything,
        },
        Question,
    )
    found = await asked.queries.stats(within or scope(), question)
    assert found.layer == "silver: sessions_silver"
    return found


def figures(found: Stats) -> Any:
    return found.totals.metrics, sorted((tuple(row.dimensions.items()), row.metrics) for row in found.rows)


async def same(
    asked: Asked,
    *,
    is_known: bool | None = True,
    within: Scope | None = None,
    attributes: Sequence[str] = ("channel",),
) -> None:
    for attribute in ("", *attributes):
        found = await by(asked, attribute, within)
        assert is_known in (None, KNOWN in found.layer)
        assert str(figures(found)) == str(figures(await counted(asked, attribute, within)))


@pytest.mark.parametrize("bots", Bots)
async def test_visitors_of_known_spans_are_those_of_their_sessions(asked: Asked, bots: Bots) -> None:
    march(asked)
    await same(asked, is_known=False, within=scope(bots=bots))
    assert known(asked, min_sessions=20).made > 0
    assert known(asked, min_sessions=20) == Made(made=0, unsettled=0)
    is_known = bots is not Bots.INCLUDE  # both together are counted
    await same(fresh(asked), is_known=is_known, within=scope(bots=bots), attributes=ATTRIBUTES)


@pytest.mark.parametrize("is_descending", [True, False])
async def test_rows_in_order_of_visitors_are_those_of_a_recount_page_by_page(
    asked: Asked, is_descending: bool
) -> None:
    march(asked)
    known(asked)
    queries = fresh(asked).queries
    order = Order(by="visitors", is_descending=is_descending)
    question = Question(metrics=[Metric.VISITORS], dimensions=["country"], order=order, limit=2)
    everything = {"op": "is_not", "field": "entry_path", "value": "no such page"}
    plain = {"metrics": ["visitors"], "dimensions": ["country"], "filter": everything, "limit": 2}
    slow = msgspec.convert({**plain, "order": msgspec.to_builtins(order)}, Question)
    pages, cursors = [], [None, None]
    while True:
        found, wanted = [
            await queries.stats(scope(), msgspec.structs.replace(one, cursor=cursor))
            for one, cursor in zip((question, slow), cursors, strict=True)
        ]
        assert KNOWN in found.layer
        assert found.rows == wanted.rows
        pages.append(len(found.rows))
        cursors = [found.next_cursor, wanted.next_cursor]
        if None in cursors:
            break
    assert cursors == [None, None]
    assert pages == [2, 1]


@pytest.mark.parametrize(
    "period", [("2026-03-01", "2026-03-31"), ("2026-02-11", "2026-04-20"), ("2026-03-03", "2026-03-14")]
)
async def test_days_in_no_span_are_counted_beside(asked: Asked, period: tuple[str, str]) -> None:
    march(asked)
    known(asked, now=datetime(2026, 3, 25, tzinfo=UTC), min_sessions=40)
    await same(fresh(asked), within=scope("shop", *period))


async def test_a_period_shorter_than_a_week_is_counted(asked: Asked) -> None:
    march(asked)
    assert known(asked, min_sessions=40).made > 4
    await same(fresh(asked), is_known=False, within=scope("shop", "2026-03-03", "2026-03-09"))


async def test_a_late_session_counts_at_once(asked: Asked) -> None:
    march(asked)
    known(asked, min_sessions=40)
    queries = fresh(asked)
    await same(queries)
    before = (await by(queries, "channel")).totals.metrics["visitors"]
    asked.sessions(visit("2026-03-10T10:00Z", "a new one", channel="Video"))
    found = await by(queries, "channel")
    assert found.totals.metrics["visitors"] == before + 1
    assert {"channel": "Video"} in [row.dimensions for row in found.rows]
    await same(queries, is_known=True)  # by weeks in which it is not
    assert known(asked, min_sessions=40).made > 0
    await same(fresh(asked))


async def test_a_session_that_is_taken_back_is_no_visitor_any_more(asked: Asked) -> None:
    march(asked)
    told = asked.sessions(visit("2026-03-10T10:00Z", "gone", channel="Video"))
    known(asked)
    queries = fresh(asked)
    assert {"channel": "Video"} in [row.dimensions for row in (await by(queries, "channel")).rows]
    asked.insert([retracted(one, block()) for one in told])
    assert {"channel": "Video"} not in [row.dimensions for row in (await by(queries, "channel")).rows]
    await same(queries, is_known=False)


async def test_a_session_that_changes_its_channel_is_no_visitor_of_the_old_one(asked: Asked) -> None:
    march(asked)
    (told,) = asked.sessions(visit("2026-03-10T10:00Z", "moved", channel="Video"))
    known(asked)
    queries = fresh(asked)
    await same(queries)
    moved = msgspec.structs.replace(told, channel="Social", version=told.version + 1)
    asked.insert([retracted(told, block()), moved])
    rows = {row.dimensions["channel"]: row.metrics["visitors"] for row in (await by(queries, "channel")).rows}
    assert rows["Social"] == 1
    assert "Video" not in rows
    await same(queries, is_known=False)


async def test_what_comes_while_an_answer_is_made_is_not_missed(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    march(asked)
    known(asked)
    queries = fresh(asked)
    reader = queries.queries.reader
    ask, late = reader.ask, [visit("2026-03-10T10:00Z", "late")]

    async def interrupted(sql: str, values: Any) -> Any:
        if "session_attributes_daily" in sql and late:
            asked.sessions(late.pop())
        return await ask(sql, values)

    monkeypatch.setattr(reader, "ask", interrupted)
    found = await by(queries, "")
    assert not late
    assert found.totals.metrics == (await counted(queries, "")).totals.metrics


async def test_the_overview_is_the_same_from_known_spans(asked: Asked) -> None:
    march(asked)
    before = await asked.queries.overview(scope())
    known(asked)
    after = await fresh(asked).queries.overview(scope())
    assert KNOWN in after.layer
    assert KNOWN not in before.layer
    assert shown(after) == shown(before)
    assert after.visitors == (await counted(asked, "")).totals.metrics["visitors"]


def shown(found: Overview) -> Any:
    return msgspec.to_builtins(msgspec.structs.replace(found, layer=""))


async def series(asked: Asked, within: Scope | None = None) -> Any:
    """Each day's visitors beside those of its sessions; equal."""
    plain = {"metrics": ["visitors", "sessions", "bounce_rate"], "interval": "day"}
    everything = {"op": "is_not", "field": "entry_path", "value": "no such page"}
    found, wanted = [
        await asked.queries.stats(within or scope(), msgspec.convert(one, Question))
        for one in (plain, {**plain, "filter": everything})
    ]
    assert wanted.layer == "silver: sessions_silver"
    assert str((found.totals, found.rows)) == str((wanted.totals, wanted.rows))
    return {row.at: row.metrics["visitors"] for row in found.rows}


@pytest.mark.parametrize("bots", Bots)
async def test_each_days_visitors_are_those_of_its_sessions_whether_it_is_known_or_not(
    asked: Asked, bots: Bots
) -> None:
    march(asked)
    counted = await series(asked, scope(bots=bots))
    assert known(asked, of_day=9).made > 5  # days with fewer are counted
    days = asked.store.one("SELECT uniqExact(since) FROM {db}.visitor_spans WHERE until = since + 1")
    assert 5 < days < 31
    within = fresh(asked)
    for _ in range(2):
        assert await series(within, scope(bots=bots)) == counted


async def test_a_day_that_became_another_is_counted_at_once(asked: Asked) -> None:
    march(asked)
    (told,) = asked.sessions(visit("2026-03-11T10:00Z", "gone"))
    known(asked, of_day=1)
    within = fresh(asked)
    before = await series(within)
    asked.sessions(visit("2026-03-10T10:00Z", "a new one"))
    asked.insert([retracted(told, block())])
    after = await series(within)
    changed = {day: after[day] - before[day] for day in before if after[day] != before[day]}
    assert changed == {"2026-03-10": 1, "2026-03-11": -1}


async def test_what_is_known_is_read_once(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    march(asked)
    known(asked, min_sessions=20, of_day=1)
    within = scope("shop", "2026-03-04", "2026-04-01")
    queries = fresh(asked)
    statements = listened(queries, monkeypatch)
    question = Question(metrics=[Metric.VISITORS], interval=Step.DAY)
    for times in (1, 2):
        statements.clear()
        await by(queries, "channel", within)
        await queries.queries.stats(within, question)
        of_spans = [sql for sql in statements if "visitors)" in sql or "FROM wua.sessions_silver" in sql]
        assert len(of_spans) == (3 if times == 1 else 0), statements
        assert sum("session_attributes_daily" in sql for sql in statements) == 2


async def test_only_the_first_waits_for_what_spans_there_are(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    march(asked)
    await same(queries := fresh(asked), is_known=False)
    known(asked)
    monkeypatch.setattr(known_spans, "REMEMBER_S", -1.0)
    statements = listened(queries, monkeypatch)
    assert KNOWN not in (await by(queries, "channel")).layer
    async with asyncio.timeout(5):
        while KNOWN not in (await by(queries, "channel")).layer:
            await asyncio.sleep(0.01)
    assert any("argMax(checksum, made_at)" in sql for sql in statements)
    await same(queries)


async def test_a_look_that_fails_is_told_and_made_again(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    march(asked)
    await by(queries := fresh(asked), "channel")
    known(asked)
    monkeypatch.setattr(known_spans, "REMEMBER_S", -1.0)
    ask, refused = queries.queries.reader.ask, []

    async def failing(sql: str, values: Any) -> Any:
        if "argMax(checksum, made_at)" in sql and not refused:
            refused.append(sql)
            raise QueryError("away")
        return await ask(sql, values)

    monkeypatch.setattr(queries.queries.reader, "ask", failing)
    with capture_logs() as logs:
        async with asyncio.timeout(5):
            while KNOWN not in (await by(queries, "channel")).layer:
                await asyncio.sleep(0.01)
    assert [one["trouble"] for one in logs if one["event"] == "visitor_spans.not_looked_up"] == ["away"]


async def test_an_erasure_leaves_the_visitors_of_a_process_that_knew_spans(asked: Asked) -> None:
    march(asked)
    known(asked, min_sessions=20, of_day=1)
    queries, others = fresh(asked), fresh(asked)
    before = figures(await by(queries, "channel"))
    days = await series(queries)
    await others.queries.stats(scope("shop", "2026-03-01", "2026-03-09"), Question(metrics=[Metric.VISITORS]))
    rows = PersonRows(asked.store.client, database=asked.store.database)
    rows.erase(Person(site_id="shop", visitors=("v7",)))
    for one in (queries, others):  # the one remembers what it read, the other what spans there are
        assert str(figures(await by(one, "channel"))) == str(before)
        assert await series(one) == days


async def test_spans_of_an_erased_visitor_are_made_anew(asked: Asked) -> None:
    march(asked)
    known(asked)
    before = figures(await by(fresh(asked), "channel"))
    rows = PersonRows(asked.store.client, database=asked.store.database)
    rows.erase(Person(site_id="shop", visitors=("v7",)))
    assert asked.store.one("SELECT count() FROM {db}.visitor_spans") == 0
    assert str(figures(await by(fresh(asked), "channel"))) == str(before)
    assert known(asked).made > 0
    assert str(figures(await by(fresh(asked), "channel"))) == str(before)
    await same(fresh(asked))


async def test_what_gold_and_silver_disagree_about_is_left_alone(asked: Asked) -> None:
    march(asked)
    asked.store.run("ALTER TABLE {db}.session_attributes_daily DELETE WHERE local_date = '2026-03-10'")
    found = known(asked)
    assert found.unsettled > 0
    assert not asked.store.ask(
        "SELECT since FROM {db}.visitor_spans WHERE since <= '2026-03-10' AND until > '2026-03-10'"
    )


async def test_a_span_that_was_cut_off_is_not_known(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    march(asked)
    command = asked.store.client.command

    def cut_off(sql: str, *args: Any, **options: Any) -> Any:
        if "INSERT INTO" in sql and asked.store.one("SELECT count() FROM {db}.visitor_spans"):
            raise OperationalError("gone")
        return command(sql, *args, **options)

    monkeypatch.setattr(asked.store.client, "command", cut_off)
    with pytest.raises(ReconcileError, match="gone"):
        known(asked)
    monkeypatch.undo()
    assert asked.store.one("SELECT countIf(attribute = 'channel') FROM {db}.visitor_spans") > 0
    await same(fresh(asked), is_known=False)
    assert known(asked).made > 0
    await same(fresh(asked))


async def test_a_span_of_long_ago_is_not_looked_at_and_made_again(asked: Asked) -> None:
    march(asked)
    made = known(asked).made
    asked.store.run(
        "INSERT INTO {db}.visitor_spans "
        "SELECT * REPLACE (made_at - INTERVAL 61 DAY AS made_at) FROM {db}.visitor_spans"
    )
    asked.store.run(
        "ALTER TABLE {db}.visitor_spans DELETE WHERE made_at > now() - INTERVAL 1 DAY "
        "SETTINGS mutations_sync = 2"
    )
    assert asked.store.one("SELECT count() FROM {db}.visitor_spans") > 0
    await same(fresh(asked), is_known=False)
    assert known(asked).made == made > 0
    await same(fresh(asked))


async def test_what_another_process_makes_of_fewer_sessions_later_is_not_used(asked: Asked) -> None:
    march(asked)
    known(asked)
    found = "INSERT INTO {db}.visitor_spans SELECT * REPLACE ({changed}) FROM {db}.visitor_spans"
    asked.store.run(
        found.replace("{changed}", "checksum - 1 AS checksum, made_at + INTERVAL 1 MINUTE AS made_at")
    )
    asked.store.run("OPTIMIZE TABLE {db}.visitor_spans FINAL")
    await same(fresh(asked), is_known=False)


async def test_today_is_not_known(asked: Asked) -> None:
    march(asked)
    known(asked, now=datetime(2026, 3, 20, tzinfo=UTC), min_sessions=40)
    assert asked.store.one("SELECT max(until) FROM {db}.visitor_spans").isoformat() == "2026-03-20"


async def test_a_site_with_few_sessions_is_counted(asked: Asked) -> None:
    march(asked)
    found = make_visitor_spans(asked.store.client, database=asked.store.database, now=NOW)
    assert found == Made(made=0, unsettled=0)


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_web_process_makes_them_again_and_again_whatever_fails(asked: Asked, is_there: bool) -> None:
    # These are of 2026, and long over by any clock; spans that begin on other days than Mondays are not.
    asked.sessions(*(visit(f"2026-03-{day:02}T10:00Z", f"v{day}") for day in range(2, 30)))
    settings = asked.settings.clickhouse
    if not is_there:
        settings = settings.model_copy(update={"database": "no_such"})
    make = partial(make_visitor_spans, database=settings.database, min_sessions=20)
    keeper = Keeper(settings, {"visitor_spans": make}, first_s=0, every_s=0.05)
    keeping = asyncio.create_task(keeper.run())
    with capture_logs() as logs:
        async with asyncio.timeout(60):
            while sum(line["event"].startswith("visitor_spans.") for line in logs) < (1 if is_there else 2):
                await asyncio.sleep(0.05)
    assert not keeping.done()
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    await keeper.close()
    if is_there:
        assert (logs[0]["event"], logs[0]["made"]) == ("visitor_spans.made", 1)
        assert asked.store.ask(
            "SELECT DISTINCT toString(since), toString(until) FROM {db}.visitor_spans"
        ) == [("2026-03-02", "2026-03-30")]
    else:
        assert {line["event"] for line in logs} == {"visitor_spans.waiting"}
        assert "no_such" in logs[0]["trouble"]


async def test_what_keeps_a_table_from_being_made_is_told_and_the_others_are_made(asked: Asked) -> None:
    looks = 0

    def failing(_: Client, *, stops: Stops) -> Made:
        raise KeyError("a table")

    def making(_: Client, *, stops: Stops) -> Made:
        nonlocal looks
        looks += 1
        return Made(made=0, unsettled=2)

    keeper = Keeper(asked.settings.clickhouse, {"one": failing, "other": making}, first_s=0, every_s=0.01)
    with capture_logs() as logs:
        keeping = asyncio.create_task(keeper.run())
        async with asyncio.timeout(60):
            while looks < 3:
                await asyncio.sleep(0.01)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await keeper.close()
    told = [line["event"] for line in logs]
    assert told.count("one.waiting") >= 3
    # What stays as it is, is told once.
    assert told.count("other.made") == 1


async def test_what_is_made_stops_when_the_process_does(asked: Asked) -> None:
    begun = threading.Event()

    def making(_: Client, *, stops: Stops) -> Made:
        begun.set()
        for made in itertools.count():
            if stops():
                return Made(made=made, unsettled=0)
            time.sleep(0.01)
        raise AssertionError

    keeper = Keeper(asked.settings.clickhouse, {"one": making}, first_s=0)
    keeping = asyncio.create_task(keeper.run())
    async with asyncio.timeout(60):
        await asyncio.to_thread(begun.wait)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await keeper.close()


def fresh(asked: Asked) -> Asked:
    """The questions of a process that has just begun."""
    return msgspec.structs.replace(asked, queries=asked.funnels())
