"""What an endpoint is: how it is called, what it takes and gives. The routes and OpenAPI are made of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.adapters.clock import Clock
from app.events.wire import SiteId
from app.traffic.returns import Send
from views.params import Bots
from views.queries import Queries
from web.reports.background import ReportService

Handler = Callable[[Request, "Context"], Awaitable[Response]]


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a handler asks with; ``send`` sends to the events topic."""

    queries: Queries
    reports: ReportService
    send: Send
    clock: Clock


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One query parameter: what it means, and the type that its text is of."""

    meaning: str
    kind: Any = str
    is_required: bool = False


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One route of the API; ``other_media`` is what it can answer with beside JSON.

    ``accepted``: what it answers with 202, where it does; ``errors``: statuses beside the usual ones.

    ``is_for_operators``: it takes the key of web.admin_key, or a request from this machine.
    """

    method: str
    path: str
    summary: str
    handler: Handler
    answer: Any
    parameters: Mapping[str, Parameter] = {}
    body: Any = None
    may_be_missing: bool = False
    may_conflict: bool = False
    is_for_operators: bool = False
    other_media: tuple[str, ...] = ()
    accepted: Any = None
    errors: tuple[str, ...] = ()


SCOPE = {
    "site": Parameter(meaning="Site id.", kind=SiteId, is_required=True),
    "from": Parameter(meaning="First day, in the site's time zone. Default: 30 days before `to`.", kind=date),
    "to": Parameter(meaning="The first day that is left out. Default: tomorrow.", kind=date),
    "bots": Parameter(meaning="Whose traffic counts. Default: exclude.", kind=Bots),
}
PERIOD = {name: parameter for name, parameter in SCOPE.items() if name != "site"}
