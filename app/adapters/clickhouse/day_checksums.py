"""Days of a site -> the checksums of the sessions that silver holds of them now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from clickhouse_connect.driver.client import Client

from app.adapters.clickhouse.catalogue import load

_OF_DAYS = "site_id = {site:String} AND is_bot = {is_bot:UInt8} AND local_date IN {days:Array(Date)}"


class DayChecksums:
    """Reads sessions as the view of ``session_attributes_daily`` does.

    Where gold has another checksum, it lacks what was written before there was gold, or a TTL took sessions.
    """

    def __init__(self, client: Client, *, database: str) -> None:
        self._client = client
        gold = load(client, database=database).tables["session_attributes_daily"]
        rows = gold.select_from(f"(SELECT * FROM {database}.sessions_silver WHERE {_OF_DAYS})")  # noqa: S608
        self._sql = f"SELECT local_date, sum(checksum) FROM ({rows}) GROUP BY local_date"  # noqa: S608

    def of(self, site_id: str, *, is_bot: int, days: Iterable[date]) -> dict[date, int]:
        """Those of the days that have sessions, of people or of bots."""
        bound = {"site": site_id, "is_bot": is_bot, "days": [*days]}
        rows = self._client.query(self._sql, parameters=bound).result_rows
        return {row[0]: row[1] for row in rows}
