"""What the collector takes, stamps and refuses."""

import gzip
import zlib

import msgspec
import pytest

from app.events.vocabulary import Origin, RejectReason
from app.events.wire import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_EVENT_BYTES
from app.settings import Settings
from tests.collecting import collecting, posted, raw, web
from tests.factories import DAY, T0
from web.problems import MEDIA_TYPE, ProblemKind

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "text/plain", ""]
)
@pytest.mark.parametrize("wrap", [lambda events: events, lambda events: {"events": events, "sdk": "1.0"}])
async def test_a_batch_is_produced_and_counted(content_type, wrap):
    async with collecting() as site:
        events = [posted(visitor_id=name) for name in "abc"]
        answer = await site.post(wrap(events), content_type=content_type)
        assert (answer.status_code, answer.json()) == (202, {"accepted": 3})
        assert [event.event_id for event in site.producer.events] == [event["event_id"] for event in events]
        assert [key for key, _ in site.producer.messages] == [b"shop:a", b"shop:b", b"shop:c"]
        assert site.count("wua_collector_events_total", outcome="accepted") == 3


async def test_an_event_is_stamped_with_what_only_the_collector_knows():
    async with collecting(peer="2001:db8::7") as site:
        forged = {**posted(), "ip": "6.6.6.6", "received_at": 1, "origin": "replay", "user_agent": "forged"}
        await site.post(
            [forged], user_agent="Mozilla/5.0", sec_ch_ua_platform='"macOS"', sec_ch_ua_mobile="?0"
        )
        (event,) = site.producer.events
        assert (event.received_at, event.ip, event.user_agent) == (T0, "2001:db8::7", "Mozilla/5.0")
        assert event.origin is Origin.BROWSER
        assert (event.client_hints.platform, event.client_hints.mobile) == ("macOS", False)


async def test_properties_and_text_pass_unchanged():
    async with collecting() as site:
        await site.post([posted(title="naïve 🦊", properties={"plan": "gold", "n": [1, {"deep": None}]})])
        (event,) = site.producer.events
        assert event.title == "naïve 🦊"
        assert bytes(event.properties) == b'{"plan":"gold","n":[1,{"deep":null}]}'


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (r"cut \ud83d", "cut \ufffd"),
        (r"\uDE00 cut", "\ufffd cut"),
        (r"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (r"\ud83d\n\ude00\u0041", "\ufffd\n\ufffdA"),
        (r"\ud83d\ude00", "\U0001f600"),
        (r"\\ud83d \\\ud83d", "\\ud83d \\\ufffd"),
    ],
)
@pytest.mark.parametrize("wrap", [False, True])
async def test_half_a_character_is_mended_and_costs_no_event(sent, kept, wrap):
    events = [raw(), raw(properties={"q": "SENT"}).replace(b"SENT", sent.encode()), raw()]
    body = b"[%s]" % b",".join(events)
    async with collecting() as site:
        answer = await site.post(b'{"events": %s}' % body if wrap else body)
        assert (answer.status_code, answer.json()["accepted"]) == (202, 3)
        found = [msgspec.json.decode(event.properties) for event in site.producer.events]
        assert found[1] == {"q": kept}


async def test_what_is_no_escape_of_json_is_not_mended():
    body = b"[%s]" % raw(properties={"q": "SENT"}).replace(b"SENT", rb"\ud83d \UD83D")
    async with collecting() as site:
        answer = await site.post(body)
        assert (answer.status_code, answer.json()["reason"]) == (400, "malformed_json")


async def test_good_events_of_a_bad_batch_are_kept():
    async with collecting() as site:
        batch = [posted(), posted(url=...), posted(event_type="zap"), posted()]
        answer = await site.post(batch)
        assert answer.status_code == 400
        assert answer.headers["content-type"] == MEDIA_TYPE
        document = answer.json()
        assert document["type"] == ProblemKind.REJECTED_EVENTS.urn
        assert document["accepted"] == 2
        assert [(e["index"], e["reason"], e["field"]) for e in document["errors"]] == [
            (1, "missing_field", "url"),
            (2, "unknown_event_type", "event_type"),
        ]
        assert all(error["detail"] for error in document["errors"])
        assert [event.event_id for event in site.producer.events] == [
            batch[0]["event_id"],
            batch[3]["event_id"],
        ]
        assert site.count("wua_collector_events_total", outcome="rejected") == 2
        assert site.count("wua_collector_rejected_total", reason="missing_field") == 1


