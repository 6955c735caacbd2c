"""In a real Firefox: the script loads, and what a visit leaves comes to the collector."""

from __future__ import annotations

import pytest

from tests.sdk.browsing import properties
from tests.sdk.firefox import firefox, require_firefox

pytestmark = pytest.mark.asyncio


async def test_a_page_view_a_click_and_an_event_of_the_sites_own_reach_the_collector():
    require_firefox()
    async with firefox() as (site, tab):
        await tab.goto(site.address())
        (view,) = await site.until("page_view")
        assert (view.site_id, view.url, view.title) == ("shop", site.address(), "start")
        assert "Firefox/" in view.user_agent
        assert view.webdriver
        await tab.click("button.buy")
        (click,) = await site.until("click")
        assert properties(click)["text"] == "Add to cart"
        await tab.run("wua('signup', {plan: 'pro'})")
        (signup,) = await site.until("signup")
        assert (signup.event_type, properties(signup)) == ("custom_event", {"plan": "pro"})
        assert {event.visitor_id for event in site.events} == {view.visitor_id}


async def test_the_next_page_is_of_the_same_visitor_and_names_the_one_before():
    """Without a screen, Firefox gives no page the focus: engaged time is measured in Chromium's tests."""
    require_firefox()
    async with firefox() as (site, tab):
        await tab.goto(site.address())
        await site.until("page_view")
        await tab.click("a.next")
        first, second = await site.until("page_view", 2)
        assert second.visitor_id == first.visitor_id
        assert (second.url, second.referrer) == (site.address("/page/next"), site.address())
        site.assert_each_once()
