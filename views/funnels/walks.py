"""A funnel and a scope -> the statement that walks everybody through it once, and sums up the walks. Pure.

Each visitor's (or session's) events that matter become one array in the order of time, and a fold over it
keeps the walks that can still go on. So no event is joined with another, and an event takes one step of a
walk.

views/funnels/codes.py says how an event is told. Beside the events, where they are asked for: what was paid
by which of them, and the value and the day of each that a walk can begin with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import msgspec

from app.errors import QueryError
from app.events.vocabulary import EventType, ReservedName
from views import living, matching
from views.funnels import folds
from views.funnels.codes import Codes
from views.funnels.model import FunnelAsked, FunnelDefinition, Mode, Per
from views.known_pages import KnownPages
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
#: Sessions that an event of the period can be of.
_BEGAN = "site_id = {site:String} AND local_date >= {sessions_since:Date} AND local_date < {until:Date}"
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
    rates: Mapping[str, float] | None,
    known: KnownPages | None,
) -> Walked:
    """The statement of a funnel.

    ``first_day``: none of the period's events is of a session that began before it. ``rates``:
    ``EUR 2026-03-31`` -> what one unit is worth; what is not in it is worth nothing here. None: each is worth
    one, and is not looked up. ``known``: the pages that patterns are told by; None where all paths are read.
    """
    places = Places({**scope.by_day, "sessions_since": first_day})
    count = len(definition.steps)
    ended = count - 1 if definition.exclusions else 0
    codes = Codes.of(scope.period, places, steps=count, ended=ended)
    events = _events(definition, asked, places, database=database, rates=rates, codes=codes, known=known)
    walkers = _walkers(definition, asked, places, database=database, events=events, is_paid=rates != {})
    kept = f"{'paid_by, paid, ' if rates != {} else ''}{'starters, ' if _is_apart(asked) else ''}"
    window = places.put(definition.window_ms, "Int64")
    if definition.mode is Mode.UNORDERED:
        walks = folds.in_any_order(walkers, kept=kept, codes=codes, count=count, window=window)
        in_order = "arraySort"
    else:
        ends = "bitTest(ended, {bit})" if definition.exclusions else "0"
        ends = "1" if definition.mode is Mode.STRICT else ends
        walks = folds.in_order(walkers, kept=kept, codes=codes, count=count, window=window, ends=ends)
        in_order = ""
    parts = [f"('{_ALL}', '')"]
    if asked.breakdown is not None:
        parts.append(f"('{_VALUE}', first.2)")
    if asked.interval is not None:
        at = fields.bucket(asked.interval, at="", day="first.3", zone="")
        parts.append(f"('{_AT}', {at})")
    told, apart, rest = f"'{_ALL}' AS part, '' AS value", "", ""
    if _is_apart(asked):
        # Without parts there is nothing to group by, and one row of all.
        told = "told.1 AS part, told.2 AS value"
        apart = ", arrayFirst(one -> one.1 = walk[1], starters) AS first"
        apart += f", arrayJoin([{', '.join(parts)}]) AS told"
        rest = "WHERE notEmpty(walk)) GROUP BY told ORDER BY part, reached[1] DESC, value"
    if asked.breakdown is not None:
        rest += f" LIMIT {places.put(asked.limit, 'UInt32')} BY part, if(part = '{_VALUE}', '', value)"
    sql = (
        f"SELECT {told}, "  # noqa: S608
        f"[{', '.join(f'countIf(length(walk) >= {n})' for n in range(1, count + 1))}] AS reached, "
        f"{_taken(definition)} AS taken, "
        "quantileExactInclusiveForEachIf(0.5)(gaps, length(walk) > 1) AS gap_medians, "
        "avgForEachIf(gaps, length(walk) > 1) AS gap_means, "
        "quantileExactInclusiveForEachIf(0.5)(spans, length(walk) > 1) AS span_medians, "
        "avgForEachIf(spans, length(walk) > 1) AS span_means, "
        f"{_NO_AMOUNTS if rates == {} else _revenue(window, codes)} AS revenue "
        f"FROM (SELECT codes, taken{'' if rates == {} else ', paid_by, paid'}, "
        f"{in_order}(arrayFilter(code -> code != 0, taken)) AS walk, "
        f"arrayDifference(arrayMap(code -> {codes.time('code')}, walk)) AS gaps, arrayCumSum(gaps) AS spans"
        f"{apart} FROM ({walks}) {rest or ')'}"
    )
    return Walked(sql=sql, bound=places.bound)


def _taken(definition: FunnelDefinition) -> str:
    """SQL: how many took each step."""
    if definition.mode is not Mode.UNORDERED:
        return "reached"
    return f"[{', '.join(f'countIf(taken[{n}] != 0)' for n in range(1, len(definition.steps) + 1))}]"


def _revenue(window: str, codes: Codes) -> str:
    """SQL: per step, the amounts of events from it on, within the window of the first."""
    # Per amount, not per step: few events pay, and what lambdas name is copied for each element of theirs.
    since_first = f"{codes.time('code')} - {codes.time('walk[1]')}"
    in_time = f"amount * (code <= codes[-1]) * ({since_first} <= {window})"
    of_steps = f"arrayMap(one -> {in_time} * (code >= one), walk)"
    return f"sumForEachArray(arrayMap((code, amount) -> {of_steps}, paid_by, paid))"


def _walkers(
    definition: FunnelDefinition,
    asked: FunnelAsked,
    places: Places,
    *,
    database: str,
    events: str,
    is_paid: bool,
) -> str:
    """SQL: each walker's events in order, and those to walk over: of who cannot come further, the first."""
    key = _key(asked)
    who_counts = And(filters=[one for one in (definition.filter, asked.filter) if one is not None])
    matching.of_sessions(who_counts)
    named = [part.field for part in filters.parts(who_counts)]
    wanted = living.attributes([*named, *([key] if key else [])])
    relation = events
    if wanted:
        began = living.sessions(wanted, database=database, within=_BEGAN)
        columns = ", ".join(f"s.{name} AS {name}" for name in wanted)
        relation = (
            f"SELECT a.*, {columns} FROM ({relation}) AS a "  # noqa: S608
            f"LEFT JOIN ({began}) AS s ON s.number = a.number"
        )
    value = "''" if not key else ("value" if key not in wanted else f"toString({key})")
    who = "number" if definition.per is Per.SESSION else "visitor_hash"
    passing = filters.condition(who_counts, places, database=database)
    if definition.mode is Mode.UNORDERED:
        starts, goes_on = "steps != 0", "bitCount(groupBitOr(steps)) > 1"
    else:
        starts, goes_on = "bitTest(steps, 0)", "start <= maxIf(code, bitTest(steps, 1))"
    beside = ""
    if is_paid:
        # Two arrays in the same order, for one of pairs costs twice as much, also of who pays nothing.
        beside = "groupArrayIf(code, amount != 0) AS paid_by, groupArrayIf(amount, amount != 0) AS paid, "
    if _is_apart(asked):
        beside += f"groupArrayIf((code, {value}, day), {starts}) AS starters, "
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
    rates: Mapping[str, float] | None,
    codes: Codes,
    known: KnownPages | None,
) -> str:
    """SQL: the events of the period that matter, with the steps that they are and the walks that they end."""
    last = len(definition.steps)
    steps = _steps(definition, places, database=database, known=known)
    ended = _bits(
        # Slot n holds the walks that have come to step n.
        (
            matching.condition(one, places, database=database, known=known),
            sum(1 << slot - 1 for slot in range(one.after or 1, one.before or last)),
        )
        for one in definition.exclusions
    )
    takes = "is_steps"
    if definition.mode is not Mode.UNORDERED:
        # TRICKY: a walk that the event ends cannot be led on by it.
        takes = "bitAnd(is_steps, bitNot(bitShiftLeft(ended, 1)))"
    rows, pages = f"{database}.user_behavior_silver WHERE {living.WITHIN}", ""
    # Each level is named once: what the engine finds twice in a statement it thinks about twice.
    if known:
        pages = ", pages"
        steps = f"bitOr(bitAnd(pages, {(1 << last) - 1}), {steps})"
        takes = f"bitOr({takes}, {known.refusing_unknown})"
        rows = known.events(within=living.WITHIN, database=database)
    amount, pays = _amount(rates, places)
    matters = f"is_steps != 0 OR ended != 0 OR {pays}"
    if definition.mode is Mode.STRICT:
        undone = ", ".join(f"'{name.value}'" for name in UNDONE)
        matters += f" OR (event_type != '{EventType.SCROLL.value}' AND name NOT IN ({undone}))"
    key, value = _key(asked), "''"
    if key and key not in living.attributes([key]):
        value = f"toString({filters.column(fields.field(key), places)})"
    day = "toDate(0)" if asked.interval is None else "local_date"
    code = codes.code(steps="steps", ended="ended")
    rows = (
        f"SELECT visitor_id, visitor_hash, {living.number(database=database)} AS number, event_order, "  # noqa: S608
        "event_type, name, revenue, "
        f"{steps} AS is_steps, {ended} AS ended, {amount} AS amount, {value} AS value, {day} AS day{pages} "
        f"FROM {rows}"
    )
    return (
        f"SELECT visitor_id, visitor_hash, number, {takes} AS steps, {code} AS code, amount, "  # noqa: S608
        f"value, day FROM ({rows}) WHERE {matters}"
    )


