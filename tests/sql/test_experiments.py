"""Experiments from the store against users gone through one by one, and scipy."""

from __future__ import annotations

import random
import zlib
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from scipy import stats

from app.errors import NotFoundError, QueryError
from tests import oracle_experiments, real_log
from tests.answering import ZONES, Asked, asked, engine, migrated, ms, scope
from tests.oracle_experiments import AMOUNTS, User
from tests.oracle_stats import Did, Visit
from tests.real_log import REAL_LOG, with_real_log
from tests.sql.test_stats import PERIODS
from tests.visits import some_visit, tell
from views.experiments.model import Amount, ExperimentResults, ResultsAsked
from views.params import Bots

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

VARIANTS = ("control", "green", "O'Brien \\ {x}")


def exposure(variant: str, experiment: str = "button") -> Did:
    named = {"experiment": experiment, "variant": variant}
    return Did(kind="custom_event", path="/", name="$exposure", properties=named)


def told(asked: Asked, site: str, *, count: int = 300, visitors: int = 70) -> list[Visit]:
    """Visits from before the period to after it; half of them see a variant, most always the same."""
    dice = random.Random(site)
    since, until = (ms(f"{day}T00:00Z") for day in PERIODS[site])
    plain = [
        some_visit(dice, since=since - 3 * 86_400_000, until=until + 86_400_000, visitors=visitors)
        for _ in range(count)
    ]
    visits = []
    for visit in plain:
        theirs = VARIANTS[int(visit.visitor[1:]) % 3]
        did = list(visit.did)
        if dice.random() < 0.5:
            variant = theirs if dice.random() < 0.8 else dice.choice(VARIANTS)
            did.insert(dice.randrange(len(did) + 1), exposure(variant))
        if dice.random() < 0.1:
            did.append(exposure(dice.choice(["a", ""]), experiment=dice.choice(["other", ""])))
        visits.append(msgspec.structs.replace(visit, did=did))
    tell(asked, visits, dice, site=site)
    return visits


async def ask(asked: Asked, site: str = "shop", **question: Any) -> ExperimentResults:
    found = msgspec.convert({"experiment": "button", **question}, ResultsAsked)
    return await asked.queries.experiment_results(scope(site, *PERIODS[site]), found)


def recount(visits: list[Visit], site: str, *, before_days: int = 0) -> tuple[dict[str, list[User]], int]:
    """Users by variant, and how many saw several."""
    found, mixed = oracle_experiments.users(
        visits, experiment="button", before_days=before_days, **when(site)
    )
    by_variant: dict[str, list[User]] = defaultdict(list)
    for one in found:
        by_variant[one.variant].append(one)
    return by_variant, mixed


def when(site: str) -> dict[str, Any]:
    since, until = (date.fromisoformat(day) for day in PERIODS[site])
    return {"zone": ZoneInfo(ZONES[site]), "since": since, "until": until}


def converts(did: Did) -> bool:
    return did.is_conversion


def usual(amount: str) -> Callable[[Did], bool]:
    """Which events an amount is of where no goal says it."""
    return converts if amount == "conversions" else lambda _: True


@pytest.mark.parametrize("site", PERIODS)
async def test_conversion_rates_are_those_of_a_recount(asked: Asked, site: str) -> None:
    visits = told(asked, site)
    by_variant, mixed = recount(visits, site)
    assert by_variant.keys() == set(VARIANTS)
    goals: list[tuple[dict[str, Any], Any]] = [
        ({}, converts),
        ({"event": "signup"}, lambda did: did.name == "signup"),
        (
            {"filter": {"op": "is", "field": "property.plan", "value": "pro"}},
            lambda did: did.properties.get("plan") == "pro",
        ),
    ]
    for goal, counts in goals:
        found = await ask(asked, site, metric={"kind": "conversion", "goal": goal})
        expected = {
            name: (len(users), sum(any(counts(one.did) for one in user.after) for user in users))
            for name, users in by_variant.items()
        }
        assert {name: (one.users, one.converted) for name, one in found.observed.items()} == expected
        assert found.mixed_users == mixed
    assert mixed > 0


