"""When something occurred, and who did it -> a relation: ``actor``, ``day``, ``at`` and more. Pure.

Everything counts on the day on which its session began. The rows of sessions are asked where they can tell
it, the events of sessions where they cannot.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from app.errors import QueryError
from views import living
from views.cohorts.model import By
from views.happenings import Happening
from views.params import Scope
from views.stats import fields, filters
from views.stats.crossed import Split, passing_events
from views.stats.filters import Places

_STARTED = "toUnixTimestamp64Milli(started_at)"
#: The person of a session's user id; without one, of the user that the visitor was when it began.
_PERSON = (
    "multiIf(r.user_id != '', concat('u', if(p.person = '', r.user_id, p.person)), "
    "r.owner != '', concat('u', if(o.person = '', r.owner, o.person)), concat('v', r.visitor_id))"
)


class Occurrences(msgspec.Struct, frozen=True, kw_only=True):
    """Relations of one statement: ``places`` holds what is bound, ``by`` says who an ``actor`` is."""

    places: Places
    database: str
    by: By = By.VISITOR

    @classmethod
    def within(cls, scope: Scope, *, database: str, cap_ms: int, by: By) -> Occurrences:
        """Those of a scope. ``cap_ms`` as in views/stats."""
        places = Places({**scope.by_day, "reach": living.last_day(scope.period.until, cap_ms=cap_ms)})
        return cls(places=places, database=database, by=by)

    def of(self, asked: Happening, *, dim: str = "''", of_session: str = "started_at") -> str:
        """SQL: a row each time, of living sessions: ``actor``, ``day``, ``at`` (ms), ``session_id``, ``dim``.

        ``dim``: a field of sessions, in SQL. ``of_session``: the time of a session as such, its start or end.
        """
        rows = self._rows(asked, dim, of_session)
        columns = "day, at, session_id, dim"
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

    def sessions_of(self, asked: Happening, *, dim: str = "''") -> str:
        """SQL: a row for each living session in which it occurred, whose ``actor`` is a visitor.

        ``at`` is its start; the other columns are those of ``of``.
        """
        columns = f"visitor_hash AS actor, local_date AS day, {_STARTED} AS at, session_id, {dim} AS dim"
        rows = self._sessions(asked, columns)
        if not asked.needs_events:
            return rows
        return f"{rows} AND session_hash IN (SELECT number FROM ({self._events(asked, {})}))"  # noqa: S608

    def _rows(self, asked: Happening, dim: str, of_session: str) -> str:
        columns = (
            f"visitor_id, visitor_hash, user_id, session_id, {_STARTED} AS began_ms, "
            f"local_date AS day, {dim} AS dim"
        )
        if not asked.needs_events:
            return self._sessions(asked, f"{columns}, toUnixTimestamp64Milli({of_session}) AS at")
        events = self._events(asked, {"at": "toUnixTimestamp64Milli(event_at)"})
        # Fewer events than sessions pass, as a rule.
        return (
            f"SELECT s.*, e.at AS at FROM ({self._sessions(asked, f'{columns}, session_hash')}) AS s "  # noqa: S608
            f"INNER JOIN ({events}) AS e ON e.number = s.session_hash"
        )

    def _sessions(self, asked: Happening, columns: str) -> str:
        """SQL: living sessions that pass what the filter says of sessions."""
        passing = filters.condition(Split.of(asked.filter).sessions, self.places, database=self.database)
        stands = living.standing(living.WITHIN, database=self.database)
        return (
            f"SELECT {columns} FROM {self.database}.sessions_silver "  # noqa: S608
            f"WHERE {living.WITHIN} AND {passing} AND {stands}"
        )

    def _events(self, asked: Happening, columns: Mapping[str, str]) -> str:
        return passing_events(
            Split.of(asked.filter),
            columns,
            self.places,
            database=self.database,
            also=asked.condition(self.places),
        )


def dimension(name: str) -> str:
    """SQL: a field of sessions as text; QueryError for another."""
    if name not in fields.OF_SESSIONS:
        raise QueryError(
            f"dimension = {name[:64]!r}: expected a field of sessions: {', '.join(fields.OF_SESSIONS)}"
        )
    return f"toString({name})"
