"""The statement that makes journeys of sessions and conversions: one row for each path. Pure.

Sessions and conversions are read once each and brought together by visitor, without a join.
"""

from __future__ import annotations

from datetime import timedelta

from app.core.attribution.models import Model
from app.errors import QueryError
from app.events.vocabulary import Channel
from views.attribution.model import DAY_MS, AttributionAsked
from views.counted_events import CONVERSIONS, Statement, counted
from views.living import number, standing
from views.params import FIRST_DAY, Scope
from views.stats import fields, filters
from views.stats.filters import Places

#: Different paths that an answer is made of; each is a row in memory.
MOST_PATHS = 50_000
_BEGAN = "site_id = {site:String} AND local_date >= {earliest:Date} AND local_date < {until:Date}"
#: What is gathered of a visit and of a conversion; and the rest, for a filter and for what did not convert.
_VISIT, _CONVERSION = "at, key, is_direct", "at, value, toUInt8(1)"
_MORE_OF_VISIT, _MORE_OF_CONVERSION = ", id, passes, is_in_period", ", id"
_LOST = (
    "arrayMap(v -> (v.1, toInt64(0), toUInt8(0), v.4), arrayFilter(v -> v.6 AND v.5, arraySlice(visits, -1)))"
)


def statement(asked: AttributionAsked, scope: Scope, *, cap_ms: int, database: str) -> Statement:
    """Columns are those of Journeys; a row has all journeys along the same keys.

    ``value`` is in 1/10,000, as text; ``decayed`` is what each touchpoint is given by TIME_DECAY, where that
    is asked for: its weights need the times that are gone from the row.
    """
    days = asked.look_back_days
    if asked.filter is not None:
        # The converting session has to be there, however long ago it began.
        days = max(days, cap_ms // DAY_MS + 1) if cap_ms else (scope.period.since - FIRST_DAY).days
    # Days are up to 25 hours long.
    room = min(timedelta(days=days + 2), scope.period.since - FIRST_DAY)
    places = Places(
        {
            **scope.by_day,
            "earliest": scope.period.since - room,
            "look_back": asked.look_back_days * DAY_MS,
            "half_life": asked.half_life_days * DAY_MS,
        }
    )
    goal = counted(asked.goal, places, database=database, unless_told=CONVERSIONS)
    converting = _conversions(asked, goal, database)
    if Model.DATA_DRIVEN in asked.models:
        visits, each = (
            _visits(asked, places, database, whose="1"),
            f"if(empty(converted), {_LOST}, converted)",
        )
    else:
        whose = f"visitor_hash IN ({_events('visitor_hash', goal, database)})"
        visits, each = _visits(asked, places, database, whose=whose), "converted"
    visit, conversion = _VISIT, _CONVERSION
    if asked.filter is not None or Model.DATA_DRIVEN in asked.models:
        visit, conversion = visit + _MORE_OF_VISIT, conversion + _MORE_OF_CONVERSION
    passing = "1" if asked.filter is None else "arrayExists(v -> v.4 = c.4 AND v.5, visits)"
    decayed = "CAST([], 'Array(Float64)')"
    if Model.TIME_DECAY in asked.models:
        decayed = "sumForEach(arrayMap(w -> w / arraySum(weights) * {0}, weights))"
    at_most = places.put(MOST_PATHS + 1, "UInt32")
    return Statement(
        sql=(
            "SELECT arrayMap(v -> v.2, led) AS keys, arrayMap(v -> v.3, led) AS directs, "  # noqa: S608
            "count() AS journeys, sum(c.3) AS conversions, toString(sum(toInt128(c.2))) AS value, "
            f"{decayed.format('c.3')} AS decayed, {decayed.format('c.2')} AS decayed_value "
            "FROM (SELECT c, arrayFilter(v -> v.1 <= c.1 AND v.1 >= c.1 - {look_back:Int64}, visits) AS led, "
            "arrayMap(v -> exp2((v.1 - led[-1].1) / {half_life:Int64}), led) AS weights "
            f"FROM (SELECT arraySort(groupArrayIf(({visit}), is_visit)) AS visits, "
            f"groupArrayIf(({conversion}), NOT is_visit) AS converted, "
            f"arrayJoin({each}) AS c FROM ({visits} UNION ALL {converting}) GROUP BY visitor) "
            f"WHERE {passing}) GROUP BY keys, directs LIMIT {at_most}"
        ),
        bound=places.bound,
    )


def _events(columns: str, goal: str, database: str) -> str:
    """SQL: columns of the events that are conversions."""
    return (
        f"SELECT {columns} FROM {database}.user_behavior_silver "  # noqa: S608
        "WHERE site_id = {site:String} AND local_date >= {since:Date} AND local_date < {until:Date} "
        f"AND has({{bots:Array(UInt8)}}, is_bot) AND {goal}"
    )


def _conversions(asked: AttributionAsked, goal: str, database: str) -> str:
    """SQL: conversions where they happened, under the session that they are of in the end.

    Which that is, is read for a filter of sessions alone.
    """
    session = "toUInt64(0)" if asked.filter is None else number(database=database)
    columns = (
        "visitor_hash AS visitor, toUInt8(0) AS is_visit, toUnixTimestamp64Milli(event_at) AS at, "
        f"{session} AS id, "
        "'' AS key, toUInt8(0) AS is_direct, toUInt8(0) AS passes, toUInt8(0) AS is_in_period, "
        "toInt64(toDecimal128(revenue, 4) * 10000) AS value"
    )
    return _events(columns, goal, database)


def _visits(asked: AttributionAsked, places: Places, database: str, *, whose: str) -> str:
    """SQL: living sessions, each as a touchpoint."""
    named = {fields.field(part.field) for part in filters.parts(asked.filter)}
    if refused := [one.name for one in named if one.is_of_events]:
        raise QueryError(
            f"filter: {min(refused)[:64]!r} is of events; expected one of sessions, "
            "such as country, or the condition in the goal"
        )
    passes = filters.condition(asked.filter, places, database=database)
    session = "toUInt64(0)" if asked.filter is None else "session_hash"
    direct = places.put(Channel.DIRECT.value, "String")
    return (
        "SELECT visitor_hash AS visitor, toUInt8(1) AS is_visit, "  # noqa: S608
        f"toUnixTimestamp64Milli(started_at) AS at, {session} AS id, "
        f"toString({asked.by.value}) AS key, toUInt8(channel = {direct}) AS is_direct, "
        f"toUInt8({passes}) AS passes, toUInt8(local_date >= {{since:Date}}) AS is_in_period, "
        f"toInt64(0) AS value FROM {database}.sessions_silver WHERE {_BEGAN} AND {whose} "
        f"AND has({{bots:Array(UInt8)}}, is_bot) AND {standing(_BEGAN, database=database)}"
    )
