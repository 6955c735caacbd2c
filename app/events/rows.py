"""Rows of the two blocks that go to ClickHouse; a field's name is the column's name.

Both are written to Null-engine tables (``events_in``, ``sessions_in``) whose materialized views cast and
spread them, so times are plain milliseconds since 1970 UTC here. Defaults are left out of the JSON: the
table's column default is the type's zero.
"""

from __future__ import annotations

import msgspec

from app.events.sessions import SessionFacts
from app.events.vocabulary import BotKind, Channel, DeviceClass, EventType, Origin, Outcome

#: Fields of the block that a row came in; columns carry a leading underscore.
BLOCK_COLUMNS = {
    "epoch": "_epoch",
    "partition": "_partition",
    "offset": "_offset",
    "batch_start": "_batch_start",
    "batch_end": "_batch_end",
    "batch_id": "_batch_id",
}


class EventRow(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, rename=BLOCK_COLUMNS):
    """One received event, whatever became of it (``outcome``).

    A rejected one carries ``reason``, ``field``, ``step``, ``detail`` and ``payload``, and where it had been
    sent back before ``replays``, how often, and ``history``, the refusals so far as JSON. A duplicate carries
    its ids alone, an accepted one everything else.
    """

    outcome: Outcome
    epoch: int
    partition: int
    offset: int
    batch_start: int
    batch_end: int
    batch_id: str
    received_at: int
    reason: str = ""
    field: str = ""
    step: str = ""
    detail: str = ""
    payload: str = ""
    event_id: str = ""
    event_type: EventType | str = ""
    name: str = ""
    site_id: str = ""
    visitor_id: str = ""
    user_id: str = ""
    session_id: str = ""
    event_at: int = 0
    occurred_at: int = 0
    sent_at: int = 0
    local_date: str = ""
    origin: Origin | str = ""
    host: str = ""
    path: str = ""
    query: str = ""
    title: str = ""
    referrer_host: str = ""
    channel: Channel | str = ""
    source: str = ""
    medium: str = ""
    campaign: str = ""
    term: str = ""
    content: str = ""
    click_id: str = ""
    language: str = ""
    timezone: str = ""
    country: str = ""
    region: str = ""
    city: str = ""
    device_class: DeviceClass | str = ""
    browser: str = ""
    browser_version: str = ""
    os: str = ""
    os_version: str = ""
    screen_width: int = 0
    screen_height: int = 0
    viewport_width: int = 0
    viewport_height: int = 0
    is_bot: int = 0
    bot_reasons: int = 0
    bot_name: str = ""
    bot_kind: BotKind | str = ""
    is_conversion: int = 0
    rules_version: str = ""
    geo_version: str = ""
    networks_version: str = ""
    properties: str = ""
    goal: str = ""
    revenue: float = 0.0
    currency: str = ""
    engaged_ms: int = 0
    scroll_depth: int = 0
    ttfb_ms: int = 0
    fcp_ms: int = 0
    lcp_ms: int = 0
    inp_ms: int = 0
    cls_10000: int = 0
    load_ms: int = 0
    element: str = ""
    element_text: str = ""
    click_x: float = 0.0
    click_y: float = 0.0
    replays: int = 0
    history: str = ""


class SessionRow(SessionFacts, frozen=True, kw_only=True, gc=False, omit_defaults=True, rename=BLOCK_COLUMNS):
    """One version of one session: ``sign`` +1 states it, -1 takes the same statement back.

    ``version`` grows by one with each statement about a session id.
    """

    sign: int
    epoch: int
    partition: int
    batch_start: int
    batch_end: int
    batch_id: str
    merged_into: str = ""
