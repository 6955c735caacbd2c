"""In a real browser: a visitor goes on to another domain of the owner by a signed link, and by no other."""

from __future__ import annotations

import asyncio

import pytest

from app.adapters.clock import now_ms
from app.core.cross_domain import Follower, sign
from tests.sdk.browsing import LINK_KEY, UUID7, browsing, require_browser

pytestmark = pytest.mark.asyncio

BROUGHT = "01890000-0000-7000-8000-000000000000"
ANOTHER = BROUGHT.replace("018", "019")
SIGN, VERIFY = "**/api/v1/link", "**/api/v1/link/verify"
#: Longer than the script waits for the collector's answer.
SILENCE_S = 4


@pytest.fixture(autouse=True)
def _browser():
    require_browser()


async def departing(site, link, **settings):
    """A page that leads to ``link``, with its script at work, and the addresses that it asks for."""
    tab = await site.open(**settings)
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    await site.loaded(tab)
    await tab.evaluate("link => { document.querySelector('a.next').href = link }", link)
    return tab, asked


async def token_for(tab, *, site_id="shop", ago_ms=0, agent=""):
    """A token that the collector signed so long ago, for this browser or another."""
    agent = agent or await tab.evaluate("navigator.userAgent")
    follower = Follower(site_id=site_id, user_agent=agent)
    return sign(BROUGHT, follower, now_ms=now_ms() - ago_ms, key=LINK_KEY)


async def test_a_link_to_another_domain_of_the_owner_takes_the_visitor_along():
    async with browsing() as site:
        link = site.address("/page/other", host="shop.two.test") + "?a=b"
        tab, _ = await departing(site, link, domains="two.test")
        async with tab.expect_response(SIGN) as signed:
            await tab.hover("a.next")
        assert (await signed.value).status == 200
        async with tab.expect_request(lambda request: "_wua=" in request.url):
            await tab.click("a.next")
        first, second = await site.until("page_view", 2)
        assert second.url.startswith(link)
        assert second.visitor_id == first.visitor_id
        assert "_wua" not in tab.url
        site.assert_untold("_wua")
        assert site.named("outbound") == []
        await tab.goto(site.address("/page/next", host="shop.two.test"))
        assert (await site.until("page_view", 3))[2].visitor_id == first.visitor_id
        site.assert_each_once()


async def test_a_token_is_asked_for_once_and_is_on_a_link_once():
    async with browsing() as site:
        tab, asked = await departing(site, site.address(host="two.test"), domains="one.example two.test")
        await tab.evaluate(
            "document.querySelector('a.next').addEventListener('click', (e) => e.preventDefault())"
        )
        for _ in range(3):
            await tab.hover("a.next")
            await tab.hover("h1")
        await site.settled()
        await tab.click("a.next")
        await tab.click("a.next")
        href = await tab.evaluate("document.querySelector('a.next').href")
        assert href.count("_wua=") == 1
        assert len([url for url in asked if url.endswith("/api/v1/link")]) == 1
        site.assert_each_once()


async def test_who_has_signed_out_does_not_leave_with_the_token_of_before():
    async with browsing() as site:
        tab, asked = await departing(site, site.address("/page/other", host="two.test"), domains="two.test")
        await tab.evaluate("wua('$identify', {user_id: 'ada'})")
        async with tab.expect_response(SIGN):
            await tab.hover("a.next")
        await site.settled()
        await tab.evaluate("wua('$identify', {user_id: ''})")
        await tab.click("a.next")
        first, second = await site.until("page_view", 2)
        assert second.visitor_id != first.visitor_id
        assert [url for url in asked if f"_wua={first.visitor_id}" in url] == []
        site.assert_each_once()


@pytest.mark.parametrize("answer", ["none", "503", "nonsense"])
async def test_a_link_leads_on_without_a_token(answer):
    async def answered(route):
        if answer == "none":
            await route.abort()
        else:
            await route.fulfill(status=503 if answer == "503" else 200, body="null")

    async with browsing() as site:
        link = site.address("/page/other", host="two.test")
        tab, asked = await departing(site, link, domains="two.test")
        await tab.route(SIGN, answered)
        await tab.hover("a.next")
        await site.settled()
        await tab.click("a.next")
        first, second = await site.until("page_view", 2)
        assert (second.url, second.visitor_id == first.visitor_id) == (link, False)
        assert [url for url in asked if "_wua" in url] == []
        site.assert_each_once()


@pytest.mark.parametrize("settings", [{"cookieless": ""}, {"consent": ""}])
async def test_nobody_is_taken_along_without_cookies_or_before_consent(settings):
    async with browsing() as site:
        tab = await site.open(domains="two.test", **settings)
        asked = []
        tab.on("request", lambda request: asked.append(request.url))
        link = site.address("/page/other", host="two.test")
        await tab.evaluate("link => { document.querySelector('a.next').href = link }", link)
        await site.settled()
        await tab.hover("a.next")
        await site.settled()
        await tab.click("a.next")
        await tab.wait_for_url(link)
        await site.until("page_view")
        assert [url for url in asked if "_wua" in url or url.endswith("/api/v1/link")] == []
        site.assert_each_once()


