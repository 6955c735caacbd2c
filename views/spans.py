"""A period of days -> the weeks that lie in it as a whole, and the days that are left at its edges.

The rows of a gold that is kept by the day and by the week tell everything of a period in few pieces.
"""

from __future__ import annotations

from datetime import date, timedelta

#: The days of a piece, as gold names it, and its first one: a week begins on a Monday.
Span = tuple[int, date]

DAY, WEEK = 1, 7


def spans(since: date, until: date) -> list[Span]:
    """Pieces without a gap or an overlap that are the days from ``since`` to before ``until``, in order."""
    first = min(since + timedelta(days=-since.weekday() % WEEK), until)
    last = max(until - timedelta(days=until.weekday()), first)
    return [*_every(DAY, since, first), *_every(WEEK, first, last), *_every(DAY, last, until)]


def _every(days: int, since: date, until: date) -> list[Span]:
    return [(days, since + timedelta(days=shift)) for shift in range(0, (until - since).days, days)]
