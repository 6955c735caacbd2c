"""Decisions -> rows: what is written to ClickHouse about an event or a session."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from app.core.calendar import local_date
from app.core.rules import Rules, SiteRules
from app.core.sessions import REVENUE_UNITS, Hit, duration_ms, is_bounce
from app.core.statements import Statement
from app.events.dead_letter import Returned
from app.events.enriched import Enrichment
from app.events.properties import (
    ClickProperties,
    GoalProperties,
    KnownProperties,
    PageLeaveProperties,
    PageViewProperties,
    PurchaseProperties,
    ScrollProperties,
    WebVitalsProperties,
)
from app.events.rejects import Reject
from app.events.rows import EventRow, SessionRow
from app.events.sessions import ClosedSession
from app.events.state import Touch, Window
from app.events.vocabulary import BotReason, EventType, Outcome, ReservedName
from app.events.wire import WebEvent

_ENCODER = msgspec.json.Encoder()
#: The member that holds the address; also where a message was cut off within it, or has something else there.
_IP = re.compile(rb'"ip"\s*+:\s*+(?:"[^"]*+"?|\[[^\]]*+\]?|[^",}\]\s][^,}\]]*+)')
_PASSIVE = frozenset({ReservedName.PAGE_LEAVE, ReservedName.WEB_VITALS, ReservedName.EXPOSURE})
#: What a page tells of its visitor, who does nothing by it.
_TOLD = frozenset({ReservedName.IDENTIFY, ReservedName.ALIAS})
_INTERACTIVE = frozenset({EventType.CLICK, EventType.FORM_SUBMIT, EventType.VIDEO_PLAY})


class BlockId(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A contiguous range of offsets ``[start, end]`` of one partition; ``batch_id`` is its random name."""

    topic: str
    epoch: int
    partition: int
    start: int
    end: int
    batch_id: str

    @property
    def columns(self) -> dict[str, Any]:
        """The fields that each of the block's rows carries."""
        return {
            "epoch": self.epoch,
            "partition": self.partition,
            "batch_start": self.start,
            "batch_end": self.end,
            "batch_id": self.batch_id,
        }

    def token(self, kind: str) -> str:
        """The deduplication token of one of the block's inserts: the same at every replay of the block."""
        return f"{self.topic}:{self.epoch}:{self.partition}:{self.start}-{self.end}:{self.batch_id}:{kind}"


