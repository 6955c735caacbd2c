"""Page patterns -> the pages that gold knows and that they mean, instead of the path of every event."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.errors import ThrownError

T = TypeVar("T")

#: Of ``pages``, behind those of a funnel's steps (20 at most); 30 patterns at most are told by others.
_FIRST_BIT = 24
_UNKNOWN = (1 << 64) - 1


class KnownPages:
    """Which pages patterns mean, looked up once for each that gold knows, and not for each of its events.

    TRICKY: gold is made whole after a kill, but later. What is asked has to say ``refusing_unknown`` once it
    has left out what does not matter: a page that gold lacks may be any that is meant.
    """

    def __init__(self) -> None:
        self._meant: dict[int, str] = {}

    def __bool__(self) -> bool:
        return bool(self._meant)

    def put(self, is_path: str, *, step: int | None = None) -> str:
        """SQL: whether an event is a page view that is meant. ``is_path``: a condition of its path; ``step``:
        the bit that it has, of steps."""
        bit = _FIRST_BIT + len(self._meant) if step is None else step
        self._meant[bit] = is_path
        return f"bitTest(pages, {bit})"

    def events(self, *, within: str, database: str) -> str:
        """SQL: the rows of user_behavior_silver ``within`` a condition that holds of gold as well.

        Their column ``pages`` has a bit for each pattern: those that mean steps the steps' own. It has none
        of an event that is no page view, and all of a page that gold lacks.
        """
        bits = " + ".join(f"bitShiftLeft(toUInt64({one}), {bit})" for bit, one in self._meant.items())
        known = (
            f"SELECT cityHash64(path) AS page, {bits} AS meant "  # noqa: S608
            f"FROM {database}.page_performance_metrics WHERE {within} GROUP BY path"
        )
        lists = "arrayPushBack(groupArray(page), 0), arrayPushBack(groupArray(meant), 0)"
        found = f"(SELECT ({lists}) FROM ({known}))"  # noqa: S608
        pages = f"transform(viewed_hash, ({found} AS known).1, known.2, toUInt64({_UNKNOWN})) AS pages"
        made = "visitor_hash, session_hash, event_order, path_hash, viewed_hash"
        return f"(SELECT *, {made}, {pages} FROM {database}.user_behavior_silver WHERE {within})"  # noqa: S608

    @property
    def refusing_unknown(self) -> str:
        """SQL: 0, or the end of the statement where the event is of a page that gold lacks."""
        return f"throwIf(bitTest(pages, {_UNKNOWN.bit_length() - 1}))"


async def by_known_pages(ask: Callable[[KnownPages | None], Awaitable[T]]) -> T:
    """What ``ask`` answers with the pages that gold knows; with None, by every path, where it lacks one."""
    try:
        return await ask(KnownPages())
    except ThrownError:
        return await ask(None)
