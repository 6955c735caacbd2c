"""A question of journeys -> its statement. Pure.

A node is text: its kind in one letter (KINDS), and its name; while pairs of nodes are counted it is a number.
The events of a session and its own row are brought together by its id, without a join. Everything is counted
in the database.
"""

from __future__ import annotations

from app.errors import QueryError
from app.events.vocabulary import ReservedName
from views.catalog import VIEWS
from views.happenings import is_of_events, passing
from views.journeys.model import Direction, Journeys, NodeKind, Of
from views.living import resolved
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
_NODE = "concat(if(event_type = 'page_view', 'p', 'e'), if(event_type = 'page_view', path, name))"
#: Events in the order of time; of those at one time, as they arrived.
_TIME = "bitOr(bitShiftLeft(toUInt128(toUnixTimestamp64Milli(event_at)), 64), toUInt128(_offset))"
#: A node's number: those of ends are told by no node.
_NUMBER = "bitOr(cityHash64({0}), 2)"
_ENTRY, _EXIT = "toUInt64(0)", "toUInt64(1)"
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
        f"SELECT path, count() AS n, uniqExact(visitor) AS visitors, "  # noqa: S608
        f"toUInt64(sum(n) OVER ()) AS of_all "
        f"FROM (SELECT {path} AS path, visitor FROM ({_sessions(asked, places, database)})) "
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
    counted = (
        "SELECT step, here, there, count() AS n "  # noqa: S608
        f"FROM (SELECT {_around(asked, depth)} AS nodes FROM ("
        f"SELECT place, arrayMap(node -> {_NUMBER.format('node')}, steps) AS numbers "
        f"FROM ({_sessions(asked, places, database)}))) "
        f"ARRAY JOIN range({first}, {last}) AS step, "
        "arrayPopBack(nodes) AS here, arrayPopFront(nodes) AS there "
        "GROUP BY step, here, there"
    )
    names = _names(asked, places, database)
    pairs = (
        f"SELECT step, n, {_named('here')} AS here, {_named('there')} AS there "  # noqa: S608
        f"FROM ({counted}) AS p LEFT JOIN ({names}) AS n_here ON n_here.number = p.here "
        f"LEFT JOIN ({names}) AS n_there ON n_there.number = p.there"
    )
    nodes = (
        "SELECT *, sum(n) OVER (PARTITION BY step, here) AS here_n, "  # noqa: S608
        f"sum(n) OVER (PARTITION BY step, there) AS there_n FROM ({pairs})"
    )

    def rank(node: str) -> str:
        of = f"PARTITION BY step, {ends.format(node)} ORDER BY {node}_n DESC, {node}"
        return f"dense_rank() OVER ({of}) AS {node}_rank"

    def folded(node: str) -> str:
        return f"if({ends.format(node)} OR {node}_rank <= {most}, {node}, 'o')"

    return (
        f"SELECT step, {folded('here')} AS source, {folded('there')} AS target, toUInt64(sum(n)) AS n "  # noqa: S608
        f"FROM (SELECT *, {rank('here')}, {rank('there')} FROM ({nodes})) "
        "GROUP BY step, source, target ORDER BY step, source, target"
    )


def _named(node: str) -> str:
    return f"multiIf(p.{node} = {_ENTRY}, 'n', p.{node} = {_EXIT}, 'x', n_{node}.node)"


def _names(asked: Journeys, places: Places, database: str) -> str:
    """SQL: the node of each number, of all events that may be steps."""
    return (
        f"SELECT {_NUMBER.format(_NODE)} AS number, any({_NODE}) AS node "  # noqa: S608
        f"FROM {database}.user_behavior_silver WHERE site_id = {{site:String}} "
        "AND local_date >= {since:Date} AND local_date < {reach:Date} "
        f"AND {_is_step(asked, places)} GROUP BY number"
    )


def _around(asked: Journeys, depth: str) -> str:
    """SQL: the numbers of a session's nodes from the first step to the last, or ends."""
    before = f"arrayResize(arraySlice(numbers, 1, place - 1), -{depth}, {_ENTRY})"
    after = f"arrayResize(arraySlice(numbers, place + 1), {depth}, {_EXIT})"
    return {
        Direction.AFTER: f"arrayPushFront({after}, numbers[place])",
        Direction.BEFORE: f"arrayPushBack({before}, numbers[place])",
        Direction.BOTH: f"arrayConcat({before}, [numbers[place]], {after})",
    }[asked.direction]


def _sessions(asked: Journeys, places: Places, database: str) -> str:
    """SQL: a row for each session that has the anchor: its steps without repeats, and the anchor's place."""
    in_order = "arraySort((node, time) -> time, groupArrayIf(node, is_event), groupArrayIf(time, is_event))"
    return (
        f"SELECT visitor, steps, {_place(asked, places)} AS place FROM ("  # noqa: S608
        f"SELECT max(visitor) AS visitor, arrayCompact({in_order}) AS steps "
        f"FROM ({_rows(asked, places, database)}) GROUP BY id HAVING sum(sign) > 0) "
        "WHERE notEmpty(steps) AND place > 0"
    )


def _rows(asked: Journeys, places: Places, database: str) -> str:
    """SQL: the rows of sessions, and those of their events that are steps, to be brought together by ``id``.

    Where the filter is of sessions, an event has to be beside its session to be told, which takes a join.
    """
    step = f"0 AS sign, toUInt64(0) AS visitor, {_NODE} AS node, {_TIME} AS time, 1 AS is_event"
    passes = f"{_is_step(asked, places)} AND {passing(asked.filter, places, database=database)}"
    if not is_of_events(asked.filter):
        of_events = (
            f"SELECT session_id AS id, {step} "  # noqa: S608
            f"FROM {VIEWS['session_events'].inlined(database)} WHERE {passes}"
        )
    else:
        events = (
            "SELECT session_id, event_at, _offset, event_type, path, name "  # noqa: S608
            f"FROM {database}.user_behavior_silver WHERE site_id = {{site:String}} "
            f"AND local_date >= {{since:Date}} AND local_date < {{reach:Date}} AND {passes}"
        )
        living = resolved(events, database=database)
        of_events = f"SELECT living_id AS id, {step} FROM ({living})"  # noqa: S608
    return (
        "SELECT session_id AS id, sign, visitor_hash AS visitor, '' AS node, toUInt128(0) AS time, "  # noqa: S608
        f"0 AS is_event FROM {database}.sessions_silver WHERE site_id = {{site:String}} "
        "AND local_date >= {since:Date} AND local_date < {until:Date} AND has({bots:Array(UInt8)}, is_bot) "
        f"UNION ALL {of_events}"
    )


def _is_step(asked: Journeys, places: Places) -> str:
    """SQL: whether an event is a step; the anchor always is one."""
    is_step = _STEPS[asked.of]
    if asked.anchor.is_named:
        is_it = asked.anchor.condition(places)
        is_step = f"({is_step} OR ({is_it} AND {'1' if asked.anchor.event is None else _NO_PAGE}))"
    return is_step


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
