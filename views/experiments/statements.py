"""The statements: exposures by visitor, and sums of what visitors did from the first one on. Pure."""

from __future__ import annotations

from datetime import timedelta

from app.events.vocabulary import ReservedName
from views import living
from views.counted_events import (
    CONVERSIONS,
    EVERY,
    Statement,
    counted,
    text_property,
)
from views.experiments.model import MOST_EXPERIMENTS, Amount, ConversionRate, Mean, Ratio, ResultsAsked
from views.params import FIRST_DAY, Scope
from views.stats.filters import Places

_DAY_MS = 86_400_000
#: Amounts of one event as whole numbers, so that sums of squares stay exact; sessions count by their id.
_OF_EVENT = {
    Amount.REVENUE: "toInt128(toDecimal128(revenue, 4) * 10000)",
    Amount.EVENTS: "toInt128(1)",
    Amount.PAGE_VIEWS: "toInt128(event_type = 'page_view')",
    Amount.CONVERSIONS: f"toInt128({CONVERSIONS})",
    Amount.ENGAGED_S: "toInt128(engaged_ms)",
    Amount.SESSIONS: "toInt128(0)",
}
#: What such a number is to be divided by.
SCALES = {Amount.REVENUE: 10_000, Amount.ENGAGED_S: 1000}
_AFTER = "e.at >= s.exposed_at"


def results_statement(asked: ResultsAsked, scope: Scope, *, most: int, database: str) -> Statement:
    """Columns: ``variant``, ``is_mixed``, ``users``, ``converted``, and sums over users: y, yy, x, xx, xy.

    y is the metric (the numerator of a ratio) from the exposure on; x the denominator, or y from before it.
    Sums are text, as they are too long for a column of numbers. At most ``most`` variants and one row more.
    """
    days = asked.cuped_days if isinstance(asked.metric, Mean) else 0
    # A day is up to 25 hours long.
    room = min(timedelta(days=days + 2 if days else 0), scope.period.since - FIRST_DAY)
    places = Places({**scope.by_day, "earliest": scope.period.since - room, "before": days * _DAY_MS})
    did, base = _figures(asked)
    events = _events(asked, places, database)
    exposed = (
        "SELECT q.visitor_id AS visitor_id, any(q.variant) AS shown, "  # noqa: S608
        "min(q.variant) != max(q.variant) AS is_mixed, "
        "min(toUnixTimestamp64Milli(q.event_at)) AS exposed_at "
        f"FROM ({_exposures(places, database)}) AS q "
        f"WHERE q.experiment = {places.put(asked.experiment, 'String')} GROUP BY q.visitor_id"
    )
    return Statement(
        sql=(
            "SELECT if(u.is_mixed, '', u.shown) AS variant, u.is_mixed AS is_mixed, count() AS users, "  # noqa: S608
            "countIf(u.did > 0) AS converted, toString(sum(u.did)) AS y, "
            "toString(sum(u.did * u.did)) AS yy, toString(sum(u.base)) AS x, "
            "toString(sum(u.base * u.base)) AS xx, toString(sum(u.base * u.did)) AS xy "
            "FROM (SELECT e.visitor_id AS visitor_id, any(s.shown) AS shown, any(s.is_mixed) AS is_mixed, "
            f"toInt256({did}) AS did, toInt256({base}) AS base "
            f"FROM ({events}) AS e INNER JOIN ({exposed}) AS s ON s.visitor_id = e.visitor_id "
            "WHERE e.at >= s.exposed_at - {before:Int64} GROUP BY e.visitor_id) AS u "
            "GROUP BY variant, is_mixed ORDER BY is_mixed DESC, users DESC, variant "
            f"LIMIT {places.put(most + 2, 'UInt32')}"
        ),
        bound=places.bound,
    )


