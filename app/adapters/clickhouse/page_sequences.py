"""Sessions of days that are over -> the pages of each in order, day by day, where that is not made yet."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from app.adapters.clickhouse.codes import refused
from app.adapters.clickhouse.day_checksums import DayChecksums
from app.adapters.clickhouse.in_background import GENTLY, Made
from app.core.page_sequences import MIN_SESSIONS, Day, Holds, Sequences, due, outdated

_NOW_SQL = """
SELECT site_id, is_bot, local_date, sum(checksum), sum(sessions), sum(page_views)
FROM {database:Identifier}.session_attributes_daily
WHERE attribute = '' GROUP BY site_id, is_bot, local_date ORDER BY site_id, is_bot, local_date
"""
_MADE_SQL = """
SELECT site_id, is_bot, local_date, any(checksum), count(), sum(length(pages)), made_id, any(made_at)
FROM {database:Identifier}.page_sequences GROUP BY site_id, is_bot, local_date, made_id
"""
_DAY = "site_id = {site:String} AND is_bot = {is_bot:UInt8} AND local_date = {day:Date}"
#: A page view stands under the session that its own lives on in. Wherever a site is, the sessions of its day
#: have ended on the last of the days that are read.
_MAKE_SQL = """
INSERT INTO {database:Identifier}.page_sequences
(site_id, local_date, is_bot, made_id, made_at, checksum, visitor_hash, pages, inserted_at)
WITH
    (
        SELECT (groupArray(ended), groupArray(living)) FROM (
            SELECT cityHash64(session_id) AS ended, cityHash64(argMax(merged_into, version)) AS living
            FROM {database:Identifier}.session_merges WHERE site_id = {site:String} GROUP BY session_id
        )
    ) AS heirs,
    (SELECT toDate(max(ended_at)) + 1 FROM {database:Identifier}.sessions_silver WHERE DAY) AS last_day
SELECT
    {site:String}, {day:Date}, {is_bot:UInt8}, {made_id:UInt64}, {made_at:DateTime('UTC')}, {checksum:Int64},
    max(visitor), arrayMap(one -> one.3, arraySort(groupArrayIf(viewed, sign = 0))), min(kept_from)
FROM (
    SELECT session_hash AS number, sign, visitor_hash AS visitor,
        (toDateTime64(0, 3, 'UTC'), toInt64(0), toUInt64(0)) AS viewed, inserted_at AS kept_from
    FROM {database:Identifier}.sessions_silver WHERE DAY
    UNION ALL
    SELECT transform(session_hash, heirs.1, heirs.2) AS number, 0 AS sign, toUInt64(0) AS visitor,
        (event_at, toInt64(_offset), path_hash) AS viewed, inserted_at AS kept_from
    FROM {database:Identifier}.user_behavior_silver
    WHERE site_id = {site:String} AND local_date BETWEEN {day:Date} AND last_day
        AND event_type = 'page_view'
)
GROUP BY number HAVING sum(sign) > 0
""".replace("DAY", _DAY)
_ERASING_SQL = "SELECT count() FROM {database:Identifier}.erasures_under_way"
_DELETE_SQL = (
    "ALTER TABLE {database:Identifier}.page_sequences DELETE WHERE site_id IN {sites:Array(String)} "
    "AND local_date IN {days:Array(Date)} AND made_id IN {made:Array(UInt64)}"
)


def make_page_sequences(
    client: Client, *, database: str, now: datetime | None = None, min_sessions: int = MIN_SESSIONS
) -> Made:
    """Make those of every day that is over for a while and has none that are right; delete the outdated.

    Any number of processes may do this at once: what one of them made is used. Raises ReconcileError when
    ClickHouse refuses.
    """
    try:
        return _made(client, database=database, at=now or datetime.now(UTC), min_sessions=min_sessions)
    except ClickHouseError as error:
        raise refused(error, at=f"{database}.page_sequences") from error


def _made(client: Client, *, database: str, at: datetime, min_sessions: int) -> Made:
    bound = {"database": database}
    now = {
        Day(*day): Holds(*holds)
        for *day, checksum, sessions, page_views in client.query(_NOW_SQL, parameters=bound).result_rows
        for holds in [(checksum, sessions, page_views)]
    }
    made = [
        Sequences(Day(*row[:3]), row[6], row[7].replace(tzinfo=UTC), Holds(*row[3:6]))
        for row in client.query(_MADE_SQL, parameters=bound).result_rows
    ]
    days, done = [*due(made, now, at=at, min_sessions=min_sessions)], 0
    for day in _settled(client, days, now, database=database):
        # TRICKY: what is read before a person's rows become others', and written after, would stay.
        if client.query(_ERASING_SQL, parameters=bound).result_rows[0][0]:
            break
        of_day = {
            **bound,
            "site": day.site_id,
            "is_bot": day.is_bot,
            "day": day.day,
            "checksum": now[day].checksum,
            "made_id": secrets.randbits(64),
            "made_at": at,
        }
        client.command(_MAKE_SQL, parameters=of_day, settings=GENTLY)
        done += 1
    _delete(client, outdated(made, now, at=at), database=database)
    return Made(made=done, unsettled=len(days) - done)


def _settled(client: Client, days: Iterable[Day], now: Mapping[Day, Holds], *, database: str) -> list[Day]:
    """The days of which silver holds what gold does."""
    of_sites: dict[tuple[str, int], list[Day]] = {}
    for day in days:
        of_sites.setdefault((day.site_id, day.is_bot), []).append(day)
    if not of_sites:
        return []
    checksums = DayChecksums(client, database=database)
    found = []
    for (site_id, is_bot), theirs in of_sites.items():
        silver = checksums.of(site_id, is_bot=is_bot, days=[day.day for day in theirs])
        found += [day for day in theirs if silver.get(day.day) == now[day].checksum]
    return found


def _delete(client: Client, gone: Iterable[Sequences], *, database: str) -> None:
    gone = [*gone]
    if gone:
        bound: dict[str, Any] = {
            "database": database,
            "sites": sorted({one.day.site_id for one in gone}),
            "days": sorted({one.day.day for one in gone}),
            "made": [one.made_id for one in gone],
        }
        client.command(_DELETE_SQL, parameters=bound)
