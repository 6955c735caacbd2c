"""What an analysis looks for among the events of sessions: a page, an event by its name, or anything."""

from __future__ import annotations

from typing import Annotated

import msgspec

from views.known_pages import KnownPages
from views.matching import is_page
from views.stats import fields, filters
from views.stats.filters import Places
from views.stats.model import Filter, Value


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page view of ``page`` (``*``: any run of characters), or an event named ``event``.

    Of neither: any event.
    """

    page: Value | None = None
    event: Annotated[str, msgspec.Meta(min_length=1, max_length=256)] | None = None

    def __post_init__(self) -> None:
        """ValueError for both, which a body that says so is refused with."""
        if self.page is not None and self.event is not None:
            raise ValueError("a page and an event are given; expected one of them")

    @property
    def is_named(self) -> bool:
        """Whether it is a page or an event."""
        return self.page is not None or self.event is not None

    def condition(self, places: Places, *, known: KnownPages | None = None) -> str:
        """SQL: whether an event is it. ``known``: where it has the column ``pages`` of it."""
        if self.page is not None:
            return is_page(self.page, places, known=known)
        return "1" if self.event is None else f"name = {places.put(self.event, 'String')}"


class Happening(Target, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The page or event, or anything, where it passes ``filter``."""

    filter: Filter | None = None

    @property
    def needs_events(self) -> bool:
        """Whether rows of sessions do not tell it; QueryError for an unknown field."""
        known = [fields.field(one.field) for one in filters.parts(self.filter)]
        return self.is_named or any(one.is_of_events for one in known)
