"""What questions are answered with; a field's name is the key in the JSON. Times are UTC, shares 0 to 1."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from app.events.vocabulary import BotKind


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What every answer says of itself: site, its days ``[from, to)``, and the layer its totals are from."""

    site_id: str
    since: date = msgspec.field(name="from")
    until: date = msgspec.field(name="to")
    timezone: str
    layer: str


class SessionFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of sessions, as every breakdown has them."""

    visitors: int
    sessions: int
    bounce_rate: float
    session_duration_s: float
    conversion_rate: float
    page_views: int
    conversions: int
    revenue: float


class SourceRow(SessionFigures, frozen=True, kw_only=True):
    """Sessions that one source sent."""

    channel: str
    source: str


class ChannelRow(SessionFigures, frozen=True, kw_only=True):
    """Sessions of one channel."""

    channel: str


class DeviceRow(SessionFigures, frozen=True, kw_only=True):
    """Sessions with one kind of device, browser and system."""

    device_class: str
    browser: str
    os: str


class DeviceClassRow(SessionFigures, frozen=True, kw_only=True):
    """Sessions with one class of device."""

    device_class: str


class Overview(Answer, frozen=True, kw_only=True):
    """The headline metrics of a site.

    ``before``: the same figures of the period compared with, None without one. ``change``: relative to it,
    none where that is 0.
    """

    visitors: int
    page_views: int
    sessions: int
    bounce_rate: float
    session_duration_s: float
    median_session_duration_s: float
    conversion_rate: float
    events: int
    conversions: int
    revenue: float
    sources: list[ChannelRow]
    devices: list[DeviceClassRow]
    before: dict[str, float] | None = None
    change: dict[str, float | None] | None = None


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One interval of a series; ``at`` is its beginning: a day of the site, or a minute or hour in UTC."""

    at: str
    visitors: int
    page_views: int
    events: int


class Series(Answer, frozen=True, kw_only=True):
    """Events over time; intervals without events are left out."""

    interval: str
    points: list[Point]


class Quantiles(msgspec.Struct, frozen=True, kw_only=True):
    """Quantiles of a timing; None where nothing was measured."""

    p50: float | None
    p75: float | None
    p90: float | None
    p95: float | None
    p99: float | None


class PageMetrics(Answer, frozen=True, kw_only=True):
    """One page. Timings in ms; ``cls`` has no unit; scroll depth in %."""

    page: str
    page_views: int
    visitors: int
    entries: int
    exits: int
    bounce_rate: float
    exit_rate: float
    engaged_s_per_view: float
    scroll_depth: float
    ttfb_ms: Quantiles
    fcp_ms: Quantiles
    lcp_ms: Quantiles
    inp_ms: Quantiles
    load_ms: Quantiles
    cls: Quantiles


class BotRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a program did; ``name`` is what it calls itself, empty where it does not."""

    kind: BotKind
    name: str
    events: int
    page_views: int


class BotReasonRow(msgspec.Struct, frozen=True, kw_only=True):
    """Events that are thought to come from a program for a reason; each counts under every one that holds."""

    reason: str
    events: int


class AiPageRow(msgspec.Struct, frozen=True, kw_only=True):
    """A page: its views by AI crawlers and AI fetchers, and the sessions that AI assistants sent to it."""

    path: str
    crawled: int
    fetched: int
    referred: int


class BotTraffic(Answer, frozen=True, kw_only=True):
    """What programs did on a site, and its pages that AI took from, or sent people to; most first."""

    events: int
    page_views: int
    bots: list[BotRow]
    reasons: list[BotReasonRow]
    ai_pages: list[AiPageRow]


class QualityFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What became of received events, and which share lacks each kind of fault; ``score``: every fault."""

    received: int
    accepted: int
    rejected: int
    duplicates: int
    completeness: float
    validity: float
    timeliness: float
    uniqueness: float
    score: float


class QualityHour(QualityFigures, frozen=True, kw_only=True):
    """One hour of a site's clock, by receipt; ``at`` is its beginning in UTC."""

    at: str


