"""Gold of load times and web vitals says what events say: the same questions, asked of both."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from tests.answering import Asked, asked, engine, migrated, scope
from tests.page_traffic import scope_of, visits, write
from tests.sql.gold_asked import GOLD
from views.measures import GOLD as LAYER
from views.params import Bots, Scope
from views.performance.model import (
    THRESHOLDS,
    Measured,
    Performance,
    PerformanceField,
    Rating,
    Regressions,
    SlowPages,
    Vital,
    rating,
)
from views.performance.statements import SILVER
from views.stats.model import IsNot, Step

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

VITALS = {"event_type": "custom_event", "name": "$web_vitals"}
#: Every event passes it, which gold cannot know.
EVERYTHING = IsNot(field="path", value="nowhere")
STEPS = (None, Step.DAY, Step.WEEK, Step.MONTH)


def of_silver(measured: Measured) -> Measured:
    return msgspec.structs.replace(measured, filter=EVERYTHING)


def same(gold: Performance | SlowPages | Regressions, silver: Performance | SlowPages | Regressions) -> None:
    """All but the layer, where percentiles are exact: up to 5,670 samples."""
    assert (gold.layer, silver.layer) == (LAYER, SILVER)
    assert msgspec.structs.replace(gold, layer=SILVER) == silver


async def held_together(asked: Asked, where: Scope) -> None:
    """Each question that gold can answer, asked of silver too."""
    every, questions = Measured(limit=1000, min_samples=1), asked.queries
    for by in ([], *([field] for field in PerformanceField)):
        for interval in STEPS:
            gold = await questions.performance(where, every, by=by, interval=interval)
            same(gold, await questions.performance(where, of_silver(every), by=by, interval=interval))
            assert bool(gold.rows) is bool(by or interval)
    for few in (1, 7):
        enough = Measured(limit=1000, min_samples=few)
        for vital in Vital:
            same(
                await questions.slow_pages(where, enough, vital=vital),
                await questions.slow_pages(where, of_silver(enough), vital=vital),
            )
        for percent in (0, 20):
            gold = await questions.regressions(where, enough, min_change_percent=percent)
            silver = await questions.regressions(where, of_silver(enough), min_change_percent=percent)
            same(gold, silver)


@pytest.mark.parametrize(
    ("zone", "since", "until", "bots"),
    [
        ("America/New_York", "2026-10-28", "2026-11-10", Bots.EXCLUDE),
        ("Australia/Lord_Howe", "2026-03-30", "2026-04-13", Bots.INCLUDE),
        ("UTC", "2026-03-04", "2026-03-07", Bots.ONLY),
    ],
)
async def test_gold_answers_as_silver_does(
    asked: Asked, zone: str, since: str, until: str, bots: Bots
) -> None:
    """In weeks and parts of weeks; the days around the period are there too, and do not count."""
    begin = date.fromisoformat(since) - timedelta(days=16)
    days = (date.fromisoformat(until) - begin).days + 9
    made = visits(21, count=250, first=begin.isoformat(), days=days, zone=zone)
    # In two blocks that have days in common: what comes late finds rows of its day and its week.
    write(asked, made[::2], zone=zone)
    write(asked, made[1::2], zone=zone)
    where = scope_of(since, until, zone=zone)
    await held_together(asked, msgspec.structs.replace(where, bots=bots))


async def test_what_gold_cannot_tell_comes_from_silver(asked: Asked) -> None:
    asked.events({**VITALS, "lcp_ms": 100}, {"load_ms": 90})
    questions, every = asked.queries, Measured()
    two = [PerformanceField.PAGE, PerformanceField.COUNTRY]
    found = [
        await questions.performance(scope(), every, by=two),
        await questions.performance(scope(), every, interval=Step.HOUR),
        await questions.performance(scope(), of_silver(every)),
        await questions.slow_pages(scope(), of_silver(every), vital=Vital.LCP),
        await questions.regressions(scope(), of_silver(every), min_change_percent=10),
    ]
    assert {one.layer for one in found} == {SILVER}


async def test_the_migration_rates_by_the_thresholds_that_answers_rate_by(asked: Asked) -> None:
    """Each value beside a threshold is one page's, and its rating that of gold."""
    rows, wanted = [], defaultdict(lambda: [0, 0])
    for vital in Vital:
        for value in {beside for limit in THRESHOLDS.get(vital, (1,)) for beside in (limit, limit + 1)}:
            named = "cls_10000" if vital is Vital.CLS else f"{vital}_ms"
            told = {"properties": '{"cls":1}'} if vital is Vital.CLS else {}
            rows.append({**VITALS, **told, named: value, "path": f"/{vital}/{value}"})
            rated = rating(vital, value)
            wanted[vital, f"/{vital}/{value}"] = [rated is Rating.GOOD, rated is Rating.POOR]
    asked.events(*rows)
    found = asked.store.ask(
        "SELECT vital, value, sum(good), sum(poor) FROM {db}.vital_distributions "
        "WHERE attribute = 'page' AND span = 1 GROUP BY ALL"
    )
    assert {(vital, page): [good, poor] for vital, page, good, poor in found} == wanted


