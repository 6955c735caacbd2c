"""What was made of days that are over: which of it is right, what is to be made, and what goes. Pure.

The pages of a day's sessions, in order, are made at once, and are right while the day holds what they were
made of: the same checksum of its sessions, as many of them, and as many page views.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta

import msgspec

#: Days of fewer sessions are as soon read from events.
MIN_SESSIONS = 1_000
#: Late events mostly come within so long: what is made of a day before is made again.
SETTLED = timedelta(days=2)
#: How long what another takes the place of is left, for somebody may read it still; and how long what was
#: made in vain is not made again.
LEFT = timedelta(days=1)


class Day(msgspec.Struct, frozen=True, order=True):
    """A day of a site, of people or of bots."""

    site_id: str
    is_bot: int
    day: date


class Holds(msgspec.Struct, frozen=True):
    """What a day holds now, or what was made of it."""

    checksum: int
    sessions: int
    page_views: int


class Sequences(msgspec.Struct, frozen=True):
    """What was made of a day at once."""

    day: Day
    made_id: int
    holds: Holds


def right(made: Iterable[Sequences], now: Mapping[Day, Holds]) -> dict[Day, Sequences]:
    """The first that is right of each day that has one."""
    found: dict[Day, Sequences] = {}
    for one in sorted(made, key=lambda one: one.made_id):
        if now.get(one.day) == one.holds:
            found.setdefault(one.day, one)
    return found


def due(
    made: Mapping[Sequences, datetime],
    now: Mapping[Day, Holds],
    *,
    at: datetime,
    min_sessions: int = MIN_SESSIONS,
) -> Iterator[Day]:
    """The days that are worth making and of which nothing is right, unless the same was just made.

    ``made``: each with the time at which it was.
    """
    done = right(made, now)
    lately = {(one.day, one.holds.checksum) for one, made_at in made.items() if at - made_at < LEFT}
    for day, holds in now.items():
        is_over = day.day <= (at - SETTLED).date()
        is_tried = day in done or (day, holds.checksum) in lately
        if is_over and holds.sessions >= min_sessions and not is_tried:
            yield day


def outdated(
    made: Mapping[Sequences, datetime], now: Mapping[Day, Holds], *, at: datetime
) -> list[Sequences]:
    """What another has stood in the place of for long enough. ``made`` as for ``due``."""
    done = right(made, now)
    return [one for one in made if one != (used := done.get(one.day)) and used and at - made[used] >= LEFT]