@pytest.mark.parametrize("site", PERIODS)
async def test_means_are_those_of_a_recount_and_of_welch(asked: Asked, site: str) -> None:
    visits = told(asked, site)
    by_variant, _ = recount(visits, site, before_days=2)
    for of in Amount:
        found = await ask(asked, site, metric={"kind": "mean", "of": of.value}, cuped_days=2)
        plain = await ask(asked, site, metric={"kind": "mean", "of": of.value}, cuped_days=0)
        amounts = {}
        for name, users in by_variant.items():
            y = np.array([AMOUNTS[of](user.after, usual(of)) for user in users])
            x = np.array([AMOUNTS[of](user.before, usual(of)) for user in users])
            amounts[name] = y
            one = found.observed[name]
            assert (one.users, one.total, one.squares) == pytest.approx((len(y), y.sum(), y @ y))
            before = one.covariate
            assert (before.total, before.squares, before.products) == pytest.approx((x.sum(), x @ x, x @ y))
            assert plain.observed[name].covariate is None
        for variant in plain.evaluation.variants[1:]:
            welch = stats.ttest_ind(amounts[variant.name], amounts["control"], equal_var=False)
            effect = variant.comparison.effect
            assert variant.value == pytest.approx(amounts[variant.name].mean())
            assert (effect.statistic, effect.p_value) == pytest.approx((welch.statistic, welch.pvalue))
        assert found.evaluation.variance_reduction is not None


@pytest.mark.parametrize(
    ("of", "per"),
    [
        ("revenue", "sessions"),
        ("conversions", "sessions"),
        ("engaged_s", "page_views"),
        ("events", "conversions"),
    ],
)
async def test_ratios_are_those_of_a_recount(asked: Asked, of: str, per: str) -> None:
    visits = told(asked, "york")
    by_variant, _ = recount(visits, "york")
    found = await ask(asked, "york", metric={"kind": "ratio", "of": of, "per": per})
    for name, users in by_variant.items():
        y = np.array([AMOUNTS[of](user.after, usual(of)) for user in users])
        x = np.array([AMOUNTS[per](user.after, usual(per)) for user in users])
        one = found.observed[name]
        figures = (one.users, one.numerator, one.numerator_squares, one.denominator)
        assert figures == pytest.approx((len(y), y.sum(), y @ y, x.sum()))
        assert (one.denominator_squares, one.products) == pytest.approx((x @ x, x @ y))
    values = {one.name: one.value for one in found.evaluation.variants}
    for name, one in found.observed.items():
        assert values[name] == pytest.approx(one.numerator / one.denominator)


@with_real_log
async def test_an_experiment_on_real_visits_is_that_of_a_recount(asked: Asked) -> None:
    """What they did is a log's; which variant they saw, and in which of their visits, is made up."""
    dice = random.Random(7)
    visits = []
    for visit in real_log.visits(real_log.requests(REAL_LOG)):
        did = list(visit.did)
        if dice.random() < 0.6:
            variant = VARIANTS[zlib.crc32(visit.visitor.encode()) % 2] if dice.random() < 0.95 else "green"
            did.insert(dice.randrange(len(did) + 1), exposure(variant))
        visits.append(msgspec.structs.replace(visit, did=did))
    tell(asked, visits, dice, site=real_log.SITE)
    since, until = (date.fromisoformat(day) for day in real_log.DAYS)
    found, mixed = oracle_experiments.users(
        visits, experiment="button", zone=ZoneInfo("UTC"), since=since, until=until, before_days=2
    )
    assert mixed
    period = scope(real_log.SITE, *real_log.DAYS)

    async def observed(**metric: Any) -> ExperimentResults:
        asks = msgspec.convert({"experiment": "button", "metric": metric, "cuped_days": 2}, ResultsAsked)
        return await asked.queries.experiment_results(period, asks)

    rate = await observed(
        kind="conversion", goal={"filter": {"op": "matches", "field": "path", "value": "^/projects/"}}
    )
    means = {of: await observed(kind="mean", of=of) for of in ("page_views", "sessions")}
    assert rate.mixed_users == mixed
    assert rate.observed.keys() == set(VARIANTS[:2])
    for name in VARIANTS[:2]:
        theirs = [user for user in found if user.variant == name]
        bought = sum(any(one.did.path.startswith("/projects/") for one in user.after) for user in theirs)
        assert (rate.observed[name].users, rate.observed[name].converted) == (len(theirs), bought)
        assert 0 < bought < len(theirs)
        for of, answer in means.items():
            y = np.array([AMOUNTS[of](user.after, usual(of)) for user in theirs])
            x = np.array([AMOUNTS[of](user.before, usual(of)) for user in theirs])
            one = answer.observed[name]
            assert (one.users, one.total, one.squares) == (len(y), y.sum(), y @ y)
            assert (one.covariate.total, one.covariate.squares, one.covariate.products) == (
                x.sum(),
                x @ x,
                x @ y,
            )
            assert x.sum()