class Accepted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event that passed every step before the session fold.

    ``returned_at``: when the broker took it, in ms, for one that was sent back after a refusal; else 0.
    """

    offset: int
    key: bytes
    raw: bytes
    event: WebEvent
    at: int
    known: KnownProperties
    enriched: Enrichment
    site: SiteRules
    returned_at: int = 0

    @property
    def receipt(self) -> int:
        """When it was last received, in ms: state that it touched is kept from then on.

        An event that was sent back may be sent again for as long as any other may arrive twice, so what is
        remembered of it counts from its return, however old its own receipt is.
        """
        return max(self.event.received_at, self.returned_at)

    @property
    def is_conversion(self) -> bool:
        """Whether the site counts events of this name as conversions."""
        return (
            self.event.event_type is EventType.CUSTOM_EVENT and self.event.name in self.site.conversion_events
        )


def payload_text(raw: bytes) -> str:
    """A message as it is kept: without IP addresses, bytes that are no UTF-8 as ``\\xNN``."""
    return without_address(raw).decode("utf-8", "backslashreplace")


def without_address(raw: bytes, *, value: bytes = b'""') -> bytes:
    """A message with this JSON ``value`` in the place of the address, however it is written."""
    return _IP.sub(b'"ip":' + value, raw) if b'"ip"' in raw else raw


def hit(accepted: Accepted) -> Hit:
    """What the session fold needs of an accepted event.

    Page leaves, vitals and exposures are passive: the browser sends them by itself. Scrolling is activity
    but no interaction.
    """
    event, known, enriched = accepted.event, accepted.known, accepted.enriched
    custom = event.event_type is EventType.CUSTOM_EVENT
    passive = custom and event.name in _PASSIVE
    return Hit(
        accepted.key,
        accepted.at,
        event.event_id,
        Touch(enriched.page, enriched.traffic, enriched.geo, enriched.device, event.language),
        accepted.receipt,
        event.event_type is EventType.PAGE_VIEW,
        event.event_type in _INTERACTIVE or (custom and not passive and event.name not in _TOLD),
        passive,
        isinstance(known, PageLeaveProperties),
        accepted.is_conversion,
        round(known.revenue * REVENUE_UNITS) if isinstance(known, PurchaseProperties) else 0,
        round(known.engaged_ms) if isinstance(known, PageLeaveProperties) else 0,
        int(enriched.bot.reasons),
        event.user_id,
    )


def accepted_row(accepted: Accepted, *, block: BlockId, session_id: str) -> EventRow:
    """The row of an accepted event."""
    event, enriched = accepted.event, accepted.enriched
    page, traffic, geo, device, bot = (
        enriched.page,
        enriched.traffic,
        enriched.geo,
        enriched.device,
        enriched.bot,
    )
    properties = bytes(event.properties)
    # TRICKY: by position, in the order of EventRow. With so many fields, keywords cost five times as much,
    # and this is done for every event.
    return EventRow(
        Outcome.ACCEPTED,
        block.epoch,
        block.partition,
        accepted.offset,
        block.start,
        block.end,
        block.batch_id,
        event.received_at,
        "",
        "",
        "",
        "",
        payload_text(accepted.raw),
        event.event_id,
        event.event_type,
        event.name,
        event.site_id,
        event.visitor_id,
        event.user_id,
        session_id,
        accepted.at,
        event.occurred_at,
        event.sent_at,
        local_date(accepted.at, zone=accepted.site.zone),
        event.origin,
        page.host,
        page.path,
        page.query,
        event.title,
        traffic.referrer_host,
        traffic.channel,
        traffic.source,
        traffic.medium,
        traffic.campaign,
        traffic.term,
        traffic.content,
        traffic.click_id,
        event.language,
        event.timezone,
        geo.country,
        geo.region,
        geo.city,
        device.device_class,
        device.browser,
        device.browser_version,
        device.os,
        device.os_version,
        event.screen_width,
        event.screen_height,
        event.viewport_width,
        event.viewport_height,
        int(bot.is_bot),
        int(bot.reasons),
        bot.name,
        bot.kind or "",
        int(accepted.is_conversion),
        enriched.versions.rules,
        enriched.versions.geo,
        enriched.versions.networks,
        "" if properties == b"{}" else properties.decode(),
        **_features(accepted.known, name=event.name),
    )


def rejected_row(
    reject: Reject,
    *,
    raw: bytes,
    offset: int,
    received_at: int,
    event: WebEvent | None,
    returned: Returned | None,
    block: BlockId,
) -> EventRow:
    """The row of a refused event: its payload and the reason, and its ids as far as it could be read.

    ``returned``: what it said of earlier refusals, if it had been sent back.
    """
    return EventRow(
        outcome=Outcome.REJECTED,
        offset=offset,
        received_at=received_at,
        reason=reject.reason,
        field=reject.field,
        step=reject.step,
        detail=reject.detail,
        payload=payload_text(raw),
        **block.columns,
        **({} if event is None else _ids(event)),
        **({} if returned is None else _history(returned)),
    )


def duplicate_row(accepted: Accepted, *, block: BlockId) -> EventRow:
    """The row of an event that was seen before: its ids alone."""
    return EventRow(
        outcome=Outcome.DUPLICATE,
        offset=accepted.offset,
        received_at=accepted.event.received_at,
        event_at=accepted.at,
        **block.columns,
        **_ids(accepted.event),
    )


def session_row(
    said: Statement, *, site_id: str, visitor_id: str, block: BlockId, rules: Rules
) -> SessionRow:
    """The row of one statement about a session."""
    return SessionRow(
        sign=said.sign,
        version=said.version,
        merged_into=said.merged_into,
        **_session_facts(said.window, site_id=site_id, visitor_id=visitor_id, rules=rules),
        **block.columns,
    )


def closed_session(key: bytes, window: Window, *, rules: Rules) -> ClosedSession:
    """What is published of a session of the visitor ``key`` once no event can reach it."""
    site_id, _, visitor_id = key.decode().partition(":")
    facts = _session_facts(window, site_id=site_id, visitor_id=visitor_id, rules=rules)
    return ClosedSession(version=window.version, **facts)


def _session_facts(window: Window, *, site_id: str, visitor_id: str, rules: Rules) -> dict[str, Any]:
    touch, geo, device, traffic = (
        window.touch,
        window.touch.geo,
        window.touch.device,
        window.touch.traffic,
    )
    reasons = window.bot_reasons | (BotReason.RATE if window.is_fast else 0)
    return {
        "session_id": window.session_id,
        "site_id": site_id,
        "visitor_id": visitor_id,
        "user_id": window.user_id,
        "started_at": window.start_at,
        "ended_at": window.end_at,
        "duration_ms": duration_ms(window),
        "local_date": local_date(window.start_at, zone=rules.site(site_id).zone),
        "events": window.events,
        "page_views": window.page_views,
        "interactions": window.interactions,
        "conversions": window.conversions,
        "revenue": window.revenue / REVENUE_UNITS,
        "engaged_ms": window.engaged_ms,
        "is_bounce": int(is_bounce(window, rules=rules.sessions_of(site_id))),
        "is_bot": int(bool(reasons)),
        "bot_reasons": int(reasons),
        "entry_host": window.entry_host,
        "entry_path": window.entry_path,
        "exit_path": window.exit_path,
        "referrer_host": traffic.referrer_host,
        "channel": traffic.channel,
        "source": traffic.source,
        "medium": traffic.medium,
        "campaign": traffic.campaign,
        "term": traffic.term,
        "content": traffic.content,
        "country": geo.country,
        "region": geo.region,
        "city": geo.city,
        "device_class": device.device_class,
        "browser": device.browser,
        "os": device.os,
        "language": touch.language,
    }


def _ids(event: WebEvent) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "event_type": event.event_type,
        "name": event.name,
        "site_id": event.site_id,
        "visitor_id": event.visitor_id,
    }


def _history(returned: Returned) -> dict[str, Any]:
    return {"replays": returned.replays, "history": _ENCODER.encode(returned.refusals).decode()}


def _features(known: KnownProperties, *, name: str) -> dict[str, Any]:
    """The columns that the properties with a meaning fill; whole milliseconds, CLS times 10,000."""
    match known:
        case WebVitalsProperties():
            return {
                "ttfb_ms": round(known.ttfb_ms),
                "fcp_ms": round(known.fcp_ms),
                "lcp_ms": round(known.lcp_ms),
                "inp_ms": round(known.inp_ms),
                "cls_10000": round((known.cls or 0) * 10_000),
            }
        case PageViewProperties():
            return {"load_ms": round(known.load_ms), "ttfb_ms": round(known.ttfb_ms)}
        case PageLeaveProperties():
            return {"engaged_ms": round(known.engaged_ms), "scroll_depth": round(known.scroll_depth)}
        case ScrollProperties():
            return {"scroll_depth": round(known.scroll_depth)}
        case ClickProperties():
            return {
                "element": known.element,
                "element_text": known.text,
                "click_x": known.x,
                "click_y": known.y,
            }
        case PurchaseProperties():
            return {"goal": name, "revenue": _exact(known.revenue), "currency": known.currency}
        case GoalProperties():
            return {"goal": known.goal}
        case _:
            return {}


def _exact(revenue: float) -> float:
    """Rounded to the unit that sessions are summed in, so that both layers hold the same figure."""
    return round(revenue * REVENUE_UNITS) / REVENUE_UNITS