async def test_gold_has_what_the_view_of_measures_has(asked: Asked) -> None:
    """Of every kind of event, with and without a time, a shift and a connection."""
    kinds = (VITALS, {"event_type": "page_view"}, {"event_type": "click"}, {**VITALS, "name": "$page_leave"})
    said = ("{}", '{"cls":0}', '{"cls":null,"connection":"4g"}', '{"cls":0.2,"connection":5}', '{"cls":"x"}')
    timings = [{}, *({f"{vital}_ms": 7} for vital in Vital if vital is not Vital.CLS)]
    asked.events(
        *({**kind, **timing, "properties": text} for kind in kinds for timing in timings for text in said)
    )
    told = {vital: sum(1 for _ in group) for vital, group in _by_vital(kinds, timings, said).items()}
    view = "{db}.vitals(site = 'shop', since = '2026-03-01', until = '2026-04-01', bots = [0])"
    seen = dict(asked.store.ask(f"SELECT vital, count() FROM {view} GROUP BY vital"))
    assert seen == told
    attributes = ("", *PerformanceField)
    found = asked.store.ask(
        "SELECT attribute, span, vital, sum(rows), sum(samples) FROM {db}.vital_distributions GROUP BY ALL"
    )
    assert {(attribute, span, vital): [rows, samples] for attribute, span, vital, rows, samples in found} == {
        (attribute, span, vital): [count, count]
        for attribute in attributes
        for span in (1, 7)
        for vital, count in told.items()
    }


def _by_vital(kinds: Any, timings: Any, said: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for kind in (
        one for one in kinds if one.get("name") == "$web_vitals" or one["event_type"] == "page_view"
    ):
        for timing in timings:
            for text in said:
                for name in timing:
                    found[name.removesuffix("_ms")].append(text)
                if "name" in kind and json.loads(text).get("cls") is not None:
                    found["cls"].append(text)
    return found


async def test_beyond_what_is_exact_gold_is_within_16_ms(asked: Asked) -> None:
    """Of more than 5,670 samples over many blocks; shares and what lies below 1,024 ms stay exact."""
    values = [(number * 7919) % 6000 + 1 for number in range(9000)]
    for part in range(6):
        at = f"2026-03-{2 + 3 * part:02}T12:00Z"
        asked.events(
            *({**VITALS, "lcp_ms": value, "inp_ms": value % 900, "at": at} for value in values[part::6])
        )
    where = scope(since="2026-03-01", until="2026-04-01")
    gold = (await asked.queries.performance(where, Measured())).totals
    silver = (await asked.queries.performance(where, of_silver(Measured()))).totals
    assert gold[Vital.INP] == silver[Vital.INP]
    ordered = sorted(values)
    for name, share in (("p50", 0.5), ("p75", 0.75), ("p95", 0.95)):
        told = getattr(gold[Vital.LCP], name)
        assert told == pytest.approx(ordered[int(share * len(ordered))], abs=16), name
        assert told == pytest.approx(getattr(silver[Vital.LCP], name), abs=16), name
    for name in ("samples", "good", "needs_improvement", "poor", "rating"):
        assert getattr(gold[Vital.LCP], name) == getattr(silver[Vital.LCP], name)


async def test_the_order_of_arrival_and_the_cut_of_blocks_change_nothing(asked: Asked) -> None:
    made = visits(22, count=60, first="2026-03-02", days=9, zone="UTC")
    question = GOLD["vital_distributions"]
    keys = ", ".join(question.keys)
    figures = ", ".join(question.figures.values())
    sql = f"SELECT {keys}, {figures} FROM {{db}}.vital_distributions GROUP BY {keys} ORDER BY {keys}"
    write(asked, made, zone="UTC")
    whole = asked.store.ask(sql)
    asked.store.run("TRUNCATE TABLE {db}.vital_distributions")
    for visit in reversed(made):
        write(asked, [visit], zone="UTC")
    assert whole
    assert asked.store.ask(sql) == whole
