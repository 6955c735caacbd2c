"""seed -> events of several sites over some days, in the order in which a collector received them."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import accumulate
from random import Random
from zoneinfo import ZoneInfo

from app.events.vocabulary import Origin
from app.events.wire import WebEvent
from app.traffic.audience import ENTRIES, PLACES, Entry, Place
from app.traffic.catalogue import SITES, Site, SiteKind
from app.traffic.journeys import Mind, Stop, out_of_date, plan
from app.traffic.visitors import Visitor, new_account, new_person, new_program
from app.traffic.visits import arrived, crawl, play

DEFAULT_EVENTS = 50_000
DEFAULT_DAYS = 21
#: In the last days of the traffic some pages are slower than before.
SLOW_DAYS = 7

HOUR_MS = 3_600_000
#: No visit begins so near the end that not even its first event could arrive in time.
_QUIET_MS = 2_000
#: Longer than any inactivity gap in use: two visits of one visitor are two sessions.
_BETWEEN_VISITS_MS = 2 * HOUR_MS

_PROGRAMS = 0.03
_RETURNING = 0.4
_OTHER_DEVICE = 0.15
#: Of search results that lead to a page which is gone.
_OUT_OF_DATE = 0.03
#: Visitors who may come again, per site and place; the oldest are forgotten.
_REMEMBERED = 50_000

#: Activity by local hour, from midnight.
_LEISURE = (2, 1, 1, 1, 1, 1, 2, 4, 5, 6, 6, 7, 8, 8, 7, 7, 8, 9, 11, 13, 14, 13, 9, 5)
_WORK = (1, 1, 1, 1, 1, 1, 2, 5, 10, 13, 14, 13, 10, 12, 13, 13, 11, 8, 5, 4, 4, 3, 2, 1)
#: Activity by local weekday, from Monday.
_WEEKEND = (0.9, 0.9, 0.9, 0.95, 1.0, 1.25, 1.3)
_WEEKDAYS = (1.2, 1.25, 1.25, 1.2, 1.0, 0.4, 0.4)
_RHYTHMS = {
    SiteKind.SHOP: (_LEISURE, _WEEKEND),
    SiteKind.BLOG: (_LEISURE, _WEEKEND),
    SiteKind.SAAS: (_WORK, _WEEKDAYS),
}

_ENTRY_SHARES = [entry.share for entry in ENTRIES]
_REGULAR_SHARES = [entry.share * (4 if entry.is_regular else 1) for entry in ENTRIES]


def simulate(
    *,
    seed: int,
    end_ms: int,
    events: int = DEFAULT_EVENTS,
    days: float = DEFAULT_DAYS,
    origin: Origin = Origin.REPLAY,
) -> Iterator[WebEvent]:
    """Exactly ``events`` events received within the ``days`` days before ``end_ms``, by time of receipt.

    The same arguments give the same events. A few occur twice with one id, a few arrive minutes late, and
    the bots are among them; everything is a valid event of the wire contract.
    """
    rng = Random(seed)  # noqa: S311 - traffic to look at, not secrets; it must be repeatable
    rhythm = _Rhythm(begin_ms=end_ms - round(days * 24 * HOUR_MS), end_ms=end_ms - _QUIET_MS)
    slow_from_ms = end_ms - SLOW_DAYS * 24 * HOUR_MS
    crowds = [_Crowd(site, place, slow_from_ms=slow_from_ms, rng=rng) for site, place in _PAIRS]
    pending: list[tuple[int, int, WebEvent]] = []
    made = 0
    while made < events:
        # Visits follow the events made so far, so that the last one begins just before the end.
        at_ms = rhythm.time_at(made / events)
        while pending and pending[0][0] < at_ms:
            yield heapq.heappop(pending)[2]
        crowd = crowds[rhythm.pair_at(at_ms, rng=rng)]
        for event in crowd.visit(at_ms, origin=origin):
            if event.received_at <= end_ms and made < events:
                made += 1
                heapq.heappush(pending, (event.received_at, made, event))
    while pending:
        yield heapq.heappop(pending)[2]


def _pairs() -> list[tuple[Site, Place]]:
    return [(site, PLACES[code]) for site in SITES for code in site.places]


_PAIRS = _pairs()


class _Rhythm:
    """When visits begin, and where: by hour, weekday and the visitors' own time zones."""

    def __init__(self, *, begin_ms: int, end_ms: int) -> None:
        self._begin_ms = begin_ms
        self._end_ms = end_ms
        hours = -(-(end_ms - begin_ms) // HOUR_MS)
        self._weights = [list(accumulate(_weights(begin_ms + hour * HOUR_MS))) for hour in range(hours)]
        self._until = list(accumulate(weights[-1] for weights in self._weights))

    def time_at(self, share: float) -> int:
        """When ``share`` of all visits have begun."""
        wanted = share * self._until[-1]
        hour = min(bisect_right(self._until, wanted), len(self._until) - 1)
        before = self._until[hour - 1] if hour else 0.0
        within = (wanted - before) / (self._until[hour] - before)
        return min(self._begin_ms + int((hour + within) * HOUR_MS), self._end_ms)

    def pair_at(self, at_ms: int, *, rng: Random) -> int:
        """The number of the pair of site and place that a visit at this time belongs to."""
        weights = self._weights[(at_ms - self._begin_ms) // HOUR_MS]
        return rng.choices(range(len(weights)), cum_weights=weights)[0]


def _weights(at_ms: int) -> Iterator[float]:
    """How much is going on in each pair during the hour that begins at ``at_ms``."""
    utc = datetime.fromtimestamp(at_ms / 1000, UTC)
    for site, place in _PAIRS:
        hours, weekdays = _RHYTHMS[site.kind]
        local = utc.astimezone(ZoneInfo(place.timezone))
        shares = sum(PLACES[code].share for code in site.places)
        yield site.share * place.share / shares * hours[local.hour] * weekdays[local.weekday()]


class _Crowd:
    """The visitors of one site from one place."""

    def __init__(self, site: Site, place: Place, *, slow_from_ms: int, rng: Random) -> None:
        self._site = site
        self._slowed = site.slowed
        self._slow_from_ms = slow_from_ms
        self._place = place
        self._rng = rng
        self._known: list[Visitor] = []

    def visit(self, at_ms: int, *, origin: Origin) -> list[WebEvent]:
        """The events of one more visit, as received."""
        rng = self._rng
        if rng.random() < _PROGRAMS:
            program = new_program(self._site, place=self._place, rng=rng)
            return arrived(crawl(program, at_ms=at_ms, rng=rng), origin=origin, latency=1.0, rng=rng)
        visitor = self._returning(at_ms)
        entry = self._entry(is_new=visitor is None)
        if visitor is None:
            visitor = self._new()
        stops = self._stops(visitor, entry, at_ms=at_ms)
        events = play(visitor, stops, entry=entry, at_ms=at_ms, rng=rng)
        visitor.last_at = events[-1].occurred_at
        return arrived(events, origin=origin, latency=visitor.latency, rng=rng)

    def _stops(self, visitor: Visitor, entry: Entry, *, at_ms: int) -> list[Stop]:
        """What the visitor does on the site, as it is at the time."""
        site = self._site if at_ms < self._slow_from_ms else self._slowed
        is_member = visitor.is_identified and site.kind is SiteKind.SAAS
        mind = Mind(variant=visitor.variant, intent=entry.intent, is_member=is_member)
        stops = plan(site, mind=mind, rng=self._rng)
        if entry.is_search and self._rng.random() < _OUT_OF_DATE:
            stops.insert(0, out_of_date(site, rng=self._rng))
        return stops

    def _returning(self, at_ms: int) -> Visitor | None:
        """Somebody known, of late rather than of old; None when nobody fits."""
        rng = self._rng
        if not self._known or rng.random() >= _RETURNING:
            return None
        visitor = self._known[-1 - int(len(self._known) * rng.random() ** 1.5)]
        return visitor if visitor.last_at + _BETWEEN_VISITS_MS < at_ms else None

    def _new(self) -> Visitor:
        rng = self._rng
        shares_account = self._known and rng.random() < _OTHER_DEVICE
        account = rng.choice(self._known).account if shares_account else new_account(rng)
        visitor = new_person(self._site, place=self._place, account=account, rng=rng)
        self._known.append(visitor)
        if len(self._known) > 2 * _REMEMBERED:
            del self._known[:_REMEMBERED]
        return visitor

    def _entry(self, *, is_new: bool) -> Entry:
        return self._rng.choices(ENTRIES, _ENTRY_SHARES if is_new else _REGULAR_SHARES)[0]
