"""A row of a week is compared with, mended from and made anew of all its days, whichever is asked for."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest

from app.adapters.clickhouse.catalogue import load
from app.adapters.clickhouse.reconcile import Reconciler, Scope
from app.adapters.clickhouse.repair import mend_gold, mend_layers
from tests.sql.holes import Rows, as_sent, contents, delete, hold_merges, tear
from tests.sql.store import Store, block, event

#: A week over the end of a month, and a day of the next.
MONDAY = date(2015, 4, 27)
DAYS = [MONDAY + timedelta(days=day) for day in range(8)]
TOLD = (
    "SELECT span, toString(since), path, is_bot, sum(rows), sum(page_views), "
    "uniqCombined64Merge(12)(visitors) FROM {db}.page_visitors GROUP BY ALL ORDER BY ALL"
)
#: Golds that have rows of weeks, and what they say of their days and weeks.
GOLDS = {
    "page_visitors": TOLD,
    "vital_distributions": "SELECT span, toString(since), attribute, value, vital, is_bot, sum(rows), "
    "sum(good), quantilesTimingMerge(0.5, 0.75, 0.95)(quantiles) FROM {db}.vital_distributions "
    "GROUP BY ALL ORDER BY ALL",
}


def of_day(day: date, number: int) -> Rows:
    """Two page views and a click of one day: of a visitor of its own, and of one who comes each day."""
    within = block(start=10 * number, end=10 * number + 9, partition=number)
    at = int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp() * 1000)
    common = {"local_date": day.isoformat(), "event_at": at, "occurred_at": at, "ttfb_ms": 780 + 10 * number}
    return [
        event(within, offset=10 * number, visitor_id=f"v{number}", **common),
        event(within, offset=10 * number + 1, visitor_id="daily", **common),
        event(within, offset=10 * number + 2, visitor_id="daily", event_type="click", **common),
    ]


def write(rows: Rows, *stores: Store) -> None:
    for store in stores:
        store.insert(rows, token=f"t{rows[0].batch_id}")


def told(store: Store) -> dict[str, Rows]:
    """What the golds say, by name."""
    return {name: store.ask(sql) for name, sql in GOLDS.items()}


def reconciler(store: Store, **how: object) -> Reconciler:
    return Reconciler(store.client, database=store.database, pause_s=0, **how)


def of_one(day: date) -> Scope:
    return Scope(site_id="shop", first=day, last=day)


@pytest.fixture
def filled(store: Store) -> Store:
    """A store with a block of each day."""
    hold_merges(store)
    for number, day in enumerate(DAYS):
        write(of_day(day, number), store)
    return store


def test_a_week_has_its_days_and_each_visitor_once(filled: Store) -> None:
    found = filled.ask(TOLD)
    assert [row for row in found if row[0] == 7] == [
        (7, "2015-04-27", "/a", 0, 21, 14, 8),
        (7, "2015-05-04", "/a", 0, 3, 2, 2),
    ]
    assert [row for row in found if row[0] == 1] == [(1, day.isoformat(), "/a", 0, 3, 2, 2) for day in DAYS]


def test_a_comparison_of_one_day_holds_its_week_to_all_of_its_days(filled: Store) -> None:
    for day in DAYS:
        assert reconciler(filled).compare(of_one(day)) == []


def test_gold_made_anew_for_one_day_is_as_it_was(filled: Store) -> None:
    before = contents(filled)
    for day in (DAYS[0], DAYS[3], DAYS[6], DAYS[7]):
        made = reconciler(filled).remake_golds(of_one(day), of={"user_behavior_silver"})
        assert GOLDS.keys() <= {one.table for one in made}
        assert contents(filled) == before
    assert reconciler(filled).compare(Scope()) == []


def test_a_rebuild_of_one_day_makes_its_week_of_all_of_its_days(filled: Store) -> None:
    before = told(filled)
    weeks = {name: [row for row in rows if row[:2] == (7, "2015-04-27")] for name, rows in before.items()}
    assert all(weeks.values())
    for day in (DAYS[0], DAYS[3], DAYS[6]):
        for name in GOLDS:
            delete(filled, name, where="1")
        reconciler(filled).rebuild(of_one(day))
        assert {name: [row for row in rows if row[0] == 7] for name, rows in told(filled).items()} == weeks
        assert reconciler(filled).compare(of_one(day)) == []


def test_a_week_with_a_torn_day_is_not_made_anew_of_what_is_left(filled: Store) -> None:
    """Neither where that day was asked for, nor where it was not."""
    before = told(filled)
    delete(filled, "user_behavior_silver", where=f"local_date = '{DAYS[4]}'")
    for scope in (Scope(), of_one(DAYS[0]), of_one(DAYS[6])):
        reconciler(filled).rebuild(scope)
        assert told(filled) == before


def test_a_week_that_a_ttl_may_have_taken_a_day_of_stays(store: Store) -> None:
    """Silver is kept for two years, and counts as whole from two days after on."""
    today = date.today() + timedelta(days=800)
    whole = today - timedelta(days=2 * 365 - 2)
    days = [whole + timedelta(days=day) for day in range(-7, 14)]
    for number, day in enumerate(days):
        write(of_day(day, number), store)
    before = told(store)
    delete(store, "user_behavior_silver", where=f"local_date < '{whole}'")
    again = reconciler(store, today=today)
    assert [one for one in again.compare(Scope()) if one.table in GOLDS] == []
    again.remake_golds(Scope(site_id="shop", first=days[0], last=days[-1]), of={"user_behavior_silver"})
    assert told(store) == before


def test_a_block_that_a_week_lacks_is_put_there(filled: Store, twin: Store) -> None:
    """The other days of its week are further off than those that a bucket of UTC reaches."""
    for number, day in enumerate(DAYS):
        write(of_day(day, number), twin)
    last = of_day(DAYS[6], 20)
    tear(filled, list(GOLDS), partial(write, last, filled))
    write(last, filled, twin)
    sent, known = as_sent(last), load(filled.client, database=filled.database)
    _, fed = mend_layers(filled.client, sent, known=known)
    looks = [mend_gold(filled.client, one, sent, known=known) for one in fed]
    assert not any(look.unsettled for look in looks)
    assert {look.table for look in looks if look.filled} == GOLDS.keys()
    assert told(filled) == told(twin)
    assert reconciler(filled).compare(Scope(site_id="shop")) == []
