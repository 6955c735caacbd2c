"""The keys of the API in ClickHouse: a log of what was made and revoked, and a short memory of it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from app.adapters.clickhouse.codes import brief
from app.adapters.clickhouse.queries import QueryPool
from app.core.api_keys import ApiKey
from app.core.keys import digest_of
from app.errors import KeyStoreError, QueryError, SinkUnavailableError

#: A key that was revoked opens nothing any more after this long, a new one opens at the latest then.
REMEMBERED_S = 5.0

SECRET_BYTES = 32
KEY_ID_BYTES = 6

_COLUMNS = ("key_id", "changed_at", "digest", "label", "scopes", "sites", "is_revoked")
_KEYS = """
SELECT
    key_id,
    argMax(digest, changed_at),
    argMax(label, changed_at),
    argMax(scopes, changed_at),
    argMax(sites, changed_at),
    max(is_revoked),
    min(changed_at)
FROM {database:Identifier}.api_keys
GROUP BY key_id
ORDER BY min(changed_at), key_id
"""


class ListedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key with what its keeper needs: the digest of its secret, since when, whether it is revoked."""

    key: ApiKey
    digest: str
    made_at: datetime
    is_revoked: bool


def new_secret() -> str:
    """256 random bits as text."""
    return f"wua_{secrets.token_urlsafe(SECRET_BYTES)}"


def new_key(*, label: str, scopes: Collection[str], sites: Collection[str]) -> tuple[ApiKey, str, str]:
    """A key that nobody has yet, its secret, and the digest by which the secret is known."""
    key_id = secrets.token_hex(KEY_ID_BYTES)
    secret = new_secret()
    key = ApiKey(key_id=key_id, label=label, scopes=frozenset(scopes), sites=frozenset(sites))
    return key, secret, digest_of(secret)


class KeyLog:
    """Writes the log. Raises KeyStoreError where it cannot."""

    def __init__(self, client: Client, *, database: str) -> None:
        self._client = client
        self._database = database

    def add(self, key: ApiKey, *, digest: str, at: datetime, is_revoked: bool = False) -> None:
        """The key stands so from now on."""
        row = (key.key_id, at, digest, key.label, sorted(key.scopes), sorted(key.sites), int(is_revoked))
        try:
            self._client.insert(f"{self._database}.api_keys", [row], column_names=list(_COLUMNS))
        except ClickHouseError as error:
            raise self._refused(error) from error

    def listed(self) -> list[ListedKey]:
        """Every key, the oldest first, those that are revoked too."""
        try:
            found = self._client.query(_KEYS, parameters={"database": self._database}).result_rows
        except ClickHouseError as error:
            raise self._refused(error) from error
        return [_listed(*row) for row in found]

    def revoke(self, key_id: str, *, at: datetime) -> ListedKey:
        """The key opens nothing any more; it never does again. KeyStoreError where there is none such."""
        known = {one.key.key_id: one for one in self.listed()}
        if key_id not in known:
            raise KeyStoreError(f"no key {key_id[:64]!r}; `wua keys list` shows those that there are")
        found = known[key_id]
        if not found.is_revoked:
            self.add(found.key, digest=found.digest, at=at, is_revoked=True)
        return found

    def _refused(self, error: ClickHouseError) -> KeyStoreError:
        return KeyStoreError(
            f"{self._database}.api_keys: {brief(str(error))}; check clickhouse.url and run `wua migrate`"
        )


class ApiKeys:
    """The keys that open something, by the digest of their secrets; no older than REMEMBERED_S."""

    def __init__(
        self, pool: QueryPool, *, database: str, elapsed_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._pool = pool
        self._database = database
        self._elapsed_s = elapsed_s
        self._reading = asyncio.Lock()
        self._known: dict[str, ApiKey] = {}
        self._read_s: float | None = None

    async def find(self, digest: str) -> ApiKey | None:
        """The key of a secret with this digest. Raises SinkUnavailableError when that cannot be known now."""
        async with self._reading:
            began_s = self._elapsed_s()
            if self._read_s is None or began_s - self._read_s >= REMEMBERED_S:
                self._known = await self._read()
                self._read_s = began_s
        return self._known.get(digest)

    async def _read(self) -> dict[str, ApiKey]:
        try:
            found = await self._pool.query(_KEYS, {"database": self._database})
        except QueryError as error:
            # It is not the question of whoever asks that is wrong.
            raise SinkUnavailableError(
                f"the keys of the API cannot be read: {error}; run `wua migrate`"
            ) from error
        listed = [_listed(*row) for row in found.rows]
        return {one.digest: one.key for one in listed if not one.is_revoked}


def _listed(
    key_id: str,
    digest: str,
    label: str,
    scopes: list[str],
    sites: list[str],
    is_revoked: int,
    made_at: datetime,
) -> ListedKey:
    key = ApiKey(key_id=key_id, label=label, scopes=frozenset(scopes), sites=frozenset(sites))
    return ListedKey(key=key, digest=digest, made_at=made_at.replace(tzinfo=UTC), is_revoked=bool(is_revoked))
