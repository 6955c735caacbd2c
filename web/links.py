"""POST /api/v1/link, /api/v1/link/verify: a visitor's id goes along to another domain of the same owner."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.adapters.clock import Clock
from app.adapters.secret_file import kept_secret
from app.core.cross_domain import ID_PATTERN, Follower, read, sign
from app.events.wire import SiteId
from app.settings import Settings
from web.bodies import read_body
from web.intake import Intake
from web.permits import Permits, read_claim
from web.problems import ProblemKind, problem
from web.sender import networks, read_sender

PATH = "/api/v1/link"
VERIFY_PATH = "/api/v1/link/verify"
MAX_BYTES = 4096


class Departing(msgspec.Struct, frozen=True, kw_only=True):
    """A visitor who is about to follow a link."""

    site_id: SiteId
    visitor_id: Annotated[str, msgspec.Meta(pattern=f"^{ID_PATTERN}$")]


class LinkToken(msgspec.Struct, frozen=True, kw_only=True):
    """What the link takes along as `_wua`; for two minutes, this site and this user agent."""

    token: str


class Arriving(msgspec.Struct, frozen=True, kw_only=True):
    """What a link brought along as `_wua`."""

    site_id: SiteId
    token: Annotated[str, msgspec.Meta(max_length=1024)]


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """Who followed the link; empty where the token is not good (any more)."""

    visitor_id: str


_Asked = TypeVar("_Asked", Departing, Arriving)


class Links:
    """Signs and verifies for those who may post events of the site; nothing of it is kept or logged."""

    def __init__(
        self, settings: Settings, *, intake: Intake, permits: Permits, clock: Clock, key_file: Path
    ) -> None:
        self._intake = intake
        self._permits = permits
        self._clock = clock
        self._key_file = key_file
        self._trusted = networks(settings.web.trusted_proxies)

    async def sign(self, request: Request) -> Response:
        """A token for the visitor."""
        return await self._answer(request, Departing, self._token)

    async def verify(self, request: Request) -> Response:
        """The visitor of a good token; an empty id for any other."""
        return await self._answer(request, Arriving, self._visitor)

    def _token(self, asked: Departing, follower: Follower) -> LinkToken:
        return LinkToken(token=sign(asked.visitor_id, follower, now_ms=self._clock(), key=self._key))

    def _visitor(self, asked: Arriving, follower: Follower) -> Arrived:
        return Arrived(visitor_id=read(asked.token, follower, now_ms=self._clock(), key=self._key))

    @cached_property
    def _key(self) -> bytes:
        return kept_secret(self._key_file)

    async def _answer(
        self,
        request: Request,
        kind: type[_Asked],
        say: Callable[[_Asked, Follower], LinkToken | Arrived],
    ) -> Response:
        """What there is to say to what was asked, or the problem where it may not be asked."""
        sender = read_sender(request, trusted=self._trusted, check_headers=False)
        if slow_down := self._intake.limit_network(sender.ip, 1):
            return slow_down
        try:
            asked = msgspec.json.decode(await read_body(request, max_bytes=MAX_BYTES), type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return problem(400, kind=ProblemKind.BAD_REQUEST, detail=f"not such a body: {error}")
        claim = read_claim(request)
        if self._permits.is_write_key(claim.key) and (slow_down := self._intake.limit_key(claim.key, 1)):
            return slow_down
        if refused := self._permits.refuse_page(asked.site_id, claim):
            return problem(
                403,
                kind=ProblemKind.NOT_PERMITTED,
                detail=refused.detail,
                reason=refused.reason,
                field=refused.field,
            )
        said = say(asked, Follower(site_id=asked.site_id, user_agent=sender.user_agent))
        return Response(
            msgspec.json.encode(said), media_type="application/json", headers={"Cache-Control": "no-store"}
        )
