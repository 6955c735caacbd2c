"""Links between domains of one owner: who may have one signed, and what is said of one that comes."""

import gzip
import json
import stat

import pytest
import structlog

from app.settings import Settings
from tests.collecting import collecting, posted, web
from web import links
from web.problems import ProblemKind

pytestmark = pytest.mark.asyncio

ADA = "01890000-0000-7000-8000-000000000ada"
KEY = "key-of-the-shop"
SHOP, BLOG, EVIL = "https://shop.example", "https://blog.example", "https://evil.example"
PATHS = [(links.PATH, {"visitor_id": ADA}), (links.VERIFY_PATH, {"token": "t"})]


def sites(**settings):
    return Settings(
        web={"cors_origins": [BLOG], **settings},
        sites={"shop": {"write_keys": [KEY], "origins": [SHOP]}, "open": {}},
    )


async def ask(site, path, *, key=None, headers=None, **body):
    query = {} if key is None else {"key": key}
    return await site.client.post(path, json=body, params=query, headers=headers)


async def signed(site, site_id="open", visitor_id=ADA, **asked):
    return await ask(site, links.PATH, site_id=site_id, visitor_id=visitor_id, **asked)


async def verified(site, token, site_id="open", **asked):
    answer = await ask(site, links.VERIFY_PATH, site_id=site_id, token=token, **asked)
    assert answer.status_code == 200
    return answer.json()["visitor_id"]


async def test_what_is_signed_names_the_visitor_for_two_minutes_on_this_site_in_this_browser():
    async with collecting() as site:
        answer = await signed(site)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        token = answer.json()["token"]
        assert token.startswith(f"{ADA}.{site.now_ms}.")
        assert await verified(site, token) == ADA
        assert await verified(site, token, site_id="another") == ""
        assert await verified(site, token.replace("ada.", "b0b.")) == ""
        assert await verified(site, token, headers={"user-agent": "another"}) == ""
        site.now_ms += 120_000
        assert await verified(site, token) == ADA
        site.now_ms += 1
        assert await verified(site, token) == ""


async def test_nothing_is_produced_and_no_event_is_counted():
    async with collecting() as site:
        await verified(site, (await signed(site)).json()["token"])
        assert site.producer.messages == []
        assert site.count("wua_collector_events_total", outcome="accepted") == 0


async def test_the_processes_of_an_installation_share_the_key_over_a_restart(tmp_path):
    file = tmp_path / "salts" / "links.key"
    async with collecting(link_key=file) as one, collecting(link_key=file) as two:
        token = (await signed(one)).json()["token"]
        assert await verified(two, token) == ADA
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    async with collecting(link_key=file) as later:
        assert await verified(later, token) == ADA
    async with collecting(link_key=tmp_path / "other.key") as elsewhere:
        assert await verified(elsewhere, token) == ""


async def test_without_a_directory_a_link_holds_within_the_process(tmp_path):
    (tmp_path / "file").write_text("no directory")
    async with collecting(link_key=tmp_path / "file" / "links.key") as site:
        assert await verified(site, (await signed(site)).json()["token"]) == ADA


@pytest.mark.parametrize(("path", "body"), PATHS)
@pytest.mark.parametrize(
    ("site_id", "key", "origin", "reason"),
    [
        ("shop", KEY, SHOP, None),
        ("shop", KEY, None, None),
        ("shop", None, SHOP, "wrong_write_key"),
        ("shop", "key-of-nobody", SHOP, "wrong_write_key"),
        ("shop", KEY, BLOG, "forbidden_origin"),
        ("open", None, BLOG, None),
        ("open", None, SHOP, "forbidden_origin"),
        ("elsewhere", None, BLOG, "unknown_site"),
    ],
)
async def test_keys_and_origins_are_those_of_events(path, body, site_id, key, origin, reason):
    async with collecting(sites()) as site:
        headers = {"origin": origin} if origin else {}
        answer = await ask(site, path, site_id=site_id, key=key, headers=headers, **body)
        assert (answer.status_code, answer.json().get("reason")) == ((403 if reason else 200), reason)
        assert answer.headers.get("access-control-allow-origin") == origin


