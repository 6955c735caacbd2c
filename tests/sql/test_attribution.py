"""Attribution from the store against journeys made one by one, and identities that must hold."""

from __future__ import annotations

import random
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from app.core.attribution.models import Model
from app.errors import QueryError
from tests.answering import ZONES, Asked, asked, engine, migrated, ms, scope
from tests.oracle_attribution import MODELS, Journey, credits_by_rule, journeys, removal_effects
from tests.oracle_stats import Did, Visit
from tests.sql.test_stats import PERIODS
from tests.visits import some_visit, tell
from views.attribution import answer
from views.attribution.model import Attribution, AttributionAsked
from views.params import Bots

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

ALL = [one.value for one in Model]
BOUGHT = Did(kind="custom_event", path="/", name="$purchase", is_conversion=True, revenue=7.5)


def told(asked: Asked, site: str, *, count: int = 200) -> list[Visit]:
    """Visits of so many visitors that some do not convert, from four days before the period to after it."""
    dice = random.Random(site)
    since, until = (ms(f"{day}T00:00Z") for day in PERIODS[site])
    visits = [
        some_visit(dice, since=since - 4 * 86_400_000, until=until + 86_400_000, visitors=80)
        for _ in range(count)
    ]
    tell(asked, visits, dice, site=site)
    return visits


async def ask(asked: Asked, site: str = "shop", **question: Any) -> Attribution:
    found = msgspec.convert(question, AttributionAsked)
    return await asked.queries.attribution(scope(site, *PERIODS[site]), found)


def recount(
    visits: list[Visit], site: str, orphans: list[tuple[str, int, Did]] | None = None, **question: Any
) -> list[Journey]:
    since, until = (date.fromisoformat(day) for day in PERIODS[site])
    return journeys(visits, orphans or [], zone=ZoneInfo(ZONES[site]), since=since, until=until, **question)


def stray(asked: Asked, site: str) -> list[tuple[str, int, Did]]:
    """Conversions that no session has: of somebody never seen, and of a visitor with visits."""
    at = ms(f"{PERIODS[site][0]}T12:00Z") + 86_400_000
    found = [("ghost", at, BOUGHT), ("v1", at, BOUGHT), ("v2", at + 1, BOUGHT)]
    asked.events(
        *(
            {
                "site_id": site,
                "visitor_id": visitor,
                "at": when,
                "event_type": did.kind,
                "name": did.name,
                "is_conversion": 1,
                "revenue": did.revenue,
                "session_id": "00000000-0000-0000-ffff-000000000001",
            }
            for visitor, when, did in found
        )
    )
    return found


def given(found: Attribution, model: str) -> dict[str, tuple[float, float]]:
    """Key -> conversions and revenue, of those that are given any."""
    return {
        row.key: (row.models[model].conversions, row.models[model].revenue)
        for row in found.rows
        if row.models[model].conversions
    }


def agrees(found: Attribution, expected: list[Journey], *, by: str, half_life_days: int) -> None:
    for model in MODELS:
        rule = credits_by_rule(model, expected, by=by, half_life_days=half_life_days)
        got = given(found, model)
        assert got.keys() == rule.keys(), model
        for key, figures in rule.items():
            assert got[key] == pytest.approx(figures, abs=1e-9), (model, key)
    assert found.conversions == sum(one.is_conversion for one in expected)
    assert found.lost_journeys == sum(not one.is_conversion for one in expected)
    effects = removal_effects(expected, by=by)
    for row in found.rows:
        assert row.removal_effect == pytest.approx(effects.get(row.key, 0.0), abs=1e-9), row.key
    reached = [one for one in expected if one.is_conversion and one.visits]
    for row in found.rows:
        if row.key != "(none)":
            share = effects[row.key] / sum(effects.values())
            assert row.models["data_driven"].conversions == pytest.approx(share * len(reached))
            assert row.models["data_driven"].revenue == pytest.approx(
                share * sum(one.revenue for one in reached)
            )


