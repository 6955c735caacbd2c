"""Hop 2: app/core/decode.py and validate.py read the message, or say by name why they cannot."""

import msgspec

from app.core.decode import decode_web_event
from app.core.validate import event_time, validate
from app.events.properties import PageViewProperties
from app.events.rejects import Reject
from app.events.vocabulary import RejectReason
from tests.tour.story import MESSAGE, RECEIVED_AT


def test_the_message_is_read_and_its_known_properties_are_checked():
    event = decode_web_event(msgspec.json.encode(MESSAGE))
    assert not isinstance(event, Reject)
    assert validate(event) == PageViewProperties(load_ms=840.4)


def test_it_happened_as_long_before_receipt_as_the_browser_held_it_back():
    event = decode_web_event(msgspec.json.encode(MESSAGE))
    assert event_time(event, grace_ms=86_400_000) == RECEIVED_AT - 500


def test_with_its_end_cut_off_it_would_be_refused_by_name():
    refused = decode_web_event(msgspec.json.encode(MESSAGE)[:-1])
    assert refused.reason is RejectReason.MALFORMED_JSON
