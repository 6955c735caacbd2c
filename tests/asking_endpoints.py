"""The API over HTTP with keys that stand in a dictionary, and whatever endpoints are asked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.routing import Route

from app.adapters.kept_answers import InProcess, Store
from app.core.api_keys import ApiKey
from app.core.keys import digest_of
from app.settings import Settings
from tests.answering import ms
from tests.collecting import RecordingProducer
from views.queries import Queries
from web.api.access import Access
from web.api.answering import Answering
from web.api.endpoints import Context, Endpoint
from web.problems import exception_handlers
from web.reports.background import ReportService
from web.sign_in.door import Door

NOW = ms("2026-03-10T12:00Z")


class Known:
    """Keys by their secrets, as ``ApiKeys`` finds them."""

    def __init__(self, **keys: ApiKey) -> None:
        self._keys = {digest_of(secret): key for secret, key in keys.items()}

    async def find(self, digest: str) -> ApiKey | None:
        return self._keys.get(digest)


def key(name: str = "k1", *, scopes: Sequence[str] = ("read",), sites: Sequence[str] = ("shop",)) -> ApiKey:
    return ApiKey(key_id=name, label="", scopes=frozenset(scopes), sites=frozenset(sites))


class Asking:
    """A client of the endpoints; ``now_ms`` is the clock's, to be put forward."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        *,
        settings: Settings,
        keys: Known | None = None,
        store: Store | None = None,
        queries: Any = None,
    ) -> None:
        self.now_ms = NOW
        asked = queries or Queries(None, settings=settings)
        context = Context(
            queries=asked,
            reports=ReportService(asked, clock=lambda: self.now_ms),
            send=RecordingProducer().send_batch,
            clock=lambda: self.now_ms,
        )
        answering = Answering(
            context,
            access=Access(
                settings,
                keys=keys or Known(),
                door=Door(asked, clock=lambda: self.now_ms),
                clock=lambda: self.now_ms,
            ),
            store=store or InProcess(max_bytes=1_000_000),
        )
        app = Starlette(
            routes=[
                Route(one.path, partial(answering.handle, one), methods=[one.method]) for one in endpoints
            ],
            exception_handlers=exception_handlers(),
        )
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://localhost")


def bearing(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"} if secret else {}
