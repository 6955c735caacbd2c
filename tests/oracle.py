"""What the events of a site come to, found the naive way: sort them, cut them into sessions, count.

It shares no code with the product; it is written from the definitions in docs/METRICS.md and docs/DESIGN.md.
Events of one millisecond come in the order of their ids. Revenue counts 1/10,000 of a currency unit.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

MINUTE = 60_000
AHEAD_MS = MINUTE
BOUNCE_ENGAGED_MS = 10_000
CONVERSIONS = {"$purchase", "$goal"}
PASSIVE = {"$page_leave", "$web_vitals", "$exposure"}
INTERACTIVE = {"click", "form_submit", "video_play"}
TYPES = {"page_view", "click", "scroll", "form_submit", "video_play"}
#: Program -> what it is for, and what it is called.
BOTS = {"crawler": ("ai_crawler", "CCBot"), "fetcher": ("ai_fetcher", "Claude-User"), "spider": ("other", "")}
LEVELS = (0.5, 0.75, 0.9, 0.95, 0.99)
TIMINGS = ("ttfb_ms", "fcp_ms", "lcp_ms", "inp_ms", "load_ms")

T = TypeVar("T")
#: Key of a row -> its figures, by name.
Table = dict[tuple[Any, ...], dict[str, Any]]


class Traffic(msgspec.Struct, frozen=True):
    """Where an event came from."""

    channel: str
    source: str = ""
    medium: str = ""
    campaign: str = ""
    referrer_host: str = ""


class Device(msgspec.Struct, frozen=True):
    """What an event was sent by, and from where."""

    device_class: str
    browser: str
    os: str
    country: str


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One receipt of one event. ``kind``: its type, or a custom event's name."""

    id: str
    visitor: str
    at: int
    received_at: int
    kind: str
    path: str
    traffic: Traffic
    device: Device
    user: str = ""
    previous: str = ""
    bot: str = ""
    is_complete: bool = False
    is_replayed: bool = False
    engaged_ms: int = 0
    scroll_depth: int = 0
    revenue: int = 0
    timings: dict[str, int] = {}
    connection: str = ""

    @property
    def is_bot(self) -> bool:
        """Whether a program sent it."""
        return bool(self.bot)


class SiteRules(msgspec.Struct, frozen=True, kw_only=True):
    """How a site's sessions are cut."""

    zone: str
    gap_ms: int
    grace_ms: int
    cap_ms: int
    split_at_midnight: bool
    split_at_campaign: bool
    bot_events_per_minute: int = 0
    bot_min_events: int = 1


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One session and all that is said of it."""

    ids: tuple[str, ...]
    visitor: str
    user: str
    started_at: int
    ended_at: int
    duration_ms: int
    local_date: str
    events: int
    page_views: int
    interactions: int
    conversions: int
    revenue: int
    engaged_ms: int
    is_bounce: bool
    is_bot: bool
    entry_path: str
    exit_path: str
    traffic: Traffic
    device: Device


class Fates(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the arrivals; ``accepted`` in order of time, ``outcomes`` in that of arrival."""

    accepted: list[Seen]
    duplicates: int
    rejected: dict[str, int]
    outcomes: list[tuple[Seen, str]]


def fates(arrivals: Iterable[Seen], rules: SiteRules) -> Fates:
    """Refuse what is late or ahead of its time, and count the rest once."""
    accepted: dict[str, Seen] = {}
    outcomes: list[tuple[Seen, str]] = []
    for seen in arrivals:
        age_ms = seen.received_at - seen.at
        outcome = "accepted"
        if age_ms < -AHEAD_MS:
            outcome = "in_future"
        elif age_ms > rules.grace_ms and not seen.is_replayed:
            outcome = "late"
        elif seen.id in accepted:
            outcome = "duplicate"
        else:
            accepted[seen.id] = seen
        outcomes.append((seen, outcome))
    counted = Counter(outcome for _, outcome in outcomes)
    rejected = {reason: counted[reason] for reason in ("in_future", "late") if counted[reason]}
    ordered = sorted(accepted.values(), key=lambda seen: (seen.at, seen.id))
    return Fates(accepted=ordered, duplicates=counted["duplicate"], rejected=rejected, outcomes=outcomes)


def sessions(accepted: Iterable[Seen], rules: SiteRules) -> list[Session]:
    """Every session of the events, which are in order of time."""
    by_visitor: dict[str, list[Seen]] = defaultdict(list)
    for seen in accepted:
        by_visitor[seen.visitor].append(seen)
    return [
        _described(part, rules)
        for mine in by_visitor.values()
        for run in _runs(mine, rules)
        for part in _within_cap(run, rules.cap_ms)
    ]


def _runs(mine: list[Seen], rules: SiteRules) -> list[list[Seen]]:
    """Cut at a pause longer than the gap, at a new day, at another campaign: as far as the rules say so."""
    found: list[list[Seen]] = []
    campaign = ""
    for seen in mine:
        before = found[-1][-1] if found else None
        if (
            before is None
            or seen.at - before.at > rules.gap_ms
            or (rules.split_at_midnight and local_date(seen.at, rules) != local_date(before.at, rules))
            or (rules.split_at_campaign and seen.traffic.campaign not in {"", campaign})
        ):
            found.append([seen])
            campaign = seen.traffic.campaign
        else:
            found[-1].append(seen)
            campaign = seen.traffic.campaign or campaign
    return found


