"""Page views without script, and events without a visitor id."""

import uuid

import pytest

from app.core.keys import digest_of
from app.events.vocabulary import EventType, Origin
from app.settings import Settings
from tests.collecting import collecting, posted
from tests.factories import DAY, T0
from web.pixel import GIF

pytestmark = pytest.mark.asyncio

KEY, SECRET = "key-of-the-shop", "wua_secret"
PAGE = "https://shop.example/products?utm_source=x#top"


def settings(**web):
    return Settings(
        web=web,
        sites={
            "shop": {"write_keys": [KEY], "origins": ["https://shop.example"]},
            "quiet": {"cookieless": True, "server_keys": [digest_of(SECRET)]},
            "open": {},
        },
    )


async def pixel(asked, /, *, method="GET", referer=PAGE, agent="Firefox", **query):
    headers = {"user-agent": agent} | ({"referer": referer} if referer else {})
    return await asked.client.request(method, "/api/v1/pixel.gif", params=query, headers=headers)


async def test_the_pixel_is_a_page_view_without_a_cookie():
    async with collecting(settings()) as site:
        answer = await pixel(site, site="open")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
        assert answer.content == GIF
        assert GIF.startswith(b"GIF89a")
        assert answer.headers["cache-control"] == "no-store"
        assert "set-cookie" not in answer.headers
        (event,) = site.producer.events
        assert (event.event_type, event.url, event.origin) == (EventType.PAGE_VIEW, PAGE, Origin.BROWSER)
        assert (event.occurred_at, event.sent_at, event.received_at) == (T0, T0, T0)
        assert (event.ip, event.user_agent) == ("198.51.100.7", "Firefox")
        assert uuid.UUID(event.event_id)


async def test_the_same_browser_is_the_same_visitor_for_a_day():
    async with collecting(settings()) as site:
        for agent in ("Firefox", "Firefox", "Safari"):
            await pixel(site, site="open", agent=agent)
        site.now_ms += DAY
        await pixel(site, site="open")
        first, again, other, next_day = [event.visitor_id for event in site.producer.events]
        assert first == again
        assert len({first, other, next_day}) == 3


@pytest.mark.parametrize(
    ("query", "referer", "status"),
    [
        ({"site": "shop", "key": KEY}, PAGE, 200),
        ({"site": "shop"}, PAGE, 403),
        ({"site": "shop", "key": KEY}, "https://evil.example/", 403),
        ({"site": "shop", "key": KEY}, "https://shop.example@evil.example/", 403),
        ({"site": "elsewhere"}, PAGE, 400),
        ({"site": "a b"}, PAGE, 400),
        ({}, PAGE, 400),
        ({"site": "open"}, None, 400),
        ({"site": "open"}, "https://shop.example/" + "x" * 2048, 400),
    ],
)
async def test_it_is_held_to_the_rules_of_its_site(query, referer, status):
    async with collecting(settings()) as site:
        answer = await pixel(site, referer=referer, **query)
        assert answer.status_code == status
        assert len(site.producer.events) == (status == 200)
        if status != 200:
            assert answer.headers["content-type"] == "application/problem+json"


async def test_a_look_at_the_head_counts_nothing_and_a_flood_is_limited():
    async with collecting(settings(rate_per_s=1, rate_burst=2)) as site:
        assert (await pixel(site, method="HEAD", site="open")).status_code == 200
        assert [(await pixel(site, site="open")).status_code for _ in range(3)] == [200, 200, 429]
        assert len(site.producer.events) == 2


async def test_503_when_the_broker_is_away():
    async with collecting(settings()) as site:
        site.producer.is_away = True
        assert (await pixel(site, site="open")).status_code == 503


@pytest.mark.parametrize("missing", [..., ""])
async def test_a_cookieless_site_needs_no_visitor_id_and_keeps_a_given_one(missing):
    async with collecting(settings()) as site:
        batch = [posted(site_id="quiet", visitor_id=missing), posted(site_id="quiet", visitor_id="v1")]
        answer = await site.post(batch, user_agent="Firefox", origin="https://quiet.example")
        assert answer.status_code == 202
        # The pixel on a page of the same domain finds the same visitor.
        await pixel(site, site="quiet", referer="https://www.shop.example/other")
        derived, given, seen = [event.visitor_id for event in site.producer.events]
        assert given == "v1"
        assert uuid.UUID(derived).hex == derived == seen


async def test_an_id_that_ends_with_its_page_gives_way_to_the_derived_one_where_there_is_one():
    pages = [posted(site_id=site, visitor_id=f"~{page}") for site in ("quiet", "open") for page in (1, 2)]
    async with collecting(settings()) as site:
        answer = await site.post(pages, user_agent="Firefox", origin="https://quiet.example")
        assert answer.status_code == 202
        await pixel(site, site="quiet", referer="https://www.shop.example/other")
        first, second, *others, seen = [event.visitor_id for event in site.producer.events]
        assert first == second == seen
        assert others == ["~1", "~2"]
        # A server that does not tell the address may tell of a page.
        unnamed = {**posted(site_id="quiet", visitor_id="~3"), "user_agent": "Firefox"}
        assert (await site.tell([unnamed], secret=SECRET)).status_code == 202
        assert site.producer.events[-1].visitor_id == "~3"


@pytest.mark.parametrize("missing", [..., ""])
async def test_any_other_site_needs_one(missing):
    async with collecting(settings()) as site:
        answer = await site.post([posted(site_id="open", visitor_id=missing)])
        (error,) = answer.json()["errors"]
        assert (error["reason"], error["field"]) == ("missing_field", "visitor_id")
        assert "cookieless" in error["detail"]


async def test_a_servers_visitor_is_found_by_the_address_it_tells():
    async with collecting(settings()) as site:
        about = {"user_agent": "Firefox", "ip": "203.0.113.9"}
        unnamed = posted(site_id="quiet", visitor_id=...)
        told = [{**unnamed, **about}, {**unnamed, **about, "ip": "203.0.114.9"}, unnamed]
        answer = await site.tell(told, secret=SECRET)
        assert [(e["index"], e["field"]) for e in answer.json()["errors"]] == [(2, "visitor_id")]
        one, other = [event.visitor_id for event in site.producer.events]
        assert one != other