class DataQuality(Answer, frozen=True, kw_only=True):
    """How good the events were; hours in which none were received are left out."""

    total: QualityFigures
    hours: list[QualityHour]


class SessionItem(msgspec.Struct, frozen=True, kw_only=True):
    """One session in its latest version."""

    session_id: str
    visitor_id: str
    user_id: str
    started_at: datetime
    ended_at: datetime
    duration_s: float
    page_views: int
    events: int
    conversions: int
    revenue: float
    is_bounce: bool
    is_bot: bool
    entry_path: str
    exit_path: str
    referrer_host: str
    channel: str
    source: str
    medium: str
    campaign: str
    country: str
    device_class: str
    browser: str
    os: str


class SessionList(Answer, frozen=True, kw_only=True):
    """A page of sessions; ``next_cursor`` asks for the next, None at the end."""

    sessions: list[SessionItem]
    next_cursor: str | None


class PersonEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a person; ``user_id`` is the one that the event carries, empty where it has none."""

    at: datetime
    visitor_id: str
    user_id: str
    event_type: str
    name: str
    session_id: str
    path: str
    title: str


class PersonPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page that a person has seen."""

    path: str
    page_views: int
    engaged_s: float
    last_seen_at: datetime


class PersonSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session of a person in its latest version."""

    session_id: str
    visitor_id: str
    started_at: datetime
    duration_s: float
    page_views: int
    conversions: int
    is_bounce: bool
    entry_path: str
    exit_path: str
    channel: str
    device_class: str


class UserBehavior(Answer, frozen=True, kw_only=True):
    """What a person has done: totals, latest sessions and events, most viewed pages.

    ``user_id`` is the one in use of all that the person is ``known_as``; of a visitor who never was
    identified both are the visitor id. ``visitors`` counts the visitor ids; ``session_count`` the sessions
    that began in the period.
    """

    user_id: str
    known_as: list[str]
    visitors: int
    session_count: int
    events: int
    page_views: int
    conversions: int
    revenue: float
    engaged_s: float
    first_seen_at: datetime
    last_seen_at: datetime
    sessions: list[PersonSession]
    pages: list[PersonPage]
    timeline: list[PersonEvent]


class PageRow(msgspec.Struct, frozen=True, kw_only=True):
    """A page among the most viewed."""

    path: str
    page_views: int
    visitors: int
    engaged_s_per_view: float


class BlockTotals(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the events of one epoch, or of all; ``bots`` are accepted ones."""

    received: int
    accepted: int
    rejected: int
    duplicates: int
    bots: int
    rejected_by_reason: dict[str, int]


class ReasonCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many dead letters have a reason, and when the first and the last of them were refused."""

    reason: str
    letters: int
    first_at: datetime
    last_at: datetime


class DeadLetterItem(msgspec.Struct, frozen=True, kw_only=True):
    """A refused event; ``id`` is its message's epoch, partition and offset in the events topic.

    ``replays``: how often it had been sent back before. ``is_superseded``: it was sent back later and refused
    once more. Site, event and type are empty where the payload could not be read.
    """

    id: str
    refused_at: datetime
    received_at: datetime
    reason: str
    step: str
    field: str
    detail: str
    site_id: str
    event_id: str
    event_type: str
    name: str
    replays: int
    is_superseded: bool


class DeadLetterList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of refused events, latest first; ``by_reason`` counts all that the filters let through."""

    letters: list[DeadLetterItem]
    by_reason: list[ReasonCount]
    next_cursor: str | None


class EarlierRefusal(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal of the same event before it was sent back."""

    id: str
    refused_at: datetime
    reason: str
    step: str
    field: str
    detail: str


class DeadLetterDetail(DeadLetterItem, frozen=True, kw_only=True):
    """A refused event whole, with the refusals before; ``is_accepted``: the same event was taken since."""

    visitor_id: str
    payload: str
    history: list[EarlierRefusal]
    is_accepted: bool
