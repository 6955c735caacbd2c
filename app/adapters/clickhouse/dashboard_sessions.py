"""Sessions of people at the dashboard: begun, used, ended; found by the digest of the cookie's secret."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from app.adapters.clickhouse.changes import Change, ChangeLog, Standing, Store

#: A session that was ended elsewhere opens nothing any more after this long.
REMEMBERED_S = 5.0
#: That it is used is written down no more often.
SEEN_EVERY = timedelta(minutes=5)
#: Found sessions, and digests that are of none, are remembered for so many.
MOST = 10_000

_ONE = "SELECT * FROM {database:Identifier}.dashboard_sessions WHERE digest = {value:String}"
_OF_ACCOUNT = "SELECT * FROM {database:Identifier}.dashboard_sessions WHERE account_id = {value:String}"
_IN_ORDER = " ORDER BY changed_at"


class DashboardSession(Change, frozen=True, kw_only=True):
    """A session as its row; the latest row's time is when it was last seen."""

    digest: str
    account_id: str
    credential: str
    expires_at: datetime


class DashboardSessions:
    """The sessions in the store. Raises SinkUnavailableError while it does not answer."""

    def __init__(
        self, store: Store, *, idle: timedelta, elapsed_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = ChangeLog(store, table="dashboard_sessions", kind=DashboardSession)
        self._idle = idle
        self._elapsed_s = elapsed_s
        self._known: OrderedDict[str, tuple[float, Standing[DashboardSession] | None]] = OrderedDict()

    async def begin(self, session: DashboardSession) -> None:
        """It is open from now on."""
        await self._write(session)

    async def find(self, digest: str, *, at: datetime) -> DashboardSession | None:
        """The session that is open at this time; it is seen by this."""
        found = await self._standing(digest)
        if found is None or not self._is_open(found, at=at):
            return None
        latest = found.latest
        if at - latest.changed_at >= SEEN_EVERY:
            await self._write(msgspec.structs.replace(latest, changed_at=at))
        return latest

    async def end(self, session: DashboardSession, *, at: datetime) -> None:
        """It opens nothing any more."""
        await self._write(msgspec.structs.replace(session, changed_at=at, is_gone=1))

    async def of_account(self, account_id: str, *, at: datetime) -> list[Standing[DashboardSession]]:
        """The open sessions of a person, the oldest first."""
        found = await self._log.found(_OF_ACCOUNT + _IN_ORDER, {"value": account_id})
        return [one for one in found if self._is_open(one, at=at)]

    def _is_open(self, found: Standing[DashboardSession], *, at: datetime) -> bool:
        """Whether it neither ended nor expired nor lay idle for too long."""
        latest = found.latest
        return not found.is_gone and at < latest.expires_at and at - latest.changed_at < self._idle

    async def _standing(self, digest: str) -> Standing[DashboardSession] | None:
        now_s = self._elapsed_s()
        read_s, found = self._known.get(digest, (None, None))
        if read_s is None or now_s - read_s >= REMEMBERED_S:
            found = next(iter(await self._log.found(_ONE + _IN_ORDER, {"value": digest})), None)
            self._known[digest] = (now_s, found)
            self._known.move_to_end(digest)
            if len(self._known) > MOST:
                self._known.popitem(last=False)
        return found

    async def _write(self, row: DashboardSession) -> None:
        await self._log.add(row)
        self._known.pop(row.digest, None)
