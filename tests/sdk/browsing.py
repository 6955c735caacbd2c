"""A headless Chromium before pages that embed the script, and the real collector that it posts to."""

from __future__ import annotations

import asyncio
import importlib.util
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from app.adapters.clock import now_ms
from app.adapters.visitor_ids import VisitorIds
from app.embedded.loop_server import bind, serve_in_loop
from app.events.wire import WebEvent
from app.metrics import WebMetrics
from app.serve import STATIC
from app.settings import Settings
from tests.collecting import SEAL, RecordingProducer
from tests.sdk.needs import pass_over
from web import collector, script
from web.middleware import SecurityHeaders
from web.problems import exception_handlers

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: Any host that ends so is this machine, without a name server.
MAP_HOSTS = "--host-resolver-rules=MAP *.test 127.0.0.1"
PATIENCE_S = 30.0
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
#: Longer than the script lets events wait, and than it takes to see a new address.
SETTLE_S = 2.5
#: What the collector signs links between domains with.
LINK_KEY = b"k" * 32

BODY = """
<main id="main"><h1>A page</h1>
<button class="buy big">Add to cart</button>
<div contenteditable="true"><a class="note" href="#note">private words</a></div>
<form name="signup" action="/elsewhere">
<input name="name" value="secret-name"><input type="password" value="secret">
<button class="send">Send</button></form>
<a class="file" href="/files/report.pdf?key=secret" onclick="event.preventDefault()">Report</a>
<a class="away" href="http://away.test/place?key=secret" onclick="event.preventDefault()">Elsewhere</a>
<a class="next" href="/page/next">Next</a>
</main><div style="height: 3000px"></div>
"""


def require_browser() -> None:
    """Skip the test where there is no browser; on a CI machine that is a failure."""
    if importlib.util.find_spec("playwright") is None:
        pass_over("playwright is not installed; `make test` installs it")
    if shutil.which("chromium") is None:
        pass_over("there is no chromium on the PATH; on Debian: apt-get install chromium")


class Site:
    """Pages of any host, the collector behind them, and what it received."""

    def __init__(self, url: str, context: Any, producer: RecordingProducer) -> None:
        self.port = int(url.rpartition(":")[2])
        self.context = context
        self.producer = producer
        self.errors: list[str] = []

    def address(self, path: str = "/page/start", *, host: str = "one.test", **settings: str) -> str:
        """The address of a page whose script tag has these ``data-*`` settings."""
        query = "&".join(f"data-{name.replace('_', '-')}={value}" for name, value in settings.items())
        return f"http://{host}:{self.port}{path}" + (f"?{query}" if query else "")

    async def open(self, *, init: str = "", **address: str) -> Any:
        """A new tab with a page in it; ``init`` runs before the page's own scripts."""
        tab = await self.context.new_page()
        tab.on("pageerror", lambda error: self.errors.append(str(error)))
        if init:
            await tab.add_init_script(init)
        await tab.goto(self.address(**address))
        return tab

    @property
    def events(self) -> list[WebEvent]:
        """What the collector passed on, by the time of its occurrence."""
        return sorted(self.producer.events, key=lambda event: event.occurred_at)

    def named(self, name: str) -> list[WebEvent]:
        """The events of this type or name."""
        return [event for event in self.events if name in (event.event_type, event.name)]

    async def until(self, name: str, count: int = 1) -> list[WebEvent]:
        """The events of this type or name, as soon as there are so many."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.named(name)) < count:
                await asyncio.sleep(0.05)
        return self.named(name)

    async def loaded(self, tab: Any) -> None:
        """Both files of the script are there and at work."""
        await tab.wait_for_function(
            "performance.getEntriesByName(new URL('/wua-vitals.js', location).href).length"
        )
        await self.settled()

    async def settled(self) -> list[WebEvent]:
        """All events, after whatever was under way has come."""
        await asyncio.sleep(SETTLE_S)
        return self.events

    def assert_untold(self, *words: str) -> None:
        """None of these words came to the collector."""
        told = [value.decode() for _, value in self.producer.messages]
        assert told
        assert [text for text in told if any(word in text for word in words)] == []

    def assert_each_once(self) -> None:
        """Nothing came twice, and nothing of the script was seen by the page."""
        ids = [event.event_id for event in self.events]
        assert len(ids) == len(set(ids))
        assert self.errors == []


def properties(event: WebEvent) -> dict[str, Any]:
    """The properties of an event, decoded."""
    return msgspec.json.decode(event.properties)


#: No inline script, nothing from elsewhere.
STRICT = "default-src 'none'; script-src 'self'; connect-src 'self'"


async def _page(request: Request) -> Response:
    settings = [(name, value) for name, value in request.query_params.items() if name.startswith("data-")]
    tag = " ".join(f'{name}="{value}"' for name, value in settings)
    head = f"<!doctype html><title>{request.path_params['name']}</title>"
    embedded = f'<script async src="/wua.js" data-site="shop" {tag}></script>'
    policy = STRICT if request.url.path.startswith("/strict/") else "connect-src 'self'"
    return HTMLResponse(head + embedded + BODY, headers={"Content-Security-Policy": policy})


def _app(producer: RecordingProducer, *, salts: Path, cookieless: bool) -> Starlette:
    settings = Settings(web={"rate_per_s": 0}, sites={"shop": {"cookieless": cookieless}})
    link_key = salts / "links.key"
    link_key.write_bytes(LINK_KEY)
    return Starlette(
        routes=[
            Route("/page/{name}", _page),
            Route("/strict/{name}", _page),
            Route("/elsewhere", _page_elsewhere),
            *script.routes(STATIC),
            *collector.routes(
                settings,
                producer=producer,
                metrics=WebMetrics(),
                clock=now_ms,
                visitor_ids=VisitorIds(salts),
                link_key=link_key,
                seal=SEAL,
            ),
        ],
        middleware=[Middleware(SecurityHeaders)],
        exception_handlers=exception_handlers(),
    )


async def _page_elsewhere(_: Request) -> Response:
    return HTMLResponse("<!doctype html><title>elsewhere</title>")


@asynccontextmanager
async def serving(*, cookieless: bool = False) -> AsyncIterator[tuple[str, RecordingProducer]]:
    """The pages and the collector: where they are, and what was received.

    ``cookieless``: whether the collector derives visitor ids.
    """
    producer = RecordingProducer()
    with tempfile.TemporaryDirectory() as salts:
        app = _app(producer, salts=Path(salts), cookieless=cookieless)
        async with serve_in_loop(app, bind("127.0.0.1", 0)) as url:
            yield url, producer


@asynccontextmanager
async def browsing(*, cookieless: bool = False, **context: Any) -> AsyncIterator[Site]:
    """A site with its collector, and a browser that has never been there."""
    from playwright.async_api import async_playwright

    async with serving(cookieless=cookieless) as (url, producer), async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=[*FLAGS, MAP_HOSTS]
        )
        try:
            yield Site(url, await browser.new_context(**context), producer)
        finally:
            await browser.close()