@pytest.mark.parametrize("site", PERIODS)
async def test_every_model_gives_what_a_recount_gives(asked: Asked, site: str) -> None:
    visits = told(asked, site, count=200)
    orphans = stray(asked, site)
    for by, look_back, half_life in (("channel", 30, 7), ("source", 1, 1), ("campaign", 2, 3)):
        found = await ask(asked, site, by=by, look_back_days=look_back, half_life_days=half_life)
        expected = recount(visits, site, orphans, look_back_days=look_back)
        assert {one.is_conversion for one in expected} == {True, False}
        agrees(found, expected, by=by, half_life_days=half_life)


@pytest.mark.parametrize(
    ("goal", "counts"),
    [
        ({"event": "signup"}, lambda did: did.name == "signup"),
        ({"filter": {"op": "is", "field": "path", "value": "/pricing"}}, lambda did: did.path == "/pricing"),
        (
            {"event": "$goal", "filter": {"op": "is", "field": "property.plan", "value": "pro"}},
            lambda did: did.name == "$goal" and did.properties.get("plan") == "pro",
        ),
        ({"event": "never"}, lambda did: False),
    ],
)
async def test_a_goal_says_which_events_count(asked: Asked, goal: dict[str, Any], counts: Any) -> None:
    visits = told(asked, "york", count=120)
    found = await ask(asked, "york", goal=goal)
    agrees(found, recount(visits, "york", look_back_days=30, counts=counts), by="channel", half_life_days=7)


async def test_a_filter_leaves_conversions_of_sessions_that_pass(asked: Asked) -> None:
    visits = told(asked, "shop", count=200)
    orphans = stray(asked, "shop")
    german = {"op": "is", "field": "country", "value": "DE"}
    found = await ask(asked, filter=german, look_back_days=2)
    expected = recount(
        visits, "shop", orphans, look_back_days=2, passes=lambda visit: visit.facts["country"] == "DE"
    )
    agrees(found, expected, by="channel", half_life_days=7)
    other = await ask(asked, filter={"op": "not", "filter": german}, look_back_days=2)
    everything = await ask(asked, filter={"op": "and", "filters": []}, look_back_days=2)
    assert found.conversions + other.conversions == everything.conversions
    # Three have no session.
    assert everything.conversions + 3 == (await ask(asked, look_back_days=2)).conversions


async def test_every_model_adds_up_to_the_conversions_there_are(asked: Asked) -> None:
    told(asked, "isle", count=250)
    stray(asked, "isle")
    plain = await asked.queries.reader.one("site_totals", scope("isle", *PERIODS["isle"]).by_day)
    for by in ("channel", "source", "medium", "campaign", "referrer_host"):
        for keys in (100, 1):
            found = await ask(asked, "isle", by=by, keys=keys)
            assert found.conversions == plain["conversions"] > 20
            assert found.revenue == pytest.approx(float(plain["revenue"]))
            for model in ALL:
                parts = [row.models[model] for row in found.rows]
                assert sum(one.conversions for one in parts) == pytest.approx(plain["conversions"])
                assert sum(one.revenue for one in parts) == pytest.approx(float(plain["revenue"]))
                assert sum(one.share for one in parts) == pytest.approx(1)
    assert {"(other)", "(none)"} < {row.key for row in found.rows}
    assert len(found.rows) == 3


async def test_rules_alone_say_the_same_as_beside_the_data(asked: Asked) -> None:
    told(asked, "shop", count=150)
    beside = await ask(asked)
    alone = await ask(asked, models=["linear", "time_decay"])
    for model in ("linear", "time_decay"):
        assert given(alone, model).keys() == given(beside, model).keys()
        for key, figures in given(alone, model).items():
            assert figures == pytest.approx(given(beside, model)[key])
    assert alone.lost_journeys == 0
    assert {row.removal_effect for row in alone.rows} == {None}
    assert beside.lost_journeys > 0


