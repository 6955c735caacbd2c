"""The REST API: a file for each group of endpoints."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from app.adapters.kept_answers import InProcess, Store
from web.api import (
    accounts,
    attribution,
    cohorts,
    configuration,
    dead_letters,
    experiments,
    funnels,
    goals,
    heatmap,
    imports,
    journeys,
    keys,
    ops,
    pages,
    performance,
    persons,
    realtime,
    report_schedules,
    reports,
    seo,
    sessions,
    shares,
    sites,
    stats,
    users,
)
from web.api.access import Access
from web.api.answering import Answering
from web.api.endpoints import Context, Endpoint
from web.api.openapi import docs_page, openapi
from web.api.presenting import json_response
from web.sign_in.door import Door

ENDPOINTS: tuple[Endpoint, ...] = (
    *sites.ENDPOINTS,
    *realtime.ENDPOINTS,
    *stats.ENDPOINTS,
    *attribution.ENDPOINTS,
    *experiments.ENDPOINTS,
    *pages.ENDPOINTS,
    *performance.ENDPOINTS,
    *heatmap.ENDPOINTS,
    *seo.ENDPOINTS,
    *funnels.ENDPOINTS,
    *goals.ENDPOINTS,
    *journeys.ENDPOINTS,
    *cohorts.ENDPOINTS,
    *sessions.ENDPOINTS,
    *users.ENDPOINTS,
    # Before the reports: `schedules` is no report's id.
    *report_schedules.ENDPOINTS,
    *reports.ENDPOINTS,
    *imports.ENDPOINTS,
    *dead_letters.ENDPOINTS,
    *persons.ENDPOINTS,
    *configuration.ENDPOINTS,
    *keys.ENDPOINTS,
    *ops.ENDPOINTS,
    *shares.ENDPOINTS,
    *accounts.ENDPOINTS,
)


def routes(context: Context, *, store: Store | None = None, door: Door | None = None) -> list[BaseRoute]:
    """A route for each endpoint, the OpenAPI document and the page that shows it.

    ``store`` keeps answers for a while; without one they are kept in this process. ``door`` knows who is
    signed in; one that the pages do not share knows them a moment later.
    """
    queries, clock = context.queries, context.clock
    settings = queries.settings
    answering = Answering(
        context,
        access=Access(settings, keys=queries.api_keys, door=door or Door(queries, clock=clock), clock=clock),
        store=store or InProcess(max_bytes=settings.cache.max_mb * 1024 * 1024),
    )
    return [
        *(Route(one.path, partial(answering.handle, one), methods=[one.method]) for one in ENDPOINTS),
        Route("/openapi.json", _show_openapi),
        Route("/docs", _show_docs),
    ]


def _show_openapi(_: Request) -> Response:
    return json_response(_document())


def _show_docs(_: Request) -> Response:
    return HTMLResponse(_docs_page())


# Made for the first who asks, in a thread: it takes a fifth of a second, and most processes are never asked.
@cache
def _document() -> dict[str, Any]:
    return openapi(ENDPOINTS)


@cache
def _docs_page() -> str:
    return docs_page(_document())
