"""The read API keeps to its description: whatever is asked of data, the answer is one of those it names."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.applications import Starlette

from app.adapters.clickhouse import QueryPool
from app.embedded.engine import ChdbEngine
from app.settings import Settings, SiteSettings
from tests.answering import ZONES, Asked, engine, migrated
from tests.asking_api import NOW, fill
from tests.collecting import RecordingProducer
from tests.integration.engines import settings_for
from tests.sql.store import Store
from views.queries import Queries
from web import api
from web.api import ENDPOINTS
from web.api.endpoints import Context
from web.api.openapi import openapi
from web.problems import exception_handlers
from web.reports.background import ReportService

__all__ = ["engine", "migrated"]

#: Persons need a worker: tests/integration/test_persons.py asks them.
LEFT_OUT = {"/api/v1/sites/{site_id}/persons/export", "/api/v1/sites/{site_id}/persons/erase"}
QUESTIONS = [one for one in ENDPOINTS if one.path not in LEFT_OUT]
KEPT = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
#: Longer than any answer takes on a busy machine, shorter than for ever.
HANG_S = 120
EXAMPLES = 15
MEDIA = ["", "*/*", "application/json", "text/csv", "application/vnd.apache.arrow.stream", "image/png"]
DESCRIBED = schemathesis.openapi.from_dict(openapi(ENDPOINTS))
ANY = settings(
    deadline=None,
    max_examples=EXAMPLES,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


class Site:
    """The API over a store with data, for all examples of the module."""

    def __init__(self, runner: asyncio.Runner, client: httpx.AsyncClient) -> None:
        self._runner = runner
        self._client = client

    def answer(self, case: Any, accept: str) -> httpx.Response:
        told = case.as_transport_kwargs()
        headers = {**told["headers"], **({"Accept": accept} if accept else {})}
        body = {"json": told["json"]} if "json" in told else {"content": told.get("data")}
        request = {
            "method": told["method"],
            "url": told["url"],
            "params": told.get("params"),
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
            **body,
        }

        async def ask() -> httpx.Response:
            async with asyncio.timeout(HANG_S):
                return await self._client.request(**request)

        return self._runner.run(ask())


@pytest.fixture(scope="module")
def site(engine: ChdbEngine, migrated: Store) -> Iterator[Site]:
    loaded = Settings(
        clickhouse=settings_for(engine.url, migrated.database),
        sites={name: SiteSettings(timezone=zone) for name, zone in ZONES.items()},
        web={"api_rate_per_s": 0},
        cache={"ttl_s": 60},
    )
    with asyncio.Runner() as runner:
        pool = QueryPool(loaded.clickhouse)
        queries = Queries(pool, settings=loaded)
        store = Asked(store=migrated, queries=queries, pool=pool, settings=loaded)
        fill(store)
        store.refused({})
        reports = ReportService(queries, clock=lambda: NOW)
        send = RecordingProducer().send_batch
        app = Starlette(
            routes=api.routes(Context(queries=queries, reports=reports, send=send, clock=lambda: NOW)),
            exception_handlers=exception_handlers(),
        )
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        yield Site(runner, httpx.AsyncClient(transport=transport, base_url="http://localhost"))
        runner.run(reports.close())
        runner.run(queries.close())
        runner.run(pool.close())


def cases(path: str, method: str) -> st.SearchStrategy[Any]:
    """Requests that fit the description, those that break it in one place, and those about the data."""
    operation = DESCRIBED[path][method]
    fit, broken = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)
    return fit | broken | fit.map(about_the_data)


def about_the_data(case: Any) -> Any:
    """The same of the site and days that have rows; what is left is as it was drawn."""
    days = {"from": "2026-03-01", "to": "2026-04-01"}
    if isinstance(case.body, dict):
        case.body = {**case.body, "site": "shop", **days} if "sites" not in case.body else case.body
    elif "site_id" in (case.path_parameters or {}):
        case.path_parameters = {**case.path_parameters, "site_id": "shop"}
        case.query = {**(case.query or {}), **days}
    elif "site" in (case.query or {}):
        case.query = {**case.query, "site": "shop", **days}
    return case


def operations() -> list[tuple[str, str]]:
    """As the description has them: its paths name no converters."""
    known = {
        operation["operationId"]: (path, method.upper())
        for path, methods in openapi(ENDPOINTS)["paths"].items()
        for method, operation in methods.items()
        if "x-scope" in operation
    }
    return [one for one in known.values() if one[0] not in LEFT_OUT]


def test_every_endpoint_is_asked() -> None:
    assert len(operations()) == len(QUESTIONS) == len(ENDPOINTS) - len(LEFT_OUT)


@pytest.mark.parametrize(("path", "method"), operations())
def test_whatever_is_asked_the_answer_is_one_of_those_described(site: Site, path: str, method: str) -> None:
    @ANY
    @given(case=cases(path, method), accept=st.sampled_from(MEDIA))
    def ask(case: Any, accept: str) -> None:
        answer = site.answer(case, accept)
        case.validate_response(answer, checks=KEPT)

    ask()
