"""GET /api/v1/pixel.gif -> web_events: a page view of a browser that runs no script. No cookie is set."""

from __future__ import annotations

import uuid
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.core.decode import decode_client_event
from app.core.keys import digest_of
from app.events.rejects import Reject
from app.events.vocabulary import EventType
from app.events.wire import WebEvent
from app.settings import Settings
from web.batch_note import note_of
from web.intake import Intake
from web.permits import PageClaim, Permits
from web.problems import ProblemKind, problem
from web.sender import Sender, networks, read_sender, stamp
from web.visitors import Visitors

PATH = "/api/v1/pixel.gif"
#: One transparent pixel.
GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
_HEADERS = {"Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "cross-origin"}


class Pixel:
    """The image, and the page view that it stands for."""

    def __init__(self, settings: Settings, *, intake: Intake, permits: Permits, visitors: Visitors) -> None:
        self._intake = intake
        self._permits = permits
        self._visitors = visitors
        self._trusted = networks(settings.web.trusted_proxies)
        self._check_headers = settings.web.check_headers

    async def get(self, request: Request) -> Response:
        """The image once the broker has the page view, or nothing is to be kept of it; else a problem."""
        if request.method == "HEAD":
            return _image()
        note = note_of(request)
        sender = read_sender(request, trusted=self._trusted, check_headers=self._check_headers)
        if slow_down := self._intake.limit_network(sender.ip, 1):
            return slow_down
        url = request.headers.get("referer", "")
        if not url:
            return _no_page()
        note.events = 1
        claim = PageClaim(
            key=request.query_params.get("key", ""),
            origin=_origin(url),
            host=request.headers.get("host", ""),
        )
        if self._permits.is_write_key(claim.key):
            note.add_key(digest_of(claim.key))
            if slow_down := self._intake.limit_key(claim.key, 1):
                return slow_down
        kept = await self._intake.keep(
            [_page_view(request.query_params.get("site", ""), url)],
            stamp=partial(self._stamp, sender=sender),
            forbid=partial(self._permits.refuse_page, claim=claim),
            note=note,
        )
        return kept.answer() if kept.refused else _image()

    def _stamp(self, raw: bytes, received_at: int, *, sender: Sender) -> WebEvent | Reject | None:
        posted = decode_client_event(raw)
        if isinstance(posted, Reject):
            return posted
        if self._permits.is_opted_out(posted.site_id, sender):
            return None
        visitor_id = self._visitors.find(
            posted, ip=sender.ip, user_agent=sender.user_agent, received_at=received_at
        )
        now = msgspec.structs.replace(posted, occurred_at=received_at, sent_at=received_at)
        return stamp(now, sender, visitor_id=visitor_id, received_at=received_at)


def _page_view(site_id: str, url: str) -> bytes:
    """What a script would have posted, so that it is read by the same rules."""
    return msgspec.json.encode(
        {
            "event_id": str(uuid.uuid4()),
            "event_type": EventType.PAGE_VIEW,
            "site_id": site_id,
            "occurred_at": 0,
            "sent_at": 0,
            "url": url,
        }
    )


def _origin(url: str) -> str:
    """What a script of the page would have sent as Origin."""
    return "/".join(url.split("/", 3)[:3])


def _image() -> Response:
    return Response(GIF, media_type="image/gif", headers=_HEADERS)


def _no_page() -> Response:
    return problem(
        400,
        kind=ProblemKind.BAD_REQUEST,
        detail='no Referer says which page it is; give the image referrerpolicy="no-referrer-when-downgrade"',
    )
