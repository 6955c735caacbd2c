"""Bytes -> event, or a named reason."""

import msgspec
import pytest

from app.core.decode import decode_client_event, decode_web_event
from app.events.rejects import Reject
from app.events.vocabulary import EventType, RejectReason
from app.events.wire import MAX_EVENT_BYTES, ClientEvent, WebEvent
from tests.factories import wire


def encoded(**fields):
    return msgspec.json.encode(wire(**fields))


def with_raw(text: bytes) -> bytes:
    """A good event with one more member, as raw JSON."""
    return encoded()[:-1] + b"," + text + b"}"


GARBAGE = [
    (None, RejectReason.EMPTY_BODY, ""),
    (b"", RejectReason.EMPTY_BODY, ""),
    (b" \n ", RejectReason.EMPTY_BODY, ""),
    (b"{", RejectReason.MALFORMED_JSON, ""),
    (encoded()[:-20], RejectReason.MALFORMED_JSON, ""),
    (encoded() + b"x", RejectReason.MALFORMED_JSON, ""),
    (b"[]", RejectReason.NOT_AN_OBJECT, ""),
    (b"1", RejectReason.NOT_AN_OBJECT, ""),
    (b"[" * 200 + b"]" * 200, RejectReason.NOT_AN_OBJECT, ""),
    (with_raw(b'"x":' + b"[" * 9000 + b"]" * 9000), RejectReason.TOO_DEEP, ""),
    (b"\xff\xfe{}", RejectReason.INVALID_UTF8, ""),
    (with_raw(b'"title":"\xff"'), RejectReason.INVALID_UTF8, ""),
    (with_raw(b'"unknown":"\xff"'), RejectReason.INVALID_UTF8, ""),
    (with_raw(b'"properties":{"a":"\xff"}'), RejectReason.INVALID_UTF8, ""),
    (encoded(title="a\x00b"), RejectReason.NUL_CHARACTER, ""),
    (with_raw(b'"title":"\x00"'), RejectReason.NUL_CHARACTER, ""),
    (encoded(title="x" * MAX_EVENT_BYTES), RejectReason.TOO_LARGE, ""),
    (encoded(title="x" * 1_000_000), RejectReason.TOO_LARGE, ""),
    (encoded(title="x" * 513), RejectReason.TOO_LONG, "title"),
    (encoded(url="https://a/" + "x" * 2048), RejectReason.TOO_LONG, "url"),
    (encoded(event_id=...), RejectReason.MISSING_FIELD, "event_id"),
    (encoded(url=...), RejectReason.MISSING_FIELD, "url"),
    (encoded(url=1), RejectReason.WRONG_TYPE, "url"),
    (encoded(occurred_at="1"), RejectReason.WRONG_TYPE, "occurred_at"),
    (encoded(occurred_at=1.5), RejectReason.WRONG_TYPE, "occurred_at"),
    (encoded(client_hints={"mobile": 3}), RejectReason.WRONG_TYPE, "client_hints.mobile"),
    (encoded(event_type="zap"), RejectReason.UNKNOWN_EVENT_TYPE, "event_type"),
    (encoded(event_id="zap"), RejectReason.INVALID_VALUE, "event_id"),
    (encoded(site_id="a b"), RejectReason.INVALID_VALUE, "site_id"),
    (encoded(visitor_id=""), RejectReason.INVALID_VALUE, "visitor_id"),
    (encoded(occurred_at=-1), RejectReason.INVALID_VALUE, "occurred_at"),
    (encoded(occurred_at=10**18), RejectReason.INVALID_VALUE, "occurred_at"),
]


@pytest.mark.parametrize(("raw", "reason", "field"), GARBAGE)
def test_garbage_gets_a_named_reason_and_field(raw, reason, field):
    reject = decode_web_event(raw)
    assert isinstance(reject, Reject)
    assert (reject.reason, reject.field) == (reason, field)
    assert reject.detail


def test_a_good_event_is_decoded_whole():
    event = decode_web_event(encoded(title="é\\u0000 is no NUL", properties={"a": [1]}))
    assert isinstance(event, WebEvent)
    assert event.event_type is EventType.PAGE_VIEW
    assert event.title == "é\\u0000 is no NUL"
    assert bytes(event.properties) == b'{"a":[1]}'
    assert event.key == b"shop:v1"


def test_unknown_fields_are_passed_over_so_that_older_workers_read_newer_events():
    assert isinstance(decode_web_event(encoded(from_the_future=1)), WebEvent)


def test_a_browser_cannot_set_what_only_the_collector_knows():
    raw = encoded(received_at=1, ip="192.0.2.1", origin="replay", user_agent="x")
    event = decode_client_event(raw)
    assert isinstance(event, ClientEvent)
    assert not {"received_at", "ip", "origin", "user_agent"} & set(event.__struct_fields__)
