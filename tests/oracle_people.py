"""Who is whom, by a walk over the events; and what that makes of a site. Shares no code with the product.

A person is all the user ids that `$alias` events join, and the visitors who were them. Of a visitor's events
with one user id within an hour the first and the last are marks: an event without a user id is of the last
mark before it, or else of the first one after. A visitor without marks is a person alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from tests.oracle import MINUTE, Seen, Session, SiteRules, Table, local_date, tally

HOUR_S = 3600


class People:
    """The people of a site."""

    def __init__(self, accepted: Iterable[Seen]) -> None:
        self._joined: dict[str, set[str]] = {}
        hours: dict[tuple[str, str, int], list[int]] = defaultdict(list)
        for seen in accepted:
            if seen.user:
                self._joined.setdefault(seen.user, {seen.user})
                hours[seen.visitor, seen.user, _hour(seen.at)].append(seen.at)
            if seen.previous:
                self._join(seen.user, seen.previous)
        self._marks: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for (visitor, user, _), times in hours.items():
            self._marks[visitor] += [(min(times), user), (max(times), user)]

    def ids(self, asked: str) -> set[str]:
        """The user ids of whom ``asked`` names, or itself."""
        if asked not in self._joined and asked in self._marks:
            asked = max(self._marks[asked])[1]
        return self._joined.get(asked, {asked})

    def events_of(self, asked: str, seen: Iterable[Seen]) -> list[Seen]:
        """Those of the events that are theirs."""
        mine = self.ids(asked)
        return [one for one in seen if (one.user or self._owner(one.visitor, one.at)) in mine]

    def sessions_of(self, asked: str, sessions: Iterable[Session]) -> list[Session]:
        """Those of the sessions that are theirs."""
        mine = self.ids(asked)
        return [one for one in sessions if (one.user or self._owner(one.visitor, one.started_at)) in mine]

    def person_of(self, *, user: str, visitor: str, at: int) -> tuple[bool, str]:
        """Who did something: whether somebody with user ids, and the least of them, or the visitor id."""
        if user or self._marks.get(visitor):
            return True, min(self.ids(user or self._owner(visitor, at)))
        return False, visitor

    def _owner(self, visitor: str, at: int) -> str:
        marks = sorted(self._marks.get(visitor, []))
        if not marks:
            # A user id is never taken for the visitor id that looks like it.
            return visitor if visitor not in self._joined else ""
        before = [user for marked_at, user in marks if marked_at <= at]
        return before[-1] if before else marks[0][1]

    def _join(self, *users: str) -> None:
        together = {other for user in users for other in self._joined.get(user, {user})}
        self._joined |= dict.fromkeys(together, together)


def aliases(accepted: Sequence[Seen], rules: SiteRules) -> dict[str, Table]:
    """Both tables of who is whom."""
    return {
        "visitor_aliases": tally(
            [seen for seen in accepted if seen.user],
            by=lambda seen: (seen.visitor, seen.user, _hour(seen.at)),
            figures=_span,
        ),
        "user_aliases": tally(
            [seen for seen in accepted if seen.previous],
            by=lambda seen: (seen.previous, seen.user, local_date(seen.at, rules)),
            figures=_span,
        ),
    }


def _span(some: list[Seen]) -> dict[str, Any]:
    times = [seen.at for seen in some]
    return {"rows": len(some), "first_at": min(times), "last_at": max(times)}


def _hour(at: int) -> int:
    return at // (60 * MINUTE) * HOUR_S
