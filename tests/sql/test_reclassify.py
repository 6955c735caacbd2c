"""Stored events judged anew: silver and every gold are as if they had been judged so at once."""

from __future__ import annotations

import uuid
from datetime import date, timedelta

import msgspec
import pytest

from app.adapters.clickhouse import reclassify, retention
from app.adapters.clickhouse.reclassify import Reclassifier
from app.adapters.clickhouse.reconcile import Reconciler, Scope
from app.adapters.enricher import Enricher
from app.core.reclassify import Facts, decided
from app.errors import ReconcileError
from app.events.vocabulary import BotReason
from tests.factories import rules, wire
from tests.sql.holes import contents, delete
from tests.sql.store import AT, DAY, EVENT_GOLD, MINUTE, SESSION_GOLD, block, event, retracted, session
from tests.sql.test_retention import ROWS, old, settings

CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36"
)
#: What an older version may have decided.
OLD = Facts(
    referrer_host="mail.google.com",
    channel="Referral",
    source="mail.google.com",
    medium="referral",
    campaign="",
    term="",
    content="",
    click_id="",
    country="",
    region="",
    city="",
    device_class="tablet",
    browser="Chrome",
    browser_version="138",
    os="Linux",
    os_version="",
    is_bot=0,
    bot_reasons=0,
    bot_name="",
    bot_kind="",
)
SCOPE = Scope(site_id="shop", first=date.fromisoformat(DAY), last=date.fromisoformat(DAY))
ENRICH = Enricher()
FIRST, SECOND, DEAD = (str(uuid.UUID(int=number)) for number in (101, 102, 103))
IN_SESSION = ("referrer_host", "channel", "source", "medium", "country", "device_class", "browser", "os")


def facts_of(payload, *, stored=OLD):
    return decided(payload, before=stored, rules=rules(), enrich=ENRICH)


def payload(*, referrer="https://mail.google.com/", user_agent=CHROME, site="shop", **fields):
    text = wire(referrer=referrer, user_agent=user_agent, site_id=site, at=AT, **fields)
    return msgspec.json.encode(text).decode()


def rows(*, is_right, reasons=0):
    """Two visits: one with mail, in two windows that became one, stated twice; one of a program."""
    said = msgspec.structs.replace(OLD, bot_reasons=reasons, is_bot=int(bool(reasons)), bot_kind="other")
    mail, plain, curl = payload(), payload(referrer=""), payload(referrer="", user_agent="curl/8.5.0")
    within = block(end=3)
    events, facts = [], {}
    for offset, (text, visitor, session_id, at) in enumerate(
        [(mail, "v1", FIRST, AT), (plain, "v1", DEAD, AT + MINUTE), (curl, "v2", SECOND, AT)]
    ):
        stored = said if reasons else OLD
        facts[offset] = facts_of(text, stored=stored) if is_right else stored
        events.append(
            event(
                within,
                **msgspec.structs.asdict(facts[offset]),
                offset=offset,
                payload=text,
                visitor_id=visitor,
                session_id=session_id,
                event_at=at,
                event_id=str(uuid.UUID(int=900 + offset)),
                ttfb_ms=790 + 10 * offset,
            )
        )

    def stated(session_id, first, bots, **changes):
        told = {name: getattr(first, name) for name in IN_SESSION}
        return session(
            within, session_id=session_id, bot_reasons=bots, is_bot=int(bool(bots)), **told, **changes
        )

    bots = facts[0].bot_reasons | facts[1].bot_reasons
    # The first version had the first event alone, as it was decided then: it was taken back.
    before = stated(FIRST, OLD, 0)
    living = stated(
        FIRST, facts[0], bots, version=2, events=2, page_views=2, is_bounce=0, ended_at=AT + MINUTE
    )
    heir = msgspec.structs.replace(living, sign=0, session_id=DEAD, version=1, merged_into=FIRST)
    fast = int(BotReason.RATE)
    program = stated(SECOND, facts[2], facts[2].bot_reasons | fast, visitor_id="v2")
    return events, [before, retracted(before, within), living, heir, program]


def fill(store, **how):
    for part in rows(**how):
        store.insert(part)


def reclassifier(store):
    return Reclassifier(store.client, database=store.database, rules=rules(), enrich=ENRICH)


def differences(store):
    return Reconciler(store.client, database=store.database, pause_s=0).compare(Scope())


