"""POST /api/v1/events -> web_events: decode, check, stamp, produce; answered when the broker has them."""

from __future__ import annotations

from functools import partial

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.adapters.clock import Clock
from app.core.decode import decode_client_event
from app.events.rejects import Reject
from app.events.vocabulary import Origin
from app.events.wire import ClientEvent, WebEvent
from app.metrics import WebMetrics
from app.settings import Settings
from web import server_events
from web.batches import read_batch
from web.cors import Cors
from web.intake import Intake, Produces
from web.permits import PageClaim, Permits
from web.sender import Sender, merge_hints, networks, read_sender

EVENTS_PATH = "/api/v1/events"
#: Where bodies are counted by the handler itself.
BATCH_PATHS = (EVENTS_PATH, server_events.PATH)


class Collector:
    """The endpoint for pages."""

    def __init__(self, settings: Settings, *, intake: Intake, permits: Permits) -> None:
        self._intake = intake
        self._permits = permits
        self._trusted = networks(settings.web.trusted_proxies)

    async def post(self, request: Request) -> Response:
        """Take a batch: 202 when the broker has all of it, else a reason for each event it has not."""
        sender = read_sender(request, trusted=self._trusted)
        # One token before anything is read, so that garbage is limited as well.
        if slow_down := self._intake.limit_network(sender.ip, 1):
            return slow_down
        raws = await read_batch(request)
        if isinstance(raws, Response):
            return raws
        claim = read_claim(request)
        if slow_down := self._limit(sender, claim, len(raws)):
            return slow_down
        kept = await self._intake.keep(
            raws,
            stamp=partial(self._stamp, sender=sender),
            forbid=partial(self._permits.refuse_page, claim=claim),
        )
        return kept.answer()

    def _limit(self, sender: Sender, claim: PageClaim, events: int) -> Response | None:
        slow_down = self._intake.limit_network(sender.ip, events - 1, events=events)
        # A key that no site has is refused with its events, and gets no bucket.
        if slow_down is None and self._permits.is_write_key(claim.key):
            slow_down = self._intake.limit_key(claim.key, events)
        return slow_down

    def _stamp(self, raw: bytes, received_at: int, *, sender: Sender) -> WebEvent | Reject:
        posted = decode_client_event(raw)
        return posted if isinstance(posted, Reject) else stamp(posted, sender, received_at=received_at)


def routes(settings: Settings, *, producer: Produces, metrics: WebMetrics, clock: Clock) -> list[Route]:
    """The ways in: for pages and for servers. They share the limits."""
    intake = Intake(settings, producer=producer, metrics=metrics, clock=clock)
    permits = Permits(settings)
    pages = Collector(settings, intake=intake, permits=permits)
    servers = server_events.ServerEvents(settings, intake=intake, permits=permits)
    cors = Middleware(Cors, origins=permits.origins.of_any_site)
    return [
        Route(EVENTS_PATH, pages.post, methods=["POST", "OPTIONS"], middleware=[cors]),
        Route(server_events.PATH, servers.post, methods=["POST"]),
    ]


def read_claim(request: Request) -> PageClaim:
    """What a page posts under. Its key stands in the address: sendBeacon can set no header."""
    headers = request.headers
    return PageClaim(
        key=request.query_params.get("key", ""),
        origin=headers.get("origin", ""),
        host=headers.get("host", ""),
    )


def stamp(posted: ClientEvent, sender: Sender, *, received_at: int) -> WebEvent:
    """The event as it goes to Kafka: what was posted, and what only the collector knows."""
    fields = {name: getattr(posted, name) for name in posted.__struct_fields__}
    fields["client_hints"] = merge_hints(posted.client_hints, sender.client_hints)
    return WebEvent(
        **fields,
        received_at=received_at,
        ip=sender.ip,
        user_agent=sender.user_agent,
        origin=Origin.BROWSER,
    )