async def test_a_goal_narrows_an_amount_and_not_what_it_is_divided_by(asked: Asked) -> None:
    visits = told(asked, "isle")
    by_variant, _ = recount(visits, "isle")
    goal = {"event": "signup"}
    found = await ask(asked, "isle", metric={"kind": "ratio", "of": "events", "per": "events", "goal": goal})
    for name, users in by_variant.items():
        signups = sum(one.did.name == "signup" for user in users for one in user.after)
        events = sum(len(user.after) for user in users)
        one = found.observed[name]
        assert (one.numerator, one.denominator) == (signups, events)


async def test_the_experiments_that_were_seen_are_listed(asked: Asked) -> None:
    visits = told(asked, "saas")
    found = await asked.queries.experiments(scope("saas", *PERIODS["saas"]))
    listed = {
        one.experiment: {
            **{each.variant: each.visitors for each in one.variants},
            **({"": one.mixed_visitors} if one.mixed_visitors else {}),
        }
        for one in found.experiments
    }
    assert listed == {
        name: dict(each) for name, each in oracle_experiments.seen(visits, **when("saas")).items()
    }
    assert listed.keys() == {"button", "other"}
    for one in found.experiments:
        assert one.visitors == sum(each.visitors for each in one.variants) + one.mixed_visitors
        assert one.visitors <= one.exposures
        assert one.first_exposed_at <= one.last_exposed_at
    assert (await asked.queries.experiments(scope("shop"))).experiments == []


async def test_weights_name_what_is_compared_and_whether_shares_are_as_wanted(asked: Asked) -> None:
    told(asked, "shop")
    whole = await ask(asked)
    found = await ask(asked, weights={"green": 1, "control": 3, "blue": 0.5}, control="green")
    assert [one.name for one in found.evaluation.variants] == ["green", "blue", "control"]
    assert found.other_users == whole.observed[VARIANTS[2]].users
    users = [found.observed[name].users for name in ("green", "blue", "control")]
    assert users[1] == 0
    chi = stats.chisquare(users, np.array([1, 0.5, 3]) / 4.5 * sum(users))
    assert found.evaluation.mismatch.statistic == pytest.approx(chi.statistic)
    assert found.evaluation.mismatch.p_value == pytest.approx(chi.pvalue)
    for metric in ({"kind": "mean"}, {"kind": "ratio"}):
        empty = await ask(asked, weights={"control": 1, "blue": 1}, metric=metric)
        assert empty.evaluation.winner is None
        assert "too_few_users" in empty.evaluation.warnings


