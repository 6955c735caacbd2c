"""A collector for tests: the real endpoint behind the real middleware, with whatever producer is given."""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware

from app.adapters.address_seal import MARK, AddressSeal
from app.adapters.visitor_ids import VisitorIds
from app.core.decode import decode_web_event
from app.errors import BrokerUnavailableError
from app.events.wire import WebEvent
from app.metrics import WebMetrics
from app.settings import Settings
from tests.factories import T0, wire
from web import collector, server_events
from web.middleware import BodyLimit, Observe, SecurityHeaders
from web.problems import exception_handlers

#: What the collectors of tests seal addresses under.
SEAL = AddressSeal(bytes(32))
NOT_POSTED = ("received_at", "ip", "origin", "user_agent")


class RecordingProducer:
    """Keeps what it is given; says that the broker is away when told so."""

    def __init__(self) -> None:
        self.messages: list[tuple[bytes | None, bytes]] = []
        self.headers: list[Any] = []
        self.is_away = False

    async def send_batch(
        self, batch: Sequence[tuple[bytes | None, bytes]], *, headers: Sequence[Any] = ()
    ) -> dict[int, int]:
        if self.is_away:
            raise BrokerUnavailableError("kafka.internal:9092 is away")
        self.messages.extend(batch)
        self.headers.extend(headers)
        return {0: len(self.messages)}

    async def ping(self) -> bool:
        return not self.is_away

    @property
    def events(self) -> list[WebEvent]:
        """What was produced, as the worker reads it; fails on anything that the worker would refuse.

        Addresses are opened; fails on one that was produced in clear.
        """
        events = []
        for key, value in self.messages:
            event = decode_web_event(value)
            assert isinstance(event, WebEvent), event
            assert event.key == key
            assert event.ip.startswith(MARK) or not event.ip
            events.append(msgspec.structs.replace(event, ip=SEAL.open(event)))
        return events


class Collecting:
    """A running collector: its client, its producer, its metrics, and a clock that tests set."""

    def __init__(self, client: httpx.AsyncClient, producer: Any, metrics: WebMetrics) -> None:
        self.client = client
        self.producer = producer
        self.metrics = metrics
        self.now_ms = T0

    async def post(self, body: Any, *, key: str | None = None, **headers: str) -> httpx.Response:
        """Post bytes as they are, or anything else as JSON; ``_`` in a header's name is ``-``."""
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        named = {"content_type": "application/json", **headers}
        raw_headers = [
            (name.replace("_", "-").encode(), text.encode("latin-1")) for name, text in named.items()
        ]
        query = {} if key is None else {"key": key}
        return await self.client.post(
            collector.EVENTS_PATH, content=content, headers=raw_headers, params=query
        )

    async def tell(self, body: Any, *, secret: str, **headers: str) -> httpx.Response:
        """Post as a server does, with its secret (empty: none)."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        bearer = {"authorization": f"Bearer {secret}"} if secret else {}
        return await self.client.post(server_events.PATH, json=body, headers={**bearer, **named})

    def count(self, series: str, **labels: str) -> float:
        """The value of a metric; 0 when it was never counted."""
        return self.metrics.registry.get_sample_value(series, labels) or 0.0


@asynccontextmanager
async def collecting(
    settings: Settings | None = None,
    *,
    producer: Any = None,
    peer: str = "198.51.100.7",
    link_key: Path | None = None,
) -> AsyncIterator[Collecting]:
    """A collector that is asked from ``peer``; ``link_key``: the file of its key, if not its own alone."""
    metrics = WebMetrics()
    salts = tempfile.TemporaryDirectory()
    holder: list[Collecting] = []
    settings = settings or Settings()
    app = Starlette(
        routes=collector.routes(
            settings,
            producer=(producer := producer or RecordingProducer()),
            metrics=metrics,
            clock=lambda: holder[0].now_ms,
            visitor_ids=VisitorIds(Path(salts.name)),
            link_key=link_key or Path(salts.name) / "links.key",
            seal=SEAL,
        ),
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(Observe, metrics=metrics, tell_batches=settings.log.batches),
            Middleware(BodyLimit, except_paths=collector.BATCH_PATHS),
        ],
        exception_handlers=exception_handlers(),
    )
    transport = httpx.ASGITransport(app=app, client=(peer, 4711))
    with salts:
        async with httpx.AsyncClient(transport=transport, base_url="http://collector.test") as client:
            holder.append(Collecting(client, producer, metrics))
            yield holder[0]


def web(**settings: Any) -> Settings:
    """Settings with these in the ``web`` section."""
    return Settings(web=settings)


def posted(**fields: Any) -> dict[str, Any]:
    """An event as a browser posts it."""
    event = wire(**fields)
    return {name: value for name, value in event.items() if name not in NOT_POSTED}


def raw(**fields: Any) -> bytes:
    """The same, as JSON."""
    return json.dumps(posted(**fields), separators=(",", ":")).encode()
