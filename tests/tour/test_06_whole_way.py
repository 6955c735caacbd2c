"""The whole way: posted to the collector, answered by the REST API, with every part running."""

import httpx
import pytest

from app import serve
from app.adapters.enricher import Enricher
from app.embedded.loop_server import bind, serve_in_loop
from app.embedded.stack import EmbeddedStack
from tests.handling import all_handled
from tests.tour.story import HEADERS, POSTED, RECEIVED_AT, settings


@pytest.mark.asyncio
async def test_posted_and_answered(tmp_path):
    async with EmbeddedStack(settings(), data_dir=tmp_path, enrich=Enricher()) as stack:
        app = serve.build(stack.settings, clock=lambda: RECEIVED_AT)
        async with (
            serve_in_loop(app, bind("127.0.0.1", 0)) as url,
            httpx.AsyncClient(base_url=url, timeout=30) as web,
        ):
            posted = await web.post("/api/v1/events", json=[POSTED], headers=HEADERS)
            assert posted.status_code == 202
            await all_handled(stack, 1)
            overview = (await web.get("/api/v1/sites/shop/overview")).json()
            page = (await web.get("/api/v1/pages/%2Fproducts%2Fbell-brass/metrics?site=shop")).json()
            person = (await web.get("/api/v1/users/ada/behavior?site=shop")).json()
    assert (overview["visitors"], overview["page_views"], overview["bounce_rate"]) == (1, 1, 1.0)
    assert [(row["channel"], row["sessions"]) for row in overview["sources"]] == [("Email", 1)]
    assert [(row["device_class"], row["visitors"]) for row in overview["devices"]] == [("mobile", 1)]
    assert (page["page_views"], page["entries"], page["load_ms"]["p50"]) == (1, 1, 840)
    assert [event["path"] for event in person["timeline"]] == ["/products/bell-brass"]
