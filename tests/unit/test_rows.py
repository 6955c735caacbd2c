"""Event -> row: each field under its own name, though rows are made by position."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import msgspec
import pytest

from app.core.pipeline import examine
from app.core.rows import Accepted, BlockId, accepted_row, hit
from app.core.rules import SiteRules
from app.events.enriched import BotVerdict, Device, Enrichment, Geo, Page, Traffic
from app.events.vocabulary import BotReason, Channel, DeviceClass
from app.events.wire import WebEvent
from tests.factories import T0, record, rules

BLOCK = BlockId(topic="web_events", epoch=11, partition=12, start=13, end=99, batch_id="batch")
PAGE = Page(host="host", path="/path", query="query")
TRAFFIC = Traffic(
    channel=Channel.EMAIL,
    source="source",
    medium="medium",
    campaign="campaign",
    term="term",
    content="content",
    referrer_host="referrer",
    click_id="click",
)
GEO = Geo(country="DE", region="region", city="city")
DEVICE = Device(
    device_class=DeviceClass.TABLET, browser="browser", browser_version="5", os="os", os_version="6"
)


def enrich(event: WebEvent, *, site: SiteRules) -> Enrichment:
    bot = BotVerdict(reasons=BotReason.MONITOR, name="bot")
    return Enrichment(page=PAGE, device=DEVICE, geo=GEO, traffic=TRAFFIC, bot=bot)


@pytest.fixture
def accepted() -> Accepted:
    """A purchase whose fields are all different."""
    examined = examine(
        record(
            offset=14,
            event_type="custom_event",
            name="$purchase",
            user_id="user",
            occurred_at=T0 + 1,
            sent_at=T0 + 3,
            received_at=T0 + 7,
            title="title",
            language="de",
            timezone="Europe/Berlin",
            screen_width=21,
            screen_height=22,
            viewport_width=23,
            viewport_height=24,
            properties={"revenue": 19.99, "currency": "EUR"},
        ),
        rules=rules(),
        enrich=enrich,
    )
    assert isinstance(examined, Accepted)
    return examined


def test_a_row_has_each_field_under_its_name(accepted: Accepted) -> None:
    event = accepted.event
    assert msgspec.json.decode(
        msgspec.json.encode(accepted_row(accepted, block=BLOCK, session_id="session"))
    ) == {
        "outcome": "accepted",
        "_epoch": 11,
        "_partition": 12,
        "_offset": 14,
        "_batch_start": 13,
        "_batch_end": 99,
        "_batch_id": "batch",
        "received_at": T0 + 7,
        "payload": accepted.raw.decode(),
        "event_id": event.event_id,
        "event_type": "custom_event",
        "name": "$purchase",
        "site_id": "shop",
        "visitor_id": "v1",
        "user_id": "user",
        "session_id": "session",
        "event_at": T0 + 5,
        "occurred_at": T0 + 1,
        "sent_at": T0 + 3,
        "local_date": "2026-03-02",
        "origin": "browser",
        "host": "host",
        "path": "/path",
        "query": "query",
        "title": "title",
        "referrer_host": "referrer",
        "channel": TRAFFIC.channel.value,
        "source": "source",
        "medium": "medium",
        "campaign": "campaign",
        "term": "term",
        "content": "content",
        "click_id": "click",
        "language": "de",
        "timezone": "Europe/Berlin",
        "country": "DE",
        "region": "region",
        "city": "city",
        "device_class": "tablet",
        "browser": "browser",
        "browser_version": "5",
        "os": "os",
        "os_version": "6",
        "screen_width": 21,
        "screen_height": 22,
        "viewport_width": 23,
        "viewport_height": 24,
        "is_bot": 1,
        "bot_reasons": int(BotReason.MONITOR),
        "bot_name": "bot",
        "bot_kind": "monitor",
        "is_conversion": 1,
        "properties": '{"revenue":19.99,"currency":"EUR"}',
        "goal": "$purchase",
        "revenue": 19.99,
        "currency": "EUR",
    }


def test_the_fold_gets_each_field_under_its_name(accepted: Accepted) -> None:
    found = hit(accepted)
    assert msgspec.structs.asdict(found) == {
        "key": b"shop:v1",
        "at": T0 + 5,
        "event_id": accepted.event.event_id,
        "touch": found.touch,
        "received_at": T0 + 7,
        "is_page_view": False,
        "is_interaction": True,
        "is_passive": False,
        "is_leave": False,
        "is_conversion": True,
        "revenue": 199_900,
        "engaged_ms": 0,
        "bot_reasons": int(BotReason.MONITOR),
        "user_id": "user",
    }
    assert (found.touch.page, found.touch.traffic, found.touch.geo, found.touch.device) == (
        PAGE,
        TRAFFIC,
        GEO,
        DEVICE,
    )
    assert found.touch.language == "de"


def test_the_day_is_the_sites_own(accepted: Accepted) -> None:
    elsewhere = msgspec.structs.replace(
        accepted, site=msgspec.structs.replace(accepted.site, zone=ZoneInfo("Pacific/Auckland"))
    )
    assert accepted_row(elsewhere, block=BLOCK, session_id="session").local_date == "2026-03-02"
    late = msgspec.structs.replace(elsewhere, at=accepted.at + 2 * 3_600_000)
    assert accepted_row(late, block=BLOCK, session_id="session").local_date == "2026-03-03"
