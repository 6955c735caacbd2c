"""In a real browser: nothing is lost, nothing is counted twice, nothing is sent that may not be."""

from __future__ import annotations

import pytest

from app.errors import BrokerUnavailableError
from tests.sdk.browsing import UUID7, browsing, properties, require_browser

pytestmark = pytest.mark.asyncio

#: How browsers say Global Privacy Control and Do Not Track.
SIGNALS = {
    "gpc": "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})",
    "dnt": "Object.defineProperty(navigator, 'doNotTrack', {value: '1'})",
}
STORED = "[document.cookie, ...Object.keys(localStorage)].filter((text) => text.includes('wua'))"


@pytest.fixture(autouse=True)
def _browser():
    require_browser()


async def test_what_a_page_tells_by_itself():
    async with browsing() as site:
        tab = await site.open()
        await tab.evaluate("""
            wua('search', {words: 2});
            wua('$identify', {user_id: 42, plan: 'team'});
            wua('$identify', {user_id: 42, plan: 'team'});
            wua('$goal', {goal: 'signup'});
            wua('$purchase', {revenue: 19.5, currency: 'CHF', order_id: 'o-7'});
            wua('$exposure', {experiment: 'buy_button', variant: 'green'});
        """)
        (exposure,) = await site.until("$exposure")
        (search,), (identified,) = site.named("search"), site.named("$identify")
        (goal,), (purchase,) = site.named("$goal"), site.named("$purchase")
        assert (search.event_type, properties(search), search.user_id) == ("custom_event", {"words": 2}, "")
        assert (identified.user_id, goal.user_id, purchase.user_id) == ("42", "42", "42")
        assert properties(goal) == {"goal": "signup"}
        assert properties(purchase) == {"revenue": 19.5, "currency": "CHF", "order_id": "o-7"}
        assert properties(exposure) == {"experiment": "buy_button", "variant": "green"}
        assert len(site.named("page_view")) == 1
        site.assert_each_once()


async def test_calls_from_before_the_script_was_there_come_after_the_page_view():
    stub = "window.wua = window.wua || function () { (wua.q = wua.q || []).push(arguments) };"
    async with browsing() as site:
        await site.open(init=stub + "wua('early', {n: 1})")
        (early,) = await site.until("early")
        (view,) = await site.until("page_view")
        assert properties(early) == {"n": 1}
        assert view.event_id < early.event_id
        site.assert_each_once()


async def test_a_tab_that_closes_at_once_has_told_everything():
    async with browsing() as site:
        tab = await site.open()
        await tab.evaluate("wua('last', {})")
        await tab.close()
        await site.until("last")
        assert len(await site.until("page_view")) == 1
        await site.settled()
        site.assert_each_once()


async def test_offline_then_online_loses_nothing_and_sends_nothing_twice():
    async with browsing() as site:
        tab = await site.open()
        await site.until("page_view")
        await site.context.set_offline(True)
        for number in range(3):
            await tab.evaluate(f"wua('offline', {{number: {number}}})")
        await site.settled()
        assert site.named("offline") == []
        await site.context.set_offline(False)
        numbers = [properties(event)["number"] for event in await site.until("offline", 3)]
        assert sorted(numbers) == [0, 1, 2]
        await site.settled()
        site.assert_each_once()


async def test_what_a_page_could_not_send_is_sent_by_the_next_one():
    async with browsing() as site:
        tab = await site.open()
        await site.until("page_view")
        await site.context.set_offline(True)
        await tab.evaluate("wua('kept', {})")
        await tab.close()
        assert (await site.settled()) == site.named("page_view") + site.named("$page_leave")
        await site.context.set_offline(False)
        await site.open(path="/page/later")
        (kept,) = await site.until("kept")
        assert kept.url == site.address()
        assert kept.sent_at > kept.occurred_at
        await site.settled()
        site.assert_each_once()


async def test_tabs_lose_nothing_of_each_other():
    async with browsing() as site:
        tabs = [await site.open(path=f"/page/{name}") for name in ("left", "right")]
        await site.until("page_view", 2)
        await site.context.set_offline(True)
        for number in range(6):
            await tabs[number % 2].evaluate(f"wua('offline', {{number: {number}}})")
        await site.context.set_offline(False)
        await site.until("offline", 6)
        await site.settled()
        # Both may have sent the same event in the same moment; it has the same id then.
        told = {event.event_id: properties(event)["number"] for event in site.named("offline")}
        assert sorted(told.values()) == list(range(6))
        assert len({event.visitor_id for event in site.events}) == 1
        assert site.errors == []


async def test_a_batch_that_was_not_acknowledged_comes_again_with_the_same_ids():
    async with browsing() as site:
        tried = []
        send = site.producer.send_batch

        async def away_once(batch, **named):
            tried.append([value for _, value in batch])
            if len(tried) == 1:
                raise BrokerUnavailableError("away")
            return await send(batch, **named)

        site.producer.send_batch = away_once
        await site.open()
        (view,) = await site.until("page_view")
        assert len(tried) >= 2
        assert view.event_id.encode() in tried[0][0]
        assert view.sent_at - view.occurred_at >= 4_000  # Retry-After is 5 s
        await site.settled()
        site.assert_each_once()


async def test_an_event_that_is_refused_is_dropped_and_keeps_nothing_back():
    async with browsing() as site:
        tab = await site.open()
        await tab.evaluate("wua('$unknown', {}); wua('fine', {})")
        await site.until("fine")
        assert site.named("$unknown") == []
        await site.settled()
        assert await tab.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('wua:'))") == []
        site.assert_each_once()


