"""People of the dashboard and links to it: written by commands and pages, and a short memory of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from app.adapters.clickhouse.changes import Change, ChangeLog, Standing, Store
from app.core.accounts import Account, Role, Share
from app.errors import AccountError

#: A change is known to every web server after this long, to the one that made it at once.
REMEMBERED_S = 5.0


class UserRow(Change, frozen=True, kw_only=True):
    """A person, as the row."""

    name: str
    password_hash: str
    subject: str
    roles: dict[str, Role]

    @property
    def account(self) -> Account:
        """The person."""
        return Account(
            account_id=self.id,
            name=self.name,
            roles=self.roles,
            password_hash=self.password_hash,
            subject=self.subject,
        )


class ShareRow(Change, frozen=True, kw_only=True):
    """A link, as the row."""

    digest: str
    site_id: str
    label: str
    page: str
    filter: str
    password_hash: str
    frame_ancestors: tuple[str, ...]

    @property
    def share(self) -> Share:
        """The link."""
        return Share(
            share_id=self.id,
            digest=self.digest,
            site_id=self.site_id,
            label=self.label,
            page=self.page,
            filter=self.filter,
            password_hash=self.password_hash,
            frame_ancestors=self.frame_ancestors,
        )


class Accounts:
    """Who signs in and which links open something.

    What is asked for one at a time is remembered for REMEMBERED_S; lists are read anew. Raises AccountError
    for names that are taken or nobody's, and for links that are not there.
    """

    def __init__(self, store: Store, *, elapsed_s: Callable[[], float] = time.monotonic) -> None:
        self._users_log = ChangeLog(store, table="dashboard_users", kind=UserRow)
        self._shares_log = ChangeLog(store, table="dashboard_shares", kind=ShareRow)
        self._elapsed_s = elapsed_s
        self._reading = asyncio.Lock()
        self._users: Mapping[str, UserRow] = {}
        self._shares: Mapping[str, ShareRow] = {}
        self._read_s: float | None = None

    async def user(self, account_id: str) -> UserRow | None:
        """The person with the id."""
        await self._fresh()
        return self._users.get(account_id)

    async def named(self, name: str) -> UserRow | None:
        """The person who signs in with the name; of two the one who had it first."""
        await self._fresh()
        return next((one for one in self._users.values() if one.name == name), None)

    async def with_subject(self, subject: str) -> UserRow | None:
        """The person who has the id at the OpenID provider."""
        await self._fresh()
        return next((one for one in self._users.values() if one.subject == subject), None)

    async def share(self, digest: str) -> Share | None:
        """The link whose secret has this digest."""
        await self._fresh()
        found = self._shares.get(digest)
        return found.share if found else None

    async def users(self) -> list[Standing[UserRow]]:
        """Everybody who signs in, the longest known first."""
        return [one for one in await self._users_log.listed() if not one.is_gone]

    async def must_find(self, name: str) -> UserRow:
        """The person who signs in with the name."""
        found = next((one.latest for one in await self.users() if one.latest.name == name), None)
        if found is None:
            raise AccountError(f"nobody signs in as {name[:128]!r}; `wua users list` shows who does")
        return found

    async def make(self, row: UserRow) -> None:
        """Add somebody whose name nobody has."""
        if any(one.latest.name == row.name for one in await self.users()):
            raise AccountError(f"{row.name!r} is there already; `wua users grant` changes what they may do")
        await self._users_log.add(row)
        self._read_s = None

    async def change(self, row: UserRow, *, at: datetime, **changed: Any) -> UserRow:
        """The person stands so from now on, also where the clock that wrote ``row`` is ahead of this one."""
        at = max(at, row.changed_at + timedelta(microseconds=1))
        made: UserRow = msgspec.structs.replace(row, changed_at=at, **changed)
        await self._users_log.add(made)
        self._read_s = None
        return made

    async def remove(self, row: UserRow, *, at: datetime) -> None:
        """The person signs in no more: a row says so for good, and the others go with name and hash."""
        await self.change(row, at=at, is_gone=1, name="", password_hash="", subject="", roles={})
        await self._users_log.forget(column="name", value=row.name)

    async def shares(self) -> list[Standing[ShareRow]]:
        """Every link, the oldest first, those that are revoked too."""
        return await self._shares_log.listed()

    async def add_share(self, row: ShareRow) -> None:
        """The link opens its site from now on."""
        await self._shares_log.add(row)
        self._read_s = None

    async def revoke_share(self, share_id: str, *, at: datetime, site_id: str | None = None) -> ShareRow:
        """The link opens nothing any more; with ``site_id`` one of this site alone."""
        for one in await self.shares():
            row = one.latest
            if row.id == share_id and site_id in (None, row.site_id):
                if not one.is_gone:
                    await self._shares_log.add(msgspec.structs.replace(row, changed_at=at, is_gone=1))
                    self._read_s = None
                return row
        raise AccountError(f"no link {share_id[:64]!r}; `wua share list` shows those that there are")

    async def _fresh(self) -> None:
        async with self._reading:
            began_s = self._elapsed_s()
            if self._read_s is not None and began_s - self._read_s < REMEMBERED_S:
                return
            users, shares = await self.users(), await self.shares()
            self._users = {one.latest.id: one.latest for one in users}
            self._shares = {one.latest.digest: one.latest for one in shares if not one.is_gone}
            self._read_s = began_s