async def test_only_what_happens_from_the_first_exposure_on_counts(asked: Asked) -> None:
    """v1 buys just before the exposure, at it, and after the period; v2 is exposed at its very end."""
    at, end = ms("2026-03-28T10:00Z"), ms("2026-03-31T22:00Z")
    bought = {"event_type": "custom_event", "name": "$purchase", "is_conversion": 1, "revenue": 5}
    seen = {"event_type": "custom_event", "name": "$exposure"}
    control = '{"experiment": "button", "variant": "control"}'
    asked.events(
        {**seen, "at": at, "properties": control},
        {**seen, "at": at + 9, "properties": control},
        {**bought, "at": at - 7 * 86_400_000},
        {**bought, "at": at - 7 * 86_400_000 - 1, "revenue": 100},
        {**bought, "at": at - 1},
        {**bought, "at": at, "revenue": 1},
        {**bought, "at": end, "revenue": 1000},
        {**seen, "at": end - 1, "visitor_id": "v2", "properties": control.replace('"control"', "2")},
        {**seen, "at": end, "visitor_id": "v3", "properties": control},
        {**seen, "at": at, "visitor_id": "v4", "properties": control, "is_bot": 1},
        {**seen, "at": at, "visitor_id": "v5", "properties": '{"experiment": "button"}'},
        {**seen, "at": at, "visitor_id": "v6", "properties": "{}"},
    )
    found = await ask(asked, metric={"kind": "mean"})
    assert found.observed.keys() == {"control", "2"}
    one, two = found.observed["control"], found.observed["2"]
    assert (one.users, one.total, one.covariate.total) == (1, 1, 10)
    assert (two.users, two.total, two.covariate.total) == (1, 0, 0)
    assert (found.mixed_users, found.evaluation.winner) == (0, None)
    bots = msgspec.convert({"experiment": "button", "weights": {"control": 1, "2": 1}}, ResultsAsked)
    of_bots = await asked.queries.experiment_results(scope("shop", *PERIODS["shop"], bots=Bots.ONLY), bots)
    assert {name: each.users for name, each in of_bots.observed.items()} == {"control": 1, "2": 0}


async def test_money_of_any_size_is_summed_up_without_loss(asked: Asked) -> None:
    at = ms("2026-03-28T10:00Z")
    for number, variant in enumerate(("control", "green")):
        properties = f'{{"experiment": "button", "variant": "{variant}"}}'
        who = {"visitor_id": f"v{number}", "event_type": "custom_event"}
        asked.events(
            {**who, "at": at, "name": "$exposure", "properties": properties},
            *({**who, "at": at + 1, "name": "$purchase", "revenue": 99_999_999_999_999} for _ in range(3)),
        )
    found = await ask(asked, metric={"kind": "mean"}, cuped_days=0)
    total = 3 * 99_999_999_999_999
    assert {one.total for one in found.observed.values()} == {total}
    assert {one.squares for one in found.observed.values()} == {float(total**2)}


async def test_what_cannot_be_compared_is_said(asked: Asked) -> None:
    with pytest.raises(NotFoundError, match="nobody was exposed to experiment 'button'"):
        await ask(asked)
    at = ms("2026-03-28T10:00Z")
    told(asked, "shop", count=40)
    for number in range(21):
        properties = f'{{"experiment": "many", "variant": "v{number}"}}'
        asked.events({"at": at, "visitor_id": f"m{number}", "name": "$exposure", "properties": properties})
    alone = '{"experiment": "alone", "variant": "control"}'
    asked.events({"at": at, "visitor_id": "m0", "name": "$exposure", "properties": alone})
    for question, said in (
        ({"control": "blue"}, "control = 'blue': expected one of the variants"),
        ({"experiment": "many"}, "has 21 variants"),
        ({"experiment": "alone"}, "has 1 variants"),
        ({"experiment": "many", "weights": {"v1": 1, "v2": 1}}, "control = 'control': expected one of"),
        (
            {"metric": {"kind": "mean", "goal": {"filter": {"op": "is", "field": "os", "value": ""}}}},
            "goal: 'os' is of sessions",
        ),
    ):
        with pytest.raises(QueryError, match=said):
            await ask(asked, **question)
