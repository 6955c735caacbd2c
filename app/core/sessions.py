"""(windows, hit) -> windows: the pure logic of session windows over event time.

A window is ``[start_at, end_at]``. An event at most the inactivity gap away from a window, on either side,
belongs to it, and may bridge two windows into one: then the id of the earlier lives on. Folding the same
hits in any order gives the same windows, but for ids and for the cap (see ``_fits``).
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable, Mapping

import msgspec

from app.core.rules import SessionRules
from app.events.state import Merged, Touch, Window

#: 1/10,000 of a currency unit: revenue is summed in whole numbers, so that no order changes a sum.
REVENUE_UNITS = 10_000


class Hit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the session fold needs of one event; ``at`` is its event time in ms."""

    at: int
    event_id: str
    touch: Touch
    is_page_view: bool = False
    is_interaction: bool = False
    is_passive: bool = False
    is_leave: bool = False
    is_conversion: bool = False
    revenue: int = 0
    engaged_ms: int = 0
    bot_reasons: int = 0
    user_id: str = ""


def session_id(*, site_id: str, visitor_id: str, event_id: str) -> str:
    """The id of the session that this event opens: a UUID (version 8), the same at every replay."""
    digest = hashlib.blake2b(f"{site_id}\n{visitor_id}\n{event_id}".encode(), digest_size=16).digest()
    number = int.from_bytes(digest)
    number = (number & ~(0xF << 76)) | (8 << 76)
    number = (number & ~(0x3 << 62)) | (0x2 << 62)
    return str(uuid.UUID(int=number))


def place(
    windows: tuple[Window, ...], hit: Hit, *, rules: SessionRules, new_id: Callable[[], str]
) -> tuple[tuple[Window, ...], Window]:
    """The windows with ``hit`` folded in, and the one that now holds it.

    ``windows`` are in order of time and at least a gap apart (but for a cap). ``new_id`` names the window
    that is opened when none is near enough.
    """
    near = [window for window in windows if _is_near(window, hit.at, gap_ms=rules.gap_ms)]
    home: Window | None = None
    absorbed: list[Window] = []
    for window in near:
        if home is None:
            home = window if _fits(window.start_at, window.end_at, hit.at, cap_ms=rules.cap_ms) else None
        elif _fits(home.start_at, window.end_at, hit.at, cap_ms=rules.cap_ms):
            absorbed.append(window)
    holder = _opened(hit, new_id()) if home is None else _extended(home, hit)
    for window in absorbed:
        holder = _merged(holder, window)
    others = [window for window in windows if window is not home and window not in absorbed]
    return tuple(sorted([*others, holder], key=_order)), holder


def holding(windows: Iterable[Window], at: int) -> Window | None:
    """The window that spans ``at``, if one does."""
    return next((window for window in windows if window.start_at <= at <= window.end_at), None)


def is_bounce(window: Window, *, rules: SessionRules) -> bool:
    """One page view, no interaction, engaged for less than the threshold."""
    return window.page_views == 1 and window.interactions == 0 and window.engaged_ms < rules.bounce_engaged_ms


def duration_ms(window: Window) -> int:
    """Last activity less first event, plus the engaged time on the last page."""
    return max(0, window.active_at - window.start_at) + sum(engaged for _, engaged in window.leaves)


