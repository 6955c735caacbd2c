"""Days that other rules than today's decided are found, judged, and have today's version afterwards."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest

from app.adapters.clickhouse import reclassify
from app.adapters.clickhouse.reclassify import Reclassifier
from app.adapters.clickhouse.reconcile import Reconciler, Scope
from app.core.reclassify import Facts
from app.events.vocabulary import BotReason
from tests.factories import rules
from tests.sql.holes import contents
from tests.sql.store import AT, MINUTE, block, event, some_uuid
from tests.sql.test_reclassify import ENRICH, OLD, SCOPE, differences, fill, payload, reclassifier, told

#: After every receipt that is not of a day that is open.
CLOSED = AT + MINUTE
EVERY = Scope()
TODAY = ENRICH.versions(rules().site("shop")).rules
OTHER = "0123456789ab"
DAY_MS = 24 * 60 * MINUTE


def versions(store, of="rules_version"):
    return [one for (one,) in store.ask(f"SELECT {of} FROM {{db}}.user_behavior_silver ORDER BY _offset")]


def stored_as(text, *, offset=0, **changes):
    """A row that other rules decided so, but for the changes."""
    facts = {**msgspec.structs.asdict(OLD), **changes}
    return event(block(), **facts, offset=offset, payload=text)


def days_of(store, *, closed_before_ms=CLOSED, scope=EVERY):
    return reclassifier(store).outdated(scope, closed_before_ms=closed_before_ms)


def put(store, *days, site="shop", received_at=AT, version=OTHER):
    for number, day in enumerate(days):
        row = event(
            block(start=number),
            payload=payload(site=site),
            site_id=site,
            local_date=(date.fromisoformat("2015-05-17") + timedelta(days=day)).isoformat(),
            event_at=AT + day * DAY_MS,
            received_at=received_at,
            rules_version=version,
            event_id=some_uuid(),
        )
        store.insert([row])


def test_a_day_of_other_rules_is_found_judged_and_then_none_is(store):
    fill(store, is_right=False)
    standing = days_of(store)
    (day,) = standing.days
    assert (day.site_id, day.day, day.events, day.versions) == ("shop", SCOPE.first, 3, ["unknown"])
    assert (day.today, day.is_open, standing.periods) == (TODAY, False, [SCOPE])
    done = reclassifier(store).apply(SCOPE, outdated=True)
    assert (done.events, done.marked, done.sessions) == (3, 0, 2)
    assert versions(store) == [TODAY] * 3
    assert days_of(store).days == days_of(store).periods == []
    before = told(store)
    again = reclassifier(store).apply(SCOPE, outdated=True)
    assert (again.events, again.marked, again.sessions) == (0, 0, 0)
    assert told(store) == before
    assert differences(store) == []


def test_events_that_are_decided_the_same_are_only_marked_and_compared_as_such(store):
    fill(store, is_right=True)
    before = contents(store)
    compared = reclassifier(store).compare(SCOPE, outdated=True)
    assert (compared.events, compared.changed, compared.without_payload) == (3, 0, 0)
    done = reclassifier(store).apply(SCOPE, outdated=True)
    assert (done.events, done.marked, done.sessions) == (0, 3, 0)
    assert versions(store) == [TODAY] * 3
    after = contents(store)
    assert {name for name in after if after[name] != before[name]} <= {"user_behavior_silver"}
    assert reclassifier(store).compare(SCOPE, outdated=True).events == 0


def test_a_run_that_was_killed_before_all_was_done_leaves_the_day_outdated(store, monkeypatch):
    fill(store, is_right=False)
    with monkeypatch.context() as patched:
        patched.setattr(Reconciler, "remake_golds", dying)
        with pytest.raises(KeyboardInterrupt):
            reclassifier(store).apply(SCOPE, outdated=True)
    assert [day.events for day in days_of(store).days] == [3]
    reclassifier(store).apply(SCOPE, outdated=True)
    assert days_of(store).days == []
    assert differences(store) == []


def dying(*_, **__):
    raise KeyboardInterrupt


def test_an_event_without_a_payload_or_with_one_that_is_refused_today_is_not_found_again(store):
    store.insert([stored_as("{}"), stored_as(payload(), offset=1)])
    store.run("ALTER TABLE {db}.page_views_bronze DELETE WHERE _offset = 1 SETTINGS mutations_sync = 2")
    (day,) = days_of(store).days
    assert day.events == 1
    its_day = Scope(site_id="shop", first=day.day, last=day.day)
    store.run("ALTER TABLE {db}.user_behavior_silver DELETE WHERE _offset = 1 SETTINGS mutations_sync = 2")
    store.run("ALTER TABLE {db}.page_views_silver DELETE WHERE _offset = 1 SETTINGS mutations_sync = 2")
    assert reclassifier(store).apply(its_day, outdated=True).marked == 1
    assert versions(store) == [TODAY]
    assert days_of(store).days == []


def test_days_that_may_still_change_bound_the_periods_and_lie_in_none(store):
    put(store, -9, -8, 0, 7)
    put(store, -4, version=TODAY, received_at=CLOSED)
    put(store, 0, 1, site="blog", received_at=CLOSED)
    standing = days_of(store)
    assert [(one.site_id, one.day.day, one.is_open) for one in standing.days] == [
        ("blog", 17, True),
        ("blog", 18, True),
        ("shop", 8, False),
        ("shop", 9, False),
        ("shop", 17, False),
        ("shop", 24, False),
    ]
    found = [(one.site_id, one.first.day, one.last.day) for one in standing.periods]
    assert found == [("shop", 8, 9), ("shop", 17, 24)]


@pytest.mark.parametrize("beside", [-1, 0, 1])
def test_a_day_is_open_with_the_days_beside_it(store, beside):
    put(store, 0)
    put(store, beside, version=TODAY, received_at=CLOSED)
    (day,) = days_of(store).days
    assert day.is_open
    assert days_of(store).periods == []
    (day,) = days_of(store, closed_before_ms=CLOSED + 1).days
    assert not day.is_open


def test_only_the_days_and_the_site_that_were_asked_for_are_found(store):
    put(store, -1, 0, 1)
    put(store, 0, site="blog")
    assert [(one.site_id, one.day) for one in days_of(store, scope=SCOPE).days] == [("shop", SCOPE.first)]


@pytest.mark.parametrize(
    ("stored", "geo_version", "rules_version", "expected"),
    [
        # Of the time zone, by an older table: it is decided again.
        (("FR", "", ""), "", OTHER, ("JP", "", "")),
        (("", "", ""), "", OTHER, ("JP", "", "")),
        # A database was asked for the address, which is gone; or nobody knows whether one was.
        (("FR", "Normandie", "Caen"), "cafecafecafe", OTHER, ("FR", "Normandie", "Caen")),
        (("FR", "", ""), "cafecafecafe", OTHER, ("FR", "", "")),
        (("FR", "", ""), "", "", ("FR", "", "")),
    ],
)
def test_a_place_is_decided_again_where_no_address_was_looked_up(
    store, stored, geo_version, rules_version, expected
):
    place = dict(zip(("country", "region", "city"), stored, strict=True))
    row = stored_as(
        payload(timezone="Asia/Tokyo"),
        **place,
        bot_reasons=int(BotReason.DATA_CENTRE),
        is_bot=1,
        bot_kind="other",
        networks_version="feedfeedfeed",
        geo_version=geo_version,
        rules_version=rules_version,
    )
    store.insert([row])
    geo_before = versions(store, "geo_version")
    for _ in range(2):
        reclassifier(store).apply(SCOPE)
        for table in ("user_behavior_silver", "page_views_silver"):
            found = store.ask(f"SELECT country, region, city, bot_reasons, is_bot FROM {{db}}.{table}")
            assert found == [(*expected, int(BotReason.DATA_CENTRE), 1)]
    assert versions(store) == [TODAY]
    assert versions(store, "geo_version") == geo_before


def test_it_tells_how_far_it_has_come(store):
    fill(store, is_right=False)
    watch = Watched()
    Reclassifier(store.client, database=store.database, rules=rules(), enrich=ENRICH, watch=watch).apply(
        SCOPE
    )
    phases = [phase for phase, _, _ in watch.phases]
    assert phases[0] == "judge"
    assert phases[-1] == "write user_behavior_silver"
    assert "make golds anew" in phases
    assert watch.phases[0] == ("judge", 1, 3)
    assert watch.rows == 3
    assert watch.parts[0] == f"shop {SCOPE.first}"
    assert len(watch.parts) == sum(parts for _, parts, _ in watch.phases)


class Watched:
    """Keeps what it is told."""

    def __init__(self):
        self.phases, self.parts, self.rows = [], [], 0

    def begin(self, phase, *, parts, rows=None):
        self.phases.append((phase, parts, rows))

    def advance(self, rows):
        self.rows += rows

    def part(self, name):
        self.parts.append(name)


def test_the_facts_are_columns_of_the_events(store):
    columns = {name for (name,) in store.ask("SELECT name FROM system.columns WHERE database = '{db}'")}
    assert {*Facts.__struct_fields__, reclassify.VERSION} <= columns
