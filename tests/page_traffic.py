"""Made-up visits of pages, as the rows that they become: page views, vitals, scrolling, clicks, leaving.

What happened is kept beside the rows in plain Python, for tests to count it again on their own.
"""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from app.events.rows import SessionRow
from tests.answering import Asked
from tests.real_log import Request, runs
from tests.sql.store import block, retracted, session, some_uuid
from views.params import Bots, Period, Scope

PATHS = ("/", "/a", "/b/c", "/käse", "/it's")
CHANNELS = (
    ("Organic Search", "google"),
    ("Organic Search", "bing"),
    ("Direct", ""),
    ("AI Assistants", "chatgpt"),
)
DEVICES = ("desktop", "mobile", "tablet")
COUNTRIES = ("DE", "US", "")
ELEMENTS = (("body > div.card", ""), ("#nav > a.item", "Home"), ("main > p", ""), ("form > button#go", "Go"))


class Visit(msgspec.Struct, kw_only=True):
    """One session and its events, in order; ``dead_id``: under which some of them were written."""

    session_id: str
    dead_id: str
    visitor: str
    is_bot: bool
    facts: dict[str, Any]
    events: list[dict[str, Any]]

    @property
    def views(self) -> list[dict[str, Any]]:
        return [one for one in self.events if one["event_type"] == "page_view"]

    @property
    def entry(self) -> str:
        return str(self.views[0]["path"]) if self.views else ""

    @property
    def exit(self) -> str:
        return str(self.views[-1]["path"]) if self.views else ""

    @property
    def is_bounce(self) -> bool:
        active = any(one["event_type"] == "click" for one in self.events)
        return len(self.views) == 1 and not active

    @property
    def started_at(self) -> int:
        return int(self.events[0]["at"])


def day_of(at: int, zone: str) -> str:
    """The local day of a time in ms, as ISO text."""
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(zone)).date().isoformat()


def visits(seed: int, *, count: int, first: str, days: int, zone: str) -> list[Visit]:
    """Visits on any of ``days`` local days; each ends on the day it began. Times tie now and then."""
    rng = random.Random(seed)
    found = []
    while len(found) < count:
        visit = _visit(rng, first=date.fromisoformat(first), days=days, zone=zone)
        if day_of(visit.events[0]["at"], zone) == day_of(visit.events[-1]["at"], zone):
            found.append(visit)
    return found


def clicked(found: list[Request]) -> list[Visit]:
    """The visits of a real log, with made-up clicks on their pages: a log tells of none.

    Of one second are requests one after the other, 10 ms apart, each with the clicks between it and the next.
    """
    rng = random.Random(5)
    made = []
    for run in runs(found):
        events: list[dict[str, Any]] = []
        for number, one in enumerate(sorted(run, key=lambda one: (one.at, one.number))):
            at = one.at + number * 10
            events.append({"event_type": "page_view", "path": one.path, "at": at})
            # Once, or again and again at one place.
            for after in range(rng.choice((0, 0, 1, 4))):
                click = events[-1] if after else {**_click(rng), "path": one.path}
                events.append({**click, "at": at + 1 + after})
        made.append(
            Visit(
                session_id=some_uuid(),
                dead_id="",
                visitor=run[0].visitor,
                is_bot=False,
                facts={"channel": "Direct", "source": "", "country": "", "device_class": rng.choice(DEVICES)},
                events=events,
            )
        )
    return made


def write(asked: Asked, made: list[Visit], *, zone: str) -> None:
    """The rows: some sessions were stated in another version first, some live on from a merge."""
    rows = [
        {
            **event,
            "session_id": visit.dead_id if visit.dead_id and number % 2 else visit.session_id,
            "visitor_id": visit.visitor,
            "is_bot": int(visit.is_bot),
            **{name: visit.facts[name] for name in ("channel", "source", "country", "device_class")},
            "local_date": day_of(event["at"], zone),
        }
        for visit in made
        for number, event in enumerate(visit.events)
    ]
    random.Random(1).shuffle(rows)
    asked.events(*rows)
    said = [
        row
        for number, visit in enumerate(made)
        for row in _said(visit, zone=zone, is_restated=number % 3 == 0)
    ]
    asked.insert(said)


def scope_of(since: str, until: str, *, zone: str, bots: Bots = Bots.EXCLUDE) -> Scope:
    """Days of the site ``shop`` in any zone."""
    period = Period(since=date.fromisoformat(since), until=date.fromisoformat(until), zone=ZoneInfo(zone))
    return Scope(site_id="shop", period=period, bots=bots)