def told(store):
    """What the tables say of the classification, of the living sessions and of visitors."""
    facts = ", ".join(Facts.__struct_fields__)
    return {
        "events": store.ask(f"SELECT _offset, {facts} FROM {{db}}.user_behavior_silver ORDER BY _offset"),
        "views": store.ask(f"SELECT _offset, {facts} FROM {{db}}.page_views_silver ORDER BY _offset"),
        "statements": store.ask(
            f"SELECT session_id, version, sign, {', '.join(IN_SESSION)}, is_bot, bot_reasons "
            "FROM {db}.user_sessions_bronze WHERE sign != 0 ORDER BY ALL"
        ),
        "sessions": store.ask(
            f"SELECT session_id, version, {', '.join(IN_SESSION)}, is_bot, bot_reasons "
            "FROM {db}.sessions_silver FINAL ORDER BY ALL"
        ),
        "visitors": store.ask(
            "SELECT is_bot, sum(events), uniqCombined64Merge(16)(visitors) "
            "FROM {db}.daily_user_metrics GROUP BY is_bot ORDER BY 1"
        ),
        "sources": store.ask(
            "SELECT is_bot, channel, source, sum(sessions) AS n, sum(events) FROM {db}.traffic_sources_daily "
            "GROUP BY is_bot, channel, source HAVING n != 0 ORDER BY ALL"
        ),
        "devices": store.ask(
            "SELECT is_bot, device_class, sum(sessions) AS n FROM {db}.device_breakdown_daily "
            "GROUP BY is_bot, device_class HAVING n != 0 ORDER BY ALL"
        ),
        "bots": store.ask(
            "SELECT bot_kind, bot_name, sum(events) FROM {db}.bot_traffic_daily GROUP BY ALL ORDER BY ALL"
        ),
        "weeks": store.ask(
            "SELECT span, since, is_bot, path, sum(rows), sum(page_views), uniqCombined64Merge(12)(visitors) "
            "FROM {db}.page_visitors GROUP BY ALL ORDER BY ALL"
        ),
        "vitals": store.ask(
            "SELECT attribute, value, span, since, is_bot, vital, sum(samples), sum(good), "
            "quantilesTimingMerge(0.5, 0.75, 0.95)(quantiles) "
            "FROM {db}.vital_distributions GROUP BY ALL ORDER BY ALL"
        ),
        "pages": store.ask(
            "SELECT is_bot, device_class, sum(page_views) FROM {db}.page_performance_metrics "
            "GROUP BY ALL ORDER BY ALL"
        ),
    }


@pytest.fixture(scope="module")
def right(client, schema):
    """What is told where events were judged by the rules of today from the first."""
    store = schema.store("right")
    fill(store, is_right=True)
    yield told(store)
    client.command("DROP DATABASE right")


def test_a_comparison_says_what_would_be_decided_otherwise_and_writes_nothing(store):
    fill(store, is_right=False)
    before = told(store)
    compared = reclassifier(store).compare(SCOPE)
    assert (compared.events, compared.changed, compared.without_payload) == (3, 3, 0)
    found = {(one.what, one.stored, one.today): one.events for one in compared.differing}
    assert found["channel", "Referral", "Email"] == 1
    assert found["channel", "Referral", "Direct"] == 2
    assert found["device class", "tablet", "desktop"] == 2
    assert found["bot", "", "automation curl"] == 1
    assert told(store) == before


def test_afterwards_silver_and_gold_are_as_if_it_had_been_so_at_once(store, right):
    fill(store, is_right=False)
    assert told(store) != right
    done = reclassifier(store).apply(SCOPE)
    assert (done.events, done.sessions) == (3, 2)
    assert told(store) == right
    assert differences(store) == []


def test_a_second_run_finds_nothing_to_change_and_leaves_all_as_it_is(store):
    fill(store, is_right=False)
    reclassifier(store).apply(SCOPE)
    before = told(store)
    compared = reclassifier(store).compare(SCOPE)
    assert (compared.events, compared.changed, compared.differing) == (3, 0, [])
    done = reclassifier(store).apply(SCOPE)
    assert (done.events, done.sessions) == (0, 0)
    assert told(store) == before
    assert differences(store) == []


