"""Visits made at random, as rows of the store and as plain values that an oracle counts."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from tests.answering import ZONES, Asked, began
from tests.sql.store import block, retracted, session

HOUR_MS = 3_600_000
PATHS = ("/", "/a", "/b", "/shop/x", "/shop/y", "/cart")
NAMES = ("signup", "search", "$purchase", "$page_leave")


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """One event: a page view of ``path``, or the event ``name`` there; ``previous``: what `$alias` joins."""

    at: int
    path: str = "/"
    name: str = ""
    plan: str = ""
    previous: str = ""

    @property
    def row(self) -> dict[str, Any]:
        kind = "custom_event" if self.name else "page_view"
        said = {"plan": self.plan, "previous_id": self.previous}
        return {
            "at": self.at,
            "path": self.path,
            "name": self.name,
            "event_type": kind,
            "properties": json.dumps({name: value for name, value in said.items() if value}),
        }


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One session that is living, with its events in order."""

    visitor: str
    hits: tuple[Hit, ...]
    site: str = "shop"
    user: str = ""
    channel: str = "Direct"
    is_bot: bool = False
    #: Its last event was written under the id of a session that has been merged into it.
    is_merged: bool = False
    #: It was said first with one event less.
    is_restated: bool = False

    @property
    def began(self) -> int:
        return self.hits[0].at

    @property
    def day(self) -> date:
        """The day of the site that it began on."""
        return day_of(self.began, self.site)


def day_of(at: int, site: str) -> date:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(ZONES[site])).date()


def write(asked: Asked, visits: Iterable[Visit]) -> None:
    """The rows of these visits, with those that were taken back."""
    events: list[dict[str, Any]] = []
    within, rows = block(), []
    for number, visit in enumerate(visits):
        living, dead = (str(uuid.UUID(int=(number << 8) + one + (1 << 90))) for one in (1, 2))
        about = {"site_id": visit.site, "visitor_id": visit.visitor, "is_bot": int(visit.is_bot)}
        for place, hit in enumerate(visit.hits):
            is_last = place == len(visit.hits) - 1
            its = dead if visit.is_merged and is_last else living
            events.append({**about, **hit.row, "session_id": its, "user_id": visit.user})
        said = began(
            {
                **about,
                "at": visit.began,
                "session_id": living,
                "user_id": visit.user,
                "channel": visit.channel,
                "events": len(visit.hits),
                "page_views": sum(not hit.name for hit in visit.hits),
                "duration_ms": visit.hits[-1].at - visit.began,
                "version": 2,
            }
        )
        rows.append(session(within, **said))
        if visit.is_restated:
            earlier = session(within, **{**said, "version": 1, "channel": "Email"})
            rows += [earlier, retracted(earlier, within)]
        if visit.is_merged:
            late = began({**about, "at": visit.hits[-1].at, "session_id": dead})
            gone = session(within, **late)
            rows += [gone, retracted(gone, within, merged_into=living)]
    if events:
        asked.events(*events)
        asked.insert(rows)


def some_visits(
    seed: int, *, first: int, days: int, count: int = 150, site: str = "shop", visitors: int = 40
) -> list[Visit]:
    """Visits from ``first`` (ms) on, within so many days; the same for the same seed."""
    pick = random.Random(seed)
    taken: set[tuple[str, int]] = set()
    made = []
    for _ in range(count):
        visitor = f"v{pick.randrange(visitors)}"
        # Six hours apart at least: sessions of one visitor do not overlap.
        slot = pick.randrange(days * 4)
        if (visitor, slot) in taken:
            continue
        taken.add((visitor, slot))
        at = first + slot * 6 * HOUR_MS + pick.randrange(HOUR_MS)
        bot = visitor in {"v1", "v2"}
        made.append(
            Visit(
                visitor=visitor,
                site=site,
                hits=tuple(_hits(pick, at)),
                channel=pick.choice(("Direct", "Email", "Paid Search")),
                is_bot=bot,
                is_merged=pick.random() < 0.2,
                is_restated=pick.random() < 0.3,
            )
        )
    return made


def people(visits: Sequence[Visit]) -> list[Visit]:
    """Those that are not of bots."""
    return [visit for visit in visits if not visit.is_bot]


def _hits(pick: random.Random, at: int) -> Iterable[Hit]:
    for _ in range(pick.randrange(1, 9)):
        name = pick.choice(NAMES) if pick.random() < 0.4 else ""
        yield Hit(at=at, path=pick.choice(PATHS), name=name, plan=pick.choice(("", "pro")) if name else "")
        # Some come at the same time: the order in which they arrived decides.
        at += pick.choice((0, 1, 60_000, 900_000))
