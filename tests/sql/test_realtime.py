"""What goes on now against a recount in Python, and at its borders."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.answering import ZONES, Asked, asked, engine, migrated, ms
from tests.asking_api import NOW, client, get
from tests.oracle_stats import Did, Visit
from tests.sql.store import some_uuid
from tests.visits import some_visit, tell
from views.params import Bots
from views.realtime import Realtime, RealtimeAsked

__all__ = ["asked", "client", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

MINUTE = 60_000
#: Of each site a moment: a day's end, a change of clocks, the end of a year.
MOMENTS = {
    "shop": "2026-03-29T01:00:07Z",
    "york": "2026-03-08T07:10:59Z",
    "isle": "2026-04-04T15:05:30Z",
    "saas": "2026-03-10T18:30:00Z",
    "peak": "2025-12-31T18:20:01Z",
}


async def now(asked: Asked, site: str, at: int, **changes: Any) -> Realtime:
    question = RealtimeAsked(site_id=site, timezone=ZONES[site], now_ms=at, **changes)
    return await asked.queries.realtime(question)


def happened(visits: Iterable[Visit], at: int) -> list[tuple[int, Did, Visit]]:
    """Events of the 30 minutes, of which the last is that of ``at``."""
    end = at // MINUTE * MINUTE + MINUTE
    done = [(one.at + place * 1000, did, one) for one in visits for place, did in enumerate(one.did)]
    return [each for each in done if end - 30 * MINUTE <= each[0] < end]


def people(done: Iterable[tuple[int, Did, Visit]]) -> int:
    return len({visit.visitor for _, _, visit in done})


def minute_of(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%dT%H:%M:00Z}"


def by_fact(done: list[tuple[int, Did, Visit]], fact: str) -> list[tuple[str, int, int]]:
    groups: dict[str, list[tuple[int, Did, Visit]]] = defaultdict(list)
    for each in done:
        groups[each[2].facts[fact]].append(each)
    rows = [(value, people(some), len({each[2].id for each in some})) for value, some in groups.items()]
    return sorted(rows, key=lambda row: (-row[1], -row[2], row[0]))


def agrees(found: Realtime, visits: list[Visit], at: int) -> None:
    done = happened(visits, at)
    viewed = [each for each in done if each[1].kind == "page_view"]
    assert found.here == people(each for each in done if each[0] >= at - 5 * MINUTE)
    assert (found.visitors, found.page_views, found.events) == (people(done), len(viewed), len(done))
    begin = at // MINUTE * MINUTE - 29 * MINUTE
    assert [one.at for one in found.minutes] == [minute_of(begin + place * MINUTE) for place in range(30)]
    assert {one.at: (one.visitors, one.page_views, one.events) for one in found.minutes if one.events} == {
        minute: (
            people(some),
            sum(each[1].kind == "page_view" for each in some),
            len(some),
        )
        for minute in {minute_of(each[0]) for each in done}
        if (some := [each for each in done if minute_of(each[0]) == minute])
    }
    pages = Counter(did.path for _, did, _ in viewed)
    expected = [
        (path, count, people(each for each in viewed if each[1].path == path))
        for path, count in pages.items()
    ]
    expected.sort(key=lambda row: (-row[2], -row[1], row[0]))
    assert [(row.path, row.page_views, row.visitors) for row in found.pages] == expected
    for rows, fact in ((found.channels, "channel"), (found.sources, "source"), (found.countries, "country")):
        assert [(row.value, row.visitors, row.sessions) for row in rows] == by_fact(done, fact)


@pytest.mark.parametrize("site", MOMENTS)
async def test_it_is_what_a_recount_finds(asked: Asked, site: str) -> None:
    at, dice = ms(MOMENTS[site]), random.Random(site)
    visits = [some_visit(dice, since=at - 60 * MINUTE, until=at + MINUTE, visitors=40) for _ in range(150)]
    visits += [
        some_visit(dice, since=at - 30 * MINUTE, until=at - 4 * MINUTE, visitors=60) for _ in range(50)
    ]
    tell(asked, visits, dice, site=site)
    some = [one for one in visits if not one.is_bot]
    assert len(some) < len(visits)
    agrees(await now(asked, site, at), some, at)
    agrees(await now(asked, site, at, bots=Bots.INCLUDE), visits, at)
    first = await now(asked, site, at, limit=2)
    assert first.sources == (await now(asked, site, at)).sources[:2]
    assert len(first.pages) == 2


async def test_a_session_that_began_yesterday_is_still_here(asked: Asked) -> None:
    one = some_uuid()
    asked.sessions({"session_id": one, "at": NOW - 20 * 60 * MINUTE, "source": "news", "channel": "Email"})
    asked.events({"session_id": one, "at": NOW - MINUTE})
    found = await now(asked, "shop", NOW)
    assert (found.here, [row.value for row in found.sources]) == (1, ["news"])


@pytest.mark.parametrize(
    ("ago_ms", "here", "events"),
    [
        (-1, 1, 1),
        (5 * MINUTE, 1, 1),
        (5 * MINUTE + 1, 0, 1),
        (29 * MINUTE, 0, 1),
        (29 * MINUTE + 1, 0, 0),
        (-MINUTE, 0, 0),
    ],
)
async def test_its_borders(asked: Asked, ago_ms: int, here: int, events: int) -> None:
    """NOW is the beginning of a minute, which is the thirtieth."""
    asked.events({"at": NOW - ago_ms})
    found = await now(asked, "shop", NOW)
    assert (found.here, found.events, sum(one.events for one in found.minutes)) == (here, events, events)


async def test_of_nothing_there_is_nothing(asked: Asked, client: httpx.AsyncClient) -> None:
    found = await get(client, "/api/v1/sites/never-heard-of/realtime")
    assert (found["here"], found["visitors"], found["events"]) == (0, 0, 0)
    assert len(found["minutes"]) == 30
    assert [found[name] for name in ("pages", "channels", "sources", "countries")] == [[]] * 4
    assert found["at"] == "2026-03-10T12:00:00Z"


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "bots=x", "from=2026-03-01", "limit=1&limit=2"])
async def test_what_cannot_be_asked_is_refused(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/api/v1/sites/shop/realtime?{query}")
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("site", ["'%20OR%201=1", "{site:String}", "%00", "a%0ab"])
async def test_a_hostile_site_is_refused_or_has_nothing(client: httpx.AsyncClient, site: str) -> None:
    answer = await client.get(f"/api/v1/sites/{site}/realtime")
    assert answer.status_code in (400, 404), answer.text
