"""A filter -> a condition in SQL with places for its values, which are always bound."""

from __future__ import annotations

from typing import Any

from app.errors import QueryError
from views.stats import fields
from views.stats.fields import Field
from views.stats.model import And, Comparison, Contains, Filter, Is, IsNot, Matches, Not, OneOf, Or

MAX_PARTS = 200


class Places:
    """Values that a statement has places for, each under a name of its own."""

    def __init__(self, bound: dict[str, Any] | None = None) -> None:
        self.bound: dict[str, Any] = dict(bound or {})

    def put(self, value: Any, kind: str) -> str:
        """The place of a value of a ClickHouse type."""
        name = f"p{len(self.bound)}"
        self.bound[name] = value
        return f"{{{name}:{kind}}}"


def parts(asked: Filter | None) -> list[Comparison]:
    """Every comparison of a filter, however deep; QueryError for more than 200 parts in all."""
    found: list[Comparison] = []
    waiting = [asked] if asked is not None else []
    seen = 0
    while waiting:
        one = waiting.pop()
        seen += 1
        if seen > MAX_PARTS:
            raise QueryError(f"filter: more than {MAX_PARTS} parts; use one_of for many values of a field")
        if isinstance(one, And | Or):
            waiting.extend(one.filters)
        elif isinstance(one, Not):
            waiting.append(one.filter)
        else:
            found.append(one)
    return found


def condition(asked: Filter | None, places: Places, *, database: str) -> str:
    """SQL that is true for the rows that pass; every field of the filter is a column of them.

    ``places`` holds ``site``: what users said of themselves is looked up there.
    """
    match asked:
        case None:
            return "1"
        case And(filters=filters):
            return _joined(" AND ", filters, "1", places, database)
        case Or(filters=filters):
            return _joined(" OR ", filters, "0", places, database)
        case Not(filter=one):
            return f"NOT ({condition(one, places, database=database)})"
        case IsNot(field=name, value=value):
            return f"NOT ({condition(Is(field=name, value=value), places, database=database)})"
        case _:
            return _comparison(asked, places, database=database)


def column(one: Field, places: Places) -> str:
    """SQL: the value of a field of a row, as text."""
    if one.name.startswith(fields.PROPERTY):
        return fields.text_of("properties", places.put(one.key, "String"))
    return f"toString({one.name})" if one.name in fields.FLAGS else one.name


def said(one: Field, places: Places, *, database: str) -> str:
    """SQL: what ``$identify`` said of a row's visitor last, as text; empty of whom it said nothing.

    Looked up in constants, so that rows are read as they are without it.
    """
    value = fields.text_of("properties", places.put(one.key, "String"))
    latest = (
        f"SELECT visitor_id, argMax({value}, (event_at, _offset)) AS latest "  # noqa: S608
        f"FROM {database}.user_behavior_silver WHERE site_id = {{site:String}} AND name = '$identify' "
        "GROUP BY visitor_id"
    )
    known = f"(SELECT (groupArray(visitor_id), groupArray(latest)) FROM ({latest}))"  # noqa: S608
    # Neither list may be empty.
    return f"transform(visitor_id, arrayConcat([''], {known}.1), arrayConcat([''], {known}.2), '')"


def is_path(page: str, places: Places) -> str:
    """SQL: whether an event's path is ``page``. By its hash, which is shorter to read."""
    return f"path_hash = cityHash64({places.put(page, 'String')})"


def _joined(word: str, filters: list[Filter], empty: str, places: Places, database: str) -> str:
    return "(" + (word.join(condition(one, places, database=database) for one in filters) or empty) + ")"


def _comparison(asked: Comparison, places: Places, *, database: str) -> str:
    one = fields.field(asked.field)
    if not one.is_of_users:
        return _holds(asked, column(one, places), places)
    said = fields.text_of("properties", places.put(one.key, "String"))
    latest = _holds(asked, f"argMax({said}, (event_at, _offset))", places)
    return (
        f"visitor_id IN (SELECT visitor_id FROM {database}.user_behavior_silver "  # noqa: S608
        f"WHERE site_id = {{site:String}} AND name = '$identify' GROUP BY visitor_id HAVING {latest})"
    )


def _holds(asked: Comparison, text: str, places: Places) -> str:
    match asked:
        case OneOf(values=values):
            return f"has({places.put(values, 'Array(String)')}, {text})"
        case Contains(value=value):
            return f"position({text}, {places.put(value, 'String')}) > 0"
        case Matches(value=value):
            pattern = places.put(value, "String")
            # Of constants, so looked at when it is planned: a bad pattern is refused though no row meets it.
            return f"(match({text}, {pattern}) AND match('', {pattern}) IN (0, 1))"
        case Is(value=value) if text == "path":
            return is_path(value, places)
        case _:
            return f"{text} = {places.put(asked.value, 'String')}"