def _said(visit: Visit, *, zone: str, is_restated: bool) -> list[SessionRow]:
    """What is stated and taken back of a visit's session."""
    facts = {
        **visit.facts,
        "visitor_id": visit.visitor,
        "is_bot": int(visit.is_bot),
        "started_at": visit.started_at,
        "ended_at": visit.events[-1]["at"],
        "local_date": day_of(visit.started_at, zone),
        "events": len(visit.events),
        "page_views": len(visit.views),
        "is_bounce": int(visit.is_bounce),
        "entry_path": visit.entry,
        "exit_path": visit.exit,
    }
    within, rows = block(), []
    if visit.dead_id:
        dead = session(within, session_id=visit.dead_id, **{**facts, "entry_path": "/dead"})
        rows += [dead, retracted(dead, within, merged_into=visit.session_id)]
    last = session(within, session_id=visit.session_id, **facts)
    if is_restated:
        early = msgspec.structs.replace(last, entry_path="/early", channel="Email", is_bounce=1)
        rows += [early, retracted(early, within)]
        last = msgspec.structs.replace(last, version=2)
    return [*rows, last]


def _visit(rng: random.Random, *, first: date, days: int, zone: str) -> Visit:
    day = first + timedelta(days=rng.randrange(days))
    local = datetime.combine(day, time(), ZoneInfo(zone))
    at = int(local.timestamp() * 1000) + rng.randrange(23 * 3_600_000)
    channel, source = rng.choice(CHANNELS)
    events: list[dict[str, Any]] = []
    for _ in range(rng.randint(1, 4)):
        path = rng.choice(PATHS)
        events.append(
            {
                "event_type": "page_view",
                "path": path,
                "at": at,
                "load_ms": rng.choice((0, rng.randrange(1, 6000))),
            }
        )
        for _ in range(rng.randrange(4)):
            at += rng.choice((0, 200, 400, 3_000, 20_000))
            act = {**_act(rng), "path": path}
            # Now and then, somebody clicks again and again.
            for _ in range(rng.choice((1, 1, 1, 4)) if act["event_type"] == "click" else 1):
                events.append({**act, "at": at})
                at += 150
        at += rng.choice((0, 1, 900, 60_000))
    return Visit(
        session_id=some_uuid(),
        dead_id=some_uuid() if rng.random() < 0.3 else "",
        visitor=f"v{rng.randrange(40)}",
        is_bot=rng.random() < 0.15,
        facts={
            "channel": channel,
            "source": source,
            "country": rng.choice(COUNTRIES),
            "device_class": rng.choice(DEVICES),
        },
        events=events,
    )


def _act(rng: random.Random) -> dict[str, Any]:
    kind = rng.randrange(4)
    if kind == 0:
        return {"event_type": "scroll", "scroll_depth": rng.choice((25, 50, 75, 100))}
    if kind == 1:
        leave = {"engaged_ms": rng.randrange(1, 9000), "scroll_depth": rng.randrange(101)}
        return {"event_type": "custom_event", "name": "$page_leave", **leave}
    if kind == 2:
        return _vitals(rng)
    return _click(rng)


def _click(rng: random.Random) -> dict[str, Any]:
    element, text = rng.choice(ELEMENTS)
    x, y = rng.choice((0.0, 0.5, 0.505, 0.51, 0.999, 1.0)), rng.choice((0.25, 0.255, 0.75, 1.0))
    return {
        "event_type": "click",
        "element": element,
        "element_text": text,
        "click_x": x,
        "click_y": y,
        "properties": msgspec.json.encode({"element": element, "text": text, "x": x, "y": y}).decode(),
    }


def _vitals(rng: random.Random) -> dict[str, Any]:
    """A report; what the browser could not measure is 0, and ``cls`` is not in it at all."""
    values: dict[str, Any] = {
        name: rng.choice((0, rng.randrange(1, most)))
        for name, most in {"ttfb_ms": 3000, "fcp_ms": 5000, "lcp_ms": 40_000, "inp_ms": 900}.items()
    }
    cls = rng.choice((None, 0.0, round(rng.random() / 2, 4)))
    properties = values if cls is None else {**values, "cls": cls}
    return {
        "event_type": "custom_event",
        "name": "$web_vitals",
        **values,
        "cls_10000": round((cls or 0) * 10_000),
        "properties": msgspec.json.encode(properties).decode(),
    }
