"""GET /state/{site}/{visitor} of a worker: what is kept about a visitor, by whichever worker has it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol, cast

import msgspec
from aiohttp import ClientError, ClientTimeout
from faust.types import TP
from yarl import URL

from app.core.calendar import moment
from app.core.sessions import REVENUE_UNITS
from app.events.state import Touch, VisitorState, Window
from app.events.vocabulary import BotReason
from web.inspect.access import require_key
from web.inspect.owners import Owners
from web.inspect.refusals import RefusalError, not_now

if TYPE_CHECKING:
    import faust

#: Beside a question that another worker has passed on: it is not passed on again.
FORWARDED = "X-Wua-Forwarded"
FORWARD_TIMEOUT_S = 5.0
DIGEST_BYTES = 8


class Store(Protocol):
    """The state store, as far as it is read here."""

    table: Any

    def load(self, partition: int, keys: Sequence[bytes]) -> dict[bytes, VisitorState]:
        """The states of those visitors who have one."""


class TouchView(msgspec.Struct, frozen=True, kw_only=True):
    """Where a visit came from, and with what."""

    page: str
    channel: str
    source: str
    campaign: str
    country: str
    device_class: str


class WindowView(msgspec.Struct, frozen=True, kw_only=True):
    """An open window; ``version`` counts the statements about its id, ``merged_ids`` the ids it took in."""

    session_id: str
    start_at: datetime
    end_at: datetime
    events: int
    page_views: int
    interactions: int
    conversions: int
    revenue: float
    engaged_ms: int
    entry_path: str
    exit_path: str
    user_id: str
    bot_reasons: list[str]
    version: int
    merged_ids: int


class VisitorView(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept about a visitor. The touches are those of the earliest and the latest open window."""

    site_id: str
    visitor_id: str
    worker: str
    partition: int
    epoch: int
    last_offset: int
    last_received_at: datetime
    remembered_ids: int
    first_touch: TouchView | None
    last_touch: TouchView | None
    windows: list[WindowView]


class StatePage:
    """Answers from this worker's store, or from the worker's that has the key.

    ``admin_key``: who asks must send it, and other workers are asked with it; empty: nobody needs one.
    """

    def __init__(self, app: faust.App, store: Store, *, admin_key: str = "") -> None:
        self._app = app
        self._store = store
        self._admin_key = admin_key
        self._owners = Owners(app, store.table)

    async def show(self, view: Any, request: Any, site: str, visitor: str) -> Any:
        """The visitor's state as JSON; 404 where there is none, 503 while nobody can tell."""
        try:
            require_key(request.headers, key=self._admin_key, as_json=True)
            key = f"{site}:{visitor}".encode()
            tp, owner = await self._owners.of(key)
            if owner != self._owners.here:
                return await self._forward(view, request, owner)
            return _json(view, self._read(tp, key, site=site, visitor=visitor))
        except RefusalError as refused:
            return _json(view, {"detail": refused.detail}, status=refused.status)

    def _read(self, tp: TP, key: bytes, *, site: str, visitor: str) -> VisitorView:
        self._owners.require_here(tp)
        state = self._store.load(tp.partition, [key]).get(key)
        if state is None:
            raise no_state(site, visitor)
        here = str(self._owners.here)
        return describe(state, site=site, visitor=visitor, worker=here, partition=tp.partition)

    async def _forward(self, view: Any, request: Any, owner: URL) -> Any:
        if FORWARDED in request.headers:
            raise not_now("the workers are moving partitions; ask again in a few seconds")
        app = cast(Any, self._app)
        url = owner.join(URL(request.rel_url.raw_path, encoded=True))
        try:
            async with app.http_client.get(
                url, headers=passed_on(self._admin_key), timeout=ClientTimeout(total=FORWARD_TIMEOUT_S)
            ) as answer:
                body = await answer.read()
                return view.bytes(body, content_type=answer.content_type, status=answer.status)
        except (ClientError, TimeoutError, OSError) as error:
            raise not_now(
                f"the visitor is kept by the worker at {owner}, which cannot be reached from here "
                f"({error!r}); check its port and app.advertised_host, or whether it has just ended"
            ) from error


def passed_on(admin_key: str) -> dict[str, str]:
    """The headers of a question that one worker asks another."""
    return {FORWARDED: "1"} | ({"Authorization": f"Bearer {admin_key}"} if admin_key else {})


def register(app: faust.App, store: Store, *, admin_key: str) -> None:
    """Add the page to the worker's web server."""
    page = StatePage(app, store, admin_key=admin_key)

    async def show_state(view: Any, request: Any, site: str, visitor: str) -> Any:
        return await page.show(view, request, site, visitor)

    # A visitor id may have slashes in it.
    app.page("/state/{site}/{visitor:.+}", name="state")(show_state)


def no_state(site: str, visitor: str) -> RefusalError:
    """The refusal for a visitor of whom nothing is kept."""
    return RefusalError(
        HTTPStatus.NOT_FOUND,
        f"no state of visitor {visitor!r} of site {site!r}: nothing was received, or nothing for so "
        "long that every window was closed and forgotten",
    )


def describe(state: VisitorState, *, site: str, visitor: str, worker: str, partition: int) -> VisitorView:
    """The state as it is shown."""
    windows = state.windows
    return VisitorView(
        site_id=site,
        visitor_id=visitor,
        worker=worker,
        partition=partition,
        epoch=state.epoch,
        last_offset=state.last_offset,
        last_received_at=moment(state.last_received_at),
        remembered_ids=len(state.seen) // DIGEST_BYTES,
        first_touch=touch_view(windows[0].touch) if windows else None,
        last_touch=touch_view(windows[-1].touch) if windows else None,
        windows=[_window(window) for window in windows],
    )


def _window(window: Window) -> WindowView:
    return WindowView(
        session_id=window.session_id,
        start_at=moment(window.start_at),
        end_at=moment(window.end_at),
        events=window.events,
        page_views=window.page_views,
        interactions=window.interactions,
        conversions=window.conversions,
        revenue=window.revenue / REVENUE_UNITS,
        engaged_ms=window.engaged_ms,
        entry_path=window.entry_path,
        exit_path=window.exit_path,
        user_id=window.user_id,
        bot_reasons=BotReason(window.bot_reasons).labels,
        version=window.version,
        merged_ids=len(window.merged),
    )


def touch_view(touch: Touch) -> TouchView:
    """Where a visit came from, as it is shown."""
    return TouchView(
        page=f"{touch.page.host}{touch.page.path}",
        channel=touch.traffic.channel,
        source=touch.traffic.source,
        campaign=touch.traffic.campaign,
        country=touch.geo.country,
        device_class=touch.device.device_class,
    )


def _json(view: Any, value: Any, *, status: HTTPStatus = HTTPStatus.OK) -> Any:
    return view.bytes(msgspec.json.encode(value), content_type="application/json", status=int(status))