@pytest.mark.parametrize(
    ("event", "reason", "field"),
    [
        (b"1", RejectReason.NOT_AN_OBJECT, ""),
        (b"null", RejectReason.NOT_AN_OBJECT, ""),
        (b"[]", RejectReason.NOT_AN_OBJECT, ""),
        (b"{}", RejectReason.MISSING_FIELD, "event_id"),
        (raw(occurred_at="1"), RejectReason.WRONG_TYPE, "occurred_at"),
        (raw(visitor_id=3), RejectReason.WRONG_TYPE, "visitor_id"),
        (raw(site_id="a b"), RejectReason.INVALID_VALUE, "site_id"),
        (raw(title="x" * 513), RejectReason.TOO_LONG, "title"),
        (raw(title="a\0b"), RejectReason.NUL_CHARACTER, ""),
        (raw()[:-1] + b',"title":"\xff"}', RejectReason.INVALID_UTF8, ""),
        (raw(title="x" * MAX_EVENT_BYTES), RejectReason.TOO_LARGE, ""),
        (raw(properties=[1]), RejectReason.WRONG_TYPE, "properties"),
        (raw(properties={"a": "x" * 8200}), RejectReason.PROPERTIES_TOO_LARGE, "properties"),
        (raw(properties={str(i): i for i in range(65)}), RejectReason.TOO_MANY_PROPERTIES, "properties"),
        (
            raw()[:-1] + b',"properties":' + b'{"a":' * 200 + b"1" + b"}" * 201,
            RejectReason.TOO_DEEP,
            "properties",
        ),
        (raw(event_type="custom_event"), RejectReason.MISSING_FIELD, "name"),
        (raw(event_type="custom_event", name="$own"), RejectReason.UNKNOWN_RESERVED_NAME, "name"),
        (raw(occurred_at=T0 + 60_001, sent_at=T0), RejectReason.IN_FUTURE, "occurred_at"),
        (raw(occurred_at=4_000_000_000_000, sent_at=0), RejectReason.IN_FUTURE, "occurred_at"),
        (raw(occurred_at=T0 - DAY - 1, sent_at=T0), RejectReason.LATE, "occurred_at"),
        (raw(occurred_at=T0 - 8 * DAY, sent_at=T0), RejectReason.TOO_OLD, "occurred_at"),
        (raw(occurred_at=-1), RejectReason.INVALID_VALUE, "occurred_at"),
    ],
)
async def test_a_hostile_event_is_refused_by_name_and_its_neighbours_are_kept(event, reason, field):
    async with collecting() as site:
        answer = await site.post(b"[" + raw() + b"," + event + b"," + raw() + b"]")
        assert answer.status_code == 400
        assert [(e["index"], e["reason"], e["field"]) for e in answer.json()["errors"]] == [
            (1, reason, field)
        ]
        assert len(site.producer.events) == 2


HOSTILE_BODIES = [
    (b"", 400, RejectReason.EMPTY_BODY),
    (b" \n\t", 400, RejectReason.EMPTY_BODY),
    (b"[]", 400, RejectReason.EMPTY_BODY),
    (b'{"events":[]}', 400, RejectReason.EMPTY_BODY),
    (b"[" + raw()[:-9], 400, RejectReason.MALFORMED_JSON),
    (b"[" + raw() + b"] trailing", 400, RejectReason.MALFORMED_JSON),
    (b"<html>", 400, RejectReason.MALFORMED_JSON),
    (b"\x00", 400, RejectReason.MALFORMED_JSON),
    (b"[\x00]", 400, RejectReason.MALFORMED_JSON),
    (b"\xff\xfe[]", 400, RejectReason.MALFORMED_JSON),
    (b'{"\xff":1,"events":[\xff]}', 400, RejectReason.MALFORMED_JSON),
    (b"1", 400, RejectReason.WRONG_TYPE),
    (b'"events"', 400, RejectReason.WRONG_TYPE),
    (b"null", 400, RejectReason.WRONG_TYPE),
    (b'{"events":{}}', 400, RejectReason.WRONG_TYPE),
    (b'{"events":null}', 400, RejectReason.WRONG_TYPE),
    (raw(), 400, RejectReason.MISSING_FIELD),
    (b"[" * 100_000 + b"]" * 100_000, 400, RejectReason.TOO_DEEP),
    (b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, RejectReason.TOO_DEEP),
    (b"[" + b",".join([b"1"] * (MAX_BATCH_EVENTS + 1)) + b"]", 413, RejectReason.TOO_LARGE),
]


