"""/api/v1/keys: the keys of the API, listed, made and revoked. For administrators only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec
from clickhouse_connect.driver.exceptions import ClickHouseError
from starlette.requests import Request
from starlette.responses import Response

from app import log
from app.adapters.clickhouse import open_client
from app.adapters.clickhouse.api_keys import KeyLog, ListedKey, new_key
from app.core.api_keys import ALL_SITES, KeyScope
from app.errors import KeyStoreError, NotFoundError, SinkUnavailableError
from app.events.wire import SiteId
from web.api.asking import body_of, query_of
from web.api.endpoints import Context, Endpoint
from web.api.presenting import json_response

T = TypeVar("T")

_LOG = log.get("web")

Label = Annotated[str, msgspec.Meta(max_length=100)]


class KeyRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to be made: what it allows, of which sites (none named: of all), and what people call it."""

    scopes: Annotated[list[KeyScope], msgspec.Meta(min_length=1, max_length=3)]
    sites: Annotated[list[SiteId], msgspec.Meta(max_length=1000)] = msgspec.field(default_factory=list)
    label: Label = ""


class ShownKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key without its secret; ``sites`` is ``["*"]`` where it is of all, also of those to come."""

    id: str
    label: str
    scopes: list[str]
    sites: list[str]
    made_at: datetime
    is_revoked: bool


class MadeKey(ShownKey, frozen=True, kw_only=True):
    """A new key with its secret, which is told this once and kept nowhere."""

    secret: str


class KeyList(msgspec.Struct, frozen=True, kw_only=True):
    """Every key, the oldest first, those that are revoked too."""

    keys: list[ShownKey]


async def show_list(request: Request, context: Context) -> Response:
    """All of them."""
    query_of(request, allowed=())
    listed = await _in_log(context, KeyLog.listed)
    return json_response(KeyList(keys=[ShownKey(**_fields(one)) for one in listed]))


async def make(request: Request, context: Context) -> Response:
    """A new one."""
    query_of(request, allowed=())
    asked = await body_of(request, KeyRequest)
    key, secret, digest = new_key(label=asked.label, scopes=asked.scopes, sites=asked.sites or [ALL_SITES])
    made_at = context.now
    await _in_log(context, lambda keys: keys.add(key, digest=digest, at=made_at))
    _LOG.info("web.key_made", key=key.key_id, scopes=sorted(key.scopes), sites=sorted(key.sites))
    made = ListedKey(key=key, digest=digest, made_at=made_at, is_revoked=False)
    return json_response(MadeKey(**_fields(made), secret=secret))


async def revoke(request: Request, context: Context) -> Response:
    """It opens nothing any more within seconds, and never does again."""
    query_of(request, allowed=())
    key_id = request.path_params["key_id"]
    at = context.now

    def revoked(keys: KeyLog) -> ListedKey:
        if key_id not in {one.key.key_id for one in keys.listed()}:
            raise NotFoundError(f"no key {key_id[:64]!r}; GET /api/v1/keys lists those that there are")
        return keys.revoke(key_id, at=at)

    found = await _in_log(context, revoked)
    _LOG.info("web.key_revoked", key=key_id)
    return json_response(ShownKey(**{**_fields(found), "is_revoked": True}))


async def _in_log(context: Context, do: Callable[[KeyLog], T]) -> T:
    """What ``do`` gives of the log; raises SinkUnavailableError where it cannot be read or written."""
    clickhouse = context.queries.settings.clickhouse

    def run() -> T:
        client = open_client(clickhouse, readonly=False)
        try:
            return do(KeyLog(client, database=clickhouse.database))
        finally:
            client.close()

    try:
        return await asyncio.to_thread(run)
    except (ClickHouseError, KeyStoreError) as error:
        raise SinkUnavailableError(f"the keys of the API cannot be reached: {error}") from error


def _fields(one: ListedKey) -> dict[str, Any]:
    return {
        "id": one.key.key_id,
        "label": one.key.label,
        "scopes": sorted(one.key.scopes),
        "sites": sorted(one.key.sites),
        "made_at": one.made_at,
        "is_revoked": one.is_revoked,
    }


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/keys",
        summary="The keys of the API without their secrets, the oldest first",
        handler=show_list,
        answer=KeyList,
        table="keys",
        is_personal=True,
        scope=KeyScope.ADMIN,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/keys",
        summary="Make a key of the API; its secret is told this once",
        handler=make,
        answer=MadeKey,
        body=KeyRequest,
        scope=KeyScope.ADMIN,
    ),
    Endpoint(
        method="DELETE",
        path="/api/v1/keys/{key_id}",
        summary="Revoke a key of the API, for good, within seconds",
        handler=revoke,
        answer=ShownKey,
        may_be_missing=True,
        scope=KeyScope.ADMIN,
    ),
)