@pytest.mark.parametrize(("path", "body"), PATHS)
async def test_an_origin_of_no_site_gets_no_answer_to_read(path, body):
    async with collecting(sites()) as site:
        answer = await ask(site, path, site_id="open", headers={"origin": EVIL}, **body)
        assert (answer.status_code, answer.json()["type"]) == (403, ProblemKind.FORBIDDEN_ORIGIN.urn)
        assert "access-control-allow-origin" not in answer.headers
        assert (await site.client.options(path, headers={"origin": EVIL})).status_code == 403
        assert (await site.client.options(path, headers={"origin": BLOG})).status_code == 204


@pytest.mark.parametrize(("path", "body"), PATHS)
async def test_they_share_the_limit_of_events(path, body):
    async with collecting(web(rate_per_s=1, rate_burst=2)) as site:
        answers = [await ask(site, path, site_id="open", **body) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[2].headers["retry-after"] == "1"
        assert (await site.post([posted()])).status_code == 429
        site.now_ms += 1_000
        assert (await ask(site, path, site_id="open", **body)).status_code == 200


@pytest.mark.parametrize(("path", "body"), PATHS)
async def test_a_key_is_limited_over_all_networks(path, body):
    async with collecting(sites(key_rate_per_s=1, key_rate_burst=1)) as site:
        answers = [await ask(site, path, site_id="shop", key=KEY, **body) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 429]
        assert "web.key_rate_per_s" in answers[1].json()["detail"]


@pytest.mark.parametrize("path", [links.PATH, links.VERIFY_PATH])
@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"{}", b"\xff\xfe", b"[" * 4000, b'{"site_id": "open"}', b'{"site_id": 1}'],
)
async def test_a_body_that_is_none_is_refused(path, content):
    async with collecting() as site:
        answer = await site.client.post(path, content=content)
        assert (answer.status_code, answer.json()["type"]) == (400, ProblemKind.BAD_REQUEST.urn)


@pytest.mark.parametrize("visitor_id", ["", "~1", "a.b", "a b", "ä", "a" * 129, None, 7])
async def test_an_id_that_fits_in_no_address_is_not_signed(visitor_id):
    async with collecting() as site:
        assert (await signed(site, visitor_id=visitor_id)).status_code == 400


@pytest.mark.parametrize("token", ["", "x", ADA, f"{ADA}.1.x", "é.1.2", "\0", "9" * 1024])
async def test_a_token_that_is_none_names_nobody(token):
    async with collecting() as site:
        assert await verified(site, token) == ""


async def test_a_body_may_be_packed_but_not_long():
    async with collecting() as site:
        body = json.dumps({"site_id": "open", "visitor_id": ADA}).encode()
        packed = await site.client.post(
            links.PATH, content=gzip.compress(body), headers={"content-encoding": "gzip"}
        )
        long = await site.client.post(links.PATH, content=body + b" " * links.MAX_BYTES)
        strange = await site.client.post(links.PATH, content=body, headers={"content-encoding": "br"})
        assert [one.status_code for one in (packed, long, strange)] == [200, 413, 415]


async def test_the_log_tells_neither_who_asked_nor_about_whom():
    async with collecting(sites(), peer="2001:db8::7") as site:
        agent = {"user-agent": "secret-agent"}
        with structlog.testing.capture_logs() as lines:
            token = (await signed(site, site_id="shop", key=KEY, headers=agent)).json()["token"]
            assert await verified(site, token, site_id="shop", key=KEY, headers=agent) == ADA
        assert [(line["event"], line["route"]) for line in lines] == [
            ("web.answered", links.PATH),
            ("web.answered", links.VERIFY_PATH),
        ]
        for private in ("2001:db8", KEY, "secret-agent", ADA, token):
            assert private not in str(lines)
