"""A question of journeys -> its statement. Pure.

A node is text: its kind in one letter (KINDS), and its name. While sessions are told by their nodes these are
numbers, named at the end.
The events of a session and its own row are brought together by 64 bits of its id, without a join. Everything
is counted in the database.
"""

from __future__ import annotations

from app.errors import QueryError
from app.events.vocabulary import ReservedName
from views.journeys.model import Direction, Journeys, NodeKind, Of
from views.living import WITHIN
from views.matching import is_path
from views.page_sequences import KnownDays
from views.stats import filters
from views.stats.crossed import Split, passing_events
from views.stats.filters import Places
from views.stats.model import And

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
#: A node is told from ends by its second bit, and an anchor from others by its first.
_ENTRY, _EXIT = "toUInt64(0)", "toUInt64(1)"
_PAGE_NUMBER = "bitOr(bitAnd(path_hash, bitNot(toUInt64(1))), toUInt64(2))"
_EVENT_NUMBER = "bitOr(bitAnd(cityHash64('e', name), bitNot(toUInt64(1))), toUInt64(2))"
_STEPS = {Of.PAGES: _PAGES, Of.EVENTS: _EVENTS, Of.ALL: f"({_PAGES} OR {_EVENTS})"}


def is_of_pages(asked: Journeys) -> bool:
    """Whether the pages of every session, in order, are all that it takes."""
    return asked.of is Of.PAGES and not asked.anchor.is_named and asked.filter in (None, And(filters=[]))


def paths_of(asked: Journeys, sessions: str, places: Places, *, database: str) -> str:
    """SQL: ``path`` (nodes), ``n`` sessions, ``visitors``, most first; and the sessions ``of_all`` paths."""
    depth = places.put(asked.depth, "UInt8")
    path = {
        Direction.AFTER: f"arraySlice(steps, place, {depth})",
        Direction.BEFORE: f"arraySlice(steps, greatest(1, place - {depth} + 1), least(place, {depth}))",
    }[asked.direction]
    most = places.put(asked.limit, "UInt32")
    counted = (
        "SELECT anyForEach(path) AS numbers, count() AS n, uniqExact(visitor) AS visitors, "  # noqa: S608
        f"sum(n) OVER () AS of_all FROM (SELECT {path} AS path, visitor "
        f"FROM ({sessions})) GROUP BY cityHash64(path)"
    )
    # Of as many sessions the first by name: no path is left out before it has one.
    first = f"SELECT * FROM ({counted}) ORDER BY n DESC LIMIT {most} WITH TIES"  # noqa: S608
    named = (
        f"SELECT numbers, n, visitors, of_all, place, {_NAMED} AS node FROM ("  # noqa: S608
        f"SELECT *, number, place FROM ({first}) "
        "ARRAY JOIN numbers AS number, arrayEnumerate(numbers) AS place) AS p "
        f"LEFT JOIN ({_names(asked, places, database)}) AS names ON names.number = p.number"
    )
    return (
        "SELECT arrayMap(one -> one.2, arraySort(groupArray((place, node)))) AS path, "  # noqa: S608
        "any(n) AS n, any(visitors) AS visitors, toUInt64(any(of_all)) AS of_all "
        f"FROM ({named}) GROUP BY numbers ORDER BY n DESC, path LIMIT {most}"
    )


