"""Load times and web vitals, against the same visits sorted and counted in plain Python."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from app.errors import QueryError
from tests.answering import Asked, asked, engine, migrated, scope
from tests.page_traffic import Visit, day_of, scope_of, visits, write
from views.params import Bots
from views.performance.model import (
    THRESHOLDS,
    Distribution,
    Measured,
    PerformanceField,
    Rating,
    Vital,
    rating,
)
from views.stats.model import And, Is, Step

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

#: web.dev: good up to the first, poor beyond the second.
GOOGLE = {
    "lcp": (2500, 4000),
    "inp": (200, 500),
    "cls": (0.1, 0.25),
    "fcp": (1800, 3000),
    "ttfb": (800, 1800),
}
VITALS = {"event_type": "custom_event", "name": "$web_vitals"}
BERLIN = "Europe/Berlin"


def samples(
    made: list[Visit], key: Callable[[Visit, dict[str, Any]], Any]
) -> dict[Any, dict[str, list[float]]]:
    """Key -> measure -> its values in ms, CLS as such, of people's visits."""
    found: dict[Any, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for visit in made:
        for event in visit.events if not visit.is_bot else ():
            at = found[key(visit, event)]
            for name in ("ttfb", "fcp", "lcp", "inp", "load"):
                if event.get(f"{name}_ms"):
                    at[name].append(event[f"{name}_ms"])
            if '"cls"' in event.get("properties", ""):
                at["cls"].append(event["cls_10000"] / 10_000)
    return {key: values for key, values in found.items() if values}


def at_share(values: list[float], share: float, *, name: str) -> float:
    """The value below which that share of the values lies; times beyond 30 s count as 30 s."""
    most = 3.0 if name == "cls" else 30_000
    ordered = sorted(min(value, most) for value in values)
    return ordered[min(math.floor(share * len(ordered)), len(ordered) - 1)]


def held(found: dict[Vital, Distribution], wanted: dict[str, list[float]]) -> None:
    assert {str(vital) for vital in found} == wanted.keys()
    for name, values in wanted.items():
        spread = found[Vital(name)]
        assert spread.samples == len(values)
        got = (spread.p50, spread.p75, spread.p95)
        assert got == pytest.approx([at_share(values, share, name=name) for share in (0.5, 0.75, 0.95)]), name
        if name == "load":
            assert (spread.good, spread.poor, spread.rating) == (None, None, None)
            continue
        good, poor = GOOGLE[name]
        shares = [sum(value <= good for value in values), sum(good < value <= poor for value in values)]
        shares = [count / len(values) for count in shares]
        assert [spread.good, spread.needs_improvement] == pytest.approx(shares)
        assert spread.good + spread.needs_improvement + spread.poor == pytest.approx(1)
        worst = "good" if spread.p75 <= good else "poor" if spread.p75 > poor else "needs_improvement"
        assert spread.rating == worst


@pytest.mark.parametrize(
    ("zone", "since", "until", "days"),
    [
        ("America/New_York", "2026-10-31", "2026-11-03", 3),
        ("Australia/Lord_Howe", "2026-04-03", "2026-04-07", 4),
    ],
)
async def test_measures_are_spread_as_a_recount_has_them(
    asked: Asked, zone: str, since: str, until: str, days: int
) -> None:
    made = visits(11, count=150, first=since, days=days, zone=zone)
    write(asked, [*made, *visits(12, count=10, first="2026-06-01", days=1, zone=zone)], zone=zone)
    where, every = scope_of(since, until, zone=zone), Measured()
    whole = await asked.queries.performance(where, every)
    held(whole.totals, samples(made, lambda *_: "all")["all"])
    keys: dict[PerformanceField, Callable[[Visit, dict[str, Any]], Any]] = {
        PerformanceField.PAGE: lambda _, event: event["path"],
        PerformanceField.DEVICE_CLASS: lambda visit, _: visit.facts["device_class"],
        PerformanceField.COUNTRY: lambda visit, _: visit.facts["country"],
    }
    for field, key in keys.items():
        found = await asked.queries.performance(where, every, by=[field])
        wanted = samples(made, key)
        assert {row.dimensions[field] for row in found.rows} == wanted.keys()
        for row in found.rows:
            held(row.vitals, wanted[row.dimensions[field]])
        counts = [sum(spread.samples for spread in row.vitals.values()) for row in found.rows]
        assert counts == sorted(counts, reverse=True)
        assert sum(counts) == sum(spread.samples for spread in whole.totals.values())
    series = await asked.queries.performance(where, every, by=[PerformanceField.COUNTRY], interval=Step.DAY)
    by_day = samples(made, lambda visit, event: (day_of(event["at"], zone), visit.facts["country"]))
    assert {(row.at, row.dimensions[PerformanceField.COUNTRY]) for row in series.rows} == by_day.keys()
    assert [row.at for row in series.rows] == sorted(str(row.at) for row in series.rows)
    for row in series.rows:
        held(row.vitals, by_day[row.at, row.dimensions[PerformanceField.COUNTRY]])
    assert (await asked.queries.performance(where, Measured(filter=And(filters=[])))) == whole


async def test_by_connection_what_reports_say_of_it_is_told_apart(asked: Asked) -> None:
    kinds = ["4g", "3g", "4g", "slow-2g", None, "4g", "'; DROP", 5]
    reports = [
        {"path": "/a", "lcp_ms": 1000 * (place + 1), "properties": json.dumps({"connection": kind, "cls": 0})}
        for place, kind in enumerate(kinds)
    ]
    unsaid = {"path": "/a", "lcp_ms": 700, "properties": '{"cls": 0}'}
    asked.events(*({**VITALS, **row} for row in (*reports, unsaid)), {"path": "/a", "load_ms": 50})
    by = [PerformanceField.CONNECTION]
    found = await asked.queries.performance(scope(), Measured(), by=by)
    told = {row.dimensions[by[0]]: row.vitals for row in found.rows}
    assert {kind: vitals[Vital.LCP].samples for kind, vitals in told.items()} == {
        "4g": 3,
        "3g": 1,
        "slow-2g": 1,
        "'; DROP": 1,
        "5": 1,
        "": 1,
        "null": 1,
    }
    assert told["4g"][Vital.LCP].p50 == at_share([1000, 3000, 6000], 0.5, name="lcp")
    assert told[""][Vital.LOAD].samples == 1
    assert sum(vitals[Vital.CLS].samples for vitals in told.values()) == 9


async def test_bots_are_left_out_unless_asked_for_and_a_filter_leaves_what_passes(asked: Asked) -> None:
    asked.events(
        {**VITALS, "lcp_ms": 100, "country": "DE"},
        {**VITALS, "lcp_ms": 9000, "country": "US"},
        {**VITALS, "lcp_ms": 5, "is_bot": 1},
    )
    people = (await asked.queries.performance(scope(), Measured())).totals[Vital.LCP]
    assert (people.samples, people.p75, people.rating) == (2, 9000, Rating.POOR)
    every = await asked.queries.performance(scope(bots=Bots.INCLUDE), Measured())
    assert every.totals[Vital.LCP].samples == 3
    german = Measured(filter=Is(field="country", value="DE"))
    assert (await asked.queries.performance(scope(), german)).totals[Vital.LCP].p75 == 100


async def test_a_threshold_is_on_the_better_side_and_what_was_not_measured_is_not_there(asked: Asked) -> None:
    for vital, (good, poor) in THRESHOLDS.items():
        ratings = [rating(vital, value) for value in (0, good, good + 1, poor, poor + 1)]
        assert ratings == [
            Rating.GOOD,
            Rating.GOOD,
            Rating.NEEDS_IMPROVEMENT,
            Rating.NEEDS_IMPROVEMENT,
            Rating.POOR,
        ]
    assert rating(Vital.LOAD, 1) is None
    assert (await asked.queries.performance(scope(), Measured(), by=[PerformanceField.PAGE])).rows == []
    asked.events(
        *({**VITALS, "lcp_ms": value} for value in (2500, 2501, 4000, 4001)),
        {**VITALS, "properties": '{"cls":0}'},
        {**VITALS, "properties": '{"cls":null}'},
    )
    found = (await asked.queries.performance(scope(), Measured())).totals
    assert found.keys() == {Vital.LCP, Vital.CLS}
    assert (found[Vital.LCP].good, found[Vital.LCP].needs_improvement, found[Vital.LCP].poor) == (
        0.25,
        0.5,
        0.25,
    )
    assert (found[Vital.CLS].samples, found[Vital.CLS].p75, found[Vital.CLS].rating) == (1, 0, Rating.GOOD)


async def test_the_slowest_pages_have_enough_samples(asked: Asked) -> None:
    asked.events(
        *({**VITALS, "path": "/slow", "lcp_ms": 5000 + number} for number in range(4)),
        *({**VITALS, "path": "/fast", "lcp_ms": 100, "ttfb_ms": 900} for _ in range(9)),
        *({**VITALS, "path": "/rare", "lcp_ms": 30_000} for _ in range(3)),
    )
    enough = Measured(min_samples=4)
    found = await asked.queries.slow_pages(scope(), enough, vital=Vital.LCP)
    assert [(one.page, one.measured.samples, one.measured.p75) for one in found.pages] == [
        ("/slow", 4, 5003),
        ("/fast", 9, 100),
    ]
    found = await asked.queries.slow_pages(scope(), enough, vital=Vital.TTFB)
    assert [(one.page, one.measured.rating) for one in found.pages] == [("/fast", Rating.NEEDS_IMPROVEMENT)]
    assert len((await asked.queries.slow_pages(scope(), Measured(min_samples=1), vital=Vital.LCP)).pages) == 3


async def test_what_grew_against_as_many_days_before_is_a_regression(asked: Asked) -> None:
    def week(day: int, path: str, lcp_ms: int, *, count: int = 5) -> list[dict[str, Any]]:
        return [{**VITALS, "path": path, "lcp_ms": lcp_ms, "at": f"2026-03-{day:02}T12:00Z"}] * count

    shift = {**VITALS, "path": "/shift"}
    asked.events(
        *(row for path in ("/worse", "/equal", "/rare", "/ten") for row in week(8, path, 2000)),
        *week(7, "/equal", 10),
        *(
            *week(9, "/worse", 5000),
            *week(9, "/equal", 2000),
            *week(15, "/ten", 2200),
            *week(9, "/new", 9000),
        ),
        *(*week(9, "/rare", 9000, count=4), *week(16, "/ten", 9000)),
        *[{**shift, "properties": '{"cls":0}', "at": "2026-03-03T12:00Z"}] * 5,
        *[{**shift, "properties": '{"cls":0.3}', "cls_10000": 3000, "at": "2026-03-10T12:00Z"}] * 5,
    )
    now = scope(since="2026-03-09", until="2026-03-16")
    found = await asked.queries.regressions(now, Measured(min_samples=5), min_change_percent=10)
    assert (found.before_since.isoformat(), found.before_until.isoformat()) == ("2026-03-02", "2026-03-09")
    told = [(one.page, one.vital, one.p75_before, one.p75, one.change) for one in found.regressions]
    assert told == [("/shift", Vital.CLS, 0, 0.3, None), ("/worse", Vital.LCP, 2000, 5000, 1.5)]
    worse = found.regressions[1]
    assert (worse.rating_before, worse.rating) == (Rating.GOOD, Rating.POOR)
    assert (worse.samples_before, worse.samples) == (5, 5)
    found = await asked.queries.regressions(now, Measured(min_samples=4), min_change_percent=9)
    assert [one.page for one in found.regressions] == ["/shift", "/rare", "/worse", "/ten"]


@pytest.mark.parametrize("field", ["entry_path", "exit_path", "entry_host", "value) OR (1"])
async def test_what_events_do_not_carry_is_refused(asked: Asked, field: str) -> None:
    with pytest.raises(QueryError, match=r"of sessions|unknown field"):
        await asked.queries.performance(scope(), Measured(filter=Is(field=field, value="/")))