def _steps(definition: FunnelDefinition, places: Places, *, database: str, known: KnownPages | None) -> str:
    """SQL: the steps that an event is, as bits, without those that its page alone tells where it is known."""
    taken = []
    for number, one in enumerate(definition.steps):
        pattern = "" if one.filter or known is None else matching.path_pattern(one, places)
        if known is not None and pattern:
            known.put(pattern, step=number)
        else:
            taken.append((matching.condition(one, places, database=database, known=known), 1 << number))
    return _bits(taken)


def _amount(rates: Mapping[str, float] | None, places: Places) -> tuple[str, str]:
    """SQL: what an event paid, and whether it paid anything."""
    if rates is None:
        # Asked before amounts are made numbers: most events pay nothing.
        return "toFloat64(revenue)", "revenue != 0"
    if not rates:
        return "toFloat64(0)", "0"
    days = places.put([*rates], "Array(String)")
    worth = places.put([*rates.values()], "Array(Float64)")
    amount = (
        "if(revenue = 0, 0, toFloat64(revenue) * "
        f"transform(concat(currency, ' ', toString(local_date)), {days}, {worth}, toFloat64(0)))"
    )
    return amount, "amount != 0"


def _bits(conditions: Iterable[tuple[str, int]]) -> str:
    """SQL: the bits of those that hold."""
    found = [f"if({condition}, toUInt32({bits}), toUInt32(0))" for condition, bits in conditions]
    if not found:
        return "toUInt32(0)"
    made, *others = found
    for one in others:
        made = f"bitOr({made}, {one})"
    return made


def _is_apart(asked: FunnelAsked) -> bool:
    """Whether walks are told apart, by the value or the day of their first event."""
    return asked.breakdown is not None or asked.interval is not None


def _key(asked: FunnelAsked) -> str | None:
    """The field that walks are told apart by; QueryError for one that is not there."""
    if asked.breakdown is None:
        return None
    if fields.field(asked.breakdown).is_of_users:
        raise QueryError(
            f"breakdown = {asked.breakdown[:64]!r}: what users said can be filtered by, not broken down by"
        )
    return asked.breakdown
