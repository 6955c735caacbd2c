"""What an endpoint is: how it is called, what it takes and gives. The routes and OpenAPI are made of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.adapters.clock import Clock
from views.queries import Queries

Handler = Callable[[Request, "Context"], Awaitable[Response]]


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a handler asks with."""

    queries: Queries
    clock: Clock


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One route of the API. ``parameters`` maps each query parameter to its description."""

    method: str
    path: str
    summary: str
    handler: Handler
    answer: Any
    parameters: Mapping[str, str] = {}
    body: Any = None
    may_be_missing: bool = False


SCOPE = {
    "site": "Site id.",
    "from": "First day, in the site's time zone; default: 30 days before `to`.",
    "to": "First day that is left out; default: tomorrow.",
    "bots": "Whose traffic counts: exclude (default), include, only.",
}
PERIOD = {name: text for name, text in SCOPE.items() if name != "site"}
