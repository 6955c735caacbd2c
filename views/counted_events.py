"""Which events count: a condition of statements, values bound."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from app.errors import QueryError
from views.stats import fields, filters
from views.stats.filters import Places
from views.stats.model import Filter


class Goal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Events that count: those named ``event``, and of them those that pass ``filter``, on events' fields."""

    event: Annotated[str, msgspec.Meta(min_length=1, max_length=256)] | None = None
    filter: Filter | None = None

    @property
    def is_any(self) -> bool:
        """Whether nothing is said of which events."""
        return self.event is None and self.filter is None


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """SQL and what it binds."""

    sql: str
    bound: dict[str, Any]


#: Of a goal that says nothing, events that the site counts as conversions.
CONVERSIONS = "is_conversion = 1"
EVERY = "1"


def counted(goal: Goal, places: Places, *, database: str, unless_told: str) -> str:
    """SQL over rows of ``user_behavior_silver``: which count. ``unless_told``: those of a goal of nothing.

    Raises QueryError for a field that events do not have themselves.
    """
    if goal.is_any:
        return unless_told
    for part in filters.parts(goal.filter):
        one = fields.field(part.field)
        if not (one.is_of_events or one.is_of_users):
            known = ", ".join((*fields.OF_EVENTS, f"{fields.PROPERTY}<name>", f"{fields.USER}<name>"))
            raise QueryError(f"goal: {part.field[:64]!r} is of sessions, not of events; expected {known}")
    named = EVERY if goal.event is None else f"name = {places.put(goal.event, 'String')}"
    return f"({named} AND {filters.condition(goal.filter, places, database=database)})"


def text_property(name: str, places: Places) -> str:
    """SQL over the same rows: a property as text."""
    return fields.text_of("properties", places.put(name, "String"))
