"""The web root: ``uvicorn --factory app.serve:create``; collector, REST API, health and static files."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.middleware import Middleware

import web
from app import log, settings
from app.adapters.address_seal import AddressSeal
from app.adapters.clickhouse import QueryPool
from app.adapters.clickhouse.in_background import Keeper
from app.adapters.clickhouse.page_sequences import make_page_sequences
from app.adapters.clickhouse.visitor_spans import make_visitor_spans
from app.adapters.clock import Clock, now_ms
from app.adapters.kept_answers import open_store
from app.adapters.producer import EventProducer, Headers, Message
from app.adapters.stop_signals import stop_signals
from app.adapters.visitor_ids import VisitorIds
from app.metrics import WebMetrics
from app.settings import Settings
from views.queries import Queries
from web import api, assets, collector, health, script, sign_in
from web.api.endpoints import Context, Operation
from web.dashboard import routes as dashboard
from web.middleware import BodyLimit, Observe, SecurityHeaders
from web.problems import exception_handlers
from web.reports.background import ReportService

#: Between two looks for salts of visitor ids that are out of date.
FORGET_EVERY_S = 60.0
STATIC = Path(str(web.__file__)).parent / "static"


class Producer(Protocol):
    """Where accepted events go, and whether it is there."""

    async def send_batch(
        self, batch: Sequence[Message], *, headers: Sequence[Headers] = ()
    ) -> Mapping[int, int]:
        """Return once all are acknowledged, or raise BrokerUnavailableError."""

    async def ping(self) -> bool:
        """Whether the broker answers now."""


def create() -> Starlette:
    """The web server by the settings of this directory and environment."""
    loaded = settings.load()
    log.configure(loaded.log)
    _take_over_uvicorns_logs()
    return build(loaded)


def build(
    loaded: Settings,
    *,
    producer: Producer | None = None,
    pool: QueryPool | None = None,
    clock: Clock = now_ms,
    registries: Sequence[CollectorRegistry] = (),
) -> Starlette:
    """The web server, which comes up whether or not broker and store are there.

    ``producer`` and ``pool`` belong to the caller where they are given; others are made here and closed by
    the lifespan. ``registries`` are shown by ``/metrics`` beside the server's own.
    """
    made = contextlib.AsyncExitStack()
    if producer is None:
        own_producer = producer = EventProducer(loaded.broker)
        made.push_async_callback(own_producer.close)
    if pool is None:
        pool = QueryPool(loaded.clickhouse)
        made.push_async_callback(pool.close)
    answers = open_store(loaded.cache)
    made.push_async_callback(answers.close)
    metrics = WebMetrics()
    operation = Operation(
        parts={"clickhouse": pool.ping, "broker": producer.ping}, registries=(metrics.registry, *registries)
    )
    queries = Queries(pool, settings=loaded)
    made.push_async_callback(queries.close)
    reports = ReportService(queries, clock=clock)
    database = loaded.clickhouse.database
    keeper = Keeper(
        loaded.clickhouse,
        {
            "visitor_spans": partial(make_visitor_spans, database=database),
            "page_sequences": partial(make_page_sequences, database=database),
        },
    )
    context = Context(
        queries=queries,
        reports=reports,
        send=producer.send_batch,
        clock=clock,
        operation=operation,
    )
    door = sign_in.Door(queries, clock=clock)
    secrets = loaded.app.data_dir / "salts"
    visitor_ids = VisitorIds(secrets)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        async with made:
            made.enter_context(stop_signals(lambda: loop.call_soon_threadsafe(context.streams.close)))
            made.callback(asyncio.create_task(_forget(visitor_ids, clock), name="forget-salts").cancel)
            made.push_async_callback(reports.close)
            made.push_async_callback(_stopped, asyncio.create_task(reports.run(), name="reports"))
            made.push_async_callback(keeper.close)
            made.push_async_callback(_stopped, asyncio.create_task(keeper.run(), name="keeper"))
            yield

    return Starlette(
        routes=[
            *sign_in.routes(door, dashboard=dashboard.routes(loaded)),
            *health.routes(operation.parts, registries=operation.registries),
            *collector.routes(
                loaded,
                producer=producer,
                metrics=metrics,
                clock=clock,
                visitor_ids=visitor_ids,
                link_key=secrets / "links.key",
                seal=AddressSeal.of(loaded),
            ),
            *api.routes(context, store=answers, door=door),
            *script.routes(STATIC),
            assets.mount(STATIC),
        ],
        # The first is the outermost.
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(Observe, metrics=metrics, tell_batches=loaded.log.batches),
            Middleware(BodyLimit, except_paths=collector.BATCH_PATHS),
        ],
        exception_handlers=exception_handlers(),
        lifespan=lifespan,
    )


async def _forget(visitor_ids: VisitorIds, clock: Clock) -> None:
    """Let no salt outlive its day because nobody came."""
    while True:
        visitor_ids.forget(now_ms=clock())
        await asyncio.sleep(FORGET_EVERY_S)


async def _stopped(task: asyncio.Task[None]) -> None:
    """Cancel it, and return once it has put away what it was at."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _take_over_uvicorns_logs() -> None:
    """uvicorn's lines in our format, and none for each request: it would tell addresses and queries.

    TRICKY: its lines about web sockets and at its level "trace" tell them as well, and are no access log.
    """
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
    logging.getLogger("uvicorn").propagate = True
    logging.getLogger("uvicorn.access").propagate = False
    for handler in logging.getLogger().handlers:
        handler.addFilter(_tells_no_address)


def _tells_no_address(record: logging.LogRecord) -> bool:
    """Whether the line may be written."""
    is_uvicorns = record.name.partition(".")[0] == "uvicorn"
    return not is_uvicorns or (record.levelno >= logging.DEBUG and "WebSocket" not in str(record.msg))
