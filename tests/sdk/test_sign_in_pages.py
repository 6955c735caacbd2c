"""Signing in in a real browser, with and without its scripts, and what a checker of accessibility finds."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from app.adapters.clickhouse.changes import Store
from app.embedded.loop_server import bind, serve_in_loop
from tests.answering import Asked, asked, engine, migrated
from tests.sdk.browsing import FLAGS, MAP_HOSTS, require_browser
from tests.signing_in import HASH, PASSWORD, serving, store

__all__ = ["asked", "engine", "migrated", "store"]

pytestmark = pytest.mark.asyncio

#: A script that finds what people with assistive technology cannot use; not part of the product.
AXE = os.environ.get("AXE_SCRIPT", "")
#: It comes from outside, which the pages' own policy forbids.
CHECKED = {"bypass_csp": bool(AXE)}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

#: In milliseconds: the machine may have much else to do.
PATIENCE_MS = 90_000
LABELLED = "[...document.querySelectorAll('input:not([type=hidden])')].every(one => one.labels.length)"


@asynccontextmanager
async def before(
    asked: Asked, store: Store, data_dir: Path, **context: Any
) -> AsyncIterator[tuple[Any, str, Any]]:
    """A new tab, the address of the server, and the server."""
    require_browser()
    from playwright.async_api import async_playwright

    async with (
        serving(asked, store, data_dir) as served,
        serve_in_loop(served.app, bind("127.0.0.1", 0), lifespan="off") as url,
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=[*FLAGS, MAP_HOSTS]
        )
        try:
            own = await browser.new_context(**context)
            tab = await own.new_page()
            tab.set_default_timeout(PATIENCE_MS)
            yield tab, f"http://stats.test:{url.rpartition(':')[2]}", served
        finally:
            await browser.close()


async def fill_in(tab: Any, **fields: str) -> None:
    for label, value in fields.items():
        await tab.fill(f"#{label}", value)
    async with tab.expect_navigation():
        await tab.click(f"form:has(#{next(iter(fields))}) button")


async def assert_usable(tab: Any) -> None:
    """What people need of every page; with a checker at hand all that it knows."""
    assert await tab.evaluate("document.querySelectorAll('h1, main').length") == 2
    assert await tab.evaluate(LABELLED)
    assert await tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if AXE:
        await tab.add_script_tag(path=AXE)
        found = await tab.evaluate("rules => axe.run({runOnly: rules})", RULES)
        assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"color_scheme": "dark", "viewport": {"width": 320, "height": 640}},
    ],
    ids=["wide", "dark and narrow"],
)
async def test_a_person_signs_in_looks_changes_the_password_and_leaves(
    asked: Asked, store: Store, tmp_path: Path, context: dict[str, Any]
) -> None:
    async with before(asked, store, tmp_path, **CHECKED, **context) as (tab, url, _):
        errors: list[str] = []
        tab.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
        await tab.goto(f"{url}/?site=shop")
        assert tab.url == f"{url}/sign-in?next=%2F%3Fsite%3Dshop"
        await assert_usable(tab)
        errors.clear()
        await fill_in(tab, name="ana", password="wrong horse battery")
        assert "do not fit together" in await tab.inner_text("[role=alert]")
        assert await tab.input_value("#name") == "ana"
        assert await tab.evaluate("document.activeElement.id") == "password"
        await assert_usable(tab)
        await fill_in(tab, name="ana", password=PASSWORD)
        assert tab.url == f"{url}/?site=shop"
        await tab.goto(f"{url}/account")
        await assert_usable(tab)
        new = "another horse battery"
        await fill_in(tab, current=PASSWORD, password=new, again=new)
        assert "is changed" in await tab.inner_text("[role=status]")
        async with tab.expect_navigation():
            await tab.click("form[action='/sign-out'] button")
        assert tab.url == f"{url}/sign-in"
        await tab.goto(f"{url}/account")
        assert tab.url == f"{url}/sign-in?next=%2Faccount"
        # Of what the pages loaded nothing was kept from them; the refused password is one line.
        assert [line for line in errors if "403" not in line] == []


async def test_it_works_without_scripts_and_no_script_could_read_the_session(
    asked: Asked, store: Store, tmp_path: Path
) -> None:
    async with before(asked, store, tmp_path, java_script_enabled=False) as (tab, url, _):
        await tab.goto(f"{url}/sign-in")
        await fill_in(tab, name="ana", password=PASSWORD)
        assert tab.url == f"{url}/"
        (cookie,) = [one for one in await tab.context.cookies() if one["name"] == "wua-dashboard"]
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")


async def test_a_page_of_somebody_else_cannot_sign_anybody_out(
    asked: Asked, store: Store, tmp_path: Path
) -> None:
    async with before(asked, store, tmp_path) as (tab, url, _):
        await tab.goto(f"{url}/sign-in")
        await fill_in(tab, name="ana", password=PASSWORD)
        evil = f"{url.replace('stats.test', 'evil.test')}/page"

        async def page(route: Any) -> None:
            form = f"<!doctype html><form method='post' action='{url}/sign-out'><button>Win</button></form>"
            await route.fulfill(body=form, content_type="text/html")

        await tab.route(evil, page)
        await tab.goto(evil)
        async with tab.expect_navigation():
            await tab.click("button")
        assert tab.url == f"{url}/sign-out"
        await tab.goto(f"{url}/account")
        assert tab.url == f"{url}/account"


async def test_an_embedded_link_is_shown_where_it_may_be_and_the_rest_nowhere(
    asked: Asked, store: Store, tmp_path: Path
) -> None:
    async def outer(request: Request) -> HTMLResponse:
        return HTMLResponse(f"<!doctype html><iframe src='{request.query_params['address']}'></iframe>")

    async with (
        serve_in_loop(Starlette(routes=[Route("/", outer)]), bind("127.0.0.1", 0)) as outside,
        before(asked, store, tmp_path) as (tab, url, served),
    ):
        blog, other = (outside.replace("127.0.0.1", host) for host in ("blog.test", "other.test"))
        _, token = await served.share("shop", frame_ancestors=(blog,))
        shown = {}
        for page in (blog, other):
            for path in (f"/embed/{token}", "/sign-in"):
                await tab.goto(f"{page}/?address={url}{path}")
                (frame,) = tab.main_frame.child_frames
                shown[page, path.split("/")[1]] = frame.url.startswith(url)
        assert shown == {
            (blog, "embed"): True,
            (other, "embed"): False,
            (blog, "sign-in"): False,
            (other, "sign-in"): False,
        }


async def test_the_form_of_a_link_with_a_password_opens_it(
    asked: Asked, store: Store, tmp_path: Path
) -> None:
    async with before(asked, store, tmp_path, **CHECKED) as (tab, url, served):
        _, token = await served.share("shop", password_hash=HASH)
        await tab.goto(f"{url}/share/{token}")
        await assert_usable(tab)
        await fill_in(tab, password=PASSWORD)
        assert tab.url == f"{url}/?site=shop"