def _within_cap(run: list[Seen], cap_ms: int) -> list[list[Seen]]:
    """A run that is longer than the cap is cut at the multiples of the cap since 1970 UTC."""
    if not cap_ms or run[-1].at - run[0].at <= cap_ms:
        return [run]
    return [list(period) for _, period in groupby(run, lambda seen: seen.at // cap_ms)]


def _described(part: list[Seen], rules: SiteRules) -> Session:
    first, last = part[0], part[-1]
    pages = [seen for seen in part if seen.kind == "page_view"]
    active = [seen.at for seen in part if seen.kind not in PASSIVE]
    leaves = [seen for seen in part if seen.kind == "$page_leave"]
    on_last_page = sum(leave.engaged_ms for leave in leaves if not pages or leave.at > pages[-1].at)
    engaged_ms = sum(leave.engaged_ms for leave in leaves)
    interactions = sum(map(_is_interaction, part))
    users = [seen.user for seen in part if seen.user]
    return Session(
        ids=tuple(seen.id for seen in part),
        visitor=first.visitor,
        user=users[-1] if users else "",
        started_at=first.at,
        ended_at=last.at,
        duration_ms=(active[-1] - first.at if active else 0) + on_last_page,
        local_date=local_date(first.at, rules),
        events=len(part),
        page_views=len(pages),
        interactions=interactions,
        conversions=sum(seen.kind in CONVERSIONS for seen in part),
        revenue=sum(seen.revenue for seen in part),
        engaged_ms=engaged_ms,
        is_bounce=len(pages) == 1 and interactions == 0 and engaged_ms < BOUNCE_ENGAGED_MS,
        is_bot=any(seen.is_bot for seen in part) or _is_fast(part, rules),
        entry_path=pages[0].path if pages else "",
        exit_path=pages[-1].path if pages else "",
        traffic=first.traffic,
        device=first.device,
    )


def _is_fast(part: list[Seen], rules: SiteRules) -> bool:
    """More events than a person's, by the minute, of those that are enough to tell; a minute at least."""
    minutes = max(1, (part[-1].at - part[0].at) / MINUTE)
    return len(part) >= rules.bot_min_events and len(part) / minutes > rules.bot_events_per_minute > 0


def _is_interaction(seen: Seen) -> bool:
    """A click, form submit, video play, or a custom event that the browser does not send by itself."""
    is_custom = seen.kind not in TYPES
    return seen.kind in INTERACTIVE or (is_custom and seen.kind not in {*PASSIVE, "$identify", "$alias"})


def session_sums(some: list[Session]) -> dict[str, Any]:
    """What the session golds sum."""
    return {
        "rows": len(some),
        "sessions": len(some),
        "bounces": sum(one.is_bounce for one in some),
        "duration_ms": sum(one.duration_ms for one in some),
        "engaged_ms": sum(one.engaged_ms for one in some),
        "page_views": sum(one.page_views for one in some),
        "events": sum(one.events for one in some),
        "interactions": sum(one.interactions for one in some),
        "conversions": sum(one.conversions for one in some),
        "converted_sessions": sum(one.conversions > 0 for one in some),
        "revenue": sum(one.revenue for one in some),
    }


def facts(one: Session) -> tuple[Any, ...]:
    """Everything that is said of a session."""
    return (
        one.visitor,
        one.user,
        *span(one),
        one.duration_ms,
        one.page_views,
        one.conversions,
        one.revenue,
        one.is_bounce,
        one.entry_path,
        one.exit_path,
        *msgspec.structs.astuple(one.traffic),
        *msgspec.structs.astuple(one.device),
    )


def span(one: Session) -> tuple[int, int, int]:
    """From when to when, and how many events."""
    return one.started_at, one.ended_at, one.events


def durations(some: Iterable[Session]) -> dict[int, int]:
    """Sessions by bucket of duration: 0 is no time, b > 0 holds 2^((b-1)/8) <= ms < 2^(b/8), up to 255."""
    counts: dict[int, int] = defaultdict(int)
    for one in some:
        counts[min(255, (one.duration_ms**8).bit_length()) if one.duration_ms > 0 else 0] += 1
    return dict(counts)


def quantiles(values: Sequence[int], levels: Sequence[float] = LEVELS) -> tuple[float, ...]:
    """Of few values, the one at each level of the sorted list; none where there is no value."""
    ordered = sorted(values)
    return tuple(float(ordered[int(level * len(ordered))]) for level in levels) if ordered else ()


def page_views(some: Iterable[Seen]) -> int:
    """Those that are page views."""
    return sum(seen.kind == "page_view" for seen in some)


def visitors(some: Iterable[Seen] | Iterable[Session]) -> int:
    """Distinct visitors."""
    return len({one.visitor for one in some})


def event_type(seen: Seen) -> str:
    """The type; that of a named event is custom_event."""
    return seen.kind if seen.kind in TYPES else "custom_event"


def local_date(at: int, rules: SiteRules) -> str:
    """The day of the site, as YYYY-MM-DD."""
    return datetime.fromtimestamp(at / 1000, ZoneInfo(rules.zone)).date().isoformat()


def tally(
    items: Iterable[T], *, by: Callable[[T], tuple[Any, ...]], figures: Callable[[list[T]], dict[str, Any]]
) -> Table:
    """The figures of the items that share a key."""
    groups: dict[tuple[Any, ...], list[T]] = defaultdict(list)
    for item in items:
        groups[by(item)].append(item)
    return {key: figures(members) for key, members in groups.items()}
