"""POST /api/v1/events -> web_events: decode, check, stamp, produce; answered when the broker has them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.adapters.address_seal import AddressSeal
from app.adapters.clock import Clock
from app.adapters.visitor_ids import VisitorIds
from app.core.decode import decode_client_event
from app.core.keys import digest_of
from app.events.rejects import Reject
from app.events.wire import WebEvent
from app.metrics import WebMetrics
from app.settings import Settings
from web import links, pixel, server_events
from web.batch_note import BatchNote, note_of
from web.batches import read_batch
from web.cors import Cors
from web.intake import Intake, Produces
from web.permits import PageClaim, Permits, read_claim
from web.sender import Sender, networks, read_sender, stamp
from web.visitors import Visitors

EVENTS_PATH = "/api/v1/events"
#: Where bodies are counted by the handler itself.
BATCH_PATHS = (EVENTS_PATH, server_events.PATH)


class Collector:
    """The endpoint for pages."""

    def __init__(self, settings: Settings, *, intake: Intake, permits: Permits, visitors: Visitors) -> None:
        self._intake = intake
        self._permits = permits
        self._visitors = visitors
        self._trusted = networks(settings.web.trusted_proxies)
        self._check_headers = settings.web.check_headers

    async def post(self, request: Request) -> Response:
        """Take a batch: 202 when the broker has all of it, else a reason for each event it has not."""
        note = note_of(request)
        sender = read_sender(request, trusted=self._trusted, check_headers=self._check_headers)
        # One token before anything is read, so that garbage is limited as well.
        if slow_down := self._intake.limit_network(sender.ip, 1):
            return slow_down
        raws = await read_batch(request)
        if isinstance(raws, Response):
            return raws
        claim = read_claim(request)
        if slow_down := self._limit(sender, claim, note):
            return slow_down
        kept = await self._intake.keep(
            raws,
            stamp=partial(self._stamp, sender=sender),
            forbid=partial(self._permits.refuse_page, claim=claim),
            note=note,
        )
        return kept.answer()

    def _limit(self, sender: Sender, claim: PageClaim, note: BatchNote) -> Response | None:
        events = note.events
        slow_down = self._intake.limit_network(sender.ip, events - 1, events=events)
        # A key that no site has is refused with its events, and gets no bucket.
        if slow_down is None and self._permits.is_write_key(claim.key):
            note.add_key(digest_of(claim.key))
            slow_down = self._intake.limit_key(claim.key, events)
        return slow_down

    def _stamp(self, raw: bytes, received_at: int, *, sender: Sender) -> WebEvent | Reject | None:
        posted = decode_client_event(raw)
        if isinstance(posted, Reject):
            return posted
        # Before a visitor is derived: nothing at all is made of who does not want it.
        if self._permits.is_opted_out(posted.site_id, sender):
            return None
        visitor_id = self._visitors.name(
            posted, ip=sender.ip, user_agent=sender.user_agent, received_at=received_at
        )
        if isinstance(visitor_id, Reject):
            return visitor_id
        return stamp(posted, sender, visitor_id=visitor_id, received_at=received_at)


def routes(
    settings: Settings,
    *,
    producer: Produces,
    metrics: WebMetrics,
    clock: Clock,
    visitor_ids: VisitorIds,
    link_key: Path,
    seal: AddressSeal,
) -> list[Route]:
    """The ways in: for pages, for servers, and for browsers without script. They share the limits.

    ``link_key``: the file of the secret that links between domains are signed with. ``seal``: what addresses
    leave this process under.
    """
    intake = Intake(settings, producer=producer, metrics=metrics, clock=clock, seal=seal)
    permits = Permits(settings)
    visitors = Visitors(settings, ids=visitor_ids)
    pages = Collector(settings, intake=intake, permits=permits, visitors=visitors)
    servers = server_events.ServerEvents(settings, intake=intake, permits=permits, visitors=visitors)
    images = pixel.Pixel(settings, intake=intake, permits=permits, visitors=visitors)
    signed = links.Links(settings, intake=intake, permits=permits, clock=clock, key_file=link_key)
    cors = Middleware(Cors, origins=permits.origins.of_any_site)
    return [
        Route(EVENTS_PATH, pages.post, methods=["POST", "OPTIONS"], middleware=[cors]),
        Route(links.PATH, signed.sign, methods=["POST", "OPTIONS"], middleware=[cors]),
        Route(links.VERIFY_PATH, signed.verify, methods=["POST", "OPTIONS"], middleware=[cors]),
        Route(server_events.PATH, servers.post, methods=["POST"]),
        Route(pixel.PATH, images.get, methods=["GET"]),
    ]
