"""Events from servers: opened by a secret, stamped with what the server says of the visitor."""

import pytest

from app.adapters.enricher import Enricher
from app.core.keys import digest_of
from app.events.vocabulary import Origin
from app.settings import Settings
from tests.collecting import collecting, posted
from tests.factories import DAY, HOUR, T0, rules, web_event
from web.problems import ProblemKind
from web.server_events import PATH

pytestmark = pytest.mark.asyncio

SECRET, OTHER = "wua_secret-of-the-shop", "wua_secret-of-the-blog"


def settings(**web):
    return Settings(
        web=web,
        sites={
            "shop": {"server_keys": [digest_of("an earlier one"), digest_of(SECRET)]},
            "blog": {"server_keys": [digest_of(OTHER)], "write_keys": ["key-of-the-blog"]},
            "open": {},
        },
    )


def told(**fields):
    """An event as a server tells it."""
    of_visitor = {name: fields.pop(name) for name in ("ip", "user_agent") if name in fields}
    return {**posted(**{"sent_at": ..., **fields}), **of_visitor}


async def test_an_event_carries_what_the_server_says_of_the_visitor():
    async with collecting(settings(), peer="198.51.100.7") as site:
        event = told(occurred_at=T0 - HOUR, user_agent="Mozilla/5.0", ip="2001:DB8::0:7")
        answer = await site.tell([event], secret=SECRET, user_agent="curl/8", origin="https://evil.example")
        assert (answer.status_code, answer.json()) == (202, {"accepted": 1})
        assert "access-control-allow-origin" not in answer.headers
        (kept,) = site.producer.events
        assert (kept.ip, kept.user_agent, kept.origin) == ("2001:db8::7", "Mozilla/5.0", Origin.SERVER)
        assert (kept.occurred_at, kept.sent_at, kept.received_at) == (T0 - HOUR, T0, T0)
        assert site.count("wua_collector_events_total", outcome="accepted") == 1


async def test_what_the_server_does_not_say_is_not_taken_from_the_server_itself():
    async with collecting(settings()) as site:
        assert (await site.tell([told()], secret=SECRET, sec_ch_ua_platform='"Linux"')).status_code == 202
        (kept,) = site.producer.events
        assert (kept.ip, kept.user_agent, kept.client_hints.platform) == ("", "", "")


async def test_with_a_time_of_sending_a_wrong_clock_is_put_right():
    async with collecting(settings()) as site:
        late = told(occurred_at=T0 - 30 * DAY, sent_at=T0 - 30 * DAY + 5)
        assert (await site.tell([late], secret=SECRET)).status_code == 202


@pytest.mark.parametrize(
    ("event", "reason", "field"),
    [
        (told(ip="somewhere"), "invalid_value", "ip"),
        (told(ip="203.0.113.999"), "invalid_value", "ip"),
        (told(occurred_at=T0 - DAY - 1), "late", "occurred_at"),
        (told(occurred_at=T0 - 8 * DAY), "too_old", "occurred_at"),
        (told(occurred_at=T0 + DAY), "in_future", "occurred_at"),
        (told(visitor_id=...), "missing_field", "visitor_id"),
        (told(user_agent="x" * 1025), "too_long", "user_agent"),
        (told(site_id="elsewhere"), "unknown_site", "site_id"),
    ],
)
async def test_a_bad_event_is_refused_by_name_and_its_neighbours_are_kept(event, reason, field):
    async with collecting(settings()) as site:
        answer = await site.tell([told(), event], secret=SECRET)
        assert answer.status_code == 400
        assert [(e["index"], e["reason"], e["field"]) for e in answer.json()["errors"]] == [
            (1, reason, field)
        ]
        assert len(site.producer.events) == 1


@pytest.mark.parametrize("secret", ["", "nonsense", SECRET + "x", digest_of(SECRET), "key-of-the-blog"])
async def test_without_a_secret_that_we_know_nothing_is_read(secret):
    async with collecting(settings()) as site:
        answer = await site.tell([told()], secret=secret)
        assert (answer.status_code, answer.json()["type"]) == (401, ProblemKind.UNAUTHORIZED.urn)
        assert answer.headers["www-authenticate"] == "Bearer"
        assert site.producer.messages == []


async def test_a_secret_opens_its_own_sites_only():
    async with collecting(settings()) as site:
        answer = await site.tell([told(), told(site_id="open")], secret=OTHER)
        assert (answer.status_code, answer.json()["type"]) == (403, ProblemKind.NOT_PERMITTED.urn)
        assert [error["reason"] for error in answer.json()["errors"]] == ["forbidden_site"] * 2
        # No write key is asked for: the secret says more.
        assert (await site.tell([told(site_id="blog")], secret=OTHER)).status_code == 202


async def test_where_no_site_has_a_secret_none_is_known():
    async with collecting() as site:
        assert (await site.tell([told()], secret=SECRET)).status_code == 401


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "PUT"])
async def test_it_is_not_for_pages(method):
    async with collecting(settings()) as site:
        answer = await site.client.request(method, PATH, headers={"origin": "https://shop.example"})
        assert answer.status_code == 405
        assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_guesses_are_limited_by_network_and_events_by_key():
    async with collecting(settings(rate_per_s=1, rate_burst=3, key_rate_per_s=1, key_rate_burst=10)) as site:
        assert (await site.tell([told() for _ in range(10)], secret=SECRET)).status_code == 202
        limited = await site.tell([told()], secret=SECRET)
        assert (limited.status_code, limited.headers["retry-after"]) == (429, "1")
        assert "key_rate_per_s" in limited.json()["detail"]
        assert [(await site.tell([], secret="guess")).status_code for _ in range(2)] == [401, 429]


async def test_a_server_that_knows_no_browser_tells_of_no_bot():
    enrich, site = Enricher(), rules().default_site
    assert not enrich(web_event(origin="server"), site=site).bot.is_bot
    assert enrich(web_event(origin="server", user_agent="Googlebot/2.1"), site=site).bot.is_bot
    assert enrich(web_event(), site=site).bot.is_bot