@pytest.mark.parametrize("signal", SIGNALS)
async def test_who_asks_not_to_be_watched_is_not(signal):
    async with browsing() as site:
        tab = await site.open(init=SIGNALS[signal])
        await tab.evaluate("wua('mine', {}); wua('$consent', true)")
        await tab.click("button.buy")
        assert await tab.evaluate(STORED) == []
        await tab.close()
        assert await site.settled() == []
        assert site.errors == []
        await site.open(init=SIGNALS[signal], ignore_gpc="")
        assert len(await site.until("page_view")) == 1


async def test_nothing_happens_before_consent_and_nothing_stays_after_it_is_taken_back():
    async with browsing() as site:
        tab = await site.open(consent="")
        await tab.evaluate("wua('before', {})")
        assert await site.settled() == []
        assert await tab.evaluate(STORED) == []
        await tab.evaluate("wua('$consent', true); wua('$identify', {user_id: 'u'})")
        await site.until("page_view")
        assert await tab.evaluate(STORED) != []
        await tab.evaluate("wua('$consent', false); wua('after', {})")
        assert await tab.evaluate(STORED) == []
        await tab.close()
        await site.settled()
        assert site.named("before") == site.named("after") == []
        site.assert_each_once()


async def test_what_waits_from_an_earlier_visit_waits_for_consent_as_well():
    async with browsing() as site:
        tab = await site.open()
        await site.until("page_view")
        await site.context.set_offline(True)
        await tab.evaluate("wua('kept', {})")
        await tab.close()
        await site.context.set_offline(False)
        tab = await site.open(consent="")
        await tab.evaluate("dispatchEvent(new Event('online')); dispatchEvent(new Event('pagehide'))")
        await site.settled()
        assert site.named("kept") == []
        await tab.evaluate("wua('$consent', true)")
        assert len(await site.until("kept")) == 1
        site.assert_each_once()


async def test_without_cookies_nothing_is_stored_and_the_visitor_ends_with_the_page():
    async with browsing() as site:
        tab = await site.open(cookieless="")
        await tab.evaluate("history.pushState({}, '', '/page/route')")
        first, second = await site.until("page_view", 2)
        assert first.visitor_id.startswith("~")
        assert first.visitor_id == second.visitor_id
        assert await tab.evaluate(STORED) == []
        await tab.goto(site.address("/page/next", cookieless=""))
        assert (await site.until("page_view", 3))[2].visitor_id != first.visitor_id
        site.assert_each_once()


async def test_without_cookies_a_day_is_one_visitor_where_the_collector_derives_ids():
    async with browsing(cookieless=True) as site:
        tab = await site.open(cookieless="")
        await site.until("page_view")
        await tab.goto(site.address("/page/next", cookieless=""))
        first, second = await site.until("page_view", 2)
        assert first.url != second.url
        assert first.visitor_id == second.visitor_id
        assert "~" not in first.visitor_id
        assert await tab.evaluate(STORED) == []
        site.assert_each_once()


async def test_who_signs_out_is_followed_by_somebody_new():
    async with browsing() as site:
        tab = await site.open()
        await tab.evaluate("wua('$identify', {user_id: ''}); wua('before', {})")
        await tab.evaluate(
            "wua('$identify', {user_id: 'ada'}); wua('in', {}); wua('$identify', {user_id: ''})"
        )
        await tab.evaluate("wua('$identify', {user_id: ''}); wua('out', {})")
        await site.until("out")
        (before,), (within,), (after,) = site.named("before"), site.named("in"), site.named("out")
        signed_in, signed_out = site.named("$identify")
        theirs = [before, signed_in, within, signed_out]
        assert {event.visitor_id for event in theirs} == {before.visitor_id}
        assert [event.user_id for event in [*theirs, after]] == ["", "ada", "ada", "", ""]
        assert UUID7.fullmatch(after.visitor_id)
        assert after.visitor_id != before.visitor_id
        await tab.goto(site.address("/page/next"))
        view = (await site.until("page_view", 2))[1]
        assert (view.visitor_id, view.user_id) == (after.visitor_id, "")
        assert {event.visitor_id for event in site.named("$page_leave")} <= {
            before.visitor_id,
            after.visitor_id,
        }
        site.assert_each_once()


async def test_who_was_known_is_known_on_the_next_page_until_the_other_signs_in():
    """A device that is shared without signing out keeps its visitor."""
    async with browsing() as site:
        tab = await site.open()
        await tab.evaluate("wua('$identify', {user_id: 'ada'})")
        await site.until("$identify")
        await tab.goto(site.address("/page/next"))
        await site.until("page_view", 2)
        await tab.evaluate("wua('$identify', {user_id: 'bob'}); wua('search', {words: 2})")
        (told,) = await site.until("search")
        assert [event.user_id for event in site.named("page_view")] == ["", "ada"]
        assert (told.user_id, properties(told)) == ("bob", {"words": 2})
        assert len({event.visitor_id for event in site.events}) == 1
        site.assert_each_once()


async def test_a_strict_policy_lets_both_files_work():
    async with browsing() as site:
        tab = await site.open(path="/strict/page")
        await site.until("page_view")
        await site.loaded(tab)
        await tab.goto("about:blank")
        (vitals,) = await site.until("$web_vitals")
        assert vitals.url == site.address("/strict/page")
        site.assert_each_once()


async def test_a_browser_that_stores_nothing_is_served_all_the_same():
    broken = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no') }})"
    async with browsing() as site:
        tab = await site.open(init=broken)
        await tab.evaluate("wua('fine', {}); const ring = {}; ring.ring = ring; wua('ring', ring); wua()")
        assert len(await site.until("fine")) == 1
        assert len(site.named("page_view")) == 1
        site.assert_each_once()
