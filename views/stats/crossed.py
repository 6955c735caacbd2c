"""A question that crosses events with attributes of their sessions -> the rows that count. Pure.

What tells events alone is asked of events, what tells sessions alone of sessions. A session's events are put
together before they meet it, and the first of them under each value stands for the session there: so it
counts once under each value that its events have, and nothing is grouped by values and session.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from views import living
from views.catalog import VIEWS
from views.stats import fields, filters
from views.stats.fields import Source
from views.stats.filters import Places
from views.stats.model import And, Asked, Filter

_EVENTS = "site_id = {site:String} AND local_date >= {since:Date} AND local_date < {reach:Date}"
#: What is summed of the events that pass, and not of their sessions: of each event.
_OF_EVENTS = {
    "page_views": "event_type = 'page_view'",
    "events": "toUInt8(1)",
    "conversions": "is_conversion",
    "revenue": "revenue",
    "engaged_ms": "engaged_ms",
}
#: What is summed of sessions.
_OF_SESSIONS = {
    "visitor_hash": "visitor_hash",
    "is_bounce": "is_bounce",
    "duration_ms": "duration_ms",
    "converted": "conversions",
}


class Split(msgspec.Struct, frozen=True):
    """The parts of a filter that have to hold all: of events, of sessions, of one or the other."""

    events: Filter | None
    sessions: Filter | None
    both: Filter | None

    @classmethod
    def of(cls, asked: Filter | None) -> Split:
        """Those of a filter; QueryError for one that is too large or names an unknown field."""
        filters.parts(asked)
        found: dict[bool | None, list[Filter]] = {True: [], False: [], None: []}
        waiting = [asked] if asked is not None else []
        while waiting:
            one = waiting.pop(0)
            if isinstance(one, And):
                waiting = [*one.filters, *waiting]
                continue
            kinds = {fields.field(part.field).is_of_events for part in filters.parts(one)}
            found[None if len(kinds) > 1 else True in kinds].append(one)
        return cls(*(And(filters=found[kind]) if found[kind] else None for kind in (True, False, None)))


def sums(asked: Asked) -> dict[str, str]:
    """What the metrics need: name -> expression over the rows ``r`` of ``relation``."""
    return {name: _sum_of(name) for name in fields.needed(asked.metrics)}


def _sum_of(name: str) -> str:
    if name not in _OF_EVENTS:
        return Source.EVENTS.sum_of(name)
    return "toFloat64(sum(r.revenue))" if name == "revenue" else f"sum(r.{name})"


def is_of_events(asked: Asked, key: str) -> bool:
    """Whether a key of the planner's is a dimension that events have."""
    return key != "at" and fields.field(asked.dimensions[int(key[1:])]).is_of_events


def relation(asked: Asked, keys: Mapping[str, str], places: Places, *, database: str) -> str:
    """SQL: rows with the keys, what the metrics are sums of, and ``sign``: 1 where a session counts.

    Of a question without a key of events that is one row for each session.
    """
    apart = Split.of(asked.filter)
    of_events = {name: sql for name, sql in keys.items() if is_of_events(asked, name)}
    of_sessions = {name: sql for name, sql in keys.items() if name not in of_events} | _OF_SESSIONS
    needed = fields.needed(asked.metrics)
    told = {name: sql for name, sql in _OF_EVENTS.items() if name in needed}
    events = passing_events(apart, of_events | told, places, database=database)
    columns = ", ".join(f"{sql} AS {name}" for name, sql in of_sessions.items())
    passing = filters.condition(apart.sessions, places, database=database)
    sessions = (
        f"SELECT session_id, {columns} FROM {database}.sessions_silver "  # noqa: S608
        f"WHERE {living.WITHIN} AND {passing} AND {living.standing(living.WITHIN, database=database)}"
    )
    if not of_events and not told:
        having = f"session_id IN (SELECT living_id FROM ({events}))"  # noqa: S608
        return f"(SELECT *, 1 AS sign FROM ({sessions}) WHERE {having})"  # noqa: S608
    if not of_events:
        totals = ", ".join(f"sum({name}) AS {name}" for name in told)
        return (
            f"(SELECT s.*, e.*, 1 AS sign FROM (SELECT living_id, {totals} FROM ({events}) "  # noqa: S608
            f"GROUP BY living_id) AS e INNER JOIN ({sessions}) AS s ON s.session_id = e.living_id)"
        )
    named = ", ".join(of_events)
    arrays = [*of_events, *(name for name in told if name != "events")]
    lists = ", ".join(f"groupArray({name}) AS {name}" for name in arrays)
    return (
        f"(SELECT *, nth = 1 AS sign, 1 AS events FROM ("  # noqa: S608
        f"SELECT s.*, e.*, arrayEnumerateUniq({named}) AS nth "
        f"FROM (SELECT living_id, {lists} FROM ({events}) GROUP BY living_id) AS e "
        f"INNER JOIN ({sessions}) AS s ON s.session_id = e.living_id) ARRAY JOIN {', '.join(arrays)}, nth)"
    )


def passing_events(
    apart: Split, columns: Mapping[str, str], places: Places, *, database: str, also: str = "1"
) -> str:
    """SQL: the events that pass, under ``living_id``, with columns of theirs.

    ``also``: a condition of events in SQL. Whether their sessions pass what is of sessions is not asked.
    """
    named = "".join(f", {sql} AS {name}" for name, sql in columns.items())
    passing = f"{also} AND {filters.condition(apart.events, places, database=database)}"
    if apart.both is None:
        events = (
            f"SELECT session_id{named} FROM {database}.user_behavior_silver WHERE {_EVENTS} AND {passing}"  # noqa: S608
        )
        return living.resolved(events, database=database)
    crossing = filters.condition(apart.both, places, database=database)
    rows = VIEWS["session_events"].inlined(database)
    return f"SELECT session_id AS living_id{named} FROM {rows} WHERE {passing} AND {crossing}"  # noqa: S608