@pytest.mark.parametrize(("body", "status", "reason"), HOSTILE_BODIES)
async def test_a_body_that_is_no_batch_is_refused_with_a_reason(body, status, reason):
    async with collecting() as site:
        answer = await site.post(body)
        assert (answer.status_code, answer.json()["reason"]) == (status, reason)
        assert answer.headers["content-type"] == MEDIA_TYPE
        assert answer.json()["accepted"] == 0
        assert site.producer.messages == []


async def test_two_hundred_levels_are_one_bad_event():
    async with collecting() as site:
        answer = await site.post(b"[" * 200 + b"]" * 200)
        assert answer.json()["errors"][0]["reason"] == RejectReason.NOT_AN_OBJECT


@pytest.mark.parametrize(
    ("size", "status"), [(MAX_BATCH_BYTES, 202), (MAX_BATCH_BYTES + 1, 413), (1_000_000, 413)]
)
@pytest.mark.parametrize("pack", [None, gzip.compress])
async def test_a_body_is_taken_up_to_its_limit(size, status, pack):
    body = b"[" + raw() + b"]"
    body += b" " * (size - len(body))
    async with collecting() as site:
        answer = await site.post(pack(body), content_encoding="gzip") if pack else await site.post(body)
        assert answer.status_code == status
        assert len(site.producer.events) == (status == 202)


async def test_a_body_without_a_length_is_read_no_further_than_its_limit():
    read = 0

    async def endless():
        nonlocal read
        while True:
            read += 65_536
            yield b" " * 65_536

    async with collecting() as site:
        answer = await site.client.post(
            "/api/v1/events", content=endless(), headers={"content-type": "text/plain"}
        )
        assert answer.status_code == 413
        assert read <= MAX_BATCH_BYTES + 2 * 65_536


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (gzip.compress(b"[" + raw() + b"]"), "gzip", 202),
        (gzip.compress(b"[" + raw() + b"]"), "GZIP", 202),
        (b"[" + raw() + b"]", "identity", 202),
        (gzip.compress(b" " * 100_000_000), "gzip", 413),
        (gzip.compress(b"[" + raw() + b"]")[:-9], "gzip", 400),
        (gzip.compress(b"[" + raw() + b"]") * 2, "gzip", 400),
        (b"[" + raw() + b"]", "gzip", 400),
        (b"", "gzip", 400),
        (zlib.compress(b"[" + raw() + b"]"), "deflate", 415),
        (b"x", "br", 415),
        (gzip.compress(gzip.compress(b"[]")), "gzip, gzip", 415),
    ],
    ids=[
        "packed",
        "upper-case",
        "plain",
        "bomb",
        "cut-off",
        "two-members",
        "no-gzip",
        "empty",
        "deflate",
        "br",
        "twice",
    ],
)
async def test_gzip_is_taken_a_bomb_is_not(body, encoding, status):
    async with collecting() as site:
        answer = await site.post(body, content_encoding=encoding)
        assert answer.status_code == status
        assert ("accept-encoding" in answer.headers) == (status == 415)


@pytest.mark.parametrize("content_type", ["text/html", "multipart/form-data; boundary=x", "application/xml"])
async def test_another_content_type_is_refused(content_type):
    async with collecting() as site:
        answer = await site.post([posted()], content_type=content_type)
        assert (answer.status_code, answer.json()["type"]) == (415, ProblemKind.UNSUPPORTED_MEDIA.urn)


async def test_the_most_events_that_are_taken_at_once():
    async with collecting() as site:
        answer = await site.post([posted() for _ in range(MAX_BATCH_EVENTS)])
        assert answer.json() == {"accepted": MAX_BATCH_EVENTS}


async def test_only_configured_sites_are_taken_where_any_are_configured():
    async with collecting(Settings(sites={"shop": {}})) as site:
        answer = await site.post([posted(), posted(site_id="elsewhere")])
        assert answer.status_code == 400
        (error,) = answer.json()["errors"]
        assert (error["index"], error["reason"], error["field"]) == (1, "unknown_site", "site_id")
        assert [event.site_id for event in site.producer.events] == ["shop"]


