"""Filters, an order and a cursor -> a page of sessions.

A cursor says behind which session the next page begins, so sessions that come in between move nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec
from msgspec import structs

from app.errors import QueryError
from views.answers import SessionList
from views.catalog import SessionField, SessionFilter, SessionOrder
from views.figures import session_item
from views.params import Period, Scope
from views.people import resolve
from views.reading import Reader, Row, about

_BY_TIME = (SessionOrder.LATEST, SessionOrder.OLDEST)
_DAY = timedelta(days=1)
#: So many times as many days are looked through the next time.
_MORE = 6
#: A day ends where clocks are 12 hours behind UTC at noon of the next, and begins 14 hours early elsewhere.
_LATEST_ZONE_MS, _EARLIEST_ZONE_MS = 12 * 3_600_000, 14 * 3_600_000
_CURSOR = re.compile(r"([a-z_]{1,32}):(-?[0-9]{1,18}):([0-9a-f-]{36})", re.ASCII)


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """The last session of a page: its place in the order, then its id."""

    order: SessionOrder
    key: int
    session_id: str

    def __str__(self) -> str:
        return f"{self.order}:{self.key}:{self.session_id}"


def parse_cursor(text: str, *, order: SessionOrder) -> Cursor:
    """The cursor of an earlier answer; raises QueryError for any other text, and one of another order."""
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise QueryError(f"cursor = {text[:64]!r}: expected what an earlier answer gave as next_cursor")
    if found[1] != order:
        raise QueryError(f"cursor = {text[:64]!r}: it is of another order than {order}; leave it out")
    return Cursor(order=order, key=int(found[2]), session_id=found[3])


async def session_list(
    reader: Reader,
    scope: Scope,
    *,
    filters: Sequence[SessionFilter],
    order: SessionOrder,
    limit: int,
    cursor: Cursor | None,
) -> SessionList:
    """The sessions behind ``cursor`` that pass every filter."""
    conditions: list[str] = []
    bound: dict[str, Any] = {**scope.by_day, "at_most": limit + 1}
    for number, one in enumerate(filters):
        condition, values = await _passing(reader, scope, one, number=number)
        conditions.append(condition)
        bound |= values
    if cursor is not None:
        conditions.append(_behind(order))
        bound |= {"key": cursor.key, "session": cursor.session_id}
    rows: list[Row] = []
    for window in windows(scope.period, order, cursor):
        rows = await reader.select(
            "living_sessions",
            {**bound, "since": window.since, "until": window.until},
            columns=f"*, {order.key} AS place",
            rest=f"WHERE {' AND '.join(conditions) or '1'} "
            f"ORDER BY place {_direction(order)}, session_id LIMIT {{at_most:UInt32}}",
        )
        if len(rows) > limit and is_certain(order, window, rows[-1]["place"]):
            break
    places = [row.pop("place") for row in rows]
    items = [session_item(row) for row in rows[:limit]]
    following = None
    if len(rows) > limit:
        following = str(Cursor(order=order, key=places[limit - 1], session_id=items[-1].session_id))
    return SessionList(**about(scope, layer="silver"), sessions=items, next_cursor=following)


def windows(period: Period, order: SessionOrder, cursor: Cursor | None) -> Iterator[Period]:
    """Days to look through for a page, each time more of them, until all there are.

    The latest sessions are of the last days, so that few days are read for them.
    """
    since, until = period.since, period.until
    if order not in _BY_TIME:
        yield period
        return
    if cursor is not None:
        room = 2 * _DAY
        at_ms = min(max(cursor.key, _ms(since - room)), _ms(until + room))
        day = datetime.fromtimestamp(at_ms / 1000, UTC).date()
        if order is SessionOrder.LATEST:
            until = max(since + _DAY, min(until, day + 2 * _DAY))
        else:
            since = min(until - _DAY, max(since, day - _DAY))
    days = 1
    while days < (until - since).days:
        if order is SessionOrder.LATEST:
            yield structs.replace(period, since=until - days * _DAY, until=until)
        else:
            yield structs.replace(period, since=since, until=since + days * _DAY)
        days *= _MORE
    yield structs.replace(period, since=since, until=until)


def is_certain(order: SessionOrder, window: Period, place: int) -> bool:
    """Whether no session of other days comes before that at ``place``, in whatever zone its day was told."""
    if order is SessionOrder.LATEST:
        return place >= _ms(window.since) + _LATEST_ZONE_MS
    return place < _ms(window.until) - _EARLIEST_ZONE_MS


def _ms(day: date) -> int:
    return round(datetime.combine(day, time(), UTC).timestamp() * 1000)


async def _passing(
    reader: Reader, scope: Scope, one: SessionFilter, *, number: int
) -> tuple[str, dict[str, Any]]:
    """A filter's condition, and the values to bind: of a user id, every session of that person."""
    if one.field is not SessionField.USER_ID or not one.value:
        condition = f"{{field{number}:Identifier}} = {{value{number}:String}}"
        return condition, {f"field{number}": one.field.value, f"value{number}": one.value}
    person = await resolve(reader, site_id=scope.site_id, person=one.value)
    names = {name: f"{name}{number}" for name in person.bound}
    theirs = reader.call("person_sessions", **names)
    values = {names[name]: value for name, value in person.bound.items()}
    return f"session_id IN (SELECT session_id FROM {theirs})", values  # noqa: S608


def _behind(order: SessionOrder) -> str:
    sign = "<" if order.is_descending else ">"
    tie = f"{order.key} = {{key:Int64}} AND session_id > {{session:String}}"
    return f"({order.key} {sign} {{key:Int64}} OR ({tie}))"


def _direction(order: SessionOrder) -> str:
    return "DESC" if order.is_descending else "ASC"
