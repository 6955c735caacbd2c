"""SQL of living sessions with the attributes that a question needs, and of the session an event lives in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from app.errors import QueryError
from views.params import FIRST_DAY, LAST_DAY
from views.stats import fields

#: SQL: whether a row is of the site, a day of the period, and the kind of traffic that is asked about.
WITHIN = (
    "site_id = {site:String} AND local_date >= {since:Date} AND local_date < {until:Date} "
    "AND has({bots:Array(UInt8)}, is_bot)"
)


def attributes(names: Iterable[str]) -> list[str]:
    """Which of the fields have to be read from sessions, in order; an event names its visitor itself."""
    return sorted({name for name in names if name in fields.OF_SESSIONS and name != "visitor_id"})


def sessions(names: Iterable[str], *, database: str, within: str = WITHIN) -> str:
    """SQL: the sessions ``within`` a condition that stand: ``number``, as of events, ``visitor_id``, fields.

    ``names`` come from the closed list.
    """
    known = [*names]
    if refused := [name for name in known if name not in fields.OF_SESSIONS]:
        raise QueryError(f"{refused[0][:64]!r} is no field of sessions")
    return (
        f"SELECT {', '.join(['session_hash AS number', 'visitor_id', *known])} "  # noqa: S608
        f"FROM {database}.sessions_silver WHERE {within} AND {standing(within, database=database)}"
    )


def standing(within: str, *, database: str) -> str:
    """SQL: whether a row of sessions_silver, of those ``within`` a condition, states a session that stands.

    It is what FINAL leaves, without the merge of all rows: each -1 names the +1 that it takes back. Where
    nothing was taken back, the engine knows before it reads, and reads nothing for it.
    """
    back = f"{database}.sessions_silver WHERE {within} AND sign < 0"
    return (
        f"((SELECT count() FROM {back}) = 0 OR "  # noqa: S608
        f"(sign > 0 AND (session_id, version) NOT IN (SELECT session_id, version FROM {back})))"
    )


def number(*, database: str) -> str:
    """SQL: the hash of the session that an event lives in, to tell it from others of the site.

    An event written under an id that a merge has ended belongs to the session it lives on in. Merges are few
    and looked up in constants, so that rows are read once; without any, nothing is done.
    """
    merges = (
        "SELECT cityHash64(session_id) AS ended, cityHash64(argMax(merged_into, version)) AS living "  # noqa: S608
        f"FROM {database}.session_merges WHERE site_id = {{site:String}} GROUP BY session_id"
    )
    heirs = f"(SELECT (groupArray(ended), groupArray(living)) FROM ({merges})) AS heirs"  # noqa: S608
    return f"transform(session_hash, tupleElement({heirs}, 1), heirs.2)"


def first_day(since: date, *, cap_ms: int) -> date:
    """The first day on which a session can have begun that has an event from ``since`` on."""
    return max(FIRST_DAY, since - _longest(cap_ms)) if cap_ms else FIRST_DAY


def last_day(until: date, *, cap_ms: int) -> date:
    """The first day on which no session that began before ``until`` can have an event."""
    return min(LAST_DAY, until + _longest(cap_ms)) if cap_ms else LAST_DAY


def _longest(cap_ms: int) -> timedelta:
    # A day that is 25 hours long, and the rest of the one on which it began.
    return min(timedelta(milliseconds=cap_ms, days=2), LAST_DAY - FIRST_DAY)
