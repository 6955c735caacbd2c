"""When something occurred, and who did it -> a relation: ``actor``, ``day``, ``at`` and more.

Everything counts on the day on which its session began. The rows of sessions are asked where they can tell
it, the events of sessions where they cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from app.errors import QueryError
from views import living
from views.cohorts.model import By
from views.happenings import Happening
from views.known_pages import KnownPages, by_known_pages
from views.params import Scope
from views.reading import Reader, Row
from views.stats import fields, filters
from views.stats.crossed import Split, passing_events
from views.stats.filters import Places

_STARTED = "toUnixTimestamp64Milli(started_at)"
_EVENT_AT = "toUnixTimestamp64Milli(event_at)"
#: The person of a session's user id; without one, of the user that the visitor was when it began.
_PERSON = (
    "multiIf(r.user_id != '', concat('u', if(p.person = '', r.user_id, p.person)), "
    "r.owner != '', concat('u', if(o.person = '', r.owner, o.person)), concat('v', r.visitor_id))"
)


class Occurrences(msgspec.Struct, frozen=True, kw_only=True):
    """Relations of one statement: ``places`` holds what is bound, ``by`` says who an ``actor`` is.

    ``known``: the pages that patterns are told by; None where all paths are to be read.
    """

    places: Places
    database: str
    by: By = By.VISITOR
    known: KnownPages | None = None

    @classmethod
    def within(
        cls, scope: Scope, *, database: str, cap_ms: int, by: By, known: KnownPages | None
    ) -> Occurrences:
        """Those of a scope. ``cap_ms`` as in views/stats."""
        places = Places({**scope.by_day, "reach": living.last_day(scope.period.until, cap_ms=cap_ms)})
        return cls(places=places, database=database, by=by, known=known)

    def of(self, asked: Happening, *, dim: str = "''", of_session: str = "started_at") -> str:
        """SQL: a row each time, of living sessions: ``actor``, ``day``, ``at`` (ms), ``session_id``, ``dim``.

        ``dim``: a field of sessions, in SQL. ``of_session``: the time of a session as such, its start or end.
        """
        return self._by_actor(self._rows(asked, dim, of_session), "day, at, session_id, dim")

    def either(self, one: Happening, other: Happening, *, dim: str = "''") -> str:
        """SQL: a row each time that one or both of two occurred, as ``of`` tells it.

        ``is_one``, ``is_other``: 1 where it did; of an event whose session does not pass, both are 0. A
        session as such is one as it begins, the other as it ends.
        """
        parts = [Split.of(asked.filter) for asked in (one, other)]
        if one.needs_events and other.needs_events and not any(part.both for part in parts):
            rows = self._at_once((one, other), parts, dim)
            return self._by_actor(rows, "day, at, session_id, dim, is_one, is_other")
        columns = "actor, day, at, session_id, dim"
        return (
            f"SELECT {columns}, 1 AS is_one, 0 AS is_other FROM ({self.of(one, dim=dim)}) "  # noqa: S608
            f"UNION ALL SELECT {columns}, 0 AS is_one, 1 AS is_other "
            f"FROM ({self.of(other, of_session='ended_at')})"
        )

    def sessions_of(self, asked: Happening, *, dim: str = "''") -> str:
        """SQL: a row for each living session in which it occurred, whose ``actor`` is a visitor.

        ``at`` is its start; the other columns are those of ``of``.
        """
        columns = f"visitor_hash AS actor, local_date AS day, {_STARTED} AS at, session_id, {dim} AS dim"
        rows = self._sessions(asked, columns)
        if not asked.needs_events:
            return rows
        return f"{rows} AND session_hash IN (SELECT number FROM ({self._events(asked, {})}))"  # noqa: S608

    def _by_actor(self, rows: str, columns: str) -> str:
        """SQL: columns of rows of sessions, with who the ``actor`` is."""
        if self.by is By.VISITOR:
            return f"SELECT visitor_hash AS actor, {columns} FROM ({rows})"  # noqa: S608
        people = f"{self.database}.person_ids(site = {{site:String}})"
        marks = f"{self.database}.visitor_marks(site = {{site:String}})"
        owner = "marks[greatest(1, arrayLastIndex(mark -> mark.1 <= began_ms, marks))].2"
        owned = (
            f"SELECT s.*, {owner} AS owner FROM ({rows}) AS s "  # noqa: S608
            f"LEFT JOIN {marks} AS m ON m.visitor_id = s.visitor_id"
        )
        return (
            f"SELECT {_PERSON} AS actor, {columns} FROM ({owned}) AS r "  # noqa: S608
            f"LEFT JOIN {people} AS p ON p.user_id = r.user_id LEFT JOIN {people} AS o ON o.user_id = r.owner"
        )

    def _rows(self, asked: Happening, dim: str, of_session: str) -> str:
        columns = _columns(dim)
        if not asked.needs_events:
            return self._sessions(asked, f"{columns}, toUnixTimestamp64Milli({of_session}) AS at")
        events = self._events(asked, {"at": _EVENT_AT})
        # Fewer events than sessions pass, as a rule.
        return (
            f"SELECT s.*, e.at AS at FROM ({self._sessions(asked, f'{columns}, session_hash')}) AS s "  # noqa: S608
            f"INNER JOIN ({events}) AS e ON e.number = s.session_hash"
        )

    def _at_once(self, asked: Sequence[Happening], parts: Sequence[Split], dim: str) -> str:
        """SQL: the events that are one of two or both, each joined to its session once."""
        of_sessions = [
            filters.condition(part.sessions, self.places, database=self.database) for part in parts
        ]
        of_events = [
            f"{one.condition(self.places, known=self.known)} "
            f"AND {filters.condition(part.events, self.places, database=self.database)}"
            for one, part in zip(asked, parts, strict=True)
        ]
        columns = f"{_columns(dim)}, session_hash, {of_sessions[0]} AS may_one, {of_sessions[1]} AS may_other"
        events = passing_events(
            Split.of(None),
            {"at": _EVENT_AT, "was_one": of_events[0], "was_other": of_events[1]},
            self.places,
            database=self.database,
            also="(was_one OR was_other)",
            known=self.known,
        )
        return (
            "SELECT s.*, e.at AS at, may_one AND was_one AS is_one, may_other AND was_other AS is_other "  # noqa: S608
            f"FROM ({self._standing('(may_one OR may_other)', columns)}) AS s "
            f"INNER JOIN ({events}) AS e ON e.number = s.session_hash"
        )

    def _sessions(self, asked: Happening, columns: str) -> str:
        """SQL: living sessions that pass what the filter says of sessions."""
        passing = filters.condition(Split.of(asked.filter).sessions, self.places, database=self.database)
        return self._standing(passing, columns)

    def _standing(self, passing: str, columns: str) -> str:
        stands = living.standing(living.WITHIN, database=self.database)
        return (
            f"SELECT {columns} FROM {self.database}.sessions_silver "  # noqa: S608
            f"WHERE {living.WITHIN} AND {passing} AND {stands}"
        )

    def _events(self, asked: Happening, columns: Mapping[str, str]) -> str:
        apart = Split.of(asked.filter)
        known = None if apart.both else self.known
        also = asked.condition(self.places, known=known)
        return passing_events(apart, columns, self.places, database=self.database, also=also, known=known)


async def over(
    reader: Reader,
    scope: Scope,
    statement: Callable[[Occurrences], str],
    *,
    cap_ms: int,
    by: By,
    bound: Mapping[str, Any] = MappingProxyType({}),
) -> list[Row]:
    """The rows of a statement over the occurrences of a scope. ``bound``: what else is bound in it."""

    async def ask(known: KnownPages | None) -> list[Row]:
        within = Occurrences.within(scope, database=reader.database, cap_ms=cap_ms, by=by, known=known)
        sql = statement(within)
        return await reader.ask(sql, {**within.places.bound, **bound})

    return await by_known_pages(ask)


def _columns(dim: str) -> str:
    return (
        f"visitor_id, visitor_hash, user_id, session_id, {_STARTED} AS began_ms, "
        f"local_date AS day, {dim} AS dim"
    )


def dimension(name: str) -> str:
    """SQL: a field of sessions as text; QueryError for another."""
    if name not in fields.OF_SESSIONS:
        raise QueryError(
            f"dimension = {name[:64]!r}: expected a field of sessions: {', '.join(fields.OF_SESSIONS)}"
        )
    return f"toString({name})"
