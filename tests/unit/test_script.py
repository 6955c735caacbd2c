"""The routes of the browser script."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette

from app.serve import STATIC
from web import script

pytestmark = pytest.mark.asyncio


def client() -> httpx.AsyncClient:
    app = Starlette(routes=list(script.routes(STATIC)))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://collector.test")


@pytest.mark.parametrize("name", script.FILES)
async def test_a_page_of_any_origin_may_load_the_script_and_keep_it_for_an_hour(name):
    async with client() as asked:
        answer = await asked.get(f"/{name}", headers={"Origin": "https://shop.example"})
        assert answer.status_code == 200
        assert answer.text == (STATIC / name).read_text()
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["cache-control"] == "public, max-age=3600, stale-while-revalidate=86400"


async def test_who_has_it_already_is_told_so():
    async with client() as asked:
        first = await asked.get("/wua.js")
        again = await asked.get("/wua.js", headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["cache-control"] == first.headers["cache-control"]


async def test_nothing_else_is_served_there():
    async with client() as asked:
        assert (await asked.get("/site.css")).status_code == 404
        assert (await asked.post("/wua.js")).status_code == 405
