"""A visitor's state -> what a person reads of it: windows with their times, page trail and flags."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from app.core.calendar import moment
from app.core.rules import Rules
from app.core.sessions import duration_ms, is_bounce, sessions_of, whole
from app.events.state import VisitorState, Window
from web.inspect.visitor_state import TouchView, VisitorView, WindowView, describe, touch_view

#: Of an offset among those of duplicates.
OFFSET_BYTES = 8


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a trail; ``between`` is how many page views lie between it and the one before."""

    path: str
    between: int = 0


class SeenWindow(WindowView, frozen=True, kw_only=True):
    """An open window with its host, the pages that the state knows of, and what is to be noted.

    ``session`` is the session that it counts in, of ``session_windows`` windows; ``duration_ms`` its own.
    """

    host: str
    trail: list[Step]
    touch: TouchView
    flags: list[str]
    duration_ms: int
    session: str
    session_windows: int


class KeyView(VisitorView, frozen=True, kw_only=True):
    """All that is kept about a visitor; it is forgotten at ``kept_until`` where nothing more is received."""

    key: str
    table: str
    kept_until: datetime
    duplicates_noted: int
    windows: list[SeenWindow]  # type: ignore[assignment]


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One key in the list of a partition."""

    key: str
    site_id: str
    visitor_id: str
    windows: int
    events: int
    page_views: int
    last_received_at: datetime
    last_page: str
    is_bot: bool


def key_row(key: bytes, state: VisitorState) -> KeyRow:
    """A visitor in one line."""
    site, visitor = split(key)
    windows = state.windows
    return KeyRow(
        key=text_of(key),
        site_id=site,
        visitor_id=visitor,
        windows=len(windows),
        events=sum(window.events for window in windows),
        page_views=sum(window.page_views for window in windows),
        last_received_at=moment(state.last_received_at),
        last_page=windows[-1].exit_path if windows else "",
        is_bot=any(window.bot_reasons or window.is_fast for window in windows),
    )


def key_view(
    key: bytes, state: VisitorState, *, table: str, worker: str, partition: int, rules: Rules
) -> KeyView:
    """A visitor in full."""
    site, visitor = split(key)
    plain = describe(state, site=site, visitor=visitor, worker=worker, partition=partition)
    fields = msgspec.structs.asdict(plain) | {
        "key": text_of(key),
        "table": table,
        "kept_until": moment(state.last_received_at + rules.reach_ms),
        "duplicates_noted": len(state.repeats) // OFFSET_BYTES,
        "windows": list(_seen(state, plain, rules=rules, site=site)),
    }
    return KeyView(**fields)


def text_of(key: bytes) -> str:
    """A key as text; keys of visitors are, of any other bytes it says which."""
    return key.decode("utf-8", "backslashreplace")


def split(key: bytes) -> tuple[str, str]:
    """The site and the visitor of a key."""
    site, _, visitor = text_of(key).partition(":")
    return site, visitor


def _seen(state: VisitorState, plain: VisitorView, *, rules: Rules, site: str) -> Iterator[SeenWindow]:
    own, zone = rules.sessions_of(site), rules.site(site).zone
    sessions = {
        window.session_id: group
        for group in sessions_of(state.windows, rules=own, zone=zone)
        for window in group
    }
    for window, shown in zip(state.windows, plain.windows, strict=True):
        group = sessions[window.session_id]
        session = whole(group)
        yield SeenWindow(
            **msgspec.structs.asdict(shown),
            host=window.entry_host or window.touch.page.host,
            trail=trail_of(window),
            touch=touch_view(window.touch),
            flags=list(flags_of(window, session, is_bounce=is_bounce(session, rules=own))),
            duration_ms=duration_ms(window),
            session=session.session_id,
            session_windows=len(group),
        )


def trail_of(window: Window) -> list[Step]:
    """The first and the last page; none where the window has no page view."""
    if window.page_views == 0:
        return []
    first = Step(path=window.entry_path)
    if window.page_views == 1:
        return [first]
    return [first, Step(path=window.exit_path, between=window.page_views - 2)]


def flags_of(window: Window, session: Window, *, is_bounce: bool) -> Iterator[str]:
    """What is to be noted of a window: words as a person reads them."""
    if window.bot_reasons:
        yield "bot"
    if session.is_fast:
        yield "too fast for a person"
    if is_bounce:
        yield "bounce so far"
    if window.conversions:
        yield "converted"
    if window.merged:
        yield "merged"
    if window.goes_on is not None:
        yield "goes on a session that was cut"
    if window.page_views == 0:
        yield "no page view"
