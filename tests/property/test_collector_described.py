"""The collector keeps to its description: whatever fits it, or nearly, gets one of the answers it names."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
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

from app.core.keys import digest_of
from app.settings import Settings
from app.web_settings import WebSettings
from tests.collecting import Collecting, RecordingProducer, collecting
from tests.factories import T0
from web import collector, links, pixel, server_events
from web.api import ENDPOINTS
from web.api.openapi import openapi

SECRET = "wua_secret"
SITES = Settings(
    sites={"shop": {"server_keys": [digest_of(SECRET)]}, "quiet": {"cookieless": True}},
    default_site={"server_keys": [digest_of(SECRET)]},
)
OPERATIONS = [
    (collector.EVENTS_PATH, "POST"),
    (links.PATH, "POST"),
    (links.VERIFY_PATH, "POST"),
    (server_events.PATH, "POST"),
    (pixel.PATH, "GET"),
]
#: That a good body is taken, or a bad one refused, is beyond the description: times, keys and names count.
KEPT = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
#: Longer than any answer takes on a busy machine, shorter than for ever.
HANG_S = 30
EXAMPLES = 120
#: The same requests over and over, and what each may leave behind in the last rounds; one event is larger.
ROUNDS, MEASURED, LEFT_BYTES = 16, 4, 60

DESCRIBED = schemathesis.openapi.from_dict(openapi(ENDPOINTS))
ANY = settings(
    deadline=None,
    max_examples=EXAMPLES,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


#: What the rules beyond the description ask of an event.
GOOD = {
    "occurred_at": T0,
    "sent_at": T0,
    "url": "https://shop.example/",
    "visitor_id": "v1",
    "site_id": "shop",
}
PAGE = {"event_type": "page_view", "name": "", "properties": {}}


def cases(path: str, method: str) -> st.SearchStrategy[Any]:
    """Requests that fit the description, those that break it in one place, and those that are taken."""
    operation = DESCRIBED[path][method]
    fit, broken = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)
    return fit | broken | fit.map(taken)


def taken(case: Any) -> Any:
    """The same with times, names and addresses that pass the rules; what is left is as it was drawn."""
    if isinstance(case.body, list):
        case.body = [{**event, **GOOD, **PAGE} for event in case.body]
        case.query = {}
    elif isinstance(case.body, dict):
        case.body = {**case.body, "site_id": GOOD["site_id"]}
    else:
        case.headers = {**case.headers, "Referer": GOOD["url"]}
        case.query = {"site": GOOD["site_id"]}
    return case


class Forgetting(RecordingProducer):
    """Takes whatever it is given."""

    async def send_batch(self, batch: Any, *, headers: Any = ()) -> dict[int, int]:
        return {0: len(batch)}


class Site:
    """One collector for all examples of a test, as it is in a process."""

    def __init__(self, runner: asyncio.Runner, asked: Collecting) -> None:
        self._runner = runner
        self._asked = asked

    def answer(self, request: dict[str, Any]) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with asyncio.timeout(HANG_S):
                return await self._asked.client.request(**request)

        return self._runner.run(ask())


@contextmanager
def running(settings_: Settings = SITES) -> Iterator[Site]:
    with asyncio.Runner() as runner:
        context = collecting(settings_, producer=Forgetting())
        yield Site(runner, runner.run(context.__aenter__()))
        runner.run(context.__aexit__(None, None, None))


def request_of(case: Any, *, secret: str) -> dict[str, Any]:
    """The request as the client takes it; with the secret of the site, another, or none."""
    told = case.as_transport_kwargs()
    headers = {**told["headers"], **({"Authorization": f"Bearer {secret}"} if secret else {})}
    body = {"json": told["json"]} if "json" in told else {"content": told.get("data")}
    return {
        "method": told["method"],
        "url": told["url"],
        "params": told.get("params"),
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        **body,
    }


SECRETS = st.sampled_from([SECRET, SECRET, "another", ""])


def test_every_way_into_the_collector_is_described() -> None:
    """One that is not stands beside the others in routes()."""
    paths = {route.path for route in collector_routes()}
    assert paths == {path for path, _ in OPERATIONS}
    assert paths <= set(openapi(ENDPOINTS)["paths"])


def collector_routes() -> list[Any]:
    async def routes() -> list[Any]:
        async with collecting() as site:
            return list(site.client._transport.app.routes)

    return asyncio.run(routes())


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_whatever_is_asked_the_answer_is_one_of_those_described(path: str, method: str) -> None:
    statuses = set()

    with running() as site:

        @ANY
        @given(case=cases(path, method), secret=SECRETS)
        def ask(case: Any, secret: str) -> None:
            answer = site.answer(request_of(case, secret=secret))
            statuses.add(answer.status_code)
            case.validate_response(answer, checks=KEPT)

        ask()
    assert {answer // 100 for answer in statuses} == {2, 4}


def test_what_was_asked_leaves_nothing_behind_in_memory() -> None:
    asked: list[dict[str, Any]] = []

    @settings(ANY, max_examples=EXAMPLES // 2)
    @given(case=st.one_of(cases(*one) for one in OPERATIONS), secret=SECRETS)
    def collect(case: Any, secret: str) -> None:
        asked.append(request_of(case, secret=secret))

    collect()
    # Without limits: what is refused at the door would leave nothing in any case.
    with running(SITES.model_copy(update={"web": WebSettings(rate_per_s=0, key_rate_per_s=0)})) as site:

        def round_() -> int:
            for request in asked:
                site.answer(request)
            gc.collect()
            return tracemalloc.get_traced_memory()[0]

        tracemalloc.start()
        try:
            held = [round_() for _ in range(ROUNDS)]
        finally:
            tracemalloc.stop()
    # The first rounds fill what is kept once: caches, metrics, and objects that are made anew at times.
    assert len(asked) >= EXAMPLES // 4
    assert held[-1] - held[-1 - MEASURED] < MEASURED * len(asked) * LEFT_BYTES, held
