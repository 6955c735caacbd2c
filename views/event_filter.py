"""A filter -> a condition on events as such, whatever session they belong to."""

from __future__ import annotations

from app.errors import QueryError
from views.stats import filters
from views.stats.filters import Places
from views.stats.model import Filter

#: What an event does not carry: it is of the session, and is known once the session is.
OF_SESSIONS_ALONE = ("entry_host", "entry_path", "exit_path")


def event_condition(asked: Filter | None, places: Places, *, database: str) -> str:
    """SQL that is true for the events that pass, over columns of user_behavior_silver.

    Raises QueryError for an unknown field, one that only sessions have, and for more than 200 parts.
    """
    for one in filters.parts(asked):
        if one.field in OF_SESSIONS_ALONE:
            raise QueryError(
                f"filter: {one.field} is of sessions, and this is asked of events; filter by what they "
                "carry, such as path, channel, country"
            )
    return filters.condition(asked, places, database=database)