@pytest.mark.parametrize(
    ("token", "altered", "is_followed"),
    [
        ({}, {}, True),
        ({"ago_ms": 90_000}, {}, True),
        ({"ago_ms": 121_000}, {}, False),
        ({"ago_ms": -60_000}, {}, False),
        ({"site_id": "another"}, {}, False),
        ({"agent": "another"}, {}, False),
        ({}, {BROUGHT: ANOTHER}, False),
        ({"ago_ms": 121_000}, {".1": ".2"}, False),
    ],
)
async def test_a_link_is_followed_for_two_minutes_as_it_was_signed(token, altered, is_followed):
    async with browsing() as site:
        tab = await site.context.new_page()
        value = await token_for(tab, **token)
        for old, new in altered.items():
            value = value.replace(old, new)
        await tab.goto(site.address("/page/other") + f"?_wua={value}")
        (view,) = await site.until("page_view")
        assert (view.visitor_id == BROUGHT) is is_followed
        assert view.visitor_id != ANOTHER
        assert "_wua" not in tab.url
        site.assert_untold("_wua")
        site.assert_each_once()


@pytest.mark.parametrize(
    "forged", ["", "123", f"{BROUGHT}.1772445600000", f"{BROUGHT}.{'9' * 13}.{'A' * 22}"]
)
async def test_a_link_that_was_made_up_changes_nothing_for_who_was_there_before(forged):
    async with browsing() as site:
        tab = await site.open()
        (first,) = await site.until("page_view")
        await tab.goto(site.address("/page/other") + f"?_wua={forged}")
        (_, second) = await site.until("page_view", 2)
        assert second.visitor_id == first.visitor_id
        assert "_wua" not in tab.url
        site.assert_each_once()


@pytest.mark.parametrize("answer", ["none", "503", "nonsense", "late"])
async def test_an_answer_that_fails_or_is_late_makes_somebody_new_and_loses_nothing(answer):
    async def answered(route):
        if answer == "none":
            await route.abort()
        elif answer == "late":
            await asyncio.sleep(SILENCE_S)
            await route.continue_()
        else:
            await route.fulfill(status=503 if answer == "503" else 200, body="null")

    stub = "window.wua = window.wua || function () { (wua.q = wua.q || []).push(arguments) };"
    async with browsing() as site:
        tab = await site.context.new_page()
        await tab.add_init_script(stub + "wua('early', {})")
        await tab.route(VERIFY, answered)
        await tab.goto(site.address() + f"?_wua={await token_for(tab)}")
        await tab.click("button.buy")
        await tab.evaluate("wua('soon', {})")
        await site.until("soon")
        await asyncio.sleep(SILENCE_S)
        await tab.evaluate("wua('later', {})")
        await site.until("later")
        told = ("page_view", "early", "click", "soon", "later")
        assert [len(site.named(name)) for name in told] == [1] * len(told)
        (visitor,) = {event.visitor_id for event in site.events}
        assert UUID7.fullmatch(visitor)
        assert visitor != BROUGHT
        site.assert_untold("_wua")
        site.assert_each_once()


async def test_who_leaves_before_the_answer_is_somebody_new_and_nothing_is_lost():
    async def silent(route):
        await asyncio.sleep(SILENCE_S)
        await route.abort()

    async with browsing() as site:
        tab = await site.context.new_page()
        await tab.route(VERIFY, silent)
        async with tab.expect_request(VERIFY):
            await tab.goto(site.address() + f"?_wua={await token_for(tab)}", wait_until="commit")
        await tab.evaluate("wua('early', {})")
        await tab.goto("about:blank")
        (early,) = await site.until("early")
        (view,) = await site.until("page_view")
        assert early.visitor_id == view.visitor_id != BROUGHT
        site.assert_each_once()


async def test_who_signs_out_before_the_answer_is_not_whom_the_link_brought():
    async def late(route):
        await asyncio.sleep(0.5)
        await route.continue_()

    async with browsing() as site:
        tab = await site.context.new_page()
        await tab.route(VERIFY, late)
        async with tab.expect_request(VERIFY):
            await tab.goto(site.address() + f"?_wua={await token_for(tab)}", wait_until="commit")
        await tab.evaluate("wua('$identify', {user_id: 'ada'}); wua('$identify', {user_id: ''})")
        await site.settled()
        await tab.evaluate("wua('after', {})")
        (after,) = await site.until("after")
        assert after.visitor_id not in {BROUGHT, site.named("page_view")[0].visitor_id}
        site.assert_each_once()


async def test_with_consent_a_link_is_shown_to_the_collector_only_then():
    async with browsing() as site:
        tab = await site.context.new_page()
        asked = []
        tab.on("request", lambda request: asked.append(request.url))
        await tab.goto(site.address(consent="") + f"&_wua={await token_for(tab)}")
        await site.settled()
        assert [url for url in asked if "/api/" in url] == []
        await tab.evaluate("wua('$consent', true)")
        (view,) = await site.until("page_view")
        assert view.visitor_id == BROUGHT
        assert "_wua" not in tab.url
        site.assert_each_once()
