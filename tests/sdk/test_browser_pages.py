"""In a real browser: what a visit leaves with the collector, page by page and act by act."""

from __future__ import annotations

import pytest

from tests.sdk.browsing import UUID7, browsing, properties, require_browser

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def _browser():
    require_browser()


async def test_a_page_view_says_where_who_and_on_what():
    async with browsing(
        locale="de-CH", timezone_id="Europe/Zurich", viewport={"width": 800, "height": 600}
    ) as site:
        await site.open()
        (view,) = await site.until("page_view")
        assert (view.site_id, view.url, view.title) == ("shop", site.address(), "start")
        assert (view.language, view.timezone) == ("de-CH", "Europe/Zurich")
        assert (view.viewport_width, view.viewport_height, view.webdriver) == (800, 600, True)
        assert UUID7.fullmatch(view.event_id)
        assert UUID7.fullmatch(view.visitor_id)
        assert 0 < properties(view)["load_ms"] < 60_000
        assert view.occurred_at <= view.sent_at <= view.received_at + 1
        site.assert_each_once()


async def test_the_next_page_is_of_the_same_visitor_and_names_the_one_before():
    async with browsing() as site:
        tab = await site.open()
        await site.until("page_view")
        await tab.click("a.next")
        first, second = await site.until("page_view", 2)
        assert second.visitor_id == first.visitor_id
        assert (second.url, second.referrer) == (site.address("/page/next"), site.address())
        (leave,) = await site.until("$page_leave")
        assert leave.url == first.url
        assert properties(leave)["engaged_ms"] > 0
        site.assert_each_once()


@pytest.mark.parametrize("how", ["pushState", "replaceState"])
async def test_a_route_of_a_single_page_is_a_page_view_with_its_own_title(how):
    async with browsing() as site:
        tab = await site.open()
        await site.until("page_view")
        await tab.evaluate(f"history.{how}({{}}, '', '/page/route'); document.title = 'route'")
        first, second = await site.until("page_view", 2)
        assert (second.url, second.referrer, second.title) == (
            site.address("/page/route"),
            first.url,
            "route",
        )
        assert "load_ms" not in properties(second)
        if how == "pushState":
            await tab.go_back()
            assert (await site.until("page_view", 3))[2].url == first.url
        await tab.evaluate("history.replaceState({again: 1}, '', location.href); location.hash = 'place'")
        events = await site.settled()
        assert len(site.named("page_view")) == (3 if how == "pushState" else 2)
        assert all(event.url != "" for event in events)
        site.assert_each_once()


async def test_a_page_that_comes_back_from_the_cache_is_viewed_again():
    async with browsing() as site:
        tab = await site.open()
        await site.until("page_view")
        await tab.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
        first, again = await site.until("page_view", 2)
        assert (again.url, again.visitor_id) == (first.url, first.visitor_id)
        site.assert_each_once()


async def test_a_click_says_what_and_where_but_not_what_somebody_wrote():
    async with browsing() as site:
        tab = await site.open()
        await site.until("page_view")
        await tab.click("button.buy")
        await tab.click("input[name=name]")
        await tab.click("a.note")
        bought, field, note = await site.until("click", 3)
        said = properties(bought)
        assert (said["element"], said["text"]) == ("main#main > button.buy", "Add to cart")
        assert 0 < said["x"] < 1
        assert 0 < said["y"] < 1
        assert properties(field)["text"] == properties(note)["text"] == ""
        site.assert_untold("secret", "private words")
        site.assert_each_once()


async def test_downloads_and_links_to_elsewhere_are_named_without_their_query():
    async with browsing() as site:
        tab = await site.open()
        await tab.click("a.file")
        await tab.click("a.away")
        (download,) = await site.until("download")
        (outbound,) = await site.until("outbound")
        assert properties(download)["href"] == site.address("/files/report.pdf")
        assert properties(outbound)["href"] == "http://away.test/place"
        assert outbound.event_type == "click"
        site.assert_untold("secret")
        site.assert_each_once()


async def test_scrolling_is_told_by_the_quarter_and_the_leave_says_how_far():
    async with browsing() as site:
        tab = await site.open()
        await site.until("page_view")
        await tab.evaluate("scrollTo(0, document.documentElement.scrollHeight / 3)")
        await site.until("scroll")
        await tab.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        depths = [properties(event)["scroll_depth"] for event in await site.until("scroll", 2)]
        assert depths == [50, 100]
        await tab.close()
        (leave,) = await site.until("$page_leave")
        assert properties(leave)["scroll_depth"] == 100
        site.assert_each_once()


async def test_a_form_is_named_and_its_fields_are_counted_and_no_more():
    async with browsing() as site:
        tab = await site.open()
        await site.loaded(tab)
        await tab.click("button.send")
        (form,) = await site.until("form_submit")
        assert properties(form) == {"form": "signup", "fields": 3}
        site.assert_untold("secret")
        site.assert_each_once()


async def test_a_video_is_told_from_its_play_to_its_end():
    async with browsing() as site:
        tab = await site.open()
        await site.loaded(tab)
        await tab.evaluate(PLAY)
        (play,) = await site.until("video_play")
        (end,) = await site.until("video_complete")
        progress = [properties(event)["percent"] for event in site.named("video_progress")]
        assert (properties(play)["video"], properties(play)["percent"]) == ("film", 0)
        assert progress == [25, 50, 75]
        assert properties(end)["percent"] == 100
        site.assert_each_once()


#: A video of the DOM only: this browser may have no codec, and no test should wait for a film.
PLAY = """
const video = document.body.appendChild(document.createElement('video'));
video.id = 'film';
const state = {duration: 8, currentTime: 0, paused: false, ended: false};
for (const name in state) Object.defineProperty(video, name, {get: () => state[name]});
video.dispatchEvent(new Event('play'));
for (state.currentTime = 0; state.currentTime <= 8; state.currentTime += 0.5) {
  state.ended = state.currentTime == 8;
  video.dispatchEvent(new Event('timeupdate'));
}
video.dispatchEvent(new Event('ended'));
"""


async def test_vitals_are_told_once_when_the_page_is_hidden_and_belong_to_the_page_that_was_loaded():
    async with browsing() as site:
        tab = await site.open()
        await site.loaded(tab)
        await tab.click("button.buy")
        await tab.evaluate("history.pushState({}, '', '/page/route')")
        await site.until("page_view", 2)
        await tab.goto("about:blank")
        (vitals,) = await site.until("$web_vitals")
        told = properties(vitals)
        assert vitals.url == site.address()
        assert {"ttfb_ms", "fcp_ms", "lcp_ms", "cls", "load_ms", "dom_ms"} <= told.keys()
        assert told["lcp_ms"] >= told["fcp_ms"] > 0
        assert told["lcp_element"].startswith("main#main > ")
        assert told["connection"] in {"slow-2g", "2g", "3g", "4g"}
        await site.settled()
        assert len(site.named("$web_vitals")) == 1
        site.assert_each_once()
