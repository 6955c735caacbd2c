"""A question of journeys -> its statement. Pure.

A node is text: its kind in one letter (KINDS), and its name. Everything is counted in the database.
"""

from __future__ import annotations

from app.errors import QueryError
from app.events.vocabulary import ReservedName
from views.catalog import VIEWS
from views.happenings import passing
from views.journeys.model import Direction, Journeys, NodeKind, Of
from views.stats.filters import Places

KINDS = {
    "p": NodeKind.PAGE,
    "e": NodeKind.EVENT,
    "o": NodeKind.OTHER,
    "n": NodeKind.ENTRY,
    "x": NodeKind.EXIT,
}
#: What the browser says by itself: nobody went there.
_SAID = (
    ReservedName.PAGE_LEAVE,
    ReservedName.WEB_VITALS,
    ReservedName.IDENTIFY,
    ReservedName.ALIAS,
    ReservedName.EXPOSURE,
)
_PAGES = "event_type = 'page_view'"
_NO_PAGE = "event_type != 'page_view'"
_EVENTS = f"(name != '' AND {_NO_PAGE} AND name NOT IN ({', '.join(map(repr, map(str, _SAID)))}))"
_STEPS = {Of.PAGES: _PAGES, Of.EVENTS: _EVENTS, Of.ALL: f"({_PAGES} OR {_EVENTS})"}


def paths_of(asked: Journeys, places: Places, *, database: str) -> str:
    """SQL: ``path`` (nodes), ``n`` sessions, ``visitors``, most first; and the sessions ``of_all`` paths."""
    if asked.direction is Direction.BOTH:
        raise QueryError("direction = 'both': a path runs one way; expected after or before")
    depth = places.put(asked.depth, "UInt8")
    path = {
        Direction.AFTER: f"arraySlice(steps, place, {depth})",
        Direction.BEFORE: f"arraySlice(steps, greatest(1, place - {depth} + 1), least(place, {depth}))",
    }[asked.direction]
    return (
        f"SELECT path, count() AS n, uniqExact(visitor_id) AS visitors, "  # noqa: S608
        f"toUInt64(sum(n) OVER ()) AS of_all "
        f"FROM (SELECT {path} AS path, visitor_id FROM ({_sessions(asked, places, database)})) "
        f"GROUP BY path ORDER BY n DESC, path LIMIT {places.put(asked.limit, 'UInt32')}"
    )


def links_of(asked: Journeys, places: Places, *, database: str) -> str:
    """SQL: ``step``, ``source`` and ``target`` (nodes), ``n`` sessions that went from the one to the other.

    What is not among the ``limit`` nodes with most sessions of its step is ``other``. A session that has
    ended stays at the exit, so that every step has all sessions.
    """
    depth = places.put(asked.depth, "Int16")
    most = places.put(asked.limit, "UInt32")
    first = "toInt16(0)" if asked.direction is Direction.AFTER else f"-{depth}"
    last = "toInt16(0)" if asked.direction is Direction.BEFORE else depth
    ends = "substring({0}, 1, 1) IN ('n', 'x')"
    pairs = (
        f"SELECT arrayJoin(range({first}, {last})) AS step, {_at('step')} AS a, {_at('step + 1')} AS b, "  # noqa: S608
        f"count() AS n FROM ({_sessions(asked, places, database)}) GROUP BY step, a, b"
    )
    nodes = (
        "SELECT *, sum(n) OVER (PARTITION BY step, a) AS a_n, sum(n) OVER (PARTITION BY step, b) AS b_n "  # noqa: S608
        f"FROM ({pairs})"
    )

    def rank(node: str) -> str:
        of = f"PARTITION BY step, {ends.format(node)} ORDER BY {node}_n DESC, {node}"
        return f"dense_rank() OVER ({of}) AS {node}_rank"

    def folded(node: str) -> str:
        return f"if({ends.format(node)} OR {node}_rank <= {most}, {node}, 'o')"

    return (
        f"SELECT step, {folded('a')} AS source, {folded('b')} AS target, toUInt64(sum(n)) AS n "  # noqa: S608
        f"FROM (SELECT *, {rank('a')}, {rank('b')} FROM ({nodes})) "
        "GROUP BY step, source, target ORDER BY step, source, target"
    )


def _at(step: str) -> str:
    """SQL: the node of a session at a step, counted from the anchor."""
    index = f"(toInt64(place) + {step})"
    return f"multiIf({index} < 1, 'n', {index} > length(steps), 'x', steps[{index}])"


def _sessions(asked: Journeys, places: Places, database: str) -> str:
    """SQL: a row for each session that has the anchor: its steps without repeats, and the anchor's place."""
    passes = passing(asked.filter, places, database=database)
    is_step = _STEPS[asked.of]
    if asked.anchor.is_named:
        is_it = asked.anchor.condition(places)
        is_step = f"({is_step} OR ({is_it} AND {'1' if asked.anchor.event is None else _NO_PAGE}))"
    node = "concat(if(event_type = 'page_view', 'p', 'e'), if(event_type = 'page_view', path, name))"
    return (
        f"SELECT visitor_id, steps, {_place(asked, places)} AS place "  # noqa: S608
        f"FROM (SELECT visitor_id, arrayCompact(arrayMap(one -> one.4, arraySort("
        f"groupArray((event_at, _offset, event_id, {node}))))) AS steps "
        f"FROM {VIEWS['session_events'].call(database)} WHERE {is_step} AND {passes} "
        "GROUP BY session_id, visitor_id) "
        "WHERE place > 0"
    )


def _place(asked: Journeys, places: Places) -> str:
    """SQL: where in ``steps`` the anchor is for the first time; 0 for nowhere."""
    if asked.anchor.page is not None:
        pattern = asked.anchor.pattern(places)
        return f"arrayFirstIndex(one -> startsWith(one, 'p') AND match(substring(one, 2), {pattern}), steps)"
    if asked.anchor.event is not None:
        return f"indexOf(steps, {places.put('e' + asked.anchor.event, 'String')})"
    if asked.direction is Direction.BOTH:
        raise QueryError("direction = 'both': of what? expected a page or an event, too")
    return "length(steps)" if asked.direction is Direction.BEFORE else "1"