@pytest.mark.parametrize("at", range(6))
def test_a_run_that_was_killed_at_any_step_is_finished_by_the_next(store, right, monkeypatch, at):
    fill(store, is_right=False)
    steps = iter(range(9))
    recast, mark, remake = reclassify.recast, reclassify.mark, Reconciler.remake_golds

    def dying(step):
        def until_killed(*given, **named):
            if next(steps) == at:
                raise KeyboardInterrupt
            return step(*given, **named)

        return until_killed

    with monkeypatch.context() as patched:
        patched.setattr(reclassify, "recast", dying(recast))
        patched.setattr(reclassify, "mark", dying(mark))
        patched.setattr(Reconciler, "remake_golds", dying(remake))
        with pytest.raises(KeyboardInterrupt):
            reclassifier(store).apply(SCOPE)
    reclassifier(store).apply(SCOPE)
    assert told(store) == right
    assert differences(store) == []


def test_what_only_the_address_told_stays(store):
    centre = int(BotReason.DATA_CENTRE)
    fill(store, is_right=False, reasons=centre)
    reclassifier(store).apply(SCOPE)
    reasons = store.ask("SELECT bot_reasons, bot_kind FROM {db}.user_behavior_silver ORDER BY _offset")
    assert reasons[0] == (centre, "other")
    assert reasons[2][0] & centre
    assert reasons[2][0] & BotReason.AUTOMATION


def test_other_sites_and_days_stay_as_they_are(store):
    fill(store, is_right=False)
    before = told(store)
    other = msgspec.structs.replace(SCOPE, site_id="other")
    later = Scope(site_id="shop", first=date(2015, 6, 1), last=date(2015, 6, 30))
    for scope in (other, later):
        done = reclassifier(store).apply(scope)
        assert (done.events, done.sessions) == (0, 0)
    assert told(store) == before


def test_gold_of_days_that_retention_has_taken_stays(store):
    old(store)
    events, sessions = rows(is_right=False)
    store.insert([msgspec.structs.replace(one, user_id="u1") for one in events])
    store.insert(sessions)
    retention.apply(store.client, settings(store, shop=30))
    for table in ROWS:
        store.run(f"TRUNCATE TABLE {{db}}.{table}")
    before = {gold: contents(store)[gold] for gold in (*EVENT_GOLD, *SESSION_GOLD)}
    assert before["visitor_aliases"]
    done = reclassifier(store).apply(SCOPE)
    assert (done.events, done.rebuilt) == (0, [])
    assert {gold: contents(store)[gold] for gold in before} == before


@pytest.mark.parametrize("torn", ["user_behavior_silver", "page_views_silver", "user_sessions_bronze"])
def test_days_beside_a_layer_that_lacks_a_block_are_refused_and_stay(store, torn):
    fill(store, is_right=False)
    delete(store, torn, where="1")
    before = contents(store)
    torn_day, days = SCOPE.first, timedelta(days=1)
    # Weeks are made anew that the days beside the period lie in.
    for first in (torn_day - 7 * days, torn_day, torn_day + 7 * days):
        with pytest.raises(ReconcileError, match=r"2015-05-17.*wua reconcile"):
            reclassifier(store).apply(Scope(site_id="shop", first=first, last=first))
    assert contents(store) == before
    beyond = torn_day + 8 * days
    assert reclassifier(store).apply(Scope(site_id="shop", first=beyond, last=beyond)).rebuilt == []


def test_an_event_whose_payload_is_gone_or_no_longer_accepted_stays_as_it_is(store):
    old(store)
    events, _ = rows(is_right=False)
    broken = msgspec.structs.replace(events[0], payload="{}")
    store.insert([broken, events[1]])
    store.run("TRUNCATE TABLE {db}.click_events_bronze")
    compared = reclassifier(store).compare(SCOPE)
    assert (compared.events, compared.without_payload) == (1, 1)
    store.run("TRUNCATE TABLE {db}.page_views_bronze")
    compared = reclassifier(store).compare(SCOPE)
    assert (compared.events, compared.without_payload) == (0, 2)
    assert reclassifier(store).apply(SCOPE).events == 0


def test_a_session_whose_events_are_not_all_there_is_left_alone(store):
    events, sessions = rows(is_right=False)
    store.insert(events[:1])
    store.insert(sessions[:3])
    done = reclassifier(store).apply(SCOPE)
    assert (done.events, done.sessions) == (1, 0)
