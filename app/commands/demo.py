"""``wua demo``: the embedded stack, weeks of invented traffic, and what the REST API answers about it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from app import log, serve, settings
from app.adapters.address_seal import AddressSeal
from app.adapters.clickhouse import QueryPool
from app.adapters.clickhouse.api_keys import new_secret
from app.adapters.clock import now_ms
from app.adapters.enricher import Enricher
from app.commands import progress
from app.commands.demo_definitions import define
from app.embedded.loop_server import bind, serve_in_loop
from app.embedded.stack import EmbeddedStack, Feeder
from app.errors import EmbeddedError
from app.events.wire import WebEvent
from app.funnel_settings import FunnelSettings
from app.settings import Settings
from app.traffic.catalogue import simulated_sites
from app.traffic.simulator import DEFAULT_DAYS, DEFAULT_EVENTS, simulate
from app.web_settings import WebSettings
from views.queries import Queries

BATCH_EVENTS = 500


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "demo",
        description="Starts broker, worker, ClickHouse and web server in this process, streams invented "
        "traffic through them, shows the headline metrics as the REST API answers them, and serves until "
        "Ctrl-C. For trying: the broker's topics live in memory.",
    )
    parser.add_argument("--data", type=Path, default=Path("data"), metavar="DIR", help="where data is kept")
    parser.add_argument("--events", type=int, default=DEFAULT_EVENTS)
    parser.add_argument("--port", type=int, help="of the web server; default web.port, or a free one")
    parser.add_argument("--once", action="store_true", help="end after the table")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; 0 when the traffic went through, and after Ctrl-C."""
    loaded = settings.load(overrides={"log.level": "warning", "log.format": "console"})
    log.configure(loaded.log)
    loaded = loaded.model_copy(
        update={
            "sites": {**simulated_sites(), **loaded.sites},
            "funnels": own_funnels(loaded),
            "web": keyed(loaded.web),
        }
    )
    console = Console()
    try:
        asyncio.run(_demo(arguments, loaded, console))
    except KeyboardInterrupt:
        console.print(f"Stopped; {arguments.data} keeps what was collected.")
    return 0


async def _demo(arguments: argparse.Namespace, loaded: Settings, console: Console) -> None:
    console.print("Starting the embedded stack: broker in memory, Faust worker, RocksDB, chDB, web server.")
    console.print("It is for trying; docker-compose.yml and deploy/ run the real parts.", style="dim")
    enrich = Enricher.of(loaded)
    async with (
        EmbeddedStack(loaded, data_dir=arguments.data, enrich=enrich, faust_web=True) as stack,
        _web(stack, port=arguments.port) as url,
    ):
        console.print(f"Dashboard  {url}", highlight=False)
        await _define(stack.settings)
        await _stream(stack, events=arguments.events)
        key = stack.settings.web.admin_key.get_secret_value()
        console.print(await asyncio.to_thread(_headlines, url, key))
        _print_urls(console, stack, url=url)
        if arguments.once:
            return
        console.print("Serving until Ctrl-C.")
        while True:
            stack.check()
            await asyncio.sleep(1)


@contextlib.asynccontextmanager
async def _web(stack: EmbeddedStack, *, port: int | None) -> AsyncIterator[str]:
    """The web server over the running stack; yields its URL."""
    web = stack.settings.web
    app = serve.build(stack.settings, registries=(stack.topology.metrics.registry,))
    try:
        listener = bind(web.host, web.port if port is None else port)
    except EmbeddedError:
        if port is not None:
            raise
        listener = bind(web.host, 0)
    async with serve_in_loop(app, listener) as url:
        yield url


async def _define(loaded: Settings) -> None:
    """Store the funnels and goals of the demo's sites."""
    pool = QueryPool(loaded.clickhouse)
    try:
        await define(Queries(pool, settings=loaded).definitions, now_ms=now_ms())
    finally:
        await pool.close()


