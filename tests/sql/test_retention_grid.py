"""Retention and lifecycle against a walk through the same visits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

import msgspec
import pytest

from app.errors import QueryError
from tests import oracle_cohorts
from tests.answering import Asked, asked, engine, migrated, ms, scope
from tests.oracle_cohorts import Chosen, intervals
from tests.timelines import Hit, Visit, people, some_visits, write
from views.cohorts.calendar import Cadence
from views.cohorts.model import By, CohortGroup, Measure, Retention, RetentionAsked
from views.happenings import Happening
from views.params import Bots
from views.stats.model import And, Contains, Is, Or

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

ANYTHING: Chosen = lambda visit, hit: True  # noqa: E731
CHOICES: dict[str, tuple[Happening, Chosen]] = {
    "anything": (Happening(), ANYTHING),
    "signup": (Happening(event="signup"), lambda _, hit: hit.name == "signup"),
    "shop": (Happening(page="/shop/*"), lambda _, hit: not hit.name and hit.path.startswith("/shop/")),
    "email": (
        Happening(filter=Is(field="channel", value="Email")),
        lambda visit, _: visit.channel == "Email",
    ),
    "pro search by email": (
        Happening(
            event="search",
            filter=And(filters=[Is(field="property.plan", value="pro"), Is(field="channel", value="Email")]),
        ),
        lambda visit, hit: (hit.name, hit.plan, visit.channel) == ("search", "pro", "Email"),
    ),
}
#: Site, first visit, period: over a change of clocks or a year's end, with days before to look back at.
PLACES = (
    ("shop", "2026-02-10T05:00Z", "2026-02-25", "2026-04-02", Cadence.WEEK),
    ("york", "2026-03-01T05:00Z", "2026-03-05", "2026-03-13", Cadence.DAY),
    ("isle", "2026-03-28T10:00Z", "2026-04-03", "2026-04-12", Cadence.DAY),
    ("saas", "2025-12-01T18:00Z", "2025-12-20", "2026-01-20", Cadence.WEEK),
    ("peak", "2025-11-20T18:00Z", "2025-12-15", "2026-01-10", Cadence.MONTH),
)


def curve(
    rows: Sequence[tuple[int, str, set[int]]], count: int, measure: Measure, *, channel: str | None = None
) -> tuple[int, list[int], list[int]]:
    """Size, and by interval who could be and who was back."""
    some = [row for row in rows if channel is None or row[1] == channel]
    eligible = [sum(cohort + n < count for cohort, _, _ in some) for n in range(count)]
    back = [
        sum(
            cohort + n < count and (n in later if measure is Measure.EXACT else any(m >= n for m in later))
            for cohort, _, later in some
        )
        for n in range(count)
    ]
    return len(some), eligible, back


def told(group: CohortGroup) -> tuple[int, list[int], list[int]]:
    return group.size, group.eligible, group.returned


QUESTIONS = (
    ("anything", "anything", Measure.EXACT),
    ("anything", "anything", Measure.ROLLING),
    ("signup", "anything", Measure.EXACT),
    ("email", "shop", Measure.ROLLING),
    ("pro search by email", "signup", Measure.EXACT),
)


@pytest.mark.parametrize(("site", "first", "since", "until", "interval"), PLACES)
async def test_cohorts_and_who_came_back(
    asked: Asked, site: str, first: str, since: str, until: str, interval: Cadence
) -> None:
    visits = some_visits(7, first=ms(first), days=45, site=site)
    write(asked, visits)
    every = intervals(date.fromisoformat(since), date.fromisoformat(until), interval.value)
    for start, back, measure in QUESTIONS:
        question = RetentionAsked(
            interval=interval,
            start=CHOICES[start][0],
            comes_back=CHOICES[back][0],
            measure=measure,
            dimension="channel",
        )
        answer = await asked.queries.retention(scope(site, since, until), question)
        rows = oracle_cohorts.returns(
            people(visits), every, interval.value, start=CHOICES[start][1], back=CHOICES[back][1]
        )
        assert rows
        check(answer, rows, every, measure)


def check(
    answer: Retention, rows: list[tuple[int, str, set[int]]], every: list[date], measure: Measure
) -> None:
    assert told(answer.total) == curve(rows, len(every), measure)
    assert [cohort.at for cohort in answer.cohorts] == [day.isoformat() for day in every]
    for place, cohort in enumerate(answer.cohorts):
        of_it = [(0, channel, later) for number, channel, later in rows if number == place]
        size, _, returned = curve(of_it, len(every) - place, measure)
        assert (cohort.size, cohort.returned) == (size, returned)
    assert {group.value: told(group) for group in answer.groups} == {
        channel: curve(rows, len(every), measure, channel=channel) for channel in {row[1] for row in rows}
    }
    assert sum(group.size for group in answer.groups) == answer.total.size


async def test_of_many_values_the_rest_is_together(asked: Asked) -> None:
    visits = some_visits(8, first=ms("2026-03-01T05:00Z"), days=30)
    write(asked, visits)
    question = RetentionAsked(dimension="channel", limit=1, intervals=2, comes_back=Happening(page="/cart"))
    answer = await asked.queries.retention(scope(), question)
    assert [group.value is None for group in answer.groups] == [False, True]
    for name in ("eligible", "returned"):
        parts = [getattr(group, name) for group in answer.groups]
        assert [sum(both) for both in zip(*parts, strict=True)] == getattr(answer.total, name)
    assert len(answer.total.returned) == 3
    assert max(len(cohort.returned) for cohort in answer.cohorts) == 3


async def test_the_first_is_the_first_that_is_stored(asked: Asked) -> None:
    """Years before the period; and everybody is back in the interval of their first visit."""
    old = Visit(visitor="old", hits=(Hit(at=ms("2021-01-05T12:00Z")),))
    again = Visit(visitor="old", hits=(Hit(at=ms("2026-03-10T12:00Z")),))
    new = Visit(visitor="new", hits=(Hit(at=ms("2026-03-10T12:00Z")),))
    write(asked, [old, again, new])
    answer = await asked.queries.retention(scope(), RetentionAsked())
    assert (answer.total.size, answer.total.returned[0]) == (1, 1)
    found = await asked.queries.lifecycle(scope(), interval=Cadence.MONTH, activity=Happening())
    assert [(row.new, row.resurrected, row.dormant) for row in found.rows] == [(1, 1, 0)]


async def test_what_came_before_the_first_in_an_interval_is_no_return(asked: Asked) -> None:
    at = ms("2026-03-10T12:00Z")
    early = Visit(visitor="v", hits=(Hit(at=at, path="/cart"), Hit(at=at + 1, name="signup")))
    write(asked, [early])
    question = RetentionAsked(start=Happening(event="signup"), comes_back=Happening(page="/cart"))
    assert (await asked.queries.retention(scope(), question)).total.returned[0] == 0
    same = RetentionAsked(start=Happening(event="signup"), comes_back=Happening(event="signup"))
    assert (await asked.queries.retention(scope(), same)).total.returned[0] == 1


@pytest.mark.parametrize(("site", "first", "since", "until", "interval"), PLACES)
@pytest.mark.parametrize("activity", ["anything", "shop"])
async def test_a_lifecycle_is_what_a_walk_finds(
    asked: Asked, site: str, first: str, since: str, until: str, interval: Cadence, activity: str
) -> None:
    visits = some_visits(9, first=ms(first), days=45, site=site, visitors=60)
    write(asked, visits)
    happening, chosen = CHOICES[activity]
    where = scope(site, since, until)
    answer = await asked.queries.lifecycle(where, interval=interval, activity=happening)
    every = intervals(date.fromisoformat(since), date.fromisoformat(until), interval.value)
    expected = oracle_cohorts.lifecycle(people(visits), every, interval.value, chosen)
    assert [row.at for row in answer.rows] == [day.isoformat() for day in every]
    for row, kinds in zip(answer.rows, expected, strict=True):
        assert (
            Counter({name: value for name, value in msgspec.structs.asdict(row).items() if name != "at"})
            == kinds
        )
        assert row.active == row.new + row.returning + row.resurrected
    for before, row in zip(answer.rows, answer.rows[1:], strict=False):
        assert row.dormant == before.dormant - row.resurrected + row.newly_dormant


SHOP, CART = Happening(page="/shop/*"), Happening(page="/c*t")
#: Of events and sessions at once: its events are not read by their pages.
EITHER = Or(filters=[Contains(field="path", value="shop"), Is(field="channel", value="Email")])


@pytest.mark.parametrize("by", [*By])
@pytest.mark.parametrize(
    ("start", "back"),
    [
        (SHOP, CART),
        (SHOP, SHOP),
        (Happening(), CART),
        (SHOP, Happening(page="/*", filter=EITHER)),
        (Happening(page="/shop/*", filter=Is(field="channel", value="Email")), CART),
    ],
)
async def test_patterns_mean_the_same_pages_where_gold_knows_them_all_some_and_none(
    asked: Asked, start: Happening, back: Happening, by: By
) -> None:
    visits = some_visits(13, first=ms("2026-03-02T05:00Z"), days=25, visitors=40)
    write(asked, visits)
    question = RetentionAsked(start=start, comes_back=back, by=by, dimension="channel")

    async def answers() -> list[object]:
        grid = await asked.queries.retention(scope(), question)
        assert sum(grid.total.returned) > 0
        return [
            grid,
            await asked.queries.lifecycle(scope(), interval=Cadence.WEEK, activity=back, by=by),
            await asked.queries.adoption(scope(), interval=Cadence.WEEK, feature=CART, by=by),
        ]

    whole = await answers()
    gold = "{db}.page_performance_metrics"
    asked.store.run(f"DELETE FROM {gold} WHERE path = '/shop/x'")
    assert asked.store.one(f"SELECT countIf(path = '/cart') > 0 FROM {gold}")
    assert await answers() == whole
    asked.store.run(f"TRUNCATE TABLE {gold}")
    assert await answers() == whole


async def test_bots_are_counted_when_they_are_asked_for(asked: Asked) -> None:
    visits = some_visits(10, first=ms("2026-03-02T05:00Z"), days=20)
    write(asked, visits)
    sizes = {}
    for bots in Bots:
        answer = await asked.queries.retention(scope(bots=bots), RetentionAsked())
        found = await asked.queries.lifecycle(scope(bots=bots), interval=Cadence.MONTH, activity=Happening())
        assert found.rows[0].new == answer.total.size
        sizes[bots] = answer.total.size
    assert sizes[Bots.ONLY] == 2
    assert sizes[Bots.INCLUDE] == sizes[Bots.EXCLUDE] + 2


async def test_a_filter_that_is_always_true_changes_nothing(asked: Asked) -> None:
    write(asked, some_visits(11, first=ms("2026-03-02T05:00Z"), days=20))
    always = Happening(filter=And(filters=[]))
    plain = await asked.queries.retention(scope(), RetentionAsked())
    assert plain.total.size
    assert plain == await asked.queries.retention(scope(), RetentionAsked(start=always, comes_back=always))


async def test_of_nothing_there_is_nothing(asked: Asked) -> None:
    for name in (None, "channel"):
        answer = await asked.queries.retention(scope(), RetentionAsked(dimension=name))
        assert (answer.total.size, sum(answer.total.returned), answer.groups) == (0, 0, [])
        assert len(answer.cohorts) == len(intervals(date(2026, 3, 1), date(2026, 4, 1), "week"))
    found = await asked.queries.lifecycle(scope(), interval=Cadence.WEEK, activity=Happening())
    assert {row.active + row.dormant for row in found.rows} == {0}


async def test_a_grid_has_a_bound(asked: Asked) -> None:
    with pytest.raises(QueryError, match=r"expected 400 at most; ask for longer ones or a shorter period"):
        await asked.queries.retention(
            scope(since="2024-01-01", until="2026-01-01"), RetentionAsked(interval=Cadence.DAY)
        )