def links_of(asked: Journeys, sessions: str, places: Places, *, database: str) -> str:
    """SQL: ``step``, ``source`` and ``target`` (nodes), ``n`` sessions that went on, in no order.

    What is not among the ``limit`` nodes with most sessions of its step is ``other``. A session that has
    ended stays at the exit, so that every step has all sessions. There are many pairs of nodes and few that
    are told: sources are made few before pairs are counted, and then targets.
    """
    depth = places.put(asked.depth, "Int16")
    most = places.put(asked.limit, "UInt32")
    first = "toInt16(0)" if asked.direction is Direction.AFTER else f"-{depth}"
    last = "toInt16(0)" if asked.direction is Direction.BEFORE else depth
    names = _names(asked, places, database)

    def few(rows: str) -> str:
        """SQL: the rows of a step's nodes (``number``, ``size``) with ``node``: its name or other."""
        rank = "row_number() OVER (PARTITION BY step, is_end ORDER BY size DESC, name)"
        return (
            f"SELECT p.*, {_NAMED} AS name, number <= 1 AS is_end, "  # noqa: S608
            f"if(is_end OR {rank} <= {most}, name, 'o') AS node "
            f"FROM ({rows}) AS p LEFT JOIN ({names}) AS names ON names.number = p.number"
        )

    sources = (
        "SELECT step, number, count() AS size, groupArrayIf(there, number > 1 OR there > 1) AS theres, "  # noqa: S608
        f"size - length(theres) AS stay FROM (SELECT {_around(asked, depth)} AS nodes "
        f"FROM ({sessions})) ARRAY JOIN range({first}, {last}) AS step, "
        "arrayPopBack(nodes) AS number, arrayPopFront(nodes) AS there GROUP BY step, number"
    )
    # Sessions that stay at an end are many, and one row.
    pairs = (
        "SELECT step, toLowCardinality(node) AS source, there, "  # noqa: S608
        "sum(if(there = number, stay, 1)) AS n FROM ("
        "SELECT step, node, number, stay, if(stay = 0, theres, arrayPushBack(theres, number)) AS theres "
        f"FROM ({few(sources)})) ARRAY JOIN theres AS there GROUP BY step, source, there"
    )
    targets = (
        "SELECT step, there AS number, sum(n) AS size, groupArray((source, n)) AS led "  # noqa: S608
        f"FROM ({pairs}) GROUP BY step, number"
    )
    return (
        "SELECT step, toString(one.1) AS source, node AS target, toUInt64(sum(one.2)) AS n "  # noqa: S608
        f"FROM ({few(targets)}) ARRAY JOIN led AS one "
        "GROUP BY step, source, target"
    )


#: What has no name is not told apart: the gold of pages is made whole after a kill, but later.
_NAMED = f"multiIf(p.number = {_ENTRY}, 'n', p.number = {_EXIT}, 'x', names.node = '', 'o', names.node)"


def _names(asked: Journeys, places: Places, database: str) -> str:
    """SQL: the node of each number. Pages are named by their gold, which has few rows of each."""
    within = "site_id = {site:String} AND local_date >= {since:Date} AND local_date < {reach:Date}"
    page, event = _numbers(asked, places)
    pages = (
        f"WITH cityHash64(path) AS path_hash SELECT {page} AS number, concat('p', path) AS node "  # noqa: S608
        f"FROM {database}.page_performance_metrics WHERE {within} GROUP BY path"
    )
    events = (
        f"SELECT {event} AS number, concat('e', name) AS node "  # noqa: S608
        f"FROM {database}.user_behavior_silver WHERE {within} AND {_NO_PAGE} GROUP BY name"
    )
    told = {Of.PAGES: [pages], Of.EVENTS: [events], Of.ALL: [pages, events]}[_kinds(asked)]
    return " UNION ALL ".join(told)


def _kinds(asked: Journeys) -> Of:
    """What nodes are; the anchor is one, too."""
    anchor = Of.EVENTS if asked.anchor.event is not None else Of.PAGES
    return asked.of if not asked.anchor.is_named or asked.of is anchor else Of.ALL


def _numbers(asked: Journeys, places: Places) -> tuple[str, str]:
    """SQL: the number of a page view's node, and of another event's."""
    page, event = _PAGE_NUMBER, _EVENT_NUMBER
    if asked.anchor.page is not None:
        page = f"bitOr({page}, toUInt64({is_path(asked.anchor.page, places)}))"
    if asked.anchor.event is not None:
        event = f"bitOr({event}, toUInt64(name = {places.put(asked.anchor.event, 'String')}))"
    return page, event


