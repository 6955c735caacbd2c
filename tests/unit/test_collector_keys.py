"""Which pages may post events of which site: write keys, and origins of its own."""

import pytest
import structlog

from app.settings import Settings
from tests.collecting import collecting, posted
from web.problems import ProblemKind

pytestmark = pytest.mark.asyncio

KEY, NEXT_KEY, OTHER_KEY = "key-of-the-shop", "next-key-of-the-shop", "key-of-the-blog"
SHOP, BLOG, EVIL = "https://shop.example", "https://blog.example", "https://evil.example"


def sites(**web):
    return Settings(
        web=web,
        sites={
            "shop": {"write_keys": [KEY, NEXT_KEY], "origins": [SHOP]},
            "blog": {"write_keys": [OTHER_KEY]},
            "open": {},
        },
    )


@pytest.mark.parametrize(
    ("site_id", "key", "reason"),
    [
        ("shop", KEY, None),
        ("shop", NEXT_KEY, None),
        ("shop", None, "wrong_write_key"),
        ("shop", "", "wrong_write_key"),
        ("shop", "KEY-OF-THE-SHOP", "wrong_write_key"),
        ("shop", OTHER_KEY, "wrong_write_key"),
        ("blog", OTHER_KEY, None),
        ("open", None, None),
        ("open", "whatever", None),
        ("elsewhere", KEY, "unknown_site"),
    ],
)
async def test_a_site_with_keys_takes_events_under_one_of_them(site_id, key, reason):
    async with collecting(sites()) as site:
        answer = await site.post([posted(site_id=site_id)], key=key)
        assert answer.status_code == {None: 202, "wrong_write_key": 403, "unknown_site": 400}[reason]
        assert len(site.producer.events) == (reason is None)
        if reason:
            (error,) = answer.json()["errors"]
            assert (error["index"], error["reason"], error["field"]) == (0, reason, "site_id")
            assert site.count("wua_collector_rejected_total", reason=reason) == 1


async def test_where_nothing_may_be_posted_the_answer_is_403_and_says_what_to_do():
    async with collecting(sites()) as site:
        answer = await site.post([posted(), posted()])
        document = answer.json()
        assert (document["type"], document["accepted"]) == (ProblemKind.NOT_PERMITTED.urn, 0)
        assert "?key=KEY" in document["errors"][0]["detail"]
        assert KEY not in answer.text


@pytest.mark.parametrize("other", [posted(site_id="open"), posted(event_type="zap")])
async def test_of_a_mixed_batch_the_events_that_may_be_posted_are_kept(other):
    async with collecting(sites()) as site:
        answer = await site.post([posted(), other])
        assert (answer.status_code, answer.json()["type"]) == (400, ProblemKind.REJECTED_EVENTS.urn)
        assert [event.site_id for event in site.producer.events] == ["open"][: answer.json()["accepted"]]


async def test_keys_of_the_default_site_are_those_of_every_site():
    async with collecting(Settings(default_site={"write_keys": [KEY]})) as site:
        assert (await site.post([posted(site_id="any")], key=KEY)).status_code == 202
        assert (await site.post([posted(site_id="any")])).status_code == 403


@pytest.mark.parametrize(
    ("site_id", "origin", "reason"),
    [
        ("shop", SHOP, None),
        ("shop", SHOP.upper(), None),
        ("shop", None, None),
        ("shop", "https://collector.test", None),  # the server's own pages
        ("shop", BLOG, "forbidden_origin"),
        ("open", BLOG, None),
        ("open", SHOP, "forbidden_origin"),
    ],
)
async def test_a_sites_own_origins_stand_in_place_of_the_list_for_all(site_id, origin, reason):
    async with collecting(sites(cors_origins=[BLOG])) as site:
        headers = {"origin": origin} if origin else {}
        answer = await site.post([posted(site_id=site_id)], key=KEY, **headers)
        assert answer.status_code == (403 if reason else 202)
        assert [error["reason"] for error in answer.json().get("errors", ())] == ([reason] if reason else [])
        # The page may read why.
        assert answer.headers.get("access-control-allow-origin") == origin


async def test_an_origin_of_no_site_gets_no_answer_to_read():
    async with collecting(sites(cors_origins=[BLOG])) as site:
        answer = await site.post([posted()], key=KEY, origin=EVIL)
        assert (answer.status_code, answer.json()["type"]) == (403, ProblemKind.FORBIDDEN_ORIGIN.urn)
        assert "access-control-allow-origin" not in answer.headers


async def test_a_site_may_be_narrower_than_any_origin():
    async with collecting(sites(cors_origins=["*"])) as site:
        statuses = [
            (await site.post([posted(site_id=site_id)], key=KEY, origin=EVIL)).status_code
            for site_id in ("shop", "open")
        ]
        assert statuses == [403, 202]


@pytest.mark.parametrize(("origin", "status"), [(SHOP, 204), (BLOG, 204), (EVIL, 403)])
async def test_a_preflight_is_allowed_where_any_site_allows_the_origin(origin, status):
    async with collecting(sites(cors_origins=[BLOG])) as site:
        answer = await site.client.options("/api/v1/events?key=" + KEY, headers={"origin": origin})
        assert answer.status_code == status
        assert answer.headers.get("access-control-max-age") == ("86400" if status == 204 else None)


async def test_a_key_is_limited_over_all_networks_and_others_go_on():
    settings = sites(key_rate_per_s=1, key_rate_burst=3, trusted_proxies=["198.51.100.0/24"])
    async with collecting(settings) as site:
        batch = [posted(), posted()]
        first = await site.post(batch, key=KEY, x_forwarded_for="203.0.113.1")
        second = await site.post(batch, key=KEY, x_forwarded_for="203.0.113.2")
        assert [first.status_code, second.status_code] == [202, 429]
        assert "web.key_rate_per_s" in second.json()["detail"]
        assert second.headers["retry-after"] == "1"
        assert site.count("wua_collector_events_total", outcome="limited") == 2
        assert (await site.post(batch, key=NEXT_KEY)).status_code == 202
        site.now_ms += 1_000
        assert (await site.post(batch, key=KEY)).status_code == 202


async def test_a_key_of_no_site_has_no_bucket():
    async with collecting(sites(key_rate_per_s=1, key_rate_burst=1)) as site:
        statuses = [
            (await site.post([posted(site_id="open")], key="stranger-key")).status_code for _ in range(3)
        ]
        assert statuses == [202] * 3


async def test_a_batch_is_one_line_in_the_log_without_address_key_or_agent():
    async with collecting(sites(), peer="2001:db8::7") as site:
        with structlog.testing.capture_logs() as lines:
            await site.post(
                [posted() for _ in range(3)],
                key=KEY,
                user_agent="secret-agent",
                x_forwarded_for="203.0.113.9",
            )
        (line,) = lines
        assert (line["event"], line["route"], line["status"]) == ("collector.batch", "/api/v1/events", 202)
        for private in ("2001:db8", "203.0.113.9", KEY, "secret-agent", "v1", "shop.example"):
            assert private not in str({**line, "route": ""})
