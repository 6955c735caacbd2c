"""POST /api/v1/server/events -> web_events: events that a server saw, under a secret key of the site.

Not for pages: there are no CORS headers, so that no browser sends the secret from elsewhere.
"""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from app.core.decode import decode_server_event
from app.events.rejects import Reject
from app.events.vocabulary import Origin, RejectReason, Step
from app.events.wire import WebEvent
from app.settings import Settings
from web.admin import bearer_of
from web.batch_note import note_of
from web.batches import read_batch
from web.intake import Intake
from web.permits import Permits
from web.problems import ProblemKind, problem
from web.sender import networks, read_address, read_sender
from web.visitors import Visitors

PATH = "/api/v1/server/events"


class ServerEvents:
    """The endpoint for servers."""

    def __init__(self, settings: Settings, *, intake: Intake, permits: Permits, visitors: Visitors) -> None:
        self._intake = intake
        self._permits = permits
        self._visitors = visitors
        self._trusted = networks(settings.web.trusted_proxies)

    async def post(self, request: Request) -> Response:
        """Take a batch: 401 without a secret that we know, else as the collector answers."""
        note = note_of(request)
        sender = read_sender(request, trusted=self._trusted)
        # The network pays for each request, so that secrets cannot be guessed at speed; the key for events.
        if slow_down := self._intake.limit_network(sender.ip, 1):
            return slow_down
        digest = self._permits.secret_digest(bearer_of(request))
        if digest is None:
            return _unauthorized()
        note.add_key(digest)
        raws = await read_batch(request)
        if isinstance(raws, Response):
            return raws
        if slow_down := self._intake.limit_key(digest, len(raws)):
            return slow_down
        forbid = partial(self._permits.refuse_server, digest=digest)
        return (await self._intake.keep(raws, stamp=self._stamp, forbid=forbid, note=note)).answer()

    def _stamp(self, raw: bytes, received_at: int) -> WebEvent | Reject:
        """The event as it goes to Kafka; the server's clock is believed where it says not when it sent."""
        posted = decode_server_event(raw)
        if isinstance(posted, Reject):
            return posted
        ip = read_address(posted.ip)
        if posted.ip and not ip:
            return Reject(
                reason=RejectReason.INVALID_VALUE, step=Step.DECODE, field="ip", detail="not an IP address"
            )
        visitor_id = self._visitors.name(posted, ip=ip, user_agent=posted.user_agent, received_at=received_at)
        if isinstance(visitor_id, Reject):
            return visitor_id
        fields = {name: getattr(posted, name) for name in posted.__struct_fields__}
        fields |= {"visitor_id": visitor_id, "ip": ip, "sent_at": posted.sent_at or received_at}
        return WebEvent(**fields, received_at=received_at, origin=Origin.SERVER)


def _unauthorized() -> Response:
    return problem(
        401,
        kind=ProblemKind.UNAUTHORIZED,
        detail="send a secret of the site as `Authorization: Bearer SECRET`; `wua keys new` makes one, and "
        "server_keys of the site lists its digest",
        headers={"WWW-Authenticate": "Bearer"},
    )
