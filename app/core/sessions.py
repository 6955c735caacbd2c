"""Web events -> windows: what a session's window keeps of its events. Pure.

Every aggregate can be folded in any order, so that windows do not depend on the order of arrival.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from datetime import tzinfo
from itertools import takewhile

import msgspec

from app.core.calendar import local_date
from app.core.ids import derived_uuid
from app.core.rules import SessionRules
from app.core.windows import Aggregate, Placed, chains, place
from app.events.state import Merged, Touch, Window

#: 1/10,000 of a currency unit: revenue is summed in whole numbers, so that no order changes a sum.
REVENUE_UNITS = 10_000

#: Windows of one event each that a visitor may have at once; beyond, events of a campaign begin no session.
MAX_SINGLE_WINDOWS = 1000

MINUTE_MS = 60_000

#: Page leaves that a window keeps one by one after its last page view; earlier ones are summed up as one.
MAX_LEAVES = 100


class Hit(msgspec.Struct, frozen=True, gc=False):
    """What the session fold needs of one event of the visitor ``key``; ``at`` is its event time in ms."""

    key: bytes
    at: int
    event_id: str
    touch: Touch
    received_at: int = 0
    is_page_view: bool = False
    is_interaction: bool = False
    is_passive: bool = False
    is_leave: bool = False
    is_conversion: bool = False
    revenue: int = 0
    engaged_ms: int = 0
    bot_reasons: int = 0
    user_id: str = ""


def session_id(key: bytes, event_id: str) -> str:
    """The id of the window that this event opens: a UUID (version 8), the same at every replay."""
    return derived_uuid(b"%b\n%b" % (key, event_id.encode()))


def place_hit(windows: tuple[Window, ...], hit: Hit, *, rules: SessionRules, zone: tzinfo) -> Placed[Window]:
    """The windows of a visitor with ``hit`` folded in; ``windows`` are in order of time.

    A window stays within what the rules set as bounds: periods of the cap's length, local days. Where events
    of a campaign begin sessions, any event may turn out to be a bound, so each is a window of its own.
    """
    if rules.split_at_campaign and len(windows) < MAX_SINGLE_WINDOWS:
        opened = _opened(hit)
        return Placed(tuple(sorted((*windows, opened), key=_order)), opened)
    return place(
        windows, hit, at=hit.at, gap_ms=rules.gap_ms, aggregate=AGGREGATE, cell=_cell(rules, zone=zone)
    )


def holding(windows: Iterable[Window], at: int) -> Window | None:
    """The window that spans ``at``, if one does."""
    return next((window for window in windows if window.start_at <= at <= window.end_at), None)


def is_bounce(window: Window, *, rules: SessionRules) -> bool:
    """One page view, no interaction, engaged for less than the threshold."""
    return window.page_views == 1 and window.interactions == 0 and window.engaged_ms < rules.bounce_engaged_ms


def is_too_fast(window: Window, *, rules: SessionRules) -> bool:
    """More events a minute than a person's, from the first to the last, and enough of them to tell.

    A rate over the whole session, for sums and span are the same in any order of arrival.
    """
    if not rules.bot_events_per_minute or window.events < rules.bot_min_events:
        return False
    span_ms = max(window.end_at - window.start_at, MINUTE_MS)
    return window.events * MINUTE_MS > rules.bot_events_per_minute * span_ms


def duration_ms(window: Window) -> int:
    """Last activity less first event, plus the engaged time on the last page."""
    return max(0, window.active_at - window.start_at) + sum(engaged for _, engaged in window.leaves)


def sessions_of(windows: Iterable[Window], *, rules: SessionRules, zone: tzinfo) -> list[list[Window]]:
    """The windows of each session, in order of time.

    Neighbours with no pause longer than the gap are one session, but for: a new day (``split_at_midnight``);
    an event from another campaign (``split_at_campaign``); and a session that would be longer than the cap,
    which is cut at the multiples of the cap since 1970 UTC.
    """
    return [
        session
        for chain in chains(windows, gap_ms=rules.gap_ms)
        for part in _cut(chain, rules=rules, zone=zone)
        for session in _capped(part, cap_ms=rules.cap_ms)
    ]


def forgotten(
    windows: tuple[Window, ...], *, before_ms: int, rules: SessionRules, zone: tzinfo
) -> tuple[tuple[Window, ...], list[Window]]:
    """The windows that an event can still reach, and the sessions that none can any more.

    A session is forgotten as a whole, when its last receipt lies before ``before_ms``, and those of a chain
    in order of time. What is left of one that was longer than the cap remembers that it goes on from there:
    composed by itself it might not be what was published.
    """
    if all(window.received_at >= before_ms for window in windows):
        return windows, []  # the usual case, for each visitor of each block
    kept: list[Window] = []
    closed: list[Window] = []
    for chain in chains(windows, gap_ms=rules.gap_ms):
        cut = [
            (part[0], session)
            for part in _cut(chain, rules=rules, zone=zone)
            for session in _capped(part, cap_ms=rules.cap_ms)
        ]
        gone = list(takewhile(lambda one: all(w.received_at < before_ms for w in one[1]), cut))
        closed += [whole(session) for _, session in gone]
        left = [window for _, session in cut[len(gone) :] for window in session]
        if gone and left and gone[-1][0] is cut[len(gone)][0]:
            left[0] = msgspec.structs.replace(left[0], goes_on=_begun_by(gone[-1][0]))
        kept += left
    return tuple(kept), closed


def whole(windows: list[Window]) -> Window:
    """A session's windows as one, under the id of the first."""
    first, *others = windows
    for window in others:
        first = _joined(first, window)
    return first


