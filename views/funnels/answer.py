"""A funnel -> who got how far, how fast, and what for; by a field, and over time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.errors import QueryError
from views import living
from views.figures import ratio
from views.funnels.currencies import KnownCurrencies, Worths
from views.funnels.model import FunnelAsked, FunnelConversion, FunnelDefinition, FunnelPart, FunnelStepRow
from views.funnels.walks import statement
from views.known_pages import KnownPages, by_known_pages
from views.matching import expressions, refuse_bad_expressions
from views.params import Scope
from views.reading import Reader, Row, about
from views.stats.answer import intervals


async def funnel_conversion(
    reader: Reader,
    scope: Scope,
    *,
    funnel_id: str,
    definition: FunnelDefinition,
    asked: FunnelAsked,
    currencies: KnownCurrencies,
    cap_ms: int,
) -> FunnelConversion:
    """Who reached each step. Of events as such: each counts on its own day, also in a session begun before.

    ``cap_ms``: how long a session can be, 0 for no bound. Raises QueryError for what cannot be asked.
    """
    if asked.interval is not None and not asked.interval.is_of_days:
        raise QueryError(f"interval = {asked.interval}: expected day, week or month")
    await refuse_bad_expressions(reader, expressions(asked.filter))

    async def ask(worths: Worths, pages: KnownPages | None) -> list[Row]:
        made = statement(
            definition,
            asked,
            scope,
            database=reader.database,
            first_day=living.first_day(scope.period.since, cap_ms=cap_ms),
            rates=worths,
            known=pages,
        )
        return await reader.ask(made.sql, made.bound)

    async def walks(worths: Worths) -> list[Row]:
        return await by_known_pages(lambda pages: ask(worths, pages))

    guess = currencies.guess(scope)
    if guess is None:
        given = await currencies.given(scope)
        rows = await walks(given.worths)
    else:
        # Beside each other: the engine thinks about walks for a while before it reads.
        given, rows = await asyncio.gather(currencies.given(scope), walks(guess.worths))
        if not given.holds(guess):
            rows = await walks(given.worths)
    total = _part(definition, next((row for row in rows if not row["part"]), None))
    return FunnelConversion(
        **about(scope, layer="silver"),
        funnel_id=funnel_id,
        title=definition.title,
        mode=definition.mode,
        per=definition.per,
        window_ms=definition.window_ms,
        conversion=total.conversion,
        median_time_to_convert_s=total.median_time_to_convert_s,
        mean_time_to_convert_s=total.mean_time_to_convert_s,
        currency=given.currency,
        currencies_left_out=given.left_out,
        steps=total.steps,
        breakdown=[_part(definition, row) for row in rows if row["part"] == "value"],
        trend=_trend(definition, asked, scope, [row for row in rows if row["part"] == "at"]),
    )


def steps(titles: Sequence[str], row: Mapping[str, Sequence[Any]]) -> list[FunnelStepRow]:
    """The steps of a funnel. ``row``: per step how many came to it or beyond, and the other figures; those of
    times end where nobody came further."""
    reached = row["reached"]
    return [
        FunnelStepRow(
            title=title,
            visitors=count,
            conversion=ratio(count, reached[max(0, step - 1)]),
            overall=ratio(count, reached[0]),
            drop_off=reached[max(0, step - 1)] - count,
            taken=row["taken"][step],
            median_s=_seconds(row["gap_medians"], step),
            mean_s=_seconds(row["gap_means"], step),
            median_from_first_s=_seconds(row["span_medians"], step),
            mean_from_first_s=_seconds(row["span_means"], step),
            revenue=float(row["revenue"][step]) if step < len(row["revenue"]) else 0.0,
        )
        for step, (title, count) in enumerate(zip(titles, reached, strict=True))
    ]


def _part(definition: FunnelDefinition, row: Row | None, *, value: str = "") -> FunnelPart:
    titles = [step.title for step in definition.steps]
    nobody = [0] * len(titles)
    of_nobody = {"reached": nobody, "taken": nobody, "gap_medians": [], "gap_means": [], "revenue": []}
    found = steps(titles, row or {**of_nobody, "span_medians": [], "span_means": []})
    return FunnelPart(
        value=row["value"] if row else value,
        conversion=found[-1].overall,
        median_time_to_convert_s=found[-1].median_from_first_s,
        mean_time_to_convert_s=found[-1].mean_from_first_s,
        steps=found,
    )


def _trend(
    definition: FunnelDefinition, asked: FunnelAsked, scope: Scope, rows: Iterable[Row]
) -> list[FunnelPart]:
    """Every interval of the period, also those in which nobody began."""
    if asked.interval is None:
        return []
    known = {row["value"]: row for row in rows}
    every = intervals(scope.period, asked.interval)
    return [_part(definition, known.get(at), value=at) for at in every]


def _seconds(times: Sequence[float], step: int) -> float | None:
    return times[step] / 1000 if 0 < step < len(times) else None
