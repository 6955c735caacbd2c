"""Rules that a type cannot state, and the event's time."""

import msgspec
import pytest

from app.core.validate import event_time, validate
from app.events.properties import AliasProperties, ClickProperties, OtherProperties, PurchaseProperties
from app.events.rejects import Reject
from app.events.vocabulary import RejectReason
from tests.factories import DAY, T0, web_event


def custom(name, **properties):
    return web_event(event_type="custom_event", name=name, properties=properties)


def alias(user_id="u", origin="server", **properties):
    said = {"event_type": "custom_event", "name": "$alias", "user_id": user_id, "origin": origin}
    return web_event(**said, properties=properties)


def nested(levels):
    value = 1
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("event", "reason", "field"),
    [
        (custom(""), RejectReason.MISSING_FIELD, "name"),
        (custom("$nothing_of_ours"), RejectReason.UNKNOWN_RESERVED_NAME, "name"),
        (web_event(properties=[1]), RejectReason.WRONG_TYPE, "properties"),
        (web_event(properties={"a": "x" * 8200}), RejectReason.PROPERTIES_TOO_LARGE, "properties"),
        (
            web_event(properties={str(i): i for i in range(65)}),
            RejectReason.TOO_MANY_PROPERTIES,
            "properties",
        ),
        (web_event(properties=nested(9)), RejectReason.TOO_DEEP, "properties"),
        (web_event(properties=nested(200)), RejectReason.TOO_DEEP, "properties"),
        (alias(origin="browser", previous_id="p"), RejectReason.INVALID_VALUE, "name"),
        (alias("", previous_id="p"), RejectReason.MISSING_FIELD, "user_id"),
        (alias(), RejectReason.MISSING_FIELD, "properties.previous_id"),
        (alias(other=1), RejectReason.MISSING_FIELD, "properties.previous_id"),
        (alias(previous_id=""), RejectReason.INVALID_VALUE, "properties.previous_id"),
        (alias(previous_id=42), RejectReason.WRONG_TYPE, "properties.previous_id"),
        (alias(previous_id="p" * 129), RejectReason.TOO_LONG, "properties.previous_id"),
        (custom("$purchase", revenue="12"), RejectReason.WRONG_TYPE, "properties.revenue"),
        (custom("$purchase", revenue=-1), RejectReason.INVALID_VALUE, "properties.revenue"),
        (custom("$purchase", currency="euro"), RejectReason.INVALID_VALUE, "properties.currency"),
        (custom("$page_leave", engaged_ms=-5), RejectReason.INVALID_VALUE, "properties.engaged_ms"),
        (
            web_event(event_type="click", properties={"x": 1.5}),
            RejectReason.INVALID_VALUE,
            "properties.x",
        ),
    ],
)
def test_what_is_refused(event, reason, field):
    reject = validate(event)
    assert isinstance(reject, Reject)
    assert (reject.reason, reject.field) == (reason, field)


def test_brackets_far_deeper_than_any_stack_are_refused_not_fatal():
    raw = b'{"a":' + b"[" * 4000 + b"]" * 4000 + b"}"
    event = msgspec.structs.replace(web_event(), properties=msgspec.Raw(raw))
    reject = validate(event)
    assert isinstance(reject, Reject)
    assert reject.reason is RejectReason.TOO_DEEP


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (web_event(properties=nested(8)), "PageViewProperties"),
        (custom("signup", anything={"nested": [1, 2]}), "OtherProperties"),
    ],
)
def test_what_is_within_the_limits_is_kept(event, expected):
    assert type(validate(event)).__name__ == expected


def test_properties_with_a_meaning_are_read():
    known = validate(custom("$purchase", revenue=12.5, currency="EUR", gift=True))
    assert known == PurchaseProperties(revenue=12.5, currency="EUR")
    assert validate(web_event(event_type="click", properties={"x": 0.5})) == ClickProperties(x=0.5)
    assert validate(custom("signup")) == OtherProperties()
    assert validate(alias(previous_id="p")) == AliasProperties(previous_id="p")


@pytest.mark.parametrize(
    ("occurred", "sent", "received", "expected"),
    [
        (T0, T0, T0, T0),
        (T0 + 5_000, T0 + 8_000, T0, T0 - 3_000),  # a client clock that runs ahead does not matter
        (T0 + 60_000, T0, T0, T0 + 60_000),
        (T0 + 60_001, T0, T0, RejectReason.IN_FUTURE),
        (T0 - DAY, T0, T0, T0 - DAY),  # exactly the grace period still counts
        (T0 - DAY - 1, T0, T0, RejectReason.LATE),
        (T0 - 7 * DAY, T0, T0, RejectReason.LATE),
        (T0 - 7 * DAY - 1, T0, T0, RejectReason.TOO_OLD),
        (0, 4_000_000_000_000, T0, RejectReason.TOO_OLD),
        (4_000_000_000_000, 0, T0, RejectReason.IN_FUTURE),
    ],
)
def test_event_time_is_by_the_collectors_clock_and_bounded(occurred, sent, received, expected):
    event = web_event(occurred_at=occurred, sent_at=sent, received_at=received)
    at = event_time(event, grace_ms=DAY)
    assert (at.reason if isinstance(at, Reject) else at) == expected


def test_a_replayed_event_keeps_its_own_time_however_old():
    old = web_event(occurred_at=1_000, sent_at=5_000, received_at=T0, origin="replay")
    assert event_time(old, grace_ms=DAY) == 1_000
    ahead = web_event(occurred_at=T0 + 60_001, received_at=T0, origin="replay")
    assert event_time(ahead, grace_ms=DAY).reason is RejectReason.IN_FUTURE