def _cell(rules: SessionRules, *, zone: tzinfo) -> Callable[[int], Hashable] | None:
    cap_ms = rules.cap_ms
    if rules.split_at_midnight:
        return lambda at: (at // cap_ms if cap_ms else 0, local_date(at, zone=zone))
    return (lambda at: at // cap_ms) if cap_ms else None


def _cut(chain: list[Window], *, rules: SessionRules, zone: tzinfo) -> list[list[Window]]:
    """A chain in parts, by the rules that begin a new session within it."""
    if len(chain) == 1 or not (rules.split_at_midnight or rules.split_at_campaign):
        return [chain]
    parts: list[list[Window]] = []
    campaign = ""
    for window in chain:
        own = _begun_by(window)
        is_new_day = rules.split_at_midnight and bool(
            parts and local_date(parts[-1][-1].start_at, zone=zone) != local_date(window.start_at, zone=zone)
        )
        is_new_campaign = rules.split_at_campaign and bool(parts and own and own != campaign)
        if not parts or is_new_day or is_new_campaign:
            parts.append([window])
            campaign = own
        else:
            parts[-1].append(window)
            campaign = own or campaign
    return parts


def _capped(part: list[Window], *, cap_ms: int) -> list[list[Window]]:
    is_longer = part[0].goes_on is not None or part[-1].end_at - part[0].start_at > cap_ms
    if not cap_ms or not is_longer:
        return [part]
    periods: dict[int, list[Window]] = {}
    for window in part:
        periods.setdefault(window.start_at // cap_ms, []).append(window)
    return list(periods.values())


def _begun_by(window: Window) -> str:
    """The campaign of a session that this window begins."""
    return _campaign(window) or window.goes_on or ""


def _campaign(window: Window) -> str:
    """What campaign the window's first event came from; empty when from none."""
    traffic = window.touch.traffic
    if not (traffic.campaign or traffic.medium or traffic.click_id):
        return ""
    return "\n".join((traffic.source, traffic.medium, traffic.campaign, traffic.click_id))


def _order(window: Window) -> tuple[int, str]:
    return window.start_at, window.first_id


def _opened(hit: Hit) -> Window:
    views = hit.is_page_view
    return Window(
        session_id=session_id(hit.key, hit.event_id),
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
        received_at=hit.received_at,
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
    # TRICKY: by position, in the order of Window: with so many fields, keywords cost three times as much.
    return Window(
        window.session_id,
        window.version,
        min(window.start_at, at),
        max(window.end_at, at),
        event_id if opens else window.first_id,
        hit.touch if opens else window.touch,
        window.active_at if hit.is_passive else max(window.active_at, at),
        window.events + 1,
        window.page_views + hit.is_page_view,
        window.interactions + hit.is_interaction,
        window.conversions + hit.is_conversion,
        window.revenue + hit.revenue,
        window.engaged_ms + hit.engaged_ms,
        window.bot_reasons | hit.bot_reasons,
        at if is_entry else window.entry_at,
        event_id if is_entry else window.entry_id,
        page.host if is_entry else window.entry_host,
        page.path if is_entry else window.entry_path,
        exit_at,
        event_id if is_exit else window.exit_id,
        page.path if is_exit else window.exit_path,
        at if names_user else window.user_at,
        event_id if names_user else window.user_event,
        hit.user_id if names_user else window.user_id,
        leaves,
        window.merged,
        max(window.received_at, hit.received_at),
        window.heir,
        window.goes_on,
        window.is_fast,
    )


def _merged(one: Window, other: Window) -> Window:
    """Both as one window. The id of the earlier lives on; the other's is kept, to lead to the heir."""
    first, last = sorted((one, other), key=_order)
    gone = (Merged(last.session_id, last.version, last.heir),) if last.version else ()
    return msgspec.structs.replace(_joined(first, last), merged=(*first.merged, *last.merged, *gone))


def _joined(first: Window, last: Window) -> Window:
    """The aggregates of both, under the id of the first."""
    entry = _earliest_entry(first, last)
    exit_ = max(first, last, key=lambda window: (window.exit_at, window.exit_id))
    user = max(first, last, key=lambda window: (window.user_at, window.user_event))
    return Window(
        session_id=first.session_id,
        version=first.version,
        start_at=first.start_at,
        end_at=max(first.end_at, last.end_at),
        first_id=first.first_id,
        touch=first.touch,
        active_at=max(first.active_at, last.active_at),
        events=first.events + last.events,
        page_views=first.page_views + last.page_views,
        interactions=first.interactions + last.interactions,
        conversions=first.conversions + last.conversions,
        revenue=first.revenue + last.revenue,
        engaged_ms=first.engaged_ms + last.engaged_ms,
        bot_reasons=first.bot_reasons | last.bot_reasons,
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
        leaves=_leaves_after(exit_.exit_at, first.leaves, last.leaves),
        merged=first.merged,
        received_at=max(first.received_at, last.received_at),
        heir=first.heir,
        goes_on=first.goes_on,
        is_fast=first.is_fast,
    )


def _earliest_entry(first: Window, last: Window) -> Window:
    if first.entry_at < 0 or last.entry_at < 0:
        return first if last.entry_at < 0 else last
    return min(first, last, key=lambda window: (window.entry_at, window.entry_id))


def _leaves_after(
    exit_at: int, some: tuple[tuple[int, int], ...], others: tuple[tuple[int, int], ...]
) -> tuple[tuple[int, int], ...]:
    """The page leaves after the last page view; one before it can never again be of the last page."""
    leaves = sorted(leave for leave in (*some, *others) if leave[0] > exit_at)
    if len(leaves) > MAX_LEAVES:
        early = leaves[: len(leaves) - MAX_LEAVES + 1]
        leaves[: len(early)] = [(early[0][0], sum(engaged for _, engaged in early))]
    return tuple(leaves)


AGGREGATE: Aggregate[Hit, Window] = Aggregate(opened=_opened, extended=_extended, merged=_merged)
