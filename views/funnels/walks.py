"""A funnel and a scope -> the statement that walks everybody through it once, and sums up the walks. Pure.

Each visitor's (or session's) events that matter become one array in the order of time, and a fold over it
keeps the walks that can still go on. So no event is joined with another, and an event takes one step of a
walk.

views/funnels/folds.py says how an event is told. Beside the events, where they are asked for: what was paid
by which of them, and the value and the day of each.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from app.errors import QueryError
from app.events.vocabulary import EventType, ReservedName
from views import living, matching
from views.funnels import folds
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
_NO_AMOUNTS = "CAST([], 'Array(Float64)')"


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
    if definition.mode is Mode.UNORDERED:
        walks = folds.in_any_order(walkers, count=count, window=window)
    else:
        ends = "bitTest(ended, {bit})" if definition.exclusions else "0"
        ends = "1" if definition.mode is Mode.STRICT else ends
        walks = folds.in_order(walkers, count=count, window=window, ends=ends)
    parts = [f"('{_ALL}', '')"]
    if asked.breakdown is not None:
        parts.append(f"('{_VALUE}', first.2)")
    if asked.interval is not None:
        at = fields.bucket(asked.interval, at="", day="first.3", zone="")
        parts.append(f"('{_AT}', {at})")
    first, told = "", parts[0]
    if len(parts) > 1:
        first = f"events[{folds.place_of('walk[1]')}] AS first, "
        told = f"arrayJoin([{', '.join(parts)}])"
    of_values = ""
    if asked.breakdown is not None:
        of_values = f"LIMIT {places.put(asked.limit, 'UInt32')} BY part, if(part = '{_VALUE}', '', value)"
    sql = (
        "SELECT told.1 AS part, told.2 AS value, "  # noqa: S608
        f"[{', '.join(f'countIf(length(walk) >= {n})' for n in range(1, count + 1))}] AS reached, "
        f"{_taken(definition)} AS taken, "
        "quantileExactInclusiveForEachIf(0.5)(gaps, length(walk) > 1) AS gap_medians, "
        "avgForEachIf(gaps, length(walk) > 1) AS gap_means, "
        "quantileExactInclusiveForEachIf(0.5)(spans, length(walk) > 1) AS span_medians, "
        "avgForEachIf(spans, length(walk) > 1) AS span_means, "
        f"{_revenue(window) if rates else _NO_AMOUNTS} AS revenue "
        f"FROM (SELECT codes, walk{', paid' if rates else ''}, "
        "arrayMap(t -> bitShiftRight(t, 19), walk) AS times, "
        "arrayDifference(times) AS gaps, arrayCumSum(gaps) AS spans, "
        f"{first}{told} AS told FROM ({walks}) WHERE notEmpty(walk)) "
        f"GROUP BY told ORDER BY part, reached[1] DESC, value {of_values}"
    )
    return Walked(sql=sql, bound=places.bound)


def _taken(definition: FunnelDefinition) -> str:
    """SQL: how many took each step."""
    if definition.mode is not Mode.UNORDERED:
        return "reached"
    numbers = range(1, len(definition.steps) + 1)
    return f"[{', '.join(f'countIf(arrayExists(t -> bitAnd(t, 31) = {n}, walk))' for n in numbers)}]"


def _revenue(window: str) -> str:
    """SQL: per step, the amounts of events from it on, within the window of the first."""
    return (
        f"sumForEach(arrayMap(taken -> arraySum(arrayMap(x -> if(x.1 >= codes[{folds.place_of('taken')}] "
        f"AND x.1 <= codes[-1] AND {folds.time_of('x.1')} <= times[1] + {window}, x.2, 0), paid)), "
        "if(empty(paid), [], walk)))"
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
        starts, goes_on = "steps != 0", "bitCount(groupBitOr(steps)) > 1"
    else:
        starts, goes_on = "bitTest(steps, 0)", "start <= maxIf(code, bitTest(steps, 1))"
    beside = "arraySort(groupArrayIf((code, amount), amount != 0)) AS paid, " if rates else ""
    if asked.breakdown is not None or asked.interval is not None:
        beside += f"arraySort(x -> x.1, groupArray((code, {value}, day))) AS events, "
    return (
        f"SELECT arraySlice(arraySort(groupArray(code)), 1, {MAX_EVENTS}) AS codes, {beside}"  # noqa: S608
        f"minIf(code, {starts}) AS start, {goes_on} AS goes_on "
        f"FROM ({relation}) WHERE {passing} GROUP BY {who} HAVING start != 0"
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
    at = "toUnixTimestamp64Milli(event_at)"
    code = folds.code_of(at=at, arrival="_offset", steps="steps", ended="ended")
    return (
        f"SELECT visitor_id, visitor_hash, session_id, {steps} AS is_steps, {ended} AS ended, "  # noqa: S608
        f"{takes} AS steps, {code} AS code, {amount} AS amount, {value} AS value, {day} AS day "
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