async def _stream(stack: EmbeddedStack, *, events: int) -> None:
    """Stream the traffic; what is shown moves with what the worker has finished."""
    # Another start brings other visitors: the same ones would come twice at almost the same time.
    traffic = simulate(seed=stack.settings.broker.epoch, end_ms=now_ms(), events=events, days=DEFAULT_DAYS)
    feeder = Feeder(stack)
    await feeder.start()
    try:
        with progress.shown() as bar:
            bar.begin("Streaming", rows=events, unit="events")
            following = asyncio.create_task(_follow(feeder, bar))
            for batch in batches(traffic, seal=AddressSeal.of(stack.settings)):
                await feeder.send(batch)
            await feeder.drain()
            following.cancel()
            bar.reach(feeder.handled)
    finally:
        await feeder.stop()


async def _follow(feeder: Feeder, bar: progress.Progress) -> None:
    while True:
        bar.reach(feeder.handled)
        await asyncio.sleep(0.2)


def batches(traffic: Iterator[WebEvent], *, seal: AddressSeal) -> Iterator[list[tuple[bytes | None, bytes]]]:
    """The events as messages, BATCH_EVENTS at a time."""
    batch: list[tuple[bytes | None, bytes]] = []
    for event in traffic:
        batch.append(seal.message(event))
        if len(batch) == BATCH_EVENTS:
            yield batch
            batch = []
    if batch:
        yield batch


def own_funnels(loaded: Settings) -> dict[str, FunnelSettings]:
    """Those of the settings, if they are not the ones that every installation has.

    What stands in the settings can only be changed there: the demo stores its own instead.
    """
    return {} if loaded.funnels == Settings().funnels else loaded.funnels


def keyed(web: WebSettings) -> WebSettings:
    """With a key of this run where questions need one and none is set; it is shown with the addresses."""
    if not web.needs_key or web.admin_key.get_secret_value():
        return web
    return web.model_copy(update={"admin_key": SecretStr(new_secret())})


def _headlines(url: str, key: str) -> Table:
    """The seven headline metrics of each site, as the REST API answers them."""
    answers = [_get(f"{url}/api/v1/sites/{site_id}/overview", key) for site_id in simulated_sites()]
    table = Table(
        "", *simulated_sites(), title="The last 30 days, people only, by GET /api/v1/sites/{site}/overview"
    )
    for title, shown in HEADLINES:
        table.add_row(title, *map(shown, answers))
    return table


def _get(url: str, key: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - our own URL
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return dict(json.load(answer))


def _shares(name: str, by: str) -> Callable[[dict[str, Any]], str]:
    """The three biggest of a breakdown, with their share of the sessions."""

    def shown(answer: dict[str, Any]) -> str:
        rows = answer[name]
        total = sum(row["sessions"] for row in rows) or 1
        return "\n".join(f"{row[by]} {row['sessions'] / total:.0%}" for row in rows[:3])

    return shown


HEADLINES: tuple[tuple[str, Callable[[dict[str, Any]], str]], ...] = (
    ("Visitors", lambda answer: f"{answer['visitors']:,}"),
    ("Page views", lambda answer: f"{answer['page_views']:,}"),
    ("Bounce rate", lambda answer: f"{answer['bounce_rate']:.1%}"),
    ("Session duration", lambda answer: f"{answer['session_duration_s']:.0f} s"),
    ("Conversion rate", lambda answer: f"{answer['conversion_rate']:.1%}"),
    ("Traffic sources", _shares("sources", "channel")),
    ("Devices", _shares("devices", "device_class")),
)


def _print_urls(console: Console, stack: EmbeddedStack, *, url: str) -> None:
    app, web = stack.settings.app, stack.settings.web
    for title, place in (
        ("Dashboard", url),
        ("API", f"{url}/docs"),
        ("An answer", f"{url}/api/v1/sites/shop/overview"),
        ("Worker", f"http://{app.web_host}:{app.web_port}/"),
        *((("Key", web.admin_key.get_secret_value()),) if web.needs_key else ()),
    ):
        console.print(f"  {title:<10} {place}", highlight=False)
