"""Events, rules and records for tests: say what matters, the rest is filled in."""

from __future__ import annotations

import itertools
import uuid
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from app.core.rules import Rules, SessionRules, SiteRules
from app.events.enriched import BotVerdict, Device, Enrichment, Geo, Page, Traffic
from app.events.wire import WebEvent

#: 2026-03-02 10:00 UTC, a Monday.
T0 = 1_772_445_600_000
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_numbers = itertools.count(1)


def event_id(number: int | None = None) -> str:
    """A version-7-like id; the same for the same number."""
    return str(uuid.UUID(int=(0x018F << 112) | (7 << 76) | (2 << 62) | (number or next(_numbers))))


def wire(**fields: Any) -> dict[str, Any]:
    """An event as it stands in Kafka, as a dict; ``at`` sets all three times, ``...`` drops a field."""
    at = fields.pop("at", T0)
    event = {
        "event_id": event_id(),
        "event_type": "page_view",
        "site_id": "shop",
        "visitor_id": "v1",
        "occurred_at": at,
        "sent_at": at,
        "received_at": at,
        "url": "https://shop.example/",
        **fields,
    }
    return {name: value for name, value in event.items() if value is not ...}


def web_event(**fields: Any) -> WebEvent:
    """The same, decoded."""
    return msgspec.json.decode(msgspec.json.encode(wire(**fields)), type=WebEvent)


class Record(msgspec.Struct, kw_only=True):
    """A message as a Kafka client hands it over."""

    value: bytes | None
    key: bytes | None
    offset: int = 0
    timestamp: int = T0
    topic: str = "web_events"
    partition: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


def record(raw: bytes | None = None, *, offset: int = 0, key: bytes | None = None, **fields: Any) -> Record:
    """A message that holds ``raw``, or an event of these fields."""
    if raw is None:
        event = wire(**fields)
        raw = msgspec.json.encode(event)
        key = key or f"{event['site_id']}:{event['visitor_id']}".encode()
    return Record(value=raw, key=key, offset=offset)


def session_rules(**changes: Any) -> SessionRules:
    """The default rules, with changes."""
    defaults = {
        "gap_ms": 30 * MINUTE,
        "grace_ms": DAY,
        "cap_ms": DAY,
        "bounce_engaged_ms": 10_000,
        "dedup_ids": 4096,
    }
    return SessionRules(**{**defaults, **changes})


def rules(*, zone: str = "UTC", **changes: Any) -> Rules:
    """Rules with one kind of site; ``changes`` are to the session rules."""
    site = SiteRules(
        zone=ZoneInfo(zone),
        domains=frozenset(),
        conversion_events=frozenset({"$purchase", "$goal"}),
        query_allow_list=frozenset(),
    )
    return Rules(sessions=session_rules(**changes), default_site=site, sites={})


def plain_enrichment(event: WebEvent, *, site: SiteRules) -> Enrichment:
    """The page's path and nothing else: for tests that are not about enrichment."""
    assert site.zone is not None
    path = "/" + event.url.partition("://")[2].partition("/")[2]
    return Enrichment(
        page=Page(host="shop.example", path=path),
        device=Device(),
        geo=Geo(),
        traffic=Traffic(),
        bot=BotVerdict(),
    )
