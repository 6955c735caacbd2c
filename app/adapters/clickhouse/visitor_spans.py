"""Sessions of days that are over -> their visitors as sketches, span by span, where none is right yet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from app.adapters.clickhouse.codes import refused
from app.adapters.clickhouse.day_checksums import DayChecksums
from app.adapters.clickhouse.in_background import GENTLY, Made, Stops, never
from app.core.visitor_spans import (
    ATTRIBUTES,
    MIN_SESSIONS,
    MIN_SESSIONS_OF_DAY,
    WHOLE,
    Day,
    Span,
    days_worth_knowing,
    right,
    worth_knowing,
)

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


def make_visitor_spans(
    client: Client,
    *,
    database: str,
    now: datetime | None = None,
    min_sessions: int = MIN_SESSIONS,
    min_sessions_of_day: int = MIN_SESSIONS_OF_DAY,
    stops: Stops = never,
) -> Made:
    """Make every span that is worth knowing, of days before today (UTC), and is not known as it is now.

    Between two it is asked whether it ``stops``. Any number of processes may do this at once: spans of the
    same sessions are the same. Raises ReconcileError when ClickHouse refuses.
    """
    today = (now or datetime.now(UTC)).date()
    try:
        return _made(
            client,
            database=database,
            today=today,
            min_sessions=min_sessions,
            min_sessions_of_day=min_sessions_of_day,
            stops=stops,
        )
    except ClickHouseError as error:
        raise refused(error, at=f"{database}.visitor_spans") from error


def _made(
    client: Client,
    *,
    database: str,
    today: date,
    min_sessions: int,
    min_sessions_of_day: int,
    stops: Stops,
) -> Made:
    bound = {"database": database, "today": today}
    days: dict[tuple[str, int], dict[date, Day]] = {}
    for site_id, is_bot, day, *holds in client.query(_DAYS_SQL, parameters=bound).result_rows:
        days.setdefault((site_id, is_bot), {})[day] = Day(*holds)
    known = {
        (site_id, is_bot, Span(*span))
        for site_id, is_bot, *span in client.query(_KNOWN_SQL, parameters=bound).result_rows
    }
    due: dict[tuple[str, int], list[Span]] = {}
    for whose, theirs in days.items():
        worth = (
            *worth_knowing(theirs, today=today, min_sessions=min_sessions),
            *days_worth_knowing(theirs, min_sessions=min_sessions_of_day),
        )
        if unknown := [span for span in worth if (*whose, span) not in known]:
            due[whose] = unknown
    if not due:
        return Made(made=0, unsettled=0)
    made = held = 0
    checksums = DayChecksums(client, database=database)
    for (site_id, is_bot), spans in due.items():
        # Read first: a session that comes after this is in the sketch, and makes its checksum out of date.
        silver = checksums.of(site_id, is_bot=is_bot, days={day for span in spans for day in span.days})
        held += sum(any(day in silver for day in span.days) for span in spans)
        of_site = {**bound, "site": site_id, "is_bot": is_bot}
        for span in right(spans, silver):
            if stops():
                break
            _make(client, span, of_site)
            made += 1
    return Made(made=made, unsettled=held - made)


def _make(client: Client, span: Span, of_site: Mapping[str, Any]) -> None:
    bound = {**of_site, "since": span.since, "until": span.until, "checksum": span.checksum}
    for sql in (_MAKE_WHOLE,) if span.is_day else _MAKE:
        client.command(sql, parameters=bound, settings=GENTLY)
