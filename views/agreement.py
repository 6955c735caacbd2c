"""What has to hold of attribution and funnels, whatever was stored: asked of one site over a period."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

import msgspec

from app.core.attribution.models import Model
from views.analyses import Analyses
from views.attribution.model import Attribution, AttributionAsked
from views.counted_events import Goal
from views.figures import page_pattern
from views.funnels.model import ALL_WALKS, FUNNEL, FunnelConversion, FunnelDefinition, FunnelStep
from views.goals import GOAL
from views.matching import EventPattern
from views.params import Scope
from views.stats.identities import ROWS, TOLERANCE, Identity
from views.stats.model import And, Asked, Filter, Is, Matches, Metric

#: Paths to conversions are kept in memory, so that attribution is asked of no more days.
DAYS = 30
#: Visitors with one conversion, whose weights are looked at one by one.
SOME_VISITORS = 3
#: Pages of the funnel that is asked where none is stored.
SOME_PAGES = 3
_VIEWS = Is(field="event_type", value="page_view")


async def analyses_agree(queries: Analyses, scope: Scope) -> AsyncIterator[Identity]:
    """Each identity of a site and period, held or not.

    Of every goal that is stored; without one, of what the site counts as conversion; without any, of views of
    its most viewed page. Of every funnel; where the site has none of its own, of a walk over those pages too.
    """
    pages = await _most_viewed(queries, scope)
    for check in (_credits, _steps):
        async for name, difference in check(queries, scope, pages):
            yield Identity(site_id=scope.site_id, identity=name, difference=difference)


async def _credits(queries: Analyses, scope: Scope, pages: list[str]) -> AsyncIterator[tuple[str, str]]:
    since = max(scope.period.since, scope.period.until - timedelta(days=DAYS))
    recent = msgspec.structs.replace(scope, period=msgspec.structs.replace(scope.period, since=since))
    for name, goal in (await _goals(queries, recent, pages)).items():
        found = await queries.attribution(recent, AttributionAsked(goal=goal))
        yield f"{name}: every model gives as much as there was", _unlike(found)
        wrong = []
        for visitor in await _once(queries, recent, goal):
            one = AttributionAsked(goal=goal, filter=Is(field="visitor_id", value=visitor))
            if difference := _unlike(await queries.attribution(recent, one)):
                wrong.append(f"{visitor}: {difference}")
        yield f"{name}: weights of one conversion sum to 1", "; ".join(wrong)


async def _steps(queries: Analyses, scope: Scope, pages: list[str]) -> AsyncIterator[tuple[str, str]]:
    stored = await queries.definitions.listed(FUNNEL, site_id=scope.site_id)
    for name in [one.id for one in stored]:
        yield _no_step_gains(name, await queries.funnel(scope, funnel_id=name))
    if not any(one.version for one in stored) and len(pages) > 1:
        walk = FunnelDefinition(title="pages", steps=[FunnelStep(title=page, page=page) for page in pages])
        found = await queries.funnel_of(scope, definition=walk, funnel_id="pages", asked=ALL_WALKS)
        yield _no_step_gains("of the most viewed pages", found)


def _no_step_gains(name: str, found: FunnelConversion) -> tuple[str, str]:
    reached = [step.visitors for step in found.steps]
    wrong = reached if reached != sorted(reached, reverse=True) else ""
    return f"funnel {name}: step n + 1 <= step n", str(wrong)


async def _goals(queries: Analyses, scope: Scope, pages: list[str]) -> Mapping[str, Goal]:
    """What is attributed, by the name that it is shown under."""
    stored = await queries.definitions.listed(GOAL, site_id=scope.site_id)
    goals = {f"goal {one.id}": _goal(one.definition) for one in stored if one.definition}
    if goals:
        return goals
    found = await queries.stats(scope, Asked(metrics=[Metric.CONVERSIONS]))
    if found.totals.metrics[Metric.CONVERSIONS]:
        return {"conversions": Goal()}
    return {f"views of {page}": _goal(EventPattern(page=page)) for page in pages[:1]}


def _goal(of: EventPattern) -> Goal:
    """The same events, told by name and filter alone."""
    parts: list[Filter] = [of.filter] if of.filter else []
    if "*" in of.page or of.page_matches:
        expression = page_pattern(of.page) if of.page else of.page_matches
        parts += [_VIEWS, Matches(field="path", value=expression)]
    elif of.page:
        parts += [_VIEWS, Is(field="path", value=of.page)]
    return Goal(event=of.event or None, filter=And(filters=parts))


async def _once(queries: Analyses, scope: Scope, goal: Goal) -> list[str]:
    """Some visitors who converted once."""
    metric, passing = Metric.CONVERSIONS, None
    if not goal.is_any:
        named: list[Filter] = [Is(field="name", value=goal.event)] if goal.event else []
        metric, passing = Metric.EVENTS, And(filters=[*named, *([goal.filter] if goal.filter else [])])
    found = await queries.stats(
        scope, Asked(metrics=[metric], dimensions=["visitor_id"], filter=passing, limit=ROWS)
    )
    once = [row.dimensions["visitor_id"] for row in found.rows if row.metrics[metric] == 1]
    return once[:SOME_VISITORS]


async def _most_viewed(queries: Analyses, scope: Scope) -> list[str]:
    asked = Asked(metrics=[Metric.PAGE_VIEWS], dimensions=["path"], filter=_VIEWS, limit=SOME_PAGES)
    found = await queries.stats(scope, asked)
    return [path for row in found.rows if (path := row.dimensions["path"])]


def _unlike(found: Attribution) -> str:
    wrong = []
    for model in Model:
        given = [row.models[model] for row in found.rows]
        conversions, revenue = sum(one.conversions for one in given), sum(one.revenue for one in given)
        for name, one, other in (
            ("conversions", conversions, found.conversions),
            ("revenue", revenue, found.revenue),
        ):
            if abs(one - other) > TOLERANCE * max(1.0, abs(other)):
                wrong.append(f"{model} gives {name} {one}, there were {other}")
    return ", ".join(wrong)
