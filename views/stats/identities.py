"""What has to hold between answers, whatever was stored: asked of one site over a period."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from views.params import Scope
from views.stats.model import (
    And,
    Asked,
    Contains,
    Filter,
    IsNot,
    Metric,
    Not,
    Or,
    Order,
    Stats,
    StatsRow,
    Step,
)

#: How far a sum of shares and amounts may be off for its rounding alone.
TOLERANCE = 1e-6
ROWS = 10_000
SUMS = [
    Metric.SESSIONS,
    Metric.PAGE_VIEWS,
    Metric.EVENTS,
    Metric.CONVERSIONS,
    Metric.CONVERTED_SESSIONS,
    Metric.REVENUE,
]
EVERY = [*Metric]
#: A session has one of each.
SINGLE_VALUED = ("channel", "device_class", "country", "entry_path", "exit_path")
#: Every session passes it, and no gold has the field.
OF_ROWS = IsNot(field="entry_path", value="\x01")
#: What everything passes. The last two make sessions be read, and events.
ALWAYS: dict[str, Filter] = {
    "all of nothing": And(filters=[]),
    "not any of nothing": Not(filter=Or(filters=[])),
    "channel is not an unknown one": IsNot(field="channel", value="\x01"),
    "entry page is not an unknown one": OF_ROWS,
    "path contains nothing": Contains(field="path", value=""),
}
#: The same question from gold, and of session rows.
LAYERED: dict[str, dict[str, Any]] = {
    "in all": {},
    "by day": {"interval": Step.DAY},
    "by channel and source": {"dimensions": ["channel", "source"]},
    "by device class and country": {"dimensions": ["device_class", "country"]},
    "by hour, of the last week": {"interval": Step.HOUR},
}

#: Gold knows quarters of an hour, and the day of a session is written beside it.
_OF_ANOTHER_ZONE = (
    "gold is asked for days of {zone}, silver keeps those of the site's time zone when the events came: "
    "where that was another, this is all that differs"
)
Ask = Callable[[Scope, Asked], Awaitable[Stats]]


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What has to hold, and what was found; ``difference`` is empty where it holds."""

    site_id: str
    identity: str
    difference: str = ""


async def identities(ask: Ask, scope: Scope) -> AsyncIterator[Identity]:
    """Each identity of a site and period, held or not."""
    for check in (_order, _sums, _always, _layers):
        async for name, difference in check(ask, scope):
            yield Identity(site_id=scope.site_id, identity=name, difference=difference)


async def _order(ask: Ask, scope: Scope) -> AsyncIterator[tuple[str, str]]:
    questions: dict[str, dict[str, Any]] = {
        "in all": {},
        "by day": {"interval": Step.DAY},
        "by page": {"dimensions": ["path"]},
        "by channel": {"dimensions": ["channel"]},
    }
    metrics = [Metric.VISITORS, Metric.SESSIONS, Metric.PAGE_VIEWS, Metric.EVENTS]
    for name, question in questions.items():
        found = await ask(scope, Asked(metrics=metrics, **question, limit=ROWS))
        wrong = [
            f"{_place(row)}: {row.metrics}"
            for row in (found.totals, *found.rows)
            if not row.metrics["visitors"] <= row.metrics["sessions"] <= row.metrics["events"]
            or row.metrics["page_views"] > row.metrics["events"]
        ]
        yield f"visitors <= sessions <= events, {name}", "; ".join(wrong[:3])


async def _sums(ask: Ask, scope: Scope) -> AsyncIterator[tuple[str, str]]:
    for name in SINGLE_VALUED:
        rows: list[StatsRow] = []
        asked = Asked(metrics=[*SUMS, Metric.VISITORS], dimensions=[name], limit=ROWS)
        while True:
            found = await ask(scope, asked)
            rows += found.rows
            if found.next_cursor is None:
                break
            asked = msgspec.structs.replace(asked, cursor=found.next_cursor)
        total = StatsRow(metrics={one: sum(row.metrics[one] for row in rows) for one in SUMS})
        yield f"by {name}, rows sum to the total", _unlike(total, found.totals, SUMS)
    found = await ask(scope, Asked(metrics=SUMS, interval=Step.DAY))
    total = StatsRow(metrics={one: sum(row.metrics[one] for row in found.rows) for one in SUMS})
    yield "by day, rows sum to the total", _unlike(total, found.totals, SUMS)


async def _always(ask: Ask, scope: Scope) -> AsyncIterator[tuple[str, str]]:
    plain = (await ask(scope, Asked(metrics=EVERY))).totals
    for name, always in ALWAYS.items():
        found = await ask(scope, Asked(metrics=EVERY, filter=always))
        yield f"filtered by what everything passes ({name}) = unfiltered", _unlike(found.totals, plain, EVERY)


async def _layers(ask: Ask, scope: Scope) -> AsyncIterator[tuple[str, str]]:
    of_any: list[Metric] = [one for one in EVERY if one != Metric.VISITORS]
    # By what sessions are of, none but silver has a median.
    of_sums: list[Metric] = [one for one in of_any if one != Metric.MEDIAN_SESSION_DURATION_S]
    since = max(scope.period.since, scope.period.until - timedelta(days=7))
    last_week = msgspec.structs.replace(scope, period=msgspec.structs.replace(scope.period, since=since))
    for name, question in LAYERED.items():
        figures = of_sums if "dimensions" in question else of_any
        about = last_week if question.get("interval") is Step.HOUR else scope
        order = Order(by=Metric.SESSIONS) if "dimensions" in question else None
        gold = await ask(about, Asked(metrics=figures, **question, order=order, limit=ROWS))
        silver = await ask(about, Asked(metrics=EVERY, **question, filter=OF_ROWS, order=order, limit=ROWS))
        wrong = [
            f"{_place(one)}: {difference}"
            for one, other in zip(gold.rows, silver.rows, strict=False)
            if (difference := _unlike(one, other, figures))
            or (one.at, one.dimensions) != (other.at, other.dimensions)
        ]
        if len(gold.rows) != len(silver.rows):
            wrong.insert(0, f"{len(gold.rows)} rows and {len(silver.rows)}")
        told = wrong[:3]
        if told and "interval" in question:
            told.append(_OF_ANOTHER_ZONE.format(zone=scope.period.zone.key))
        yield f"{gold.layer} = {silver.layer}, {name}", "; ".join(told)


def _unlike(one: StatsRow, other: StatsRow, metrics: Sequence[Metric]) -> str:
    found = [
        f"{name} {one.metrics[name]} and {other.metrics[name]}"
        for name in metrics
        if abs(one.metrics[name] - other.metrics[name]) > TOLERANCE * max(1.0, abs(other.metrics[name]))
    ]
    return ", ".join(found)


def _place(row: StatsRow) -> str:
    return " ".join([*([row.at] if row.at else []), *row.dimensions.values()]) or "in all"
