"""What a request lacks of the browser that it claims to come from, and what becomes of it."""

import msgspec
import pytest

from app.events.wire import WebEvent
from tests.collecting import collecting, posted, web
from web.headers import Lacking, read_lacking

BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"
CHROME = f"Mozilla/5.0 (X11; Linux x86_64) {BLINK} Chrome/138.0.0.0 Safari/537.36"
OLD_CHROME = CHROME.replace("138", "88")
FIRST_CHROME = CHROME.replace("138", "89")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "CriOS/138.0.0.0 Mobile/15E148 Safari/604.1"
)
SPEAKS = {"accept-language": "de"}
NOTHING, METADATA, LANGUAGE, BOTH = (
    Lacking(),
    Lacking(when_secure=True),
    Lacking(always=True),
    Lacking(True, True),
)


@pytest.mark.parametrize(
    ("user_agent", "headers", "lacking"),
    [
        (CHROME, {}, BOTH),
        (CHROME, SPEAKS, METADATA),
        (FIRST_CHROME, SPEAKS, METADATA),
        (OLD_CHROME, SPEAKS, NOTHING),
        (OLD_CHROME, {}, LANGUAGE),
        (CHROME, {**SPEAKS, "sec-ch-ua": '"Chromium";v="138"'}, NOTHING),
        (CHROME, {**SPEAKS, "sec-fetch-site": "cross-site"}, NOTHING),
        (CHROME, {**SPEAKS, "sec-fetch-mode": "cors"}, NOTHING),
        (CHROME, {**SPEAKS, "sec-fetch-dest": "empty"}, NOTHING),
        (CHROME, {**SPEAKS, "sec-ch-ua": ""}, METADATA),
        (CHROME, {"sec-ch-ua": '"Chromium";v="138"'}, LANGUAGE),
        (CHROME, {"accept-language": " "}, BOTH),
        (FIREFOX, SPEAKS, NOTHING),
        (FIREFOX, {}, LANGUAGE),
        (IPHONE, SPEAKS, NOTHING),
        # no browser is claimed
        ("curl/8.5.0", {}, NOTHING),
        ("", {}, NOTHING),
        (f"{CHROME[12:]}", {}, NOTHING),
        (CHROME.replace("138", "9" * 9), SPEAKS, NOTHING),
    ],
)
def test_a_browser_is_known_by_what_it_always_sends(user_agent, headers, lacking):
    assert read_lacking({"user-agent": user_agent, **headers}) == lacking


@pytest.mark.parametrize(
    ("lacking", "url", "is_missing"),
    [
        (METADATA, "https://shop.example/", True),
        (METADATA, "HTTPS://shop.example/", True),
        (METADATA, "http://shop.example/", False),
        (LANGUAGE, "http://shop.example/", True),
        (NOTHING, "https://shop.example/", False),
    ],
)
def test_hints_are_missed_on_pages_over_https_alone(lacking, url, is_missing):
    assert lacking.at(url) is is_missing


@pytest.mark.asyncio
async def test_the_collector_says_of_each_event_whether_headers_were_missing():
    async with collecting() as site:
        pages = [posted(url="https://shop.example/"), posted(url="http://shop.example/")]
        await site.post(pages, user_agent=CHROME, accept_language="de")
        await site.post(pages[:1], user_agent=CHROME, accept_language="de", sec_fetch_mode="cors")
        assert [event.missing_headers for event in site.producer.events] == [True, False, False]


@pytest.mark.asyncio
async def test_what_is_not_missing_costs_nothing_on_the_wire_and_cannot_be_claimed():
    async with collecting() as site:
        await site.post([{**posted(), "missing_headers": True}])
        ((_, value),) = site.producer.messages
        assert b"missing_headers" not in value


@pytest.mark.asyncio
async def test_the_look_at_headers_can_be_switched_off():
    async with collecting(web(check_headers=False)) as site:
        await site.post([posted()], user_agent=CHROME)
        assert not site.producer.events[0].missing_headers


def test_a_message_of_before_lacks_nothing():
    value = msgspec.json.encode({**posted(), "received_at": 1, "user_agent": CHROME})
    assert not msgspec.json.decode(value, type=WebEvent).missing_headers
