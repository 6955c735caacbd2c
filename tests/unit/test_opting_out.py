"""Browsers that ask not to be tracked: answered as usual, and nothing is kept."""

import pytest

from app.core.keys import digest_of
from app.settings import Settings
from tests.collecting import collecting, posted

pytestmark = pytest.mark.asyncio

SECRET = "wua_secret"
PIXEL = "/api/v1/pixel.gif"
SITES = {
    "shop": {"server_keys": [digest_of(SECRET)]},
    "quiet": {"cookieless": True},
    "heedless": {"respect_gpc": False},
    "reckless": {"respect_gpc": False, "respect_dnt": False},
}


def settings():
    return Settings(sites=SITES)


@pytest.mark.parametrize(
    ("site_id", "headers", "kept"),
    [
        ("shop", {}, 1),
        ("shop", {"Sec_GPC": "1"}, 0),
        ("shop", {"DNT": "1"}, 0),
        ("shop", {"Sec_GPC": "1", "DNT": "1"}, 0),
        ("shop", {"Sec_GPC": "0", "DNT": "0"}, 1),
        ("shop", {"DNT": "null"}, 1),
        ("heedless", {"Sec_GPC": "1"}, 1),
        ("heedless", {"DNT": "1"}, 0),
        ("reckless", {"Sec_GPC": "1", "DNT": "1"}, 1),
    ],
)
async def test_a_signal_is_respected_unless_the_site_says_otherwise(site_id, headers, kept):
    async with collecting(settings()) as site:
        answer = await site.post([posted(site_id=site_id)], **headers)
        assert answer.status_code == 202
        assert answer.json() == ({"accepted": 1} if kept else {"accepted": 0, "opted_out": 1})
        assert len(site.producer.events) == kept
        assert site.count("wua_collector_events_total", outcome="opted_out") == 1 - kept
        assert site.count("wua_collector_events_total", outcome="accepted") == kept


async def test_sites_of_one_batch_are_asked_one_by_one_and_refusals_are_told():
    async with collecting(settings()) as site:
        batch = [posted(site_id="shop"), posted(site_id="reckless"), posted(site_id="shop", url="")]
        answer = await site.post(batch, DNT="1")
        assert answer.status_code == 400
        assert (answer.json()["accepted"], [one["index"] for one in answer.json()["errors"]]) == (1, [2])
        assert [event.site_id for event in site.producer.events] == ["reckless"]


async def test_no_visitor_is_derived_of_who_opted_out(monkeypatch):
    async with collecting(settings()) as site:
        monkeypatch.setattr(
            "web.visitors.Visitors.find", lambda *_, **__: pytest.fail("a visitor was derived")
        )
        answer = await site.post([posted(site_id="quiet", visitor_id="")], DNT="1")
        assert answer.json() == {"accepted": 0, "opted_out": 1}


@pytest.mark.parametrize(("signal", "kept"), [({"sec-gpc": "1"}, 0), ({"dnt": "1"}, 0), ({}, 1)])
async def test_the_pixel_respects_it_too_and_is_still_an_image(signal, kept):
    async with collecting(settings()) as site:
        headers = {"referer": "https://shop.example/", "user-agent": "Firefox", **signal}
        answer = await site.client.get(PIXEL, params={"site": "shop"}, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
        assert len(site.producer.events) == kept


async def test_a_server_tells_of_its_own_business_and_sends_no_signal_of_a_browser():
    async with collecting(settings()) as site:
        answer = await site.tell([posted(site_id="shop")], secret=SECRET, DNT="1", Sec_GPC="1")
        assert answer.json() == {"accepted": 1}
