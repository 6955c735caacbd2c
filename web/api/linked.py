"""What a link to the dashboard opens of the API: sums of its site, and with a filter nothing beside it."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.core.accounts import Share
from web.api.asking import body_of
from web.api.endpoints import Endpoint
from web.problems import ProblemKind, problem


async def refusal(share: Share, endpoint: Endpoint, request: Request) -> Response | None:
    """403 for what the link does not show; None for what it does."""
    if not endpoint.is_kept:
        return _forbidden("it shows sums: nothing of single people, and nothing that is made or changed")
    if share.filter and not _holds(msgspec.json.decode(share.filter), await _filter(endpoint, request)):
        return _forbidden(f"it shows the site with this filter, or within an `and` of it: {share.filter}")
    return None


async def _filter(endpoint: Endpoint, request: Request) -> Any:
    """The filter that is asked with; None for none, and where none can be."""
    if endpoint.body is not None:
        body = await body_of(request, endpoint.body)
        return msgspec.to_builtins(getattr(body, "filter", None))
    asked = request.query_params.getlist("filter") if "filter" in endpoint.parameters else []
    try:
        return msgspec.json.decode(asked[0]) if len(asked) == 1 else None
    except msgspec.DecodeError:
        return None


def _holds(needed: Any, asked: Any) -> bool:
    """Whether all that passes ``asked`` passes ``needed``."""
    if asked == needed:
        return True
    return isinstance(asked, dict) and asked.get("op") == "and" and needed in asked.get("filters", [])


def _forbidden(why: str) -> Response:
    return problem(403, kind=ProblemKind.FORBIDDEN, detail=f"the link does not open this: {why}")
