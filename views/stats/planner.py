"""A question -> where it is answered from, and the statement. Pure.

The smallest table that can answer is asked: sums of quarters of an hour or of days where they have every
field that is named, session rows where they have not, and the events of sessions for what only events have.
All count a session where it began, so their figures agree. No sum tells visitors apart: beside sums they are
counted of session rows; those of a period by one attribute or by day, which are asked most, are known by
views/known_spans.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from app.core.visitor_spans import ATTRIBUTES, WHOLE
from app.errors import QueryError
from views import living, visitors
from views.params import Scope
from views.stats import crossed, fields, filters
from views.stats.cursor import Cursor
from views.stats.fields import Field, Source
from views.stats.filters import Places
from views.stats.model import Asked, Metric, Order, Step

_BY_TIME = (
    "site_id = {site:String} AND bucket >= {since_at:DateTime('UTC')} "
    "AND bucket < {until_at:DateTime('UTC')} AND has({bots:Array(UInt8)}, is_bot)"
)
#: What is summed of session rows, beside their signs.
_OF_SESSION_ROWS = (
    "visitor_hash",
    "is_bounce",
    "duration_ms",
    "conversions AS converted",
    "page_views",
    "events",
    "conversions",
    "revenue",
    "engaged_ms",
)

#: What a row is grouped by: its interval, where there are any, and its dimensions.
Keys: TypeAlias = tuple[str, ...]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A statement and what it binds.

    ``layer`` names the tables that it reads, ``source`` the one that decides what rows there are. Columns:
    ``at``, ``d0``..., those of metrics (``m_...``), ``place``, ``is_total``. That is 1 in the row of all
    rows, which comes first; by a key of events there is none. Where ``of_spans`` or ``of_days``, visitors
    are 0 and have to be put in, and ``sessions`` and ``checksums`` are there.
    """

    source: Source
    sql: str
    bound: dict[str, Any]
    layer: str


def source_of(asked: Asked) -> Source:
    """The smallest table that can answer; QueryError for an unknown field."""
    if of_spans(asked) or of_days(asked):
        return Source.ATTRIBUTE_DAYS
    named = {fields.field(one.field) for one in filters.parts(asked.filter)}
    named.update(fields.field(name) for name in asked.dimensions)
    if any(one.is_of_events for one in named):
        return Source.EVENTS
    names = {one.name for one in named}
    if Metric.MEDIAN_SESSION_DURATION_S in asked.metrics and not names <= fields.GOLD_FIELDS[Source.QUARTERS]:
        return Source.SESSIONS
    for gold, has in fields.GOLD_FIELDS.items():
        days_alone = gold is not Source.QUARTERS
        fine_enough = asked.interval is None or asked.interval.is_of_days or not days_alone
        if names <= has and fine_enough and asked.interval != "minute":
            return gold
    return Source.SESSIONS


def of_spans(asked: Asked) -> bool:
    """Whether it asks for the visitors of a whole period, by one attribute of sessions at most."""
    return (
        Metric.VISITORS in asked.metrics
        and asked.filter is None
        and asked.interval is None
        and [*asked.dimensions] in ([], [attribute_of(asked)])
        and not (asked.dimensions and Metric.MEDIAN_SESSION_DURATION_S in asked.metrics)
    )


def of_days(asked: Asked) -> bool:
    """Whether it asks for the visitors of each day, of all sessions."""
    return (
        Metric.VISITORS in asked.metrics
        and asked.filter is None
        and asked.interval is Step.DAY
        and not asked.dimensions
        and asked.order is None
    )


def attribute_of(asked: Asked) -> str:
    """The attribute that visitors are told by: the first dimension where they can be, or none."""
    return next((name for name in asked.dimensions if name in ATTRIBUTES), WHOLE)


def plan(
    asked: Asked,
    scope: Scope,
    *,
    database: str,
    reach: Any,
    cursor: Cursor | None = None,
    among: Sequence[Keys] | None = None,
) -> Plan:
    """The statement of a question. ``reach``: the first day that no event of a session of the period has.

    ``among``: the rows with these keys alone, and the total; not of ATTRIBUTE_DAYS.
    """
    source = source_of(asked)
    places = Places({**scope.by_day, **scope.by_time, "reach": reach})
    keys = _keys(asked, source, places, database)
    if source is Source.ATTRIBUTE_DAYS:
        beside = ["sessions", "checksums"]
        grouped = _by_attribute(asked, places, database)
        return Plan(
            source=source,
            sql=_page(asked, keys, grouped, places, cursor=cursor, beside=beside),
            bound=places.bound,
            layer=source.layer,
        )
    relation = _relation(asked, source, keys, places, database)
    grouped, layer = _grouped(asked, source, keys, relation), source.layer
    if source.is_gold and Metric.VISITORS in asked.metrics:
        of_rows = _keys(asked, Source.SESSIONS, places, database)
        standing = _relation(asked, Source.SESSIONS, of_rows, places, database)
        counted = _by_key(["uniqCombined64(16)(r.visitor_hash) AS estimated"], of_rows, standing)
        grouped = _beside_visitors(grouped, of_rows, counted)
        layer = f"{layer}, {Source.SESSIONS.layer}"
    return Plan(
        source=source,
        sql=_page(asked, keys, grouped, places, cursor=cursor, among=among),
        bound=places.bound,
        layer=layer,
    )


