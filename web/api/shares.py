"""/api/v1/sites/{site_id}/shares: links that show the site's dashboard."""

from __future__ import annotations

import asyncio
from datetime import datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.adapters import passwords
from app.adapters.clickhouse.accounts import ShareRow
from app.adapters.clickhouse.changes import Standing
from app.adapters.shares import made
from app.core.accounts import password_fault
from app.core.api_keys import KeyScope
from app.core.shares import MAX_FILTER, MAX_LABEL, ancestors_fault, page_fault
from app.errors import AccountError, NotFoundError, QueryError
from views.stats.model import Filter
from web.api.asking import body_of, query_of, site_of
from web.api.endpoints import Context, Endpoint
from web.api.presenting import json_response


class NewShare(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``page``: a path of the dashboard. ``filter``: the only one shown. ``frame_ancestors``: origins."""

    label: str = ""
    page: str = "/"
    filter: Filter | None = None
    password: str = ""
    frame_ancestors: tuple[str, ...] = ()


class SharedLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link as it stands; its secret is nowhere."""

    share_id: str
    site_id: str
    label: str
    page: str
    filter: Filter | None
    has_password: bool
    frame_ancestors: tuple[str, ...]
    made_at: datetime
    is_revoked: bool


class ShareList(msgspec.Struct, frozen=True, kw_only=True):
    """The links of a site, the oldest first."""

    site_id: str
    shares: list[SharedLink]


class MadeShare(msgspec.Struct, frozen=True, kw_only=True):
    """A new link. ``path`` and ``embed_path`` hold its secret, which is told this once; the latter is empty
    where no page may embed it."""

    share: SharedLink
    path: str
    embed_path: str


async def listed(request: Request, context: Context) -> Response:
    """The links of the site."""
    site_id = _site(request)
    found = await context.queries.accounts.shares()
    shares = [_shown(one) for one in found if one.latest.site_id == site_id]
    return json_response(ShareList(site_id=site_id, shares=shares))


async def make(request: Request, context: Context) -> Response:
    """A new link."""
    site_id, asked, at = _site(request), await body_of(request, NewShare), context.now
    text = msgspec.json.encode(asked.filter).decode() if asked.filter is not None else ""
    if fault := _fault(asked, text):
        raise QueryError(fault)
    kept = await asyncio.to_thread(passwords.hashed, asked.password) if asked.password else ""
    row, token = made(
        at=at,
        site_id=site_id,
        label=asked.label,
        page=asked.page,
        filter=text,
        password_hash=kept,
        frame_ancestors=asked.frame_ancestors,
    )
    await context.queries.accounts.add_share(row)
    share = _shown(Standing(latest=row, made_at=at, is_gone=False))
    embed = f"/embed/{token}" if row.frame_ancestors else ""
    return json_response(MadeShare(share=share, path=f"/share/{token}", embed_path=embed))


async def revoke(request: Request, context: Context) -> Response:
    """The link opens nothing any more."""
    site_id, share_id, at = _site(request), request.path_params["share_id"], context.now
    try:
        row = await context.queries.accounts.revoke_share(share_id, at=at, site_id=site_id)
    except AccountError as error:
        raise NotFoundError(str(error)) from error
    found = next(one for one in await context.queries.accounts.shares() if one.latest.id == row.id)
    return json_response(_shown(found))


def _fault(asked: NewShare, text: str) -> str:
    if len(asked.label) > MAX_LABEL or len(text) > MAX_FILTER:
        return f"expected a label of at most {MAX_LABEL} characters, and a filter of at most {MAX_FILTER}"
    if asked.password and asked.frame_ancestors:
        return "a link with a password cannot be embedded: browsers keep no cookie of a page within a page"
    weak = password_fault(asked.password, name="") if asked.password else ""
    return page_fault(asked.page) or ancestors_fault(asked.frame_ancestors) or weak


def _shown(one: Standing[ShareRow]) -> SharedLink:
    row = one.latest
    return SharedLink(
        share_id=row.id,
        site_id=row.site_id,
        label=row.label,
        page=row.page,
        filter=msgspec.json.decode(row.filter, type=Filter) if row.filter else None,
        has_password=bool(row.password_hash),
        frame_ancestors=row.frame_ancestors,
        made_at=one.made_at,
        is_revoked=one.is_gone,
    )


def _site(request: Request) -> str:
    query_of(request, allowed=())
    return site_of({"site": request.path_params["site_id"]})


_PATH = "/api/v1/sites/{site_id}/shares"
ENDPOINTS = (
    Endpoint(
        method="GET",
        path=_PATH,
        summary="The links that show the site's dashboard",
        handler=listed,
        answer=ShareList,
        scope=KeyScope.ADMIN,
        is_personal=True,
    ),
    Endpoint(
        method="POST",
        path=_PATH,
        summary="Make a link that shows the site's dashboard to whoever has it",
        handler=make,
        answer=MadeShare,
        body=NewShare,
        scope=KeyScope.ADMIN,
        is_personal=True,
    ),
    Endpoint(
        method="DELETE",
        path=f"{_PATH}/{{share_id}}",
        summary="Revoke a link: it opens nothing any more",
        handler=revoke,
        answer=SharedLink,
        may_be_missing=True,
        scope=KeyScope.ADMIN,
        is_personal=True,
    ),
)
