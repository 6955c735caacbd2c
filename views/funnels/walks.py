"""A funnel and a scope -> the statement that walks everybody through it once, and sums up the walks. Pure.

Each visitor's (or session's) events that matter become one array in the order of time, and a fold over it
keeps the walks that can still go on. So no event is joined with another, and an event takes one step of a
walk.

An event in the array is one number, so that sorting is cheap: at in ms << 84 | arrival << 40 | steps as
bits << 20 | ended walks as bits; beside it, where they are asked for, its amount, value and day. A step that
was taken is at << 19 | place in the array << 5 | step: so steps compare by time, and name their event.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from app.errors import QueryError
from app.events.vocabulary import EventType, ReservedName
from views import living, matching
from views.funnels.model import FunnelAsked, FunnelDefinition, Mode, Per
from views.params import Scope
from views.stats import fields, filters
from views.stats.filters import Places
from views.stats.model import And

#: Of a walker's events that are steps, exclusions or carry revenue, so many are walked: the earliest.
MAX_EVENTS = 10_000
#: Nobody does these: in strict mode they may come between steps.
UNDONE = (
    ReservedName.PAGE_LEAVE,
    ReservedName.WEB_VITALS,
    ReservedName.EXPOSURE,
    ReservedName.IDENTIFY,
    ReservedName.ALIAS,
)
_ALL, _VALUE, _AT = "", "value", "at"
#: Where the parts of an event's number begin, and the bits of its steps, or of the walks that it ends.
_TIME_AT, _ARRIVAL_AT, _STEPS_AT = 84, 40, 20
_LOW = (1 << 20) - 1
_NO_WALK = "CAST([], 'Array(Int64)')"
_NO_AMOUNTS = "CAST([], 'Array(Float64)')"

#: What goes on in ordered and in strict mode. acc.1: per step, the walk that has come to it and began latest.
_IN_ORDER = """
arrayFold(
    (acc, x) -> (
        arrayMap(
            (walk, before, n) -> multiIf(
                bitTest(x.3, n - 1)
                    AND (n = 1 OR (notEmpty(before) AND bitShiftRight(before[1], 19) >= x.1 - {window})),
                arrayPushBack(before, x.2 + n),
                {ends},
                {none},
                walk
            ),
            acc.1, arrayPushFront(arrayPopBack(acc.1), {none}), {steps}
        ) AS walks,
        if(
            (arrayMax(arrayMap(w -> if(notEmpty(w) AND w[-1] > x.2, length(w), 0), walks)) AS longest)
                > length(acc.2),
            walks[longest], acc.2
        )
    ),
    {events},
    (arrayMap(n -> {none}, {steps}), {none})
).2
"""
#: In any order. acc.1: per step, when it was taken last. Of the steps that an event is, it takes the one that
#: was taken longest ago, the earlier of two that never were.
_ANY_ORDER = """
arrayFold(
    (acc, x) -> (
        arrayMap(
            (last, n) -> if(
                n = arraySort(
                    m -> (if(x.4 = 0, acc.1[m], 0), m), arrayFilter(m -> bitTest(x.3, m - 1), {steps})
                )[1],
                x.2 + n, if(x.4 = 0, last, 0)
            ),
            acc.1, {steps}
        ) AS lasts,
        if(
            length(
                arrayFilter(last -> last != 0 AND bitShiftRight(last, 19) >= x.1 - {window}, lasts) AS alive
            ) > length(acc.2),
            arraySort(alive), acc.2
        )
    ),
    {events},
    (arrayMap(n -> toInt64(0), {steps}), {none})
).2
"""


class Walked(msgspec.Struct, frozen=True, kw_only=True):
    """The statement and what it binds. A row for all walks (``part`` empty), each value and each interval."""

    sql: str
    bound: dict[str, Any]


def statement(
    definition: FunnelDefinition,
    asked: FunnelAsked,
    scope: Scope,
    *,
    database: str,
    first_day: date,
    rates: Mapping[str, float],
) -> Walked:
    """The statement of a funnel.

    ``first_day``: none of the period's events is of a session that began before it. ``rates``:
    ``EUR 2026-03-31`` -> what one unit is worth; what is not in it is worth nothing here.
    """
    places = Places({**scope.by_day, "sessions_since": first_day})
    count = len(definition.steps)
    walkers = _walkers(definition, asked, places, database=database, rates=rates)
    window = places.put(definition.window_ms, "Int64")
    parts = [f"('{_ALL}', '')"]
    if asked.breakdown is not None:
        parts.append(f"('{_VALUE}', first.3)")
    if asked.interval is not None:
        at = fields.bucket(asked.interval, at="", day="first.4", zone="")
        parts.append(f"('{_AT}', {at})")
    most = places.put(asked.limit, "UInt32")
    sql = (
        "SELECT * FROM (SELECT told.1 AS part, told.2 AS value, "  # noqa: S608
        f"[{', '.join(f'countIf(length(walk) >= {n})' for n in range(1, count + 1))}] AS reached, "
        f"{_taken(definition)} AS taken, "
        "quantileExactInclusiveForEachIf(0.5)(gaps, length(walk) > 1) AS gap_medians, "
        "avgForEachIf(gaps, length(walk) > 1) AS gap_means, "
        "quantileExactInclusiveForEachIf(0.5)(spans, length(walk) > 1) AS span_medians, "
        "avgForEachIf(spans, length(walk) > 1) AS span_means, "
        f"{_revenue(window) if rates else _NO_AMOUNTS} AS revenue, "
        "row_number() OVER (PARTITION BY part ORDER BY reached[1] DESC, value) AS place FROM ("
        "SELECT events, walk, arrayMap(t -> bitShiftRight(t, 19), walk) AS times, "
        "arrayDifference(times) AS gaps, arrayMap(t -> t - times[1], times) AS spans, "
        "events[bitAnd(bitShiftRight(walk[1], 5), 16383)] AS first, "
        f"arrayJoin([{', '.join(parts)}]) AS told FROM ("
        f"SELECT events, {_walk(definition, window)} AS walk FROM ({walkers})) WHERE notEmpty(walk)) "
        f"GROUP BY told) WHERE part != '{_VALUE}' OR place <= {most} ORDER BY part, place"
    )
    return Walked(sql=sql, bound=places.bound)


def _walk(definition: FunnelDefinition, window: str) -> str:
    """SQL: the steps that were taken; only who can come to a second step is walked over the events."""
    is_any = definition.mode is Mode.UNORDERED
    bits = (_LOW if is_any else 1) << _STEPS_AT
    # The first event that is a step takes the lowest of its steps.
    step = f"toUInt32(bitAnd(bitShiftRight(codes[start], {_STEPS_AT}), {_LOW}))" if is_any else "toUInt32(1)"
    first = (
        f"bitShiftLeft(toInt64(bitShiftRight(codes[start], {_TIME_AT})), 19) "
        f"+ bitShiftLeft(toInt64(start), 5) + toInt64(bitCount(bitXor({step}, {step} - 1)))"
    )
    events = (
        f"arrayMap((code, place) -> (toInt64(bitShiftRight(code, {_TIME_AT})) AS at, "
        f"bitShiftLeft(at, 19) + bitShiftLeft(toInt64(place), 5), "
        f"toUInt32(bitAnd(bitShiftRight(code, {_STEPS_AT}), {_LOW})), toUInt32(bitAnd(code, {_LOW}))), "
        "walked, arrayEnumerate(walked))"
    )
    fold = (_ANY_ORDER if is_any else _IN_ORDER).format(
        window=window,
        ends="1" if definition.mode is Mode.STRICT else "bitTest(x.4, n - 1)",
        steps=f"range(1, {len(definition.steps) + 1})",
        events=events,
        none=_NO_WALK,
    )
    start = f"arrayFirstIndex(code -> bitAnd(code, toUInt128({bits})) != 0, codes)"
    return f"if(goes_on, {fold}, if(({start} AS start) = 0, {_NO_WALK}, [{first}]))"


def _taken(definition: FunnelDefinition) -> str:
    """SQL: how many took each step."""
    if definition.mode is not Mode.UNORDERED:
        return "reached"
    numbers = range(1, len(definition.steps) + 1)
    return f"[{', '.join(f'countIf(arrayExists(t -> bitAnd(t, 31) = {n}, walk))' for n in numbers)}]"


def _revenue(window: str) -> str:
    """SQL: per step, the amounts of events from it on, within the window of the first."""
    paid = (
        "arrayFilter(x -> x.2 != 0, arrayMap((x, place) -> (place, x.2, "
        f"toInt64(bitShiftRight(x.1, {_TIME_AT}))), events, arrayEnumerate(events)))"
    )
    return (
        "sumForEach(arrayMap(taken -> arraySum(arrayMap(x -> if("
        f"x.1 >= bitAnd(bitShiftRight(taken, 5), 16383) AND x.3 <= times[1] + {window}, x.2, 0), {paid})), "
        "walk))"
    )


def _walkers(
    definition: FunnelDefinition,
    asked: FunnelAsked,
    places: Places,
    *,
    database: str,
    rates: Mapping[str, float],
) -> str:
    """SQL: each walker's events in order, and those to walk over: of who cannot come further, the first."""
    key = _key(asked)
    who_counts = And(filters=[one for one in (definition.filter, asked.filter) if one is not None])
    matching.of_sessions(who_counts)
    named = [part.field for part in filters.parts(who_counts)]
    wanted = living.attributes([*named, *([key] if key else [])])
    relation = _events(definition, asked, places, database=database, rates=rates)
    if wanted or definition.per is Per.SESSION:
        relation = living.resolved(relation, database=database)
    if wanted:
        began = living.sessions(
            wanted, database=database, since="{sessions_since:Date}", until="{until:Date}"
        )
        columns = ", ".join(f"s.{name} AS {name}" for name in wanted)
        relation = (
            f"SELECT a.*, {columns} FROM ({relation}) AS a "  # noqa: S608
            f"LEFT JOIN ({began}) AS s ON s.session_id = a.living_id"
        )
    value = "''" if not key else ("value" if key not in wanted else f"toString({key})")
    who = "living_id" if definition.per is Per.SESSION else "visitor_hash"
    passing = filters.condition(who_counts, places, database=database)
    if definition.mode is Mode.UNORDERED:
        starts, goes_on = "all_steps != 0", "bitCount(all_steps) > 1"
    else:
        starts, goes_on = "bitTest(all_steps, 0)", "first_at <= second_at"
    code = (
        f"bitOr(bitOr(bitShiftLeft(toUInt128(at), {_TIME_AT}), "
        f"bitShiftLeft(toUInt128(_offset), {_ARRIVAL_AT})), "
        f"bitOr(bitShiftLeft(toUInt128(steps), {_STEPS_AT}), toUInt128(ended)))"
    )
    events, codes = f"arraySort(groupArray({code}))", "events"
    if rates or asked.breakdown is not None or asked.interval is not None:
        events, codes = f"arraySort(x -> x.1, groupArray(({code}, amount, {value}, day)))", "events.1"
    return (
        f"SELECT arraySlice({events}, 1, {MAX_EVENTS}) AS events, {codes} AS codes, "  # noqa: S608
        "groupBitOr(steps) AS all_steps, "
        "minIf(at, bitTest(steps, 0)) AS first_at, maxIf(at, bitTest(steps, 1)) AS second_at, "
        f"{goes_on} AS goes_on, if(goes_on, codes, []) AS walked "
        f"FROM ({relation}) WHERE {passing} GROUP BY {who} HAVING {starts}"
    )