def order_of(asked: Asked) -> Order:
    """The order asked for, or by time, or most of the first metric first; QueryError for no such field."""
    if asked.order is None:
        by_time = asked.interval is not None
        return Order(by="at" if by_time else asked.metrics[0].value, is_descending=not by_time)
    known = [*(one.value for one in asked.metrics), *asked.dimensions]
    if asked.interval is not None:
        known.append("at")
    if asked.order.by not in known:
        raise QueryError(f"order.by = {asked.order.by[:64]!r}: expected one of {', '.join(known)}")
    return asked.order


def _keys(asked: Asked, source: Source, places: Places, database: str) -> dict[str, str]:
    """What rows are grouped by: name -> expression."""
    keys: dict[str, str] = {}
    if source is Source.ATTRIBUTE_DAYS:
        if asked.interval is not None:
            return {"at": "toString(local_date)"}
        return {f"d{number}": "value" for number in range(len(asked.dimensions))}
    if asked.interval is not None:
        at = "bucket" if source is Source.QUARTERS else "started_at"
        day = "toDate(bucket, {zone:String})" if source is Source.QUARTERS else "local_date"
        keys["at"] = fields.bucket(asked.interval, at=at, day=day, zone="{zone:String}")
    for number, name in enumerate(asked.dimensions):
        one = Field(name, fields.field(name).key)
        keys[f"d{number}"] = (
            filters.said(one, places, database=database) if one.is_of_users else filters.column(one, places)
        )
    return keys


def _relation(asked: Asked, source: Source, keys: dict[str, str], places: Places, database: str) -> str:
    """SQL behind FROM: the rows that count, with their keys as columns."""
    if source is Source.EVENTS:
        return crossed.relation(asked, keys, places, database=database)
    named = [f"{expression} AS {name}" for name, expression in keys.items()]
    passing = filters.condition(asked.filter, places, database=database)
    if source.is_gold:
        columns = ", ".join([*named, *fields.needed(asked.metrics)])
        rows = f"{database}.{source.value}"
        return f"(SELECT {columns} FROM {rows} WHERE {_range(source)} AND {passing})"  # noqa: S608
    # Sums take back what was taken back by their sign; distinct visitors cannot, so they are of what is left.
    sign, stands = "sign", ""
    if Metric.VISITORS in asked.metrics:
        sign, stands = "1 AS sign", f" AND {living.standing(_range(source), database=database)}"
    columns, rows = ", ".join([*named, sign, *_OF_SESSION_ROWS]), f"{database}.{source.value}"
    return f"(SELECT {columns} FROM {rows} WHERE {_range(source)} AND {passing}{stands})"  # noqa: S608


def _by_attribute(asked: Asked, places: Places, database: str) -> str:
    """SQL of the sums that the metrics need, by one attribute or by day, and in all, with checksums."""
    source = Source.ATTRIBUTE_DAYS
    names = [name for name in fields.needed(asked.metrics) if name != Metric.VISITORS]
    sums = ", ".join(f"{source.sum_of(name)} AS {name}" for name in names)
    among = places.put(sorted({WHOLE, attribute_of(asked)}), "Array(String)")
    key, total, groups = "", "1", ""
    if asked.dimensions:
        key, total = "value AS d0, ", f"attribute = '{WHOLE}'"
        groups = "GROUP BY attribute, value HAVING sessions != 0 OR is_total"
    if asked.interval is not None:
        key, total = "toString(local_date) AS at, ", "grouping(at)"
        groups = "GROUP BY at WITH ROLLUP HAVING sessions != 0 OR is_total"
    return (
        f"SELECT {key}{sums}, 0 AS visitors, {visitors.CHECKSUMS} AS checksums, {total} AS is_total "  # noqa: S608
        f"FROM {database}.{source.value} AS r WHERE {living.WITHIN} AND attribute IN {among} {groups}"
    )