async def test_a_site_without_conversions_has_no_rows(asked: Asked) -> None:
    found = await ask(asked)
    assert (found.conversions, found.revenue, found.rows) == (0, 0, [])
    visits = [_visit(at=ms("2026-03-28T10:00Z"), channel="Email", did=[Did(kind="page_view", path="/")])]
    tell(asked, visits, random.Random(1), site="shop")
    found = await ask(asked)
    assert (found.conversions, found.lost_journeys, found.rows) == (0, 1, [])


async def test_sessions_at_the_edges_of_the_look_back_count_and_those_beyond_do_not(asked: Asked) -> None:
    """One conversion; sessions a millisecond too old, just in, at the same time twice, and after it."""
    at = ms("2026-03-30T10:00Z")
    plain = [Did(kind="page_view", path="/")]
    visits = [
        _visit(at=at - 86_400_001, channel="Paid Search", did=plain),
        _visit(at=at - 86_400_000, channel="Email", did=plain),
        _visit(at=at, channel="Direct", did=[BOUGHT]),
        _visit(at=at, channel="Organic Search", did=plain),
        _visit(at=at + 1, channel="Display", did=plain),
    ]
    tell(asked, visits, random.Random(5), site="shop")
    found = await ask(asked, look_back_days=1, half_life_days=1)
    assert given(found, "linear") == {
        "Email": pytest.approx((1 / 3, 2.5)),
        "Direct": pytest.approx((1 / 3, 2.5)),
        "Organic Search": pytest.approx((1 / 3, 2.5)),
    }
    assert given(found, "time_decay")["Email"] == pytest.approx((0.2, 1.5))
    assert given(found, "first_touch") == {"Email": (1, 7.5)}
    assert given(found, "last_non_direct") == {"Organic Search": (1, 7.5)}


async def test_a_conversion_counts_on_the_day_that_it_happened(asked: Asked) -> None:
    """Not where its session began; 4 March begins at 18:15 UTC of the 3rd in Kathmandu."""
    night = ms("2026-03-03T18:14:59Z")
    visit = _visit(at=night, channel="Email", did=[BOUGHT, BOUGHT])
    tell(asked, [visit], random.Random(2), site="peak")
    for since, until, count in (("2026-03-03", "2026-03-04", 1), ("2026-03-04", "2026-03-05", 1)):
        found = await asked.queries.attribution(scope("peak", since, until), AttributionAsked())
        assert (found.conversions, [row.key for row in found.rows]) == (count, ["Email"])


async def test_bots_are_asked_for(asked: Asked) -> None:
    visits = told(asked, "shop", count=200)
    found = await asked.queries.attribution(
        scope("shop", *PERIODS["shop"], bots=Bots.ONLY), AttributionAsked()
    )
    as_people = [msgspec.structs.replace(one, is_bot=not one.is_bot) for one in visits]
    agrees(found, recount(as_people, "shop", look_back_days=30), by="channel", half_life_days=7)
    assert found.conversions > 0


async def test_too_many_paths_are_refused_with_advice(asked: Asked, monkeypatch: Any) -> None:
    told(asked, "shop", count=100)
    monkeypatch.setattr(answer, "MOST_PATHS", 3)
    with pytest.raises(QueryError, match=r"more than 3 different paths .* shorter period"):
        await ask(asked)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (
            {"goal": {"filter": {"op": "is", "field": "channel", "value": "x"}}},
            "goal: 'channel' is of sessions",
        ),
        ({"filter": {"op": "is", "field": "path", "value": "/"}}, "filter: 'path' is of events"),
        ({"filter": {"op": "is", "field": "colour", "value": "/"}}, "unknown field 'colour'"),
    ],
)
async def test_fields_that_are_of_something_else_are_refused(
    asked: Asked, question: dict[str, Any], said: str
) -> None:
    with pytest.raises(QueryError, match=said):
        await ask(asked, **question)


def _visit(*, at: int, channel: str, did: list[Did]) -> Visit:
    one = some_visit(random.Random(1), since=at, until=at + 1)
    facts = {**one.facts, "channel": channel}
    return msgspec.structs.replace(one, visitor="v1", is_bot=False, facts=facts, did=did)
