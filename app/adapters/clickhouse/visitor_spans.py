"""Sessions of days that are over -> their visitors as sketches, span by span, where none is right yet."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from app import log
from app.adapters.clickhouse.catalogue import load
from app.adapters.clickhouse.clients import ClientPool
from app.adapters.clickhouse.codes import refused
from app.adapters.clickhouse.repair import FILLING
from app.core.visitor_spans import (
    ATTRIBUTES,
    MIN_SESSIONS,
    MIN_SESSIONS_OF_DAY,
    WHOLE,
    Day,
    Span,
    days_worth_knowing,
    worth_knowing,
)
from app.errors import WuaError
from app.settings import ClickHouseSettings

_DAYS_SQL = """
SELECT site_id, is_bot, local_date, sum(sessions), sum(checksum)
FROM {database:Identifier}.session_attributes_daily
WHERE attribute = '' AND local_date < {today:Date}
GROUP BY site_id, is_bot, local_date ORDER BY site_id, is_bot, local_date
"""
_KNOWN_SQL = """
SELECT DISTINCT site_id, is_bot, since, until, checksum FROM {database:Identifier}.visitor_spans
WHERE attribute = '' AND made_at > now() - INTERVAL 60 DAY
"""
_WITHIN = (
    "site_id = {site:String} AND is_bot = {is_bot:UInt8} "
    "AND local_date >= {since:Date} AND local_date < {until:Date}"
)
_MAKE_SQL = """
INSERT INTO {database:Identifier}.visitor_spans
(site_id, attribute, since, until, is_bot, value, checksum, visitors, made_at)
SELECT site_id, told.1, {since:Date}, {until:Date}, is_bot, told.2, {checksum:Int64},
    uniqCombined64State(16)(visitor_hash), now64(3)
FROM {database:Identifier}.sessions_silver FINAL
ARRAY JOIN [TOLD] AS told
WHERE WITHIN AND sign > 0
GROUP BY site_id, told.1, is_bot, told.2
""".replace("WITHIN", _WITHIN)
#: The whole comes last: a span is known by it, and one that was cut off is not.
_MAKE_WHOLE = _MAKE_SQL.replace("TOLD", f"('{WHOLE}', '')")
_MAKE = (
    _MAKE_SQL.replace("TOLD", ", ".join(f"('{name}', toString({name}))" for name in ATTRIBUTES)),
    _MAKE_WHOLE,
)
#: Beside questions that somebody waits for.
_GENTLY = {**FILLING, "max_threads": 1}


#: Before the first look at the spans, and between two.
FIRST_S, EVERY_S = 30.0, 600.0

_LOG = log.get("visitor-spans")


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at the spans came to."""

    made: int
    #: Of which gold and silver do not hold the same sessions now: they are looked at again later.
    unsettled: int


def make_visitor_spans(
    client: Client,
    *,
    database: str,
    now: datetime | None = None,
    min_sessions: int = MIN_SESSIONS,
    min_sessions_of_day: int = MIN_SESSIONS_OF_DAY,
) -> Made:
    """Make every span that is worth knowing, of days before today (UTC), and is not known as it is now.

    Any number of processes may do this at once: spans of the same sessions are the same. Raises
    ReconcileError when ClickHouse refuses.
    """
    today = (now or datetime.now(UTC)).date()
    try:
        return _made(
            client,
            database=database,
            today=today,
            min_sessions=min_sessions,
            min_sessions_of_day=min_sessions_of_day,
        )
    except ClickHouseError as error:
        raise refused(error, at=f"{database}.visitor_spans") from error


class SpanKeeper:
    """Makes spans in a web process, for as long as it runs."""

    def __init__(
        self,
        settings: ClickHouseSettings,
        *,
        first_s: float = FIRST_S,
        every_s: float = EVERY_S,
        min_sessions: int = MIN_SESSIONS,
        min_sessions_of_day: int = MIN_SESSIONS_OF_DAY,
    ) -> None:
        self._database = settings.database
        self._pool = ClientPool(settings, readonly=False)
        self._first_s, self._every_s = first_s, every_s
        self._min_sessions, self._min_sessions_of_day = min_sessions, min_sessions_of_day

    async def run(self) -> None:
        """Look again and again until cancelled. Without spans answers are as right, and take longer."""
        await asyncio.sleep(self._first_s)
        while True:
            try:
                found = await self._pool.run(self._made)
            except (WuaError, ClickHouseError) as error:
                _LOG.warning("visitor_spans.waiting", trouble=str(error))
            else:
                if found.made or found.unsettled:
                    _LOG.info("visitor_spans.made", made=found.made, unsettled=found.unsettled)
            await asyncio.sleep(self._every_s)

    async def close(self) -> None:
        """Wait for what is under way and close what writes."""
        await self._pool.close()

    def _made(self, client: Client) -> Made:
        return make_visitor_spans(
            client,
            database=self._database,
            min_sessions=self._min_sessions,
            min_sessions_of_day=self._min_sessions_of_day,
        )


def _made(client: Client, *, database: str, today: date, min_sessions: int, min_sessions_of_day: int) -> Made:
    bound = {"database": database, "today": today}
    days: dict[tuple[str, int], dict[date, Day]] = {}
    for site_id, is_bot, day, *holds in client.query(_DAYS_SQL, parameters=bound).result_rows:
        days.setdefault((site_id, is_bot), {})[day] = Day(*holds)
    known = {
        (site_id, is_bot, Span(*span))
        for site_id, is_bot, *span in client.query(_KNOWN_SQL, parameters=bound).result_rows
    }
    due = [
        (*whose, span)
        for whose, theirs in days.items()
        for span in (
            *worth_knowing(theirs, today=today, min_sessions=min_sessions),
            *days_worth_knowing(theirs, min_sessions=min_sessions_of_day),
        )
        if (*whose, span) not in known
    ]
    if not due:
        return Made(made=0, unsettled=0)
    gold = load(client, database=database).tables["session_attributes_daily"]
    silver = gold.select_from(f"(SELECT * FROM {database}.sessions_silver WHERE {_WITHIN})")  # noqa: S608
    now_holds = f"SELECT sum(checksum) FROM ({silver})"  # noqa: S608
    made = 0
    for site_id, is_bot, span in due:
        of_span = {
            **bound,
            "site": site_id,
            "is_bot": is_bot,
            "since": span.since,
            "until": span.until,
            "checksum": span.checksum,
        }
        # Read first: a session that comes after this is in the sketch, and makes its checksum out of date.
        if client.query(now_holds, parameters=of_span).result_rows[0][0] == span.checksum:
            for sql in (_MAKE_WHOLE,) if span.is_day else _MAKE:
                client.command(sql, parameters=of_span, settings=_GENTLY)
            made += 1
    return Made(made=made, unsettled=len(due) - made)
