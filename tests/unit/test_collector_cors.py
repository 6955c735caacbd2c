"""Which web pages may post events."""

import pytest

from tests.collecting import collecting, posted, web

pytestmark = pytest.mark.asyncio

SHOP = "https://shop.example"
PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}


@pytest.mark.parametrize(
    ("origins", "origin", "status", "allowed"),
    [
        (["*"], SHOP, 202, "*"),
        (["*"], "null", 202, "*"),
        (["*"], None, 202, "*"),
        ([SHOP], SHOP, 202, SHOP),
        ([SHOP + "/"], "HTTPS://SHOP.EXAMPLE", 202, "HTTPS://SHOP.EXAMPLE"),
        ([SHOP], None, 202, None),  # no page: a server, or a beacon of the same origin
        ([SHOP], "https://evil.example", 403, None),
        ([SHOP], "https://shop.example.evil.example", 403, None),
        ([SHOP], "http://shop.example", 403, None),
        ([SHOP], "null", 403, None),
        ([SHOP], "http://[", 403, None),
        ([], SHOP, 403, None),
        ([], "https://collector.test", 202, "https://collector.test"),  # the server's own pages
    ],
)
async def test_who_may_post_and_read_the_answer(origins, origin, status, allowed):
    async with collecting(web(cors_origins=origins)) as site:
        headers = {"origin": origin} if origin else {}
        answer = await site.post([posted()], **headers)
        assert answer.status_code == status
        assert answer.headers.get("access-control-allow-origin") == allowed
        assert "access-control-allow-credentials" not in answer.headers
        assert len(site.producer.messages) == (status == 202)


async def test_a_preflight_is_answered_for_a_day_and_costs_nothing():
    async with collecting(web(cors_origins=[SHOP], rate_per_s=1, rate_burst=1)) as site:
        for _ in range(3):
            answer = await site.client.options("/api/v1/events", headers={"origin": SHOP, **PREFLIGHT})
            assert answer.status_code == 204
            assert answer.headers["access-control-allow-origin"] == SHOP
            assert answer.headers["access-control-allow-methods"] == "POST"
            assert "content-type" in answer.headers["access-control-allow-headers"].lower()
            assert answer.headers["access-control-max-age"] == "86400"
            assert answer.headers["vary"] == "Origin"


async def test_a_preflight_of_another_origin_is_refused():
    async with collecting(web(cors_origins=[SHOP])) as site:
        answer = await site.client.options(
            "/api/v1/events", headers={"origin": "https://evil.example", **PREFLIGHT}
        )
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(("body", "status"), [(b"garbage", 400), (b" " * 600_000, 413)])
async def test_a_page_can_read_why_it_was_refused(body, status):
    async with collecting() as site:
        answer = await site.post(body, origin=SHOP)
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == "*"
