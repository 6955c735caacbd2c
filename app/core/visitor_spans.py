"""Days in a row whose visitors are known: which are worth knowing, and which of them make up a period. Pure.

Sketches of visitors can be united, also where they overlap, so that few of them cover a period. Each is known
by the checksum of the sessions it was made of: it is right while the days have the same (``checksum``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import accumulate

import msgspec

#: The attributes of sessions by which visitors are known, as in session_attributes_daily; and every session.
WHOLE = ""
ATTRIBUTES = ("channel", "source", "campaign", "country", "device_class", "browser", "os")
#: Spans are worth knowing that have so many sessions; fewer are as soon counted.
MIN_SESSIONS = 150_000
WEEK, FOUR_WEEKS = 7, 28
#: A day of so many is worth knowing by itself, for a series of days.
MIN_SESSIONS_OF_DAY = 1_000
#: How far back they are known from whichever day they begin on. Before that, from each Monday.
RECENT = timedelta(days=63)
MONDAY = 0
_ONE = timedelta(days=1)


class Day(msgspec.Struct, frozen=True):
    """What a day of a site holds now, of people or of bots."""

    sessions: int
    checksum: int


class Span(msgspec.Struct, frozen=True, order=True):
    """The days from ``since`` to before ``until``, and the checksum of their sessions."""

    since: date
    until: date
    checksum: int

    @property
    def days(self) -> Iterator[date]:
        """Each of them."""
        return (self.since + _ONE * number for number in range((self.until - self.since).days))

    @property
    def is_day(self) -> bool:
        """Whether it is a day alone: these are known of every session, and not by attributes."""
        return self.until - self.since == _ONE


class Cover(msgspec.Struct, frozen=True):
    """A period as spans, and the days in none of them (from, before): there sessions are counted."""

    spans: tuple[Span, ...]
    left: tuple[tuple[date, date], ...]

    def holds(self, now: Mapping[date, int]) -> bool:
        """Whether the spans were made of what their days hold ``now``, by the checksums of the days."""
        return len(right(self.spans, now)) == len(self.spans)


def cover(spans: Iterable[Span], since: date, until: date) -> Cover:
    """The fewest of the spans that cover what they can of the days from ``since`` to before ``until``."""
    inside = [one for one in spans if since <= one.since and one.until <= until]
    taken: list[Span] = []
    left: list[tuple[date, date]] = []
    day = since
    while day < until:
        reaching = [one for one in inside if one.since <= day < one.until]
        if reaching:
            taken.append(max(reaching, key=lambda one: one.until))
            day = taken[-1].until
        else:
            begin, day = day, min((one.since for one in inside if one.since > day), default=until)
            left.append((begin, day))
    return Cover(tuple(taken), tuple(left))


def right(spans: Iterable[Span], now: Mapping[date, int]) -> list[Span]:
    """Those that were made of what their days hold ``now``."""
    return [one for one in spans if sum(now.get(day, 0) for day in one.days) == one.checksum]


def worth_knowing(
    days: Mapping[date, Day], *, today: date, min_sessions: int = MIN_SESSIONS
) -> Iterator[Span]:
    """The spans of days that are over: a week and four of them, from each recent day and from each Monday.

    So thirty days are two spans that overlap, and a year is a dozen and some days at its ends.
    """
    if not days:
        return
    first, last = min(days), max(days)
    every = [first + _ONE * number for number in range((last - first).days + 1)]
    none = Day(0, 0)
    sessions = _sums(days.get(one, none).sessions for one in every)
    checksum = _sums(days.get(one, none).checksum for one in every)
    for place, day in enumerate(every):
        if day < today - RECENT and day.weekday() != MONDAY:
            continue
        for length in (WEEK, FOUR_WEEKS):
            end = place + length
            if end <= len(every) and sessions[end] - sessions[place] >= min_sessions:
                yield Span(day, day + _ONE * length, checksum[end] - checksum[place])


def days_worth_knowing(
    days: Mapping[date, Day], *, min_sessions: int = MIN_SESSIONS_OF_DAY
) -> Iterator[Span]:
    """Each day with so many sessions as a span."""
    for day, holds in days.items():
        if holds.sessions >= min_sessions:
            yield Span(day, day + _ONE, holds.checksum)


def _sums(values: Iterable[int]) -> Sequence[int]:
    return list(accumulate(values, initial=0))
