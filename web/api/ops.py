"""GET /api/v1/ops: how the product does, part by part, and what is amiss. For administrators only."""

from __future__ import annotations

import asyncio
from enum import StrEnum

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.adapters import worker_state
from app.core.api_keys import KeyScope
from app.errors import WorkerUnavailableError, WuaError
from web.api.asking import query_of
from web.api.endpoints import Context, Endpoint
from web.api.presenting import json_response
from web.health import PartState, ask
from web.measures import Samples

#: From here on something is said to be amiss.
MANY_WAIT = 10_000
SLOW_S = 10.0
FAILED_SHARE = 0.01
REFUSED_SHARE = 0.05

_TABLES = """
SELECT
    table AS name,
    sum(p.rows) AS rows,
    sum(p.bytes_on_disk) AS bytes,
    sum(p.data_uncompressed_bytes) AS uncompressed_bytes,
    count() AS parts
FROM system.parts AS p
WHERE p.database = {database:String} AND p.active
GROUP BY table
ORDER BY bytes DESC, name
"""


class Severity(StrEnum):
    """How bad it is: something does not work, or soon may not."""

    CRITICAL = "critical"
    WARNING = "warning"


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is amiss now, and what to do about it."""

    severity: Severity
    what: str
    to_do: str


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Levels in seconds; 0 where nothing was measured."""

    p50_s: float
    p95_s: float
    p99_s: float


class WorkerFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker measures. Counts are since its start; ``latency``: of events in the last five minutes.

    ``lag``: events not yet committed; ``events_per_second``: of the last 10 s;
    ``state_keys``: visitors it holds.
    """

    received: int
    accepted: int
    duplicates: int
    rejected: int
    bots: int
    lag: int
    events_per_second: float
    state_keys: int
    latency: Latency
    rejected_by_reason: dict[str, float]
    stage_seconds: dict[str, float]


class WebFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What this web process measures since its start; ``latency``: of its answers; ``failed``: those 5xx."""

    requests: int
    failed: int
    latency: Latency
    collected: dict[str, float]


class StoredTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table on this ClickHouse server: its rows and bytes on disk, in how many parts."""

    name: str
    rows: int
    bytes: int
    uncompressed_bytes: int
    parts: int


class Ops(msgspec.Struct, frozen=True, kw_only=True):
    """How the product does now. ``worker`` is None where none answers, and ``worker_problem`` says why."""

    parts: dict[str, PartState]
    worker: WorkerFigures | None
    worker_problem: str | None
    web: WebFigures
    tables: list[StoredTable]
    alerts: list[Alert]


async def show(request: Request, context: Context) -> Response:
    """Ask every part; one that is away is told of, and keeps nothing else from being told."""
    query_of(request, allowed=())
    parts, (worker, problem), tables = await asyncio.gather(
        ask(context.operation.parts), _worker(context), _tables(context)
    )
    here = Samples.of(context.operation.registries)
    figures = WebFigures(
        requests=round(here.total("wua_http_requests_total")),
        failed=round(
            sum(n for status, n in here.by("wua_http_requests_total", "status").items() if status >= "5")
        ),
        latency=Latency(
            **{
                f"p{level}_s": here.quantile("wua_http_request_seconds", level / 100)
                for level in (50, 95, 99)
            }
        ),
        collected=here.by("wua_collector_events_total", "outcome"),
    )
    samples = worker if worker is not None else Samples(())
    told = None if worker is None else _figures(worker)
    alerts = [*_of_parts(parts), *_of_worker(told, problem, samples), *_of_web(figures)]
    return json_response(
        Ops(parts=parts, worker=told, worker_problem=problem, web=figures, tables=tables, alerts=alerts)
    )


async def _worker(context: Context) -> tuple[Samples | None, str | None]:
    """What the worker measures: the one in this process, else the one that the settings name; or why not."""
    here = Samples.of(context.operation.registries)
    if "wua_events_received_total" in here:
        return here, None
    worker = worker_state.default_worker(context.queries.settings.app)
    try:
        return Samples.read(await asyncio.to_thread(worker_state.metrics, worker)), None
    except WorkerUnavailableError as error:
        return None, str(error)
    except ValueError as error:
        return None, f"{worker}/metrics is not what a worker shows: {error}; look at app.worker_url"


async def _tables(context: Context) -> list[StoredTable]:
    queries = context.queries
    try:
        rows = await queries.reader.ask(_TABLES, {"database": queries.settings.clickhouse.database})
    except WuaError:
        return []  # the part `clickhouse` says so already
    return [StoredTable(**row) for row in rows]


def _figures(of: Samples) -> WorkerFigures:
    levels = of.by("wua_event_latency_quantile_seconds", "quantile")
    return WorkerFigures(
        received=round(of.total("wua_events_received_total")),
        accepted=round(of.total("wua_events_accepted_total")),
        duplicates=round(of.total("wua_events_duplicate_total")),
        rejected=round(of.total("wua_events_rejected_total")),
        bots=round(of.total("wua_events_bot_total")),
        lag=round(of.total("wua_consumer_lag")),
        events_per_second=of.total("wua_events_per_second"),
        state_keys=round(of.total("wua_state_keys")),
        latency=Latency(**{f"p{level}_s": levels.get(str(level / 100), 0.0) for level in (50, 95, 99)}),
        rejected_by_reason=of.by("wua_events_rejected_total", "reason"),
        stage_seconds=of.by("wua_block_seconds_total", "stage"),
    )


def _of_parts(parts: dict[str, PartState]) -> list[Alert]:
    return [
        Alert(severity=Severity.CRITICAL, what=f"{name} does not answer", to_do="run `wua doctor`")
        for name, state in parts.items()
        if state is not PartState.OK
    ]


def _of_worker(told: WorkerFigures | None, problem: str | None, samples: Samples) -> list[Alert]:
    if told is None:
        return [Alert(severity=Severity.WARNING, what="the worker is not reachable", to_do=problem or "")]
    unmended = sum(samples.total("wua_block_repairs_total", outcome=one) for one in ("unsettled", "failed"))
    unopened = samples.total("wua_addresses_unopened_total")
    found = [
        (Severity.CRITICAL, unmended, f"{unmended:.0f} blocks may lack rows", "run `wua reconcile`"),
        (
            Severity.WARNING,
            told.lag >= MANY_WAIT,
            f"{told.lag:,} events wait for the worker",
            "look at its log; more workers share the partitions",
        ),
        (
            Severity.WARNING,
            told.latency.p95_s >= SLOW_S,
            f"5 of 100 events take over {told.latency.p95_s:.0f} s to be seen",
            "look at ClickHouse's inserts and at the lag",
        ),
        (
            Severity.WARNING,
            told.rejected > REFUSED_SHARE * told.received,
            f"{told.rejected:,} of {told.received:,} events were refused",
            "the page Data quality says why",
        ),
        (
            Severity.WARNING,
            unopened,
            f"{unopened:.0f} addresses were sealed under another key",
            "give worker and web server the same WUA_INGEST__ADDRESS_KEY",
        ),
    ]
    return [
        Alert(severity=severity, what=what, to_do=to_do) for severity, holds, what, to_do in found if holds
    ]


def _of_web(figures: WebFigures) -> list[Alert]:
    if figures.failed <= FAILED_SHARE * figures.requests:
        return []
    what = f"{figures.failed:,} of {figures.requests:,} requests failed"
    return [Alert(severity=Severity.WARNING, what=what, to_do="look for web.failed in the log")]


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/ops",
        summary="How the product does: its parts, the worker, its own answers, the tables, what is amiss",
        handler=show,
        answer=Ops,
        is_personal=True,
        scope=KeyScope.ADMIN,
    ),
)
