"""The headline metrics of what passes a filter, and beside those of another period."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from views.answers import ChannelRow, DeviceClassRow, Overview
from views.params import Scope
from views.reading import about
from views.stats.answer import before_of, change_of
from views.stats.model import (
    MAX_ROWS,
    Asked,
    Compare,
    CompareDays,
    Filter,
    Metric,
    Order,
    Stats,
)

#: Of the whole, and of each channel and class of device: fields of the answers have the metrics' names.
FIGURES = [
    Metric.VISITORS,
    Metric.PAGE_VIEWS,
    Metric.SESSIONS,
    Metric.BOUNCE_RATE,
    Metric.SESSION_DURATION_S,
    Metric.MEDIAN_SESSION_DURATION_S,
    Metric.CONVERSION_RATE,
    Metric.EVENTS,
    Metric.CONVERSIONS,
    Metric.REVENUE,
]
_OF_A_ROW: list[Metric] = [
    one for one in FIGURES if one not in (Metric.EVENTS, Metric.MEDIAN_SESSION_DURATION_S)
]


class OverviewAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What passes ``filter``, beside the same of another period."""

    filter: Filter | None = None
    compare: Compare | CompareDays | None = None


async def overview(
    scope: Scope,
    asked: OverviewAsked,
    *,
    of_all: Callable[[Scope], Awaitable[Overview]],
    stats: Callable[[Scope, Asked], Awaitable[Stats]],
) -> Overview:
    """The answer: of everything as ``of_all`` has it; with a filter as the query model counts.

    Raises QueryError for an unknown field, and where there are no days to compare with.
    """

    async def found(of: Scope) -> Overview:
        return await of_all(of) if asked.filter is None else await _passing(of, asked.filter, stats)

    if asked.compare is None:
        return await found(scope)
    earlier = msgspec.structs.replace(scope, period=before_of(scope.period, asked.compare))
    now, before = await asyncio.gather(found(scope), found(earlier))
    figures = {one.value: getattr(before, one) for one in FIGURES}
    change = change_of({one.value: getattr(now, one) for one in FIGURES}, figures)
    return msgspec.structs.replace(now, before=figures, change=change)


async def _passing(
    scope: Scope, asked: Filter, stats: Callable[[Scope, Asked], Awaitable[Stats]]
) -> Overview:
    def by(dimension: str) -> Awaitable[Stats]:
        order = Order(by=Metric.SESSIONS)
        question = Asked(metrics=_OF_A_ROW, dimensions=[dimension], filter=asked, order=order, limit=MAX_ROWS)
        return stats(scope, question)

    whole, channels, devices = await asyncio.gather(
        stats(scope, Asked(metrics=FIGURES, filter=asked)), by("channel"), by("device_class")
    )
    figures: dict[str, Any] = dict(whole.totals.metrics)
    return Overview(
        **about(scope, layer=whole.layer),
        **figures,
        sources=[msgspec.convert({**row.dimensions, **row.metrics}, ChannelRow) for row in channels.rows],
        devices=[msgspec.convert({**row.dimensions, **row.metrics}, DeviceClassRow) for row in devices.rows],
    )
