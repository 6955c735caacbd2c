"""GET /api/v1/accounts: who signs in to the dashboard. They are changed by ``wua users``."""

from __future__ import annotations

from datetime import datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.core.accounts import Role
from app.core.api_keys import KeyScope
from web.api.asking import query_of
from web.api.endpoints import Context, Endpoint
from web.api.presenting import json_response


class AccountShown(msgspec.Struct, frozen=True, kw_only=True):
    """A person; ``roles``: site, or ``*`` for all -> role. Without a password: by an OpenID provider."""

    name: str
    roles: dict[str, Role]
    has_password: bool
    added_at: datetime


class AccountList(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody who signs in, the longest known first."""

    accounts: list[AccountShown]


async def listed(request: Request, context: Context) -> Response:
    """Everybody."""
    query_of(request, allowed=())
    accounts = [
        AccountShown(
            name=one.latest.name,
            roles=one.latest.roles,
            has_password=bool(one.latest.password_hash),
            added_at=one.made_at,
        )
        for one in await context.queries.accounts.users()
    ]
    return json_response(AccountList(accounts=accounts))


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/accounts",
        summary="Who signs in to the dashboard, and as what",
        handler=listed,
        answer=AccountList,
        scope=KeyScope.ADMIN,
        is_personal=True,
    ),
)
