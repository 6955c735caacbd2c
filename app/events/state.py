"""What the state store keeps about a visitor; coded by msgspec as MessagePack arrays.

Fields are only ever added at the end, with a default, so that older values stay readable.
Times are milliseconds of event time unless a name says ``received``.
"""

from __future__ import annotations

import msgspec

from app.events.enriched import Device, Geo, Page, Traffic


class Touch(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What is known of a visit by its earliest event."""

    page: Page
    traffic: Traffic
    geo: Geo
    device: Device
    language: str = ""


class Merged(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An id that was merged into another window: the version of the last statement about it, and the heir
    that this statement named (empty: none was named yet)."""

    session_id: str
    version: int
    heir: str = ""


class Window(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One window ``[start_at, end_at]`` of a visitor's events and its aggregates.

    A session is one window, or several in a row where a rule set bounds to windows (core.statements). Every
    field can be folded in any order: sums, or the value at the least or greatest (time, event id).
    ``version`` counts the statements about its id; ``heir`` is the session that the last of them named.
    ``received_at`` is the latest receipt of an event: it decides when the window can be forgotten.
    ``leaves`` holds (time, engaged ms) of the page leaves not before the last page view: those of the last
    page. ``revenue`` counts 1/10,000 of a currency unit, so that sums are exact. ``goes_on`` is set where the
    sessions before it, cut at the cap, have been forgotten: the campaign that they came from, or empty.
    ``is_fast``: the last statement about it called it too fast for a person; a retraction says the same.
    """

    session_id: str
    version: int
    start_at: int
    end_at: int
    first_id: str
    touch: Touch
    active_at: int
    events: int = 0
    page_views: int = 0
    interactions: int = 0
    conversions: int = 0
    revenue: int = 0
    engaged_ms: int = 0
    bot_reasons: int = 0
    entry_at: int = -1
    entry_id: str = ""
    entry_host: str = ""
    entry_path: str = ""
    exit_at: int = -1
    exit_id: str = ""
    exit_path: str = ""
    user_at: int = -1
    user_event: str = ""
    user_id: str = ""
    leaves: tuple[tuple[int, int], ...] = ()
    merged: tuple[Merged, ...] = ()
    received_at: int = 0
    heir: str = ""
    goes_on: str | None = None
    is_fast: bool = False


class VisitorState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The open windows of one visitor, in order of time, and what is needed to fold an event once only.

    ``seen`` is the newest event ids as 8-byte digests, oldest first. An event of the same ``epoch`` at or
    below ``last_offset`` has been folded already; ``repeats`` is the offsets of those that were duplicates, 8
    bytes each, as far as their block may still be replayed.
    """

    epoch: int
    last_offset: int
    last_received_at: int
    windows: tuple[Window, ...] = ()
    seen: bytes = b""
    repeats: bytes = b""


class Claim(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """What an owner of a partition says before it writes a block: its offsets and its name.

    ``term`` is the offset of the owner's own record in the changelog: a later owner has a higher one.
    """

    epoch: int
    start: int
    end: int
    batch_id: str
    term: int
