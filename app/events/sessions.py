"""What is said about a session, in ClickHouse and on the topic ``web_sessions``."""

from __future__ import annotations

import msgspec

from app.events.vocabulary import Channel, DeviceClass


class SessionFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One version of one session; times in ms since 1970 UTC, durations in ms.

    Entry, channel, campaign, geography and device are those of the session's earliest event; exit is its
    latest page view, by event time.
    """

    session_id: str
    version: int
    site_id: str
    visitor_id: str
    user_id: str = ""
    started_at: int = 0
    ended_at: int = 0
    duration_ms: int = 0
    local_date: str = ""
    events: int = 0
    page_views: int = 0
    interactions: int = 0
    conversions: int = 0
    revenue: float = 0.0
    engaged_ms: int = 0
    is_bounce: int = 0
    is_bot: int = 0
    bot_reasons: int = 0
    entry_host: str = ""
    entry_path: str = ""
    exit_path: str = ""
    referrer_host: str = ""
    channel: Channel | str = ""
    source: str = ""
    medium: str = ""
    campaign: str = ""
    term: str = ""
    content: str = ""
    country: str = ""
    region: str = ""
    city: str = ""
    device_class: DeviceClass | str = ""
    browser: str = ""
    os: str = ""
    language: str = ""


class ClosedSession(SessionFacts, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A session that no event can reach any more: a message of ``web_sessions``, key ``site_id:visitor_id``.

    It may be sent more than once, always the same; ``session_id`` tells.
    """

    @property
    def key(self) -> bytes:
        """The Kafka key: that of the visitor's events."""
        return f"{self.site_id}:{self.visitor_id}".encode()
