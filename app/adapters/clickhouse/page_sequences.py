"""Sessions of days that are over -> the pages of each in order, day by day, where that is not made yet."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from app.adapters.clickhouse.codes import refused
from app.adapters.clickhouse.day_checksums import DayChecksums
from app.adapters.clickhouse.in_background import GENTLY, Made, Stops, never
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
    max(visitor), arrayMap(one -> one.2, arraySort(groupArrayIf(viewed, sign = 0))), min(kept_from)
FROM (
    SELECT session_hash AS number, sign, visitor_hash AS visitor,
        (toUInt64(0), toUInt64(0)) AS viewed, inserted_at AS kept_from
    FROM {database:Identifier}.sessions_silver WHERE DAY
    UNION ALL
    SELECT transform(session_hash, heirs.1, heirs.2) AS number, 0 AS sign, toUInt64(0) AS visitor,
        (event_order, path_hash) AS viewed, inserted_at AS kept_from
    FROM {database:Identifier}.user_behavior_silver
    WHERE site_id = {site:String} AND local_date BETWEEN {day:Date} AND last_day
        AND event_type = 'page_view'
)
GROUP BY number HAVING sum(sign) > 0
""".replace("DAY", _DAY)
#: Visitors whom silver does not know: they were erased while their rows were read.
_STRANGERS_SQL = """
SELECT count() FROM {database:Identifier}.page_sequences WHERE DAY AND made_id = {made_id:UInt64}
    AND visitor_hash NOT IN (SELECT visitor_hash FROM {database:Identifier}.sessions_silver WHERE DAY)
""".replace("DAY", _DAY)
_DELETE_SQL = (
    "ALTER TABLE {database:Identifier}.page_sequences DELETE WHERE site_id IN {sites:Array(String)} "
    "AND local_date IN {days:Array(Date)} AND made_id IN {made:Array(UInt64)}"
)


def make_page_sequences(
    client: Client,
    *,
    database: str,
    now: datetime | None = None,
    min_sessions: int = MIN_SESSIONS,
    stops: Stops = never,
) -> Made:
    """Make those of every day that is over for a while and has none that are right; delete the outdated.

    Between two days it is asked whether it ``stops``. Any number of processes may do this at once: what one
    of them made is used. Raises ReconcileError when ClickHouse refuses; the days that it took are made.
    """
    try:
        maker = _Maker(client, database=database, at=now or datetime.now(UTC))
        return maker.made(min_sessions=min_sessions, stops=stops)
    except ClickHouseError as error:
        raise refused(error, at=f"{database}.page_sequences") from error


class _Maker:
    def __init__(self, client: Client, *, database: str, at: datetime) -> None:
        self._client = client
        self._database = database
        self._at = at

    def made(self, *, min_sessions: int, stops: Stops) -> Made:
        now = {Day(*row[:3]): Holds(*row[3:]) for row in self._rows(_NOW_SQL)}
        made = {
            Sequences(Day(*row[:3]), row[6], Holds(*row[3:6])): row[7].replace(tzinfo=UTC)
            for row in self._rows(_MADE_SQL)
        }
        held, settled = self._held([*due(made, now, at=self._at, min_sessions=min_sessions)], now)
        done, trouble = 0, None
        for day in settled:
            if stops():
                break
            try:
                done += self._make(day, now[day])
            except ClickHouseError as error:
                trouble = trouble or error
        self._delete(outdated(made, now, at=self._at))
        if trouble is not None:
            raise trouble
        return Made(made=done, unsettled=held - done)

    def _held(self, days: Sequence[Day], now: Mapping[Day, Holds]) -> tuple[int, list[Day]]:
        """Of how many of the days silver holds something, and those of which it holds what gold does."""
        of_sites: dict[tuple[str, int], list[Day]] = {}
        for day in days:
            of_sites.setdefault((day.site_id, day.is_bot), []).append(day)
        if not days:
            return 0, []
        checksums = DayChecksums(self._client, database=self._database)
        held, settled = 0, []
        for (site_id, is_bot), theirs in of_sites.items():
            silver = checksums.of(site_id, is_bot=is_bot, days=[day.day for day in theirs])
            held += len(silver)
            settled += [day for day in theirs if silver.get(day.day) == now[day].checksum]
        return held, settled

    def _make(self, day: Day, holds: Holds) -> bool:
        """Whether the day is made now."""
        made_id = secrets.randbits(64)
        bound = {
            "database": self._database,
            "site": day.site_id,
            "is_bot": day.is_bot,
            "day": day.day,
            "made_id": made_id,
        }
        told = {**bound, "checksum": holds.checksum, "made_at": self._at}
        self._client.command(_MAKE_SQL, parameters=told, settings=GENTLY)
        # TRICKY: an erasure deletes what it finds once silver has other ids. What was read before, and is
        # written after, it cannot find.
        if self._client.query(_STRANGERS_SQL, parameters=bound, settings=GENTLY).result_rows[0][0]:
            self._delete([Sequences(day, made_id, holds)])
            return False
        return True

    def _delete(self, gone: Sequence[Sequences]) -> None:
        if gone:
            bound: dict[str, Any] = {
                "database": self._database,
                "sites": sorted({one.day.site_id for one in gone}),
                "days": sorted({one.day.day for one in gone}),
                "made": [one.made_id for one in gone],
            }
            self._client.command(_DELETE_SQL, parameters=bound)

    def _rows(self, sql: str) -> Sequence[Sequence[Any]]:
        return self._client.query(sql, parameters={"database": self._database}, settings=GENTLY).result_rows