async def test_a_site_may_have_a_grace_period_of_its_own():
    settings = Settings(sites={"shop": {"sessions": {"grace_ms": 1000}}, "blog": {}})
    async with collecting(settings) as site:
        late = [posted(site_id=name, occurred_at=T0 - 1001, sent_at=T0) for name in ("shop", "blog")]
        (error,) = (await site.post(late)).json()["errors"]
        assert (error["index"], error["reason"]) == (0, RejectReason.LATE)


async def test_an_event_that_the_collectors_own_additions_make_too_large_is_refused():
    largest = posted(
        url="https://shop.example/" + "\x01" * 2027,
        referrer="https://shop.example/" + "\x01" * 1900,
        properties={"a": "x" * 8100},
    )
    body = msgspec.json.encode([largest])
    assert MAX_EVENT_BYTES - 2048 < len(body) < MAX_EVENT_BYTES
    async with collecting() as site:
        assert (await site.post(body)).status_code == 202
        answer = await site.post(body, user_agent="é" * 1024)
        assert answer.json()["errors"][0]["reason"] == RejectReason.TOO_LARGE
        assert len(site.producer.events) == 1


async def test_members_that_nobody_knows_are_not_passed_on():
    async with collecting() as site:
        await site.post([{**posted(), "password": "hunter2"}])
        assert b"hunter2" not in site.producer.messages[0][1]
        assert len(site.producer.events) == 1


async def test_a_network_address_is_limited_and_told_when_to_come_back():
    async with collecting(web(rate_per_s=2, rate_burst=10)) as site:
        assert (await site.post([posted() for _ in range(10)])).status_code == 202
        answer = await site.post([posted()])
        assert answer.status_code == 429
        assert answer.json()["type"] == ProblemKind.TOO_MANY_REQUESTS.urn
        assert answer.headers["retry-after"] == "1"
        site.now_ms += 1_000
        assert (await site.post([posted()])).status_code == 202
        site.now_ms += 1_000
        refused = await site.post([posted() for _ in range(9)])
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "3")
        assert len(site.producer.events) == 11
        assert site.count("wua_collector_events_total", outcome="limited") == 9


async def test_garbage_is_limited_too():
    async with collecting(web(rate_per_s=1, rate_burst=3)) as site:
        statuses = [(await site.post(b"garbage")).status_code for _ in range(4)]
        assert statuses == [400, 400, 400, 429]


async def test_addresses_behind_a_trusted_proxy_are_limited_apart():
    settings = web(rate_per_s=1, rate_burst=1, trusted_proxies=["198.51.100.0/24"])
    async with collecting(settings) as site:
        assert (await site.post([posted()], x_forwarded_for="203.0.113.1")).status_code == 202
        assert (await site.post([posted()], x_forwarded_for="6.6.6.6, 203.0.113.1")).status_code == 429
        assert (await site.post([posted()], x_forwarded_for="203.0.113.2")).status_code == 202
        assert [event.ip for event in site.producer.events] == ["203.0.113.1", "203.0.113.2"]


async def test_503_when_the_broker_is_away_and_nothing_is_said_to_be_accepted():
    async with collecting() as site:
        site.producer.is_away = True
        event = posted()
        answer = await site.post([event])
        assert answer.status_code == 503
        assert answer.json()["type"] == ProblemKind.BROKER_UNAVAILABLE.urn
        assert int(answer.headers["retry-after"]) > 0
        assert "kafka.internal" not in answer.text
        assert answer.headers["access-control-allow-origin"] == "*"
        assert site.count("wua_collector_events_total", outcome="unacknowledged") == 1
        site.producer.is_away = False
        assert (await site.post([event])).status_code == 202
        assert [produced.event_id for produced in site.producer.events] == [event["event_id"]]


async def test_a_batch_of_bad_events_needs_no_broker():
    async with collecting() as site:
        site.producer.is_away = True
        assert (await site.post([{}])).status_code == 400


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
async def test_only_posts_are_taken(method):
    async with collecting() as site:
        answer = await site.client.request(method, "/api/v1/events")
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == {"POST", "OPTIONS"}