def seen_statement(scope: Scope, *, database: str) -> Statement:
    """Columns as in ExperimentSeen; ``variants`` as pairs of a name and visitors."""
    places = Places(dict(scope.by_day))
    by_visitor = (
        "SELECT q.experiment AS experiment, q.visitor_id AS visitor_id, "  # noqa: S608
        "min(q.variant) != max(q.variant) AS is_mixed, if(is_mixed, '', any(q.variant)) AS shown, "
        "count() AS exposures, min(q.event_at) AS first_at, max(q.event_at) AS last_at "
        f"FROM ({_exposures(places, database)}) AS q GROUP BY q.experiment, q.visitor_id"
    )
    by_variant = (
        "SELECT v.experiment AS experiment, v.is_mixed AS is_mixed, v.shown AS shown, count() AS visitors, "  # noqa: S608
        "sum(v.exposures) AS exposures, min(v.first_at) AS first_at, max(v.last_at) AS last_at "
        f"FROM ({by_visitor}) AS v GROUP BY v.experiment, v.is_mixed, v.shown"
    )
    return Statement(
        sql=(
            "SELECT g.experiment AS experiment, sum(g.visitors) AS visitors, "  # noqa: S608
            "sumIf(g.visitors, g.is_mixed) AS mixed_visitors, sum(g.exposures) AS exposures, "
            f"{_moment('min(g.first_at)')} AS first_exposed_at, "
            f"{_moment('max(g.last_at)')} AS last_exposed_at, "
            "arraySort(groupArrayIf((g.shown, g.visitors), NOT g.is_mixed)) AS variants "
            f"FROM ({by_variant}) AS g GROUP BY g.experiment "
            f"ORDER BY max(g.last_at) DESC, experiment LIMIT {places.put(MOST_EXPERIMENTS, 'UInt32')}"
        ),
        bound=places.bound,
    )


def _exposures(places: Places, database: str) -> str:
    """SQL: exposures of the period that say of which experiment and variant they are."""
    name = places.put(ReservedName.EXPOSURE.value, "String")
    return (
        f"SELECT visitor_id, event_at, {text_property('experiment', places)} AS experiment, "  # noqa: S608
        f"{text_property('variant', places)} AS variant FROM {database}.user_behavior_silver "
        "WHERE site_id = {site:String} AND local_date >= {since:Date} AND local_date < {until:Date} "
        f"AND has({{bots:Array(UInt8)}}, is_bot) AND name = {name} AND experiment != '' AND variant != ''"
    )


def _figures(asked: ResultsAsked) -> tuple[str, str]:
    """SQL over the events of one visitor: the metric from the exposure on, and what it is set against."""
    match asked.metric:
        case Mean(of=of):
            return _sum(of, "amount", f"e.counts AND {_AFTER}"), _sum(
                of, "amount", f"e.counts AND NOT {_AFTER}"
            )
        case Ratio(of=of, per=per):
            return _sum(of, "amount", f"e.counts AND {_AFTER}"), _sum(per, "other", _AFTER)
        case _:
            return f"max(e.counts AND {_AFTER})", "0"


def _sum(of: Amount, column: str, which: str) -> str:
    if of is Amount.SESSIONS:
        return f"uniqExactIf(e.session, {which})"
    return f"sumIf(e.{column}, {which})"


def _events(asked: ResultsAsked, places: Places, database: str) -> str:
    """SQL: the events of the site: whose, when, whether they count, of how much, and of which session."""
    metric = asked.metric
    of, usual = (Amount.CONVERSIONS if isinstance(metric, ConversionRate) else metric.of), EVERY
    if of is Amount.CONVERSIONS:
        # The goal says which events they are: each is one.
        of, usual = Amount.EVENTS, CONVERSIONS
    goal = counted(metric.goal, places, database=database, unless_told=usual)
    per = metric.per if isinstance(metric, Ratio) else None
    # Each user has an exposure at least; of the rest, what adds nothing need not be brought together.
    matters = [f"name = {places.put(ReservedName.EXPOSURE.value, 'String')}"]
    matters.append("counts" if of is Amount.SESSIONS else "(counts AND amount != 0)")
    if per is not None:
        matters.append(EVERY if per is Amount.SESSIONS else "other != 0")
    # Which session an event lives in is looked up where sessions are counted.
    session = living.number(database=database) if Amount.SESSIONS in (of, per) else "0"
    return (
        f"SELECT visitor_id, {session} AS session, toUnixTimestamp64Milli(event_at) AS at, "  # noqa: S608
        f"{goal} AS counts, {_OF_EVENT[of]} AS amount, "
        f"{_OF_EVENT[per or Amount.SESSIONS]} AS other "
        f"FROM {database}.user_behavior_silver WHERE site_id = {{site:String}} "
        "AND local_date >= {earliest:Date} AND local_date < {until:Date} "
        f"AND has({{bots:Array(UInt8)}}, is_bot) AND ({' OR '.join(matters)})"
    )


def _moment(at: str) -> str:
    return f"formatDateTime({at}, '%Y-%m-%dT%H:%i:%SZ', 'UTC')"