def _events(
    definition: FunnelDefinition,
    asked: FunnelAsked,
    places: Places,
    *,
    database: str,
    rates: Mapping[str, float],
) -> str:
    """SQL: the events of the period that matter, with the steps that they are and the walks that they end."""
    steps = _bits(
        (matching.condition(one, places, database=database), 1 << number)
        for number, one in enumerate(definition.steps)
    )
    last = len(definition.steps)
    ended = _bits(
        # Slot n holds the walks that have come to step n.
        (
            matching.condition(one, places, database=database),
            sum(1 << slot - 1 for slot in range(one.after or 1, one.before or last)),
        )
        for one in definition.exclusions
    )
    amount = "toFloat64(0)"
    if rates:
        days = places.put([*rates], "Array(String)")
        worth = places.put([*rates.values()], "Array(Float64)")
        amount = (
            "if(revenue = 0, 0, toFloat64(revenue) * "
            f"transform(concat(currency, ' ', toString(local_date)), {days}, {worth}, toFloat64(0)))"
        )
    matters = "is_steps != 0 OR ended != 0 OR amount != 0"
    if definition.mode is Mode.STRICT:
        undone = ", ".join(f"'{name.value}'" for name in UNDONE)
        matters += f" OR (event_type != '{EventType.SCROLL.value}' AND name NOT IN ({undone}))"
    key, value, day = _key(asked), "''", "toDate(0)"
    if key and key not in living.attributes([key]):
        value = f"toString({filters.column(fields.field(key), places)})"
    if asked.interval is not None:
        day = "local_date"
    takes = "is_steps"
    if definition.mode is not Mode.UNORDERED:
        # TRICKY: a walk that the event ends cannot be led on by it.
        takes = "bitAnd(is_steps, bitNot(bitShiftLeft(ended, 1)))"
    return (
        "SELECT visitor_id, visitor_hash, session_id, "  # noqa: S608
        "toInt64(toUnixTimestamp64Milli(event_at)) AS at, _offset, "
        f"{steps} AS is_steps, {ended} AS ended, "
        f"{takes} AS steps, {amount} AS amount, {value} AS value, {day} AS day "
        f"FROM {database}.user_behavior_silver "
        "WHERE site_id = {site:String} AND local_date >= {since:Date} AND local_date < {until:Date} "
        f"AND has({{bots:Array(UInt8)}}, is_bot) AND ({matters})"
    )


def _bits(conditions: Any) -> str:
    """SQL: the bits of those that hold."""
    found = [f"if({condition}, toUInt32({bits}), toUInt32(0))" for condition, bits in conditions]
    bits = "toUInt32(0)"
    for one in found:
        bits = f"bitOr({bits}, {one})"
    return bits


def _key(asked: FunnelAsked) -> str | None:
    """The field that walks are told apart by; QueryError for one that is not there."""
    if asked.breakdown is None:
        return None
    if fields.field(asked.breakdown).is_of_users:
        raise QueryError(
            f"breakdown = {asked.breakdown[:64]!r}: what users said can be filtered by, not broken down by"
        )
    return asked.breakdown
