"""Whatever request comes to any way in, it is answered at once, by a rule, and by no server error."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.keys import digest_of
from app.core.pipeline import examine
from app.core.rows import Accepted
from app.settings import Settings
from tests.collecting import collecting, posted
from tests.factories import T0, plain_enrichment, record, rules
from web.pixel import GIF
from web.problems import CLIENT_CLOSED_REQUEST, MEDIA_TYPE

SECRET, KEY = "wua_secret", "key-of-the-shop"
SITES = Settings(
    sites={
        "shop": {"write_keys": [KEY], "server_keys": [digest_of(SECRET)]},
        "quiet": {
            "cookieless": True,
            "server_keys": [digest_of(SECRET)],
            "origins": ["https://quiet.example"],
        },
    },
    web={"trusted_proxies": ["198.51.100.0/24"]},
)
#: Longer than any answer takes on a busy machine, shorter than for ever.
HANG_S = 30

BYTES = st.binary(max_size=60)
PATHS = st.sampled_from(["/api/v1/events", "/api/v1/server/events", "/api/v1/pixel.gif"])
METHODS = st.sampled_from(["POST", "POST", "POST", "GET", "OPTIONS", "HEAD", "PUT", "BREW", ""])
QUERIES = (
    st.sampled_from([b"", b"key=" + KEY.encode(), b"site=quiet", b"site=shop&key=" + KEY.encode()]) | BYTES
)
#: Those that are read, right or with anything in them; and any others.
HEADERS = {
    b"content-type": [b"application/json", b"text/plain", b""],
    b"content-encoding": [b"gzip", b"identity"],
    b"content-length": [b"0", b"1", b"999999999999", b"-1"],
    b"authorization": [b"Bearer " + SECRET.encode(), b"bearer", b"Basic x"],
    b"origin": [b"https://quiet.example", b"null", b"http://["],
    b"referer": [b"https://quiet.example/a", b"https://[::1", b"https://\xff/"],
    b"host": [b"collector.test", b""],
    b"x-forwarded-for": [b"203.0.113.9", b"2001:db8::7, 198.51.100.1", b","],
    b"user-agent": [b"Firefox", b"\xff\x00"],
    b"sec-ch-ua-platform": [b'"macOS"'],
    b"x-request-id": [b"id-1"],
}
HEADER = st.one_of(
    *(st.tuples(st.just(name), st.sampled_from(values) | BYTES) for name, values in HEADERS.items()),
    st.tuples(BYTES, BYTES),
)
EVENT = st.fixed_dictionaries(
    {},
    optional={
        "site_id": st.sampled_from(["shop", "quiet", "elsewhere", 7]),
        "visitor_id": st.sampled_from(["", "v1", None]) | st.text(max_size=130),
        "url": st.text(max_size=40).map("https://shop.example/".__add__) | st.text(max_size=20),
        "sent_at": st.integers(min_value=T0 - 10**9, max_value=T0 + 10**6),
        "ip": st.sampled_from(["203.0.113.9", "::", "[", 7]) | st.text(max_size=20),
        "user_agent": st.text(max_size=30),
        "title": st.text(max_size=30),
    },
).map(lambda changes: {**posted(), **changes})
BODY = (
    BYTES
    | st.lists(EVENT, max_size=3).map(lambda events: json.dumps(events).encode())
    | st.lists(EVENT, max_size=3).map(lambda events: json.dumps({"events": events}).encode())
)
CHUNKS = st.lists(BODY | BODY.map(gzip.compress), max_size=3)


class Answered:
    """What the server sent."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""

    async def take(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            assert self.status == 0
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            self.body += message.get("body", b"")


async def ask(
    app: Any, *, method: str, path: str, query: bytes, headers: Any, chunks: Any, ends: bool
) -> Answered:
    """The answer to a request below the level at which a server would have looked at it."""
    parts = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    parts.append({"type": "http.request"} if ends else {"type": "http.disconnect"})
    coming = iter(parts)

    async def receive() -> Any:
        return next(coming, {"type": "http.disconnect"})

    answered = Answered()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query,
        "headers": [(name.lower(), value) for name, value in headers],
        "client": ("198.51.100.7", 4711),
        "server": ("collector.test", 80),
    }
    async with asyncio.timeout(HANG_S):
        await app(scope, receive, answered.take)
    return answered


def check(answered: Answered, producer: Any) -> None:
    """One of the answers that the API has; what was accepted, the worker can read."""
    kind = answered.headers.get(b"content-type", b"").decode()
    match answered.status:
        case 202:
            assert msgspec.json.decode(answered.body) == {"accepted": len(producer.events)}
        case 200:
            assert (kind, answered.body) == ("image/gif", GIF)
        case 204 | 499:
            assert answered.status in (204, CLIENT_CLOSED_REQUEST)
            assert answered.body == b""
        case status:
            assert 400 <= status < 500
            assert kind == MEDIA_TYPE
            document = msgspec.json.decode(answered.body) if answered.body else {"status": status}
            assert document["status"] == status
    for key, value in producer.messages:
        item = examine(record(value, key=key), rules=rules(), enrich=plain_enrichment)
        assert isinstance(item, Accepted)


@settings(deadline=None, max_examples=250)
@given(
    method=METHODS,
    path=PATHS,
    query=QUERIES,
    headers=st.lists(HEADER, max_size=6),
    chunks=CHUNKS,
    ends=st.sampled_from([True, True, True, False]),
)
def test_any_request_gets_one_of_the_answers_that_the_api_has(**request: Any) -> None:
    async def run() -> None:
        async with collecting(SITES) as site:
            answered = await ask(site.client._transport.app, **request)
            check(answered, site.producer)

    asyncio.run(run())


@settings(deadline=None, max_examples=80)
@given(events=st.lists(EVENT | st.integers() | st.none(), min_size=1, max_size=4))
def test_of_what_a_server_tells_each_event_is_accepted_or_refused_by_name(events: Any) -> None:
    async def run() -> None:
        async with collecting(SITES) as site:
            answer = await site.tell(events, secret=SECRET)
            assert answer.status_code in (202, 400, 403)
            document = answer.json()
            assert document["accepted"] == len(site.producer.events)
            assert document["accepted"] + len(document.get("errors", ())) == len(events)

    asyncio.run(run())


@settings(deadline=None, max_examples=80)
@given(
    site=st.sampled_from(["quiet", "shop"]) | st.text(max_size=70),
    key=st.sampled_from([KEY, ""]) | st.text(max_size=20),
    referer=st.text(alphabet=st.characters(max_codepoint=255), max_size=60).map(
        "https://quiet.example/".__add__
    ),
)
def test_any_page_with_a_pixel_is_counted_or_told_why_not(site: str, key: str, referer: str) -> None:
    async def run() -> None:
        async with collecting(SITES) as asked:
            answer = await asked.client.get(
                "/api/v1/pixel.gif",
                params={"site": site, "key": key},
                headers={b"referer": referer.encode("latin-1")},
            )
            assert answer.status_code in (200, 400, 403)
            assert len(asked.producer.events) == (answer.status_code == 200)

    asyncio.run(run())
