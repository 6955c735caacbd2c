"""(visitor, stops, start) -> events of one visit, with their times, timings and delays."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from random import Random

import msgspec

from app.events.vocabulary import EventType, Origin, ReservedName
from app.events.wire import WebEvent
from app.traffic.audience import Entry
from app.traffic.catalogue import Page, PageKind
from app.traffic.clicking import click, clicks
from app.traffic.journeys import Action, Stop, properties
from app.traffic.visitors import Visitor, uuid4, uuid7

#: Shares of events that reach the collector late, or twice, as from phones in tunnels.
DELAYED = 0.004
DUPLICATED = 0.003


class _Timings(msgspec.Struct, frozen=True):
    ttfb_ms: float
    fcp_ms: float
    lcp_ms: float
    inp_ms: float
    cls: float
    load_ms: float


def play(visitor: Visitor, stops: Sequence[Stop], *, entry: Entry, at_ms: int, rng: Random) -> list[WebEvent]:
    """The events of a person's visit that begins at ``at_ms``, in the order of their times.

    Marks the visitor as identified once they identify themselves.
    """
    visit = _Visit(visitor, rng)
    origin = f"https://{visitor.site.domain}"
    query, referrer = _filled(entry.query, visitor, rng), _filled(entry.referrer, visitor, rng)
    for index, stop in enumerate(stops):
        is_last = index == len(stops) - 1
        asked = "&".join(part for part in (stop.query, query) if part)
        visit.url = f"{origin}{stop.page.path}{'?' if asked else ''}{asked}"
        visit.referrer, visit.title = referrer, stop.page.title
        at_ms = visit.look_at(stop, at_ms=at_ms, is_last=is_last, is_only=len(stops) == 1)
        query, referrer = "", f"{origin}{stop.page.path}"
    return visit.events


def crawl(visitor: Visitor, *, at_ms: int, rng: Random) -> list[WebEvent]:
    """The events of a program's visit: pages at a steady pace; one that drives a browser clicks as well."""
    visit = _Visit(visitor, rng)
    pace_ms = rng.randint(400, 12_000)
    for _ in range(rng.randint(2, 22)):
        page = rng.choice(visitor.site.pages)
        visit.url, visit.title = f"https://{visitor.site.domain}{page.path}", page.title
        visit.emit(_view(page), at_ms=at_ms)
        if visitor.webdriver:
            visit.emit(click(page, rng=rng), at_ms=at_ms + pace_ms // 2)
        at_ms += pace_ms
    return visit.events


def arrived(events: Iterable[WebEvent], *, origin: Origin, latency: float, rng: Random) -> list[WebEvent]:
    """The events as the collector received them: a little later each, some much later, some twice."""
    received = []
    for event in events:
        once = _received(event, origin=origin, latency=latency, rng=rng)
        received.append(once)
        if rng.random() < DUPLICATED:
            again_ms = rng.randint(1_000, 30_000)
            received.append(
                msgspec.structs.replace(
                    once, sent_at=once.sent_at + again_ms, received_at=once.received_at + again_ms
                )
            )
    return received


def _received(event: WebEvent, *, origin: Origin, latency: float, rng: Random) -> WebEvent:
    """Page views are sent at once, the rest in batches of up to two seconds."""
    if rng.random() < DELAYED:
        waited_ms = rng.randint(5_000, 600_000)
    else:
        waited_ms = 0 if event.event_type is EventType.PAGE_VIEW else rng.randint(0, 2_000)
    sent_at = event.occurred_at + waited_ms
    travel_ms = int(rng.uniform(20, 150) * latency)
    if event.name == ReservedName.ALIAS and origin is Origin.BROWSER:
        origin = Origin.SERVER  # it is taken from servers alone
    return msgspec.structs.replace(event, sent_at=sent_at, received_at=sent_at + travel_ms, origin=origin)


class _Visit:
    """Where the visitor is now, and the events so far."""

    def __init__(self, visitor: Visitor, rng: Random) -> None:
        self.events: list[WebEvent] = []
        self.url = self.referrer = self.title = ""
        self._visitor = visitor
        self._rng = rng

    def look_at(self, stop: Stop, *, at_ms: int, is_last: bool, is_only: bool) -> int:
        """View a page, do what is to be done there, leave; the time of the next page."""
        rng = self._rng
        timings = _timings(stop.page, self._visitor, rng)
        stay_ms = _stay_ms(stop, is_only=is_only, rng=rng)
        self.emit(_view(stop.page, load_ms=timings.load_ms, ttfb_ms=timings.ttfb_ms), at_ms=at_ms)
        moments = _doings(stop, stay_ms=stay_ms, rng=rng)
        if rng.random() < 0.5 and stop.page.kind is not PageKind.MISSING:
            moments.append((min(stay_ms - 1, int(timings.lcp_ms) + 900), self._vitals(timings)))
        # Of the leaves, some are lost with the tab.
        if rng.random() < 0.93:
            moments.append((stay_ms, _leave(stay_ms, rng=rng)))
        for after_ms, action in sorted(moments, key=lambda moment: moment[0]):
            self.emit(action, at_ms=at_ms + after_ms)
        # Now and then a tab is left open for long, longer perhaps than the inactivity gap.
        away_ms = 0 if is_last or rng.random() >= 0.01 else rng.randint(600_000, 3_600_000)
        return at_ms + stay_ms + rng.randint(40, 400) + away_ms

    def emit(self, action: Action, *, at_ms: int) -> None:
        """Add the event of ``action``; as it was when it occurred, not yet sent."""
        visitor = self._visitor
        if action.name == ReservedName.IDENTIFY:
            visitor.is_identified = True
        self.events.append(
            WebEvent(
                event_id=uuid7(at_ms, rng=self._rng),
                event_type=action.event_type,
                name=action.name,
                site_id=visitor.site.site_id,
                visitor_id=visitor.visitor_id,
                user_id=visitor.account if visitor.is_identified else "",
                occurred_at=at_ms,
                sent_at=at_ms,
                received_at=at_ms,
                url=self.url,
                referrer=self.referrer,
                title=self.title,
                language=visitor.language,
                timezone=visitor.timezone,
                screen_width=visitor.screen[0],
                screen_height=visitor.screen[1],
                viewport_width=visitor.viewport[0],
                viewport_height=visitor.viewport[1],
                user_agent=visitor.user_agent,
                client_hints=visitor.hints,
                webdriver=visitor.webdriver,
                ip=visitor.ip,
                properties=action.properties,
            )
        )

    def _vitals(self, timings: _Timings) -> Action:
        values = {
            "ttfb_ms": timings.ttfb_ms,
            "fcp_ms": timings.fcp_ms,
            "lcp_ms": timings.lcp_ms,
            "inp_ms": timings.inp_ms,
        }
        if self._visitor.reports_shifts:
            values["cls"] = timings.cls
        return Action(
            event_type=EventType.CUSTOM_EVENT, name=ReservedName.WEB_VITALS, properties=properties(**values)
        )


def _filled(text: str, visitor: Visitor, rng: Random) -> str:
    """A query or referrer of an entry, with what it leaves open filled in."""
    if "{" not in text:
        return text
    site = visitor.site
    return text.format(
        campaign=rng.choice(site.campaigns),
        term=rng.choice(site.terms).replace(" ", "+"),
        click=uuid4(rng).replace("-", ""),
    )


def _timings(page: Page, visitor: Visitor, rng: Random) -> _Timings:
    """Load times in ms: the network decides the first byte, page and device the rest."""
    ttfb = _around(170 * visitor.latency, 0.5, rng)
    fcp = ttfb + _around(420 * visitor.slowness * page.weight, 0.4, rng)
    lcp = fcp + _around(520 * visitor.slowness * page.weight, 0.6, rng)
    return _Timings(
        ttfb_ms=round(ttfb, 1),
        fcp_ms=round(fcp, 1),
        lcp_ms=round(lcp, 1),
        inp_ms=round(_around(70 * visitor.slowness, 0.6, rng), 1),
        cls=round(min(2.0, rng.expovariate(16 / page.weight)), 4),
        load_ms=round(lcp * rng.uniform(1.0, 1.6), 1),
    )


def _stay_ms(stop: Stop, *, is_only: bool, rng: Random) -> int:
    """How long a page is looked at; who sees one page only has often left at once."""
    usual_s = stop.page.read_s * (0.25 if is_only and not stop.actions and rng.random() < 0.7 else 1.0)
    return int(min(1_200_000, max(1_500, _around(usual_s * 1000, 0.8, rng))))


def _doings(stop: Stop, *, stay_ms: int, rng: Random) -> list[tuple[int, Action]]:
    """The actions of the stop in their order, some scrolling and clicking; with ms since the page view."""
    count = len(stop.actions)
    planned = [
        (int(stay_ms * (0.4 + 0.55 * index / count)), action) for index, action in enumerate(stop.actions)
    ]
    if rng.random() < 0.4:
        depth = properties(scroll_depth=rng.choice((25, 50, 75, 90)))
        planned.append((int(stay_ms * 0.3), Action(event_type=EventType.SCROLL, properties=depth)))
    if rng.random() < 0.3 and stay_ms > 5_000:
        # The longest run of clicks fits into what is left of the stay.
        begin_ms = int(stay_ms * rng.uniform(0.1, 0.8))
        planned += [(begin_ms + after_ms, action) for after_ms, action in clicks(stop.page, rng=rng)]
    return planned


def _view(page: Page, **timings: float) -> Action:
    """A page view; of a page that is gone it says so, as the site's own error page does."""
    status = {"status": 404} if page.kind is PageKind.MISSING else {}
    return Action(event_type=EventType.PAGE_VIEW, properties=properties(**timings, **status))


def _leave(stay_ms: int, *, rng: Random) -> Action:
    engaged_ms = int(stay_ms * rng.uniform(0.5, 1.0))
    depth = min(100, int(100 * rng.betavariate(2, 2) + 10))
    return Action(
        event_type=EventType.CUSTOM_EVENT,
        name=ReservedName.PAGE_LEAVE,
        properties=properties(engaged_ms=engaged_ms, scroll_depth=depth),
    )


def _around(median: float, spread: float, rng: Random) -> float:
    """A value around ``median``, skewed to the right as times are."""
    return median * math.exp(rng.gauss(0, spread))