class Statement(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row to be written about a session: +1 states ``window``, -1 takes it back, 0 only names its heir."""

    sign: int
    version: int
    window: Window
    merged_into: str = ""


def statements(
    before: tuple[Window, ...], after: tuple[Window, ...]
) -> tuple[list[Statement], tuple[Window, ...]]:
    """What must be said to turn what was published, ``before``, into ``after``; and ``after`` with versions.

    Each change is a retraction of the published version and a new version; a window that was merged into
    another is retracted and names the living one, as do all that it had itself absorbed.
    """
    old = {window.session_id: window for window in before}
    said: list[Statement] = []
    published: list[Window] = []
    for window in after:
        previous = old.pop(window.session_id, None)
        if window == previous:
            published.append(window)
            continue
        if previous is not None:
            said.append(Statement(sign=-1, version=previous.version, window=previous))
        current, heirs = _stated(window, known=previous.merged if previous else (), dying=old)
        said += heirs
        said.append(Statement(sign=1, version=current.version, window=current))
        published.append(current)
    return said, tuple(published)


def _stated(
    window: Window, *, known: tuple[Merged, ...], dying: Mapping[str, Window]
) -> tuple[Window, list[Statement]]:
    """``window`` in its next version, and what must be said of the sessions it has newly absorbed."""
    heirs: list[Statement] = []
    merged: list[Merged] = list(known)
    for dead in window.merged:
        if dead in known:
            continue
        last = dying.get(dead.session_id)
        sign, version = (-1, last.version) if last is not None else (0, dead.version + 1)
        heirs.append(
            Statement(
                sign=sign,
                version=version,
                window=last or msgspec.structs.replace(window, session_id=dead.session_id, merged=()),
                merged_into=window.session_id,
            )
        )
        merged.append(Merged(dead.session_id, version))
    return msgspec.structs.replace(window, version=window.version + 1, merged=tuple(merged)), heirs


def _is_near(window: Window, at: int, *, gap_ms: int) -> bool:
    return window.start_at - gap_ms <= at <= window.end_at + gap_ms


def _fits(start_at: int, end_at: int, at: int, *, cap_ms: int) -> bool:
    """Whether a window stretched to ``at`` keeps within the cap. Where it does not, a new one is opened:
    the one rule whose outcome depends on the order of arrival, for visits longer than the cap."""
    return cap_ms == 0 or max(end_at, at) - min(start_at, at) <= cap_ms


def _order(window: Window) -> tuple[int, int, str]:
    return window.start_at, window.end_at, window.session_id


def _opened(hit: Hit, new_id: str) -> Window:
    views = hit.is_page_view
    return Window(
        session_id=new_id,
        version=0,
        start_at=hit.at,
        end_at=hit.at,
        first_id=hit.event_id,
        touch=hit.touch,
        active_at=-1 if hit.is_passive else hit.at,
        events=1,
        page_views=int(views),
        interactions=int(hit.is_interaction),
        conversions=int(hit.is_conversion),
        revenue=hit.revenue,
        engaged_ms=hit.engaged_ms,
        bot_reasons=hit.bot_reasons,
        entry_at=hit.at if views else -1,
        entry_id=hit.event_id if views else "",
        entry_host=hit.touch.page.host if views else "",
        entry_path=hit.touch.page.path if views else "",
        exit_at=hit.at if views else -1,
        exit_id=hit.event_id if views else "",
        exit_path=hit.touch.page.path if views else "",
        user_at=hit.at if hit.user_id else -1,
        user_event=hit.event_id if hit.user_id else "",
        user_id=hit.user_id,
        leaves=((hit.at, hit.engaged_ms),) if hit.is_leave else (),
    )


def _extended(window: Window, hit: Hit) -> Window:
    """``window`` with one more hit, as ``_merged`` with the window that the hit alone would have opened."""
    at, event_id = hit.at, hit.event_id
    opens = (at, event_id) < (window.start_at, window.first_id)
    is_entry = hit.is_page_view and (
        window.entry_at < 0 or (at, event_id) < (window.entry_at, window.entry_id)
    )
    is_exit = hit.is_page_view and (at, event_id) > (window.exit_at, window.exit_id)
    names_user = bool(hit.user_id) and (at, event_id) > (window.user_at, window.user_event)
    page = hit.touch.page
    exit_at = at if is_exit else window.exit_at
    leaves = window.leaves
    if leaves or hit.is_leave:
        leaves = _leaves_after(exit_at, leaves, ((at, hit.engaged_ms),) if hit.is_leave else ())
    return Window(
        session_id=window.session_id,
        version=window.version,
        start_at=min(window.start_at, at),
        end_at=max(window.end_at, at),
        first_id=event_id if opens else window.first_id,
        touch=hit.touch if opens else window.touch,
        active_at=window.active_at if hit.is_passive else max(window.active_at, at),
        events=window.events + 1,
        page_views=window.page_views + hit.is_page_view,
        interactions=window.interactions + hit.is_interaction,
        conversions=window.conversions + hit.is_conversion,
        revenue=window.revenue + hit.revenue,
        engaged_ms=window.engaged_ms + hit.engaged_ms,
        bot_reasons=window.bot_reasons | hit.bot_reasons,
        entry_at=at if is_entry else window.entry_at,
        entry_id=event_id if is_entry else window.entry_id,
        entry_host=page.host if is_entry else window.entry_host,
        entry_path=page.path if is_entry else window.entry_path,
        exit_at=exit_at,
        exit_id=event_id if is_exit else window.exit_id,
        exit_path=page.path if is_exit else window.exit_path,
        user_at=at if names_user else window.user_at,
        user_event=event_id if names_user else window.user_event,
        user_id=hit.user_id if names_user else window.user_id,
        leaves=leaves,
        merged=window.merged,
    )


def _merged(one: Window, other: Window) -> Window:
    """Both as one. The id of the earlier lives on; the other's is remembered if it was ever published."""
    first, last = sorted((one, other), key=lambda window: (window.start_at, window.first_id))
    entry = _earliest_entry(first, last)
    exit_ = max(one, other, key=lambda window: (window.exit_at, window.exit_id))
    user = max(one, other, key=lambda window: (window.user_at, window.user_event))
    gone = (Merged(last.session_id, last.version),) if last.version else ()
    return Window(
        session_id=first.session_id,
        version=first.version,
        start_at=first.start_at,
        end_at=max(one.end_at, other.end_at),
        first_id=first.first_id,
        touch=first.touch,
        active_at=max(one.active_at, other.active_at),
        events=one.events + other.events,
        page_views=one.page_views + other.page_views,
        interactions=one.interactions + other.interactions,
        conversions=one.conversions + other.conversions,
        revenue=one.revenue + other.revenue,
        engaged_ms=one.engaged_ms + other.engaged_ms,
        bot_reasons=one.bot_reasons | other.bot_reasons,
        entry_at=entry.entry_at,
        entry_id=entry.entry_id,
        entry_host=entry.entry_host,
        entry_path=entry.entry_path,
        exit_at=exit_.exit_at,
        exit_id=exit_.exit_id,
        exit_path=exit_.exit_path,
        user_at=user.user_at,
        user_event=user.user_event,
        user_id=user.user_id,
        leaves=_leaves_after(exit_.exit_at, one.leaves, other.leaves),
        merged=(*first.merged, *last.merged, *gone),
    )


def _earliest_entry(first: Window, last: Window) -> Window:
    if first.entry_at < 0 or last.entry_at < 0:
        return first if last.entry_at < 0 else last
    return min(first, last, key=lambda window: (window.entry_at, window.entry_id))


def _leaves_after(
    exit_at: int, some: tuple[tuple[int, int], ...], others: tuple[tuple[int, int], ...]
) -> tuple[tuple[int, int], ...]:
    """The page leaves after the last page view; one before it can never again be of the last page."""
    return tuple(sorted(leave for leave in (*some, *others) if leave[0] > exit_at))