def _beside_visitors(sums: str, keys: dict[str, str], counted: str) -> str:
    """SQL: the sums with the visitors of the same key; an estimate must not exceed what it can be."""
    same = ", ".join([*keys, "is_total"])
    return (
        "SELECT s.*, toInt64(least(v.estimated, s.sessions)) AS visitors "  # noqa: S608
        f"FROM ({sums}) AS s LEFT JOIN ({counted}) AS v USING ({same})"
    )


def _range(source: Source) -> str:
    return _BY_TIME if source is Source.QUARTERS else living.WITHIN


def _grouped(asked: Asked, source: Source, keys: dict[str, str], relation: str) -> str:
    """SQL of the sums that the metrics need, by key, and (but by keys of events) in all."""
    needed = {name: source.sum_of(name) for name in fields.needed(asked.metrics)}
    if source is Source.EVENTS:
        needed = crossed.sums(asked)
    sums = [f"{expression} AS {name}" for name, expression in needed.items()]
    if Metric.VISITORS in asked.metrics and not source.is_gold:
        # Sessions bound them from above: an estimate must not exceed what it can be.
        sums.append("toInt64(least(uniqCombined64(16)(r.visitor_hash), sessions)) AS visitors")
    if any(crossed.is_of_events(asked, name) for name in keys):
        # In all, a session counts once, under however many keys: that is another question.
        named = ", ".join(keys)
        return (
            f"SELECT {named}, {', '.join(sums)}, 0 AS is_total FROM {relation} AS r "  # noqa: S608
            f"GROUP BY {named} HAVING sessions != 0"
        )
    return _by_key(sums, keys, relation) + (" HAVING sessions != 0 OR is_total" if keys else "")


def _by_key(sums: Sequence[str], keys: Mapping[str, str], relation: str) -> str:
    """SQL of sums over the rows ``r`` of ``relation``, by key and in all."""
    if not keys:
        return f"SELECT {', '.join(sums)}, 1 AS is_total FROM {relation} AS r"  # noqa: S608
    named = ", ".join(keys)
    # The total of one key is made of the sums by key, and not of the rows again.
    groups = f"{named} WITH ROLLUP" if len(keys) == 1 else f"GROUPING SETS (({named}), ())"
    return (
        f"SELECT {named}, {', '.join(sums)}, grouping({next(iter(keys))}) AS is_total "  # noqa: S608
        f"FROM {relation} AS r GROUP BY {groups}"
    )


def _page(
    asked: Asked,
    keys: dict[str, str],
    grouped: str,
    places: Places,
    *,
    cursor: Cursor | None,
    among: Sequence[Keys] | None = None,
    beside: Sequence[str] = (),
) -> str:
    """SQL of the metrics, in order, from behind the cursor on: one row more than asked for, and the total."""
    order = order_of(asked)
    names = {name: f"d{number}" for number, name in enumerate(asked.dimensions)}
    is_metric = order.by in {one.value for one in asked.metrics}
    place = names.get(order.by, order.by)
    if is_metric:
        place = f"toFloat64({fields.METRICS[Metric(order.by)].sql})"
    metrics = [column for one in asked.metrics for column in fields.METRICS[one].columns(f"m_{one.value}")]
    columns = ", ".join(dict.fromkeys([*keys, *metrics, *beside, f"{place} AS place", "is_total"]))
    behind = ""
    if among is not None:
        behind = f"WHERE is_total OR {_is_among(among, [*keys], places)}"
    if cursor is not None:
        sign = "<" if order.is_descending else ">"
        here = places.put(cursor.place, "Float64" if is_metric else "String")
        ids = ", ".join(places.put(value, "String") for value in cursor.keys)
        tie = f" OR (place = {here} AND ({', '.join(keys)},) > ({ids},))" if keys else ""
        behind = f"WHERE is_total OR place {sign} {here}{tie}"
    direction = "DESC" if order.is_descending else "ASC"
    ties = "".join(f", {name}" for name in keys)
    at_most = places.put(asked.limit + 2, "UInt32")
    return (
        f"SELECT {columns} FROM ({grouped}) {behind} "  # noqa: S608
        f"ORDER BY is_total DESC, place {direction}{ties} LIMIT {at_most}"
    )


def _is_among(among: Sequence[Keys], keys: Sequence[str], places: Places) -> str:
    """SQL: whether a row has one of such keys."""
    if not among:
        return "0"
    if len(keys) == 1:
        return f"{keys[0]} IN {places.put([one for (one,) in among], 'Array(String)')}"
    kinds = ", ".join(["String"] * len(keys))
    return f"({', '.join(keys)}) IN {places.put([*among], f'Array(Tuple({kinds}))')}"