def _around(asked: Journeys, depth: str) -> str:
    """SQL: a session's nodes from the first step to the last, or ends."""
    before = f"arrayResize(arraySlice(steps, 1, place - 1), -{depth}, {_ENTRY})"
    after = f"arrayResize(arraySlice(steps, place + 1), {depth}, {_EXIT})"
    return {
        Direction.AFTER: f"arrayPushFront({after}, steps[place])",
        Direction.BEFORE: f"arrayPushBack({before}, steps[place])",
        Direction.BOTH: f"arrayConcat({before}, [steps[place]], {after})",
    }[asked.direction]


def sessions_of(
    asked: Journeys, places: Places, known: KnownDays | None, *, database: str, cap_ms: int
) -> str:
    """SQL: a row for each session that has the anchor: its steps without repeats, and the anchor's place.

    ``known``: days whose sessions are not to be told by their events, where the question is of pages alone.
    ``cap_ms`` as in views/stats.
    """
    parts = []
    if known is not None:
        pages = f"arrayMap(path_hash -> {_PAGE_NUMBER}, pages)"
        parts.append(
            f"SELECT visitor, arrayCompact({pages}) AS steps "  # noqa: S608
            f"FROM ({known.rows(places, database=database)})"
        )
    if known is None or not known.is_all:
        # The lower half of each is its node.
        in_order = "CAST(arraySort(groupArrayIf(event, sign = 0)), 'Array(UInt64)')"
        rows = _rows(asked, places, known, database=database, cap_ms=cap_ms)
        parts.append(
            f"SELECT max(visitor) AS visitor, arrayCompact({in_order}) AS steps "  # noqa: S608
            f"FROM ({rows}) GROUP BY number HAVING sum(sign) > 0"
        )
    return (
        f"SELECT visitor, steps, {_place(asked)} AS place FROM ({' UNION ALL '.join(parts)}) "  # noqa: S608
        "WHERE notEmpty(steps) AND place > 0"
    )


def _rows(asked: Journeys, places: Places, known: KnownDays | None, *, database: str, cap_ms: int) -> str:
    """SQL: the rows of sessions, and those of their events that are steps, under the ``number`` of each.

    Rows of sessions that pass are taken back by rows that pass as well, for these repeat them.
    """
    page, event = _numbers(asked, places)
    node = {Of.PAGES: page, Of.EVENTS: event, Of.ALL: f"if({_PAGES}, {page}, {event})"}[_kinds(asked)]
    apart, is_step, is_asked = Split.of(asked.filter), _is_step(asked, places), WITHIN
    if known is not None:
        is_step = f"{known.events_of_others(places, cap_ms=cap_ms)} AND {is_step}"
        is_asked = f"{WITHIN} AND {known.of_others(places)}"
    events = passing_events(apart, {"event": _event(node)}, places, database=database, also=is_step)
    passing = filters.condition(apart.sessions, places, database=database)
    return (
        "SELECT session_hash AS number, sign, visitor_hash AS visitor, "  # noqa: S608
        f"toUInt128(0) AS event FROM {database}.sessions_silver WHERE {is_asked} AND {passing} UNION ALL "
        f"SELECT number, 0 AS sign, toUInt64(0) AS visitor, event FROM ({events})"
    )


def _event(node: str) -> str:
    """SQL: time, arrival and node of an event as one number, by which events are in order."""
    return f"bitOr(bitShiftLeft(toUInt128(event_order), 64), toUInt128({node}))"


def _is_step(asked: Journeys, places: Places) -> str:
    """SQL: whether an event is a step; the anchor always is one."""
    is_step = _STEPS[asked.of]
    if asked.anchor.is_named:
        is_it = asked.anchor.condition(places)
        is_step = f"({is_step} OR ({is_it} AND {'1' if asked.anchor.event is None else _NO_PAGE}))"
    return is_step


def _place(asked: Journeys) -> str:
    """SQL: where in ``steps`` the anchor is for the first time; 0 for nowhere."""
    if asked.anchor.is_named:
        return "arrayFirstIndex(one -> bitTest(one, 0), steps)"
    if asked.direction is Direction.BOTH:
        raise QueryError("direction = 'both': of what? expected a page or an event, too")
    return "length(steps)" if asked.direction is Direction.BEFORE else "1"
