"""Which events are meant: a page, a name, what else they have to be -> a condition in SQL, values bound."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec

from app.errors import QueryError
from views.figures import page_pattern
from views.known_pages import KnownPages
from views.reading import Reader
from views.stats import fields, filters
from views.stats.filters import Places
from views.stats.model import Filter, Matches

Page = Annotated[str, msgspec.Meta(max_length=2048)]
Pattern = Annotated[str, msgspec.Meta(max_length=1024)]
Title = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
EventName = Annotated[str, msgspec.Meta(max_length=128)]


class EventPattern(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Events: page views of ``page`` (a whole path, ``*``: any text), or of paths in which ``page_matches``
    (RE2) finds something, or events of the name ``event``; at most one of them. ``filter``: what they are
    beside, told by fields of events: ``property.plan``, ``host``, ``event_type``.
    """

    page: Page = ""
    page_matches: Pattern = ""
    event: EventName = ""
    filter: Filter | None = None

    def __post_init__(self) -> None:
        given = sum(map(bool, (self.page, self.page_matches, self.event)))
        if given > 1 or not (given or self.filter):
            raise ValueError("expected one of `page`, `page_matches` and `event`, or a `filter` alone")


def condition(one: EventPattern, places: Places, *, database: str, known: KnownPages | None = None) -> str:
    """SQL: whether a row of user_behavior_silver is meant; QueryError for a filter by other than events.

    ``known``: where the row has the column ``pages`` of it.
    """
    parts = []
    if one.page or one.page_matches:
        pattern = path_pattern(one, places)
        if not pattern:
            parts.append(is_page(one.page, places))
        else:
            parts.append(_is_view(pattern, known))
    elif one.event:
        parts.append(f"name = {places.put(one.event, 'String')}")
    if one.filter is not None:
        refuse_fields(one.filter, known=fields.OF_EVENTS, prefix=fields.PROPERTY, what="events")
        parts.append(filters.condition(one.filter, places, database=database))
    return f"({' AND '.join(parts)})"


def path_pattern(one: EventPattern, places: Places) -> str:
    """SQL: whether ``path`` is meant, where that is more than one page; else empty."""
    if one.page_matches:
        return f"match(path, {places.put(one.page_matches, 'String')})"
    return is_path(one.page, places) if "*" in one.page else ""


def is_page(page: str, places: Places, *, known: KnownPages | None = None) -> str:
    """SQL: whether an event is a page view of ``page`` (``*``: any text). ``known`` as of ``condition``."""
    if "*" in page:
        return _is_view(is_path(page, places), known)
    return f"viewed_hash = cityHash64({places.put(page, 'String')})"


def is_path(page: str, places: Places) -> str:
    """SQL: whether ``path`` is ``page`` (``*``: any text)."""
    if "*" not in page:
        return filters.is_path(page, places)
    if page.index("*") == len(page) - 1:
        return f"startsWith(path, {places.put(page[:-1], 'String')})"
    return f"match(path, {places.put(page_pattern(page), 'String')})"


def _is_view(condition: str, known: KnownPages | None) -> str:
    if known is not None:
        return known.put(condition)
    # Not AND: to leave out the rows that it need not look at costs more than to look at them.
    return f"bitAnd(event_type = 'page_view', {condition})"


def refuse_fields(asked: Filter | None, *, known: Iterable[str], prefix: str, what: str) -> None:
    """QueryError where a filter names a field that is neither known nor begins with the prefix."""
    names = [*known]
    for part in filters.parts(asked):
        fields.field(part.field)
        if part.field not in names and not part.field.startswith(prefix):
            raise QueryError(
                f"filter: {part.field[:64]!r} is no field of {what}; expected one of "
                f"{', '.join(names)}, {prefix}<name>"
            )


def of_sessions(asked: Filter | None) -> None:
    """QueryError where a filter of who counts names anything but fields of sessions and of users."""
    refuse_fields(asked, known=fields.OF_SESSIONS, prefix=fields.USER, what="sessions and users")


def expressions(*asked: EventPattern | Filter | None) -> list[str]:
    """Every regular expression of patterns and filters."""
    found: list[str] = []
    for one in asked:
        if isinstance(one, EventPattern):
            found += [one.page_matches] if one.page_matches else []
            found += expressions(one.filter)
        else:
            found += [part.value for part in filters.parts(one) if isinstance(part, Matches)]
    return found


async def refuse_bad_expressions(reader: Reader, found: Iterable[str]) -> None:
    """QueryError for a regular expression that RE2 does not take: asked with no event, it would go unseen."""
    for one in found:
        try:
            await reader.ask("SELECT match(materialize('/'), {p:String})", {"p": one})
        except QueryError as error:
            raise QueryError(f"{one[:64]!r} is no regular expression of RE2: {error}") from error
