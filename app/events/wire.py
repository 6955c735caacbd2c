"""The wire contract: one JSON object per message of ``web_events``, key ``{site_id}:{visitor_id}``.

Times are milliseconds since 1970-01-01 UTC. Lengths count characters unless a name says bytes.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from app.events.vocabulary import DeviceClass, EventType, Origin

MAX_EVENT_BYTES = 32 * 1024
MAX_BATCH_BYTES = 512 * 1024
MAX_BATCH_EVENTS = 500
MAX_PROPERTIES = 64
MAX_PROPERTIES_BYTES = 8 * 1024
MAX_PROPERTIES_DEPTH = 8
MAX_FUTURE_MS = 60_000
MAX_AGE_MS = 7 * 86_400_000

#: Upper bound of a time stamp: year 2100, inside the range of every date type we store.
MAX_TIME_MS = 4_102_444_800_000

EventId = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", max_length=36)
]
SiteId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
VisitorId = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
UserId = Annotated[str, msgspec.Meta(max_length=128)]
Name = Annotated[str, msgspec.Meta(max_length=128)]
Url = Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]
Referrer = Annotated[str, msgspec.Meta(max_length=2048)]
Title = Annotated[str, msgspec.Meta(max_length=512)]
Tag = Annotated[str, msgspec.Meta(max_length=64)]
UserAgent = Annotated[str, msgspec.Meta(max_length=1024)]
Pixels = Annotated[int, msgspec.Meta(ge=0, le=100_000)]
TimeMs = Annotated[int, msgspec.Meta(ge=0, le=MAX_TIME_MS)]


class ClientHints(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What a Chromium browser says about itself in ``Sec-CH-UA-*``; empty where it said nothing."""

    platform: Tag = ""
    platform_version: Tag = ""
    model: Tag = ""
    mobile: bool | None = None
    brands: Annotated[str, msgspec.Meta(max_length=256)] = ""


class Exported(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What another analytics tool had found out of a visitor: exports hold neither address nor user agent.

    Names are those of our own enrichment: a class of device, ua-parser's browsers and systems, ISO 3166-1
    alpha-2 countries. Empty where the export does not say.
    """

    device_class: DeviceClass = DeviceClass.UNKNOWN
    browser: Tag = ""
    browser_version: Annotated[str, msgspec.Meta(max_length=16)] = ""
    os: Tag = ""
    os_version: Annotated[str, msgspec.Meta(max_length=16)] = ""
    country: Annotated[str, msgspec.Meta(pattern=r"^([A-Z]{2})?$")] = ""
    region: Annotated[str, msgspec.Meta(max_length=128)] = ""
    city: Annotated[str, msgspec.Meta(max_length=128)] = ""


class WebEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One event of one visitor, as it stands in Kafka.

    ``occurred_at`` and ``sent_at`` are by the client's clock, ``received_at`` by the collector's.
    ``missing_headers``: the sender claims to be a browser, and its request lacked what browsers send.
    ``ip`` is sealed (app/adapters/address_seal.py), or plain from a producer of one's own; it lives only
    until it has been used for geography, and is never stored.
    ``properties`` stays raw JSON here and is checked by the validate step. ``exported`` counts in a replay
    only, and then stands for what address and user agent would have told.
    """

    event_id: EventId
    event_type: EventType
    site_id: SiteId
    visitor_id: VisitorId
    occurred_at: TimeMs
    sent_at: TimeMs
    received_at: TimeMs
    url: Url
    name: Name = ""
    user_id: UserId = ""
    referrer: Referrer = ""
    title: Title = ""
    language: Tag = ""
    timezone: Tag = ""
    screen_width: Pixels = 0
    screen_height: Pixels = 0
    viewport_width: Pixels = 0
    viewport_height: Pixels = 0
    user_agent: UserAgent = ""
    client_hints: ClientHints = ClientHints()
    webdriver: bool = False
    missing_headers: bool = False
    ip: Tag = ""
    origin: Origin = Origin.BROWSER
    exported: Exported | None = None
    properties: msgspec.Raw = msgspec.Raw(b"{}")

    @property
    def key(self) -> bytes:
        """The Kafka key: all events of one visitor of one site go to one partition, in order."""
        return f"{self.site_id}:{self.visitor_id}".encode()


class ClientEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One event as a browser may send it: the wire contract less what only the collector knows.

    On cookieless sites the collector derives a ``visitor_id`` that is empty.
    """

    event_id: EventId
    event_type: EventType
    site_id: SiteId
    visitor_id: Annotated[str, msgspec.Meta(max_length=128)] = ""
    occurred_at: TimeMs
    sent_at: TimeMs
    url: Url
    name: Name = ""
    user_id: UserId = ""
    referrer: Referrer = ""
    title: Title = ""
    language: Tag = ""
    timezone: Tag = ""
    screen_width: Pixels = 0
    screen_height: Pixels = 0
    viewport_width: Pixels = 0
    viewport_height: Pixels = 0
    client_hints: ClientHints = ClientHints()
    webdriver: bool = False
    properties: msgspec.Raw = msgspec.Raw(b"{}")


class ServerEvent(ClientEvent, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One event as a server may send it: with the address and the user agent of whom it is about.

    ``ip`` is used for geography and never stored. Without ``sent_at``, ``occurred_at`` is taken as it is.
    """

    sent_at: TimeMs = 0
    user_agent: UserAgent = ""
    ip: Tag = ""
