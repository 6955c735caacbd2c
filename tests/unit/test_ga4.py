"""Lines of GA4's export, and what becomes of each."""

from __future__ import annotations

import io
import json
from typing import Any

import msgspec
import pytest

from app.core.dead_letters import refusal
from app.events.vocabulary import DeviceClass, EventType, Origin, RejectReason
from app.events.wire import Exported
from app.traffic.exports import Asked
from app.traffic.ga4 import read_ga4
from app.traffic.lines import BadLine, LineFault, Skipped, SkipReason, Told
from tests.exports import ga4_line, json_lines
from tests.factories import T0, rules

ASKED = Asked(site_id="shop", now_ms=T0, host="shop.example")


def read(content: bytes) -> list[Told | BadLine | Skipped]:
    return list(read_ga4(io.BytesIO(content), asked=ASKED))


def one(**fields: Any):
    (told,) = read(json_lines([ga4_line(**fields)]))
    return told


def test_a_line_is_an_event_with_all_that_it_tells():
    params = {"page_location": "https://shop.example/bikes?gclid=1", "page_referrer": "https://google.com/"}
    event = one(params=params, user_id="u/1").event
    assert event == msgspec.structs.replace(
        event,
        event_type=EventType.PAGE_VIEW,
        name="",
        site_id="shop",
        visitor_id="1001.1772445600",
        user_id="u/1",
        occurred_at=T0,
        sent_at=T0,
        received_at=T0,
        url="https://shop.example/bikes?gclid=1",
        referrer="https://google.com/",
        title="Shop",
        language="de-de",
        origin=Origin.REPLAY,
        exported=Exported(
            device_class=DeviceClass.MOBILE,
            browser="Chrome",
            browser_version="138",
            os="Android",
            os_version="15",
            country="DE",
            region="Berlin",
            city="Berlin",
        ),
        properties=msgspec.Raw(b"{}"),
    )


@pytest.mark.parametrize(
    ("fields", "kind", "name", "properties"),
    [
        ({"name": "scroll", "params": {"percent_scrolled": 75}}, EventType.SCROLL, "", {"scroll_depth": 75}),
        ({"name": "form_submit", "params": {"form_id": "f"}}, EventType.FORM_SUBMIT, "", {"form_id": "f"}),
        ({"name": "video_start"}, EventType.VIDEO_PLAY, "", {}),
        (
            {"name": "click", "params": {"link_id": "buy", "link_text": "Buy"}},
            EventType.CLICK,
            "",
            {"link_id": "buy", "link_text": "Buy", "element": "buy", "text": "Buy"},
        ),
        (
            {"name": "user_engagement", "params": {"engagement_time_msec": 4200}},
            EventType.CUSTOM_EVENT,
            "$page_leave",
            {"engaged_ms": 4200},
        ),
        (
            {
                "name": "purchase",
                "params": {"currency": "EUR", "value": 9},
                "ecommerce": {"purchase_revenue": 19.5, "transaction_id": "o1"},
            },
            EventType.CUSTOM_EVENT,
            "$purchase",
            {"currency": "EUR", "value": 9, "revenue": 19.5, "order_id": "o1"},
        ),
        (
            {"name": "purchase", "params": {"currency": "euro", "value": 9}},
            EventType.CUSTOM_EVENT,
            "$purchase",
            {"currency": "", "value": 9, "revenue": 9, "order_id": ""},
        ),
        (
            {"name": "add_to_cart", "params": {"items": 2}},
            EventType.CUSTOM_EVENT,
            "add_to_cart",
            {"items": 2},
        ),
    ],
)
def test_an_event_is_ours_by_what_it_means(fields, kind, name, properties):
    event = one(**fields).event
    assert (event.event_type, event.name, json.loads(bytes(event.properties))) == (kind, name, properties)
    assert refusal(event, msgspec.json.encode(event), rules=rules()) is None


@pytest.mark.parametrize("name", ["session_start", "first_visit"])
def test_what_ga4_counts_by_itself_is_left_out(name):
    assert one(name=name) == Skipped(1, SkipReason.AUTOMATIC)


def test_an_event_has_the_same_id_in_every_export_and_no_other_has_it():
    line = ga4_line(params={"item": "a"})
    later = {**line, "traffic_source": {"source": "google"}, "geo": {"country": "France"}}
    another = {**line, "event_params": [*line["event_params"], {"key": "n", "value": {"int_value": "2"}}]}
    ids = [told.event.event_id for told in read(json_lines([line, later, another, {**line, "user_id": "u"}]))]
    assert ids[0] == ids[1] == ids[3] != ids[2]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", RejectReason.MALFORMED_JSON),
        (b"[]", RejectReason.NOT_AN_OBJECT),
        (b'{"event_timestamp":1}', RejectReason.MISSING_FIELD),
        (b'{"event_name":"x","event_timestamp":"soon"}', RejectReason.WRONG_TYPE),
        (b'{"event_name":"\xff","event_timestamp":"1"}', RejectReason.INVALID_UTF8),
        (json_lines([ga4_line(user_pseudo_id=None)]).strip(), RejectReason.MISSING_FIELD),
        (json_lines([ga4_line(params={"page_location": ""})]).strip(), RejectReason.MISSING_FIELD),
        (json_lines([ga4_line(event_timestamp="-5000")]).strip(), LineFault.BAD_TIME),
        (json_lines([ga4_line(event_timestamp="9" * 17)]).strip(), LineFault.BAD_TIME),
    ],
)
def test_a_bad_line_says_why_and_does_not_stop_the_rest(line, reason):
    bad, good = read(b"\n" + line + b"\n" + json_lines([ga4_line()]))
    assert (bad.line, bad.reason) == (2, reason)
    assert isinstance(good, Told)


def test_what_is_not_known_is_empty():
    event = one(
        device=...,
        geo={"country": "(not set)"},
        event_params=[{"key": "page_location", "value": {"string_value": "https://shop.example/x"}}],
    ).event
    assert (event.exported, event.title, event.referrer) == (Exported(), "", "")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("United Kingdom", "GB"),
        ("Czechia", "CZ"),
        ("Bosnia & Herzegovina", "BA"),
        ("Türkiye", "TR"),
        ("Samoa", "WS"),
        ("us", "US"),
        ("Atlantis", ""),
    ],
)
def test_a_country_is_known_by_its_names(name, code):
    assert one(geo={"country": name}).event.exported.country == code


def test_an_empty_file_holds_nothing():
    assert read(b"") == []
