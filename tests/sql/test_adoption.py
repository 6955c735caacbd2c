"""Adoption of a feature against a walk through the same visits."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from app.errors import QueryError
from tests.answering import Asked, asked, engine, migrated, ms, scope
from tests.oracle_cohorts import begin, did, following, intervals
from tests.timelines import Hit, Visit, people, some_visits, write
from views.cohorts.calendar import Cadence
from views.cohorts.model import Adoption, Spread
from views.happenings import Happening
from views.stats.model import Is

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

EDGES = (1, 2, 3, 4, 5, 10, 20, 50, 100)
SIGNUP = Happening(event="signup")
PLACES = (
    ("shop", "2026-02-10T05:00Z", "2026-02-25", "2026-04-02", Cadence.WEEK),
    ("york", "2026-02-20T05:00Z", "2026-03-05", "2026-03-12", Cadence.DAY),
    ("isle", "2026-03-28T10:00Z", "2026-04-03", "2026-04-12", Cadence.DAY),
    ("peak", "2025-11-20T18:00Z", "2025-12-15", "2026-01-10", Cadence.MONTH),
)


def spread(values: Sequence[float]) -> list[float | None]:
    """Quantiles as spreadsheets make them."""
    if len(values) < 2:
        return [values[0] if values else None] * 4
    of_100 = statistics.quantiles(values, n=100, method="inclusive")
    return [of_100[level - 1] for level in (25, 50, 75, 90)]


def told(found: Spread) -> list[float | None]:
    return [found.p25, found.p50, found.p75, found.p90]


def check(answer: Adoption, visits: Sequence[Visit], every: list[date], interval: str, *, name: str) -> None:
    seen = did(visits, lambda visit, hit: True)
    used = did(visits, lambda visit, hit: hit.name == name)
    since, until = every[0], following(every[-1], interval)
    uses = {visitor: [day for day, _, _ in rows if since <= day < until] for visitor, rows in used.items()}
    for row, at in zip(answer.rows, every, strict=True):
        active = {
            visitor for visitor, rows in seen.items() if any(begin(day, interval) == at for day, *_ in rows)
        }
        users = {visitor for visitor, days in uses.items() if any(begin(day, interval) == at for day in days)}
        times = sum(begin(day, interval) == at for days in uses.values() for day in days)
        assert (row.at, row.active, row.users, row.uses) == (at.isoformat(), len(active), len(users), times)
        assert row.users <= row.active
        assert row.share == (len(users) / len(active) if active else 0)
    counts = [len(days) for days in uses.values() if days]
    assert (answer.total.users, answer.total.uses) == (len(counts), sum(counts))
    took = [rows[0][1] - seen[visitor][0][1] for visitor, rows in used.items() if since <= rows[0][0] < until]
    assert answer.adopters == len(took)
    assert told(answer.days_to_first_use) == pytest.approx(spread([each / 86_400_000 for each in took]))
    assert told(answer.uses) == pytest.approx(spread(counts))
    assert {row.uses: row.users for row in answer.depth} == Counter(
        max(edge for edge in EDGES if edge <= count) for count in counts
    )
    days = [since + timedelta(days=number) for number in range((until - since).days)]
    for sticky, day in zip(answer.stickiness, days, strict=True):
        windows = [
            sum(
                any(day - timedelta(days=length) < then <= day for then, *_ in rows) for rows in used.values()
            )
            for length in (1, 7, 30)
        ]
        assert [sticky.at, sticky.dau, sticky.wau, sticky.mau] == [day.isoformat(), *windows]
    sums = [sum(getattr(day, name) for day in answer.stickiness) for name in ("dau", "wau", "mau")]
    assert [answer.dau_wau, answer.dau_mau] == pytest.approx([sums[0] / sums[1], sums[0] / sums[2]])


@pytest.mark.parametrize(("site", "first", "since", "until", "interval"), PLACES)
async def test_a_feature_is_taken_up_as_a_walk_finds(
    asked: Asked, site: str, first: str, since: str, until: str, interval: Cadence
) -> None:
    visits = some_visits(12, first=ms(first), days=45, site=site, count=250, visitors=60)
    write(asked, visits)
    answer = await asked.queries.adoption(scope(site, since, until), interval=interval, feature=SIGNUP)
    every = intervals(date.fromisoformat(since), date.fromisoformat(until), interval.value)
    assert answer.adopters
    check(answer, people(visits), every, interval.value, name="signup")


async def test_a_feature_is_a_page_or_an_event_that_passes_a_filter(asked: Asked) -> None:
    at = ms("2026-03-10T12:00Z")
    hits = (Hit(at=at, path="/cart"), Hit(at=at + 1, path="/cart"), Hit(at=at + 2, name="signup", plan="pro"))
    write(asked, [Visit(visitor="a", hits=hits), Visit(visitor="b", hits=(Hit(at=at),))])
    pro, free = (
        Happening(event="signup", filter=Is(field="property.plan", value=plan)) for plan in ("pro", "free")
    )
    for feature, uses in ((Happening(page="/c*t"), 2), (pro, 1), (free, 0)):
        answer = await asked.queries.adoption(scope(), interval=Cadence.WEEK, feature=feature)
        assert (answer.total.active, answer.total.users, answer.total.uses) == (2, min(uses, 1), uses)


async def test_of_nothing_there_is_nothing(asked: Asked) -> None:
    answer = await asked.queries.adoption(scope(), interval=Cadence.WEEK, feature=SIGNUP)
    assert (answer.total.active, answer.total.share, answer.adopters, answer.depth) == (0, 0, 0, [])
    assert told(answer.days_to_first_use) == told(answer.uses) == [None] * 4
    assert (answer.dau_wau, answer.dau_mau, answer.uses_per_user) == (0, 0, 0)


async def test_what_is_taken_up_is_named_and_the_days_are_bounded(asked: Asked) -> None:
    with pytest.raises(QueryError, match="adoption of what"):
        await asked.queries.adoption(scope(), interval=Cadence.WEEK, feature=Happening())
    with pytest.raises(QueryError, match="days are asked for, expected 1000 at most"):
        await asked.queries.adoption(
            scope(since="2020-01-01", until="2024-01-01"), interval=Cadence.MONTH, feature=SIGNUP
        )
