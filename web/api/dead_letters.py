"""/api/v1/dead-letters: what was refused, and the way back. For operators only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.adapters.rules import rules_of
from app.core.api_keys import KeyScope
from app.errors import QueryError
from app.events.dead_letter import Fate, Unsent
from app.events.vocabulary import RejectReason
from app.events.wire import SiteId
from app.traffic.returns import Returns
from views.answers import DeadLetterDetail, DeadLetterList
from views.letters import LetterFilter
from views.params import parse_moment
from web.api.asking import body_of, number_of, optional, query_of, site_if_named
from web.api.endpoints import ITS_SITE, Context, Endpoint, Parameter
from web.api.presenting import json_response

MAX_LISTED = 1000
MAX_SENT = 10_000


class ReplayRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which dead letters go back: those of ``ids``, or the latest that the other fields let through.

    With ``ids`` the ``site`` is the one that they all are of; a key or role of some sites has to name it.
    ``dry_run`` only says what would become of them; ``force`` sends also what would be refused again.
    """

    ids: Annotated[list[str], msgspec.Meta(max_length=500)] = msgspec.field(default_factory=list)
    reason: RejectReason | None = None
    site: SiteId | None = None
    since: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_SENT)] = 1000
    dry_run: bool = False
    force: bool = False


class ReplayAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How many letters had which fate, and the first that somebody has to do something about."""

    is_dry_run: bool
    sent: int
    already_accepted: int
    superseded: int
    repeated: int
    refused_again: int
    unreadable: int
    unsent: list[Unsent]


async def show_list(request: Request, context: Context) -> Response:
    """The latest of them, and how many there are by reason."""
    values = query_of(request, allowed=LIST)
    limit = number_of(values, "limit", default=50, most=MAX_LISTED)
    which = _which(values, context)
    return json_response(await context.queries.dead_letters(which, limit=limit, cursor=values.get("cursor")))


async def show(request: Request, context: Context) -> Response:
    """One whole."""
    values = query_of(request, allowed=ITS_SITE)
    letter_id, site_id = request.path_params["letter_id"], site_if_named(values)
    return json_response(await context.queries.dead_letter(letter_id, site_id=site_id))


async def replay(request: Request, context: Context) -> Response:
    """Send them back, and say what became of each."""
    query_of(request, allowed=())
    asked = await body_of(request, ReplayRequest)
    given = {"reason": asked.reason, "site": asked.site, "since": asked.since}
    which = _which({name: value for name, value in given.items() if value is not None}, context)
    if asked.ids and which != LetterFilter(site_id=which.site_id):
        raise QueryError("ids name the letters by themselves: leave out reason and since")
    queries = context.queries
    returns = Returns(
        rules=rules_of(queries.settings),
        accepted=queries.accepted_events,
        send=None if asked.dry_run else context.send,
        force=asked.force,
    )
    if asked.ids:
        await returns.take(await queries.letters_named(asked.ids, site_id=which.site_id))
    else:
        async for page in queries.letter_pages(which, limit=asked.limit):
            await returns.take(page)
    return json_response(answer(returns, is_dry_run=asked.dry_run))


def answer(returns: Returns, *, is_dry_run: bool) -> ReplayAnswer:
    """What became of the letters of a run."""
    counts = {fate.value: returns.fates[fate] for fate in Fate}
    return ReplayAnswer(is_dry_run=is_dry_run, **counts, unsent=returns.unsent)


def _which(values: Mapping[str, str], context: Context) -> LetterFilter:
    since = values.get("since")
    return LetterFilter(
        reason=optional(RejectReason, values, "reason"),
        site_id=site_if_named(values),
        since=None if since is None else parse_moment("since", since, now_ms=context.clock()),
    )


LIST = {
    "reason": Parameter(meaning="Only those of this reason.", kind=RejectReason),
    "site": Parameter(meaning="Only those of this site, as far as it could be read.", kind=SiteId),
    "since": Parameter(
        meaning="Only those refused since this time, such as 2026-03-31T10:00Z, or so long ago, such as 12h."
    ),
    "limit": Parameter(meaning="How many, 1 to 1000. Default: 50.", kind=int),
    "cursor": Parameter(meaning="The `next_cursor` of an earlier answer."),
}
ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/dead-letters",
        summary="What was refused, latest first, without payloads; and how much of it, by reason",
        handler=show_list,
        answer=DeadLetterList,
        table="letters",
        parameters=LIST,
        scope=KeyScope.ADMIN,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/dead-letters/{letter_id}",
        summary="One refused event whole: its payload, the refusals before, whether it was accepted since",
        handler=show,
        answer=DeadLetterDetail,
        parameters=ITS_SITE,
        may_be_missing=True,
        scope=KeyScope.ADMIN,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/dead-letters/replay",
        summary="Send refused events back to the events topic; each counts once, however often it is sent",
        handler=replay,
        answer=ReplayAnswer,
        body=ReplayRequest,
        may_be_missing=True,
        scope=KeyScope.ADMIN,
    ),
)
