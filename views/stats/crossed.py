"""A question that crosses events with attributes of their sessions -> the rows that count. Pure.

What tells events alone is asked of events, what tells sessions alone of sessions. A session's events are put
together before they meet it, and the first of them under each value stands for the session there: so it
counts once under each value that its events have, and nothing is grouped by values and session.
Sessions are told by 64 bits of their id. So are, where all is summed, pages, and what sessions are told apart
by: they are named when they are few.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from views import living
from views.catalog import VIEWS
from views.known_pages import KnownPages
from views.stats import fields, filters
from views.stats.fields import Source
from views.stats.filters import Places
from views.stats.model import And, Asked, Filter, Metric

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
    of_rows = Source.QUARTERS.sum_of if _is_summed(asked) else _sum_of
    return {name: of_rows(name) for name in fields.needed(asked.metrics)}


def _is_summed(asked: Asked) -> bool:
    """Whether the rows are sums by key, as those of gold are; distinct visitors cannot be summed."""
    return "path" in asked.dimensions and Metric.VISITORS not in asked.metrics


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
    own = {name: sql for name, sql in keys.items() if name not in of_events}
    of_sessions = own | _OF_SESSIONS
    if _is_summed(asked):
        of_events = {name: "path_hash" if sql == "path" else sql for name, sql in of_events.items()}
        of_sessions = {"own": f"cityHash64(tuple({', '.join(own.values())}))"} | _OF_SESSIONS
    needed = fields.needed(asked.metrics)
    told = {name: sql for name, sql in _OF_EVENTS.items() if name in needed}
    events = passing_events(apart, of_events | told, places, database=database)
    sessions = _passing_sessions(apart, of_sessions, places, database=database)
    if not of_events:
        return _with_sums(events, sessions, told) if told else _looked_up(events, sessions)
    rows = _under_each_value(events, sessions, of_events, told)
    if not _is_summed(asked):
        return rows
    path = next(name for name, sql in keys.items() if sql == "path")
    return _of_paths(rows, of_events, own, needed, path=path, database=database)


def _passing_sessions(apart: Split, columns: Mapping[str, str], places: Places, *, database: str) -> str:
    """SQL: the sessions that stand and pass, under their ``number``, with columns of theirs."""
    named = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    passing = filters.condition(apart.sessions, places, database=database)
    return (
        f"SELECT session_hash AS number, {named} FROM {database}.sessions_silver "  # noqa: S608
        f"WHERE {living.WITHIN} AND {passing} AND {living.standing(living.WITHIN, database=database)}"
    )


def _looked_up(events: str, sessions: str) -> str:
    """SQL: the sessions that have an event that passes."""
    having = f"number IN (SELECT number FROM ({events}))"  # noqa: S608
    return f"(SELECT *, 1 AS sign FROM ({sessions}) WHERE {having})"  # noqa: S608


def _with_sums(events: str, sessions: str, told: Iterable[str]) -> str:
    """SQL: the same, each with what is summed of its events that pass."""
    totals = ", ".join(f"sum({name}) AS {name}" for name in told)
    return (
        f"(SELECT s.*, e.*, 1 AS sign FROM (SELECT number, {totals} "  # noqa: S608
        f"FROM ({events}) GROUP BY number) AS e INNER JOIN ({sessions}) AS s ON s.number = e.number)"
    )


def _under_each_value(events: str, sessions: str, of_events: Iterable[str], told: Iterable[str]) -> str:
    """SQL: the events that pass, each with its session; the first under each value has the sign 1."""
    named = ", ".join(of_events)
    arrays = [*of_events, *(name for name in told if name != "events")]
    lists = ", ".join(f"groupArray({name}) AS {name}" for name in arrays)
    return (
        f"(SELECT *, nth = 1 AS sign, 1 AS events FROM ("  # noqa: S608
        f"SELECT s.*, e.*, arrayEnumerateUniq({named}) AS nth "
        f"FROM (SELECT number, {lists} FROM ({events}) GROUP BY number) AS e "
        f"INNER JOIN ({sessions}) AS s ON s.number = e.number) ARRAY JOIN {', '.join(arrays)}, nth)"
    )


def _of_paths(
    rows: str,
    of_events: Iterable[str],
    own: Mapping[str, str],
    needed: Sequence[str],
    *,
    path: str,
    database: str,
) -> str:
    """SQL: the sums of such rows by key, once pages and what sessions are told apart by have their names.

    ``path``: the key that is the page, by its number.
    """
    named = ", ".join(of_events)
    summed = ", ".join(f"{_sum_of(name)} AS {name}" for name in needed)
    by_number = f"SELECT own, {named}, {summed} FROM {rows} AS r GROUP BY own, {named}"  # noqa: S608
    others = "".join(f", r.{name} AS {name}" for name in (*of_events, *needed) if name != path)
    owns = "".join(f", k.{name} AS {name}" for name in own)
    return (
        f"(SELECT p.path AS {path}{others}{owns} FROM ({by_number}) AS r "  # noqa: S608
        f"INNER JOIN ({_of_own(own, database)}) AS k ON k.own = r.own "
        f"LEFT JOIN ({_paths(database)}) AS p ON p.path_hash = r.{path})"
    )


def _of_own(keys: Mapping[str, str], database: str) -> str:
    """SQL: the keys that sessions have, by the number they are told by."""
    told = ", ".join(f"{sql} AS {name}" for name, sql in keys.items()) or "1"
    distinct = f"SELECT DISTINCT {told} FROM {database}.sessions_silver WHERE {living.WITHIN}"  # noqa: S608
    return f"SELECT *, cityHash64(tuple({', '.join(keys)})) AS own FROM ({distinct})"  # noqa: S608


def _paths(database: str) -> str:
    """SQL: the paths there are. Gold has few rows of each, but may be made whole after silver."""
    gold = f"{database}.page_performance_metrics WHERE {_EVENTS}"
    return (
        f"SELECT DISTINCT path, cityHash64(path) AS path_hash FROM {gold} UNION ALL "  # noqa: S608
        f"SELECT DISTINCT path, path_hash FROM {database}.user_behavior_silver "
        f"WHERE {_EVENTS} AND path_hash NOT IN (SELECT cityHash64(path) FROM {gold})"
    )


def passing_events(
    apart: Split,
    columns: Mapping[str, str],
    places: Places,
    *,
    database: str,
    also: str = "1",
    known: KnownPages | None = None,
) -> str:
    """SQL: the events that pass, under the ``number`` of the session they live in, with columns of theirs.

    ``also``: a condition of events in SQL. Whether their sessions pass what is of sessions is not asked.
    ``known``: the pages that conditions and columns are told by, where no part of the filter is of ``both``.
    """
    named = "".join(f", {sql} AS {name}" for name, sql in columns.items())
    passing = f"{also} AND {filters.condition(apart.events, places, database=database)}"
    number, rows = living.number(database=database), f"{database}.user_behavior_silver"
    if known:
        number = f"{number} + {known.refusing_unknown}"
        rows = known.events(within=_EVENTS, database=database)
    elif apart.both is None:
        passing = f"{_EVENTS} AND {passing}"
    else:
        number, rows = "cityHash64(session_id)", VIEWS["session_events"].inlined(database)
        passing += f" AND {filters.condition(apart.both, places, database=database)}"
    return f"SELECT {number} AS number{named} FROM {rows} WHERE {passing}"  # noqa: S608
