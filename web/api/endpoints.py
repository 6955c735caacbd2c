"""What an endpoint is: how it is called, what it takes and gives. The routes and OpenAPI are made of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response

from app.adapters.clock import Clock
from app.core.api_keys import KeyScope
from app.events.wire import SiteId
from app.traffic.returns import Send
from views.params import Bots
from views.queries import Queries
from web.accepting import ARROW, CSV, JSON
from web.api.streaming import Streams
from web.health import Check
from web.reports.background import ReportService

Handler = Callable[[Request, "Context"], Awaitable[Response]]


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """What of this process tells how the product does: the parts it needs, and what it measures."""

    parts: Mapping[str, Check] = {}
    registries: Sequence[CollectorRegistry] = ()


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a handler asks with; ``send`` sends to the events topic.

    ``reports`` makes those that nobody waits for; ``streams`` are those that are open; ``operation`` is what
    the administrators are shown of the process.
    """

    queries: Queries
    reports: ReportService
    send: Send
    clock: Clock
    streams: Streams = msgspec.field(default_factory=Streams)
    operation: Operation = Operation()

    @property
    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.fromtimestamp(self.clock() / 1000, UTC)


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One query parameter: what it means, and the type that its text is of."""

    meaning: str
    kind: Any = str
    is_required: bool = False


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One route of the API; ``other_media`` is what it can answer with beside JSON.

    ``accepted``: what it answers with 202, where it does; ``errors``: statuses beside the usual ones.

    ``scope`` is what a key must allow; of which sites is seen from the site in path, query or body
    (web/api/access.py). ``table`` is the attribute of the answer that CSV and Arrow hold, ``.`` the answer
    itself as one row. ``is_personal``: it tells of single people, or of what a request just changed, and is
    kept nowhere. ``is_of_no_site``: it tells of no site, so that a key of any opens it.
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
    scope: KeyScope = KeyScope.READ
    table: str = ""
    is_personal: bool = False
    is_of_no_site: bool = False
    other_media: tuple[str, ...] = ()
    accepted: Any = None
    errors: tuple[str, ...] = ()

    @property
    def media(self) -> tuple[str, ...]:
        """What it can answer with, JSON first."""
        return (JSON, *((CSV, ARROW) if self.table else ()), *self.other_media)

    @property
    def is_kept(self) -> bool:
        """Whether an answer may be given again to whoever asks the same."""
        return self.scope is KeyScope.READ and not self.is_personal


SCOPE = {
    "site": Parameter(meaning="Site id.", kind=SiteId, is_required=True),
    "from": Parameter(meaning="First day, in the site's time zone. Default: 30 days before `to`.", kind=date),
    "to": Parameter(meaning="The first day that is left out. Default: tomorrow.", kind=date),
    "bots": Parameter(meaning="Whose traffic counts. Default: exclude.", kind=Bots),
}
#: Of what has an id, and a site beside it.
ITS_SITE = {
    "site": Parameter(meaning="The site that it is of; a key of some sites has to name it.", kind=SiteId)
}
PERIOD = {name: parameter for name, parameter in SCOPE.items() if name != "site"}
