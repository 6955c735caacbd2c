"""The one line in the log for each batch of events: how many of which sites, and nothing of who sent them."""

import pytest
from structlog.testing import capture_logs

from app.core.keys import digest_of
from app.settings import Settings
from tests.collecting import collecting, posted, raw
from tests.factories import T0
from web import batch_note

pytestmark = pytest.mark.asyncio

KEY, SECRET = "key-of-the-shop", "wua_secret-of-the-shop"
PEER = "198.51.100.7"
NOTHING = {
    "sites": [],
    "key": "",
    "events": 0,
    "accepted": 0,
    "refused": 0,
    "opted_out": 0,
    "bytes_in": 0,
}


def settings(**more):
    shop = {"write_keys": [KEY], "server_keys": [digest_of(SECRET)]}
    return Settings(sites={"shop": shop, "open": {}}, **more)


async def line_of(asked, *, about=None, is_away=False):
    """The one line that a request leaves, less what every line has."""
    async with collecting(about or settings(), peer=PEER) as site:
        site.producer.is_away = is_away
        with capture_logs() as lines:
            await asked(site)
        (line,) = [one for one in lines if one["event"] == "collector.batch"]
        assert not [one for one in lines if one["event"] == "web.answered"]
    assert line["took_ms"] >= 0
    for private in (PEER, KEY, SECRET, "v1", "shop.example", "?"):
        assert private not in str({**line, "route": ""})
    return {name: value for name, value in line.items() if name in {*NOTHING, "status", "log_level"}}


def said(status, **fields):
    return {"status": status, "log_level": "warning" if status >= 500 else "info", **NOTHING, **fields}


async def test_a_page_s_batch():
    events = [raw(), raw(site_id="open"), raw(url="javascript:1", event_type="zap"), raw(site_id="open")]
    body = b"[" + b",".join(events) + b"]"
    assert await line_of(lambda site: site.post(body, key=KEY)) == said(
        400,
        sites=["open", "shop"],
        key=digest_of(KEY)[:8],
        events=4,
        accepted=3,
        refused=1,
        bytes_in=len(body),
    )


async def test_a_server_s_batch():
    line = await line_of(lambda site: site.tell([posted()], secret=SECRET))
    assert line == said(
        202,
        sites=["shop"],
        key=digest_of(SECRET)[:8],
        events=1,
        accepted=1,
        bytes_in=line["bytes_in"],
    )
    assert line["bytes_in"] > 0


async def test_the_pixel():
    page = {"referer": "https://shop.example/no-script"}
    query = {"site": "shop", "key": KEY}
    line = await line_of(lambda site: site.client.get("/api/v1/pixel.gif", params=query, headers=page))
    assert line == said(200, sites=["shop"], key=digest_of(KEY)[:8], events=1, accepted=1)


async def test_what_may_not_be_posted_names_no_site():
    """Anything may be written where a site's name should be."""
    line = await line_of(lambda site: site.post([posted(site_id=PEER), posted()], key="stranger"))
    assert line == said(400, events=2, refused=2, bytes_in=line["bytes_in"])


async def test_what_a_browser_wants_nobody_to_keep():
    line = await line_of(lambda site: site.post([posted()], key=KEY, dnt="1"))
    assert line == said(202, key=digest_of(KEY)[:8], events=1, opted_out=1, bytes_in=line["bytes_in"])


@pytest.mark.parametrize(
    ("asked", "status", "bytes_in"),
    [
        (lambda site: site.post(b"{"), 400, 1),
        (lambda site: site.post(b"[]", content_type="text/html"), 415, 0),
        (lambda site: site.post(b"x" * 600_000), 413, 0),
        (lambda site: site.tell([posted()], secret="guessed"), 401, 0),
    ],
)
async def test_what_is_no_batch_leaves_a_line_as_well(asked, status, bytes_in):
    assert await line_of(asked) == said(status, bytes_in=bytes_in)


async def test_a_batch_that_the_broker_has_not_is_a_warning():
    line = await line_of(lambda site: site.post([posted()], key=KEY), is_away=True)
    assert (line["status"], line["accepted"], line["events"], line["sites"]) == (503, 0, 1, ["shop"])
    assert line["log_level"] == "warning"


async def test_a_batch_names_a_bounded_number_of_sites():
    batch = [posted(site_id=f"s{number}") for number in range(batch_note.MAX_SITES + 5)]
    line = await line_of(lambda site: site.post(batch), about=Settings())
    assert len(line["sites"]) == batch_note.MAX_SITES
    assert line["accepted"] == len(batch)


@pytest.mark.parametrize(("is_away", "lines"), [(False, []), (True, ["collector.batch"])])
async def test_without_lines_for_batches_only_failures_have_one(is_away, lines):
    async with collecting(settings(log={"batches": False})) as site:
        site.now_ms, site.producer.is_away = T0, is_away
        with capture_logs() as told:
            await site.post([posted()], key=KEY)
    assert [line["event"] for line in told if line["event"] in {"collector.batch", "web.answered"}] == lines
    assert site.count("wua_http_requests_total", method="POST", route="/api/v1/events", status="202") == (
        not is_away
    )
